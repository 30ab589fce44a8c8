//! The Podio source against the sandbox: what is pushed, missed, read elsewhere or broken, and what the engine hears of it.

use std::time::Duration;

use belfry::link::{Failure, LinkState};
use belfry::notification::{Arrival, Detail, Icon, Kind, Mark};
use belfry::source::{Order, Wish};
use belfry_sandbox::{Answer, Byline, Context, Fault, Message, MetaRefusal, Mode, Options, Side, Spec, Wire};

use crate::podio_bench::{Bench, LIMIT, Link};

fn name(id: u64) -> String {
    format!("n{id}")
}

fn fault(path: &str, times: u32, answer: Answer) -> Fault {
    Fault { path: path.into(), times, answer }
}

// ── what is pushed ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_push_is_delivered_whole() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let id = bench.sandbox.podio().notify(bench.user(), Spec::comment("Ada commented on Website relaunch"));
    let told = link.until(|told| told.rows.contains_key(&name(id))).await;
    let row = &told.rows[&name(id)];
    assert_eq!(told.deliveries, [(name(id), Arrival::Live, Detail::Whole)]);
    assert_eq!((&row.kind, row.icon), (&Kind::Comment, Icon::Comment));
    assert_eq!(row.title, "Ada commented on Website relaunch");
    assert_eq!(row.actor.as_deref(), Some("Ada Brook"));
    assert_eq!(row.context.thread(), "item/42");
    assert!(row.context.url.is_some() && row.wants_banner && !row.read);
}

#[tokio::test]
async fn identity_is_told_and_the_states_come_in_their_order() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let told = link.told();
    assert_eq!(told.states, [LinkState::Connecting, LinkState::CatchingUp, LinkState::Live]);
    assert_eq!(told.label.as_deref(), Some("Robin Vale"));
    let belfry::account::Settings::Podio(settings) = told.settings.unwrap() else {
        panic!("not an account of Podio")
    };
    assert_eq!(settings.user_id, i64::try_from(bench.user()).ok());
    assert!(told.cursor.is_some(), "even an empty inbox has a present");
}

#[tokio::test]
async fn the_same_push_twice_is_asked_for_once() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let podio = bench.sandbox.podio();
    let id = podio.notify(bench.user(), Spec::comment("once"));
    link.until(|told| told.rows.contains_key(&name(id))).await;
    podio.push_again(id);
    let other = podio.notify(bench.user(), Spec::comment("another"));
    link.until(|told| told.rows.contains_key(&name(other))).await;
    assert_eq!(podio.observed().calls("GET", &format!("/notification/{id}/v2")), 1);
}

#[tokio::test]
async fn a_fetch_that_fails_gives_the_hint_and_completes_it_later() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    bench.sandbox.podio().fault(fault("/notification/1", 1, Answer::Status(500)));
    let id = bench.sandbox.podio().notify(bench.user(), Spec::comment("Ada commented"));
    let told = link.until(|told| told.rows.contains_key(&name(id))).await;
    let hint = &told.rows[&name(id)];
    assert_eq!((hint.detail, hint.title.as_str(), hint.icon), (Detail::Hint, "Ada commented", Icon::Comment));
    let told = link.until(|told| told.rows[&name(id)].detail == Detail::Whole).await;
    assert_eq!(told.rows[&name(id)].context.thread(), "item/42");
    assert!(told.is(&LinkState::Live));
}

#[tokio::test]
async fn what_only_the_push_knows_is_kept_as_a_hint() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let id = bench.sandbox.podio().push_only(bench.user(), Spec::comment("gone already"));
    let told = link.until(|told| told.rows.contains_key(&name(id))).await;
    assert_eq!(told.rows[&name(id)].detail, Detail::Hint);
}

#[tokio::test]
async fn hints_of_an_earlier_run_are_completed_when_the_engine_asks() {
    let bench = Bench::signed_in().await;
    let id = bench.sandbox.podio().notify_silently(bench.user(), Spec::comment("earlier"));
    let link = bench.live().await;
    let before = link.told().deliveries.len();
    link.order(Order::Complete(vec![name(id), "c1.2".into()])).await;
    let told = link.until(|told| told.deliveries.len() > before).await;
    assert_eq!(told.deliveries.last(), Some(&(name(id), Arrival::Backlog, Detail::Whole)));
}

