//! Hints from a system bus with stand-ins for logind and NetworkManager.

use std::time::{Duration, Instant};

use belfry::env::{Clock, Wake, WakeHint};
use xtask::desktop::{Desktop, Keyring, Options, Toasts};

use crate::inside::{Inner, is_inner, tell, wait_for_word};

const LIMIT: Duration = Duration::from_secs(20);

fn desktop() -> Desktop {
    let options =
        Options { toasts: Toasts::None, keyring: Keyring::None, openbox: false, ..Options::default() };
    Desktop::start(options).unwrap()
}

#[test]
fn sleep_and_another_network_give_hints() {
    if is_inner() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        return runtime.block_on(async {
            let mut wake = Wake::start(&Clock::system());
            let mut network = 0;
            while network < 3 {
                let hint = tokio::time::timeout(LIMIT, wake.next()).await.expect("no hint came");
                network += usize::from(hint == WakeHint::NetworkChanged);
                tell(&format!("{hint:?}"));
            }
        });
    }
    let mut desktop = desktop();
    desktop.system_bus().unwrap();
    let mut inner = Inner::start(&desktop, "wake::sleep_and_another_network_give_hints");
    // The inner half listens some time after it started; nobody can tell when.
    let start = Instant::now();
    while !inner.hears("Resumed", Duration::from_millis(100)) {
        assert!(start.elapsed() < LIMIT, "no hint came");
        desktop.sleep_and_resume().unwrap();
    }
    desktop.network_changed().unwrap();
    for _ in 0..2 {
        assert!(inner.hears("NetworkChanged", LIMIT));
    }
    // Another network takes over: no change of state.
    connectivity(&desktop, 1);
    assert!(inner.hears("NetworkChanged", LIMIT));
    inner.finish();
}

fn connectivity(desktop: &Desktop, value: u32) {
    let network = "org.freedesktop.NetworkManager";
    let output = desktop
        .command("gdbus")
        .args(["call", "--system", "-d", network, "-o", "/org/freedesktop/NetworkManager"])
        .args(["-m", "org.freedesktop.DBus.Mock.UpdateProperties", network])
        .arg(format!("{{'Connectivity': <uint32 {value}>}}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn without_a_system_bus_there_is_quiet_and_no_haste() {
    if is_inner() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let mut wake = Wake::start(&Clock::system());
            let waited = tokio::time::timeout(Duration::from_millis(500), wake.next()).await;
            assert!(waited.is_err(), "{waited:?}");
            tell("quiet");
            wait_for_word();
        });
    }
    let desktop = desktop();
    let mut inner = Inner::start(&desktop, "wake::without_a_system_bus_there_is_quiet_and_no_haste");
    assert_eq!(inner.hear(), "quiet");
    inner.word("end");
    inner.finish();
}
