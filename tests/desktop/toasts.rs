//! Our toasts on four real toast services: what a person sees, and what their hand does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use belfry::notification::Icon;
use belfry::toast::{Native, Outcome, Toast, ToastEvent, ToastKey, Toaster, icon};
use tokio::sync::mpsc;
use xtask::desktop::{Desktop, Keyring, Options, Toasts};
use xtask::wait;
use zbus::zvariant::Value;

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A private desktop, and our toasts on it.
struct Bench {
    desktop: Desktop,
    native: Native,
    events: mpsc::Receiver<ToastEvent>,
    name: &'static str,
}

impl Bench {
    fn with(toasts: Toasts) -> Self {
        let mut bench = Self::empty();
        if toasts == Toasts::Dunst {
            // As in the configuration that dunst comes with.
            bench.configure_dunst("markup = full");
        }
        bench.start(toasts);
        bench
    }

    fn empty() -> Self {
        let nothing = Options { toasts: Toasts::None, keyring: Keyring::None, ..Options::default() };
        let desktop = Desktop::start(nothing).unwrap();
        let (sender, events) = mpsc::channel(16);
        let native = Native::on_bus(address(&desktop), desktop.home().join(".cache/belfry/icons"), sender);
        Self { desktop, native, events, name: "none" }
    }

    fn configure_dunst(&self, line: &str) {
        let folder = self.desktop.home().join(".config/dunst/dunstrc.d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("50.conf"), format!("[global]\n    {line}\n")).unwrap();
    }

    fn start(&mut self, toasts: Toasts) {
        self.desktop.toast_service_start(toasts).unwrap();
        self.name = match toasts {
            Toasts::NotificationDaemon => "notification-daemon",
            Toasts::Dunst => "dunst",
            Toasts::Xfce => "xfce",
            Toasts::Mate => "mate",
            Toasts::None => "none",
        };
    }

    async fn show(&self, toast: &Toast) {
        assert_eq!(self.native.show(toast).await, Outcome::Shown, "{}", self.name);
        self.desktop.wait_for_toast().unwrap();
    }

    /// The next event, or a panic when none comes.
    async fn event(&mut self) -> ToastEvent {
        let next = tokio::time::timeout(wait::LIMIT, self.events.recv());
        next.await.expect("an event in time").expect("a sender")
    }

    /// The screen once it rests and looks as it should. The last picture is kept either way.
    fn picture(&self, what: &str, as_it_should: impl Fn(&Picture) -> bool) -> Picture {
        // Looked at where no other test writes, and kept where a person finds it.
        let shot = self.desktop.home().join(format!("{what}.png"));
        let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("artefacts/desktop/toast-{}-{what}.png", self.name));
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        // A service may paint a toast in several steps, the words after the picture: only a screen that two shots agree about counts.
        let mut before: Option<Picture> = None;
        wait::until(&format!("{} to look right", kept.display()), wait::LIMIT, || {
            self.shoot(&shot);
            std::fs::copy(&shot, &kept).unwrap();
            let now = Picture::read(&shot);
            let before = before.replace(now.clone());
            Ok(Some(now)
                .filter(|now| before.is_some_and(|before| !before.differs_from(now)) && as_it_should(now)))
        })
        .unwrap()
    }

    /// A picture at once: `Desktop::screenshot` waits for a screen that rests, and MATE's clock never does while its toast is there.
    fn shoot(&self, path: &Path) {
        let mut import = self.desktop.command(imagemagick("import"));
        let done = import.args(["-silent", "-window", "root", "-strip"]).arg(path).status().unwrap();
        assert!(done.success());
    }

    /// A click on the one toast that is there, once it is painted: before that, nothing tells where its buttons are.
    fn click(&self) {
        self.picture("click", |picture| picture.shows(BLUE) || picture.shows(TEAL));
        self.desktop.click_toast().unwrap();
    }

    /// What a person does to a toast they do not care for.
    fn dismiss(&self) {
        self.picture("dismiss", |picture| picture.shows(BLUE) || picture.shows(TEAL));
        self.desktop.dismiss_toast().unwrap();
    }
}

/// A picture of the whole screen.
#[derive(Clone)]
struct Picture {
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let raw =
            Command::new(imagemagick("convert")).arg(path).args(["-depth", "8", "rgb:-"]).output().unwrap();
        assert!(raw.status.success(), "{}", String::from_utf8_lossy(&raw.stderr));
        let pixels: Vec<[u8; 3]> = raw.stdout.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect();
        assert_eq!(pixels.len(), 1280 * 800);
        Self { pixels }
    }

    /// Whether a picture of this colour is on the screen: that many pixels have it, but for rounding.
    fn shows(&self, colour: [u8; 3]) -> bool {
        let near = |pixel: &&[u8; 3]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 4);
        self.pixels.iter().filter(near).count() > 300
    }

    /// Whether other words or pictures are to be seen. MATE's pale clock that runs down does not count.
    fn differs_from(&self, other: &Self) -> bool {
        let far = |(a, b): &(&[u8; 3], &[u8; 3])| a.iter().zip(b.iter()).any(|(a, b)| a.abs_diff(*b) > 120);
        self.pixels.iter().zip(&other.pixels).filter(far).count() > 20
    }
}

