//! What the store's tests stand on: a database in a folder of its own, and notifications with only the interesting parts given.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Admitted, Opened, Store};
use crate::account::{Account, AccountId, Choices, PodioSettings, PushTransport, Settings};
use crate::notification::{Arrival, Context, Detail, Icon, Kind, Notification, NotificationId};

/// An open store in a folder that goes with it.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) store: Store,
}

impl Bench {
    /// With no account.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("data/belfry.db"), at(0)).unwrap().store;
        Self { folder, store }
    }

    /// With the account `podio`.
    pub(super) async fn with_account() -> Self {
        let bench = Self::new();
        bench.store.put_account(account("podio"), at(0)).await.unwrap();
        bench
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("data/belfry.db")
    }

    /// Closes the store and opens it again.
    pub(super) async fn reopen(&mut self) -> Opened {
        self.store.clone().close().await;
        let opened = Store::open(&self.path(), at(0)).unwrap();
        self.store = opened.store.clone();
        opened
    }

    /// A connection beside the store's own.
    pub(super) fn beside(&self) -> Connection {
        raw(&self.path())
    }

    /// Admits live notifications of `podio` and gives their rows.
    pub(super) async fn admit(&self, notifications: Vec<Notification>) -> Vec<NotificationId> {
        let admitted = self.admitted(notifications).await;
        admitted.into_iter().map(Admitted::id).collect()
    }

    /// The same, telling what became of each.
    pub(super) async fn admitted(&self, notifications: Vec<Notification>) -> Vec<Admitted> {
        self.store.admit(id("podio"), notifications, Arrival::Live, None, at(9_000)).await.unwrap()
    }
}

/// A database as it lies, without any of the store's own care.
#[expect(clippy::disallowed_methods, reason = "tests look at the file from outside and harm it")]
pub(super) fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

pub(super) fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

pub(super) fn account(name: &str) -> Account {
    Account {
        id: id(name),
        label: format!("{name} at work"),
        paused: false,
        settings: Settings::Podio(PodioSettings {
            api_url: "https://api.podio.com".parse().unwrap(),
            push_url: "https://push.podio.com/faye".parse().unwrap(),
            authorize_url: "https://podio.com/oauth/authorize".parse().unwrap(),
            client_id: "belfry".into(),
            redirect_host: "localhost".into(),
            push_transport: PushTransport::LongPolling,
            user_id: None,
        }),
        choices: Choices::default(),
    }
}

/// A whole, unread notification of `podio`.
pub(super) fn told(external_id: &str, ms: i64) -> Notification {
    Notification {
        account: id("podio"),
        external_id: external_id.into(),
        kind: Kind::Comment,
        icon: Icon::Comment,
        title: format!("title of {external_id}"),
        body: "a body".into(),
        actor: Some("Ada".into()),
        context: Context {
            what: "item".into(),
            id: "7".into(),
            title: Some("an item".into()),
            place: Some("a space".into()),
            url: Some("https://podio.com/x".into()),
        },
        occurred_at: at(ms),
        read: false,
        starred: false,
        wants_banner: true,
        wants_sound: true,
        no_news: false,
        urgency: None,
        version: 0,
        detail: Detail::Whole,
        raw: "{}".into(),
    }
}

/// What a push alone says.
pub(super) fn hint(external_id: &str, ms: i64) -> Notification {
    Notification { detail: Detail::Hint, title: "something".into(), actor: None, ..told(external_id, ms) }
}
