//! A stage for Podium's source alone: the sandbox's Podium, a real relay, and an engine that keeps rows in memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belfry::account::{
    Account, AccountId, Choices, LocalSettings, PodiumPlace, PodiumSettings, Receiver, RelaySettings,
    Settings,
};
use belfry::env::{Env, SecretName};
use belfry::link::{Cursor, Failure, LinkState};
use belfry::notification::{Arrival, Notification};
use belfry::source::podium::Podium;
use belfry::source::podium::sign_in::{self, SignInError, Step, Taken};
use belfry::source::webhook::{Joined, join};
use belfry::source::{Left, Order, Outbox, Report, SignedIn, Which, sign_out};
use belfry_relay::{Config, Relay, Retention, Running, StoreAt};
use belfry_sandbox::podium::Consent;
use belfry_sandbox::{Options, Sandbox};
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::stage::{LIMIT, env};

/// What the engine was told.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub rows: BTreeMap<String, Notification>,
    /// How each row was handed over, in order; also later versions, and what was kept already.
    pub came: Vec<(String, Arrival)>,
    pub late: usize,
    pub cursor: Option<Cursor>,
    pub state: Option<LinkState>,
    pub unheard: Option<String>,
    pub settings: Option<PodiumSettings>,
    pub ended: Option<Failure>,
    /// How often it ended.
    pub ends: usize,
}

pub struct Shop {
    pub sandbox: Sandbox,
    pub relay: Option<Running>,
    home: tempfile::TempDir,
    pub env: Env,
    pub account: AccountId,
    pub settings: Option<PodiumSettings>,
    kept: watch::Sender<Kept>,
    link: Option<JoinHandle<()>>,
    orders: Arc<Mutex<Option<mpsc::Sender<Order>>>>,
}

impl Shop {
    /// A business, a relay, nobody signed in.
    pub async fn empty() -> Self {
        let sandbox = Sandbox::start(Options::apart()).await.unwrap();
        sandbox.podium().set(|settings| settings.consent = Consent::Allow);
        let home = tempfile::tempdir().unwrap();
        let relay = start_relay(&home, 0, Config::default()).await;
        Self {
            env: env(home.path()),
            sandbox,
            relay: Some(relay),
            home,
            account: AccountId::new("podium").unwrap(),
            settings: None,
            kept: watch::Sender::default(),
            link: None,
            orders: Arc::default(),
        }
    }

    /// Signed in to the first location, and live.
    pub async fn live() -> Self {
        let mut shop = Self::empty().await;
        let signed_in = shop.sign_in_to(shop.first_place()).await.unwrap();
        shop.keep(&signed_in).await;
        shop.start();
        shop.until_live().await;
        shop
    }

    pub fn podium(&self) -> belfry_sandbox::Podium {
        self.sandbox.podium().clone()
    }

    pub fn first_place(&self) -> Option<PodiumPlace> {
        let location = self.podium().locations().remove(0);
        Some(PodiumPlace::Location { uid: location.uid, organization_uid: None, name: String::new() })
    }

    /// The settings of a new account.
    pub fn wish(&self, place: Option<PodiumPlace>) -> PodiumSettings {
        let receiver = Receiver::Relay(RelaySettings::at(self.relay.as_ref().unwrap().url().clone()));
        self.wish_over(receiver, place)
    }

    pub fn wish_over(&self, receiver: Receiver, place: Option<PodiumPlace>) -> PodiumSettings {
        let api_url: url::Url = self.sandbox.podium_url().parse().unwrap();
        PodiumSettings {
            authorize_url: api_url.join("/oauth/authorize").unwrap(),
            app_url: "https://app.podium.example".parse().unwrap(),
            api_url,
            place,
            ..PodiumSettings::live(self.podium().app().client_id, receiver)
        }
    }

    pub fn secret(&self) -> SecretString {
        self.podium().app().client_secret.into()
    }

    pub async fn join(&self, wish: &PodiumSettings) -> Joined {
        join(&self.env, &wish.receiver, None).await.unwrap()
    }

    pub async fn begin(&self, wish: PodiumSettings) -> Step {
        let joined = self.join(&wish).await;
        sign_in::begin(&self.env, &self.account, wish, self.secret(), joined, Taken::new()).await.unwrap()
    }

