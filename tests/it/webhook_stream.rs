//! Where a relay's stream is gone on with: behind a position that it does not know, after a probe, and once a gap is behind.

use belfry::account::{AccountId, Receiver, RelaySettings, Signature, WebhookSettings};
use belfry::env::Env;
use belfry::feed::FieldMap;
use belfry::link::{Cursor, LinkState};
use belfry::source::webhook::{Heard, Hooks, Joined, Position, Webhook, join, secrets_to_keep};
use belfry::source::{Outbox, Report};
use belfry_relay::Running;
use tokio::sync::mpsc;

use crate::stage::{LIMIT, env};
use crate::webhook_stage::{relay, send};

/// What looks like a position and is none of this relay's: larger than it counts.
const UNKNOWN: &str = "99999999999999999999-1";

/// A channel at a relay.
async fn joined(env: &Env, relay: &Running) -> (Joined, String) {
    let wish = Receiver::Relay(RelaySettings::at(relay.url().clone()));
    let joined = join(env, &wish, None).await.unwrap();
    let hook = joined.receiver.hook_url().unwrap().to_string();
    (joined, hook)
}

fn hooks(env: &Env, joined: &Joined, after: Option<Position>) -> Hooks {
    Hooks::start(&joined.receiver, &joined.secrets, env, after).unwrap()
}

/// What is heard next but for what only says where the stream stands; a webhook by its body.
async fn heard(hooks: &mut Hooks) -> String {
    loop {
        let heard = tokio::time::timeout(LIMIT, hooks.next()).await.expect("something is heard").unwrap();
        return match heard {
            Heard::Passed(_) => continue,
            Heard::Connected => "connected".to_owned(),
            Heard::Ready => "ready".to_owned(),
            Heard::Gap { .. } => "gap".to_owned(),
            Heard::Delivery(delivery) => String::from_utf8(delivery.body).unwrap(),
            heard => panic!("{heard:?}"),
        };
    }
}

#[tokio::test]
async fn a_position_that_the_relay_does_not_understand_is_a_gap_and_all_that_there_is_comes() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (env, relay) = (env(home.path()), relay(folder.path(), None).await);
    let (joined, hook) = joined(&env, &relay).await;
    assert_eq!(send(&hook, &[], "one").await, 200);
    let mut hooks = hooks(&env, &joined, Position::new(UNKNOWN));
    for expected in ["gap", "connected", "one", "ready"] {
        assert_eq!(heard(&mut hooks).await, expected);
    }
}

#[tokio::test]
async fn after_a_probe_the_stream_goes_on_where_it_was() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (env, relay) = (env(home.path()), relay(folder.path(), None).await);
    let (joined, hook) = joined(&env, &relay).await;
    let mut hooks = hooks(&env, &joined, None);
    for expected in ["connected", "ready"] {
        assert_eq!(heard(&mut hooks).await, expected);
    }
    assert_eq!(send(&hook, &[], "one").await, 200);
    assert_eq!(heard(&mut hooks).await, "one");
    hooks.probe();
    assert_eq!(heard(&mut hooks).await, "connected");
    assert_eq!(send(&hook, &[], "two").await, 200);
    let mut came = Vec::new();
    while came.last().is_none_or(|last| last != "two") {
        came.push(heard(&mut hooks).await);
    }
    came.retain(|heard| heard != "ready");
    assert_eq!(came, ["two"], "and nothing twice");
}

/// Keeps what is handed over until it is live and something is said of what is not heard; gives that.
async fn said_when_live(reports: &mut mpsc::Receiver<Report>) -> Option<String> {
    let (mut live, mut said) = (false, None);
    loop {
        match reports.recv().await.unwrap() {
            Report::State(state) => live = state == LinkState::Live,
            Report::Unheard(words) => said = Some(words),
            Report::Deliver { kept, .. } => kept.send(Ok(())).unwrap(),
            Report::Alive | Report::Seen(_) => {}
            report => panic!("{report:?}"),
        }
        if let Some(said) = said.take_if(|_| live) {
            return said;
        }
    }
}

#[tokio::test]
async fn a_gap_is_said_until_a_connection_goes_on_without_one() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (env, relay) = (env(home.path()), relay(folder.path(), None).await);
    let (joined, hook) = joined(&env, &relay).await;
    let account = AccountId::new("webhook").unwrap();
    for (name, secret) in secrets_to_keep(joined.secrets) {
        env.secrets.put(&account, name, secret).await.unwrap();
    }
    let map = FieldMap::preset("plain").unwrap();
    let settings = WebhookSettings { receiver: joined.receiver, signature: Signature::None, map };
    assert_eq!(send(&hook, &[], r#"{"title":"one"}"#).await, 200);
    let mut source = Webhook::new(account, settings, env, Some(Cursor(UNKNOWN.to_owned())));
    let (mut outbox, mut reports, _orders) = Outbox::new();
    let mut connect = async || {
        let said = async {
            tokio::select! {
                failure = source.run(&mut outbox) => panic!("{failure}"),
                said = said_when_live(&mut reports) => said,
            }
        };
        tokio::time::timeout(LIMIT, said).await.expect("it is live, and something is said")
    };
    let words = connect().await.expect("a gap");
    assert!(words.contains("some of it may be lost"), "{words}");
    assert_eq!(connect().await, None, "it is taken back");
}
