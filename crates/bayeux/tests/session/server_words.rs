//! What the server says, and what the session makes of it: the table of replies, advice and errors.

use std::time::Duration;

use bayeux::{Error, Input, TransportKind};
use serde_json::{Value, json};

use crate::desk::{Desk, SECOND, config, event};

#[test]
fn the_handshake_goes_alone_and_nothing_goes_before_it() {
    let mut desk = Desk::new(config(), None);
    desk.session.subscribe("/a", None, desk.now).unwrap();
    desk.drain();
    assert!(desk.sent.is_empty(), "no transport is open yet");
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.sent.len(), 1);
    let handshake = &desk.sent[0].1;
    assert_eq!(handshake.as_array().unwrap().len(), 1);
    assert_eq!(handshake[0]["channel"], "/meta/handshake");
    assert_eq!(handshake[0]["version"], "1.0");
    assert_eq!(handshake[0]["supportedConnectionTypes"], json!(["long-polling"]));
    assert!(handshake[0].get("clientId").is_none());
}

#[test]
fn connect_goes_alone_and_subscriptions_do_not_wait_for_its_reply() {
    let mut desk = Desk::new(config(), None);
    desk.session.subscribe("/a", Some(json!({"sig": 1})), desk.now).unwrap();
    desk.session.want("/b").unwrap();
    desk.input(Input::Opened).unwrap();
    desk.shake("c1");
    assert_eq!(desk.told(), ["new session", "wants /b"], "an ext that was never sent is still good");
    assert_eq!(desk.sent.len(), 2);
    let connect = desk.waiting("/meta/connect");
    assert_eq!((connect.len(), &connect[0]["clientId"]), (1, &json!("c1")));
    assert_eq!(connect[0]["advice"]["timeout"], 0, "the first one asks to be answered at once");
    assert_eq!(desk.waiting("/meta/subscribe")[0]["ext"], json!({"sig": 1}));
    desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
    assert_eq!(desk.told(), ["subscribed /a"]);
}

#[test]
fn a_good_connect_is_followed_by_the_next_after_the_interval() {
    let mut desk = Desk::live();
    assert_eq!(
        desk.waiting("/meta/connect")[0]["advice"]["timeout"],
        25000,
        "the server is asked for a shorter hold"
    );
    desk.answer("/meta/connect", json!({"successful": true, "advice": {"interval": 3000, "timeout": 10000}}))
        .unwrap();
    assert!(desk.waiting("/meta/connect").is_empty());
    desk.pass(Duration::from_millis(2999)).unwrap();
    assert!(desk.waiting("/meta/connect").is_empty());
    desk.pass(Duration::from_millis(1)).unwrap();
    assert!(
        desk.waiting("/meta/connect")[0].get("advice").is_none(),
        "10 s is shorter than ours: nothing to ask"
    );
}

#[test]
fn advice_of_the_transport_overrides_the_general_one() {
    let mut desk = Desk::live();
    let advice = json!({"interval": 0, "long-polling": {"interval": 2000}, "websocket": {"interval": 9000}});
    desk.answer("/meta/connect", json!({"successful": true, "advice": advice})).unwrap();
    desk.pass(SECOND).unwrap();
    assert!(desk.waiting("/meta/connect").is_empty());
    desk.pass(SECOND).unwrap();
    assert_eq!(desk.waiting("/meta/connect").len(), 1);
}

#[test]
fn a_failed_connect_with_retry_goes_again_later_with_the_same_client_id() {
    let mut desk = Desk::live();
    desk.answer(
        "/meta/connect",
        json!({"successful": false, "error": "500::busy", "advice": {"reconnect": "retry"}}),
    )
    .unwrap();
    assert!(desk.waiting("/meta/connect").is_empty(), "never at once");
    desk.pass(SECOND).unwrap();
    assert_eq!(desk.waiting("/meta/connect")[0]["clientId"], "c1");
}

#[test]
fn three_failed_connects_without_advice_lead_to_a_handshake() {
    let mut desk = Desk::live();
    for _ in 0..3 {
        assert!(desk.waiting("/meta/handshake").is_empty());
        desk.answer("/meta/connect", json!({"successful": false, "error": "500::busy"})).unwrap();
        if desk.waiting("/meta/handshake").is_empty() {
            desk.pass(2 * SECOND).unwrap();
        }
    }
    assert_eq!(desk.waiting("/meta/handshake").len(), 1);
}

