//! What outlives a connection: the client id, messages not taken, batches not confirmed.

use bayeux::{Config, Event, Input, Output};
use serde_json::json;

use crate::desk::{Desk, SECOND, config, event};

#[test]
fn a_resumed_session_connects_first_with_the_old_client_id_and_subscribes_nothing() {
    let mut desk = Desk::live();
    desk.session.want("/later").unwrap();
    let now = desk.now;
    let resume = desk.session.into_resume();
    let mut desk = Desk::at(config(), Some(resume), now + 60 * SECOND);
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.sent[0].1[0]["channel"], "/meta/connect");
    assert_eq!(desk.sent[0].1[0]["clientId"], "c1");
    assert!(desk.waiting("/meta/handshake").is_empty() && desk.waiting("/meta/subscribe").is_empty());
    assert!(desk.told().is_empty(), "not before the server has said so");
    desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", 1)]).unwrap();
    assert_eq!(desk.told(), ["wants /later", "same session", "/a = 1"]);
}

#[test]
fn a_refused_channel_is_asked_for_again_before_a_resumed_session_is_told() {
    let mut desk = Desk::live();
    desk.session.subscribe("/c", Some(json!({"sig": 1})), desk.now).unwrap();
    desk.drain();
    desk.answer("/meta/subscribe", json!({"successful": false, "error": "Signature has expired."})).unwrap();
    let (now, resume) = (desk.now, desk.session.into_resume());
    let mut desk = Desk::at(config(), Some(resume), now);
    desk.input(Input::Opened).unwrap();
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["wants /c", "same session"]);
    // Refused in this session too, it is asked for in the next one as well.
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    desk.session.subscribe("/c", None, desk.now).unwrap();
    desk.drain();
    desk.answer("/meta/subscribe", json!({"successful": false, "error": "no"})).unwrap();
    let (now, resume) = (desk.now, desk.session.into_resume());
    let mut desk = Desk::at(config(), Some(resume), now);
    desk.input(Input::Opened).unwrap();
    desk.answer("/meta/unsubscribe", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["wants /c", "same session"]);
}

#[test]
fn a_gap_not_told_before_the_break_is_told_after_it() {
    let mut desk = Desk::live();
    assert!(desk.pass(60 * SECOND).is_err(), "the held connect was given up, then the link died");
    let (now, resume) = (desk.now, desk.session.into_resume());
    let mut desk = Desk::at(config(), Some(resume), now);
    desk.input(Input::Opened).unwrap();
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["same session", "gap"]);
    // A session that could not be resumed is a greater loss, told in its own words.
    let mut desk = Desk::live();
    assert!(desk.pass(60 * SECOND).is_err());
    let (now, resume) = (desk.now, desk.session.into_resume());
    let mut desk = Desk::at(config(), Some(resume), now);
    desk.input(Input::Opened).unwrap();
    desk.answer("/meta/connect", json!({"successful": false, "error": "401:c1:Unknown client"})).unwrap();
    desk.shake("c2");
    desk.answer("/meta/connect", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["alive", "new session", "wants /a", "wants /b", "alive"]);
}

#[test]
fn a_resumed_session_the_server_forgot_starts_anew() {
    let mut desk = Desk::live();
    let now = desk.now;
    let resume = desk.session.into_resume();
    desk = Desk::at(config(), Some(resume), now);
    desk.input(Input::Opened).unwrap();
    let lost =
        json!({"successful": false, "error": "401:c1:Unknown client", "advice": {"reconnect": "handshake"}});
    desk.answer("/meta/connect", lost).unwrap();
    desk.shake("c2");
    assert_eq!(desk.told(), ["alive", "new session", "wants /a", "wants /b"]);
}

#[test]
fn a_resume_older_than_twice_the_timeout_shakes_hands_at_once() {
    let mut desk = Desk::live();
    let now = desk.now;
    desk.pass(SECOND).unwrap();
    let resume = desk.session.into_resume();
    assert!(resume.may_still_be_known(now + 90 * SECOND) && !resume.may_still_be_known(now + 91 * SECOND));
    let mut desk = Desk::at(config(), Some(resume), now + 91 * SECOND);
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.waiting("/meta/handshake").len(), 1);
    assert!(desk.waiting("/meta/connect").is_empty());
}

