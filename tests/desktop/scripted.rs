//! Our toasts on a service that does as the test says: what the four real ones never do, or not on command.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belfry::act::Offer;
use belfry::notification::Icon;
use belfry::toast::{Native, Outcome, Toast, ToastEvent, ToastKey, Toaster};
use tempfile::TempDir;
use tokio::sync::mpsc;
use xtask::wait;
use zbus::fdo;
use zbus::zvariant::OwnedValue;

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A message bus that starts nothing by itself.
struct Bus {
    daemon: Child,
    folder: TempDir,
}

impl Bus {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        std::fs::write(
            folder.path().join("bus.conf"),
            format!(
                "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
                 \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\
                 <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
                 <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>",
                path.display()
            ),
        )
        .unwrap();
        let daemon = Self::daemon(folder.path());
        Self { daemon, folder }
    }

    fn daemon(folder: &Path) -> Child {
        let path = folder.join("bus");
        drop(std::fs::remove_file(&path));
        let config = folder.join("bus.conf");
        let mut command = Command::new("dbus-daemon");
        command
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile"])
            .stderr(Stdio::null());
        let daemon = command.spawn().unwrap();
        wait::until("the bus", wait::LIMIT, || Ok(std::os::unix::net::UnixStream::connect(&path).ok()))
            .unwrap();
        daemon
    }

    fn restart(&mut self) {
        self.end();
        self.daemon = Self::daemon(self.folder.path());
    }

    fn end(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.folder.path().join("bus").display())
    }

    fn native(&self) -> (Native, mpsc::Receiver<ToastEvent>) {
        let (sender, events) = mpsc::channel(16);
        (Native::on_bus(self.address(), self.folder.path().join("icons"), sender), events)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.end();
    }
}

/// One `Notify` as it came in.
#[derive(Debug, Clone, PartialEq)]
struct Notified {
    replaces: u32,
    summary: String,
    body: String,
    actions: Vec<String>,
    hints: BTreeMap<String, OwnedValue>,
}

/// How to answer a `Notify`.
enum Answer {
    Take,
    Refuse(&'static str),
    Hang,
    /// Click before the id is even returned.
    ClickFirst,
}

#[derive(Default)]
struct Script {
    capabilities: Vec<&'static str>,
    answers: VecDeque<Answer>,
    notified: Vec<Notified>,
    closed: Vec<u32>,
}

struct Service(Arc<Mutex<Script>>);

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.Notifications.Error")]
enum Refusal {
    #[zbus(error)]
    ZBus(zbus::Error),
    ExcessNotificationGeneration(String),
    Other(String),
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    fn get_capabilities(&self) -> Vec<String> {
        self.0.lock().unwrap().capabilities.iter().map(|&capability| capability.to_owned()).collect()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("scripted".into(), "Belfry".into(), "1".into(), "1.2".into())
    }