#[test]
fn a_lost_session_is_made_anew_and_the_caller_is_asked_for_each_channel() {
    for reply in [
        json!({"successful": false, "error": "401:c1:Unknown client", "advice": {"reconnect": "handshake"}}),
        json!({"successful": false, "error": "402::session_unknown"}),
        json!({"successful": false, "error": "403::Unknown client"}),
        json!({"successful": true, "advice": {"reconnect": "handshake"}}),
    ] {
        let mut desk = Desk::live();
        desk.answer("/meta/connect", reply.clone()).unwrap();
        let handshake = desk.waiting("/meta/handshake");
        assert_eq!(handshake.len(), 1, "{reply}");
        assert!(desk.waiting("/meta/connect").is_empty(), "{reply}");
        desk.told();
        desk.shake("c2");
        assert_eq!(desk.told(), ["new session", "wants /a", "wants /b"], "{reply}");
        assert!(desk.waiting("/meta/subscribe").is_empty(), "never by itself with an old ext: {reply}");
        desk.session.subscribe("/a", Some(json!({"sig": 2})), desk.now).unwrap();
        desk.drain();
        assert_eq!(desk.waiting("/meta/subscribe")[0]["ext"]["sig"], 2);
        assert_eq!(desk.waiting("/meta/subscribe")[0]["clientId"], "c2");
    }
}

#[test]
fn an_unknown_client_on_subscribe_is_a_lost_session_even_without_advice() {
    let mut desk = Desk::live();
    desk.session.subscribe("/c", None, desk.now).unwrap();
    desk.drain();
    desk.answer("/meta/subscribe", json!({"successful": false, "error": "401:c1:Unknown client"})).unwrap();
    assert_eq!(desk.waiting("/meta/handshake").len(), 1);
    assert_eq!(desk.abandoned.len(), 1, "the held connect of the old session");
}

#[test]
fn a_refused_subscription_keeps_the_others_and_the_session() {
    let mut desk = Desk::live();
    for (channel, error) in
        [("/c", "Incorrect signature."), ("/d", "403::subscribe_denied"), ("/e", "401:/e:no")]
    {
        desk.session.subscribe(channel, None, desk.now).unwrap();
        desk.drain();
        desk.answer("/meta/subscribe", json!({"successful": false, "error": error})).unwrap();
        assert_eq!(desk.told(), [format!("refused {channel}: {error}")]);
    }
    assert!(desk.waiting("/meta/handshake").is_empty());
    desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", 1), event("/b", 2)])
        .unwrap();
    assert_eq!(desk.told(), ["/a = 1", "/b = 2"]);
}

#[test]
fn two_channels_in_one_request_are_judged_apart() {
    let mut desk = Desk::live();
    // The first takes the lane, so the next two share a request.
    for channel in ["/x", "/y", "/z"] {
        desk.session.subscribe(channel, None, desk.now).unwrap();
    }
    desk.drain();
    desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
    let (number, messages) =
        desk.sent.iter().find(|(_, all)| all[0]["channel"] == "/meta/subscribe").cloned().unwrap();
    assert_eq!(messages.as_array().unwrap().len(), 2);
    let body = json!([
        {"channel": "/meta/subscribe", "id": messages[0]["id"], "successful": false, "error": "Signature has expired."},
        {"channel": "/meta/subscribe", "id": messages[1]["id"], "successful": true}
    ]);
    desk.receive(Some(number), &body.to_string()).unwrap();
    assert_eq!(desk.told(), ["subscribed /x", "refused /y: Signature has expired.", "subscribed /z"]);
}

#[test]
fn an_expired_signature_after_a_new_handshake_can_be_answered_with_a_fresh_one() {
    let mut desk = Desk::live();
    desk.answer("/meta/connect", json!({"successful": false, "error": "401:c1:Unknown client"})).unwrap();
    desk.shake("c2");
    desk.told();
    for (ext, reply, expected) in [
        (
            1,
            json!({"successful": false, "error": "Signature has expired."}),
            "refused /a: Signature has expired.",
        ),
        (2, json!({"successful": true}), "subscribed /a"),
    ] {
        desk.session.subscribe("/a", Some(json!({"sig": ext})), desk.now).unwrap();
        desk.drain();
        assert_eq!(desk.waiting("/meta/subscribe")[0]["ext"]["sig"], ext);
        desk.answer("/meta/subscribe", reply).unwrap();
        assert_eq!(desk.told(), [expected]);
    }
}

