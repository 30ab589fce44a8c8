//! Belfry's sandbox: fake services that speak the real protocols, for the demo and for tests. In go wishes about the
//! world ([`Podio::notify`]) and faults; out come real HTTP and web socket answers on loopback, and a view of what
//! clients did ([`Podio::observed`]). It imports none of Belfry's other crates, so that a shared mistake cannot hide.

pub mod cloudapp;
mod control;
pub mod day;
mod faults;
pub mod podio;
pub mod podium;
pub mod pusher;
mod requests;
mod serve;
mod shell;
mod tasks;
mod wire;

pub use cloudapp::CloudApp;
pub use faults::{Answer, Fault};
pub use podio::{
    Acted, Byline, Consent, Context, Delivery, Key, Message, MetaRefusal, Observed, Podio, Request,
    SecondFactor, Settings, Spec, User,
};
pub use podium::Podium;
pub use pusher::PusherApps;
pub use wire::{Mode, Stalled, Wire};

use serve::Door;
use std::net::SocketAddr;
use std::time::Duration;

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Port of the REST API; 0 lets the system choose.
    pub port: u16,
    /// Port of the push server; `None` serves it on the API's port.
    pub push_port: Option<u16>,
    /// How Podio behaves.
    pub podio: Settings,
    /// Port of the Pusher side; 0 lets the system choose.
    pub pusher_port: u16,
    /// How the Pusher side behaves.
    pub pusher: pusher::Settings,
    /// Port of CloudApp; 0 lets the system choose.
    pub cloudapp_port: u16,
    /// How CloudApp behaves.
    pub cloudapp: cloudapp::Settings,
    /// Port of Podium; 0 lets the system choose.
    pub podium_port: u16,
    /// How Podium behaves.
    pub podium: podium::Settings,
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
    /// Podio's REST and sign-in.
    Api,
    /// Podio's push; the same as [`Side::Api`] when both share a port.
    Push,
    /// The Pusher side: web sockets, HTTP API, auth endpoint.
    Pusher,
    /// CloudApp's REST, its auth endpoint included.
    Cloudapp,
    /// Podium's REST and sign-in. What its sender sends goes out from elsewhere.
    Podium,
}

/// The running sandbox; it ends when dropped.
#[derive(Debug)]
pub struct Sandbox {
    podio: Podio,
    pusher: PusherApps,
    cloudapp: CloudApp,
    podium: Podium,
    doors: Doors,
    control: Door,
    user: u64,
    key: Key,
}

/// The listeners, shared with the control endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Doors {
    podio: Podio,
    apps: PusherApps,
    api: Door,
    push: Option<Door>,
    pusher: Door,
    cloudapp: Door,
    podium: Door,
}

impl Doors {
    fn of(&self, side: Side) -> &Door {
        match side {
            Side::Api => &self.api,
            Side::Push => self.push.as_ref().unwrap_or(&self.api),
            Side::Pusher => &self.pusher,
            Side::Cloudapp => &self.cloudapp,
            Side::Podium => &self.podium,
        }
    }

    pub(crate) fn address(&self, side: Side) -> SocketAddr {
        self.of(side).address()
    }

    pub(crate) async fn close(&self, side: Side) {
        self.of(side).close().await;
        match side {
            Side::Push => self.podio.close_sockets(),
            Side::Api if self.push.is_none() => self.podio.close_sockets(),
            Side::Pusher => self.apps.cut(),
            Side::Api | Side::Cloudapp | Side::Podium => {}
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

    pub(crate) async fn restart_pusher(&self) -> anyhow::Result<()> {
        self.close(Side::Pusher).await;
        self.apps.begin_again();
        self.reopen(Side::Pusher).await
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
        let apps = PusherApps::new(options.pusher);
        let pusher = Door::open(options.pusher_port, pusher::router(&apps)).await?;
        let items = CloudApp::new(options.cloudapp, apps.clone());
        let cloudapp = Door::open(options.cloudapp_port, cloudapp::router(&items)).await?;
        items.settle(format!("http://{}", cloudapp.address()));
        let business = Podium::new(options.podium);
        let podium = Door::open(options.podium_port, podium::router(&business)).await?;
        let doors = Doors { podio: podio.clone(), apps: apps.clone(), api, push, pusher, cloudapp, podium };
        let all = (podio.clone(), apps.clone(), items.clone(), business.clone());
        let control = Door::open(0, control::router(all, doors.clone())).await?;
        Ok(Self { podio, pusher: apps, cloudapp: items, podium: business, doors, control, user, key })
    }

    /// The fake Podio.
    #[must_use]
    pub fn podio(&self) -> &Podio {
        &self.podio
    }

    /// The Pusher side, speaking for the app `belfry-key`.
    #[must_use]
    pub fn pusher(&self) -> &PusherApps {
        &self.pusher
    }

    /// The fake CloudApp.
    #[must_use]
    pub fn cloudapp(&self) -> &CloudApp {
        &self.cloudapp
    }

    /// The fake Podium.
    #[must_use]
    pub fn podium(&self) -> &Podium {
        &self.podium
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

    /// Base of the Pusher side, without a trailing slash: web sockets at `…/app/{key}`, HTTP API at `…/apps/{id}`, auth
    /// endpoint at `…/pusher/auth`.
    #[must_use]
    pub fn pusher_url(&self) -> String {
        format!("http://{}", self.doors.address(Side::Pusher))
    }

    /// Base of CloudApp, without a trailing slash.
    #[must_use]
    pub fn cloudapp_url(&self) -> String {
        format!("http://{}", self.doors.address(Side::Cloudapp))
    }

    /// Base of Podium, without a trailing slash: REST at `…/v4`, sign-in at `…/oauth/authorize` and `…/oauth/token`.
    #[must_use]
    pub fn podium_url(&self) -> String {
        format!("http://{}", self.doors.address(Side::Podium))
    }

    /// A day at work for the first user at Podio, one scene each `pace`, and of business at Podium, four times slower.
    pub fn start_day(&self, seed: u64, pace: Duration) {
        self.podio.start_day(self.user, seed, pace);
        self.podium.start_day(seed, pace * control::QUIETER);
    }

    /// Where a side listens.
    #[must_use]
    pub fn address(&self, side: Side) -> SocketAddr {
        self.doors.address(side)
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

    /// The Pusher side crashes and comes back: connections cut, channels and cached events forgotten.
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub async fn restart_pusher(&self) -> anyhow::Result<()> {
        self.doors.restart_pusher().await
    }

    /// Ends everything; ports are free when it returns.
    pub async fn stop(self) {
        self.podio.end_day();
        self.close(Side::Api).await;
        self.close(Side::Push).await;
        self.close(Side::Pusher).await;
        self.close(Side::Cloudapp).await;
        self.close(Side::Podium).await;
        self.podium.close();
        self.control.close().await;
    }
}