/// Debian's own name where it exists: another program of the short name may stand earlier on the path.
fn imagemagick(program: &str) -> String {
    let debian = format!("/usr/bin/{program}-im6.q16");
    if Path::new(&debian).exists() { debian } else { program.to_owned() }
}

/// The colours of the squares that the pictures of tasks and of messages have.
const BLUE: [u8; 3] = [0x25, 0x63, 0xeb];
const TEAL: [u8; 3] = [0x0f, 0x76, 0x6e];

fn address(desktop: &Desktop) -> String {
    let env: BTreeMap<String, String> = desktop.env().into_iter().collect();
    env["DBUS_SESSION_BUS_ADDRESS"].clone()
}

fn toast(key: &str, title: &str, body: &str, icon: Icon) -> Toast {
    Toast {
        key: ToastKey(key.into()),
        title: title.into(),
        body: body.into(),
        account: "Podio".into(),
        icon,
        silent: false,
        urgency: belfry::notification::Urgency::Normal,
        button: None,
    }
}

fn task() -> Toast {
    toast("task", "Ana assigned you a task", "Check the ropes before Sunday", Icon::Task)
}

/// Another program on the same bus.
async fn stranger(desktop: &Desktop) -> zbus::Connection {
    zbus::connection::Builder::address(address(desktop).as_str()).unwrap().build().await.unwrap()
}

/// What dunst showed last, as dunst tells it.
fn dunst_history(desktop: &Desktop) -> serde_json::Value {
    let dunstctl = |argument: &str| {
        let output = desktop.command("dunstctl").arg(argument).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    dunstctl("close-all");
    let history: serde_json::Value = serde_json::from_slice(&dunstctl("history")).unwrap();
    history["data"][0][0].clone()
}

async fn a_toast_is_seen(toasts: Toasts) {
    let bench = Bench::with(toasts);
    bench.picture("before", |picture| !picture.shows(BLUE));
    bench.show(&task()).await;
    let seen = bench.picture("task", |picture| picture.shows(BLUE));

    // Each part is seen: changing it changes the screen. The same key replaces, so that one toast stays.
    let mut other = task();
    other.body = "Bring the long ladder".into();
    bench.show(&other).await;
    let other_body =
        bench.picture("other-body", |picture| picture.shows(BLUE) && picture.differs_from(&seen));
    other.title = "Ben completed your task".into();
    bench.show(&other).await;
    bench.picture("other-title", |picture| picture.shows(BLUE) && picture.differs_from(&other_body));
    other.icon = Icon::Message;
    bench.show(&other).await;
    bench.picture("message", |picture| picture.shows(TEAL) && !picture.shows(BLUE));
    assert_eq!(bench.desktop.toasts_on_screen().unwrap(), 1, "the same key replaces");

    if toasts == Toasts::Dunst {
        let shown = dunst_history(&bench.desktop);
        assert_eq!(shown["appname"]["data"], "Belfry");
        assert_eq!(shown["summary"]["data"], "Ben completed your task");
        assert_eq!(shown["body"]["data"], "Bring the long ladder");
        assert_eq!(shown["category"]["data"], "im.received");
        let path = shown["icon_path"]["data"].as_str().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), icon::picture(Icon::Message));
    }
}

async fn a_click_names_its_toast(toasts: Toasts) {
    let mut bench = Bench::with(toasts);
    bench.show(&task()).await;
    bench.click();
    let clicked = ToastEvent::Clicked { key: task().key, token: None };
    assert_eq!(bench.event().await, clicked);
    // Dunst leaves it up: we close it ourselves, long before it would expire after 10 s.
    let gone = || Ok((bench.desktop.toasts_on_screen()? == 0).then_some(()));
    wait::until("the clicked toast to go", Duration::from_secs(5), gone).unwrap();

    bench.show(&task()).await;
    bench.dismiss();
    let dismissed = match toasts {
        // It says “expired” of a toast whose cross was clicked.
        Toasts::Mate => ToastEvent::Expired { key: task().key },
        _ => ToastEvent::Dismissed { key: task().key },
    };
    assert_eq!(bench.event().await, dismissed);
    assert!(bench.events.try_recv().is_err(), "one click, one event");
}

