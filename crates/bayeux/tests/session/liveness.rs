//! What silence means, and how soon.

use std::time::Duration;

use bayeux::{Error, Input, TransportKind};
use serde_json::json;

use crate::desk::{Desk, SECOND, config, event};

#[test]
fn a_late_connect_is_given_up_and_both_proofs_of_life_are_asked_for() {
    let mut desk = Desk::live();
    let held = desk.sent[0].0;
    desk.pass(33 * SECOND).unwrap();
    assert_eq!(desk.abandoned, [held]);
    assert_eq!(desk.waiting("/meta/connect").len(), 1);
    assert_eq!(desk.waiting("/meta/connect")[0]["advice"]["timeout"], 0);
    assert_eq!(desk.waiting("/meta/connect")[0]["clientId"], "c1");
    assert_eq!(desk.waiting("/meta/unsubscribe").len(), 1);
}

#[test]
fn a_dead_link_is_noticed_within_45_seconds() {
    let mut desk = Desk::live();
    let start = desk.now;
    let error = desk.pass(60 * SECOND).unwrap_err();
    assert!(matches!(error, Error::Silent(_)), "{error}");
    assert!(desk.now - start <= 45 * SECOND);
}

#[test]
fn a_connect_answered_in_doubt_means_alive_and_the_session_goes_on() {
    let mut desk = Desk::live();
    desk.pass(33 * SECOND).unwrap();
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    assert_eq!(desk.waiting("/meta/connect")[0]["advice"]["timeout"], 25000);
    desk.pass(32 * SECOND).unwrap();
    assert!(desk.waiting("/meta/unsubscribe").is_empty());
}

#[test]
fn a_server_heedless_of_our_hold_is_given_its_own_time_and_probed() {
    let mut desk = Desk::live();
    desk.pass(33 * SECOND).unwrap();
    desk.pass(SECOND).unwrap();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    let start = desk.now;
    // Its own hold is 45 s; each probe in between is answered.
    while desk.now - start < 30 * SECOND {
        desk.pass(SECOND).unwrap();
        if !desk.waiting("/meta/unsubscribe").is_empty() {
            desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
        }
    }
    assert_eq!(desk.abandoned.len(), 1, "the connect of the proof is left to be held");
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert!(desk.waiting("/meta/connect")[0].get("advice").is_none(), "no more wishes");
    let quiet = desk.now;
    let error = desk.pass(60 * SECOND).unwrap_err();
    assert!(matches!(error, Error::Silent(_)));
    assert!(desk.now - quiet <= 45 * SECOND, "a dead link is still noticed in time");
}

#[test]
fn a_first_connect_that_is_held_although_asked_not_to_be_is_put_to_the_test() {
    let mut desk = Desk::new(config(), None);
    desk.input(Input::Opened).unwrap();
    desk.shake("c1");
    desk.pass(10 * SECOND).unwrap();
    assert!(desk.abandoned.is_empty());
    desk.pass(SECOND).unwrap();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    desk.pass(20 * SECOND).unwrap();
    assert_eq!(desk.waiting("/meta/connect").len(), 1);
}

#[test]
fn a_request_that_stays_unanswered_ends_the_session() {
    let mut desk = Desk::live();
    desk.session.subscribe("/c", None, desk.now).unwrap();
    assert!(matches!(desk.pass(10 * SECOND), Err(Error::Silent("a subscription"))));
    let mut desk = Desk::new(config(), None);
    desk.input(Input::Opened).unwrap();
    assert!(matches!(desk.pass(10 * SECOND), Err(Error::Silent("the handshake"))));
}

#[test]
fn a_probe_proves_life_or_ends_the_session_in_the_given_time() {
    let mut desk = Desk::live();
    desk.session.probe(5 * SECOND, desk.now);
    desk.drain();
    desk.answer("/meta/unsubscribe", json!({"successful": false, "error": "whatever"})).unwrap();
    assert_eq!(desk.told(), ["alive"]);
    desk.session.probe(5 * SECOND, desk.now);
    desk.pass(Duration::from_millis(4999)).unwrap();
    assert!(matches!(desk.pass(SECOND), Err(Error::Silent("a probe"))));
    // A request before it that got stuck in a dead connection must not hide the probe.
    let mut desk = Desk::live();
    desk.session.subscribe("/c", None, desk.now).unwrap();
    desk.session.probe(5 * SECOND, desk.now);
    assert!(matches!(desk.pass(5 * SECOND), Err(Error::Silent("a probe"))));
}

