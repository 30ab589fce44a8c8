//! A webhook relay. In: HTTP requests of services that ring, on a public host. Out: server-sent events to the desktops they are meant
//! for, whenever those are there. Knows no service and no desktop: bodies are opaque bytes to it.
//!
//! ```text
//!   POST /hook/{channel} ─▶ http/hook ─▶ event ─▶ (seal) ─▶ store ─▶ 200          only once it is on disk
//!   GET /events/{channel} ◀─ http/events ◀───────────────── store ◀─ wakes
//! ```
//!
//! A channel needs no registry: its name carries a proof that this relay made it and whom it is for (`channel`). So any number of relays
//! over one store are the same relay. The store is one of two: one SQLite file, or a stream of a NATS cluster.

mod channel;
mod config;
mod event;
mod http;
mod message;
mod metrics;
mod rate;
mod relay;
mod seal;
mod serve;
mod store;
mod tasks;

pub use channel::{Channel, ChannelId, RelayKey};
pub use config::{Config, Limits, NatsAt, NatsSignIn, Rate, Retention, StoreAt};
pub use relay::{Relay, Running};
pub use store::{Appended, Earlier, Entry, Kept, Keys, MessageId, Page, Store, StoreError, Wakes, open};
