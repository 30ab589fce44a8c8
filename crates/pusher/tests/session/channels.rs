//! Wanting, authorising, subscribing, and what is never told.

use pusher::{Authorization, Input, NotAllowed, Session};
use serde_json::json;

use crate::desk::{Desk, SECOND, SOCKET, config};

#[test]
fn nothing_is_sent_before_the_server_has_spoken() {
    let mut desk = Desk::new(config(), None);
    assert_eq!(desk.opened, 1);
    desk.want("news");
    desk.want("private-a");
    desk.input(Input::Opened).unwrap();
    desk.hear(&json!({"event": "pusher:ping", "data": {}})).unwrap();
    desk.hear(&json!({"event": "e", "channel": "news", "data": "{}"})).unwrap();
    assert!(desk.sent.is_empty() && desk.events.is_empty());
    desk.hear(&json!({"event": "pusher:connection_established", "data": {"socket_id": "7.8"}})).unwrap();
    assert_eq!(desk.take_told(), ["connected 7.8", "authorize private-a for 7.8"]);
    assert_eq!(desk.take_sent(), ["pusher:subscribe news"]);
    assert_eq!(desk.session.socket_id(), Some("7.8"));
}

#[test]
fn a_public_channel_is_subscribed_and_left() {
    let mut desk = Desk::live();
    desk.want("news");
    desk.want("news");
    assert_eq!(desk.sent, [json!({"event": "pusher:subscribe", "data": {"channel": "news"}})]);
    desk.grant("news");
    desk.grant("news");
    desk.message("news", r#"{"a":1}"#);
    assert_eq!(desk.take_told(), ["subscribed news", r#"news e {"a":1}"#]);
    desk.sent.clear();
    desk.unwant("news");
    assert_eq!(desk.sent, [json!({"event": "pusher:unsubscribe", "data": {"channel": "news"}})]);
    desk.message("news", "{}");
    desk.grant("news");
    assert!(desk.events.is_empty());
    assert_eq!(desk.session.dropped(), 1);
}

#[test]
fn a_message_that_is_already_queued_is_not_told_once_its_channel_is_unwanted() {
    let mut desk = Desk::subscribed(&["news"]);
    let frame = r#"{"event":"e","channel":"news","data":"1"}"#;
    desk.session.handle(Input::Received(frame), desk.now).unwrap();
    desk.unwant("news");
    assert!(desk.events.is_empty());
}

#[test]
fn a_private_channel_is_subscribed_with_its_signature() {
    let mut desk = Desk::live();
    desk.want("private-a");
    assert_eq!(desk.take_told(), ["authorize private-a for 1.2"]);
    assert!(desk.sent.is_empty());
    let answer: Authorization = serde_json::from_str(r#"{"auth":"k:sig"}"#).unwrap();
    desk.session.authorize("private-a", SOCKET, answer.clone(), desk.now);
    // Nobody asked a second time.
    desk.session.authorize("private-a", SOCKET, answer, desk.now);
    desk.drain();
    assert_eq!(
        desk.sent,
        [json!({"event": "pusher:subscribe", "data": {"channel": "private-a", "auth": "k:sig"}})]
    );
}

#[test]
fn an_authorisation_for_another_socket_id_is_ignored() {
    let mut desk = Desk::live();
    desk.want("private-a");
    desk.authorize_for("0.9", "private-a", None);
    desk.session.give_up("private-a", "0.9", desk.now);
    assert!(desk.take_sent().is_empty());
    desk.authorize("private-a", None);
    assert_eq!(desk.take_sent(), ["pusher:subscribe private-a"]);
}

#[test]
fn an_authorisation_of_a_channel_that_was_unwanted_meanwhile_is_ignored() {
    let mut desk = Desk::live();
    desk.want("private-a");
    desk.unwant("private-a");
    desk.authorize("private-a", None);
    assert!(desk.take_sent().is_empty());
}

#[test]
fn a_channel_given_up_is_left_alone_until_it_is_wanted_again() {
    let mut desk = Desk::live();
    desk.want("private-a");
    desk.session.give_up("private-a", SOCKET, desk.now);
    desk.events.clear();
    desk.authorize("private-a", None);
    desk.message("private-a", "1");
    desk.grant("private-a");
    assert!(desk.take_told().is_empty() && desk.take_sent().is_empty());
    desk.want("private-a");
    assert_eq!(desk.take_told(), ["authorize private-a for 1.2"]);
}

#[test]
fn every_connection_asks_for_every_authorisation_again() {
    let mut desk = Desk::subscribed(&["private-a", "news"]);
    desk.input(Input::Closed { code: Some(4200), reason: "" }).unwrap_err();
    let resume = desk.session.into_resume();
    assert_eq!(resume.channels().collect::<Vec<_>>(), ["news", "private-a"]);
    let mut desk = Desk::new(config(), Some(resume));
    desk.connect("3.4");
    assert_eq!(desk.take_told(), ["connected 3.4", "authorize private-a for 3.4"]);
    assert_eq!(desk.take_sent(), ["pusher:subscribe news"]);
}

#[test]
fn messages_not_yet_taken_outlive_the_connection() {
    let mut desk = Desk::subscribed(&["news"]);
    let frame = r#"{"event":"e","channel":"news","data":"1"}"#;
    desk.session.handle(Input::Received(frame), desk.now).unwrap();
    desk.session.handle(Input::Closed { code: None, reason: "" }, desk.now).unwrap_err();
    let mut desk = Desk::new(config(), Some(desk.session.into_resume()));
    assert_eq!(desk.take_told(), ["news e 1"]);
}

#[test]
fn a_subscription_without_an_answer_is_refused_in_time_and_a_late_grant_still_counts() {
    let mut desk = Desk::live();
    desk.want("news");
    desk.want("other");
    desk.pass(5 * SECOND).unwrap();
    desk.grant("other");
    desk.events.clear();
    desk.pass(9 * SECOND).unwrap();
    assert!(desk.take_told().is_empty());
    desk.pass(SECOND).unwrap();
    assert_eq!(desk.take_told(), ["refused news None the server gave no answer in time"]);
    desk.grant("news");
    assert_eq!(desk.take_told(), ["subscribed news"]);
}

#[test]
fn an_answered_subscription_leaves_no_deadline_behind() {
    let mut desk = Desk::live();
    for channel in ["a", "b", "c"] {
        desk.want(channel);
    }
    for channel in ["b", "c"] {
        desk.grant(channel);
    }
    assert_eq!(desk.session.deadline(), Some(desk.now + 15 * SECOND), "of the one that still waits");
    desk.grant("a");
    assert_eq!(desk.session.deadline(), Some(desk.now + 30 * SECOND), "of the next ping");
}

#[test]
fn a_channel_whose_subscription_was_not_answered_can_be_wanted_again() {
    let mut desk = Desk::live();
    desk.want("news");
    desk.pass(15 * SECOND).unwrap();
    desk.take_sent();
    desk.want("news");
    assert_eq!(desk.take_sent(), ["pusher:subscribe news"]);
}

#[test]
fn client_events_need_a_name_a_channel_and_a_subscription() {
    let mut desk = Desk::subscribed(&["private-a", "presence-a", "news"]);
    let mut trigger = |channel: &str, event: &str| {
        let result = desk.session.trigger(channel, event, &json!({"x": 1}), desk.now);
        desk.drain();
        result
    };
    assert_eq!(trigger("private-a", "typing"), Err(NotAllowed::Name));
    assert_eq!(trigger("news", "client-x"), Err(NotAllowed::Channel));
    assert_eq!(trigger("private-encrypted-a", "client-x"), Err(NotAllowed::Channel));
    assert_eq!(trigger("private-b", "client-x"), Err(NotAllowed::NotSubscribed));
    assert_eq!(trigger("presence-a", "client-x"), Ok(()));
    assert_eq!(trigger("private-a", "client-x"), Ok(()));
    assert_eq!(
        desk.sent.last().unwrap(),
        &json!({"event": "client-x", "channel": "private-a", "data": {"x": 1}})
    );
}

#[test]
fn ten_thousand_channels_are_no_trouble() {
    let begin = std::time::Instant::now();
    let mut session = Session::new(config(), None);
    let now = begin;
    for n in 0..10_000 {
        session.want(&format!("private-{n}"), now).unwrap();
    }
    session.handle(Input::Opened, now).unwrap();
    let greeting = r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}"#;
    session.handle(Input::Received(greeting), now).unwrap();
    for n in 0..10_000 {
        let answer = Authorization { auth: "k:s".to_owned(), channel_data: None, shared_secret: None };
        session.authorize(&format!("private-{n}"), "1.2", answer, now);
    }
    // Answered from the last to the first, which is the worst order.
    for n in (0..10_000).rev() {
        let grant =
            json!({"event": "pusher_internal:subscription_succeeded", "channel": format!("private-{n}")});
        session.handle(Input::Received(&grant.to_string()), now).unwrap();
    }
    for n in 0..10_000 {
        session.unwant(&format!("private-{n}"), now);
    }
    let outputs = std::iter::from_fn(|| session.poll()).count();
    assert!(outputs >= 20_000, "{outputs}");
    let took = begin.elapsed();
    assert!(took < 30 * SECOND, "quadratic work would take minutes: {took:?}");
}