#[tokio::test]
async fn a_burst_is_taken_in_whole_with_few_calls() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let podio = bench.sandbox.podio();
    podio.forget_observed();
    let ids = podio.burst(bench.user(), 90);
    let told = link.until(|told| told.rows.len() == ids.len()).await;
    assert!(ids.iter().all(|id| told.rows.contains_key(&name(*id))));
    let calls = podio.observed().requests.iter().filter(|one| one.path.starts_with("/notification/")).count();
    assert!(calls <= 12, "{calls} calls");
}

#[tokio::test]
async fn noise_is_dropped_and_what_one_does_oneself_is_no_news() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    podio.event(user, "viewing", &serde_json::json!([1, 2, 3]));
    podio.event(user, "moon_landing", &serde_json::json!({"crater": 5}));
    podio.publish(&format!("/user/{user}"), &serde_json::json!("not even an object"));
    let id = podio.notify(user, Spec::comment("mine").by(Byline::person(user, "Robin Vale")));
    let told = link.until(|told| told.rows.contains_key(&name(id))).await;
    assert_eq!(told.rows.len(), 1);
    assert!(told.rows[&name(id)].no_news);
}

#[tokio::test]
async fn a_message_in_a_conversation_is_delivered_and_read_elsewhere() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let message = Message {
        conversation_id: 77,
        subject: "Lunch".into(),
        text: "At noon?".into(),
        by: Byline::person(56_432, "Ada Brook"),
    };
    podio.message(user, message);
    let told = link.until(|told| !told.rows.is_empty()).await;
    let (id, row) = told.rows.first_key_value().unwrap();
    assert!(id.starts_with("c77."), "{id}");
    assert_eq!(
        (&row.kind, row.body.as_str(), row.context.thread().as_str()),
        (&Kind::Message, "At noon?", "conversation/77")
    );
    podio.read_conversation_elsewhere(user, 77);
    link.until(|told| told.still_unread.contains(&("c77.".into(), vec![]))).await;
}

// ── what was missed ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_first_run_fills_the_inbox_and_later_ones_bring_what_was_missed() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let old = podio.notify_silently(user, Spec::comment("old"));
    podio.view_elsewhere(user, old);
    let unread = podio.notify_silently(user, Spec::comment("unread"));
    let link = bench.live().await;
    let told = link.told();
    assert_eq!(told.rows.len(), 2);
    assert!(told.deliveries.iter().all(|(_, arrival, _)| *arrival == Arrival::FirstFill));
    assert!(told.rows[&name(old)].read && !told.rows[&name(unread)].read);
    assert_eq!(told.still_unread, [("n".to_owned(), vec![name(unread)])]);
    assert_eq!(told.rows_at_cursor, Some(2), "the cursor moves when all is kept");
    drop(link);

    let missed = podio.notify_silently(user, Spec::comment("missed"));
    let link = Link::of(bench.source(told.cursor));
    let told = link.until(|told| told.is(&LinkState::Live)).await;
    assert!(told.deliveries.contains(&(name(missed), Arrival::Backlog, Detail::Whole)));
}

#[tokio::test]
async fn a_long_absence_is_caught_up_page_by_page() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let ids: Vec<_> = (0..640)
        .map(|n| {
            podio.notify_silently(
                user,
                Spec::new("comment", Context::item(n % 23, "x"), &format!("missed {n}")),
            )
        })
        .collect();
    let cursor = belfry::link::Cursor(r#"{"created_on":"2020-01-01T00:00:00Z"}"#.into());
    let link = Link::of(bench.source(Some(cursor)));
    let told = link.until(|told| told.is(&LinkState::Live)).await;
    assert_eq!(told.rows.len(), ids.len());
    assert_eq!(told.rows_at_cursor, Some(ids.len()));
    assert!(told.deliveries.iter().all(|(_, arrival, _)| *arrival == Arrival::Backlog));
}

