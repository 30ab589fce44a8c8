//! The stage: a sandbox, a home folder, a recording desktop and an engine, all in this process, all real but the service and the screen.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use belfry::account::{
    AccountId, CloudappSettings, PodioSettings, PodiumPlace, PodiumSettings, PushTransport, PusherAuth,
    PusherServer, PusherSettings, Receiver, RelaySettings, Signature, WebhookSettings,
};
use belfry::engine::views::{
    Entry, InboxWish, PasswordSignIn, SignIn, SignInAnswer, SignInStep, SignInTo, Trouble,
};
use belfry::engine::{Desk, Engine, Start, Window};
use belfry::env::window::At;
use belfry::env::{Clock, Env, Http, Opener, Paths, Secrets};
use belfry::feed::{FieldMap, Rule};
use belfry::link::LinkState;
use belfry::toast::Recording;
use belfry_sandbox::cloudapp::ItemType;
use belfry_sandbox::podium::Odd;
use belfry_sandbox::{Answer, Delivery, Fault, Options, Sandbox, Settings, Side, Spec, Wire};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use crate::post::{self, Office, Post, SIGNING_SECRET};

/// Nothing here takes longer, even on a busy machine, unless it says so.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The services of which an account can be on the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bell {
    Podio,
    Cloudapp,
    Pusher,
    Podium,
    Webhook,
}

impl Bell {
    /// Whether what happened while nobody listened can be had later.
    pub fn has_a_past(self) -> bool {
        self != Self::Pusher
    }
}

/// The channel that the account at the Pusher server listens to.
pub const CHANNEL: &str = "private-news";

pub struct Stage {
    pub sandbox: Sandbox,
    bell: Bell,
    _home: tempfile::TempDir,
    pub env: Env,
    pub toaster: Arc<Recording>,
    /// What the window was told to show; no window unless [`Stage::with_window`] was called.
    pub window: Option<mpsc::UnboundedReceiver<(At, Option<String>)>>,
    engine: Option<Engine>,
    api_url: String,
    push_url: String,
    transport: PushTransport,
    office: Office,
    twice: std::sync::atomic::AtomicBool,
    /// Where webhooks are sent to, once there is an account, and those on their way.
    hook: OnceLock<Url>,
    sending: Mutex<Vec<JoinHandle<()>>>,
}

impl Stage {
    /// A sandbox and an engine without accounts.
    pub async fn empty() -> Self {
        Self::empty_at(Bell::Podio).await
    }

    /// The same, for an account of this service.
    pub async fn empty_at(bell: Bell) -> Self {
        let podio = Settings { rate_limit: 1_000_000, ..Settings::default() };
        let sandbox = Sandbox::start(Options { podio, ..Options::apart() }).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let env = env(home.path());
        let office = match bell {
            Bell::Podium | Bell::Webhook => Some(Arc::new(Post::open().await)),
            Bell::Podio | Bell::Cloudapp | Bell::Pusher => None,
        };
        let relay_url = office.as_ref().map(|post| post.url()).unwrap_or_default();
        let (api_url, push_url) = match bell {
            Bell::Podio => (sandbox.api_url(), sandbox.push_url()),
            Bell::Cloudapp => (sandbox.cloudapp_url(), sandbox.pusher_url()),
            Bell::Pusher => (String::new(), sandbox.pusher_url()),
            Bell::Podium => (sandbox.podium_url(), relay_url),
            Bell::Webhook => (String::new(), relay_url),
        };
        post::patient(sandbox.podium());
        let (toaster, engine) = start(&env).await.unwrap();
        Self {
            sandbox,
            bell,
            _home: home,
            env,
            toaster,
            window: None,
            engine: Some(engine),
            api_url,
            push_url,
            transport: PushTransport::LongPolling,
            office,
            twice: false.into(),
            hook: OnceLock::new(),
            sending: Mutex::default(),
        }
    }

