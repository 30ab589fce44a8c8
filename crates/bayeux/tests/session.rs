//! The protocol machine, driven by hand: time is a number, the server is this file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use bayeux::{Config, Error, Event, Input, Output, Resume, Session, TransportKind};
use serde_json::{Value, json};

/// A session with its outputs sorted.
struct Desk {
    session: Session,
    now: Instant,
    /// Requests not yet answered: number and messages.
    sent: Vec<(u64, Value)>,
    abandoned: Vec<u64>,
    opened: Vec<TransportKind>,
    events: Vec<Event>,
}

fn config() -> Config {
    let mut config = Config::new("http://127.0.0.1:1/faye".parse().unwrap());
    config.transports = vec![TransportKind::LongPolling];
    config
}

impl Desk {
    fn new(config: Config, resume: Option<Resume>) -> Self {
        Self::at(config, resume, Instant::now())
    }

    fn at(config: Config, resume: Option<Resume>, now: Instant) -> Self {
        let session = Session::new(config, resume).unwrap();
        let mut desk = Self { session, now, sent: vec![], abandoned: vec![], opened: vec![], events: vec![] };
        desk.drain();
        desk
    }

    /// Opened and past the handshake, with `/a` and `/b` subscribed and a connect held.
    fn live() -> Self {
        Self::live_with(config())
    }

    fn live_with(config: Config) -> Self {
        let mut desk = Self::new(config, None);
        desk.input(Input::Opened).unwrap();
        desk.shake("c1");
        desk.session.subscribe("/a", None, desk.now).unwrap();
        desk.drain();
        desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
        desk.session.subscribe("/b", None, desk.now).unwrap();
        desk.drain();
        desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
        desk.answer("/meta/connect", json!({"successful": true})).unwrap();
        desk.events.clear();
        desk
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open(kind) => self.opened.push(kind),
                Output::Send(request) => {
                    self.sent.push((request.number, serde_json::from_str(&request.body).unwrap()));
                }
                Output::Abandon(number) => {
                    self.abandoned.push(number);
                    self.sent.retain(|(sent, _)| *sent != number);
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), Error> {
        let result = self.session.handle(input, self.now);
        self.drain();
        result
    }

    /// Lets time go by, deadline after deadline.
    fn pass(&mut self, time: Duration) -> Result<(), Error> {
        let end = self.now + time;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.input(Input::Tick)?;
        }
        self.now = end;
        Ok(())
    }

    /// The messages on this channel that wait for an answer.
    fn waiting(&self, channel: &str) -> Vec<Value> {
        let all = self.sent.iter().flat_map(|(_, messages)| messages.as_array().unwrap());
        all.filter(|message| message["channel"] == channel).cloned().collect()
    }

    /// Answers the request that holds a message on this channel; `with` is laid over each reply.
    fn answer(&mut self, channel: &str, with: Value) -> Result<(), Error> {
        self.answer_with(channel, with, &[], &[])
    }

    fn answer_with(
        &mut self,
        channel: &str,
        with: Value,
        before: &[Value],
        after: &[Value],
    ) -> Result<(), Error> {
        let at = self.sent.iter().position(|(_, messages)| {
            messages.as_array().unwrap().iter().any(|message| message["channel"] == channel)
        });
        let (number, messages) =
            self.sent.remove(at.unwrap_or_else(|| panic!("nothing on {channel} was sent")));
        let mut body = before.to_vec();
        for message in messages.as_array().unwrap() {
            let mut reply = json!({"channel": message["channel"], "id": message["id"]});
            if let Some(subscription) = message.get("subscription") {
                reply["subscription"] = subscription.clone();
            }
            for (field, value) in with.as_object().unwrap() {
                reply[field] = value.clone();
            }
            body.push(reply);
        }
        body.extend_from_slice(after);
        self.receive(Some(number), &Value::Array(body).to_string())
    }

    fn receive(&mut self, request: Option<u64>, text: &str) -> Result<(), Error> {
        self.input(Input::Received { request, text })
    }

    fn shake(&mut self, client_id: &str) {
        let reply = json!({"successful": true, "clientId": client_id, "supportedConnectionTypes": ["long-polling", "websocket"],
            "advice": {"reconnect": "retry", "interval": 0, "timeout": 45000}});
        self.answer("/meta/handshake", reply).unwrap();
    }

    /// What the caller was told, as short words, and forgotten.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(word).collect()
    }
}

fn word(event: &Event) -> String {
    match event {
        Event::Connected { new_session: true, .. } => "new session".to_owned(),
        Event::Connected { new_session: false, .. } => "same session".to_owned(),
        Event::SubscribeWanted { channel } => format!("wants {channel}"),
        Event::Subscribed { channel } => format!("subscribed {channel}"),
        Event::Refused { channel, error } => format!("refused {channel}: {error}"),
        Event::Message { channel, data, .. } => format!("{channel} = {data}"),
        Event::Published { error, .. } => format!("published {error:?}"),
        Event::Alive => "alive".to_owned(),
        other => format!("{other:?}"),
    }
}

fn event(channel: &str, data: u32) -> Value {
    json!({"channel": channel, "data": data, "id": "e"})
}

const SECOND: Duration = Duration::from_secs(1);

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
    assert_eq!(desk.told(), ["same session", "wants /later", "/a = 1"]);
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
fn without_the_extension_nobody_waits_for_a_confirmation() {
    let mut desk = Desk::live_with(acked());
    desk.answer_with("/meta/connect", json!({"successful": true}), &[event("/a", 1)], &[]).unwrap();
    let connect = &desk.waiting("/meta/connect")[0];
    assert!(connect.get("ext").is_none());
}

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
        }
    }
    assert!(answered < 20, "{answered} connects in a minute");
    // Events are a reason to answer at once.
    let mut desk = Desk::live();
    for n in 0..100 {
        desk.answer_with("/meta/connect", json!({"successful": true}), &[], &[event("/a", n)]).unwrap();
    }
    assert_eq!(desk.waiting("/meta/connect").len(), 1);
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
