//! The real window over the real resident, on private desktops, driven by the web engine's own WebDriver; the service is the sandbox.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod accounts;
mod forms;
mod hooks;
mod hostile;
mod inbox;
mod page;
mod programs;
mod settings;
mod stage;