    fn close_notification(&self, id: u32) {
        self.0.lock().unwrap().closed.push(id);
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    async fn notify(
        &self,
        _app_name: String,
        replaces: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: BTreeMap<String, OwnedValue>,
        _expire: i32,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> Result<u32, Refusal> {
        let (answer, id) = {
            let mut script = self.0.lock().unwrap();
            script.notified.push(Notified { replaces, summary, body, actions, hints });
            let id = if replaces == 0 { u32::try_from(script.notified.len()).unwrap() } else { replaces };
            (script.answers.pop_front().unwrap_or(Answer::Take), id)
        };
        match answer {
            Answer::Take => Ok(id),
            Answer::Refuse("excess") => Err(Refusal::ExcessNotificationGeneration("too fast".into())),
            Answer::Refuse(words) => Err(Refusal::Other(words.into())),
            Answer::Hang => std::future::pending().await,
            Answer::ClickFirst => {
                click(connection, id, None).await;
                Ok(id)
            }
        }
    }
}

async fn press(service: &zbus::Connection, id: u32, action: &str) {
    service.emit_signal(None::<&str>, PATH, SERVICE, "ActionInvoked", &(id, action)).await.unwrap();
}

async fn click(service: &zbus::Connection, id: u32, token: Option<&str>) {
    let to = None::<&str>;
    if let Some(token) = token {
        service.emit_signal(to, PATH, SERVICE, "ActivationToken", &(id, token)).await.unwrap();
    }
    service.emit_signal(to, PATH, SERVICE, "ActionInvoked", &(id, "default")).await.unwrap();
}

async fn serve(bus: &Bus, capabilities: &[&'static str]) -> (zbus::Connection, Arc<Mutex<Script>>) {
    let script = Arc::new(Mutex::new(Script { capabilities: capabilities.to_vec(), ..Script::default() }));
    let builder = zbus::connection::Builder::address(bus.address().as_str()).unwrap();
    let connection = builder
        .serve_at(PATH, Service(Arc::clone(&script)))
        .unwrap()
        .name(SERVICE)
        .unwrap()
        .build()
        .await
        .unwrap();
    (connection, script)
}

fn toast(key: &str) -> Toast {
    Toast {
        key: ToastKey(key.into()),
        title: format!("R&D {key}"),
        body: "1 < 2 & 3".into(),
        account: "Podio".into(),
        icon: Icon::Task,
        silent: false,
        urgency: belfry::notification::Urgency::Normal,
        button: None,
    }
}

fn last(script: &Mutex<Script>) -> Notified {
    script.lock().unwrap().notified.last().unwrap().clone()
}

async fn event(events: &mut mpsc::Receiver<ToastEvent>) -> ToastEvent {
    tokio::time::timeout(wait::LIMIT, events.recv()).await.expect("an event in time").expect("a sender")
}

fn clicked(key: &str, token: Option<&str>) -> ToastEvent {
    ToastEvent::Clicked { key: ToastKey(key.into()), token: token.map(str::to_owned) }
}

#[tokio::test]
async fn the_activation_token_comes_with_its_click() {
    let bus = Bus::start();
    let (service, script) = serve(&bus, &["actions", "body"]).await;
    let (native, mut events) = bus.native();
    for key in ["a", "b"] {
        assert_eq!(native.show(&toast(key)).await, Outcome::Shown);
    }
    click(&service, 2, Some("token-of-b")).await;
    click(&service, 1, None).await;
    assert_eq!(event(&mut events).await, clicked("b", Some("token-of-b")));
    assert_eq!(event(&mut events).await, clicked("a", None));
    // The calls to close have no answers to wait for; this one comes after them on the same connection.
    native.service().await;
    assert_eq!(script.lock().unwrap().closed, [2, 1], "an opened toast goes away");
}

#[tokio::test]
async fn a_click_that_is_quicker_than_the_id_is_heard() {
    let bus = Bus::start();
    let (_service, script) = serve(&bus, &["actions"]).await;
    let (native, mut events) = bus.native();
    script.lock().unwrap().answers.push_back(Answer::ClickFirst);
    assert_eq!(native.show(&toast("quick")).await, Outcome::Shown);
    assert_eq!(event(&mut events).await, clicked("quick", None));
}

#[tokio::test]
async fn what_is_sent_follows_the_capabilities_of_whoever_serves() {
    let bus = Bus::start();
    let (native, _events) = bus.native();
    let (markup, script) = serve(&bus, &["actions", "body", "body-markup", "x-dunst-stack-tag"]).await;
    assert_eq!(native.show(&toast("a")).await, Outcome::Shown);
    let sent = last(&script);
    assert_eq!((sent.summary.as_str(), sent.body.as_str(), sent.replaces), ("R&D a", "1 &lt; 2 &amp; 3", 0));
    assert_eq!(sent.actions, ["default", "Open", "read", "Mark as read"]);
    assert!(sent.hints.contains_key("x-dunst-stack-tag"));
    assert_eq!(native.show(&toast("a")).await, Outcome::Shown);
    assert_eq!(last(&script).replaces, 1);

    // Another one takes over: nothing of the first is used for it.
    markup.close().await.unwrap();
    let (_plain, script) = serve(&bus, &["body"]).await;
    assert_eq!(native.show(&toast("a")).await, Outcome::Shown);
    let sent = last(&script);
    assert_eq!((sent.body.as_str(), sent.replaces, sent.actions.len()), ("1 < 2 & 3", 0, 0));
    assert!(!sent.hints.contains_key("x-dunst-stack-tag"));

    // Do Not Disturb ends: the same service takes actions again.
    script.lock().unwrap().capabilities.push("actions");
    assert_eq!(native.show(&toast("b")).await, Outcome::Shown);
    assert_eq!(last(&script).actions.len(), 4);
}

#[tokio::test]
async fn a_button_beside_mark_as_read_is_told_by_its_name_and_takes_the_toast_away() {
    let bus = Bus::start();
    let (service, script) = serve(&bus, &["actions", "body"]).await;
    let (native, mut events) = bus.native();
    for (key, offer) in [("a", Offer::Complete), ("b", Offer::Accept), ("c", Offer::Snooze)] {
        let offering = Toast { button: Some(offer), ..toast(key) };
        assert_eq!(native.show(&offering).await, Outcome::Shown);
        assert_eq!(
            last(&script).actions,
            ["default", "Open", offer.name(), offer.label(), "read", "Mark as read"],
            "two buttons at most"
        );
    }
    press(&service, 2, "accept").await;
    press(&service, 1, "no-such-button").await;
    press(&service, 3, "read").await;
    assert_eq!(
        event(&mut events).await,
        ToastEvent::Acted { key: ToastKey("b".into()), offer: Offer::Accept }
    );
    assert_eq!(event(&mut events).await, ToastEvent::MarkedRead { key: ToastKey("c".into()) });
    native.service().await;
    assert_eq!(script.lock().unwrap().closed, [2, 3]);
}

#[tokio::test]
async fn a_refusal_is_told_and_the_next_toast_is_tried() {
    let bus = Bus::start();
    let (_service, script) = serve(&bus, &["actions"]).await;
    let (native, _events) = bus.native();
    script.lock().unwrap().answers.extend([Answer::Refuse("excess"), Answer::Refuse("no room")]);
    assert_eq!(native.show(&toast("a")).await, Outcome::AlreadyShown);
    let refused = "The desktop's notification service refused: no room.".to_owned();
    assert_eq!(native.show(&toast("b")).await, Outcome::Failed { reason: refused });
    assert_eq!(native.show(&toast("b")).await, Outcome::Shown);
    assert_eq!(script.lock().unwrap().notified.len(), 3, "a refusal is not tried again by itself");
}

#[tokio::test]
async fn a_hung_service_does_not_hang_us() {
    let bus = Bus::start();
    let (_service, script) = serve(&bus, &["actions"]).await;
    let (native, _events) = bus.native();
    script.lock().unwrap().answers.push_back(Answer::Hang);
    let outcome =
        tokio::time::timeout(Duration::from_secs(10), native.show(&toast("a"))).await.expect("in time");
    let Outcome::Failed { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("did not answer within 5 seconds"), "{reason}");
}

#[tokio::test]
async fn a_bus_that_was_restarted_is_found_again() {
    let mut bus = Bus::start();
    let (service, _script) = serve(&bus, &["actions"]).await;
    let (native, mut events) = bus.native();
    assert_eq!(native.show(&toast("a")).await, Outcome::Shown);
    drop(service);
    bus.restart();
    let (service, script) = serve(&bus, &["actions"]).await;
    assert_eq!(native.show(&toast("b")).await, Outcome::Shown);
    assert_eq!(last(&script).replaces, 0);
    click(&service, 1, None).await;
    assert_eq!(event(&mut events).await, clicked("b", None));
}

#[tokio::test]
async fn all_of_a_burst_use_one_connection() {
    let bus = Bus::start();
    let (service, script) = serve(&bus, &["actions"]).await;
    let (native, _events) = bus.native();
    for key in 0..50 {
        assert_eq!(native.show(&toast(&key.to_string())).await, Outcome::Shown);
    }
    assert_eq!(script.lock().unwrap().notified.len(), 50);
    let names = fdo::DBusProxy::new(&service).await.unwrap().list_names().await.unwrap();
    let connections = names.iter().filter(|name| name.starts_with(':')).count();
    assert_eq!(connections, 2, "the service's and ours: {names:?}");
}
