//! The stage: a sandbox, a home folder, a recording desktop and an engine, all in this process, all real but the service and the screen.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use belfry::account::{AccountId, PodioSettings, PushTransport};
use belfry::engine::views::{Entry, InboxWish, PasswordSignIn, SignIn, SignInStep, SignInTo, Trouble};
use belfry::engine::{Desk, Engine, Start, Window};
use belfry::env::window::At;
use belfry::env::{Clock, Env, Http, Opener, Paths, Secrets};
use belfry::link::LinkState;
use belfry::toast::Recording;
use belfry_sandbox::{Options, Sandbox, Settings};
use tokio::sync::mpsc;

/// Nothing here takes longer, even on a busy machine, unless it says so.
pub const LIMIT: Duration = Duration::from_secs(30);

pub struct Stage {
    pub sandbox: Sandbox,
    _home: tempfile::TempDir,
    pub env: Env,
    pub toaster: Arc<Recording>,
    /// What the window was told to show; no window unless [`Stage::with_window`] was called.
    pub window: Option<mpsc::UnboundedReceiver<(At, Option<String>)>>,
    engine: Option<Engine>,
    api_url: String,
    push_url: String,
    transport: PushTransport,
}

impl Stage {
    /// A sandbox and an engine without accounts.
    pub async fn empty() -> Self {
        let podio = Settings { rate_limit: 1_000_000, ..Settings::default() };
        let sandbox = Sandbox::start(Options { podio, ..Options::apart() }).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let env = env(home.path());
        let (api_url, push_url) = (sandbox.api_url(), sandbox.push_url());
        let (toaster, engine) = start(&env).await.unwrap();
        Self {
            sandbox,
            _home: home,
            env,
            toaster,
            window: None,
            engine: Some(engine),
            api_url,
            push_url,
            transport: PushTransport::LongPolling,
        }
    }

    /// One account, signed in and live.
    pub async fn live() -> Self {
        let stage = Self::empty().await;
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
        AccountId::new("podio").unwrap()
    }

    /// The wish of somebody who signs in by name and password.
    pub fn wish(&self) -> SignIn {
        let user = self.sandbox.user();
        SignIn {
            account: None,
            name: None,
            to: SignInTo::Podio {
                settings: Some(self.settings()),
                client_secret: Some(self.sandbox.key().client_secret.clone()),
                password: Some(PasswordSignIn { username: user.mail, password: user.password }),
            },
        }
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
        match self.desk().sign_in(self.wish()).await? {
            SignInStep::Done { account } => Ok(account),
            step => panic!("{step:?}"),
        }
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
