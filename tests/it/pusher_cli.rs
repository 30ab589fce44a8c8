//! A Pusher account on the command line: added with its secrets on standard input, told by the running program, its map shown, tried and
//! changed.

use std::process::Output;

use belfry_sandbox::pusher::{Person as Somebody, Quirk};
use serde_json::{Value, json};

use crate::trouble::{Person, Resident, fed, sentence};

fn add(person: &Person, more: &[&str], input: &str) -> Output {
    let host = person.sandbox.pusher_url().replace("http://", "");
    let mut command = person.belfry(&["account", "add", "pusher", "--host", &host, "--insecure"]);
    command.args(["--key", &person.sandbox.pusher().app().key]).args(more);
    fed(command, input)
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_told_by_the_program_that_was_set_up_in_one_command() {
    let person = Person::new().await;
    let channel = "private-orders";
    let pairs = [
        "--map",
        "title=Order {{ data.order.id }}",
        "--map",
        "url={{ data.link }}",
        "--map",
        "event=OrderShipped",
    ];
    let added = add(
        &person,
        &[&["--channel", channel, "--app-secret-stdin"], &pairs[..]].concat(),
        "belfry-secret\n",
    );
    assert!(said(&added).contains("pusher"), "{added:?}");
    let mut resident = Resident::start(&person);
    let pusher = person.sandbox.pusher();
    let data = json!({"order": {"id": 7}, "link": "https://shop.example.org/7"});
    assert_eq!(pusher.trigger(channel, r"App\Events\OrderShipped", &data), 1);
    assert_eq!(pusher.trigger(channel, r"App\Events\OrderPacked", &data), 1);
    let told = resident.until("it is told", |line| line["event"] == "notification");
    assert_eq!((&told["title"], &told["url"]), (&json!("Order 7"), &json!("https://shop.example.org/7")));
    let map = said(&person.run(&["account", "map", "pusher"]));
    assert!(map.contains("OrderShipped") && map.contains("Order {{ data.order.id }}"), "{map}");
    // What no rule fits is seen here only, and nothing signals it.
    let tried = loop {
        let tried = said(&person.run(&["account", "map", "pusher", "--try"]));
        if tried.contains("OrderPacked") {
            break tried;
        }
    };
    assert!(tried.contains("rule 1: Order 7") && tried.contains("no rule fits: no notification"), "{tried}");
    let file = person.home().join("map.toml");
    std::fs::write(&file, map.replace("OrderShipped", "Order*")).unwrap();
    let file = file.display().to_string();
    let trial = said(&person.run(&["account", "map", "pusher", "--map", &file, "--try", "--json"]));
    let trial: Vec<Value> = trial.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(trial.len() == 2 && trial.iter().all(|one| one["told"]["title"] == "Order 7"), "{trial:#?}");
    said(&person.run(&["account", "map", "pusher", "--map", &file]));
    assert!(said(&person.run(&["account", "map", "pusher"])).contains("Order*"));
    resident.until("it is live again", |line| line["event"] == "link" && line["state"] == "live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_for_the_endpoint_come_on_standard_input_one_a_line() {
    let person = Person::new().await;
    person.sandbox.pusher().set(|settings| {
        settings.auth_header = Some(("authorization".into(), "Bearer token".into()));
        settings.auth_user = Somebody { id: "1".into(), name: "Ada".into() };
    });
    let url = format!("{}/pusher/auth", person.sandbox.pusher_url());
    let asked = ["--channel", "presence-room", "--auth-url", &url];
    let headers = ["--auth-header-stdin", "X-Team", "--auth-header-stdin", "Authorization"];
    let (code, words) = sentence(&add(&person, &asked, ""));
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("presence-room"), "{words}");
    said(&add(&person, &[&asked[..], &headers].concat(), "red\nBearer token\n"));
    let seen = person.sandbox.pusher().observed();
    assert!(seen.requests.iter().any(|request| format!("{request:?}").contains("/pusher/auth")));
    let mut resident = Resident::start(&person);
    person.sandbox.pusher().trigger("presence-room", "told", &json!({"title": "in the room"}));
    resident.until("it is told", |line| line["title"] == "in the room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_one_sentence_with_its_exit_code() {
    let person = Person::new().await;
    let missing = person.home().join("no-such-map.toml").display().to_string();
    let broken = person.home().join("broken.toml");
    std::fs::create_dir_all(person.home()).unwrap();
    std::fs::write(&broken, "[[rules]]\ntitle = 'x'\ntitel = 'y'\n").unwrap();
    let broken = broken.display().to_string();
    person.sandbox.pusher().set(|settings| settings.quirk = Quirk::Soketi);
    let cases: [(&[&str], &str, i32, &[&str]); 8] = [
        (&["--channel", "private-a"], "", 2, &["private-a", "--auth-url", "--app-secret-stdin"]),
        (&["--channel", "private-a", "--app-secret-stdin"], "", 2, &["--app-secret-stdin"]),
        (&["--channel", "private-a", "--app-secret-stdin"], "wrong\n", 1, &["private-a", "secret"]),
        (&["--channel", "a", "--map", "-"], "", 2, &["standard input", "file"]),
        (&["--channel", "a", "--map", &missing], "", 2, &["no-such-map.toml", "plain, laravel"]),
        (&["--channel", "a", "--map", &broken], "", 2, &["broken.toml", "line 3", "titel"]),
        (&["--channel", "a", "--map", "title={{ dta }}"], "", 1, &["rule 1", "title", "dta"]),
        (&["--channel", "a", "--map", "plain", "--map", "laravel"], "", 2, &["one map"]),
    ];
    for (more, input, code, words) in cases {
        let (came, said) = sentence(&add(&person, more, input));
        assert_eq!(came, code, "{more:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{more:?}: {said}");
        assert!(!said.contains("wrong-secret"), "{said}");
    }
    let off = person.belfry(&[
        "account",
        "add",
        "pusher",
        "--host",
        "127.0.0.1:1",
        "--insecure",
        "--key",
        "k",
        "--channel",
        "a",
    ]);
    let (code, words) = sentence(&fed(off, ""));
    assert_eq!((code, words.contains("cannot be reached")), (1, true), "{words}");
    assert!(!person.accounts().contains("\"id\""), "nothing was added");
    let later = ["--channel", "a", "--no-check"];
    person.sandbox.pusher().remove_app();
    said(&add(&person, &later, ""));
    assert!(person.accounts().contains("\"pusher\""));
    let (code, words) = sentence(&person.run(&["account", "map", "nobody"]));
    assert_eq!(code, 2, "{words}");
}