#[test]
fn a_held_connect_given_up_is_a_gap_as_soon_as_the_server_is_there_again() {
    let mut desk = Desk::live();
    desk.pass(33 * SECOND).unwrap();
    assert!(desk.told().is_empty(), "nobody is there to fetch from yet");
    desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", 1)]).unwrap();
    assert_eq!(desk.told(), ["gap", "/a = 1"]);
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    desk.pass(25 * SECOND).unwrap();
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["alive", "alive"], "told once");
    // Also where the server answers only the probe and goes on holding.
    let mut desk = Desk::live();
    desk.pass(34 * SECOND).unwrap();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    desk.pass(10 * SECOND).unwrap();
    assert_eq!(desk.told(), ["alive", "gap"]);
}

#[test]
fn a_late_connect_on_a_websocket_is_no_gap() {
    let mut config = config();
    config.transports = vec![TransportKind::WebSocket];
    let mut desk = Desk::live_with(config);
    desk.pass(33 * SECOND).unwrap();
    assert_eq!(desk.abandoned.len(), 1);
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["alive"]);
}

#[test]
fn a_probe_replaces_the_held_connect_and_tells_of_the_gap() {
    let mut desk = Desk::live();
    let held = desk.sent[0].0;
    desk.session.probe(5 * SECOND, desk.now);
    desk.drain();
    assert_eq!(desk.abandoned, [held]);
    assert_eq!(desk.waiting("/meta/connect")[0]["advice"]["timeout"], 0);
    assert_eq!(desk.waiting("/meta/connect")[0]["clientId"], "c1");
    assert_eq!(desk.waiting("/meta/unsubscribe").len(), 1);
    desk.session.probe(5 * SECOND, desk.now);
    desk.drain();
    assert_eq!(desk.abandoned.len(), 1, "the fresh one is not replaced again");
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["gap"]);
    assert_eq!(desk.waiting("/meta/connect")[0]["advice"]["timeout"], 25000);
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["alive"]);
}

#[test]
fn a_server_that_still_holds_the_connect_a_probe_replaced_is_not_taken_for_heedless() {
    let mut desk = Desk::live();
    desk.session.probe(5 * SECOND, desk.now);
    desk.pass(SECOND).unwrap();
    desk.drain();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    desk.pass(10 * SECOND).unwrap();
    assert_eq!(desk.told(), ["alive", "gap"]);
    desk.pass(15 * SECOND).unwrap();
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.waiting("/meta/connect")[0]["advice"]["timeout"], 25000, "it does heed our hold");
    assert_eq!(desk.told(), ["alive"]);
}

#[test]
fn a_probe_with_a_longer_time_than_an_answer_keeps_its_time() {
    let mut desk = Desk::live();
    desk.session.probe(20 * SECOND, desk.now);
    desk.pass(Duration::from_millis(19_999)).unwrap();
    assert!(matches!(desk.pass(SECOND), Err(Error::Silent("a probe"))));
}

#[test]
fn a_server_that_still_holds_the_lost_connect_is_waited_for_if_the_probe_is_answered() {
    let desk = Desk::live();
    let (now, resume) = (desk.now, desk.session.into_resume());
    let mut desk = Desk::at(config(), Some(resume), now);
    desk.input(Input::Opened).unwrap();
    desk.pass(SECOND).unwrap();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["same session"]);
    desk.pass(20 * SECOND).unwrap();
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.waiting("/meta/connect")[0]["advice"]["timeout"], 25000, "it does heed our hold");
}

#[test]
fn a_server_that_answers_held_connects_at_once_with_nothing_does_not_make_us_spin() {
    let mut desk = Desk::live();
    let mut answered = 0;
    let start = desk.now;
    while desk.now - start < 60 * SECOND {
        if desk.waiting("/meta/connect").is_empty() {
            desk.pass(SECOND).unwrap();
        } else {
            desk.answer("/meta/connect", json!({"successful": true})).unwrap();
            answered += 1;
            assert!(answered < 20, "{answered} connects within a minute");
        }
    }
    // Nor does one that takes its time to do so.
    let mut desk = Desk::live();
    let (mut answered, start) = (0, desk.now);
    while desk.now - start < 60 * SECOND {
        desk.pass(Duration::from_millis(100)).unwrap();
        if !desk.waiting("/meta/connect").is_empty() {
            desk.answer("/meta/connect", json!({"successful": true})).unwrap();
            answered += 1;
        }
    }
    assert!(answered < 20, "{answered} connects within a minute");
    // A short hold that was agreed upon is no haste.
    let mut short = config();
    short.hold = Duration::from_millis(200);
    let mut desk = Desk::live_with(short);
    for _ in 0..20 {
        desk.pass(Duration::from_millis(150)).unwrap();
        desk.answer("/meta/connect", json!({"successful": true})).unwrap();
        assert_eq!(desk.waiting("/meta/connect").len(), 1);
    }
    // Events are a reason to answer at once.
    let mut desk = Desk::live();
    for n in 0..100 {
        desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", n)]).unwrap();
    }
    assert_eq!(desk.waiting("/meta/connect").len(), 1);
}