async fn a_withdrawn_toast_goes_in_silence(toasts: Toasts) {
    let mut bench = Bench::with(toasts);
    bench.show(&task()).await;
    bench.native.withdraw(&task().key).await;
    let gone = || Ok((bench.desktop.toasts_on_screen()? == 0).then_some(()));
    wait::until("the withdrawn toast to go", Duration::from_secs(5), gone).unwrap();
    // A toast after it, whose event must be the first to come.
    let later = toast("later", "Ben wrote to you", "", Icon::Message);
    bench.show(&later).await;
    bench.click();
    assert_eq!(bench.event().await, ToastEvent::Clicked { key: later.key, token: None });
}

async fn hostile_text_is_only_text(toasts: Toasts) {
    let bench = Bench::with(toasts);
    // As `toast::text` lets it through: everything a service might take for more than text.
    let title = belfry::toast::text::title("R&D <b>bold</b> &lt;\u{202e}evil\u{7}\u{1b}[31m");
    let body = belfry::toast::text::body(
        "<b>fat</b> <a href='http://x.test'>link</a> <img src='/etc/passwd'/> Tom & Ana &amp; &#39; 1 < 2 > 0\u{202e}\u{8}\nend",
    );
    let hostile = toast("hostile", &title, &body, Icon::Task);
    bench.show(&hostile).await;
    let ours = bench.picture("hostile", |picture| picture.shows(BLUE));
    bench.native.withdraw(&hostile.key).await;
    bench.desktop.wait_for_no_toast().unwrap();

    // The same body as it stands looks different, so does one escaped twice; one escaped once looks the same. So it is read exactly once.
    let stranger = stranger(&bench.desktop).await;
    let escaped = |body: &str| body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let markup = body.replace(" & ", " ").replace(" < ", " ");
    for (what, wire, same) in [
        ("hostile-once", escaped(&body), true),
        ("hostile-twice", escaped(&escaped(&body)), false),
        ("hostile-markup", markup, false),
    ] {
        raw_notify(&stranger, &bench.desktop, &hostile, &wire).await;
        bench.desktop.wait_for_toast().unwrap();
        bench.picture(what, |picture| picture.shows(BLUE) && picture.differs_from(&ours) != same);
        close_all(&stranger).await;
        bench.desktop.wait_for_no_toast().unwrap();
    }
}

#[tokio::test]
async fn a_dunst_that_does_not_say_that_it_reads_markup_gets_no_tags() {
    let mut bench = Bench::empty();
    bench.start(Toasts::Dunst);
    let capabilities = bench.native.service().await.capabilities;
    assert!(!capabilities.contains(&"body-markup".to_owned()), "{capabilities:?}");
    bench.show(&toast("hostile", "R&D", "<b>fat</b> Tom & Ana", Icon::Task)).await;
    bench.picture("unsure", |picture| picture.shows(BLUE));
    let shown = dunst_history(&bench.desktop);
    let message = shown["message"]["data"].as_str().unwrap();
    assert!(message.ends_with("\n‹b>fat‹/b> Tom &amp; Ana"), "{message}");
}

/// `Notify` with a body just as given.
async fn raw_notify(connection: &zbus::Connection, desktop: &Desktop, like: &Toast, body: &str) {
    let icons = desktop.home().join(".cache/belfry/icons");
    let file = |name: &str| icons.join(format!("{name}.png")).to_str().unwrap().to_owned();
    let hints = BTreeMap::from([
        ("desktop-entry", Value::from("app.belfry.Belfry")),
        ("urgency", Value::U8(1)),
        ("image-path", file(like.icon.name()).into()),
    ]);
    let actions = ["default", "Open", "read", "Mark as read"];
    let arguments = ("Belfry", 0_u32, file("belfry"), &like.title, body, &actions[..], hints, -1_i32);
    connection.call_method(Some(SERVICE), PATH, Some(SERVICE), "Notify", &arguments).await.unwrap();
}

async fn close_all(connection: &zbus::Connection) {
    for id in 1..20_u32 {
        // Most of these ids are not shown: an error is expected.
        drop(connection.call_method(Some(SERVICE), PATH, Some(SERVICE), "CloseNotification", &(id,)).await);
    }
}

macro_rules! on_each_service {
    ($($test:ident),*) => {$(
        mod $test {
            use super::Toasts;

            #[tokio::test]
            async fn notification_daemon() {
                super::$test(Toasts::NotificationDaemon).await;
            }
            #[tokio::test]
            async fn dunst() {
                super::$test(Toasts::Dunst).await;
            }
            #[tokio::test]
            async fn xfce() {
                super::$test(Toasts::Xfce).await;
            }
            #[tokio::test]
            async fn mate() {
                super::$test(Toasts::Mate).await;
            }
        }
    )*};
}

