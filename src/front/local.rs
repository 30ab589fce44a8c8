//! The local socket itself: where it is, who may use it, how lines are read and written. The edge under `server` and `client`.
//!
//! Unix: a socket file with mode 0600 in a folder of mode 0700, and each side checks that the other runs as the same user. Windows: a
//! named pipe that only its owner may open, named after the data folder.

use std::io;
use std::time::Duration;

use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use interprocess::local_socket::{ListenerOptions, Name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::engine::views::Trouble;
use crate::env::Paths;
use crate::front::wire::{LINE_LIMIT, Lines, TooLong};

/// How long a connection, and a line to a face that does not read, may take.
const PATIENCE: Duration = Duration::from_secs(10);
const CHUNK: usize = 8 * 1024;

/// Begins to listen. A socket that a dead resident left behind is replaced; one that answers is not.
pub(super) async fn listen(paths: &Paths) -> Result<Listener, Trouble> {
    let failed = |error: io::Error| {
        let place = paths.socket();
        Trouble::failed(format!("the local socket {} could not be made: {error}", place.display()))
    };
    check_folder(paths)?;
    match create(paths) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if connect(paths).await.is_ok() {
                return Err(Trouble::occupied("another Belfry is running; use it, or stop it first"));
            }
            remove_dead(paths).map_err(failed)?;
            create(paths).map_err(failed)
        }
        Err(error) => Err(failed(error)),
        Ok(listener) => Ok(listener),
    }
}

/// Connects to the running resident, whoever that is: see [`same_person`].
pub(super) async fn connect(paths: &Paths) -> io::Result<Stream> {
    let name = name(paths)?;
    match timeout(PATIENCE, Stream::connect(name)).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer")),
    }
}

/// Reads lines. Cancel safe: what was read stays here.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    stream: &'a Stream,
    lines: Lines,
    chunk: Vec<u8>,
    finish_by: Option<Instant>,
}

/// Why no more lines are read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadEnd {
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("a message was begun and not finished within {} s", LINE_LIMIT.as_secs())]
    Unfinished,
    #[error("the connection broke: {0}")]
    Broke(#[from] io::Error),
}

impl<'a> Reader<'a> {
    pub(super) fn new(stream: &'a Stream) -> Self {
        Self { stream, lines: Lines::default(), chunk: vec![0; CHUNK], finish_by: None }
    }

    /// The next line; `None` when the other side has closed.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, ReadEnd> {
        loop {
            if let Some(line) = self.lines.next_line()? {
                self.finish_by = None;
                return Ok(Some(line));
            }
            let mut stream = self.stream;
            let reading = stream.read(&mut self.chunk);
            let count = if self.lines.unfinished() {
                let finish_by = *self.finish_by.get_or_insert_with(|| Instant::now() + LINE_LIMIT);
                timeout_at(finish_by, reading).await.map_err(|_| ReadEnd::Unfinished)??
            } else {
                reading.await?
            };
            if count == 0 {
                return Ok(None);
            }
            self.lines.take_in(self.chunk.get(..count).unwrap_or_default());
        }
    }
}

/// Writes a line. A peer that does not read for a while is as good as gone.
pub(super) async fn write(mut stream: &Stream, line: &str) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(line.len() + 1);
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    match timeout(PATIENCE, stream.write_all(&bytes)).await {
        Ok(written) => written,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not read")),
    }
}

#[cfg(unix)]
mod platform {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    use interprocess::local_socket::GenericFilePath;
    use interprocess::local_socket::traits::StreamCommon;

    use super::*;

    pub(super) fn name(paths: &Paths) -> io::Result<Name<'static>> {
        paths.socket().to_fs_name::<GenericFilePath>()
    }

    pub(super) fn create(paths: &Paths) -> io::Result<Listener> {
        let options = ListenerOptions::new().name(name(paths)?);
        // macOS has no mode for sockets that are not yet bound; there the folder alone keeps strangers out.
        #[cfg(target_os = "linux")]
        let options = interprocess::os::unix::local_socket::ListenerOptionsExt::mode(options, 0o600);
        options.create_tokio()
    }

    /// True if the other side runs as the same user.
    pub(in crate::front) fn same_person(stream: &Stream) -> bool {
        let theirs = stream.peer_creds().ok().and_then(|peer| peer.euid());
        theirs == Some(rustix::process::geteuid().as_raw())
    }

    /// A socket in a folder that others may enter is no private socket.
    pub(super) fn check_folder(paths: &Paths) -> Result<(), Trouble> {
        let socket = paths.socket();
        let Some(folder) = socket.parent() else {
            return Err(Trouble::failed("there is no folder for the local socket; set BELFRY_HOME"));
        };
        let shown = folder.display();
        let about = std::fs::metadata(folder)
            .map_err(|error| Trouble::failed(format!("the folder {shown} cannot be used: {error}")))?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(Trouble::failed(format!(
                "the folder {shown} is open to others; make it private: chmod 700"
            )));
        }
        Ok(())
    }

    pub(super) fn remove_dead(paths: &Paths) -> io::Result<()> {
        let socket = paths.socket();
        if !std::fs::symlink_metadata(&socket)?.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else is in its place"));
        }
        std::fs::remove_file(socket)
    }
}

#[cfg(windows)]
mod platform {
    use interprocess::local_socket::GenericNamespaced;
    use interprocess::os::windows::local_socket::ListenerOptionsExt;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    use sha2::{Digest, Sha256};

    use super::*;

    pub(super) fn name(paths: &Paths) -> io::Result<Name<'static>> {
        let digest = Sha256::digest(paths.data().as_os_str().as_encoded_bytes());
        let short: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("belfry-{short}").to_ns_name::<GenericNamespaced>()
    }

    pub(super) fn create(paths: &Paths) -> io::Result<Listener> {
        // Protected, and open to the owner of the pipe and nobody else.
        let owner_only = SecurityDescriptor::deserialize(widestring::u16cstr!("D:P(A;;GA;;;OW)"))?;
        ListenerOptions::new().name(name(paths)?).security_descriptor(owner_only).create_tokio()
    }

    /// The pipe's own access list has decided this already.
    pub(in crate::front) fn same_person(_: &Stream) -> bool {
        true
    }

    pub(super) fn check_folder(_: &Paths) -> Result<(), Trouble> {
        Ok(())
    }

    /// A named pipe ends with its process.
    pub(super) fn remove_dead(_: &Paths) -> io::Result<()> {
        Ok(())
    }
}

pub(super) use platform::same_person;
use platform::{check_folder, create, name, remove_dead};
