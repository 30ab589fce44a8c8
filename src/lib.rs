//! Belfry's core: from a service's socket to the toast on the screen, and back when it is clicked.
//!
//! ```text
//! crates/bayeux ─▶ source/ ─▶ store/ ─▶ toast/ ─▶ click ─▶ the item, in the browser or the inbox
//!                     ▲          ▲         ▲
//!                     └──────── engine/ ───┘        the only place where the three meet
//!                                ▲
//!                              front/               what a face may ask or wish
//!                                ▲
//!                           tray/  cli/
//! ```
//!
//! Who may use whom is kept by `tests/it/walls.rs`.

pub mod account;
pub mod act;
pub mod feed;
mod kind;
pub mod link;
pub mod notification;
pub mod part;
pub mod rule;

pub mod cli;
pub mod engine;
pub mod env;
pub mod front;
pub mod source;
pub mod store;
pub mod toast;
pub mod tray;
