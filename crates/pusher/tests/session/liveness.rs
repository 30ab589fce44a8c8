//! Both timers: who is silent, and since when.

use std::time::Duration;

use pusher::{Error, Event, Input, Retry};
use serde_json::json;

use crate::desk::{Desk, SECOND, config};

fn pong() -> serde_json::Value {
    json!({"event": "pusher:pong", "data": {}})
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut desk = Desk::live();
    desk.pass(29 * SECOND).unwrap();
    assert!(desk.sent.is_empty(), "the served 30 s count, and not our 120");
    desk.pass(SECOND).unwrap();
    assert_eq!(desk.sent, [json!({"event": "pusher:ping", "data": {}})]);
    desk.pass(29 * SECOND).unwrap();
    let error = desk.pass(SECOND).unwrap_err();
    assert!(matches!(error, Error::Silent { what: "a ping", .. }), "{error}");
    assert_eq!(error.retry(), Retry::AtOnce);
    assert_eq!(desk.sent.len(), 1, "one ping, and no more");
}

#[test]
fn our_own_time_counts_where_it_is_the_shorter_one() {
    let mut config = config();
    (config.activity, config.pong) = (5 * SECOND, SECOND);
    let mut desk = Desk::new(config, None);
    desk.connect("1.2");
    desk.pass(5 * SECOND).unwrap();
    assert_eq!(desk.take_sent(), ["pusher:ping"]);
    assert!(matches!(desk.pass(SECOND), Err(Error::Silent { .. })));
}

#[test]
fn the_activity_time_of_the_server_is_read_leniently() {
    for (served, expected) in [
        (json!({"socket_id": "1.2"}), 120),
        (json!({"socket_id": "1.2", "activity_timeout": null}), 120),
        (json!({"socket_id": "1.2", "activity_timeout": 0}), 120),
        (json!({"socket_id": "1.2", "activity_timeout": -3}), 120),
        (json!({"socket_id": "1.2", "activity_timeout": 1e300}), 120),
        (json!({"socket_id": "1.2", "activity_timeout": "45"}), 45),
        (json!({"socket_id": "1.2", "activity_timeout": 17.0}), 17),
        (json!({"socket_id": "1.2", "activity_timeout": 3600}), 120),
    ] {
        let mut desk = Desk::new(config(), None);
        desk.input(Input::Opened).unwrap();
        desk.hear(&json!({"event": "pusher:connection_established", "data": served.to_string()})).unwrap();
        assert_eq!(desk.session.deadline(), Some(desk.now + expected * SECOND), "{served}");
    }
}

#[test]
fn any_sign_of_life_counts() {
    let signs: [fn(&mut Desk); 5] = [
        |desk| desk.hear(&json!({"event": "pusher:pong"})).unwrap(),
        |desk| desk.input(Input::Alive).unwrap(),
        |desk| desk.message("news", "1"),
        |desk| desk.hear(&json!({"event": "pusher:whatever"})).unwrap(),
        |desk| desk.input(Input::Binary).unwrap(),
    ];
    for sign in signs {
        let mut desk = Desk::live();
        desk.pass(59 * SECOND).unwrap();
        sign(&mut desk);
        assert_eq!(desk.session.last_sign_of_life(), Some(desk.now));
        desk.pass(29 * SECOND).unwrap();
        desk.hear(&pong()).unwrap();
    }
}

#[test]
fn a_server_that_talks_all_the_time_hears_from_us_too() {
    let mut desk = Desk::subscribed(&["news"]);
    for _ in 0..100 {
        desk.pass(SECOND).unwrap();
        desk.message("news", "1");
    }
    let pings = desk.take_sent();
    assert_eq!(pings, ["pusher:ping"; 3], "one in 30 s");
}

#[test]
fn a_server_s_ping_is_answered_at_once_and_told_as_life() {
    let mut desk = Desk::live();
    desk.hear(&json!({"event": "pusher:ping"})).unwrap();
    assert_eq!(desk.sent, [json!({"event": "pusher:pong", "data": {}})]);
    assert!(matches!(desk.events[..], [Event::Alive]));
}

#[test]
fn a_probe_needs_an_answer_in_its_own_time() {
    let mut desk = Desk::live();
    desk.session.probe(3 * SECOND, desk.now);
    desk.drain();
    assert_eq!(desk.take_sent(), ["pusher:ping"]);
    desk.pass(2 * SECOND).unwrap();
    desk.hear(&pong()).unwrap();
    desk.pass(10 * SECOND).unwrap();
    desk.session.probe(3 * SECOND, desk.now);
    desk.drain();
    assert!(matches!(desk.pass(3 * SECOND), Err(Error::Silent { .. })));
}

#[test]
fn a_probe_never_gives_a_silent_server_more_time() {
    let mut desk = Desk::live();
    desk.pass(58 * SECOND).unwrap();
    desk.session.probe(20 * SECOND, desk.now);
    assert!(matches!(desk.pass(2 * SECOND), Err(Error::Silent { .. })));
}

#[test]
fn a_server_that_never_greets_is_given_up() {
    let mut desk = Desk::new(config(), None);
    assert_eq!(desk.session.deadline(), None, "whoever opens the socket has the clock");
    desk.input(Input::Opened).unwrap();
    desk.pass(9 * SECOND).unwrap();
    let error = desk.pass(SECOND).unwrap_err();
    assert!(matches!(error, Error::Silent { what: "the opening of the connection", .. }), "{error}");
}

#[test]
fn a_probe_shortens_the_wait_for_a_greeting() {
    let mut desk = Desk::new(config(), None);
    desk.input(Input::Opened).unwrap();
    desk.session.probe(SECOND, desk.now);
    assert!(desk.pass(SECOND).is_err());
}

#[test]
fn time_lost_while_nobody_looked_is_not_the_server_s_silence() {
    let mut desk = Desk::live();
    desk.now += 3600 * SECOND;
    desk.input(Input::Tick).unwrap();
    assert_eq!(desk.take_sent(), ["pusher:ping"]);
    desk.pass(Duration::from_secs(29)).unwrap();
    desk.hear(&pong()).unwrap();
}

#[test]
fn several_signs_of_life_are_told_as_one() {
    let mut desk = Desk::live();
    for _ in 0..5 {
        desk.session.handle(Input::Alive, desk.now).unwrap();
    }
    desk.drain();
    assert_eq!(desk.take_told(), ["alive"]);
}