    /// Goes where a browser would go: to Podium's page, and on to where that sends it.
    pub async fn browse(&self, url: &url::Url) -> url::Url {
        let client = &self.env.http.client;
        let answer = client.get(url.clone()).send().await.unwrap();
        let to = answer.headers().get("location").unwrap_or_else(|| panic!("{}", answer.status()));
        to.to_str().unwrap().parse().unwrap()
    }

    pub async fn return_to_relay(&self, to: &url::Url) {
        let page = self.env.http.client.get(to.clone()).send().await.unwrap();
        assert!(page.status().is_success(), "{}", page.status());
    }

    pub async fn sign_in_to(&self, place: Option<PodiumPlace>) -> Result<SignedIn, SignInError> {
        self.sign_in_by(self.wish(place)).await
    }

    pub async fn sign_in_by(&self, wish: PodiumSettings) -> Result<SignedIn, SignInError> {
        let Step::Browser(mut browser) = self.begin(wish).await else { panic!("no browser") };
        let to = self.browse(browser.url()).await;
        self.return_to_relay(&to).await;
        match browser.wait().await? {
            Step::Done(signed_in) => Ok(*signed_in),
            step => panic!("{step:?}"),
        }
    }

    pub async fn keep(&mut self, signed_in: &SignedIn) {
        for (name, secret) in &signed_in.secrets {
            self.env.secrets.put(&self.account, *name, secret.clone()).await.unwrap();
        }
        let Settings::Podium(settings) = &signed_in.settings else { panic!("{signed_in:?}") };
        self.settings = Some(settings.clone());
    }

