//! The Podio source and troubles that pass: what is waited out, asked for again, or kept, instead of ending in a failure.

use std::time::Duration;

use belfry::account::Settings;
use belfry::env::SecretName;
use belfry::link::{Failure, LinkState};
use belfry::notification::Mark;
use belfry::source::SignedIn;
use belfry::source::podio::sign_in::{How, Step};
use belfry::source::{Order, Wish};
use belfry_sandbox::{Answer, Fault, Spec};
use secrecy::ExposeSecret;

use crate::podio_bench::Bench;

fn fault(path: &str, times: u32, answer: Answer) -> Fault {
    Fault { path: path.into(), times, answer }
}

async fn signed_in(bench: &Bench) -> SignedIn {
    let user = bench.sandbox.user();
    let how = How::Password { username: user.mail, password: user.password.into() };
    let step = bench.begin(how).await.unwrap();
    let Step::Done(done) = step else { panic!("not signed in: {step:?}") };
    *done
}

async fn keep(bench: &Bench, done: SignedIn) {
    for (name, secret) in done.secrets {
        bench.env.secrets.put(&bench.account, name, secret).await.unwrap();
    }
}

#[tokio::test]
async fn a_long_page_is_taken_and_one_too_long_is_asked_for_in_a_smaller_size() {
    const MIB: usize = 1024 * 1024;
    for (bytes, times) in [(2 * MIB, 1), (17 * MIB, 1)] {
        let bench = Bench::signed_in().await;
        let podio = bench.sandbox.podio();
        let id = podio.notify_silently(bench.user(), Spec::comment("beside it"));
        podio.fault(fault("/notification/", times, Answer::Oversized { bytes }));
        let told = bench.live().await.told();
        assert!(told.rows.contains_key(&format!("n{id}")), "{bytes}");
    }
    let bench = Bench::signed_in().await;
    bench.sandbox.podio().fault(fault("/notification/", 2, Answer::Oversized { bytes: 17 * MIB }));
    let (failure, _) = bench.run().end().await;
    let Failure::Transient { reason } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("too long"), "{reason}");
}

#[tokio::test]
async fn a_proxy_in_the_way_is_no_verdict_on_the_sign_in() {
    for status in [407, 408] {
        let bench = Bench::signed_in().await;
        let podio = bench.sandbox.podio();
        podio.fault(fault("/oauth/token", 100, Answer::Status(status)));
        podio.expire_access_tokens();
        let (failure, _) = bench.run().end().await;
        assert!(matches!(failure, Failure::Transient { .. }), "{failure:?}");
        podio.heal();
        bench.live().await;
    }
}

#[tokio::test]
async fn a_wish_stays_open_while_a_proxy_is_in_the_way() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let id = podio.notify_silently(user, Spec::comment("one"));
    let link = bench.live().await;
    podio.fault(fault(&format!("/notification/{id}/viewed"), 1, Answer::Status(407)));
    let wish = Wish { external_id: format!("n{id}"), mark: Mark::Read(true) };
    link.order(Order::Wish(wish.clone())).await;
    link.until(|told| told.done.contains(&wish)).await;
    assert!(podio.observed().viewed.contains(&id), "not done before the service has taken it");
}

#[tokio::test]
async fn a_rate_limit_during_catch_up_leaves_the_push_alive_and_is_waited_out() {
    let bench = Bench::signed_in().await;
    let (podio, user) = (bench.sandbox.podio(), bench.user());
    let missed = podio.notify_silently(user, Spec::comment("missed"));
    podio.fault(fault("/notification/", 1, Answer::RateLimited { wait: 4 }));
    let mut link = bench.run();
    podio.wait_for(|seen| seen.calls("GET", "/notification/") == 1, Duration::from_secs(20)).await.unwrap();
    let live = podio.notify(user, Spec::comment("live"));
    let told = link.until(|told| told.rows.contains_key(&format!("n{live}"))).await;
    assert_eq!(told.states, [LinkState::Connecting, LinkState::CatchingUp]);
    assert!(told.cursor.is_none() && !link.has_ended());
    let told = link.until(|told| told.is(&LinkState::Live)).await;
    assert!(told.rows.contains_key(&format!("n{missed}")) && told.cursor.is_some());
    assert_eq!(told.states, [LinkState::Connecting, LinkState::CatchingUp, LinkState::Live]);
    assert_eq!(podio.observed().handshakes, 1);
}

#[tokio::test]
async fn a_sign_in_is_kept_though_the_service_stumbles_right_after() {
    let bench = Bench::fresh().await;
    bench.sandbox.podio().fault(fault("/user/status", 1, Answer::Status(503)));
    let done = signed_in(&bench).await;
    assert_eq!(done.label, "Podio");
    let Settings::Podio(settings) = &done.settings else { panic!("not an account of Podio") };
    assert_eq!(settings.user_id, i64::try_from(bench.user()).ok());
    keep(&bench, done).await;
    let told = bench.live().await.told();
    assert_eq!(told.label.as_deref(), Some("Robin Vale"));
}

#[tokio::test]
async fn a_pair_refreshed_during_the_sign_in_is_the_one_handed_back() {
    let bench = Bench::fresh().await;
    let podio = bench.sandbox.podio();
    podio.fault(fault("/user/status", 1, Answer::Status(401)));
    let done = signed_in(&bench).await;
    assert_eq!(podio.observed().refreshes, 1);
    assert!(bench.env.secrets.get(&bench.account, SecretName::Tokens).await.unwrap().is_none());
    keep(&bench, done).await;
    podio.expire_access_tokens();
    bench.live().await;
    let seen = podio.observed();
    assert_eq!((seen.refreshes, seen.refused_grants), (2, 0), "the refresh token was the newest");
}

#[tokio::test]
async fn early_renewal_that_failed_rests_before_the_next_try() {
    let bench = Bench::signed_in().await;
    let podio = bench.sandbox.podio();
    let kept = bench.env.secrets.get(&bench.account, SecretName::Tokens).await.unwrap().unwrap();
    let mut pair: serde_json::Value = serde_json::from_str(kept.expose_secret()).unwrap();
    let now = bench.env.clock.now();
    pair["issued_at"] = (now - jiff::SignedDuration::from_hours(8)).to_string().into();
    pair["expires_at"] = (now + jiff::SignedDuration::from_mins(30)).to_string().into();
    let early = pair.to_string().into();
    bench.env.secrets.put(&bench.account, SecretName::Tokens, early).await.unwrap();
    podio.fault(fault("/oauth/token", 100, Answer::Status(503)));
    let link = bench.live().await;
    let id = podio.notify(bench.user(), Spec::comment("x"));
    link.until(|told| told.rows.contains_key(&format!("n{id}"))).await;
    let seen = podio.observed();
    assert!(seen.calls("GET", "/notification/") + seen.calls("GET", "/user/status") >= 3);
    assert_eq!(seen.calls("POST", "/oauth/token/v2"), 1);
}
