//! The real program, killed again and again at random moments under a stream of pushes: every push is kept, none is told twice. The
//! same over every service.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use belfry_sandbox::cloudapp::ItemType;
use belfry_sandbox::{Options, Sandbox, Settings, Spec};
use rand::Rng;
use url::Url;

use crate::post::{self, Post, SIGNING_SECRET};
use crate::stage::{Bell, CHANNEL};

pub(crate) fn belfry(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    command.env("BELFRY_HOME", home).env("BELFRY_SECRETS", "file").env_remove("BELFRY_LOG");
    command
}

pub(crate) fn sign_in(home: &Path, sandbox: &Sandbox) {
    add(home, sandbox, Bell::Podio, None);
}

/// Adds an account of this service, as a script does it; where a browser is needed, as a person does who allows it.
fn add(home: &Path, sandbox: &Sandbox, bell: Bell, post: Option<&Post>) {
    let mut command = belfry(home);
    command.args(["account", "add"]);
    let secrets = match bell {
        Bell::Podio => {
            let user = sandbox.user();
            command.args(["podio", "--api-url", &sandbox.api_url(), "--push-url", &sandbox.push_url()]);
            command.args(["--client-id", &sandbox.key().client_id, "--client-secret-stdin"]);
            command.args(["--username", &user.mail, "--password-stdin"]);
            format!("{}\n{}\n", sandbox.key().client_secret, user.password)
        }
        Bell::Cloudapp => {
            command.args(["cloudapp", "--api-url", &sandbox.cloudapp_url()]);
            command.args(["--push-url", &sandbox.pusher_url(), "--email", "ada@example.test"]);
            command.arg("--password-stdin");
            "open-sesame\n".to_owned()
        }
        Bell::Pusher => {
            let app = sandbox.pusher().app();
            command.args(["pusher", "--url", &sandbox.pusher_url(), "--key", &app.key]);
            command.args(["--channel", CHANNEL, "--app-secret-stdin"]);
            command.args(["--map", "title={{ data.title }}", "--map", "id={{ data.id }}"]);
            format!("{}\n", app.secret)
        }
        Bell::Podium => {
            let (app, url) = (sandbox.podium().app(), sandbox.podium_url());
            command.args(["podium", "--api-url", &url, "--relay", &post.unwrap().url()]);
            command.args(["--client-id", &app.client_id, "--client-secret-stdin"]);
            command.args(["--location", "Harbour Street"]);
            format!("{}\n", app.client_secret)
        }
        Bell::Webhook => {
            command.args(["webhook", "--relay", &post.unwrap().url(), "--signature", "github"]);
            command.args(["--secret-stdin", "--map", "title={{ data.title }}"]);
            format!("{SIGNING_SECRET}\n")
        }
    };
    // No browser: the address is told, and gone to below.
    let mut child = command
        .env("PATH", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.trim().starts_with("http") {
            tokio::runtime::Handle::current().block_on(post::browse(line.trim()));
        }
        said += &(line + "\n");
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?} {said}");
}

/// Something happens there, and is pushed.
fn push(sandbox: &Sandbox, bell: Bell, number: usize, hook: Option<&Url>) {
    let text = format!("push-{number:05}-end");
    match bell {
        Bell::Podio => {
            sandbox.podio().notify(sandbox.user().user_id, Spec::comment(&text));
        }
        Bell::Cloudapp => {
            sandbox.cloudapp().upload(1, &text, ItemType::Text);
        }
        Bell::Pusher => {
            let data = serde_json::json!({"id": number, "title": text});
            sandbox.pusher().trigger(CHANNEL, "news", &data);
        }
        Bell::Podium => {
            sandbox.podium().message_received(&text, "Are you open on Sunday?");
        }
        Bell::Webhook => {
            let body = serde_json::json!({"title": text}).to_string().into_bytes();
            // Sent until it is taken, whoever waits for it.
            drop(post::send(&post::client(), hook.unwrap().clone(), text, body, false));
        }
    }
}

