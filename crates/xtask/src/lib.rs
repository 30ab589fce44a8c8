//! What the commands of this repository and its tests share: a private desktop made of real services, the
//! programs that belong to it, and the Debian packages they come from.

#[cfg(target_os = "linux")]
pub mod crew;
#[cfg(target_os = "linux")]
pub mod desktop;
#[cfg(target_os = "linux")]
pub mod nats;
pub mod packages;
pub mod place;
pub mod totals;
pub mod wait;