    /// One account, signed in and live.
    pub async fn live() -> Self {
        Self::live_at(Bell::Podio).await
    }

    /// The same at this service.
    pub async fn live_at(bell: Bell) -> Self {
        let stage = Self::empty_at(bell).await;
        stage.sign_in().await.unwrap();
        stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
        stage
    }

    /// The same with a window.
    pub async fn with_window(mut self) -> Self {
        self.stop().await;
        let (shower, shown) = mpsc::unbounded_channel();
        let (toaster, engine) = start_with(&self.env, Window::Told(shower)).await.unwrap();
        (self.toaster, self.engine, self.window) = (toaster, Some(engine), Some(shown));
        self
    }

    /// Other ways to the servers from now on: for accounts yet to be added.
    pub fn through(mut self, api_url: String, push_url: String) -> Self {
        (self.api_url, self.push_url) = (api_url, push_url);
        self
    }

    /// Another transport from now on: for accounts yet to be added.
    pub fn over(mut self, transport: PushTransport) -> Self {
        self.transport = transport;
        self
    }

    pub fn desk(&self) -> Desk {
        self.engine.as_ref().unwrap().desk()
    }

    pub fn account(&self) -> AccountId {
        let name = match self.bell {
            Bell::Podio => "podio",
            Bell::Cloudapp => "cloudapp",
            Bell::Pusher => "pusher",
            Bell::Podium => "podium",
            Bell::Webhook => "webhook",
        };
        AccountId::new(name).unwrap()
    }

    /// Something happens at the service and is pushed. Its title will hold this text.
    pub fn happens(&self, text: &str) {
        match self.bell {
            Bell::Podio => {
                self.sandbox.podio().notify(self.sandbox.user().user_id, Spec::comment(text));
            }
            Bell::Cloudapp => {
                self.sandbox.cloudapp().upload(1, text, ItemType::Image);
            }
            Bell::Pusher => {
                let data = serde_json::json!({"id": text, "title": text});
                self.sandbox.pusher().trigger(CHANNEL, "news", &data);
            }
            Bell::Podium => {
                self.sandbox.podium().message_received(text, "Are you open on Sunday?");
            }
            Bell::Webhook => {
                let (client, hook) = (self.env.http.client.clone(), self.hook.get().unwrap().clone());
                let body = serde_json::json!({"id": text, "title": text}).to_string().into_bytes();
                let (id, twice) = (text.to_owned(), self.twice.load(Ordering::Relaxed));
                let sending = post::send(&client, hook, id, body, twice);
                self.sending.lock().unwrap().push(sending);
            }
        }
    }

    /// Something happened at the service long before now.
    pub fn happened(&self, text: &str) {
        if self.bell == Bell::Podium {
            let old = serde_json::json!({"contactName": text, "createdAt": "2026-01-05T10:00:00Z"});
            self.sandbox.podium().happens("message.received", &old);
        } else {
            self.happens(text);
        }
    }

    /// All that happened was pushed, as far as the service is concerned.
    pub async fn until_sent(&self) {
        self.sandbox.podium().delivered(LIMIT).await.unwrap();
        let sending: Vec<_> = std::mem::take(&mut *self.sending.lock().unwrap());
        for sending in sending {
            tokio::time::timeout(LIMIT, sending).await.unwrap().unwrap();
        }
    }

    /// Something happens and only the service's lists know.
    pub fn happens_unheard(&self, text: &str) {
        match self.bell {
            Bell::Podio => {
                self.sandbox.podio().notify_silently(self.sandbox.user().user_id, Spec::comment(text));
            }
            Bell::Cloudapp => {
                self.sandbox.cloudapp().silently().upload(1, text, ItemType::Image);
            }
            Bell::Podium => {
                self.sandbox.podium().silently().message_received(text, "Are you open on Sunday?");
            }
            Bell::Pusher | Bell::Webhook => panic!("{:?} has no lists", self.bell),
        }
    }

