//! A webhook account on the command line: added in one command that prints the address to give to the service, told by the running
//! program, removed.

use serde_json::json;

use crate::trouble::{Person, Resident, fed, sentence};
use crate::webhook_stage::{SECRET, github, relay, send};

fn said(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_of_github_rings_after_one_command() {
    let (person, folder) = (Person::new().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let add = person.belfry(&[
        "account",
        "add",
        "webhook",
        "--relay",
        relay.url().as_str(),
        "--signature",
        "github",
        "--secret-stdin",
        "--map",
        "github",
    ]);
    let added = said(&fed(add, &format!("{SECRET}\n")));
    let hook = said(&person.run(&["account", "hook", "webhook"])).trim().to_owned();
    assert!(hook.starts_with(relay.url().as_str()) && hook.contains("/hook/"), "{hook}");
    assert!(added.contains(&hook) && !added.contains(SECRET), "{added}");
    let mut resident = Resident::start(&person);
    let release = json!({
        "action": "published", "repository": {"full_name": "ada/engine"},
        "release": {"tag_name": "v1.0", "name": "First light", "html_url": "https://github.com/ada/engine/releases/v1.0"},
    });
    assert_eq!(github(&hook, "release", "d-1", &release).await, 200);
    let told = resident.until("it is told", |line| line["event"] == "notification");
    assert_eq!(told["title"], "ada/engine First light");
    assert_eq!(told["url"], "https://github.com/ada/engine/releases/v1.0");
    let tried = said(&person.run(&[
        "account",
        "map",
        "webhook",
        "--try",
        "--map",
        "title={{ headers['x-github-event'] }}",
    ]));
    assert!(tried.contains("rule 1: release"), "{tried}");
    assert!(said(&person.run(&["account", "remove", "webhook", "--yes"])).contains("removed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_made_is_shown_once_and_checks() {
    let (person, folder) = (Person::new().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let add = person.belfry(&[
        "account",
        "add",
        "webhook",
        "--relay",
        relay.url().as_str(),
        "--signature",
        "hmac-sha256",
        "--signature-header",
        "X-Sign",
        "--make-secret",
        "--name",
        "alarms",
    ]);
    let added = said(&fed(add, ""));
    let secret =
        added.split_whitespace().find(|word| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit()));
    let secret = secret.expect("a secret").to_owned();
    let hook = said(&person.run(&["account", "hook", "alarms"])).trim().to_owned();
    let mut resident = Resident::start(&person);
    let body = r#"{"title":"Fire"}"#;
    use hmac::{Hmac, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signed = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    assert_eq!(send(&hook, &[("x-sign", &signed)], body).await, 200);
    resident.until("it is told", |line| line["title"] == "Fire");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_one_sentence_with_its_exit_code() {
    let (person, folder) = (Person::new().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let url = relay.url().as_str();
    let cases: [(&[&str], &str, i32, &[&str]); 6] = [
        (&["--relay", url, "--signature", "github"], "", 2, &["--secret-stdin", "--make-secret"]),
        (&["--relay", url, "--signature", "github", "--secret-stdin"], "", 2, &["--secret-stdin"]),
        (&["--relay", url, "--signature", "hmac-sha1", "--make-secret"], "", 2, &["--signature-header"]),
        (&["--relay", url, "--make-secret"], "", 2, &["--signature"]),
        (&["--relay", url, "--map", "title={{ dta }}"], "", 1, &["dta"]),
        (&["--relay", "http://127.0.0.1:1"], "", 1, &["cannot be reached"]),
    ];
    for (more, input, code, words) in cases {
        let command = person.belfry(&[&["account", "add", "webhook"], more].concat());
        let (came, said) = sentence(&fed(command, input));
        assert_eq!(came, code, "{more:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{more:?}: {said}");
    }
    assert!(!person.accounts().contains("\"id\""), "nothing was added");
}