#[tokio::test]
async fn a_live_event_during_catch_up_is_delivered_at_once_and_moves_no_cursor() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let missed = podio.notify_silently(user, Spec::comment("missed"));
    podio.close_gate();
    let link = bench.run();
    podio.wait_for(|seen| seen.gated_lists == 1 && seen.subscribed(user) == 1, LIMIT).await.unwrap();
    let live = podio.notify(user, Spec::comment("live"));
    let told = link.until(|told| told.rows.contains_key(&name(live))).await;
    assert!(told.is(&LinkState::CatchingUp));
    assert!(told.cursor.is_none() && !told.rows.contains_key(&name(missed)));
    podio.open_gate();
    let told = link.until(|told| told.is(&LinkState::Live)).await;
    assert!(told.rows.contains_key(&name(missed)) && told.cursor.is_some());
    let (_, unread) = told.still_unread.last().unwrap();
    assert!(unread.contains(&name(live)), "a live one is not taken for read elsewhere");
}

#[tokio::test]
async fn a_link_whose_catch_up_failed_is_never_live() {
    let bench = Bench::signed_in().await;
    bench.sandbox.podio().fault(fault("/notification/", 100, Answer::Status(500)));
    let mut link = bench.run();
    let (failure, _) = link.end().await;
    assert!(matches!(failure, Failure::Transient { .. }), "{failure:?}");
    assert_eq!(link.told().states, [LinkState::Connecting, LinkState::CatchingUp]);
    assert!(link.told().cursor.is_none());
}

// ── read, here and elsewhere ───────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn what_is_read_elsewhere_is_told() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let first = podio.notify(user, Spec::comment("first"));
    let second = podio.notify(user, Spec::comment("second"));
    link.until(|told| told.rows.contains_key(&name(first)) && told.rows.contains_key(&name(second))).await;
    assert_eq!(link.told().still_unread.len(), 1);
    podio.view_elsewhere(user, first);
    let told = link.until(|told| told.still_unread.len() >= 2).await;
    assert_eq!(told.still_unread.last(), Some(&("n".to_owned(), vec![name(second)])));
}

#[tokio::test]
async fn a_list_that_lags_behind_the_push_does_not_make_it_read() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let podio = bench.sandbox.podio();
    let id = podio.notify(bench.user(), Spec::comment("just now"));
    link.until(|told| told.rows.contains_key(&name(id))).await;
    podio.fault(fault("/notification/", 2, Answer::Json(serde_json::json!([]))));
    podio.drop_push_sessions();
    let told = link.until(|told| told.still_unread.len() == 2).await;
    assert_eq!(told.still_unread.last(), Some(&("n".to_owned(), vec![name(id)])));
}

#[tokio::test]
async fn a_lost_push_is_found_by_the_count_beside_the_next_one() {
    let bench = Bench::signed_in().await;
    let link = bench.live().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let lost = podio.notify_silently(user, Spec::comment("lost"));
    podio.notify(user, Spec::comment("next"));
    let told = link.until(|told| told.rows.contains_key(&name(lost))).await;
    assert!(told.deliveries.contains(&(name(lost), Arrival::Backlog, Detail::Whole)));
}

#[tokio::test]
async fn stars_are_told_to_the_service_and_what_is_starred_there_is_told_here() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let one = podio.notify_silently(user, Spec::comment("one"));
    let link = bench.live().await;
    assert_eq!(link.told().starred, [Vec::<String>::new()]);
    let star = |starred| Wish { external_id: name(one), mark: Mark::Starred(starred) };
    link.order(Order::Wish(star(true))).await;
    link.until(|told| told.done.contains(&star(true))).await;
    assert!(podio.observed().starred.contains(&one));
    drop(link);
    let link = bench.live().await;
    assert_eq!(link.told().starred, [vec![name(one)]]);
    assert!(link.told().rows[&name(one)].starred);
    link.order(Order::Wish(star(false))).await;
    link.until(|told| told.done.contains(&star(false))).await;
    assert!(podio.observed().starred.is_empty());
}

