//! Which transport, and what may run beside what.

use bayeux::{Error, Event, Input, TransportKind};
use serde_json::json;

use crate::desk::{Desk, SECOND, config};

#[test]
fn the_websocket_is_taken_where_preferred_and_left_where_it_cannot_open_or_says_nothing() {
    let both = || {
        let mut config = config();
        config.transports = vec![TransportKind::WebSocket, TransportKind::LongPolling];
        config
    };
    let fell_back = [TransportKind::WebSocket, TransportKind::LongPolling];
    let mut desk = Desk::new(both(), None);
    desk.input(Input::CannotOpen(Error::Http { status: 403, retry_after: None })).unwrap();
    assert_eq!(desk.opened, fell_back);
    desk.input(Input::Opened).unwrap();
    desk.shake("c1");
    assert_eq!(desk.waiting("/meta/connect")[0]["connectionType"], "long-polling");

    let mut desk = Desk::new(both(), None);
    desk.input(Input::Opened).unwrap();
    desk.pass(10 * SECOND).unwrap();
    assert_eq!(desk.opened, fell_back, "opened, but silent");

    let mut desk = Desk::new(both(), None);
    desk.input(Input::Opened).unwrap();
    desk.input(Input::Lost(Error::Network("closed".to_owned()))).unwrap();
    assert_eq!(desk.opened, fell_back, "closed before the handshake was through");

    let mut desk = Desk::new(both(), None);
    desk.input(Input::Opened).unwrap();
    let reply = json!({"successful": true, "clientId": "c1", "supportedConnectionTypes": ["long-polling"]});
    desk.answer("/meta/handshake", reply).unwrap();
    assert_eq!(desk.opened, fell_back, "not offered");
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.waiting("/meta/connect")[0]["clientId"], "c1");

    let mut desk = Desk::new(both(), None);
    desk.input(Input::Opened).unwrap();
    desk.shake("c1");
    assert_eq!(desk.waiting("/meta/connect")[0]["connectionType"], "websocket");
    assert!(
        desk.input(Input::Lost(Error::Network("closed".to_owned()))).is_err(),
        "later it is the caller's affair"
    );
}

#[test]
fn no_transport_in_common_is_an_error_of_its_own() {
    let mut desk = Desk::new(config(), None);
    desk.input(Input::Opened).unwrap();
    let reply =
        json!({"successful": true, "clientId": "c1", "supportedConnectionTypes": ["callback-polling"]});
    assert!(matches!(desk.answer("/meta/handshake", reply), Err(Error::NoTransport)));
}

#[test]
fn at_most_one_request_runs_beside_the_held_one_over_http() {
    let mut desk = Desk::live();
    for n in 0..120 {
        desk.session.subscribe(&format!("/many/{n}"), None, desk.now).unwrap();
        desk.drain();
        assert!(desk.sent.len() <= 2);
    }
    for _ in 0..4 {
        assert!(desk.sent.len() <= 2);
        if !desk.waiting("/meta/subscribe").is_empty() {
            desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
        }
    }
    assert_eq!(desk.told().len(), 120);
}

#[test]
fn a_publication_is_answered_under_its_number() {
    let mut desk = Desk::live();
    let number = desk.session.publish("/a", json!({"x": 1}), Some(json!({"token": "t"})), desk.now).unwrap();
    desk.drain();
    let message = &desk.waiting("/a")[0];
    assert_eq!((&message["data"]["x"], &message["ext"]["token"]), (&json!(1), &json!("t")));
    desk.answer("/a", json!({"successful": false, "error": "407::failed"})).unwrap();
    assert!(
        matches!(&desk.events[..], [Event::Published { number: told, error: Some(_) }] if *told == number)
    );
    assert!(desk.session.publish("/a/*", json!(1), None, desk.now).is_err());
}

#[test]
fn goodbye_ends_the_session() {
    let mut desk = Desk::live();
    desk.session.disconnect(desk.now);
    desk.drain();
    desk.answer("/meta/disconnect", json!({"successful": true})).unwrap();
    assert!(desk.session.has_ended());
    assert!(desk.sent.iter().all(|(_, messages)| messages[0]["channel"] == "/meta/connect"));
}
