//! How connections end, and what follows.

use std::time::Duration;

use pusher::{Config, Error, Input, Resume, Retry};
use serde_json::json;

use crate::desk::{Desk, SECOND, config};

/// Connects, lives for a while, and is closed so.
fn closed(resume: Option<Resume>, lived: Duration, code: Option<u16>) -> (Error, Resume) {
    let mut desk = Desk::new(config(), resume);
    desk.connect("1.2");
    desk.now += lived;
    let error = desk.input(Input::Closed { code, reason: "words" }).unwrap_err();
    assert!(desk.session.has_ended());
    assert!(matches!(desk.input(Input::Tick), Err(Error::Ended)));
    (error, desk.session.into_resume())
}

#[test]
fn every_close_code_has_the_rule_of_its_class() {
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    let table = [
        (4000, Retry::Tls),
        (4001, Retry::Never),
        (4003, Retry::Never),
        (4004, Retry::Never),
        (4005, Retry::Never),
        (4006, Retry::Never),
        (4007, Retry::Never),
        (4008, Retry::Never),
        (4009, Retry::Never),
        (4100, after(1)),
        (4199, after(1)),
        (4200, Retry::AtOnce),
        (4201, Retry::AtOnce),
        (4202, Retry::AtOnce),
        (4301, Retry::Never),
        (4500, after(1)),
        (1000, after(1)),
        (1002, after(1)),
        (1011, after(1)),
    ];
    for (code, expected) in table {
        let (error, _) = closed(None, SECOND, Some(code));
        assert!(matches!(&error, Error::Closed { code: told, text, .. } if *told == code && text == "words"));
        assert_eq!((error.retry(), error.code()), (expected, Some(code)), "{code}");
    }
    let (error, _) = closed(None, SECOND, None);
    assert!(matches!(error, Error::Network(_)), "{error}");
    assert_eq!(error.retry(), after(1));
}

#[test]
fn tls_is_not_asked_of_a_connection_that_has_it() {
    let config = Config::at(&"https://127.0.0.1:1".parse().unwrap(), "k").unwrap();
    let mut desk = Desk::new(config, None);
    desk.connect("1.2");
    let error = desk.input(Input::Closed { code: Some(4000), reason: "" }).unwrap_err();
    assert_eq!(error.retry(), Retry::Never);
}

#[test]
fn at_once_is_bounded_over_many_connections_and_forgiven_after_a_healthy_minute() {
    let mut resume = None;
    let mut waits = Vec::new();
    for _ in 0..12 {
        let (error, next) = closed(resume, SECOND, Some(4200));
        waits.push(error.retry());
        resume = Some(next);
    }
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    assert_eq!(&waits[..6], [Retry::AtOnce, Retry::AtOnce, Retry::AtOnce, after(1), after(2), after(4)]);
    assert_eq!(waits[11], after(60));
    assert_eq!(resume.as_ref().unwrap().quick_failures(), 12);
    let (error, resume) = closed(resume, 60 * SECOND, Some(4200));
    assert_eq!((error.retry(), resume.quick_failures()), (Retry::AtOnce, 1));
}

#[test]
fn a_complaint_right_before_the_end_gives_its_code() {
    let complaint = json!({"event": "pusher:error", "data": {"code": 4004, "message": "over quota"}});
    for (later, code, expected) in [
        (Duration::from_millis(900), None, Some(4004)),
        (Duration::from_millis(900), Some(1006), Some(4004)),
        (Duration::from_millis(900), Some(4200), Some(4200)),
        (Duration::from_millis(1100), None, None),
        (Duration::from_millis(1100), Some(1006), Some(1006)),
    ] {
        let mut desk = Desk::live();
        desk.hear(&complaint).unwrap();
        assert_eq!(desk.take_told(), ["complaint Some(4004) over quota"]);
        desk.now += later;
        let error = desk.input(Input::Closed { code, reason: "" }).unwrap_err();
        assert_eq!(error.code(), expected, "{later:?} {code:?}");
    }
    let mut desk = Desk::live();
    desk.hear(&complaint).unwrap();
    let error = desk.input(Input::Lost(Error::Network("gone".to_owned()))).unwrap_err();
    assert_eq!(error.to_string(), "the server closed the connection with code 4004: over quota");
    // What we found wrong ourselves is not overruled.
    let mut desk = Desk::live();
    desk.hear(&complaint).unwrap();
    let error = desk.input(Input::Lost(Error::TooLarge { limit: 1 })).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }));
}

#[test]
fn an_empty_reason_takes_the_words_that_came_before() {
    let mut desk = Desk::live();
    desk.hear(&json!({"event": "pusher:error", "data": "{\"code\":4200,\"message\":\"Restart\"}"})).unwrap();
    let error = desk.input(Input::Closed { code: Some(4200), reason: "" }).unwrap_err();
    assert!(matches!(error, Error::Closed { text, .. } if text == "Restart"));
}

#[test]
fn a_complaint_instead_of_a_greeting_is_the_end() {
    for data in [
        json!({"code": 4001, "message": "App key nokey does not exist."}),
        json!(r#"{"code":4001,"message":"App key nokey does not exist."}"#),
        json!({"code": "4001", "message": "App key nokey does not exist."}),
    ] {
        let mut desk = Desk::new(config(), None);
        desk.input(Input::Opened).unwrap();
        let error = desk.hear(&json!({"event": "pusher:error", "data": data})).unwrap_err();
        assert_eq!((error.code(), error.retry()), (Some(4001), Retry::Never));
        assert!(error.to_string().ends_with("App key nokey does not exist."), "{error}");
    }
}

#[test]
fn an_opening_that_fails_is_the_caller_s_affair() {
    let mut desk = Desk::new(config(), None);
    let error = desk.input(Input::Lost(Error::Http { status: 502, retry_after: None })).unwrap_err();
    assert!(matches!(error, Error::Http { status: 502, .. }));
    assert_eq!(desk.session.into_resume().quick_failures(), 1);
}
