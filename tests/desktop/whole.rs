//! The whole program on a private desktop: sandbox → push → row → real toast → real click → browser, row read, Podio told; and the
//! real password store between its runs.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use belfry_sandbox::cloudapp::ItemType;
use belfry_sandbox::{Mode, Options as Podio, Sandbox, Spec, Wire};
use serde_json::{Value, json};
use xtask::desktop::{Desktop, Keyring, Options, Toasts};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Person {
    pub(crate) sandbox: Sandbox,
    pub(crate) desktop: Desktop,
}

impl Person {
    pub(crate) async fn new(options: Options) -> Self {
        let sandbox = Sandbox::start(Podio::apart()).await.unwrap();
        let desktop = tokio::task::block_in_place(|| Desktop::start(options).unwrap());
        Self { sandbox, desktop }
    }

    /// Belfry as it is installed: the person's own folders, the system's password store.
    pub(crate) fn belfry(&self, args: &[&str]) -> Command {
        let mut command = self.desktop.command(env!("CARGO_BIN_EXE_belfry"));
        command.args(args).env_remove("BELFRY_SECRETS").env_remove("BELFRY_HOME").env_remove("BELFRY_LOG");
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.belfry(args).output().unwrap())
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn add(&self, push_url: &str) -> Output {
        let (user, key) = (self.sandbox.user(), self.sandbox.key());
        let mut command = self.belfry(&["account", "add", "podio", "--api-url", &self.sandbox.api_url()]);
        command
            .args(["--push-url", push_url, "--client-id", &key.client_id, "--client-secret-stdin"])
            .args(["--username", &user.mail, "--password-stdin"]);
        self.fed(command, &format!("{}\n{}", key.client_secret, user.password))
    }

    /// Runs it with these secrets on its standard input.
    pub(crate) fn fed(&self, mut command: Command, secrets: &str) -> Output {
        tokio::task::block_in_place(|| {
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdin.take().unwrap().write_all(format!("{secrets}\n").as_bytes()));
            child.wait_with_output().unwrap()
        })
    }

    pub(crate) fn sign_in(&self) {
        let added = self.add(&self.sandbox.push_url());
        assert!(added.status.success(), "{added:?}");
    }

    pub(crate) fn resident(&self) -> Resident {
        Resident::start(self.belfry(&["run", "--json"]))
    }
}

/// `belfry run --json`, ended by its process id.
pub(crate) struct Resident {
    pub(crate) child: Child,
    lines: mpsc::Receiver<Value>,
    seen: Vec<Value>,
}