on_each_service!(
    a_toast_is_seen,
    a_click_names_its_toast,
    a_withdrawn_toast_goes_in_silence,
    hostile_text_is_only_text
);

/// Any program on the bus can send signals that look like clicks: to everyone, and straight to us.
async fn forge_clicks(bench: &Bench, id: u32) {
    let stranger = stranger(&bench.desktop).await;
    let bus = zbus::fdo::DBusProxy::new(&stranger).await.unwrap();
    let names = bus.list_names().await.unwrap();
    let everyone = [None]
        .into_iter()
        .chain(names.iter().filter(|name| name.starts_with(':')).map(|name| Some(name.as_str())));
    for to in everyone {
        let token = (id, "forged");
        stranger.emit_signal(to, PATH, SERVICE, "ActivationToken", &token).await.unwrap();
        stranger.emit_signal(to, PATH, SERVICE, "ActionInvoked", &(id, "default")).await.unwrap();
        stranger.emit_signal(to, PATH, SERVICE, "NotificationClosed", &(id, 2_u32)).await.unwrap();
    }
    // An answer to this comes after everything above was delivered.
    bus.get_id().await.unwrap();
}

#[tokio::test]
async fn a_forged_click_is_ignored() {
    let mut bench = Bench::with(Toasts::Mate);
    let first = task();
    let second = toast("second", "Ben wrote to you", "", Icon::Message);
    bench.show(&first).await;
    bench.show(&second).await;
    for id in 1..=4 {
        forge_clicks(&bench, id).await;
    }
    // Had one of them been heard, it would be first, and with a token.
    bench.native.withdraw(&first.key).await;
    wait::until("one toast", wait::LIMIT, || Ok((bench.desktop.toasts_on_screen()? == 1).then_some(())))
        .unwrap();
    bench.click();
    assert_eq!(bench.event().await, ToastEvent::Clicked { key: second.key, token: None });
}

#[tokio::test]
async fn a_missing_service_is_told_at_once_and_found_when_it_comes() {
    let mut bench = Bench::with(Toasts::None);
    let before = Instant::now();
    let outcome = bench.native.show(&task()).await;
    let Outcome::NoService { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("No notification service is running"), "{reason}");
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    let service = bench.native.service().await;
    assert_eq!((service.name, service.works), (None, false));

    bench.desktop.toast_service_start(Toasts::Dunst).unwrap();
    bench.show(&task()).await;
    let service = bench.native.service().await;
    assert_eq!((service.name.as_deref().unwrap().split(' ').next(), service.works), (Some("dunst"), true));
    assert!(service.capabilities.contains(&"actions".to_owned()), "{service:?}");
}

#[tokio::test]
async fn a_missing_bus_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, _events) = mpsc::channel(1);
    let nowhere = format!("unix:path={}", folder.path().join("bus").display());
    let native = Native::on_bus(nowhere, folder.path().join("icons"), sender);
    let Outcome::NoService { reason } = native.show(&task()).await else { panic!("a toast without a bus") };
    assert!(reason.starts_with("The desktop's message bus cannot be reached"), "{reason}");
    native.withdraw(&task().key).await;
    assert!(!native.service().await.works);
}

#[tokio::test]
async fn a_restarted_service_gets_no_old_ids() {
    let mut bench = Bench::with(Toasts::Mate);
    bench.show(&task()).await;
    bench.desktop.toast_service_stop().unwrap();
    assert!(matches!(bench.native.show(&task()).await, Outcome::NoService { .. }));
    bench.desktop.toast_service_start(Toasts::Mate).unwrap();

    // Ids begin at 1 again: this toast has the number that the first one had.
    let second = toast("second", "Ben wrote to you", "", Icon::Message);
    bench.show(&second).await;
    bench.native.withdraw(&task().key).await;
    bench.show(&task()).await;
    wait::until("two toasts", wait::LIMIT, || Ok((bench.desktop.toasts_on_screen()? == 2).then_some(())))
        .unwrap();
    bench.native.withdraw(&task().key).await;
    wait::until("one toast", wait::LIMIT, || Ok((bench.desktop.toasts_on_screen()? == 1).then_some(())))
        .unwrap();
    bench.click();
    assert_eq!(bench.event().await, ToastEvent::Clicked { key: second.key, token: None });
}

#[tokio::test]
async fn another_service_in_its_place_is_served_as_well() {
    let mut bench = Bench::with(Toasts::NotificationDaemon);
    bench.show(&task()).await;
    for next in [Toasts::Dunst, Toasts::Xfce, Toasts::Mate] {
        bench.desktop.toast_service_stop().unwrap();
        bench.desktop.toast_service_start(next).unwrap();
        bench.show(&task()).await;
        bench.click();
        assert_eq!(bench.event().await, ToastEvent::Clicked { key: task().key, token: None }, "{next:?}");
    }
}
