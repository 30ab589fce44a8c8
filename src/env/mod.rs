//! The outside world, handed in: clock, HTTP, secrets, paths, opener, tasks, wake. Each forbidden call of `clippy.toml` stands in exactly one
//! of these files. May use the nouns; knows no stage.

pub mod clock;
pub mod http;
pub mod opener;
pub mod paths;
pub mod secrets;
pub mod tasks;
pub mod tray_host;
pub mod wake;
pub mod window;

use std::sync::Arc;

pub use clock::Clock;
pub use http::Http;
pub use opener::{OpenError, Opener};
pub use paths::{PathError, Paths};
pub use secrets::{SecretError, SecretName, Secrets};
pub use tasks::Tasks;
pub use wake::{Wake, WakeHint};

/// All of the outside world that the stages may touch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Env {
    /// Wall clock and monotonic clock.
    pub clock: Clock,
    /// The one HTTP client and the TLS settings that WebSockets share with it.
    pub http: Http,
    /// Where sign-ins are kept.
    pub secrets: Arc<Secrets>,
    /// Folders and files.
    pub paths: Arc<Paths>,
    /// Opens checked addresses in the person's browser.
    pub opener: Arc<Opener>,
}