#[test]
fn a_renewal_goes_out_on_the_same_session_and_its_refusal_does_not_stop_the_events() {
    let mut desk = Desk::live();
    desk.session.subscribe("/a", Some(json!({"sig": 9})), desk.now).unwrap();
    desk.drain();
    assert_eq!(desk.waiting("/meta/subscribe")[0]["clientId"], "c1");
    desk.answer("/meta/subscribe", json!({"successful": false, "error": "Incorrect signature."})).unwrap();
    desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", 1)]).unwrap();
    assert_eq!(desk.told(), ["refused /a: Incorrect signature.", "/a = 1"]);
}

#[test]
fn advice_none_ends_the_session_with_the_servers_words() {
    for (channel, reply) in [
        (
            "/meta/connect",
            json!({"successful": false, "error": "401::Authentication invalid", "advice": {"reconnect": "none"}}),
        ),
        (
            "/meta/subscribe",
            json!({"successful": false, "error": "401::Authentication invalid", "advice": {"reconnect": "none"}}),
        ),
    ] {
        let mut desk = Desk::live();
        desk.session.subscribe("/c", None, desk.now).unwrap();
        desk.drain();
        let error = desk.answer(channel, reply).unwrap_err();
        assert!(matches!(error, Error::Refused(text) if text == "401::Authentication invalid"));
        assert!(desk.session.has_ended());
        assert_eq!(desk.session.deadline(), None);
        assert!(matches!(desk.input(Input::Tick), Err(Error::Ended)));
    }
}

#[test]
fn a_negative_interval_ends_the_session_rather_than_leaving_it_idle() {
    let mut desk = Desk::live();
    let reply = json!({"successful": true, "advice": {"reconnect": "retry", "interval": -1}});
    let error = desk.answer_with("/meta/connect", reply, &[], &[event("/a", 5)]).unwrap_err();
    assert!(matches!(error, Error::Refused(_)));
    assert_eq!(desk.told(), ["/a = 5"], "what came with it is not lost");
}

#[test]
fn hosts_in_the_advice_send_us_nowhere() {
    let mut desk = Desk::live();
    desk.answer(
        "/meta/connect",
        json!({"successful": true, "advice": {"hosts": ["evil.example"], "reconnect": "retry"}}),
    )
    .unwrap();
    assert_eq!(desk.waiting("/meta/connect").len(), 1);
    assert_eq!(desk.opened, [TransportKind::LongPolling]);
}

#[test]
fn a_refused_handshake_says_whether_to_try_again() {
    for (reply, expected) in [
        (
            json!({"successful": false, "error": "403::Handshake denied", "advice": {"reconnect": "none"}}),
            false,
        ),
        (json!({"successful": false, "error": "Incorrect token."}), false),
        (json!({"successful": false, "error": "500::busy", "advice": {"reconnect": "handshake"}}), true),
    ] {
        let mut desk = Desk::new(config(), None);
        desk.input(Input::Opened).unwrap();
        let error = desk.answer("/meta/handshake", reply).unwrap_err();
        assert!(matches!(error, Error::HandshakeRefused { again, .. } if again == expected));
    }
}

#[test]
fn a_handshake_reply_without_a_client_id_is_no_session() {
    let mut desk = Desk::new(config(), None);
    desk.input(Input::Opened).unwrap();
    assert!(matches!(desk.answer("/meta/handshake", json!({"successful": true})), Err(Error::Protocol(_))));
}

#[test]
fn a_server_that_keeps_forgetting_us_is_left_after_three_new_handshakes() {
    let mut desk = Desk::live();
    let lost =
        json!({"successful": false, "error": "401:x:Unknown client", "advice": {"reconnect": "handshake"}});
    for round in 0..3 {
        desk.answer("/meta/connect", lost.clone()).unwrap();
        desk.shake(&format!("again{round}"));
    }
    assert!(matches!(desk.answer("/meta/connect", lost), Err(Error::Unsettled)));
}

