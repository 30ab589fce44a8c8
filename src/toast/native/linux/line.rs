//! The one connection to the session bus: calls to the service, and its signals. Knows how D-Bus says things, not what they mean.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tracing::{debug, info};
use zbus::message::{Flags, Type};
use zbus::zvariant::{DynamicType, OwnedValue};
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::super::super::{Outcome, Toast, ToastEvent, ToastKey, ToastService, text};
use super::notify::{self, Paths};
use super::table::{Service, Signal, Table};
use crate::env::Tasks;
use crate::env::tasks::Task;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const BUS: &str = "org.freedesktop.DBus";

/// A service that takes longer is hung, and must not hang us.
const LIMIT: Duration = Duration::from_secs(5);

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No one owns the service's name, and the bus cannot start anyone. What the bus said.
    Nobody(String),
    /// The service says that it shows this already (KDE, within a second).
    Already,
    /// The service said no. Its words.
    Refused(String),
    /// It did not answer in time.
    Slow,
    /// The connection to the bus is gone.
    Lost(zbus::Error),
}

impl Trouble {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Nobody(said) => {
                format!("No notification service is running ({said}); start one, or rely on the inbox.")
            }
            Self::Already => "The desktop already shows it.".into(),
            Self::Refused(said) => format!("The desktop's notification service refused: {said}."),
            Self::Slow => format!(
                "The desktop's notification service did not answer within {} seconds.",
                LIMIT.as_secs()
            ),
            Self::Lost(error) => format!("The connection to the desktop's message bus broke: {error}."),
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Nobody(_) => Outcome::NoService { reason: self.words() },
            Self::Already => Outcome::AlreadyShown,
            Self::Refused(_) | Self::Slow | Self::Lost(_) => Outcome::Failed { reason: self.words() },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(said) | Self::Refused(said) => f.write_str(said),
            Self::Already => f.write_str("already shown"),
            Self::Slow => f.write_str("no answer in time"),
            Self::Lost(error) => error.fmt(f),
        }
    }
}

impl From<zbus::Error> for Trouble {
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(name, said, _) = &error else {
            return match error {
                zbus::Error::InputOutput(_) | zbus::Error::Address(_) | zbus::Error::Handshake(_) => {
                    Self::Lost(error)
                }
                // What cannot be read was answered all the same: trying again could show a toast twice.
                unreadable => Self::Refused(format!("its answer cannot be read: {unreadable}")),
            };
        };
        let said = text::title(said.as_deref().unwrap_or(name.as_str()));
        let said = said.trim_end_matches('.').to_owned();
        match name.as_str() {
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
                Self::Nobody(said)
            }
            spawn if spawn.starts_with("org.freedesktop.DBus.Error.Spawn.") => Self::Nobody(said),
            excess if excess.ends_with(".Error.ExcessNotificationGeneration") => Self::Already,
            _ => Self::Refused(said),
        }
    }
}

/// The connection, and what is shown through it.
#[derive(Debug)]
pub(super) struct Line {
    connection: Connection,
    table: Arc<Mutex<Table>>,
    listening: Task,
}

impl Line {
    /// Connects and listens. Nothing is sent to the service.
    pub(super) async fn open(
        address: Option<&str>,
        events: mpsc::Sender<ToastEvent>,
    ) -> Result<Self, Trouble> {
        let builder = match address {
            Some(address) => zbus::connection::Builder::address(address)?,
            None => zbus::connection::Builder::session()?,
        };
        // Nothing was asked yet: whatever goes wrong here, nobody was reached.
        let connection =
            timeout(LIMIT, builder.build()).await.map_err(|_| Trouble::Slow)?.map_err(Trouble::Lost)?;
        // One stream for everything keeps the order of the bus: an owner's end and its last signals cannot overtake one another.
        let stream = MessageStream::from(&connection);
        // The sender in the rule keeps forged broadcasts away; forged direct messages need no rule, so `Table::hear` looks again.
        let ours =
            MatchRule::builder().msg_type(Type::Signal).sender(NAME)?.path(PATH)?.interface(NAME)?.build();
        let owners = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(BUS)?
            .interface(BUS)?
            .member("NameOwnerChanged")?
            .arg(0, NAME)?
            .build();
        let table = Arc::new(Mutex::new(Table::default()));
        let listening =
            Tasks::start("toast signals", listen(stream, connection.clone(), Arc::clone(&table), events));
        let line = Self { connection, table, listening };
        for rule in [ours, owners] {
            line.call(BUS, "/org/freedesktop/DBus", BUS, "AddMatch", &rule.to_string()).await?;
        }
        Ok(line)
    }

