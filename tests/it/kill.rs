//! The real program, killed a hundred times at random moments under a stream of pushes: every push is kept, none is told twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use belfry_sandbox::{Options, Sandbox, Settings, Spec};
use rand::Rng;

const PUSHES: usize = 2_000;
const KILLS: usize = 100;

pub(crate) fn belfry(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry"));
    command.env("BELFRY_HOME", home).env("BELFRY_SECRETS", "file").env_remove("BELFRY_LOG");
    command
}

pub(crate) fn sign_in(home: &Path, sandbox: &Sandbox) {
    let user = sandbox.user();
    let mut child = belfry(home)
        .args(["account", "add", "podio", "--api-url", &sandbox.api_url(), "--push-url", &sandbox.push_url()])
        .args(["--client-id", &sandbox.key().client_id, "--client-secret-stdin"])
        .args(["--username", &user.mail, "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let secrets = format!("{}\n{}\n", sandbox.key().client_secret, user.password);
    child.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
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
    let podio = Settings { rate_limit: 10_000_000, ..Settings::default() };
    let sandbox = Sandbox::start(Options { podio, ..Options::apart() }).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let (folder, user) = (home.path().join("home"), sandbox.user().user_id);
    tokio::task::block_in_place(|| sign_in(&folder, &sandbox));
    let told_path = home.path().join("told.txt");
    let told = std::fs::File::options().create(true).append(true).open(&told_path).unwrap();

    let mut random = rand::rng();
    let mut pushed = 0;
    let began = Instant::now();
    for life in 0..KILLS {
        let mut child = run(&folder, &told);
        // Some lives end before the link is up, most under the stream.
        let lives = Duration::from_millis(random.random_range(5..700));
        let due = PUSHES * (life + 1) / KILLS;
        let gap = lives / u32::try_from(due - pushed + 1).unwrap();
        while pushed < due {
            tokio::time::sleep(gap).await;
            sandbox.podio().notify(user, Spec::comment(&format!("push-{pushed:05}-end")));
            pushed += 1;
        }
        tokio::time::sleep(gap).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = run(&folder, &told);
    let rows = rows_once_settled(&folder).await;
    last.kill().unwrap();
    last.wait().unwrap();

    let text = std::fs::read_to_string(&told_path).unwrap();
    let mut banners: BTreeMap<String, usize> = BTreeMap::new();
    let mut summaries = 0;
    // A toast's line begins with its title, which says who; the lines that tell of rows and links begin with the time.
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("Ada Brook push-").and_then(|rest| rest.get(..5)) {
            *banners.entry(number.to_owned()).or_default() += 1;
        } else if line.contains(" new in ") || line.contains(" new since ") {
            summaries += 1;
        }
    }
    let twice: Vec<_> = banners.iter().filter(|(_, times)| **times > 1).collect();
    println!(
        "{KILLS} kills in {:?}: {PUSHES} pushes, {rows} rows, {} banners of one, {summaries} summaries, {} told twice",
        began.elapsed(),
        banners.len(),
        twice.len()
    );
    assert_eq!(rows, PUSHES as i64, "rows = pushes");
    assert!(twice.is_empty(), "told twice: {:?}", twice.first());
    assert!(!banners.is_empty(), "something was told");
}

/// Asks the running program until all pushes are kept and none waits for a verdict.
async fn rows_once_settled(home: &Path) -> i64 {
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
        if (rows >= PUSHES as i64 && waiting == 0) || Instant::now() > deadline {
            return rows;
        }
        // The program writes; there is no line to it that says when all is done, so look again a little later.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