#[tokio::test]
async fn a_refused_wish_is_told_with_how_it_stands() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let ids: Vec<_> = (0..2).map(|_| podio.notify_silently(user, Spec::comment("x"))).collect();
    let link = bench.live().await;
    for id in &ids {
        podio.fault(fault(&format!("/notification/{id}/viewed"), 1, Answer::Status(403)));
    }
    // The second was read elsewhere meanwhile: the refusal changes nothing for the person.
    podio.view_elsewhere(user, ids[1]);
    let wish = |id| Wish { external_id: name(id), mark: Mark::Read(true) };
    for id in &ids {
        link.order(Order::Wish(wish(*id))).await;
    }
    let told = link.until(|told| !told.refused.is_empty() && !told.done.is_empty()).await;
    let (refused, stands, words) = &told.refused[0];
    assert_eq!((refused, *stands), (&wish(ids[0]), Mark::Read(false)));
    assert!(words.starts_with("Podio does not allow this"), "{words}");
    assert_eq!((told.refused.len(), &told.done), (1, &vec![wish(ids[1])]));
    assert!(!link.told().states.iter().any(|state| matches!(state, LinkState::Waiting { .. })));
}

#[tokio::test]
async fn wishes_are_told_to_the_service_and_kept_until_it_takes_them() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let one = podio.notify_silently(user, Spec::comment("one"));
    let link = bench.live().await;
    podio.fault(fault(&format!("/notification/{one}/viewed"), 1, Answer::Status(503)));
    let wish = Wish { external_id: name(one), mark: Mark::Read(true) };
    link.order(Order::Wish(wish.clone())).await;
    link.until(|told| told.done.contains(&wish)).await;
    assert!(podio.observed().viewed.contains(&one));
    let back = Wish { external_id: name(one), mark: Mark::Read(false) };
    link.order(Order::Wish(back.clone())).await;
    link.until(|told| told.done.contains(&back)).await;
    assert!(!podio.observed().viewed.contains(&one));
    let gone = Wish { external_id: name(999_999), mark: Mark::Read(true) };
    link.order(Order::Wish(gone.clone())).await;
    link.until(|told| told.done.contains(&gone)).await;
}

// ── tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn an_expired_token_is_refreshed_once_for_all_calls_that_meet_it() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let ids: Vec<_> = (0..6).map(|_| podio.notify_silently(user, Spec::comment("x"))).collect();
    let mut link = bench.live().await;
    podio.forget_observed();
    podio.expire_access_tokens();
    for id in &ids {
        link.order(Order::Wish(Wish { external_id: name(*id), mark: Mark::Read(true) })).await;
    }
    let pushed: Vec<_> = (0..4).map(|_| podio.notify(user, Spec::comment("y"))).collect();
    let told = link
        .until(|told| {
            told.done.len() == ids.len() && pushed.iter().all(|id| told.rows.contains_key(&name(*id)))
        })
        .await;
    let seen = podio.observed();
    assert_eq!((seen.refreshes, seen.refused_grants), (1, 0));
    assert!(seen.unauthorized >= 2, "{} calls met it", seen.unauthorized);
    assert!(told.is(&LinkState::Live) && !link.has_ended());
}

#[tokio::test]
async fn a_refreshed_pair_serves_the_next_start() {
    let bench = Bench::signed_in().await;
    bench.sandbox.podio().expire_access_tokens();
    drop(bench.live().await);
    bench.sandbox.podio().forget_observed();
    drop(bench.live().await);
    let seen = bench.sandbox.podio().observed();
    assert_eq!((seen.refreshes, seen.unauthorized), (0, 0), "the new pair was kept");
}

#[tokio::test]
async fn a_dead_refresh_token_asks_for_sign_in_and_the_service_is_left_alone() {
    let mut bench = Bench::signed_in().await;
    bench.sandbox.podio().revoke_grants();
    let (failure, source) = bench.run().end().await;
    assert!(matches!(failure, Failure::SignIn { .. }), "{failure:?}");
    let requests = bench.sandbox.podio().observed().request_count;
    let (failure, source) = Link::of(source).end().await;
    assert!(matches!(failure, Failure::SignIn { .. }), "{failure:?}");
    assert_eq!(bench.sandbox.podio().observed().request_count, requests, "no further request");
    bench.sign_in().await;
    Link::of(source).until(|told| told.is(&LinkState::Live)).await;
}

