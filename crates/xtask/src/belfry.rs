//! The programs of the workspace as a person runs them: the sandbox, the relay, a signed-in account, the resident.
//!
//! Comes in: a crew to run in and a way to make commands; goes out: what the programs say as JSON. Only the command
//! line is known here, nothing of the programs' insides.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xtask::crew::{Crew, Reach};
use xtask::place::Place;
use xtask::wait;

use crate::http;
use crate::test::cargo;

/// How long a program may take to say that it is ready.
const READY: Duration = Duration::from_secs(30);

/// Where the sandbox is and how to sign in there, as it says itself.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    pub(crate) api_url: String,
    pub(crate) push_url: String,
    /// Where it takes orders.
    pub(crate) control_url: String,
    /// The first person's number there.
    pub(crate) user_id: u64,
    client_id: String,
    client_secret: String,
    pub(crate) people: Vec<Person>,
    cloudapp_url: String,
    cloudapp: Person,
    pusher_url: String,
    pusher_key: String,
    pusher_secret: String,
    podium_url: String,
    podium_client_id: String,
    podium_client_secret: String,
}

/// The channel that the account at the sandbox's Pusher server listens to.
pub(crate) const CHANNEL: &str = "private-orders";

/// The location that the account at the sandbox's Podium listens to: the first one there.
const LOCATION: &str = "Harbour Street";

/// Someone with an account in the sandbox. The password opens nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    username: String,
    password: String,
}

/// Builds the three programs; `profile` is cargo's name for it.
pub(crate) fn build(place: &Place, profile: &str) -> Result<()> {
    println!("Building belfry, its relay and its sandbox ({profile}) …");
    let mut build = cargo(place);
    build.args(["build", "--profile", profile, "-p", "belfry", "-p", "belfry-relay"]).args([
        "-p",
        "belfry-sandbox",
        "--bins",
    ]);
    if !build.status().context("cannot start cargo")?.success() {
        bail!("belfry does not build");
    }
    Ok(())
}

/// Starts the sandbox and waits for the line in which it says where it is.
pub(crate) fn sandbox(crew: &mut Crew, program: &Path, arguments: &[&str]) -> Result<Sandbox> {
    crew.start(
        "sandbox",
        Command::new(program).args(["serve", "--ignore-stdin"]).args(arguments).stdin(Stdio::null()),
    )?;
    wait::until("the sandbox", READY, || {
        crew.check("sandbox")?;
        match events(&crew.said("sandbox")?).iter().find(|event| event.get("api_url").is_some()) {
            Some(ready) => Sandbox::from_json(ready).map(Some),
            None => Ok(None),
        }
    })
}

/// Starts a relay that keeps everything in this folder, and waits for the line in which it says where it is reached.
pub(crate) fn relay(crew: &mut Crew, program: &Path, folder: &Path) -> Result<String> {
    let mut command = Command::new(program);
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder).stdin(Stdio::null());
    crew.start("relay", &mut command)?;
    wait::until("the relay", READY, || {
        crew.check("relay")?;
        Ok(reached_at(&crew.said("relay")?).map(str::to_owned))
    })
}

/// The address in the relay's first words.
fn reached_at(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("is reached at ")?;
    rest.split_once(' ').map(|(url, _)| url)
}

impl Sandbox {
    fn from_json(ready: &Value) -> Result<Self> {
        Ok(Self {
            api_url: text(ready, "api_url")?,
            push_url: text(ready, "push_url")?,
            control_url: text(ready, "control_url")?,
            user_id: ready.get("user_id").and_then(Value::as_u64).context("the sandbox names no user")?,
            client_id: text(ready, "client_id")?,
            client_secret: text(ready, "client_secret")?,
            people: vec![Person { username: text(ready, "mail")?, password: text(ready, "password")? }],
            cloudapp_url: text(ready, "cloudapp_url")?,
            cloudapp: Person {
                username: text(ready, "cloudapp_email")?,
                password: text(ready, "cloudapp_password")?,
            },
            pusher_url: text(ready, "pusher_url")?,
            pusher_key: text(ready, "pusher_key")?,
            pusher_secret: text(ready, "pusher_secret")?,
            podium_url: text(ready, "podium_url")?,
            podium_client_id: text(ready, "podium_client_id")?,
            podium_client_secret: text(ready, "podium_client_secret")?,
        })
    }