#[test]
fn messages_not_taken_before_the_break_come_first_after_it() {
    let desk = Desk::live();
    let (number, now) = (desk.sent[0].0, desk.now);
    let mut session = desk.session;
    let text = r#"[{"channel":"/a","data":1},{"channel":"/a","data":2}]"#;
    session.handle(Input::Received { request: Some(number), text }, now).unwrap();
    assert!(matches!(session.poll(), Some(Output::Event(Event::Message { .. }))));
    let mut desk = Desk::at(config(), Some(session.into_resume()), now);
    assert_eq!(desk.told(), ["/a = 2"]);
}

fn acked() -> Config {
    Config { ack: true, ..config() }
}

/// A live session with the acknowledge extension granted.
fn live_acked() -> Desk {
    let mut desk = Desk::new(acked(), None);
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.waiting("/meta/handshake")[0]["ext"]["ack"], true);
    desk.session.subscribe("/a", None, desk.now).unwrap();
    desk.answer("/meta/handshake", json!({"successful": true, "clientId": "c1", "ext": {"ack": true}}))
        .unwrap();
    desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
    desk.answer("/meta/connect", json!({"successful": true, "ext": {"ack": 1}})).unwrap();
    desk.told();
    desk
}

#[test]
fn a_batch_is_acknowledged_only_after_the_caller_confirmed_it() {
    let mut desk = live_acked();
    assert_eq!(desk.waiting("/meta/connect")[0]["ext"]["ack"], 1, "an empty batch needs no confirmation");
    desk.answer_with("/meta/connect", json!({"successful": true, "ext": {"ack": 2}}), &[event("/a", 1)], &[])
        .unwrap();
    assert_eq!(desk.told(), ["/a = 1"]);
    desk.pass(60 * SECOND).unwrap();
    assert!(desk.waiting("/meta/connect").is_empty());
    desk.session.confirm(desk.now).unwrap();
    desk.drain();
    assert_eq!(desk.waiting("/meta/connect")[0]["ext"]["ack"], 2);
}

#[test]
fn what_was_not_confirmed_comes_again_after_a_break() {
    let mut desk = live_acked();
    desk.answer_with("/meta/connect", json!({"successful": true, "ext": {"ack": 2}}), &[event("/a", 1)], &[])
        .unwrap();
    desk.told();
    let now = desk.now;
    let mut desk = Desk::at(acked(), Some(desk.session.into_resume()), now);
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.waiting("/meta/connect")[0]["ext"]["ack"], 1);
    desk.answer_with("/meta/connect", json!({"successful": true, "ext": {"ack": 2}}), &[event("/a", 1)], &[])
        .unwrap();
    assert_eq!(
        desk.told(),
        ["same session", "/a = 1"].map(str::to_owned).iter().rev().cloned().collect::<Vec<_>>()
    );
}

#[test]
fn with_the_extension_a_connect_given_up_loses_nothing() {
    let mut desk = live_acked();
    desk.pass(60 * SECOND).unwrap_err();
    let mut desk = live_acked();
    let deadline = desk.session.deadline().unwrap() - desk.now;
    desk.pass(deadline).unwrap();
    assert_eq!(desk.abandoned.len(), 1);
    desk.answer("/meta/connect", json!({"successful": true, "ext": {"ack": 1}})).unwrap();
    assert_eq!(desk.told(), ["alive"]);
}

#[test]
fn without_the_extension_nobody_waits_for_a_confirmation() {
    let mut desk = Desk::live_with(acked());
    desk.answer_with("/meta/connect", json!({"successful": true}), &[event("/a", 1)], &[]).unwrap();
    let connect = &desk.waiting("/meta/connect")[0];
    assert!(connect.get("ext").is_none());
}