    /// Each push comes twice from now on.
    pub fn pushes_come_twice(&self) {
        match self.bell {
            Bell::Podio => self.sandbox.podio().set_delivery(Delivery::Duplicate),
            Bell::Cloudapp | Bell::Pusher => {
                self.sandbox.pusher().set_delivery(belfry_sandbox::pusher::Delivery::Twice);
            }
            Bell::Podium => self.sandbox.podium().send_odd(&Odd::Twice, 1_000),
            Bell::Webhook => self.twice.store(true, Ordering::Relaxed),
        }
    }

    /// What the service's lists answer from now on, so many times.
    pub fn lists_answer(&self, times: u32, answer: Answer) {
        match self.bell {
            Bell::Podio => {
                self.sandbox.podio().fault(Fault { path: "/notification/".into(), times, answer });
            }
            Bell::Cloudapp => self.sandbox.cloudapp().fault(Fault { path: "/items".into(), times, answer }),
            Bell::Podium => {
                self.sandbox.podium().forget_observed();
                self.sandbox.podium().fault(Fault { path: "/v4/conversations".into(), times, answer });
            }
            Bell::Pusher | Bell::Webhook => panic!("{:?} has no lists", self.bell),
        }
    }

    /// Waits until the service's lists were asked after this call; where that is only known by the state of the link, it is known already.
    pub async fn until_lists_are_asked(&self) {
        if self.bell == Bell::Podium {
            let podium = self.sandbox.podium();
            podium.wait_for(|seen| seen.calls("GET", "/v4/conversations") > 0, LIMIT).await.unwrap();
        }
    }

    /// Where the push comes from, if that is a side of the sandbox; else it is the relay.
    fn push_side(&self) -> Option<Side> {
        match self.bell {
            Bell::Podio => Some(Side::Push),
            Bell::Cloudapp | Bell::Pusher => Some(Side::Pusher),
            Bell::Podium | Bell::Webhook => None,
        }
    }

    /// All that the account connects to is gone.
    pub async fn close_all(&self) {
        for side in [self.push_side(), self.api_side()].into_iter().flatten() {
            self.sandbox.close(side).await;
        }
        if let Some(post) = &self.office {
            post.close().await;
        }
    }

    /// And there again.
    pub async fn reopen_all(&self) {
        for side in [self.push_side(), self.api_side()].into_iter().flatten() {
            self.sandbox.reopen(side).await.unwrap();
        }
        if let Some(post) = &self.office {
            post.reopen().await;
        }
    }

    /// Where all else comes from, if there is such a place.
    fn api_side(&self) -> Option<Side> {
        match self.bell {
            Bell::Podio => Some(Side::Api),
            Bell::Cloudapp => Some(Side::Cloudapp),
            Bell::Podium => Some(Side::Podium),
            Bell::Pusher | Bell::Webhook => None,
        }
    }

    /// The push server crashes and comes back.
    pub async fn restart_push(&self) {
        match self.bell {
            Bell::Podio => self.sandbox.restart_push().await.unwrap(),
            Bell::Cloudapp | Bell::Pusher => self.sandbox.restart_pusher().await.unwrap(),
            Bell::Podium | Bell::Webhook => {
                let post = self.office.as_ref().unwrap();
                post.close().await;
                post.reopen().await;
            }
        }
    }

    /// A wire between the account yet to be added and the push server.
    pub async fn wired(self) -> (Self, Wire) {
        let server = match self.push_side() {
            Some(side) => self.sandbox.address(side),
            None => self.office.as_ref().unwrap().address(),
        };
        let wire = Wire::start(server).await.unwrap();
        let (api, path) = (self.api_url.clone(), if self.bell == Bell::Podio { "/faye" } else { "" });
        let push = format!("{}{path}", wire.url());
        (self.through(api, push), wire)
    }