    /// Someone who was added to the sandbox after its start.
    pub(crate) fn add_person(&mut self, username: &str, password: &str) {
        self.people.push(Person { username: username.to_owned(), password: password.to_owned() });
    }

    /// `belfry account add podio`, as a script does it: secrets on stdin, one a line, in the order of the flags.
    pub(crate) fn sign_in(&self, person: &Person, belfry: &mut Command) -> Result<()> {
        belfry
            .args(["account", "add", "podio", "--api-url", &self.api_url, "--push-url", &self.push_url])
            .args(["--client-id", &self.client_id, "--client-secret-stdin"])
            .args(["--username", &person.username, "--password-stdin"]);
        fed(belfry, &format!("{}\n{}", self.client_secret, person.password))
    }

    /// `belfry account add cloudapp`.
    pub(crate) fn sign_in_to_cloudapp(&self, belfry: &mut Command) -> Result<()> {
        belfry.args(["account", "add", "cloudapp", "--api-url", &self.cloudapp_url]).args([
            "--push-url",
            &self.pusher_url,
            "--email",
            &self.cloudapp.username,
            "--password-stdin",
        ]);
        fed(belfry, &self.cloudapp.password)
    }

    /// `belfry account add pusher`.
    pub(crate) fn add_pusher(&self, belfry: &mut Command) -> Result<()> {
        belfry
            .args(["account", "add", "pusher", "--url", &self.pusher_url, "--key", &self.pusher_key])
            .args(["--channel", CHANNEL, "--app-secret-stdin", "--map", "laravel"]);
        fed(belfry, &self.pusher_secret)
    }

    /// `belfry account add podium`, through the relay there.
    pub(crate) fn sign_in_to_podium(&self, relay: &str, belfry: &mut Command) -> Result<()> {
        belfry.args(["account", "add", "podium", "--api-url", &self.podium_url, "--relay", relay]).args([
            "--client-id",
            &self.podium_client_id,
            "--client-secret-stdin",
            "--location",
            LOCATION,
        ]);
        signed_in_by_browser(belfry, &self.podium_client_secret)
    }
}

/// Runs it with this secret on its standard input, and goes where it sends the browser: the sandbox says yes to everybody.
fn signed_in_by_browser(belfry: &mut Command, secret: &str) -> Result<()> {
    belfry.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = belfry.spawn().context("cannot start belfry")?;
    let mut stdin = child.stdin.take().context("belfry has no stdin")?;
    // It may fail before it reads; then its own words matter more than the broken pipe.
    let told = writeln!(stdin, "{secret}");
    drop(stdin);
    let mut words = String::new();
    for line in BufReader::new(child.stderr.take().context("belfry has no stderr")?).lines() {
        let line = line?;
        let address = line.trim();
        if address.starts_with("http://") && address.contains("/oauth/authorize?") {
            http::visit(address).context("the browser's part of the sign-in")?;
        } else {
            words.push_str(&line);
            words.push('\n');
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("belfry account add ended with {status}: {}", words.trim());
    }
    told.context("belfry did not read the secret")
}

/// Runs it with these secrets on its standard input.
fn fed(belfry: &mut Command, secrets: &str) -> Result<()> {
    belfry.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = belfry.spawn().context("cannot start belfry")?;
    let mut stdin = child.stdin.take().context("belfry has no stdin")?;
    // It may fail before it reads; then its own words matter more than the broken pipe.
    let told = writeln!(stdin, "{secrets}");
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("belfry account add ended with {}: {}", output.status, words.trim());
    }
    told.context("belfry did not read the secrets")
}

/// Starts the resident, whose command says `run --json`, and waits until so many accounts are live.
pub(crate) fn run(crew: &mut Crew, belfry: &mut Command, reach: Reach, accounts: usize) -> Result<()> {
    crew.start_within("belfry", belfry, reach)?;
    wait::until("every account to be live", READY, || {
        crew.check("belfry")?;
        Ok((live(&events(&crew.said("belfry")?)) >= accounts).then_some(()))
    })
}

