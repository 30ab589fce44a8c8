//! Adding what lives by webhooks at the command line: the relay's join code, and the address that a browser ends at.

use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc;

use belfry_sandbox::podium::Consent;

use crate::stage::LIMIT;
use crate::trouble::{Person, fed, sentence};
use crate::webhook_stage::{free_port, started};

/// The program at a terminal of its own, as a person has it.
struct Terminal {
    child: Child,
    shown: mpsc::Receiver<Vec<u8>>,
    so_far: String,
}

impl Terminal {
    fn start(person: &Person, args: &[&str]) -> Self {
        let whole = person.belfry(args);
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
        let words: Vec<String> =
            std::iter::once(whole.get_program()).chain(whole.get_args()).map(quoted).collect();
        // No browser: the address is told.
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &format!("PATH= {}", words.join(" ")), "/dev/null"]);
        for (name, value) in whole.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("`script` of util-linux");
        let mut output = child.stdout.take().unwrap();
        let (tell, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut part) {
                if tell.send(part[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, shown, so_far: String::new() }
    }

    /// Waits until this is shown; gives all that was shown since the last time, up to its end.
    fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.so_far.find(text) {
                let rest = self.so_far.split_off(at + text.len());
                return std::mem::replace(&mut self.so_far, rest);
            }
            match self.shown.recv_timeout(LIMIT) {
                Ok(part) => self.so_far += &String::from_utf8_lossy(&part),
                Err(error) => panic!("{error}: not shown: {text}; but: {}", self.so_far),
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{line}\r").as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// What was shown since, once it has ended well.
    fn end(mut self) -> String {
        loop {
            match self.shown.recv_timeout(LIMIT) {
                Ok(part) => self.so_far += &String::from_utf8_lossy(&part),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it goes on: {}", self.so_far),
            }
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.so_far);
        self.so_far
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_wants_its_join_code_is_given_what_the_person_types() {
    let (person, folder) = (Person::new().await, tempfile::tempdir().unwrap());
    let relay = started(folder.path(), None, |config| config.open = Some(false)).await;
    let code = relay.join_code().unwrap().to_owned();
    let mut terminal =
        Terminal::start(&person, &["account", "add", "webhook", "--relay", relay.url().as_str()]);
    tokio::task::block_in_place(|| {
        terminal.until("Join code of the relay");
        terminal.type_line("guess");
        terminal.until("does not take this join code");
        terminal.until("Join code of the relay");
        terminal.type_line(&code);
        let said = terminal.end();
        assert!(said.contains("The account is called webhook"), "{said}");
    });
    assert!(person.accounts().contains("\"id\":\"webhook\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_the_flag_for_the_join_code_is_named() {
    let (person, folder) = (Person::new().await, tempfile::tempdir().unwrap());
    let relay = started(folder.path(), None, |config| config.open = Some(false)).await;
    let podium = person.sandbox.podium();
    let (app, api, relay_url) = (podium.app(), person.sandbox.podium_url(), relay.url().to_string());
    let podium_args = [
        "podium",
        "--relay",
        &relay_url,
        "--api-url",
        &api,
        "--client-id",
        &app.client_id,
        "--client-secret-stdin",
    ];
    let webhook_args = ["webhook", "--relay", &relay_url];
    for (more, input) in
        [(&podium_args[..], format!("{}\n", app.client_secret)), (&webhook_args[..], String::new())]
    {
        let command = person.belfry(&[&["account", "add"], more].concat());
        let (code, said) = sentence(&fed(command, &input));
        assert!(
            code == 3 && said.contains("join code") && said.contains("--relay-code-stdin"),
            "{code}: {said}"
        );
    }
    // One that was given is not asked for again.
    let command = person.belfry(&["account", "add", "webhook", "--relay", &relay_url, "--relay-code-stdin"]);
    let (code, said) = sentence(&fed(command, "guess\n"));
    assert!(code == 3 && said.contains("does not take") && !said.contains("--relay-code-stdin"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_tunnel_the_address_that_the_browser_ends_at_is_asked_for() {
    let person = Person::new().await;
    let podium = person.sandbox.podium();
    podium.set(|settings| settings.consent = Consent::Allow);
    let (app, api, port) = (podium.app(), person.sandbox.podium_url(), free_port().to_string());
    let mut args =
        vec!["account", "add", "podium", "--local", &port, "--redirect-url", "https://me.example/done"];
    args.extend(["--api-url", &api, "--client-id", &app.client_id, "--location", "Harbour Street"]);
    let scripted = person.belfry(&[&args[..], &["--client-secret-stdin"]].concat());
    let (code, said) = sentence(&fed(scripted, &format!("{}\n", app.client_secret)));
    assert!(code == 3 && said.contains("at a terminal"), "{code}: {said}");

    let mut terminal = Terminal::start(&person, &args);
    let address = tokio::task::block_in_place(|| {
        terminal.until("Secret of the developer app");
        terminal.type_line(&app.client_secret);
        let said = terminal.until("paste it here and press Enter:");
        assert!(!said.contains("Waiting"), "nothing comes by itself: {said}");
        said.split_whitespace().find(|word| word.contains("/oauth/authorize?")).unwrap().to_owned()
    });
    let ended_at = browsed(&address).await;
    tokio::task::block_in_place(|| {
        terminal.type_line(&ended_at);
        let said = terminal.end();
        assert!(said.contains("Signed in; the account is called podium"), "{said}");
    });

    // Signing in again, it listens to something else.
    let harbour = podium.webhooks().remove(0);
    let mut args = vec!["account", "sign-in", "podium", "--location", "market square"];
    args.extend(["--event", "call.missed", "--event", "message.received"]);
    let mut terminal = Terminal::start(&person, &args);
    let address = tokio::task::block_in_place(|| {
        let said = terminal.until("paste it here and press Enter:");
        said.split_whitespace().find(|word| word.contains("/oauth/authorize?")).unwrap().to_owned()
    });
    let ended_at = browsed(&address).await;
    tokio::task::block_in_place(|| {
        terminal.type_line(&ended_at);
        let said = terminal.end();
        assert!(said.contains("podium is signed in again"), "{said}");
    });
    let webhooks = podium.webhooks();
    let [market] = webhooks.as_slice() else { panic!("{webhooks:?}") };
    assert_ne!(market.location_uid, harbour.location_uid);
    assert_eq!(market.event_types, ["call.missed", "message.received"]);
    assert!(person.accounts().contains("Market Square"));
}

/// Where a browser ends that goes to this address.
async fn browsed(address: &str) -> String {
    let client = belfry::env::Http::new().unwrap().client;
    let answer = client.get(address).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_podium_knows_is_refused_for_an_account_elsewhere() {
    let person = Person::new().await;
    assert!(person.belfry(&["account", "add", "demo"]).status().unwrap().success());
    let command = person.belfry(&["account", "sign-in", "demo", "--event", "message.received"]);
    let (code, said) = sentence(&fed(command, ""));
    assert!(code == 2 && said.contains("for accounts at Podium"), "{code}: {said}");
}
