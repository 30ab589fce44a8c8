//! A bench for the Podio source: the sandbox on one side, a small engine on the other that keeps what it is told and acknowledges it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belfry::account::{AccountId, PodioSettings, PushTransport, Settings};
use belfry::env::tasks::Task;
use belfry::env::{Clock, Env, Http, Opener, Paths, Secrets, Tasks};
use belfry::link::{Cursor, Failure, LinkState};
use belfry::notification::{Arrival, Detail, Mark, Notification, Together};
use belfry::source::podio::sign_in::{How, Step, begin};
use belfry::source::{Order, Outbox, Report, Source, Wish};
use belfry_sandbox::{Options, Sandbox};
use tokio::sync::{mpsc, oneshot, watch};

/// A wait that takes longer than this has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// What the engine was told.
#[derive(Debug, Default, Clone)]
pub(crate) struct Told {
    pub(crate) rows: BTreeMap<String, Notification>,
    /// Each delivery of one notification, in order: external id, arrival, how much was known.
    pub(crate) deliveries: Vec<(String, Arrival, Detail)>,
    pub(crate) states: Vec<LinkState>,
    pub(crate) cursor: Option<Cursor>,
    /// What had been delivered when the cursor first moved.
    pub(crate) rows_at_cursor: Option<usize>,
    pub(crate) still_unread: Vec<(String, Vec<String>)>,
    /// What is starred, at each look.
    pub(crate) starred: Vec<Vec<String>>,
    pub(crate) found_late: Vec<String>,
    pub(crate) done: Vec<Wish>,
    pub(crate) refused: Vec<(Wish, Mark, String)>,
    pub(crate) label: Option<String>,
    pub(crate) settings: Option<Settings>,
}

impl Told {
    pub(crate) fn is(&self, state: &LinkState) -> bool {
        self.states.last() == Some(state)
    }

    pub(crate) fn titles(&self) -> Vec<&str> {
        self.rows.values().map(|row| row.title.as_str()).collect()
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::State(state) => self.states.push(state),
            Report::Alive | Report::Unheard(_) => {}
            Report::Identity { label, settings } => {
                self.label = Some(label);
                self.settings = Some(*settings);
            }
            Report::Deliver { notifications, arrival, cursor, late, kept } => {
                for one in notifications {
                    if late {
                        self.found_late.push(one.external_id.clone());
                    }
                    self.deliveries.push((one.external_id.clone(), arrival, one.detail));
                    let hint_for_whole = one.detail == Detail::Hint
                        && self.rows.get(&one.external_id).is_some_and(|row| row.detail == Detail::Whole);
                    if !hint_for_whole {
                        self.rows.insert(one.external_id.clone(), one);
                    }
                }
                if cursor.is_some() {
                    self.cursor = cursor;
                    self.rows_at_cursor.get_or_insert(self.rows.len());
                }
                drop(kept.send(Ok(())));
            }
            Report::StillUnread { family, unread, since: _, kept } => {
                self.still_unread.push((family, unread));
                drop(kept.send(Ok(())));
            }
            Report::UnreadThere { unread: _, asked: _, kept } => drop(kept.send(Ok(()))),
            Report::Starred { family: _, starred, kept } => {
                self.starred.push(starred);
                drop(kept.send(Ok(())));
            }
            Report::Done(wish) => self.done.push(wish),
            // What acts do is told with a real engine, in `acts`.
            Report::Begin { number: _, begun } => drop(begun.send(Ok(None))),
            Report::Acted { number: _, end: _, kept } => drop(kept.send(Ok(Vec::new()))),
            Report::Refused { wish, stands, words } => self.refused.push((wish, stands, words)),
            // A feed's affair.
            Report::Seen(_) => {}
            // This engine knows no wishes.
            Report::Kept { which: _, answer } => drop(answer.send(Ok(Vec::new()))),
            Report::Together { family: _, answer } => drop(answer.send(Ok(Together::default()))),
        }
    }
}

/// The sandbox and an account signed in to it.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) env: Env,
    pub(crate) settings: PodioSettings,
    pub(crate) account: AccountId,
    _home: tempfile::TempDir,
}

/// A source that runs.
pub(crate) struct Link {
    told: watch::Receiver<Told>,
    orders: mpsc::Sender<Order>,
    ended: Option<oneshot::Receiver<(Failure, Source)>>,
    _tasks: Vec<Task>,
}

