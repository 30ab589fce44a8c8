//! Belfry's sandbox: fake services that speak the real protocols, for the demo and for tests. In go wishes about the
//! world ([`Podio::notify`]) and faults; out come real HTTP and web socket answers on loopback, and a view of what
//! clients did ([`Podio::observed`]). It imports none of Belfry's other crates, so that a shared mistake cannot hide.

mod control;
pub mod day;
mod faults;
pub mod podio;
mod serve;
mod tasks;
mod wire;

pub use faults::{Answer, Fault};
pub use podio::{
    Acted, Byline, Consent, Context, Delivery, Key, Message, MetaRefusal, Observed, Podio, Request,
    SecondFactor, Settings, Spec, User,
};
pub use wire::{Mode, Stalled, Wire};

use serve::Door;
use std::net::SocketAddr;

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Port of the REST API; 0 lets the system choose.
    pub port: u16,
    /// Port of the push server; `None` serves it on the API's port.
    pub push_port: Option<u16>,
    /// How Podio behaves.
    pub podio: Settings,
}

impl Options {
    /// API and push on separate free ports.
    #[must_use]
    pub fn apart() -> Self {
        Self { push_port: Some(0), ..Self::default() }
    }
}

/// Which listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// REST and sign-in.
    Api,
    /// Push; the same as [`Side::Api`] when both share a port.
    Push,
}

/// The running sandbox; it ends when dropped.
#[derive(Debug)]
pub struct Sandbox {
    podio: Podio,
    doors: Doors,
    control: Door,
    user: u64,
    key: Key,
}

/// The listeners, shared with the control endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Doors {
    podio: Podio,
    api: Door,
    push: Option<Door>,
}

impl Doors {
    fn of(&self, side: Side) -> &Door {
        match side {
            Side::Api => &self.api,
            Side::Push => self.push.as_ref().unwrap_or(&self.api),
        }
    }

    pub(crate) fn address(&self, side: Side) -> SocketAddr {
        self.of(side).address()
    }

    pub(crate) async fn close(&self, side: Side) {
        self.of(side).close().await;
        if side == Side::Push || self.push.is_none() {
            self.podio.close_sockets();
        }
    }

    pub(crate) async fn reopen(&self, side: Side) -> anyhow::Result<()> {
        self.of(side).reopen().await
    }

    pub(crate) async fn restart_push(&self) -> anyhow::Result<()> {
        self.close(Side::Push).await;
        self.podio.drop_push_sessions();
        self.reopen(Side::Push).await
    }
}

impl Sandbox {
    /// Starts with one user and one API key whose domain is `localhost`.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let podio = Podio::new(options.podio);
        let user = podio.add_user("Robin Vale", "robin@example.test", "open-sesame");
        let key = Key {
            client_id: "belfry-sandbox".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            domains: vec!["localhost".to_owned()],
        };
        podio.add_key(key.clone());
        let together = options.push_port.is_none();
        let api = Door::open(options.port, podio::api_router(&podio, true, together)).await?;
        let push = match options.push_port {
            Some(port) => Some(Door::open(port, podio::api_router(&podio, false, true)).await?),
            None => None,
        };
        let doors = Doors { podio: podio.clone(), api, push };
        let control = Door::open(0, control::router(podio.clone(), doors.clone())).await?;
        Ok(Self { podio, doors, control, user, key })
    }

    /// The fake Podio.
    #[must_use]
    pub fn podio(&self) -> &Podio {
        &self.podio
    }

    /// The user that is there from the start.
    #[must_use]
    pub fn user(&self) -> User {
        self.podio.user(self.user).unwrap_or_else(|| User {
            user_id: self.user,
            name: String::new(),
            mail: String::new(),
            password: String::new(),
            second_factor: None,
            sound: true,
            browser: true,
        })
    }

    /// The API key that is there from the start.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Address of the REST API.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.doors.address(Side::Api)
    }

    /// Address of the push server.
    #[must_use]
    pub fn push_address(&self) -> SocketAddr {
        self.doors.address(Side::Push)
    }

    /// Base of the REST API, without a trailing slash.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api_address())
    }

    /// The push endpoint, `…/faye`.
    #[must_use]
    pub fn push_url(&self) -> String {
        format!("http://{}/faye", self.push_address())
    }

    /// The authorisation page.
    #[must_use]
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth/authorize", self.api_url())
    }

    /// Base of the control endpoints, `…/_sandbox`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}/_sandbox", self.control.address())
    }

    /// Cuts every connection of a side and refuses new ones until [`Self::reopen`].
    pub async fn close(&self, side: Side) {
        self.doors.close(side).await;
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub async fn reopen(&self, side: Side) -> anyhow::Result<()> {
        self.doors.reopen(side).await
    }

    /// The push server crashes and comes back: connections cut, client ids and queues forgotten. With a shared port
    /// the API's connections are cut too.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub async fn restart_push(&self) -> anyhow::Result<()> {
        self.doors.restart_push().await
    }

    /// Ends everything; ports are free when it returns.
    pub async fn stop(self) {
        self.podio.end_day();
        self.close(Side::Api).await;
        self.close(Side::Push).await;
        self.control.close().await;
    }
}
