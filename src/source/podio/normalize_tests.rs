//! Single shapes, documented and not. Every documented combination has its words in the integration tests, on the sandbox's data.

use serde_json::{Value, json};

use super::*;
use crate::notification::Icon;
use crate::source::podio::picture::kind_of_icon;
use crate::source::podio::raw::RAW;

fn account() -> AccountId {
    AccountId::new("podio").unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn read(value: &Value) -> Vec<Notification> {
    let account = account();
    group(value, Reader { account: &account, me: Some(46_432), now: now(), asks: Asks::default() })
}

/// One notification in a group, as the service sends it (values made up, names documented).
fn sent(kind: &str, context: &str, data: Value, icon: Option<&str>) -> Value {
    json!({
        "context": {
            "ref": {"type": context, "id": 42}, "data": {format!("{context}_id"): 42}, "title": "Roadmap", "rights": ["view"],
            "space": {"space_id": 1, "name": "Engineering", "url": "https://podio.com/acme/engineering"},
            "org": {"org_id": 1, "name": "Acme"}, "link": format!("https://podio.com/acme/engineering/{context}/42")
        },
        "notifications": [{
            "notification_id": 123, "type": kind, "data": data, "icon": icon, "text": format!("Ana: {kind}, at length"),
            "text_short": format!("Ana: {kind}"), "viewed_on": null, "subscription_id": 9, "created_on": "2014-10-30 07:43:59",
            "created_by": {"type": "user", "id": 7, "user_id": 7, "name": "Ana"},
            "created_via": {"id": 1, "name": "Podio", "url": null, "display": false}, "starred": false
        }]
    })
}

#[test]
fn the_picture_the_service_names_goes_before_the_derived_one() {
    for icon in Icon::NAMED {
        assert_eq!(read(&sent("comment", "item", Value::Null, Some(icon.name())))[0].icon, *icon);
    }
    assert_eq!(read(&sent("comment", "item", Value::Null, Some("hologram")))[0].icon, Icon::Comment);
}

#[test]
fn ratings_count_from_zero_and_may_be_text() {
    for (kind, value, icon, body) in [
        ("like", json!(1), Icon::Like, "Roadmap"),
        ("fivestar", json!("4"), Icon::StarRating, "Roadmap – 4 of 5 stars"),
        ("approved", json!(0), Icon::Approved, "Roadmap – Approved"),
        ("approved", json!("1"), Icon::Rejected, "Roadmap – Not approved"),
        ("rsvp", json!(2), Icon::MaybeAttending, "Roadmap – May take part"),
        ("thumbs", json!("0"), Icon::ThumbsUp, "Roadmap – Thumbs up"),
        ("sevenstar", json!(7), Icon::Like, "Roadmap"),
    ] {
        let one = &read(&sent("rating", "item", json!({"type": kind, "value": value}), None))[0];
        assert_eq!((one.icon, one.body.as_str()), (icon, body), "{kind} {value}");
    }
}

#[test]
fn a_reply_is_pictured_as_one_and_a_deleted_file_is_told_by_its_picture() {
    let reply = &read(&sent("message", "conversation", json!({"text": "Yes", "reply": 1}), None))[0];
    assert_eq!(reply.icon, Icon::MessageReply);
    let deleted = &read(&sent("file", "item", json!({"name": "plan.pdf"}), Some("delete")))[0];
    assert_eq!((&deleted.kind, deleted.body.as_str()), (&Kind::FileDelete, "Roadmap – plan.pdf"));
}

#[test]
fn an_unknown_type_keeps_its_name_its_words_and_its_json() {
    let sent = sent("moon_landing", "crater", json!({"text": "One small step", "height": 3}), Some("rocket"));
    let one = &read(&sent)[0];
    assert_eq!(one.kind, Kind::Other("moon_landing".into()));
    assert_eq!((one.icon, one.body.as_str()), (Icon::Other, "Roadmap – One small step"));
    let raw: Value = serde_json::from_str(&one.raw).unwrap();
    assert_eq!(raw["notification"], sent["notifications"][0]);
    assert_eq!(raw["context"], sent["context"]);
}

#[test]
fn a_bare_notification_still_says_something() {
    let bare = json!({"context": null, "notifications": [{"notification_id": "9007199254740993", "type": "reminder"}]});
    let one = &read(&bare)[0];
    assert_eq!(one.external_id, "n9007199254740993");
    assert_eq!(one.title, "Reminder: something");
    assert_eq!((one.occurred_at, one.actor.as_deref(), one.context.thread().as_str()), (now(), None, ""));
    for nothing in [json!(null), json!([]), json!({}), json!({"notifications": [null, {}, 7]}), json!("x")] {
        assert!(read(&nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn the_older_flat_form_is_read_too() {
    let flat = json!({"notification_id": 5, "type": "comment", "data": {"value": "Hi"}, "text": "Ana commented", "viewed_on": "2026-01-01 00:00:00",
        "context_type": "item", "context_link": "https://podio.com/a/b/c", "space": {"name": "Engineering"}});
    let one = &read(&flat)[0];
    assert_eq!((one.title.as_str(), one.body.as_str(), one.read), ("Ana commented", "Hi", true));
    assert_eq!(one.context.url.as_deref(), Some("https://podio.com/a/b/c"));
    assert_eq!(one.context.place.as_deref(), Some("Engineering"));
}

#[test]
fn what_one_did_oneself_asks_for_no_banner() {
    let mut mine = sent("comment", "item", Value::Null, None);
    mine["notifications"][0]["created_by"] =
        json!({"type": "user", "id": 999, "user_id": 46432, "name": "Me"});
    assert!(read(&mine)[0].no_news);
    mine["notifications"][0]["created_by"] = json!({"type": "app", "id": 46432, "name": "Robot"});
    assert!(!read(&mine)[0].no_news);
}

#[test]
fn hostile_text_is_shortened_and_put_on_one_line() {
    let mut long = sent("comment", "item", json!({"value": "y".repeat(5_000)}), None);
    long["notifications"][0]["text_short"] = json!(format!("Ana\r\n\u{1b}[31mb\u{0}{}", "é".repeat(5_000)));
    let one = &read(&long)[0];
    assert!(one.title.starts_with("Ana [31mb é") && one.title.chars().count() == TITLE + 1, "{}", one.title);
    assert_eq!(one.body.chars().count(), BODY + 1);
    let mut unseen = sent("comment", "item", Value::Null, None);
    unseen["notifications"][0]["text_short"] = json!("\u{202e}\u{200b}\u{7}");
    unseen["notifications"][0]["text"] = json!("\u{0}");
    assert_eq!(read(&unseen)[0].title, "Ana commented on Roadmap", "a sentence that nobody sees is none");
    let mut named = sent(&"k\u{202e}".repeat(500_000), &"c".repeat(500_000), Value::Null, None);
    named["context"]["link"] = json!(format!("https://podio.com/{}", "l".repeat(500_000)));
    let one = &read(&named)[0];
    assert_eq!((one.kind.name().chars().count(), one.context.what.chars().count()), (NAME + 1, NAME + 1));
    assert_eq!(
        one.context.url.as_deref(),
        Some("https://podio.com/acme/engineering"),
        "a longer one is none"
    );
    assert!(one.raw.len() <= RAW, "{}", one.raw.len());
    let mut heavy = sent("comment", "item", Value::Null, None);
    heavy["context"]["data"] = json!({"fields": "z".repeat(200_000)});
    let raw = &read(&heavy)[0].raw;
    assert!(raw.len() < RAW && raw.contains("notification_id") && raw.contains("Roadmap"));
}

fn pushed() -> Value {
    json!({"ref": {"type": "user", "id": 46432}, "event": "notification_create", "created_by": {"type": "user", "id": 56432}, "created_via": 1,
        "data": {"notification_id": 123, "text": "Ada assigned you a task", "link": "https://podio.com/tasks/15126", "icon": "task",
            "settings": {"sound": 1, "browser": 1}}})
}

#[test]
fn a_push_alone_gives_a_hint() {
    let account = account();
    let reader = Reader { account: &account, me: Some(46_432), now: now(), asks: Asks::default() };
    let hint = Hint::of(&pushed(), now()).unwrap();
    let one = hint.notification(reader);
    assert_eq!((one.external_id.as_str(), one.title.as_str()), ("n123", "Ada assigned you a task"));
    assert_eq!((one.icon, one.detail, one.wants_banner), (Icon::Task, Detail::Hint, true));
    assert_eq!(one.context.url.as_deref(), Some("https://podio.com/tasks/15126"));
    let mut quiet = pushed();
    quiet["data"]["settings"]["browser"] = json!(false);
    assert!(!Hint::of(&quiet, now()).unwrap().notification(reader).wants_banner);
    assert!(Hint::of(&json!({"event": "notification_create", "data": [1, 2]}), now()).is_none());
    for icon in Icon::PODIO {
        assert!(!matches!(kind_of_icon(Some(icon.name())), Kind::Other(_)), "{}", icon.name());
    }
}

#[test]
fn a_hint_is_completed_by_its_own_group_and_keeps_link_and_wish() {
    let account = account();
    let reader = Reader { account: &account, me: None, now: now(), asks: Asks::default() };
    let mut push = pushed();
    push["data"]["settings"]["browser"] = json!(0);
    let hint = Hint::of(&push, now()).unwrap();
    let whole =
        completed(&hint, &sent("update", "task", json!({"type": "assign"}), Some("task")), reader).unwrap();
    assert_eq!(
        (whole.detail, &whole.kind, whole.body.as_str()),
        (Detail::Whole, &Kind::Update, "Roadmap – Assigned")
    );
    assert_eq!(whole.context.url.as_deref(), Some("https://podio.com/tasks/15126"));
    assert!(!whole.wants_banner);
    push["data"]["notification_id"] = json!(124);
    let other = Hint::of(&push, now()).unwrap();
    assert!(completed(&other, &sent("update", "task", Value::Null, None), reader).is_none());
}

/// The one public capture of a push event (podio-objc's tests).
fn captured() -> Value {
    json!({"created_by": {"id": 56432, "type": "user"}, "created_via": 1, "event": "conversation_event", "ref": {"id": 46432, "type": "user"},
        "data": {"action": "message", "conversation_id": 860_274, "event_id": 19_227_960, "text": "d", "created_on": "2014-10-30 07:43:59",
            "created_by": {"avatar": 35_507_760, "id": 56411, "user_id": 56432, "type": "user", "name": "James Bond"},
            "data": {"message_id": 18_333_088, "text": "d", "files": [], "embed": null, "created_on": "2014-10-30 07:43:59"},
            "settings": {"browser": 1, "popup": 1, "sound": 1}, "unread_count": 1, "total_unread_count": 1}})
}

#[test]
fn a_message_in_a_conversation_is_a_notification() {
    let account = account();
    let reader = Reader { account: &account, me: Some(46_432), now: now(), asks: Asks::default() };
    let one = conversation_message(&captured(), reader).unwrap();
    assert_eq!(one.external_id, "c860274.19227960");
    assert_eq!(Target::of(&one.external_id), Some(Target::Conversation { conversation: 860_274 }));
    assert_eq!((one.title.as_str(), one.body.as_str()), ("James Bond sent you a message", "d"));
    assert_eq!(one.context.thread(), "conversation/860274");
    assert_eq!(one.occurred_at, "2014-10-30T07:43:59Z".parse().unwrap());
    assert!(one.wants_banner);
    assert_eq!(message_number(&one), Some(18_333_088));
    let mine = Reader { me: Some(56_432), ..reader };
    assert!(conversation_message(&captured(), mine).unwrap().no_news);
    let mut left = captured();
    left["data"]["action"] = json!("participant_leave");
    assert!(conversation_message(&left, reader).is_none());
}

#[test]
fn an_external_id_says_what_to_ask_for() {
    assert_eq!(Target::of("n123"), Some(Target::Notification(123)));
    for bad in ["", "n", "nx", "c1", "c1.", "c.1", "x1", "n12é"] {
        assert_eq!(Target::of(bad), None, "{bad}");
    }
}