impl Resident {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if said.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    pub(crate) fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        tokio::task::block_in_place(|| {
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let Ok(line) = self.lines.recv_timeout(left) else { panic!("no {what}: {:#?}", self.seen) };
                self.seen.push(line.clone());
                if is_it(&line) {
                    return line;
                }
            }
        })
    }

    pub(crate) fn until_state(&mut self, state: &str) -> Value {
        self.until(state, |line| line["event"] == "link" && line["state"] == state)
    }

    pub(crate) fn until_toast(&mut self, outcome: &str) -> Value {
        self.until(outcome, |line| line["event"] == "toast" && line["outcome"] == outcome)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn artefact(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artefacts/desktop");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// The same for a service that only pushes: what was pushed opens at a click and is read here.
async fn a_click_opens_what_was_pushed(
    add: impl Fn(&Person) -> (Vec<String>, String),
    happens: impl Fn(&Person) -> String,
    picture: &str,
) {
    let person = Person::new(Options::default()).await;
    let (args, secret) = add(&person);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let added = person.fed(person.belfry(&args), &secret);
    assert!(added.status.success(), "{added:?}");
    let mut resident = person.resident();
    resident.until_state("live");
    let url = happens(&person);
    let row = resident.until("notification", |line| line["event"] == "notification");
    resident.until_toast("shown");
    let opened = tokio::task::block_in_place(|| {
        person.desktop.wait_for_toast().unwrap();
        person.desktop.screenshot(&artefact(picture)).unwrap();
        person.desktop.click_toast().unwrap();
        person.desktop.wait_for_opened(1).unwrap()
    });
    assert_eq!((opened[0].url.as_str(), row["url"].as_str()), (url.as_str(), Some(url.as_str())));
    assert_eq!(person.json(&["inbox", "--json"])["read"], true);
    tokio::task::block_in_place(|| person.desktop.wait_for_no_toast().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_what_cloudapp_pushed_opens_the_item() {
    let add = |person: &Person| {
        let (api, push) = (person.sandbox.cloudapp_url(), person.sandbox.pusher_url());
        let args = ["account", "add", "cloudapp", "--api-url", &api, "--push-url", &push];
        let sign_in = ["--email", "ada@example.test", "--password-stdin"];
        (args.into_iter().chain(sign_in).map(str::to_owned).collect(), "open-sesame".to_owned())
    };
    let happens = |person: &Person| {
        let href = person.sandbox.cloudapp().upload(1, "Website relaunch.png", ItemType::Image);
        person.sandbox.cloudapp().item(&href).unwrap()["url"].as_str().unwrap().to_owned()
    };
    a_click_opens_what_was_pushed(add, happens, "whole-cloudapp.png").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_what_a_pusher_server_sent_opens_its_link() {
    let add = |person: &Person| {
        let (url, app) = (person.sandbox.pusher_url(), person.sandbox.pusher().app());
        let args = ["account", "add", "pusher", "--url", &url, "--key", &app.key];
        let what = ["--channel", "private-orders", "--app-secret-stdin", "--map", "laravel"];
        (args.into_iter().chain(what).map(str::to_owned).collect(), app.secret)
    };
    let happens = |person: &Person| {
        let url = "https://shop.example.com/orders/1912";
        let data = json!({"title": "Order 1912 was paid", "message": "Two lamps, one chair", "url": url});
        person.sandbox.pusher().trigger("private-orders", r"App\Events\OrderPaid", &data);
        url.to_owned()
    };
    a_click_opens_what_was_pushed(add, happens, "whole-pusher.png").await;
}

async fn a_click_goes_all_the_way(toasts: Toasts, picture: Option<&str>) {
    let person = Person::new(Options { toasts, ..Options::default() }).await;
    person.sign_in();
    let mut resident = person.resident();
    resident.until_state("live");
    let user = person.sandbox.user().user_id;
    let id = person.sandbox.podio().notify(user, Spec::comment("Ada commented on Website relaunch"));
    let row = resident.until("notification", |line| line["event"] == "notification");
    resident.until_toast("shown");
    let opened = tokio::task::block_in_place(|| {
        person.desktop.wait_for_toast().unwrap();
        if let Some(picture) = picture {
            person.desktop.screenshot(&artefact(picture)).unwrap();
        }
        person.desktop.click_toast().unwrap();
        person.desktop.wait_for_opened(1).unwrap()
    });
    assert_eq!(opened[0].url, row["url"].as_str().unwrap());
    person.sandbox.podio().wait_for(|seen| seen.viewed.contains(&id), LIMIT).await.unwrap();
    let inbox = person.json(&["inbox", "--json"]);
    assert_eq!(inbox["read"], true, "{inbox}");
    tokio::task::block_in_place(|| person.desktop.wait_for_no_toast().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_notification_daemon_opens_the_link_marks_the_row_and_tells_podio() {
    a_click_goes_all_the_way(Toasts::NotificationDaemon, Some("whole-notification-daemon.png")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_dunst_opens_the_link_marks_the_row_and_tells_podio() {
    a_click_goes_all_the_way(Toasts::Dunst, Some("whole-dunst.png")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_xfce_opens_the_link_marks_the_row_and_tells_podio() {
    a_click_goes_all_the_way(Toasts::Xfce, Some("whole-xfce.png")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_mate_opens_the_link_marks_the_row_and_tells_podio() {
    // Its countdown never lets the screen rest; pictures of it are taken in `toasts.rs`.
    a_click_goes_all_the_way(Toasts::Mate, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_toast_service_that_is_missing_is_said_and_used_once_it_comes() {
    let mut person = Person::new(Options { toasts: Toasts::None, ..Options::default() }).await;
    person.sign_in();
    let mut resident = person.resident();
    resident.until_state("live");
    let user = person.sandbox.user().user_id;
    person.sandbox.podio().notify(user, Spec::comment("unheard"));
    let unheard = resident.until_toast("failed");
    assert_eq!(unheard["reason"], "no-service");
    let why = person.json(&["why", &unheard["id"].to_string(), "--json"]);
    assert_eq!(why["reason"], "no-service");
    let doctor = person.json_whatever_the_code(&["doctor", "--json"]);
    assert!(doctor.contains("notification"), "{doctor}");
    tokio::task::block_in_place(|| person.desktop.toast_service_start(Toasts::Dunst).unwrap());
    person.sandbox.podio().notify(user, Spec::comment("heard"));
    resident.until_toast("shown");
    tokio::task::block_in_place(|| person.desktop.wait_for_toast().unwrap());
}

impl Person {
    fn json_whatever_the_code(&self, args: &[&str]) -> String {
        String::from_utf8(self.output(args).stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_survives_a_restart_of_belfry_and_of_the_password_store() {
    let mut person = Person::new(Options::default()).await;
    person.sign_in();
    person.resident().until_state("live");
    tokio::task::block_in_place(|| {
        person.desktop.keyring_stop().unwrap();
        person.desktop.keyring_start(Keyring::Unlocked).unwrap();
    });
    let grants = person.sandbox.podio().observed().password_grants;
    person.resident().until_state("live");
    assert_eq!(person.sandbox.podio().observed().password_grants, grants, "nobody signed in again");
    let secrets = walk(&person.desktop.home());
    let password = person.sandbox.user().password;
    assert!(!secrets.iter().any(|file| file.contains(&password)), "no password lies in a file");
}

/// The text of every file below, the password store's own excepted (it is encrypted, but not ours to judge).
fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("keyrings") {
            found.extend(walk(&path));
        } else if path.is_file() {
            found.push(String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_password_store_a_sign_in_is_refused_in_words() {
    let person = Person::new(Options { keyring: Keyring::None, ..Options::default() }).await;
    let began = Instant::now();
    let refused = person.add(&person.sandbox.push_url());
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.to_lowercase().contains("password store"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(20), "it did not hang: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resident_whose_password_store_is_gone_says_so_and_never_hangs() {
    let mut person = Person::new(Options::default()).await;
    person.sign_in();
    tokio::task::block_in_place(|| person.desktop.keyring_stop().unwrap());
    let mut resident = person.resident();
    let down =
        resident.until("a state with a reason", |line| line["event"] == "link" && line["reason"].is_string());
    assert!(down["reason"].as_str().unwrap().to_lowercase().contains("password store"), "{down}");
    tokio::task::block_in_place(|| person.desktop.keyring_start(Keyring::Unlocked).unwrap());
    resident.until_state("live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waking_from_sleep_finds_a_dead_link_within_seconds() {
    let mut person = Person::new(Options::default()).await;
    tokio::task::block_in_place(|| person.desktop.system_bus().unwrap());
    let wire = Wire::start(person.sandbox.push_address()).await.unwrap();
    let added = person.add(&format!("{}/faye", wire.url()));
    assert!(added.status.success(), "{added:?}");
    let mut resident = person.resident();
    resident.until_state("live");
    wire.set(Mode::Stall);
    let woke = Instant::now();
    tokio::task::block_in_place(|| person.desktop.sleep_and_resume().unwrap());
    resident.until_state("waiting");
    let noticed = woke.elapsed();
    println!("after waking, a dead link was noticed in {noticed:?}");
    assert!(noticed < Duration::from_secs(10), "{noticed:?}");
    wire.set(Mode::Pass);
    resident.until_state("live");
}
