//! `belfry run`: the resident, told on standard output: what comes, how links stand, what became of toasts.
//!
//! Each notification is told exactly once, in the order in which it was kept, also where signals were missed: signals only say when to
//! look, the store says what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::time::timeout;

use crate::account::AccountId;
use crate::cli::inbox::headline;
use crate::cli::print::{clean, json_line, local};
use crate::env::{Clock, Env, Tasks};
use crate::front::views::{Entry, Signal, Trouble};
use crate::front::{Notifier, Resident, ToastChoice};
use crate::link::LinkState;
use crate::notification::{Icon, Kind, NotificationId};
use crate::tray::Tray;

/// The resident is stopped within this, whatever hangs.
const STOP: Duration = Duration::from_secs(3);
/// Notifications read from the store at once.
const PAGE: u32 = 200;

#[derive(Debug, Args)]
#[command(after_help = "\
With --json each line is one of
  {\"event\":\"link\",\"account\":…,\"state\":…,\"reason\":…,\"until\":…}
  {\"event\":\"notification\",\"id\":…,\"account\":…,\"external_id\":…,\"kind\":…,\"icon\":…,\"title\":…,\"body\":…,\"url\":…}
  {\"event\":\"toast\",\"id\":…,\"outcome\":…,\"reason\":…}

Ctrl-C, SIGTERM and SIGHUP stop it cleanly, and so does Quit in the tray.")]
pub(super) struct Run {
    /// Print one JSON object per line instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Show an icon in the tray
    #[arg(long)]
    pub(super) tray: bool,
    /// Where toasts go
    #[arg(long, value_enum, default_value_t = Toasts::Native)]
    toast: Toasts,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Toasts {
    /// To the desktop
    Native,
    /// Only to the output
    Print,
    /// Nowhere
    Off,
}

impl Run {
    fn toasts(&self) -> ToastChoice {
        match self.toast {
            Toasts::Native => ToastChoice::Native,
            // As JSON each toast is an object of ours among the others.
            Toasts::Print if self.json => ToastChoice::Silent,
            Toasts::Print => ToastChoice::Print,
            Toasts::Off => ToastChoice::Off,
        }
    }
}

pub(super) async fn run(env: Env, wish: Run) -> Result<(), Trouble> {
    let mut stop = StopSigns::watch()
        .map_err(|error| Trouble::failed(format!("signals of the system cannot be received: {error}")))?;
    let clock = env.clock.clone();
    let began = clock.now();
    let resident = tokio::select! {
        started = Resident::start(env.clone(), wish.toasts()) => started?,
        () = stop.next() => return Ok(()),
    };
    let notifier = resident.notifier();
    let tray = wish.tray.then(|| Tray::start(notifier.clone(), &env));
    let told = tokio::select! {
        told = tell(&notifier, began, clock, wish.json) => told,
        () = stop.next() => Ok(()),
        () = quit(tray.as_ref()) => Ok(()),
    };
    let stopping = async {
        if let Some(tray) = tray {
            tray.stop().await;
        }
        resident.stop().await;
    };
    tokio::select! {
        stopped = timeout(STOP, stopping) => {
            if stopped.is_err() {
                tracing::warn!("not everything stopped within {} s", STOP.as_secs());
            }
        }
        () = stop.next() => tracing::warn!("asked twice to stop: leaving at once"),
    }
    told
}

/// Returns when the person quits in the tray; never without one.
async fn quit(tray: Option<&Tray>) {
    match tray {
        Some(tray) => tray.quit().await,
        None => std::future::pending().await,
    }
}

/// Tells until the engine ends or nobody reads any more.
async fn tell(notifier: &Notifier, began: Timestamp, clock: Clock, json: bool) -> Result<(), Trouble> {
    // First listen, then look: nothing falls between.
    let mut signals = notifier.signals().await?;
    let last = last_before(notifier, began).await?;
    let mut teller = Teller::new(notifier, last);
    let format = Format { json, zone: TimeZone::system(), clock };
    let mut told = teller.links().await?;
    told.extend(teller.drain().await?);
    loop {
        if !told.is_empty() && !print(format.text(&told)?).await? {
            return Ok(());
        }
        let Some(signal) = signals.next().await else {
            return Ok(());
        };
        told = match teller.take(signal).await {
            Ok(told) => told,
            Err(trouble) => {
                // The store may answer again at the next signal; until then nothing counts as told.
                tracing::warn!(%trouble, "what changed could not be read");
                Vec::new()
            }
        };
    }
}

/// The newest notification that was kept before this run began. The first of this run may have come before anyone could ask.
async fn last_before(notifier: &Notifier, began: Timestamp) -> Result<NotificationId, Trouble> {
    let newest = notifier.newest().await?;
    let back = i64::from(PAGE);
    let latest = notifier.kept_after(NotificationId(newest.0.saturating_sub(back).max(0)), PAGE).await?;
    let first_of_this_run = latest.iter().find(|entry| entry.kept_at >= began);
    Ok(first_of_this_run.map_or(newest, |entry| NotificationId(entry.id.0 - 1)))
}

/// What is told.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told {
    Link {
        account: AccountId,
        #[serde(flatten)]
        state: LinkState,
    },
    Notification(Box<Arrived>),
    Toast {
        id: NotificationId,
        outcome: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

#[derive(Debug, PartialEq, Serialize)]
struct Arrived {
    id: NotificationId,
    account: AccountId,
    external_id: String,
    kind: Kind,
    icon: Icon,
    title: String,
    body: String,
    url: Option<String>,
    #[serde(skip)]
    headline: String,
}

impl From<Entry> for Arrived {
    fn from(entry: Entry) -> Self {
        let headline = headline(&entry);
        let notification = entry.notification;
        Self {
            id: entry.id,
            account: notification.account,
            external_id: notification.external_id,
            kind: notification.kind,
            icon: notification.icon,
            title: notification.title,
            body: notification.body,
            url: notification.context.url,
            headline,
        }
    }
}

/// Turns signals into what is told.
struct Teller<'a> {
    notifier: &'a Notifier,
    /// The last notification told.
    last: NotificationId,
    links: BTreeMap<AccountId, LinkState>,
    /// Told, and nothing heard of their toasts yet.
    undecided: BTreeSet<NotificationId>,
    /// Toasts told after signals were missed: their signal may still come, and is not told again.
    recovered: BTreeMap<NotificationId, String>,
}

impl<'a> Teller<'a> {
    fn new(notifier: &'a Notifier, last: NotificationId) -> Self {
        Self {
            notifier,
            last,
            links: BTreeMap::new(),
            undecided: BTreeSet::new(),
            recovered: BTreeMap::new(),
        }
    }

    async fn take(&mut self, signal: Signal) -> Result<Vec<Told>, Trouble> {
        match signal {
            Signal::Link { account, state } => Ok(self.link(account, state).into_iter().collect()),
            Signal::New { id } if id <= self.last => Ok(Vec::new()),
            Signal::New { .. } => self.drain().await,
            Signal::Renewed { id } => self.renewed(id).await,
            Signal::Changed { .. } | Signal::Settings | Signal::Reread | Signal::Refused { .. } => {
                Ok(Vec::new())
            }
            Signal::Toast { id, outcome, reason } => {
                let mut told = if id > self.last { self.drain().await? } else { Vec::new() };
                self.undecided.remove(&id);
                if self.recovered.remove(&id).as_ref() != Some(&outcome) {
                    told.push(Told::Toast { id, outcome, reason });
                }
                Ok(told)
            }
            Signal::Accounts => self.links().await,
            Signal::Missed => {
                let mut told = self.links().await?;
                told.extend(self.drain().await?);
                told.extend(self.missed_toasts().await?);
                Ok(told)
            }
        }
    }

    /// A notification told before, told anew.
    async fn renewed(&mut self, id: NotificationId) -> Result<Vec<Told>, Trouble> {
        let mut told = self.drain().await?;
        // What was kept just now has been told as it is.
        if !told.iter().any(|told| matches!(told, Told::Notification(it) if it.id == id)) {
            let entry = self.notifier.entry(id).await?;
            self.undecided.insert(id);
            told.push(Told::Notification(Box::new(entry.into())));
        }
        Ok(told)
    }

    /// Notifications kept since the last one told.
    async fn drain(&mut self) -> Result<Vec<Told>, Trouble> {
        let mut told = Vec::new();
        loop {
            let page = self.notifier.kept_after(self.last, PAGE).await?;
            let Some(newest) = page.last() else {
                return Ok(told);
            };
            self.last = newest.id;
            self.undecided.extend(page.iter().map(|entry| entry.id));
            told.extend(page.into_iter().map(|entry| Told::Notification(Box::new(entry.into()))));
        }
    }

    async fn links(&mut self) -> Result<Vec<Told>, Trouble> {
        let accounts = self.notifier.accounts().await?;
        self.links.retain(|known, _| accounts.iter().any(|account| account.id == *known));
        Ok(accounts.into_iter().filter_map(|account| self.link(account.id, account.state)).collect())
    }

    fn link(&mut self, account: AccountId, state: LinkState) -> Option<Told> {
        if self.links.get(&account) == Some(&state) {
            return None;
        }
        self.links.insert(account.clone(), state.clone());
        Some(Told::Link { account, state })
    }

    async fn missed_toasts(&mut self) -> Result<Vec<Told>, Trouble> {
        let mut told = Vec::new();
        for id in self.undecided.clone() {
            let why = self.notifier.why(id).await?;
            if why.outcome != "pending" {
                self.undecided.remove(&id);
                self.recovered.insert(id, why.outcome.clone());
                told.push(Told::Toast { id, outcome: why.outcome, reason: why.reason });
            }
        }
        Ok(told)
    }
}

struct Format {
    json: bool,
    zone: TimeZone,
    clock: Clock,
}

impl Format {
    fn text(&self, told: &[Told]) -> Result<String, Trouble> {
        let now = local(self.clock.now(), &self.zone);
        told.iter().map(|told| if self.json { json_line(told) } else { Ok(sentence(told, &now)) }).collect()
    }
}

fn sentence(told: &Told, now: &str) -> String {
    match told {
        Told::Link { account, state } => {
            let reason = state.reason().map_or_else(String::new, |reason| format!(": {}", clean(reason)));
            format!("{now}  {account} is {}{reason}\n", state.name())
        }
        Told::Notification(arrived) => {
            format!("{now}  {:>6}  {}: {}\n", arrived.id.0, arrived.account, arrived.headline)
        }
        Told::Toast { id, outcome, reason } => {
            let reason = reason.as_deref().map_or_else(String::new, |reason| format!(" ({})", clean(reason)));
            format!("{now}  {:>6}  toast {}{reason}\n", id.0, clean(outcome))
        }
    }
}

/// Writes to standard output on a thread of its own: a reader that is slow holds up the telling and nothing else. False if nobody reads.
async fn print(text: String) -> Result<bool, Trouble> {
    let written = Tasks::blocking("print", move || {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    });
    match written.await {
        Some(Ok(())) => Ok(true),
        Some(Err(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Some(Err(error)) => Err(Trouble::failed(format!("the output could not be written: {error}"))),
        None => Err(Trouble::failed("the output could not be written")),
    }
}

/// What asks the resident to stop.
struct StopSigns {
    #[cfg(unix)]
    signs: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
    #[cfg(windows)]
    shutdown: tokio::signal::windows::CtrlShutdown,
}

impl StopSigns {
    #[cfg(unix)]
    fn watch() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let on = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = on.map(signal);
        Ok(Self { signs: [interrupt?, terminate?, hangup?] })
    }

    #[cfg(windows)]
    fn watch() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self { interrupt: ctrl_c()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signs;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(windows)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.close.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::value::to_raw_value;
    use tokio::sync::broadcast;

    use super::*;
    use crate::env::Paths;
    use crate::front::Request;
    use crate::front::client::Client;
    use crate::front::server::{Answering, Server, serve};
    use crate::front::views::Why;
    use crate::notification::{Context, Detail, Notification};

    fn entry(id: i64) -> Entry {
        let at: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
        Entry {
            id: NotificationId(id),
            kept_at: at.checked_add(jiff::SignedDuration::from_secs(id)).unwrap(),
            read_at: None,
            read_elsewhere: false,
            notification: Notification {
                account: AccountId::new("podio").unwrap(),
                external_id: id.to_string(),
                kind: Kind::Comment,
                icon: Icon::Comment,
                title: "Anna".into(),
                body: String::new(),
                actor: None,
                context: Context::default(),
                occurred_at: at,
                read: false,
                starred: false,
                wants_banner: true,
                wants_sound: true,
                no_news: false,
                urgency: None,
                version: 0,
                detail: Detail::Whole,
                raw: "{}".into(),
            },
        }
    }

    /// A store of numbered notifications behind a real front door; a toast is `shown` once its number is even, else still pending.
    struct Fake {
        _home: tempfile::TempDir,
        _server: Server,
        newest: Arc<Mutex<i64>>,
        notifier: Notifier,
    }

    async fn fake() -> Fake {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        std::fs::create_dir(paths.socket().parent().unwrap()).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(
            paths.socket().parent().unwrap(),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        let newest = Arc::new(Mutex::new(0));
        let kept = newest.clone();
        let answer = move |request| {
            let newest = *kept.lock().unwrap();
            let json = match request {
                Request::KeptAfter { id, limit } => {
                    let page: Vec<Entry> = (id.0 + 1..=newest).take(limit as usize).map(entry).collect();
                    to_raw_value(&page)
                }
                Request::Newest {} => to_raw_value(&newest),
                Request::Why { id } => {
                    let outcome = if id.0 % 2 == 0 { "shown" } else { "pending" };
                    to_raw_value(&Why { id, story: vec![], outcome: outcome.into(), reason: None })
                }
                _ => to_raw_value(&Vec::<u8>::new()),
            };
            let answer: futures_util::future::BoxFuture<'static, _> = Box::pin(async { Ok(json.unwrap()) });
            answer
        };
        let (signals, _) = broadcast::channel(1);
        let server = serve(Answering::by(answer, move || signals.subscribe()), &paths).await.unwrap();
        let notifier = Notifier::There(Client::connect(&paths).await.unwrap().unwrap());
        Fake { _home: home, _server: server, newest, notifier }
    }

    fn new(id: i64) -> Signal {
        Signal::New { id: NotificationId(id) }
    }

    fn toast(id: i64, outcome: &str) -> Signal {
        Signal::Toast { id: NotificationId(id), outcome: outcome.into(), reason: None }
    }

    /// `n5` for a notification, `t5` for its toast.
    async fn told(teller: &mut Teller<'_>, signal: Signal) -> Vec<String> {
        let brief = |told: &Told| match told {
            Told::Link { account, .. } => account.to_string(),
            Told::Notification(arrived) => format!("n{}", arrived.id),
            Told::Toast { id, .. } => format!("t{id}"),
        };
        teller.take(signal).await.unwrap().iter().map(brief).collect()
    }

    #[tokio::test]
    async fn each_notification_is_told_once_and_before_its_toast() {
        let fake = fake().await;
        let mut teller = Teller::new(&fake.notifier, NotificationId(0));
        *fake.newest.lock().unwrap() = 3;
        assert_eq!(told(&mut teller, new(1)).await, ["n1", "n2", "n3"]);
        assert_eq!(told(&mut teller, new(2)).await, [""; 0]);
        assert_eq!(told(&mut teller, toast(1, "shown")).await, ["t1"]);
        *fake.newest.lock().unwrap() = 4;
        assert_eq!(told(&mut teller, toast(4, "shown")).await, ["n4", "t4"]);
        assert_eq!(told(&mut teller, new(4)).await, [""; 0]);
    }

    #[tokio::test]
    async fn what_was_missed_is_told_from_the_store_and_not_again() {
        let fake = fake().await;
        let mut teller = Teller::new(&fake.notifier, NotificationId(0));
        *fake.newest.lock().unwrap() = 2;
        assert_eq!(told(&mut teller, new(1)).await, ["n1", "n2"]);
        *fake.newest.lock().unwrap() = 4;
        assert_eq!(told(&mut teller, Signal::Missed).await, ["n3", "n4", "t2", "t4"]);
        // These were in the line behind the gap.
        assert_eq!(told(&mut teller, new(4)).await, [""; 0]);
        assert_eq!(told(&mut teller, toast(4, "shown")).await, [""; 0]);
        // What was still pending comes by its signal; a second banner would be told, not hidden.
        assert_eq!(told(&mut teller, toast(3, "shown")).await, ["t3"]);
        assert_eq!(told(&mut teller, toast(4, "shown")).await, ["t4"]);
    }

    #[tokio::test]
    async fn more_than_a_page_is_told_to_the_last() {
        let fake = fake().await;
        let mut teller = Teller::new(&fake.notifier, NotificationId(0));
        *fake.newest.lock().unwrap() = i64::from(PAGE) * 2 + 1;
        assert_eq!(told(&mut teller, new(1)).await.len(), PAGE as usize * 2 + 1);
    }

    #[tokio::test]
    async fn telling_begins_after_what_was_kept_before_the_run() {
        let fake = fake().await;
        assert_eq!(last_before(&fake.notifier, entry(1).kept_at).await.unwrap(), NotificationId(0));
        *fake.newest.lock().unwrap() = 120;
        assert_eq!(last_before(&fake.notifier, entry(111).kept_at).await.unwrap(), NotificationId(110));
        assert_eq!(last_before(&fake.notifier, entry(500).kept_at).await.unwrap(), NotificationId(120));
    }

    #[test]
    fn json_lines_are_as_the_help_says() {
        let podio = AccountId::new("podio").unwrap();
        let cases = [
            (
                Told::Link { account: podio.clone(), state: LinkState::Live },
                r#"{"event":"link","account":"podio","state":"live"}"#,
            ),
            (
                Told::Link {
                    account: podio.clone(),
                    state: LinkState::Waiting {
                        until: "2026-11-22T15:00:30Z".parse().unwrap(),
                        reason: "no network".into(),
                    },
                },
                r#"{"event":"link","account":"podio","state":"waiting","until":"2026-11-22T15:00:30Z","reason":"no network"}"#,
            ),
            (
                Told::Notification(Box::new(Arrived {
                    id: NotificationId(3),
                    account: podio,
                    external_id: "99".into(),
                    kind: Kind::Comment,
                    icon: Icon::Comment,
                    title: "Anna".into(),
                    body: String::new(),
                    url: None,
                    headline: "Anna".into(),
                })),
                r#"{"event":"notification","id":3,"account":"podio","external_id":"99","kind":"comment","icon":"comment","title":"Anna","body":"","url":null}"#,
            ),
            (
                Told::Toast { id: NotificationId(3), outcome: "shown".into(), reason: None },
                r#"{"event":"toast","id":3,"outcome":"shown"}"#,
            ),
            (
                Told::Toast { id: NotificationId(3), outcome: "quiet".into(), reason: Some("late".into()) },
                r#"{"event":"toast","id":3,"outcome":"quiet","reason":"late"}"#,
            ),
        ];
        for (told, line) in cases {
            assert_eq!(json_line(&told).unwrap().trim_end(), line);
        }
    }
}
