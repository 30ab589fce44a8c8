//! The program as a person meets it: what it says, how it ends, what it keeps to itself.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use reqwest::StatusCode;

use crate::bench::{Channel, Program, client, command};

fn run(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(data).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn is_one_sentence(said: &str, about: &str) {
    let lines: Vec<&str> =
        said.lines().filter(|line| !line.contains(" WARN ") && !line.contains(" INFO ")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains(about), "{said}");
}

#[tokio::test]
async fn on_a_fresh_machine_it_starts_and_says_what_to_do_next() {
    let home = tempfile::tempdir().unwrap();
    let mut fresh = std::process::Command::new(env!("CARGO_BIN_EXE_belfry-relay"));
    let output = fresh.env_clear().env("HOME", home.path()).arg("--help").output().unwrap();
    assert!(output.status.success());
    let program = Program::start(home.path(), |command| {
        *command = std::process::Command::new(env!("CARGO_BIN_EXE_belfry-relay"));
        command.env_clear().env("HOME", home.path()).args(["--listen", "127.0.0.1:0"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    });
    for line in [
        "belfry account add podium --relay http://127.0.0.1:",
        "belfry account add webhook --relay http://",
        "--public-url",
    ] {
        assert!(program.said.contains(line), "{line}\n{}", program.said);
    }
    assert_eq!(client().get(&program.url).send().await.unwrap().status(), StatusCode::OK);
    #[cfg(target_os = "linux")]
    assert!(home.path().join(".local/share/belfry-relay/relay.db").exists());
    let (code, _) = program.end();
    assert_eq!(code, Some(0));
}

#[test]
fn trouble_at_the_start_is_one_sentence_and_exit_code_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let held = Program::start(&folder.path().join("held"), |_| ());
    let any = ["--listen", "127.0.0.1:0"];
    let cases: [(&Path, Vec<&str>, &str); 7] = [
        (&data, vec!["--listen", &taken], "is taken by another program"),
        (&data, vec!["--listen", "203.0.113.7:80"], "no address of this machine"),
        (&file, any.to_vec(), "another folder with --data"),
        (&folder.path().join("held"), any.to_vec(), "Another belfry-relay uses"),
        (&data, [&any[..], &["--public-url", "hooks.example.org"]].concat(), "https://hooks.example.org/"),
        (&data, [&any[..], &["--public-url", "ftp://example.org"]].concat(), "https://hooks.example.org/"),
        (&data, [&any[..], &["--store", "redis://me:s3cret@host"]].concat(), "--store must be"),
    ];
    for (data, arguments, about) in cases {
        let (code, said) = run(data, &arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        is_one_sentence(&said, about);
        assert!(!said.contains("s3cret"), "{said}");
    }
    for wrong in [&["--nonsense"][..], &["--listen", "nowhere"], &["--keep-days", "0"], &["--log", "loud"]] {
        assert_eq!(run(&data, wrong).0, Some(2), "{wrong:?}");
    }
    drop(held);
}

#[tokio::test]
async fn a_relay_for_the_internet_asks_for_its_join_code_and_keeps_it() {
    let data = tempfile::tempdir().unwrap();
    let public = |command: &mut std::process::Command| {
        command.args(["--public-url", "https://hooks.example.org"]);
    };
    let code = |program: &Program| {
        let (_, rest) = program.said.split_once("Join code:").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let first = Program::start(data.path(), public);
    assert!(first.said.contains("--relay https://hooks.example.org/ --relay-code-stdin\n"), "{}", first.said);
    let said = code(&first);
    assert_eq!(said.len(), 23, "{said}");
    first.end();
    let second = Program::start(data.path(), public);
    assert_eq!(code(&second), said);
    second.end();
    let open = Program::start(data.path(), |command| {
        public(command);
        command.arg("--open");
    });
    assert_eq!(code(&open), "none:");
    open.end();
}

#[tokio::test]
async fn nothing_secret_is_logged_or_shown() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), |command| {
        command.args(["--log", "trace", "--token-in-url"]);
    });
    let http = client();
    let channel = Channel::make(&http, &program.url, None).await;
    let sealed = Channel::make(&http, &program.url, Some(&[9; 32])).await;
    for channel in [&channel, &sealed] {
        let request = http.post(format!("{}?key=queryneedle", channel.hook_url));
        request.header("authorization", "headerneedle").body("bodyneedle").send().await.unwrap();
        assert_eq!(channel.kept(None).await.len(), 1);
    }
    let with_token = http.get(format!("{}?access_token={}", channel.events_url, channel.token)).send();
    assert_eq!(with_token.await.unwrap().status(), StatusCode::OK);
    http.get(format!("{}?code=codeneedle&state={}.n", channel.oauth_url, channel.name)).send().await.unwrap();
    http.delete(format!("{}channels/{}", program.url, channel.name))
        .bearer_auth(&channel.token)
        .send()
        .await
        .unwrap();
    http.delete(format!("{}channels/{}", program.url, channel.name))
        .bearer_auth("tokenneedle")
        .send()
        .await
        .unwrap();
    let keys = std::fs::read_to_string(data.path().join("relay.keys")).unwrap();
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let said = program.said.clone();
    let (_, log) = program.end();
    assert!(
        log.contains("a reader came") && log.contains("a channel was forgotten"),
        "the log was read: {log}"
    );
    let secrets = [&channel.name, &sealed.name, &channel.token, &sealed.token];
    let kept = [keys["relay_key"].as_str().unwrap(), keys["join_code"].as_str().unwrap(), "needle"];
    for secret in secrets.into_iter().map(String::as_str).chain(kept) {
        for text in [&log, &said] {
            assert!(!text.contains(secret), "{secret} stands in\n{text}");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_service_manager_hears_when_it_is_ready_and_when_it_stops() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let program = Program::start(data.path(), |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let hear = || {
        let mut word = [0; 64];
        let length = socket.recv(&mut word).unwrap();
        String::from_utf8(word[..length].to_vec()).unwrap()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!(program.end().0, Some(0));
    assert_eq!(hear(), "STOPPING=1");
}

#[tokio::test]
async fn it_ends_in_order_on_either_signal_with_a_stream_open() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let data = tempfile::tempdir().unwrap();
        let program = Program::start(data.path(), |_| ());
        let channel = Channel::make(&client(), &program.url, None).await;
        let mut stream = channel.open(None).await;
        stream.until_ready().await;
        program.signal(signal);
        assert_eq!(stream.try_next().await, None);
        drop(stream);
        let (code, log) = program.ended();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("has stopped"), "{log}");
        assert!(!data.path().join("relay.db-wal").exists());
    }
}

#[tokio::test]
async fn after_a_backup_was_put_back_readers_are_told() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), |_| ());
    let address = program.address();
    let channel = Channel::make(&client(), &program.url, None).await;
    channel.post_many(0..2).await;
    program.end();
    let backup = std::fs::read(data.path().join("relay.db")).unwrap();
    let program = Program::start_at(data.path(), &address, |_| ());
    channel.post_many(2..4).await;
    let stood = channel.kept(None).await.last().unwrap().id().to_owned();
    program.end();
    std::fs::write(data.path().join("relay.db"), backup).unwrap();
    let program = Program::start_at(data.path(), &address, |command| {
        command.arg("--restored");
    });
    channel.post_many(4..7).await;
    let kept = channel.kept(Some(&stood)).await;
    assert_eq!(kept[0].name, "gosmee-gap");
    let texts: Vec<String> = kept[1..].iter().map(|event| event.text()).collect();
    assert_eq!(texts, ["ring 0", "ring 1", "ring 4", "ring 5", "ring 6"]);
    program.end();
}

#[tokio::test]
async fn a_health_check_needs_no_other_program() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), |_| ());
    let address = program.address();
    let check = || run(data.path(), &["--check", "--listen", &address]);
    assert_eq!(check(), (Some(0), String::new()));
    let everywhere = format!("0.0.0.0:{}", address.rsplit_once(':').unwrap().1);
    assert_eq!(run(data.path(), &["--check", "--listen", &everywhere]).0, Some(0));
    let other = rusqlite::Connection::open(data.path().join("relay.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The last look is good for a second.
    let mut unwell = check();
    for _ in 0..100 {
        if unwell.0 == Some(1) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        unwell = check();
    }
    assert_eq!(unwell.0, Some(1));
    is_one_sentence(&unwell.1, "The relay is unwell");
    other.execute_batch("ROLLBACK").unwrap();
    program.end();
    let (code, said) = check();
    assert_eq!(code, Some(1));
    is_one_sentence(&said, "No relay answers");
}
