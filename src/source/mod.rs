//! ① A source turns a service's bytes into notifications: it connects, catches up, streams, and returns only when it failed.
//!
//! In: an account's settings, `Env`. Out: through the [`Outbox`]. Knows nothing of the database, toasts or who asks.

pub mod auth;
pub mod cloudapp;
pub mod demo;
mod exchange;
pub mod generic;
mod plain;
pub mod podio;
pub mod podium;
pub mod pusher;
mod sign_out;
pub mod webhook;

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};

use crate::account::{Account, Service, Settings};
use crate::act::{Act, ActEnd, Offer};
use crate::env::{Env, SecretName};
use crate::link::{Cursor, Failure, LinkState};
use crate::notification::{Arrival, Kind, Mark, Notification, NotificationId, Together};
use crate::part::Part;

pub use self::sign_out::{Left, sign_out};

/// What a source tells the engine.
#[derive(Debug)]
pub enum Report {
    /// The link stands here now.
    State(LinkState),
    /// The service gave a sign of life.
    Alive,
    /// The link lives, and does not hear this, in a sentence; `None` if it hears all.
    Unheard(Option<String>),
    /// The person's name at the service and other settings are known better now.
    Identity {
        /// What to call the account on screen.
        label: String,
        /// Settings with what was learned (the user's number).
        settings: Box<Settings>,
    },
    /// Keep these in one transaction, with the cursor if there is one; answer when committed.
    Deliver {
        /// The notifications, oldest first.
        notifications: Vec<Notification>,
        /// How they came in.
        arrival: Arrival,
        /// Where catch-up stands once they are kept.
        cursor: Option<Cursor>,
        /// They should have come by push, since the link was live: those that are new are counted.
        late: bool,
        /// Answered once committed.
        kept: oneshot::Sender<Result<(), Failure>>,
    },
    /// These are the external ids that the service holds unread, complete for one family of them and for everything that happened
    /// from `since` on: what we hold unread of that family beyond them was read elsewhere.
    StillUnread {
        /// The family: only rows whose external id begins with this are spoken of.
        family: String,
        /// External ids.
        unread: Vec<String>,
        /// The instant from which on the list is complete; `None` means from the beginning.
        since: Option<jiff::Timestamp>,
        /// Answered once committed.
        kept: oneshot::Sender<Result<(), Failure>>,
    },
    /// These external ids were unread at the service when it was asked: what is read here of them, since before that and with no wish
    /// open, was marked unread elsewhere.
    UnreadThere {
        /// External ids.
        unread: Vec<String>,
        /// When the service was asked, by our clock.
        asked: jiff::Timestamp,
        /// Answered once committed.
        kept: oneshot::Sender<Result<(), Failure>>,
    },
    /// These are the external ids of one family that are starred at the service, all of them.
    Starred {
        /// The family: only rows whose external id begins with this are spoken of.
        family: String,
        /// External ids.
        starred: Vec<String>,
        /// Answered once committed.
        kept: oneshot::Sender<Result<(), Failure>>,
    },
    /// A wish was carried out at the service (or the service says that there is nothing to do any more).
    Done(Wish),
    /// The service refused a wish for good.
    Refused {
        /// Which.
        wish: Wish,
        /// How the mark stands at the service.
        stands: Mark,
        /// Why, in a sentence.
        words: String,
    },
    /// Which of the open wishes to mark as read can one call serve? Asked right before it is made.
    Together {
        /// Only wishes whose external id begins with this are meant.
        family: String,
        /// The answer.
        answer: oneshot::Sender<Result<Together, Failure>>,
    },
    /// What is kept of this account? For a source that has to know what changed.
    Kept {
        /// Which of it.
        which: Which,
        /// The answer, newest first.
        answer: oneshot::Sender<Result<Vec<Notification>, Failure>>,
    },
    /// The last events of a feed are remembered here from now on.
    Seen(generic::Seen),
    /// The service is about to be told of this act: from here on it cannot be taken back.
    Begin {
        /// Its number.
        number: i64,
        /// Answered once committed: what it is and what it is done from; `None` if there is nothing to tell any more.
        begun: oneshot::Sender<Result<Begun, Failure>>,
    },
    /// How telling the service of an act ended.
    Acted {
        /// Its number.
        number: i64,
        /// How.
        end: ActEnd,
        /// Answered once committed, with what else the service is to be told because of it.
        kept: oneshot::Sender<Result<Vec<Wish>, Failure>>,
    },
}

/// Which kept notifications a source asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one of this external id.
    One {
        /// The service's own name for it.
        external_id: String,
    },
    /// Those of a family, from an instant on.
    Family {
        /// Their external ids begin with this.
        family: String,
        /// They happened then or later; `None` means from the beginning.
        since: Option<jiff::Timestamp>,
        /// At most so many, the newest ones.
        limit: usize,
    },
}

/// What the person wants done at the service. Kept by the engine until it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which notification.
    pub external_id: String,
    /// Read or unread again, starred or not any more.
    pub mark: Mark,
}

