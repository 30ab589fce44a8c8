//! Tells the service manager how far the program is (`sd_notify`, `Type=notify`). Where there is none, nothing happens.

/// Requests are answered from now on.
pub(crate) fn ready() {
    tell("READY=1");
}

/// An orderly end has begun.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

#[cfg(target_os = "linux")]
fn tell(state: &str) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let bytes = path.as_encoded_bytes();
    // A leading @ stands for the zero byte of a name without a file.
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    let told = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager could not be told “{state}”");
    }
}

#[cfg(not(target_os = "linux"))]
fn tell(_state: &str) {}