    /// False once the bus hung up.
    pub(super) fn is_alive(&self) -> bool {
        !self.listening.is_finished()
    }

    /// Shows a toast, in place of an earlier one of the same key.
    pub(super) async fn show(&self, toast: &Toast, pictures: &Paths) -> Result<(), Trouble> {
        // Held until the id is known: a quick click waits for it, as does the next toast.
        let mut table = self.table.lock().await;
        let service = self.introduced(&mut table).await?;
        match self.notify(&mut table, &service, toast, pictures).await {
            // It went away between two calls. Whoever has the name now is asked anew, once.
            Err(Trouble::Nobody(_)) => {
                table.leave(&service.owner);
                let service = self.introduced(&mut table).await?;
                self.notify(&mut table, &service, toast, pictures).await
            }
            outcome => outcome,
        }
    }

    /// Takes a toast away.
    pub(super) async fn withdraw(&self, key: &ToastKey) -> Result<(), Trouble> {
        let (owner, id) = {
            let mut table = self.table.lock().await;
            let (Some(id), Some(service)) = (table.id(key), table.service()) else { return Ok(()) };
            let owner = service.owner.clone();
            table.gone(id);
            (owner, id)
        };
        self.call(&owner, PATH, NAME, "CloseNotification", &(id,)).await.map(drop)
    }

    /// Who the service is and what it can do.
    pub(super) async fn describe(&self) -> Result<ToastService, Trouble> {
        let reply = self.call(NAME, PATH, NAME, "GetServerInformation", &()).await?;
        let (name, _vendor, version, _spec): (String, String, String, String) = reply.body().deserialize()?;
        let service = self.introduce().await?;
        self.table.lock().await.meet(service.clone());
        let held_back = service.can("inhibitions") && self.is_inhibited().await;
        let name = text::title(&format!("{name} {version}"));
        let words = if held_back {
            format!("Toasts reach {name}, which holds them back now: Do Not Disturb is on.")
        } else if service.can("actions") {
            format!("Toasts are shown by {name}.")
        } else {
            format!(
                "Toasts are shown by {name}, which takes no clicks now (Do Not Disturb may be on): open things from the inbox."
            )
        };
        Ok(ToastService { name: Some(name), capabilities: service.capabilities, words, works: true })
    }

    /// The service as far as it is known; asked if it is not. One that takes no actions is asked before every toast: Xfce takes them
    /// out of its list during Do Not Disturb, and toasts after that must be clickable again. The other way round costs nothing:
    /// actions it has no use for are ignored.
    async fn introduced(&self, table: &mut Table) -> Result<Service, Trouble> {
        if let Some(known) = table.service().filter(|known| known.can("actions")) {
            return Ok(known.clone());
        }
        let service = self.introduce().await?;
        if table.service().is_none_or(|known| known.owner != service.owner) {
            info!(owner = service.owner, capabilities = ?service.capabilities, "met a notification service");
        }
        table.meet(service.clone());
        Ok(service)
    }

    /// Asks for the capabilities. Whoever answers owns the name.
    async fn introduce(&self) -> Result<Service, Trouble> {
        let reply = self.call(NAME, PATH, NAME, "GetCapabilities", &()).await?;
        let capabilities: Vec<String> = reply.body().deserialize()?;
        let owner = reply.header().sender().map(ToString::to_string).unwrap_or_default();
        Ok(Service { owner, capabilities })
    }