    /// The wish of somebody who signs in without a browser.
    pub fn wish(&self) -> SignIn {
        let to = match self.bell {
            Bell::Podio => {
                let user = self.sandbox.user();
                SignInTo::Podio {
                    settings: Some(self.settings()),
                    client_secret: Some(self.sandbox.key().client_secret.clone()),
                    password: Some(PasswordSignIn { username: user.mail, password: user.password }),
                }
            }
            Bell::Cloudapp => {
                let settings = CloudappSettings::at(self.api_url.parse().unwrap(), "ada@example.test");
                let push_url = Some(self.push_url.parse().unwrap());
                SignInTo::Cloudapp {
                    settings: Some(CloudappSettings { push_url, ..settings }),
                    password: "open-sesame".into(),
                }
            }
            Bell::Pusher => SignInTo::Pusher {
                settings: Some(PusherSettings {
                    server: PusherServer::Url(self.push_url.parse().unwrap()),
                    key: self.sandbox.pusher().app().key,
                    channels: vec![CHANNEL.into()],
                    auth: PusherAuth::Secret,
                    map: FieldMap {
                        rules: vec![Rule {
                            id: Some("{{ data.id }}".into()),
                            ..Rule::titled("{{ data.title }}")
                        }],
                        ..FieldMap::default()
                    },
                }),
                app_secret: Some(self.sandbox.pusher().app().secret),
                auth_headers: None,
                check: true,
            },
            Bell::Podium => {
                let app = self.sandbox.podium().app();
                let settings = PodiumSettings {
                    api_url: self.api_url.parse().unwrap(),
                    authorize_url: format!("{}/oauth/authorize", self.api_url).parse().unwrap(),
                    place: Some(PodiumPlace::Location {
                        uid: "Harbour Street".into(),
                        organization_uid: None,
                        name: String::new(),
                    }),
                    ..PodiumSettings::live(app.client_id, self.receiver())
                };
                SignInTo::Podium {
                    settings: Some(settings),
                    client_secret: Some(app.client_secret),
                    join_code: None,
                }
            }
            Bell::Webhook => SignInTo::Webhook {
                settings: Some(WebhookSettings {
                    receiver: self.receiver(),
                    signature: Signature::Github,
                    map: FieldMap { rules: vec![Rule::titled("{{ data.title }}")], ..FieldMap::default() },
                }),
                secret: Some(SIGNING_SECRET.into()),
                join_code: None,
            },
        };
        SignIn { account: None, name: None, to }
    }

    /// The relay that this service's webhooks come through.
    pub fn post(&self) -> &Post {
        self.office.as_ref().unwrap()
    }

    fn receiver(&self) -> Receiver {
        let relay = RelaySettings::at(self.push_url.parse().unwrap());
        Receiver::Relay(relay)
    }

    /// The wish of somebody else, or of the same person in another way.
    pub fn wish_by(&self, by: Option<PasswordSignIn>) -> SignIn {
        let SignIn { account, name, mut to } = self.wish();
        if let SignInTo::Podio { password, .. } = &mut to {
            *password = by;
        }
        SignIn { account, name, to }
    }

    pub fn settings(&self) -> PodioSettings {
        PodioSettings {
            api_url: self.api_url.parse().unwrap(),
            push_url: self.push_url.parse().unwrap(),
            authorize_url: self.sandbox.authorize_url().parse().unwrap(),
            client_id: self.sandbox.key().client_id.clone(),
            redirect_host: "localhost".into(),
            push_transport: self.transport,
            user_id: None,
        }
    }

    pub async fn sign_in(&self) -> Result<AccountId, Trouble> {
        let step = match self.desk().sign_in(self.wish()).await? {
            SignInStep::Browser { attempt, url, .. } => {
                post::browse(&url).await;
                self.desk().sign_in_answer(attempt, SignInAnswer::Wait).await?
            }
            step => step,
        };
        let SignInStep::Done { account } = step else { panic!("{step:?}") };
        if self.bell == Bell::Webhook {
            let hook = self.desk().hook_address(account.clone()).await?;
            self.hook.get_or_init(|| hook.parse().unwrap());
        }
        Ok(account)
    }

