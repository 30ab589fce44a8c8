//! Our clients against real third-party servers, and real third-party clients against our sandbox: what only our own fakes have shown is
//! not enough. Needs Node and the packages of `package.json` beside this file (`cargo xtask test interop` installs them).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests build their own clients")]
#![allow(dead_code, unreachable_pub, missing_docs, reason = "the stage is shared with the tests in it/")]

mod bayeux;
mod faye;
mod node;
#[path = "../it/post.rs"]
mod post;
mod pusher;
mod pusher_reference;
mod pusher_source;
mod reference_clients;
mod relay;
mod relay_podium;
mod soketi;
#[path = "../it/stage.rs"]
mod stage;
