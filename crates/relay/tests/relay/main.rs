//! One relay and its embedded store: real HTTP, real files, the real program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod bench;
mod channels;
mod events;
mod hook;
mod kill;
mod limits;
mod oauth;
mod program;
mod stop;