    /// Ends the engine as a person would.
    pub async fn stop(&mut self) {
        self.engine.take().unwrap().stop().await;
    }

    /// Ends the engine as a crash would: nothing is told, nothing tidied. (A kill -9 of the real program is in `kill.rs`.)
    pub fn crash(&mut self) {
        drop(self.engine.take());
    }

    /// Starts an engine on the same home, with a new desktop.
    pub async fn start(&mut self) {
        let (toaster, engine) = start(&self.env).await.unwrap();
        self.toaster = toaster;
        self.engine = Some(engine);
    }

    /// All that is kept, oldest first.
    pub async fn kept(&self) -> Vec<Entry> {
        let wish = InboxWish { limit: Some(500), ..InboxWish::default() };
        let mut kept = self.desk().inbox(wish).await.unwrap();
        kept.sort_by_key(|entry| entry.id);
        kept
    }

    pub async fn state(&self) -> LinkState {
        let accounts = self.desk().accounts().await.unwrap();
        accounts.first().map_or(LinkState::Off, |account| account.state.clone())
    }

    pub async fn until_state(&self, what: &str, reached: impl Fn(&LinkState) -> bool) -> LinkState {
        let what = format!("link is {what}");
        self.until(&what, LIMIT, async || Some(self.state().await).filter(&reached)).await
    }

    pub async fn until_live(&self) {
        self.until_state("live", |state| matches!(state, LinkState::Live)).await;
    }

    pub async fn until_kept(&self, count: usize) -> Vec<Entry> {
        let what = format!("{count} notifications are kept");
        self.until(&what, LIMIT, async || Some(self.kept().await).filter(|kept| kept.len() >= count)).await
    }

    /// Waits until something is so, looking again whenever a signal says that something changed.
    pub async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        limit: Duration,
        look: impl Fn() -> F,
    ) -> T {
        let mut signals = self.desk().signals();
        let wait = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                drop(signals.recv().await);
            }
        };
        match tokio::time::timeout(limit, wait).await {
            Ok(found) => found,
            Err(_) => panic!("not within {limit:?}: {what}; link: {:?}", self.state().await),
        }
    }

    /// Waits until so many toasts were shown.
    pub async fn until_shown(&self, count: usize) -> Vec<belfry::toast::Toast> {
        let mut calls = self.toaster.watch();
        let enough = async {
            while self.toaster.shown().len() < count {
                calls.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(LIMIT, enough).await.is_err() {
            panic!("{count} toasts were not shown: {:?}", self.toaster.shown());
        }
        self.toaster.shown()
    }

    /// Waits until every kept notification has a verdict that is settled.
    pub async fn until_settled(&self) {
        self.until("every fate is settled", LIMIT, async || {
            for entry in self.kept().await {
                let why = self.desk().why(entry.id).await.unwrap();
                if ["pending", "claimed"].contains(&why.outcome.as_str()) {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

pub fn env(home: &std::path::Path) -> Env {
    Env {
        clock: Clock::system(),
        http: Http::new().unwrap(),
        secrets: Arc::new(Secrets::memory()),
        paths: Arc::new(Paths::under(home)),
        // No test opens a browser.
        opener: Arc::new(Opener::with_program("true")),
    }
}

pub async fn start(env: &Env) -> Result<(Arc<Recording>, Engine), Trouble> {
    start_with(env, Window::None).await
}

async fn start_with(env: &Env, window: Window) -> Result<(Arc<Recording>, Engine), Trouble> {
    let (events, toast_events) = mpsc::channel(16);
    let toaster = Arc::new(Recording::new(events));
    let start = Start { env: env.clone(), toaster: toaster.clone(), toast_events, toasts_on: true, window };
    let engine = Engine::start(start).await?;
    Ok((toaster, engine))
}
