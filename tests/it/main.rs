//! The core against the sandbox, in one process where it can be, with the real program where it must be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests open databases and start threads of their own"
)]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod accounts;
mod acts;
mod away;
mod cli;
mod click;
mod cloudapp;
mod cloudapp_stage;
mod cloudapp_trouble;
mod demo;
mod engine;
mod front;
mod kill;
mod marks;
mod parts;
mod podio;
mod podio_bench;
mod podio_cases;
mod podio_page;
mod podio_patience;
mod podio_shapes;
mod podio_sign_in;
mod podio_week;
mod podio_words;
mod podium;
mod podium_account;
mod podium_cli;
mod podium_doubt;
mod podium_sign_in;
mod podium_stage;
mod post;
mod pusher;
mod pusher_cli;
mod quiet;
mod read_state;
mod reliability;
mod stage;
mod trouble;
mod walls;
mod webhook;
mod webhook_cli;
mod webhook_foreign;
mod webhook_local;
mod webhook_stage;
mod webhook_stream;
mod webhook_unkept;