    /// Runs the source, again and again without a wait, until it is stopped.
    pub fn start(&mut self) {
        let (mut outbox, mut reports, orders) = Outbox::new();
        *self.orders.lock().unwrap() = Some(orders);
        let settings = self.kept().settings.or(self.settings.clone()).unwrap();
        let mut source = Podium::new(self.account.clone(), settings, self.env.clone(), self.kept().cursor);
        let (kept, ending) = (self.kept.clone(), self.kept.clone());
        self.link = Some(tokio::spawn(async move {
            let engine = async {
                while let Some(report) = reports.recv().await {
                    take(&kept, report);
                }
            };
            let link = async {
                loop {
                    let failure = source.run(&mut outbox).await;
                    let over = matches!(failure, Failure::SignIn { .. } | Failure::Fatal { .. });
                    ending.send_modify(|kept| (kept.ended, kept.ends) = (Some(failure), kept.ends + 1));
                    if over {
                        return std::future::pending().await;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::select! { () = engine => {} () = link => {} }
        }));
    }

    /// As a crash would: nothing is said to anybody.
    pub async fn stop(&mut self) {
        if let Some(link) = self.link.take() {
            link.abort();
            drop(link.await);
        }
        self.kept.send_modify(|kept| kept.state = None);
    }

    pub async fn stop_relay(&mut self) -> u16 {
        let relay = self.relay.take().unwrap();
        let port = relay.address().port();
        relay.stop().await;
        port
    }

    /// How many entries the relay has sent to its readers since it was started.
    pub async fn sent(&self) -> usize {
        let url = self.relay.as_ref().unwrap().url().join("metrics").unwrap();
        let said = self.env.http.client.get(url).send().await.unwrap().text().await.unwrap();
        let line = said.lines().find(|line| !line.starts_with('#') && line.contains("events_sent_total"));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    pub async fn start_relay(&mut self, port: u16) {
        self.relay = Some(start_relay(&self.home, port, Config::default()).await);
    }

    /// That takes more in than a desktop does.
    pub async fn start_roomy_relay(&mut self, port: u16) {
        let mut config = Config::default();
        config.limits.body = 8 << 20;
        self.relay = Some(start_relay(&self.home, port, config).await);
    }

    /// With a store that was put back from a backup: nobody knows what it lacks.
    pub async fn start_restored_relay(&mut self, port: u16) {
        let config = Config { restored: true, ..Config::default() };
        self.relay = Some(start_relay(&self.home, port, config).await);
    }

    /// With one that was put back, and all of it too old to be kept.
    pub async fn start_emptied_relay(&mut self, port: u16) {
        let retention = Retention { age: Duration::from_millis(1), ..Retention::default() };
        let config = Config { restored: true, retention, ..Config::default() };
        self.relay = Some(start_relay(&self.home, port, config).await);
    }

    pub async fn sign_out(&self) -> Result<(), Vec<Left>> {
        let settings = Settings::Podium(self.kept().settings.or(self.settings.clone()).unwrap());
        let account = Account {
            id: self.account.clone(),
            label: "Podium".into(),
            paused: false,
            settings,
            choices: Choices::default(),
        };
        sign_out(&account, &self.env).await
    }

    pub async fn stored(&self, name: SecretName) -> Option<SecretString> {
        self.env.secrets.get(&self.account, name).await.unwrap()
    }

    pub fn kept(&self) -> Kept {
        self.kept.borrow().clone()
    }

    pub fn titles(&self) -> Vec<String> {
        let mut titles: Vec<_> = self.kept().rows.values().map(|row| row.title.clone()).collect();
        titles.sort();
        titles
    }

    pub async fn until(&self, what: &str, so: impl Fn(&Kept) -> bool) -> Kept {
        let mut watched = self.kept.subscribe();
        let found = match tokio::time::timeout(LIMIT, watched.wait_for(|kept| so(kept))).await {
            Ok(found) => Some(found.unwrap().clone()),
            Err(_) => None,
        };
        found.unwrap_or_else(|| panic!("not within {LIMIT:?}: {what}; kept: {:#?}", self.kept()))
    }

    pub async fn until_live(&self) {
        self.until("live", |kept| kept.state == Some(LinkState::Live)).await;
    }

    pub async fn until_titled(&self, title: &str) -> Notification {
        let is = |row: &Notification| row.title == title;
        let kept = self.until(title, |kept| kept.rows.values().any(is)).await;
        kept.rows.values().find(|row| is(row)).unwrap().clone()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.abort();
        }
    }
}

/// At a port of this machine, without a tunnel.
pub fn local(port: u16) -> Receiver {
    Receiver::Local(LocalSettings { port, public_url: None })
}

fn start_relay(home: &tempfile::TempDir, port: u16, config: Config) -> impl Future<Output = Running> {
    let config = Config {
        listen: ([127, 0, 0, 1], port).into(),
        store: StoreAt::File(home.path().join("relay.db")),
        open: Some(true),
        ..config
    };
    async { Relay::start(config).await.unwrap() }
}

fn take(kept: &watch::Sender<Kept>, report: Report) {
    match report {
        Report::State(state) => {
            kept.send_modify(|kept| kept.state = Some(state));
        }
        Report::Unheard(unheard) => {
            kept.send_modify(|kept| kept.unheard = unheard);
        }
        Report::Identity { settings, .. } => {
            let Settings::Podium(settings) = *settings else { panic!("{settings:?}") };
            kept.send_modify(|kept| kept.settings = Some(settings));
        }
        Report::Deliver { notifications, arrival, cursor, late, kept: answer } => {
            kept.send_modify(|kept| {
                for row in notifications {
                    kept.came.push((row.external_id.clone(), arrival));
                    let known = kept.rows.get(&row.external_id);
                    // As the store does it.
                    if known.is_some_and(|known| known.version >= row.version) {
                        continue;
                    }
                    kept.late += usize::from(late && known.is_none());
                    kept.rows.insert(row.external_id.clone(), row);
                }
                kept.cursor = cursor.or(kept.cursor.take());
            });
            drop(answer.send(Ok(())));
        }
        Report::Kept { which, answer } => {
            let rows = kept.borrow().rows.clone();
            let found = match which {
                Which::One { external_id } => rows.get(&external_id).cloned().into_iter().collect(),
                Which::Family { family, since, .. } => rows
                    .into_values()
                    .filter(|row| row.external_id.starts_with(&family))
                    .filter(|row| since.is_none_or(|since| row.occurred_at >= since))
                    .collect(),
            };
            drop(answer.send(Ok(found)));
        }
        Report::Alive | Report::Done(_) => {}
        report => panic!("{report:?}"),
    }
}
