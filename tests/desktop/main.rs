//! Belfry on a private desktop made of real services: see `xtask::desktop`. One file per topic; pictures go to `artefacts/desktop/`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests start threads of their own")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod hooks;
mod inside;
mod scripted;
mod secrets;
mod toasts;
mod tray;
mod wake;
mod whole;