/// The address that the account has given out.
fn hook(home: &Path) -> Url {
    let output = belfry(home).args(["account", "hook", "webhook"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

pub(crate) fn run(home: &Path, told: &std::fs::File) -> Child {
    belfry(home)
        .args(["run", "--toast", "print"])
        .stdin(Stdio::null())
        .stdout(told.try_clone().unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_under_two_thousand_pushes_lose_nothing_and_tell_nothing_twice() {
    kills_lose_nothing_and_tell_nothing_twice(Bell::Podio, 100, 2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_a_thousand_items_lose_nothing_and_tell_nothing_twice() {
    kills_lose_nothing_and_tell_nothing_twice(Bell::Cloudapp, 50, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_a_feed_without_a_past_tell_nothing_twice() {
    kills_lose_nothing_and_tell_nothing_twice(Bell::Pusher, 50, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_a_thousand_messages_over_a_relay_lose_nothing_and_tell_nothing_twice() {
    kills_lose_nothing_and_tell_nothing_twice(Bell::Podium, 50, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_a_thousand_webhooks_lose_nothing_and_tell_nothing_twice() {
    kills_lose_nothing_and_tell_nothing_twice(Bell::Webhook, 50, 1_000).await;
}

/// What a Pusher server sent while nobody listened is nowhere, so of its events only those that came are counted.
async fn kills_lose_nothing_and_tell_nothing_twice(bell: Bell, kills: usize, pushes: usize) {
    let podio = Settings { rate_limit: 10_000_000, ..Settings::default() };
    let sandbox = Sandbox::start(Options { podio, ..Options::apart() }).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("home");
    let post = match bell {
        Bell::Podium | Bell::Webhook => Some(Post::open().await),
        Bell::Podio | Bell::Cloudapp | Bell::Pusher => None,
    };
    post::patient(sandbox.podium());
    tokio::task::block_in_place(|| add(&folder, &sandbox, bell, post.as_ref()));
    let hook = (bell == Bell::Webhook).then(|| tokio::task::block_in_place(|| hook(&folder)));
    let told_path = home.path().join("told.txt");
    let told = std::fs::File::options().create(true).append(true).open(&told_path).unwrap();

    let mut random = rand::rng();
    let mut pushed = 0;
    let began = Instant::now();
    for life in 0..kills {
        let mut child = run(&folder, &told);
        // Some lives end before the link is up, most under the stream. In the first the account's past is taken in.
        let lives = if life == 0 { 700 } else { random.random_range(5..700) };
        let lives = Duration::from_millis(lives);
        let due = pushes * (life + 1) / kills;
        let gap = lives / u32::try_from(due - pushed + 1).unwrap();
        while pushed < due {
            tokio::time::sleep(gap).await;
            push(&sandbox, bell, pushed, hook.as_ref());
            pushed += 1;
        }
        tokio::time::sleep(gap).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = run(&folder, &told);
    let expected = if bell.has_a_past() { i64::try_from(pushes).unwrap() } else { 1 };
    let rows = rows_once_settled(&folder, expected).await;
    last.kill().unwrap();
    last.wait().unwrap();

    let text = std::fs::read_to_string(&told_path).unwrap();
    let mut banners: BTreeMap<String, usize> = BTreeMap::new();
    let mut summaries = 0;
    // A toast's line begins with its title; the lines that tell of rows and links begin with the time.
    let begins_with_time = |line: &&str| line.starts_with("20") && line.get(4..5) == Some("-");
    for line in text.lines().filter(|line| !begins_with_time(line)) {
        if line.contains(" new in ") || line.contains(" new since ") {
            summaries += 1;
        } else if let Some((_, number)) = line.split_once("push-") {
            *banners.entry(number.chars().take(5).collect()).or_default() += 1;
        }
    }
    let twice: Vec<_> = banners.iter().filter(|(_, times)| **times > 1).collect();
    println!(
        "{bell:?}: {kills} kills in {:?}: {pushes} pushes, {rows} rows, {} banners of one, {summaries} summaries, {} told twice",
        began.elapsed(),
        banners.len(),
        twice.len()
    );
    match bell {
        Bell::Podio | Bell::Cloudapp | Bell::Podium | Bell::Webhook => {
            assert_eq!(rows, expected, "rows = pushes");
        }
        Bell::Pusher => assert!(rows >= 1, "something was heard"),
    }
    assert!(twice.is_empty(), "told twice: {:?}", twice.first());
    assert!(!banners.is_empty() || summaries > 0, "something was told");
}

/// Asks the running program until all pushes are kept and none waits for a verdict.
async fn rows_once_settled(home: &Path, expected: i64) -> i64 {
    let database = home.join("data").join("belfry.db");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (rows, waiting) = tokio::task::block_in_place(|| {
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
            let db = rusqlite::Connection::open_with_flags(&database, flags).unwrap();
            db.busy_timeout(Duration::from_secs(5)).unwrap();
            let rows: i64 = db.query_row("SELECT count(*) FROM notification", [], |row| row.get(0)).unwrap();
            let waiting: i64 = db
                .query_row("SELECT count(*) FROM toast WHERE state IN ('pending', 'claimed')", [], |row| {
                    row.get(0)
                })
                .unwrap();
            (rows, waiting)
        });
        if (rows >= expected && waiting == 0) || Instant::now() > deadline {
            return rows;
        }
        // The program writes; there is no line to it that says when all is done, so look again a little later.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