/// An act that is to be told to the service now, and what it is done from.
pub type Begun = Option<Box<(Notification, Act)>>;

/// An act that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its number.
    pub number: i64,
    /// It is not told before.
    pub at: jiff::Timestamp,
}

/// A source's two lines to the engine: reports go out, wishes and pokes come in.
#[derive(Debug)]
pub struct Outbox {
    reports: Reports,
    orders: mpsc::Receiver<Order>,
}

/// The line out. Clones are the same line, for work that goes on beside the source's reading.
#[derive(Debug, Clone)]
pub struct Reports {
    line: mpsc::Sender<Report>,
}

/// What the engine asks of a running source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Carry this out at the service and answer `Report::Done`; on a passing failure keep trying with the next chance.
    Wish(Wish),
    /// Tell the service of this act, not before it is due, in the order of the numbers: `Report::Begin`, then `Report::Acted`.
    Act(Due),
    /// The machine woke or the network changed: prove within 5 s that the link lives, or fail.
    Probe,
    /// These were admitted as hints (external ids): complete them when there is room.
    Complete(Vec<String>),
}

impl Outbox {
    /// A pair of lines; the engine keeps the other ends.
    pub fn new() -> (Self, mpsc::Receiver<Report>, mpsc::Sender<Order>) {
        let (line, from_source) = mpsc::channel(64);
        let (to_source, orders) = mpsc::channel(64);
        (Self { reports: Reports { line }, orders }, from_source, to_source)
    }

