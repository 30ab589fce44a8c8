//! The machine alone: time is a number, the server is whoever writes the frames.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod channels;
mod closing;
mod desk;
mod encrypted;
mod liveness;
mod presence;
mod server_words;