impl Bench {
    /// Not signed in.
    pub(crate) async fn fresh() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let env = Env {
            clock: Clock::system(),
            http: Http::new().unwrap(),
            secrets: Arc::new(Secrets::memory()),
            paths: Arc::new(Paths::under(home.path())),
            opener: Arc::new(Opener::default()),
        };
        let settings = PodioSettings {
            api_url: sandbox.api_url().parse().unwrap(),
            push_url: sandbox.push_url().parse().unwrap(),
            authorize_url: sandbox.authorize_url().parse().unwrap(),
            client_id: sandbox.key().client_id.clone(),
            redirect_host: "localhost".into(),
            push_transport: PushTransport::LongPolling,
            user_id: None,
        };
        Self { sandbox, env, settings, account: AccountId::new("podio").unwrap(), _home: home }
    }

    /// Signed in by password.
    pub(crate) async fn signed_in() -> Self {
        let mut bench = Self::fresh().await;
        bench.sign_in().await;
        bench
    }

    pub(crate) async fn sign_in(&mut self) {
        let user = self.sandbox.user();
        let how = How::Password { username: user.mail, password: user.password.into() };
        let step = self.begin(how).await.unwrap();
        let Step::Done(done) = step else { panic!("not signed in: {step:?}") };
        for (name, secret) in done.secrets {
            self.env.secrets.put(&self.account, name, secret).await.unwrap();
        }
        let Settings::Podio(settings) = done.settings else { panic!("not an account of Podio") };
        self.settings = settings;
        self.sandbox.podio().forget_observed();
    }

    pub(crate) async fn begin(&self, how: How) -> Result<Step, belfry::source::podio::sign_in::SignInError> {
        let secret = self.sandbox.key().client_secret.clone().into();
        begin(&self.env, &self.account, self.settings.clone(), secret, how).await
    }

    pub(crate) fn user(&self) -> u64 {
        self.sandbox.user().user_id
    }

    pub(crate) fn source(&self, cursor: Option<Cursor>) -> Source {
        let account = belfry::account::Account {
            id: self.account.clone(),
            label: "Podio".into(),
            paused: false,
            choices: belfry::account::Choices::default(),
            settings: Settings::Podio(self.settings.clone()),
        };
        Source::new(&account, self.env.clone(), cursor)
    }

    /// Runs a new source from the beginning.
    pub(crate) fn run(&self) -> Link {
        Link::of(self.source(None))
    }

    /// Runs a new source until it is live.
    pub(crate) async fn live(&self) -> Link {
        let link = self.run();
        link.until(|told| told.is(&LinkState::Live)).await;
        link
    }
}

impl Link {
    pub(crate) fn of(mut source: Source) -> Self {
        let (mut outbox, mut reports, orders) = Outbox::new();
        let (end, ended) = oneshot::channel();
        let (keep, told) = watch::channel(Told::default());
        let source = Tasks::start("source", async move {
            let failure = source.run(&mut outbox).await;
            drop(end.send((failure, source)));
        });
        let engine = Tasks::start("engine", async move {
            while let Some(report) = reports.recv().await {
                keep.send_modify(|told| told.take(report));
            }
            // What was told outlives the link.
            std::future::pending::<()>().await;
        });
        Self { told, orders, ended: Some(ended), _tasks: vec![source, engine] }
    }

    pub(crate) fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// Waits for a state of what was told.
    pub(crate) async fn until(&self, done: impl FnMut(&Told) -> bool) -> Told {
        let mut told = self.told.clone();
        let found = tokio::time::timeout(LIMIT, told.wait_for(done)).await;
        match found {
            Ok(told) => told.unwrap().clone(),
            Err(_) => panic!("not within {LIMIT:?}; told {:#?}", self.told()),
        }
    }

    pub(crate) async fn order(&self, order: Order) {
        self.orders.send(order).await.unwrap();
    }

    /// Waits for the end of the link; gives the failure and the source.
    pub(crate) async fn end(&mut self) -> (Failure, Source) {
        let ended = self.ended.take().expect("ends once");
        match tokio::time::timeout(LIMIT, ended).await {
            Ok(end) => end.unwrap(),
            Err(_) => panic!("the link did not end; told {:#?}", self.told()),
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.ended.as_mut().is_none_or(|ended| ended.try_recv().is_ok())
    }
}