#[test]
fn a_server_that_answers_two_connects_and_then_forgets_us_is_left_too() {
    let lost =
        json!({"successful": false, "error": "401:x:Unknown client", "advice": {"reconnect": "handshake"}});
    let mut desk = Desk::live();
    let mut rounds = 0;
    let error = loop {
        if let Err(error) = desk.answer("/meta/connect", lost.clone()) {
            break error;
        }
        rounds += 1;
        assert!(rounds < 10, "it would go on for ever");
        desk.shake(&format!("again{rounds}"));
        for _ in 0..2 {
            desk.answer("/meta/connect", json!({"successful": true})).unwrap();
        }
    };
    assert!(matches!(error, Error::Unsettled));
    assert_eq!(rounds, 3);
    // One that holds a connect in between, or keeps us for a while, is a server that works.
    for (held, times) in [(SECOND, 1), (SECOND / 2, 20)] {
        let mut desk = Desk::live();
        for round in 0..10 {
            desk.answer("/meta/connect", lost.clone()).unwrap();
            desk.shake(&format!("again{round}"));
            desk.answer("/meta/connect", json!({"successful": true})).unwrap();
            for _ in 0..times {
                desk.pass(held).unwrap();
                desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", 1)])
                    .unwrap();
            }
        }
    }
}

#[test]
fn events_are_taken_from_any_reply_before_or_after_it() {
    let mut desk = Desk::live();
    desk.session.subscribe("/c", None, desk.now).unwrap();
    desk.drain();
    desk.answer_with("/meta/subscribe", json!({"successful": true}), &[event("/c", 1)], &[event("/c", 2)])
        .unwrap();
    desk.answer_with("/meta/connect", json!({"successful": true}), &[event("/a", 3)], &[event("/b", 4)])
        .unwrap();
    assert_eq!(desk.told(), ["/c = 1", "subscribed /c", "/c = 2", "/a = 3", "/b = 4"]);
}

#[test]
fn events_of_channels_nobody_wants_are_dropped_and_counted() {
    let mut desk = Desk::live();
    desk.session.subscribe("/w/*", None, desk.now).unwrap();
    desk.session.subscribe("/deep/**", None, desk.now).unwrap();
    desk.session.unsubscribe("/b", desk.now);
    desk.drain();
    let all = [
        event("/w/1", 1),
        event("/w/1/2", 2),
        event("/deep/1/2", 3),
        event("/b", 4),
        event("/meta/connect", 5),
        event("", 6),
    ];
    desk.answer_with("/meta/connect", json!({"successful": true}), &[], &all).unwrap();
    assert_eq!(desk.told(), ["/w/1 = 1", "/deep/1/2 = 3"]);
    assert_eq!(desk.session.dropped(), 4);
}

#[test]
fn ten_thousand_events_in_one_array_all_arrive_in_order() {
    let mut desk = Desk::live();
    let many: Vec<Value> = (0..10_000).map(|n| event("/a", n)).collect();
    desk.answer_with("/meta/connect", json!({"successful": true}), &[], &many).unwrap();
    let expected: Vec<String> = (0..10_000).map(|n| format!("/a = {n}")).collect();
    assert_eq!(desk.told(), expected);
}

#[test]
fn a_malformed_array_ends_the_session_and_its_text_stays_out_of_the_error() {
    let mut desk = Desk::live();
    let error = desk.receive(None, r#"[{"channel":"secret-c1" oops]"#).unwrap_err();
    assert!(matches!(error, Error::Protocol(_)));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn a_reply_without_an_id_still_finds_its_request() {
    let mut desk = Desk::live();
    desk.session.subscribe("/c", None, desk.now).unwrap();
    desk.drain();
    desk.receive(None, r#"[{"channel":"/meta/subscribe","subscription":"/c","successful":true}]"#).unwrap();
    desk.receive(None, r#"[{"channel":"/meta/connect","successful":true}]"#).unwrap();
    assert_eq!(desk.told(), ["subscribed /c", "alive"]);
}

#[test]
fn no_error_and_no_debug_text_holds_the_client_id_or_an_ext() {
    let mut config = config();
    config.handshake_ext = Some(json!({"token": "hunter2"}));
    assert!(!format!("{config:?}").contains("hunter2"));
    let mut desk = Desk::new(config, None);
    desk.input(Input::Opened).unwrap();
    assert_eq!(desk.waiting("/meta/handshake")[0]["ext"]["token"], "hunter2");
    desk.shake("topsecretid");
    desk.session.subscribe("/a", Some(json!({"sig": "hunter2"})), desk.now).unwrap();
    assert!(!format!("{:?}", desk.session).contains("topsecretid"));
    desk.drain();
    let reply = json!({"successful": false, "error": "403:topsecretid:not you, topsecretid", "advice": {"reconnect": "retry"}});
    desk.answer("/meta/subscribe", reply).unwrap();
    assert_eq!(desk.told().pop().unwrap(), "refused /a: 403:…:not you, …");
    let resume = desk.session.into_resume();
    assert!(!format!("{resume:?}").contains("topsecretid"));
}