#[tokio::test]
async fn a_token_service_of_the_older_form_is_used_where_the_newer_is_missing() {
    let bench = Bench::signed_in().await;
    let podio = bench.sandbox.podio();
    podio.fault(fault("/oauth/token/v2", 100, Answer::Status(404)));
    podio.expire_access_tokens();
    bench.live().await;
    assert_eq!(podio.observed().refreshes, 1);
}

// ── what breaks ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_rate_limit_names_its_time() {
    let bench = Bench::signed_in().await;
    bench.sandbox.podio().exceed_rate_limit(Duration::from_secs(300));
    let (failure, source) = bench.run().end().await;
    let Failure::Later { until, .. } = failure else { panic!("{failure:?}") };
    let wait = until.duration_since(bench.env.clock.now()).as_secs();
    assert!((290..=301).contains(&wait), "{wait}");
    let requests = bench.sandbox.podio().observed().request_count;
    assert!(matches!(Link::of(source).end().await.0, Failure::Later { .. }));
    assert_eq!(bench.sandbox.podio().observed().request_count, requests, "not asked again before its time");
}

#[tokio::test]
async fn a_rate_limit_while_live_leaves_the_push_alive() {
    let bench = Bench::signed_in().await;
    let mut link = bench.live().await;
    bench.sandbox.podio().exceed_rate_limit(Duration::from_secs(300));
    let first = bench.sandbox.podio().notify(bench.user(), Spec::comment("first"));
    link.until(|told| told.rows.contains_key(&name(first))).await;
    let requests = bench.sandbox.podio().observed().rate_limited;
    let second = bench.sandbox.podio().notify(bench.user(), Spec::comment("second"));
    let told = link.until(|told| told.rows.contains_key(&name(second))).await;
    assert_eq!(told.rows[&name(second)].detail, Detail::Hint);
    assert_eq!(bench.sandbox.podio().observed().rate_limited, requests, "not asked again before its time");
    assert!(told.is(&LinkState::Live) && !link.has_ended());
}

#[tokio::test]
async fn pages_and_garbage_instead_of_data_are_told_in_words() {
    for (answer, words) in [
        (Answer::CaptivePortal, "sign in first"),
        (Answer::Garbage, "not understood"),
        (Answer::Oversized { bytes: 2_000_000 }, "too long"),
        (Answer::Status(502), "in trouble"),
    ] {
        let bench = Bench::signed_in().await;
        bench.sandbox.podio().fault(fault("/user/status", 1, answer.clone()));
        let (failure, _) = bench.run().end().await;
        let Failure::Transient { reason } = failure else { panic!("{answer:?}: {failure:?}") };
        assert!(reason.contains(words), "{answer:?}: {reason}");
    }
}

#[tokio::test]
async fn garbage_in_a_list_does_not_move_the_cursor() {
    let bench = Bench::signed_in().await;
    bench.sandbox.podio().fault(fault(
        "/notification/",
        1,
        Answer::Json(serde_json::json!({"not": "a list"})),
    ));
    let mut link = bench.run();
    assert!(matches!(link.end().await.0, Failure::Transient { .. }));
    assert!(link.told().cursor.is_none());
}

#[tokio::test]
async fn an_unreachable_host_is_told_in_words() {
    let bench = Bench::signed_in().await;
    bench.sandbox.close(Side::Api).await;
    let (failure, _) = bench.run().end().await;
    let Failure::Transient { reason } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("cannot be reached"), "{reason}");
}

