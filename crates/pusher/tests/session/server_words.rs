//! What servers say, in all the shapes they have.

use pusher::{Error, Input};
use serde_json::json;

use crate::desk::{Desk, config};

#[test]
fn a_grant_is_taken_in_every_shape() {
    for data in ["", r#","data":{}"#, r#","data":"{}""#, r#","data":null"#, r#","data":"""#] {
        let mut desk = Desk::live();
        desk.want("news");
        let grant = format!(r#"{{"event":"pusher_internal:subscription_succeeded","channel":"news"{data}}}"#);
        desk.hear_text(&grant).unwrap();
        assert_eq!(desk.take_told(), ["subscribed news"], "{data}");
    }
}

#[test]
fn data_is_told_as_json_however_often_it_was_encoded() {
    for (data, expected) in [
        (json!({"a": [1, "x"]}), r#"{"a":[1,"x"]}"#),
        (json!(r#"{"a":[1,"x"]}"#), r#"{"a":[1,"x"]}"#),
        (json!("plain words"), r#""plain words""#),
        (json!(null), "null"),
        (json!("<b>\"quoted\"</b>"), r#""<b>\"quoted\"</b>""#),
    ] {
        let mut desk = Desk::subscribed(&["news"]);
        desk.hear(&json!({"event": "e", "channel": "news", "data": data})).unwrap();
        assert_eq!(desk.take_told(), [format!("news e {expected}")]);
    }
}

#[test]
fn soketi_s_refusal_is_told_and_the_connection_stays() {
    let mut desk = Desk::subscribed(&["news"]);
    desk.want("private-bad");
    desk.events.clear();
    desk.authorize("private-bad", None);
    desk.hear_text(
        r#"{"event":"pusher:subscription_error","channel":"private-bad","data":{"type":"AuthError","error":"The connection is unauthorized.","status":401}}"#,
    )
    .unwrap();
    assert_eq!(desk.take_told(), ["refused private-bad Some(401) The connection is unauthorized."]);
    desk.message("news", "1");
    desk.message("private-bad", "1");
    assert_eq!(desk.take_told(), ["news e 1"]);
}

#[test]
fn reverb_s_refusal_is_put_down_to_the_oldest_signed_subscription() {
    let mut desk = Desk::live();
    for channel in ["news", "private-a", "private-b"] {
        desk.want(channel);
    }
    desk.authorize("private-a", None);
    desk.authorize("private-b", None);
    desk.grant("private-a");
    desk.events.clear();
    let complaint =
        r#"{"event":"pusher:error","data":"{\"code\":4009,\"message\":\"Connection is unauthorized\"}"}"#;
    desk.hear_text(complaint).unwrap();
    assert_eq!(desk.take_told(), ["refused private-b Some(4009) Connection is unauthorized"]);
    // Nobody is left whom it could be about.
    desk.hear_text(complaint).unwrap();
    assert_eq!(desk.take_told(), ["complaint Some(4009) Connection is unauthorized"]);
    assert!(!desk.session.has_ended());
}

#[test]
fn a_refusal_of_one_channel_is_no_reason_for_a_later_loss() {
    let mut desk = Desk::live();
    desk.want("private-a");
    desk.authorize("private-a", None);
    desk.hear(&json!({"event": "pusher:error", "data": {"code": 4009, "message": "no"}})).unwrap();
    let error = desk.input(Input::Closed { code: None, reason: "" }).unwrap_err();
    assert!(matches!(error, Error::Network(_)), "{error}");
}

#[test]
fn pusher_s_refusal_without_a_code_is_known_by_the_channel_it_names() {
    let mut desk = Desk::live();
    desk.want("private-a");
    desk.authorize("private-a", None);
    desk.events.clear();
    let signature = "ab".repeat(32);
    let text =
        format!("Invalid signature: Expected HMAC SHA256 hex digest of 1.2:private-a, but got {signature}");
    desk.hear(&json!({"event": "pusher:error", "data": {"code": null, "message": text}})).unwrap();
    let told = desk.take_told().remove(0);
    assert!(told.starts_with("refused private-a None Invalid signature"), "{told}");
    assert!(!told.contains(&signature), "{told}");
}

#[test]
fn a_complaint_with_a_channel_is_about_that_channel() {
    let mut desk = Desk::live();
    desk.want("presence-a");
    desk.authorize("presence-a", Some(r#"{"user_id":1}"#));
    desk.events.clear();
    desk.hear(&json!({"event": "pusher:error", "channel": "presence-a",
        "data": {"type": "ServerError", "error": "A server error has occured.", "code": 4302}}))
        .unwrap();
    assert_eq!(desk.take_told(), ["refused presence-a Some(4302) A server error has occured."]);
}

#[test]
fn complaints_without_an_end_end_nothing() {
    let mut desk = Desk::subscribed(&["news"]);
    for (data, expected) in [
        (json!({"code": 4301, "message": "too fast"}), "complaint Some(4301) too fast"),
        (
            json!("{\"code\":4200,\"message\":\"Invalid message format\"}"),
            "complaint Some(4200) Invalid message format",
        ),
        (json!({"code": null, "message": "a\nb"}), "complaint None a b"),
        (json!("not json"), "complaint None not json"),
        (json!(null), "complaint None null"),
        (json!([1]), "complaint None [1]"),
        (json!({"code": 99_999_999}), "complaint None "),
    ] {
        desk.hear(&json!({"event": "pusher:error", "data": data})).unwrap();
        assert_eq!(desk.take_told(), [expected]);
    }
    desk.message("news", "1");
    assert_eq!(desk.take_told(), ["news e 1"]);
}

#[test]
fn the_protocol_s_own_events_are_never_content() {
    let mut desk = Desk::subscribed(&["news"]);
    for event in [
        "pusher:new_thing",
        "pusher_internal:new_thing",
        "pusher:signin_success",
        "pusher:",
        "",
        "pusher_internal:",
    ] {
        desk.hear(&json!({"event": event, "channel": "news", "data": "{}"})).unwrap();
    }
    desk.hear(&json!({"channel": "news", "data": "{}"})).unwrap();
    desk.hear(&json!({"event": "e", "data": "{}"})).unwrap();
    desk.hear(&json!({"event": "e", "channel": "elsewhere", "data": "{}"})).unwrap();
    assert!(desk.take_told().is_empty());
    assert_eq!(desk.session.dropped(), 4);
}

#[test]
fn cache_misses_and_counts_are_told_for_wanted_channels_only() {
    let mut desk = Desk::subscribed(&["cache-a"]);
    for channel in ["cache-a", "cache-b"] {
        desk.hear(&json!({"event": "pusher:cache_miss", "channel": channel})).unwrap();
        desk.hear(&json!({"event": "pusher_internal:subscription_count", "channel": channel,
            "data": "{\"subscription_count\":3}"}))
            .unwrap();
    }
    assert_eq!(desk.take_told(), ["miss cache-a", "count cache-a 3"]);
}

#[test]
fn unreadable_frames_are_passed_over_unless_they_never_stop() {
    let mut desk = Desk::subscribed(&["news"]);
    for garbage in ["", "{", "[]", "3", "null", "<html>", "\u{0}", r#"{"event":"e","event":"f"}"#] {
        desk.hear_text(garbage).unwrap();
        desk.input(Input::Binary).unwrap();
    }
    desk.message("news", "1");
    assert_eq!(desk.take_told(), ["news e 1"]);
    let error = (0..1000).find_map(|_| desk.hear_text("garbage").err()).unwrap();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
}

#[test]
fn garbage_instead_of_a_greeting_is_the_end() {
    let inputs = [Input::Received("<html>"), Input::Binary, Input::Received("[1]")];
    for input in inputs {
        let mut desk = Desk::new(config(), None);
        desk.input(Input::Opened).unwrap();
        assert!(matches!(desk.input(input), Err(Error::Protocol(_))));
    }
    for data in [json!(null), json!({}), json!({"socket_id": ""}), json!({"socket_id": 7}), json!("x")] {
        let mut desk = Desk::new(config(), None);
        desk.input(Input::Opened).unwrap();
        let greeting = json!({"event": "pusher:connection_established", "data": data});
        assert!(matches!(desk.hear(&greeting), Err(Error::Protocol(_))), "{data}");
    }
}

#[test]
fn a_second_greeting_changes_nothing() {
    let mut desk = Desk::subscribed(&["news"]);
    desk.hear(&json!({"event": "pusher:connection_established", "data": {"socket_id": "6.6"}})).unwrap();
    assert!(desk.take_told().is_empty());
    assert_eq!(desk.session.socket_id(), Some("1.2"));
}