    /// The line out.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The next order. Cancel safe. Pends for ever once the engine is gone.
    pub async fn order(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

impl Reports {
    /// Says where the link stands.
    pub async fn state(&self, state: LinkState) {
        self.tell(Report::State(state)).await;
    }

    /// Says that the service gave a sign of life. Never waits: if the line is full, the engine has other proof of it.
    pub fn alive(&self) {
        drop(self.line.try_send(Report::Alive));
    }

    /// Says anything that needs no answer.
    pub async fn tell(&self, report: Report) {
        // The engine is gone only when everything is being stopped; this task ends with it.
        drop(self.line.send(report).await);
    }

    /// Hands notifications over; returns once they are committed.
    pub async fn deliver(
        &self,
        notifications: Vec<Notification>,
        arrival: Arrival,
        cursor: Option<Cursor>,
    ) -> Result<(), Failure> {
        let (kept, answer) = oneshot::channel();
        self.tell(Report::Deliver { notifications, arrival, cursor, late: false, kept }).await;
        answered(answer).await
    }

    /// Hands over notifications that should have come by push and did not; returns once they are committed and counted.
    pub async fn deliver_found_late(&self, notifications: Vec<Notification>) -> Result<(), Failure> {
        let (kept, answer) = oneshot::channel();
        let (arrival, cursor) = (Arrival::Backlog, None);
        self.tell(Report::Deliver { notifications, arrival, cursor, late: true, kept }).await;
        answered(answer).await
    }

    /// Says what was unread at the service when it was asked; returns once committed.
    pub async fn unread_there(&self, unread: Vec<String>, asked: jiff::Timestamp) -> Result<(), Failure> {
        let (kept, answer) = oneshot::channel();
        self.tell(Report::UnreadThere { unread, asked, kept }).await;
        answered(answer).await
    }

    /// Says what is starred of a family at the service; returns once committed.
    pub async fn starred(&self, family: String, starred: Vec<String>) -> Result<(), Failure> {
        let (kept, answer) = oneshot::channel();
        self.tell(Report::Starred { family, starred, kept }).await;
        answered(answer).await
    }

    /// What is kept under this external id, as it is committed now.
    pub async fn kept_one(&self, external_id: &str) -> Result<Option<Notification>, Failure> {
        let kept = self.ask_kept(Which::One { external_id: external_id.to_owned() }).await?;
        Ok(kept.into_iter().next())
    }

    /// What is kept of a family from an instant on, newest first, at most `limit`.
    pub async fn kept(
        &self,
        family: &str,
        since: Option<jiff::Timestamp>,
        limit: usize,
    ) -> Result<Vec<Notification>, Failure> {
        self.ask_kept(Which::Family { family: family.to_owned(), since, limit }).await
    }

    async fn ask_kept(&self, which: Which) -> Result<Vec<Notification>, Failure> {
        let (answer, asked) = oneshot::channel();
        self.tell(Report::Kept { which, answer }).await;
        answered(asked).await
    }

    /// Asks which open wishes to mark as read one call may serve.
    pub async fn together(&self, family: String) -> Result<Together, Failure> {
        let (answer, asked) = oneshot::channel();
        self.tell(Report::Together { family, answer }).await;
        answered(asked).await
    }

    /// Says that an act is about to be told; gives what to tell once that is committed.
    pub async fn begin(&self, number: i64) -> Result<Begun, Failure> {
        let (begun, answer) = oneshot::channel();
        self.tell(Report::Begin { number, begun }).await;
        answered(answer).await
    }

    /// Says how telling an act ended; gives what else is to be told because of it, once that is committed.
    pub async fn acted(&self, number: i64, end: ActEnd) -> Result<Vec<Wish>, Failure> {
        let (kept, answer) = oneshot::channel();
        self.tell(Report::Acted { number, end, kept }).await;
        answered(answer).await
    }

    /// Says what is still unread of a family at the service; returns once committed.
    pub async fn still_unread(
        &self,
        family: String,
        unread: Vec<String>,
        since: Option<jiff::Timestamp>,
    ) -> Result<(), Failure> {
        let (kept, answer) = oneshot::channel();
        self.tell(Report::StillUnread { family, unread, since, kept }).await;
        answered(answer).await
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Failure>>) -> Result<T, Failure> {
    answer.await.unwrap_or_else(|_| Err(Failure::transient("Belfry is stopping")))
}

/// Of which kind the kept notifications are that the detail view of one of this kind wants beside it, if they are about the same thing.
pub fn beside(settings: &Settings, kind: &Kind) -> Option<Kind> {
    match settings {
        Settings::Podio(_) | Settings::Demo => podio::parts::beside(kind),
        Settings::Cloudapp(_) | Settings::Pusher(_) | Settings::Podium(_) | Settings::Webhook(_) => None,
    }
}

/// What the detail view of a kept notification shows. `others` are those that [`beside`] asked for, in any order.
pub fn parts(
    settings: &Settings,
    id: NotificationId,
    notification: &Notification,
    others: &[(NotificationId, Notification)],
) -> Vec<Part> {
    match settings {
        Settings::Podio(podio) => podio::parts::parts(id, notification, others, podio.user_id),
        Settings::Cloudapp(_) => cloudapp::parts(notification),
        Settings::Pusher(_) | Settings::Webhook(_) => generic::parts(notification),
        Settings::Podium(_) => podium::parts(notification),
        // It plays what Podio would send.
        Settings::Demo => podio::parts::parts(id, notification, others, None),
    }
}

/// How many others of one context a detail view shows at most.
pub const MOST_BESIDE: usize = podio::parts::MESSAGES;

/// What a kept notification of a service offers to do there.
pub fn offers(service: Service, notification: &Notification) -> Vec<Offer> {
    match service {
        Service::Podio => podio::offers(notification),
        // They can only be listened to.
        Service::Cloudapp | Service::Pusher | Service::Podium | Service::Webhook => Vec::new(),
        // There is nobody who would read an answer.
        Service::Demo => Vec::new(),
    }
}

/// A source of any service.
#[derive(Debug)]
pub enum Source {
    /// Podio.
    Podio(Box<podio::Podio>),
    /// CloudApp.
    Cloudapp(Box<cloudapp::Cloudapp>),
    /// A Pusher-compatible server.
    Pusher(Box<pusher::Pusher>),
    /// Podium.
    Podium(Box<podium::Podium>),
    /// Webhooks of any service.
    Webhook(Box<webhook::Webhook>),
    /// The demo.
    Demo(demo::Demo),
}

/// A sign-in that worked: what to keep of it.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The settings with what was learned.
    pub settings: Settings,
    /// What to call the account on screen.
    pub label: String,
    /// The secrets, to be kept in this order once it is certain that this is the right person.
    pub secrets: Vec<(SecretName, SecretString)>,
}

impl Source {
    /// The source of an account, not yet connected. `cursor` is where its catch-up stands.
    pub fn new(account: &Account, env: Env, cursor: Option<Cursor>) -> Self {
        match &account.settings {
            Settings::Podio(settings) => {
                Self::Podio(Box::new(podio::Podio::new(account.id.clone(), settings.clone(), env, cursor)))
            }
            Settings::Cloudapp(settings) => {
                let settings = settings.clone();
                Self::Cloudapp(Box::new(cloudapp::Cloudapp::new(account.id.clone(), settings, env, cursor)))
            }
            Settings::Pusher(settings) => {
                Self::Pusher(Box::new(pusher::Pusher::new(account.id.clone(), settings.clone(), env)))
            }
            Settings::Podium(settings) => {
                Self::Podium(Box::new(podium::Podium::new(account.id.clone(), settings.clone(), env, cursor)))
            }
            Settings::Webhook(settings) => {
                let settings = settings.clone();
                Self::Webhook(Box::new(webhook::Webhook::new(account.id.clone(), settings, env, cursor)))
            }
            Settings::Demo => Self::Demo(demo::Demo::new(account.id.clone(), env, cursor)),
        }
    }

    /// Connects, catches up, streams; returns only when it failed. May be called again: it keeps what it needs to resume.
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        match self {
            Self::Podio(podio) => podio.run(outbox).await,
            Self::Cloudapp(cloudapp) => cloudapp.run(outbox).await,
            Self::Pusher(pusher) => pusher.run(outbox).await,
            Self::Podium(podium) => podium.run(outbox).await,
            Self::Webhook(webhook) => webhook.run(outbox).await,
            Self::Demo(demo) => demo.run(outbox).await,
        }
    }
}
