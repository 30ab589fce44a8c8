//! What the engine could not keep: it is asked for again, its sender is not told that all is well, and nobody says that the link is live.

use belfry::account::{AccountId, LocalSettings, Receiver, RelaySettings, Signature, WebhookSettings};
use belfry::env::{Env, SecretName};
use belfry::feed::FieldMap;
use belfry::link::{Failure, LinkState};
use belfry::source::webhook::{Webhook, join, secrets_to_keep};
use belfry::source::{Outbox, Report};
use tokio::sync::mpsc;

use crate::stage::{LIMIT, env};
use crate::webhook_stage::{SECRET, free_port, relay, send, try_send};

/// A new account's source, and where its service sends to.
async fn source(env: &Env, receiver: Receiver, signature: Signature) -> (Webhook, String) {
    let account = AccountId::new("webhook").unwrap();
    let joined = join(env, &receiver, None).await.unwrap();
    for (name, secret) in secrets_to_keep(joined.secrets) {
        env.secrets.put(&account, name, secret).await.unwrap();
    }
    if signature.needs_secret() {
        env.secrets.put(&account, SecretName::SigningSecret, SECRET.into()).await.unwrap();
    }
    let hook = match &joined.receiver {
        Receiver::Relay(relay) => relay.hook_url().to_string(),
        Receiver::Local(local) => format!("http://127.0.0.1:{}/hook", local.port),
    };
    let map = FieldMap::preset("plain").unwrap();
    let settings = WebhookSettings { receiver: joined.receiver, signature, map };
    (Webhook::new(account, settings, env.clone(), None), hook)
}

/// The titles of what is handed over next, or nothing if the link is said to be live first; what is handed over is kept or not.
async fn handed_over(reports: &mut mpsc::Receiver<Report>, keeps: bool) -> Option<Vec<String>> {
    loop {
        let report = reports.recv().await.unwrap();
        if matches!(report, Report::State(LinkState::Live)) {
            return None;
        }
        let Report::Deliver { notifications, kept, .. } = report else { continue };
        let answer = if keeps { Ok(()) } else { Err(Failure::transient("the disk is full")) };
        drop(kept.send(answer));
        if !notifications.is_empty() {
            return Some(notifications.into_iter().map(|row| row.title).collect());
        }
    }
}

#[tokio::test]
async fn what_could_not_be_kept_is_asked_for_again_and_the_link_is_not_live_before() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (env, relay) = (env(home.path()), relay(folder.path(), None).await);
    let receiver = Receiver::Relay(RelaySettings::at(relay.url().clone()));
    let (mut source, hook) = source(&env, receiver, Signature::None).await;
    assert_eq!(send(&hook, &[], r#"{"title":"one"}"#).await, 200);
    let (mut outbox, mut reports, _orders) = Outbox::new();
    for _ in 0..2 {
        let refusing = async {
            while let Some(titles) = handed_over(&mut reports, false).await {
                assert_eq!(titles, ["one"]);
            }
        };
        let ended = tokio::time::timeout(LIMIT, async {
            tokio::select! {
                failure = source.run(&mut outbox) => failure,
                () = refusing => panic!("it is said to be live, and what came is not kept"),
            }
        });
        let failure = ended.await.expect("it ends");
        assert!(failure.to_string().contains("the disk is full"), "{failure}");
    }
    let keeping = async {
        assert_eq!(handed_over(&mut reports, true).await, Some(vec!["one".to_owned()]));
        assert_eq!(handed_over(&mut reports, true).await, None, "live, and each was handed over once");
    };
    let live = async {
        tokio::select! { failure = source.run(&mut outbox) => panic!("{failure}"), () = keeping => {} }
    };
    tokio::time::timeout(LIMIT, live).await.expect("it is live");
}

#[tokio::test]
async fn a_sender_hears_that_all_is_well_only_when_its_webhook_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let env = env(home.path());
    let receiver = Receiver::Local(LocalSettings { port: free_port(), public_url: None });
    let (mut source, hook) = source(&env, receiver, Signature::None).await;
    let (mut outbox, mut reports, _orders) = Outbox::new();
    let sent = tokio::time::timeout(LIMIT, async {
        let sending = async {
            assert_eq!(handed_over(&mut reports, false).await, None, "live");
            let sending = tokio::spawn(async move { try_send(&hook, &[], r#"{"title":"one"}"#).await });
            // A disk that takes its time.
            let _kept = loop {
                if let Report::Deliver { kept, .. } = reports.recv().await.unwrap() {
                    break kept;
                }
            };
            sending.await.unwrap()
        };
        let running = async {
            source.run(&mut outbox).await;
            std::future::pending::<()>().await;
        };
        tokio::select! { sent = sending => sent, () = running => None }
    });
    assert_eq!(sent.await.expect("it is answered"), Some(503), "it comes again");
}

#[tokio::test]
async fn what_is_refused_is_not_asked_for_again() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (env, relay) = (env(home.path()), relay(folder.path(), None).await);
    let receiver = Receiver::Relay(RelaySettings::at(relay.url().clone()));
    let (mut source, hook) = source(&env, receiver, Signature::Github).await;
    assert_eq!(send(&hook, &[], r#"{"title":"not signed"}"#).await, 200);
    let (mut outbox, mut reports, _orders) = Outbox::new();
    let passed = async {
        let mut cursors = Vec::new();
        loop {
            match reports.recv().await.unwrap() {
                Report::State(LinkState::Live) => return cursors,
                Report::Deliver { notifications, cursor, kept, .. } => {
                    assert!(notifications.is_empty(), "{notifications:?}");
                    cursors.extend(cursor);
                    kept.send(Ok(())).unwrap();
                }
                Report::State(_) | Report::Alive | Report::Seen(_) | Report::Unheard(_) => {}
                report => panic!("{report:?}"),
            }
        }
    };
    let cursors = tokio::time::timeout(LIMIT, async {
        tokio::select! { failure = source.run(&mut outbox) => panic!("{failure}"), cursors = passed => cursors }
    });
    let cursors = cursors.await.expect("it is live");
    assert_eq!(cursors.len(), 1, "the position behind it is kept: {cursors:?}");
}