    /// Calls the very service whose capabilities are known, so that another one never gets its words or its ids.
    async fn notify(
        &self,
        table: &mut Table,
        service: &Service,
        toast: &Toast,
        pictures: &Paths,
    ) -> Result<(), Trouble> {
        let words = notify::words(toast, pictures, service);
        let replaces = table.id(&toast.key).unwrap_or(0);
        let (name, icon, summary, body) = (words.app_name, &words.app_icon, words.summary, &*words.body);
        let arguments = (name, replaces, icon, summary, body, &words.actions, &words.hints, notify::EXPIRE);
        let reply = self.call(&service.owner, PATH, NAME, "Notify", &arguments).await?;
        let id: u32 = reply.body().deserialize()?;
        table.shown(toast.key.clone(), id);
        Ok(())
    }

    /// KDE's Do Not Disturb. A service that cannot tell is not inhibited.
    async fn is_inhibited(&self) -> bool {
        let asked =
            self.call(NAME, PATH, "org.freedesktop.DBus.Properties", "Get", &(NAME, "Inhibited")).await;
        let value = asked.ok().and_then(|reply| reply.body().deserialize::<OwnedValue>().ok());
        value.is_some_and(|value| bool::try_from(value).unwrap_or(false))
    }

    async fn call<B>(
        &self,
        to: &str,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, Trouble>
    where
        B: Serialize + DynamicType + Sync,
    {
        let call = self.connection.call_method(Some(to), path, Some(interface), method, body);
        Ok(timeout(LIMIT, call).await.map_err(|_| Trouble::Slow)??)
    }
}

/// Until the bus hangs up: signals in, events out.
async fn listen(
    mut stream: MessageStream,
    connection: Connection,
    table: Arc<Mutex<Table>>,
    events: mpsc::Sender<ToastEvent>,
) {
    while let Some(Ok(message)) = stream.next().await {
        let header = message.header();
        let (Type::Signal, Some(sender)) = (message.message_type(), header.sender()) else { continue };
        if sender.as_str() == BUS {
            if let Some(owner) = left(&message) {
                table.lock().await.leave(&owner);
            }
            continue;
        }
        let Some(signal) = signal(&message) else { continue };
        let heard = table.lock().await.hear(sender.as_str(), signal);
        if let Some(id) = heard.close
            && let Err(error) = close(&connection, sender.as_str(), id).await
        {
            debug!(%error, "a clicked toast could not be closed");
        }
        if let Some(event) = heard.event
            && events.send(event).await.is_err()
        {
            debug!("nobody listens to toasts any more");
        }
    }
}

/// Who lost the service's name, if that is what the bus says. The bus writes the sender itself, so this cannot be forged.
fn left(message: &Message) -> Option<String> {
    if message.header().member()?.as_str() != "NameOwnerChanged" {
        return None;
    }
    let (name, old, _new): (String, String, String) = message.body().deserialize().ok()?;
    (name == NAME && !old.is_empty()).then_some(old)
}

fn signal(message: &Message) -> Option<Signal> {
    let header = message.header();
    if header.interface()?.as_str() != NAME || header.path()?.as_str() != PATH {
        return None;
    }
    let body = message.body();
    match header.member()?.as_str() {
        "ActivationToken" => body.deserialize().ok().map(|(id, token)| Signal::ActivationToken { id, token }),
        "ActionInvoked" => body.deserialize().ok().map(|(id, action)| Signal::ActionInvoked { id, action }),
        "NotificationClosed" => body.deserialize().ok().map(|(id, reason)| Signal::Closed { id, reason }),
        _ => None,
    }
}

/// Closes without waiting for an answer: most services did so already.
async fn close(connection: &Connection, owner: &str, id: u32) -> zbus::Result<()> {
    let message = Message::method_call(PATH, "CloseNotification")?
        .destination(owner)?
        .interface(NAME)?
        .with_flags(Flags::NoReplyExpected)?
        .build(&(id,))?;
    connection.send(&message).await
}
