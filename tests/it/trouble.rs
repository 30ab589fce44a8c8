//! Trouble as a person meets it on the command line: each gives one clear sentence and the right exit code, and loses nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belfry_sandbox::{Answer, Fault, Options, Sandbox, Settings, Spec};
use serde_json::Value;

pub struct Person {
    pub sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Person {
    pub async fn new() -> Self {
        let podio = Settings { rate_limit: 100_000, ..Settings::default() };
        let sandbox = Sandbox::start(Options { podio, ..Options::apart() }).await.unwrap();
        Self { sandbox, folder: tempfile::tempdir().unwrap() }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn database(&self) -> PathBuf {
        self.home().join("data").join("belfry.db")
    }

    pub fn belfry(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
        command
            .args(args)
            .env("BELFRY_HOME", self.home())
            .env("BELFRY_SECRETS", "file")
            .env_remove("BELFRY_LOG");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.belfry(args).stdin(Stdio::null()).output().unwrap())
    }

    fn add(&self, api_url: &str, secret: &str, password: &str) -> Output {
        let mut command = self.belfry(&["account", "add", "podio", "--api-url", api_url]);
        command
            .args(["--push-url", &self.sandbox.push_url(), "--client-id", &self.sandbox.key().client_id])
            .args(["--client-secret-stdin", "--username", &self.sandbox.user().mail, "--password-stdin"]);
        fed(command, &format!("{secret}\n{password}\n"))
    }

    fn sign_in(&self) {
        let added = self.add(
            &self.sandbox.api_url(),
            &self.sandbox.key().client_secret,
            &self.sandbox.user().password,
        );
        assert!(added.status.success(), "{added:?}");
    }

    pub fn accounts(&self) -> String {
        let listed = self.run(&["account", "list", "--json"]);
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8(listed.stdout).unwrap()
    }
}

pub fn fed(mut command: Command, input: &str) -> Output {
    tokio::task::block_in_place(|| {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses before it reads closes its input.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        child.wait_with_output().unwrap()
    })
}

/// The one sentence it said, and its exit code.
#[track_caller]
pub fn sentence(output: &Output) -> (i32, String) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "one sentence: {said}");
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), lines[0].to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_a_sentence_and_exit_code_3() {
    let person = Person::new().await;
    let output = person.add(&person.sandbox.api_url(), &person.sandbox.key().client_secret, "guess");
    let (code, said) = sentence(&output);
    assert_eq!(code, 3, "{said}");
    assert!(said.to_lowercase().contains("password"), "{said}");
    assert!(!said.contains("guess"), "no secret is repeated: {said}");
    assert!(!person.accounts().contains("\"id\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_a_sentence_of_its_own() {
    let person = Person::new().await;
    let output = person.add(&person.sandbox.api_url(), "wrong-secret", &person.sandbox.user().password);
    let (code, said) = sentence(&output);
    assert!([1, 3].contains(&code), "{code}: {said}");
    assert!(said.to_lowercase().contains("key"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_host_is_a_sentence_and_exit_code_1() {
    let person = Person::new().await;
    let output = person.add("http://127.0.0.1:1", "secret", "password");
    let (code, said) = sentence(&output);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("127.0.0.1"), "it names the host: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_nobody_vouches_for_is_a_sentence_and_no_password_is_sent() {
    let person = Person::new().await;
    let impostor = Impostor::start().await;
    let output = person.add(&impostor.url, "secret", "password");
    let (code, said) = sentence(&output);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(impostor.conversations(), 0, "nothing was sent through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_a_portal_page_are_sentences_and_exit_code_1() {
    let person = Person::new().await;
    for answer in [Answer::Garbage, Answer::CaptivePortal, Answer::Oversized { bytes: 3 << 20 }] {
        person.sandbox.podio().fault(Fault { path: "/".into(), times: 50, answer: answer.clone() });
        let output = person.add(&person.sandbox.api_url(), "secret", "password");
        let (code, said) = sentence(&output);
        assert_eq!(code, 1, "{answer:?}: {said}");
        person.sandbox.podio().heal();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_opened_is_left_alone() {
    let person = Person::new().await;
    std::fs::create_dir_all(person.database().join("a folder where the file should be")).unwrap();
    let (code, said) = sentence(&person.run(&["inbox"]));
    assert_eq!(code, 1, "{said}");
    assert!(person.database().join("a folder where the file should be").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_belfry_is_left_alone() {
    let person = Person::new().await;
    person.sign_in();
    let newer = rusqlite::Connection::open(person.database()).unwrap();
    newer.pragma_update(None, "user_version", 9_999).unwrap();
    drop(newer);
    let before = std::fs::read(person.database()).unwrap();
    for args in [&["inbox"][..], &["run"][..]] {
        let (code, said) = sentence(&person.run(args));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("newer"), "{said}");
    }
    assert_eq!(std::fs::read(person.database()).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_database_is_set_aside_and_never_deleted() {
    let person = Person::new().await;
    person.sign_in();
    let garbage = b"this is no database at all, though it is long enough to look like one".repeat(100);
    for side in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{side}", person.database().display())));
    }
    std::fs::write(person.database(), &garbage).unwrap();
    let output = person.run(&["inbox"]);
    assert!(output.status.success(), "{output:?}");
    let kept = find_file(&person.home(), &garbage);
    assert!(kept.is_some(), "the damaged file is still there");
}

fn find_file(folder: &Path, content: &[u8]) -> Option<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| {
        if path.is_dir() {
            find_file(&path, content)
        } else {
            (std::fs::read(&path).unwrap() == content).then_some(path)
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_resident_is_turned_away_with_exit_code_4() {
    let person = Person::new().await;
    person.sign_in();
    let first = Resident::start(&person);
    let (code, said) = sentence(&person.run(&["run"]));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("Another Belfry"), "{said}");
    drop(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_beside_a_starting_resident_waits_for_it() {
    let person = Person::new().await;
    person.sign_in();
    for _ in 0..5 {
        let mut resident = Resident::from(person.belfry(&["run", "--json", "--toast", "print"]));
        let output = person.run(&["status"]);
        assert!(output.status.success(), "{output:?}");
        resident.until("it is live", |line| line["state"] == "live");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_secret_store_is_a_wrong_usage() {
    let person = Person::new().await;
    let output = tokio::task::block_in_place(|| {
        person.belfry(&["inbox"]).env("BELFRY_SECRETS", "post-it").output().unwrap()
    });
    let (code, said) = sentence(&output);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("post-it"), "{said}");
}

/// Needs a mount namespace of its own for a tiny disk; the machine must allow that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_everything_arrives_once_there_is_room() {
    const TINY_DISK: &str = r#"
        set -e
        mount -t tmpfs -o size=3m tmpfs "$BELFRY_HOME"
        printf '%s\n%s\n' "$SECRET" "$PASSWORD" | "$BELFRY" account add podio --api-url "$API" --push-url "$PUSH" \
            --client-id "$KEY" --client-secret-stdin --username "$MAIL" --password-stdin >/dev/null
        "$BELFRY" run --json --toast print < /dev/null & resident=$!
        read -r step
        dd if=/dev/zero of="$BELFRY_HOME/filler" bs=1k 2>/dev/null || true
        echo '"full"'
        read -r step
        rm "$BELFRY_HOME/filler"
        read -r step
        kill $resident; wait $resident || true
    "#;
    let person = Person::new().await;
    std::fs::create_dir_all(person.home()).unwrap();
    let user = person.sandbox.user();
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", TINY_DISK])
        .env("BELFRY_HOME", person.home())
        .env("BELFRY_SECRETS", "file")
        .env("BELFRY", env!("CARGO_BIN_EXE_belfry"))
        .env("API", person.sandbox.api_url())
        .env("PUSH", person.sandbox.push_url())
        .env("KEY", &person.sandbox.key().client_id)
        .env("SECRET", &person.sandbox.key().client_secret)
        .env("MAIL", &user.mail)
        .env("PASSWORD", &user.password);
    let mut disk = Resident::from(command);
    disk.until("it is live", |line| line["state"] == "live");
    disk.step();
    disk.until("the disk is full", |line| line == "full");
    let long = "long text that takes room ".repeat(100);
    for n in 0..60 {
        person.sandbox.podio().notify(user.user_id, Spec::comment(&format!("{n} {long}")));
    }
    let down = disk.until("the link says why", |line| line["event"] == "link" && line["state"] == "waiting");
    assert!(down["reason"].as_str().unwrap().contains("disk is full"), "{down}");
    disk.step();
    let kept = |seen: &[Value]| seen.iter().filter(|line| line["event"] == "notification").count();
    disk.until_all("all 60 arrived", |seen| kept(seen) >= 60);
    assert_eq!(kept(&disk.seen), 60);
    disk.step();
}

/// `belfry run --json`, ended by its process id.
pub struct Resident {
    child: std::process::Child,
    input: std::process::ChildStdin,
    lines: std::sync::mpsc::Receiver<Value>,
    pub seen: Vec<Value>,
}

impl Resident {
    pub fn start(person: &Person) -> Self {
        let mut resident = Self::from(person.belfry(&["run", "--json", "--toast", "print"]));
        resident.until("it is live", |line| line["state"] == "live");
        resident
    }

    fn from(mut command: Command) -> Self {
        use std::io::{BufRead, BufReader};
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (said, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if said.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, input, lines, seen: Vec::new() }
    }

    fn step(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    pub fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until_all(what, |seen| seen.last().is_some_and(&is_it));
        self.seen.last().unwrap().clone()
    }

    pub fn until_all(&mut self, what: &str, are_they: impl Fn(&[Value]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        tokio::task::block_in_place(|| {
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let Ok(line) = self.lines.recv_timeout(left) else { panic!("not: {what}: {:#?}", self.seen) };
                self.seen.push(line);
                if are_they(&self.seen) {
                    return;
                }
            }
        });
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A server with a certificate that nobody vouches for.
struct Impostor {
    url: String,
    talked: Arc<std::sync::atomic::AtomicUsize>,
}

impl Impostor {
    async fn start() -> Self {
        use std::sync::atomic::Ordering;
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let talked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (settings, counted) = (Arc::new(settings), talked.clone());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                use std::io::Read;
                let tls = rustls::ServerConnection::new(settings.clone()).unwrap();
                let mut first = [0; 1];
                if rustls::StreamOwned::new(tls, socket).read(&mut first).is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { url, talked }
    }

    fn conversations(&self) -> usize {
        self.talked.load(std::sync::atomic::Ordering::SeqCst)
    }
}
