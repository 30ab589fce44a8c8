//! The relay over a real NATS cluster: three servers on loopback, killed and started again. Needs Debian's `nats-server` (`cargo xtask test`
//! installs it).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests start tasks and build clients of their own")]
#![allow(unreachable_pub, missing_docs, reason = "nobody else uses it")]

mod embedded;
mod kills;
mod opening;
mod program;
mod stage;
mod store;