/// How many accounts are live, going by the last thing said of each.
fn live(events: &[Value]) -> usize {
    let mut states = std::collections::BTreeMap::new();
    for event in events.iter().filter(|event| is(event, "link")) {
        states.insert(event.get("account").map(Value::to_string), event.get("state").and_then(Value::as_str));
    }
    states.values().filter(|state| **state == Some("live")).count()
}

/// Whether this is an event of the given name.
pub(crate) fn is(event: &Value, name: &str) -> bool {
    event.get("event").and_then(Value::as_str) == Some(name)
}

/// The whole lines of a program's output that are JSON objects.
pub(crate) fn events(said: &str) -> Vec<Value> {
    let whole = said.rfind('\n').and_then(|end| said.get(..end)).unwrap_or_default();
    whole
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The rows of `belfry inbox --json`, newest first.
pub(crate) fn inbox(belfry: &mut Command) -> Result<Vec<Value>> {
    let output = belfry.args(["inbox", "--json"]).output().context("cannot start belfry")?;
    if !output.status.success() {
        bail!("belfry inbox failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(events(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether a row was read here, and not in a browser somewhere else.
pub(crate) fn is_read_here(row: &Value) -> bool {
    let is = |key| row.get(key).and_then(Value::as_bool).unwrap_or_default();
    is("read") && !is("read_elsewhere")
}

/// Where a row leads.
pub(crate) fn url(row: &Value) -> Option<&str> {
    row.pointer("/context/url").and_then(Value::as_str)
}

/// A text of a JSON object, which must be there.
fn text(object: &Value, key: &str) -> Result<String> {
    object
        .get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("{key} is missing in {object}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_whole_lines_of_json_are_events() {
        let said = "starting\n{\"event\":\"link\"}\n{\"event\":\"toa";
        assert_eq!(events(said), [json!({"event": "link"})]);
    }

    #[test]
    fn an_account_counts_by_the_last_state_said_of_it() {
        let link = |account: u32, state: &str| json!({"event": "link", "account": account, "state": state});
        let said = [link(1, "connecting"), link(1, "live"), link(2, "live"), link(2, "waiting")];
        assert_eq!(live(&said), 1);
    }

    #[test]
    fn a_row_read_elsewhere_was_not_read_here() {
        assert!(is_read_here(&json!({"read": true, "read_elsewhere": false})));
        assert!(!is_read_here(&json!({"read": true, "read_elsewhere": true})));
        assert!(!is_read_here(&json!({"read": false})));
    }

    #[test]
    fn a_row_leads_where_its_context_says() {
        assert_eq!(url(&json!({"context": {"url": "https://example.org/1"}})), Some("https://example.org/1"));
        assert_eq!(url(&json!({"context": {"url": null}})), None);
    }

    #[test]
    fn the_relay_says_where_it_is_reached() {
        let said = "The relay is reached at http://127.0.0.1:8787/ and keeps what comes in /a/relay.db.\n";
        assert_eq!(reached_at(said), Some("http://127.0.0.1:8787/"));
        assert_eq!(reached_at("The relay is reached at http://127.0"), None);
    }

    #[test]
    fn the_sandbox_says_where_it_is_and_who_may_sign_in() {
        let mut ready = json!({"api_url": "http://a", "push_url": "http://p", "control_url": "http://c", "user_id": 7,
            "client_id": "c", "client_secret": "s", "mail": "ada@example.org", "password": "x", "name": "Ada",
            "cloudapp_url": "http://i", "cloudapp_email": "ada@example.org", "cloudapp_password": "y",
            "pusher_url": "http://q", "pusher_key": "k", "pusher_secret": "z",
            "podium_url": "http://b", "podium_client_id": "d", "podium_client_secret": "w"});
        let sandbox = Sandbox::from_json(&ready).unwrap();
        assert_eq!((sandbox.user_id, sandbox.people.len()), (7, 1));
        ready["api_url"] = json!(null);
        assert!(Sandbox::from_json(&ready).unwrap_err().to_string().contains("api_url"));
    }
}
