//! The protocol machine, driven by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod desk;
mod liveness;
mod resume;
mod server_words;
mod transports;
