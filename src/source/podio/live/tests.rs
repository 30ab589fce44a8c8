//! A link's own decisions, without a service.

use std::sync::Arc;

use super::*;
use crate::account::{AccountId, PodioSettings, PushTransport};
use crate::env::{Clock, Env, Http, Opener, Paths, Secrets};

fn podio(home: &std::path::Path) -> Podio {
    let env = Env {
        clock: Clock::system(),
        http: Http::new().unwrap(),
        secrets: Arc::new(Secrets::memory()),
        paths: Arc::new(Paths::under(home)),
        opener: Arc::new(Opener::default()),
    };
    let nowhere: url::Url = "http://127.0.0.1:9".parse().unwrap();
    let settings = PodioSettings {
        api_url: nowhere.clone(),
        push_url: nowhere.clone(),
        authorize_url: nowhere,
        client_id: "belfry".into(),
        redirect_host: "localhost".into(),
        push_transport: PushTransport::LongPolling,
        user_id: Some(1),
    };
    Podio::new(AccountId::new("podio").unwrap(), settings, env, None)
}

fn object() -> PushObject {
    let sent =
        serde_json::json!({"timestamp": 1, "expires_in": 21600, "channel": "/user/1", "signature": "x"});
    PushObject::of(&sent).unwrap()
}

#[test]
fn the_date_of_renewal_outlives_a_link() {
    let home = tempfile::tempdir().unwrap();
    let (mut podio, (outbox, _engine, _orders)) = (podio(home.path()), Outbox::new());
    let reports = outbox.reports();
    let mut first = Live::new(&mut podio, reports.clone(), Some(object()), None);
    first.renew_at = Instant::now() + object().renew_after();
    let due = first.renew_at;
    drop(first);
    let resumed = Live::new(&mut podio, reports.clone(), None, None);
    assert!(resumed.renew_at <= Instant::now(), "the server never said that it took the subscription");
    drop(resumed);

    let mut second = Live::new(&mut podio, reports.clone(), Some(object()), None);
    second.renew_at = due;
    second.subscription_taken();
    drop(second);
    assert_eq!(Live::new(&mut podio, reports.clone(), None, None).renew_at, due);
}

#[test]
fn a_counter_that_differs_from_the_list_is_looked_into_once() {
    let home = tempfile::tempdir().unwrap();
    let (mut podio, (outbox, _engine, _orders)) = (podio(home.path()), Outbox::new());
    let mut live = Live::new(&mut podio, outbox.reports().clone(), Some(object()), None);
    let look = |live: &mut Live<'_>, listed| {
        live.asked_unread = live.said_unread.take();
        live.counted(listed);
    };
    look(&mut live, Some(3));
    live.said_unread = Some(5);
    live.compare_counts();
    assert!(live.count_at.is_some(), "looked into");
    look(&mut live, Some(3));
    assert!(live.count_at.is_none());
    live.said_unread = Some(5);
    live.compare_counts();
    assert!(live.count_at.is_none(), "expected from now on");
    look(&mut live, Some(2));
    live.said_unread = Some(3);
    live.compare_counts();
    assert!(live.count_at.is_some(), "another difference is looked into again");
}

#[test]
fn a_list_cut_short_leaves_the_count_to_the_service_and_the_next_link_knows_it() {
    let home = tempfile::tempdir().unwrap();
    let (mut podio, (outbox, _engine, _orders)) = (podio(home.path()), Outbox::new());
    let mut live = Live::new(&mut podio, outbox.reports().clone(), Some(object()), None);
    live.podio.known_unread = Some(900);
    live.asked_unread = Some(904);
    live.counted(None);
    live.said_unread = Some(904);
    live.compare_counts();
    assert!(live.count_at.is_none());
    drop(live);
    assert_eq!(podio.known_unread, Some(904));
}

#[tokio::test(start_paused = true)]
async fn looks_that_follow_soon_are_further_and_further_apart() {
    let home = tempfile::tempdir().unwrap();
    let (mut podio, (outbox, _engine, _orders)) = (podio(home.path()), Outbox::new());
    let mut live = Live::new(&mut podio, outbox.reports().clone(), Some(object()), None);
    live.stage = Stage::Live;
    let mut apart = Vec::new();
    for _ in 0..6 {
        live.look_soon();
        let due = live.look_at;
        apart.push(live.looked_at.map_or(0, |looked| due.duration_since(looked).as_secs()));
        tokio::time::advance(due.duration_since(Instant::now())).await;
        live.catch_up();
    }
    assert_eq!(apart, [0, 3, 6, 12, 24, 30]);
    tokio::time::advance(2 * LONGEST_BETWEEN + SETTLE).await;
    live.look_soon();
    assert_eq!(live.look_at.duration_since(Instant::now()), SETTLE, "after a rest at once");
    live.catch_up();
    assert_eq!(live.between_looks, BETWEEN_LOOKS);
}