#[tokio::test]
async fn a_forgotten_client_is_subscribed_again_with_a_fresh_push_object() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let link = bench.live().await;
    assert_eq!(podio.observed().calls("GET", "/user/status"), 1);
    let missed = podio.notify_silently(user, Spec::comment("missed"));
    podio.drop_push_sessions();
    podio.wait_for(|seen| seen.subscribes == 2, LIMIT).await.unwrap();
    let told = link.until(|told| told.rows.contains_key(&name(missed)) && told.is(&LinkState::Live)).await;
    assert_eq!(podio.observed().calls("GET", "/user/status"), 2);
    assert!(podio.observed().refused_subscribes == 0);
    let states: Vec<_> = told.states.iter().map(LinkState::name).collect();
    assert_eq!(states, ["connecting", "catching-up", "live", "connecting", "catching-up", "live"]);
}

#[tokio::test]
async fn a_refused_subscription_is_tried_once_more_with_a_fresh_push_object() {
    let bench = Bench::signed_in().await;
    let refusal = |times| MetaRefusal {
        channel: "/meta/subscribe".into(),
        times,
        error: "Signature has expired.".into(),
        advice: None,
    };
    bench.sandbox.podio().refuse_meta(refusal(1));
    drop(bench.live().await);
    assert_eq!(bench.sandbox.podio().observed().calls("GET", "/user/status"), 2);
    bench.sandbox.podio().refuse_meta(refusal(2));
    let (failure, _) = bench.run().end().await;
    let Failure::Transient { reason } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("Signature has expired."), "{reason}");
}

#[tokio::test]
async fn after_a_cut_the_same_client_goes_on_and_nothing_is_lost() {
    let mut bench = Bench::with(Options::apart()).await;
    bench.sign_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let mut link = bench.live().await;
    bench.sandbox.close(Side::Push).await;
    let (failure, source) = link.end().await;
    assert!(matches!(failure, Failure::Transient { .. }), "{failure:?}");
    let meanwhile = podio.notify(user, Spec::comment("meanwhile"));
    bench.sandbox.reopen(Side::Push).await.unwrap();
    let link = Link::of(source);
    link.until(|told| told.is(&LinkState::Live) && told.rows.contains_key(&name(meanwhile))).await;
    let seen = podio.observed();
    assert_eq!((seen.handshakes, seen.subscribes), (1, 1), "the old client id served");
    assert_eq!(seen.calls("GET", "/user/status"), 1);
}

#[tokio::test]
async fn a_restarted_push_server_is_found_again() {
    let mut bench = Bench::with(Options::apart()).await;
    bench.sign_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let mut link = bench.live().await;
    bench.sandbox.restart_push().await.unwrap();
    let (_, source) = link.end().await;
    let lost = podio.notify(user, Spec::comment("pushed to nobody"));
    let link = Link::of(source);
    link.until(|told| told.is(&LinkState::Live) && told.rows.contains_key(&name(lost))).await;
    assert_eq!(podio.observed().handshakes, 2);
}

#[tokio::test]
async fn a_probe_finds_a_half_open_link_and_leaves_a_sound_one_alone() {
    let mut bench = Bench::with(Options::apart()).await;
    let wire = Wire::start(bench.sandbox.push_address()).await.unwrap();
    bench.settings.push_url = format!("{}/faye", wire.url()).parse().unwrap();
    bench.sign_in().await;
    let mut link = bench.live().await;
    link.order(Order::Probe).await;
    let id = bench.sandbox.podio().notify(bench.user(), Spec::comment("still here"));
    link.until(|told| told.rows.contains_key(&name(id))).await;
    assert!(!link.has_ended());
    wire.set(Mode::Stall);
    let asked = std::time::Instant::now();
    link.order(Order::Probe).await;
    let (failure, _) = link.end().await;
    assert!(matches!(failure, Failure::Transient { .. }), "{failure:?}");
    assert!(asked.elapsed() < Duration::from_secs(7), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn the_push_may_come_over_a_websocket() {
    let mut bench = Bench::signed_in().await;
    bench.settings.push_transport = belfry::account::PushTransport::Websocket;
    let link = bench.live().await;
    let id = bench.sandbox.podio().notify(bench.user(), Spec::comment("Hello"));
    let told = link.until(|told| told.rows.contains_key(&name(id))).await;
    assert_eq!(told.titles(), ["Hello"]);
    assert_eq!(bench.sandbox.podio().observed().sockets, 1);
}
