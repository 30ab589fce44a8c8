use super::*;
use crate::account::AccountId;
use crate::source::podio::normalize::{self, Asks, Reader};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A notification as the REST API gives it.
fn told(kind: &str, context: Value, data: Value, subscription: Value) -> Notification {
    let account = AccountId::new("podio").unwrap();
    let group = json!({
        "context": context,
        "notifications": [{"notification_id": 5, "type": kind, "data": data, "text": "x", "subscription_id": subscription}],
    });
    normalize::group(&group, Reader { account: &account, me: None, now: NOW, asks: Asks::default() })
        .remove(0)
}

fn about(kind: &str, what: &str, data: Value) -> Notification {
    told(kind, json!({"ref": {"type": what, "id": 42}, "data": {}}), data, Value::Null)
}

fn message_event() -> Notification {
    let account = AccountId::new("podio").unwrap();
    let event = json!({"data": {"action": "message", "conversation_id": 7, "event_id": 9, "text": "Lunch?"}});
    normalize::conversation_message(
        &event,
        Reader { account: &account, me: None, now: NOW, asks: Asks::default() },
    )
    .unwrap()
}

fn said(notification: &Notification, act: Act) -> Option<String> {
    let call = call(notification, &act)?;
    let body = call.body.map(|body| format!(" {body}")).unwrap_or_default();
    Some(format!("{} {}{body}", call.method, call.path))
}

fn reply() -> Act {
    Act::Reply { text: "yes".into() }
}

#[test]
fn each_kind_offers_what_podio_allows_and_names_its_call() {
    use Offer::{Accept, Comment, Complete, Decline, Follow, Reply, Snooze, Unfollow};
    let invite = json!({"invite_code": "c0de", "status": "invited"});
    let table: Vec<(Notification, &[Offer])> = vec![
        (message_event(), &[Reply]),
        (about("message", "conversation", json!({})), &[Reply]),
        (about("comment", "item", json!({})), &[Comment, Unfollow]),
        (about("alert", "status", json!({})), &[Comment, Follow]),
        (about("creation", "task", json!({})), &[Complete, Unfollow]),
        (about("comment", "task", json!({})), &[Comment, Complete, Unfollow]),
        (about("update", "task", json!({"type": "complete"})), &[Unfollow]),
        (about("delete", "task", json!({})), &[]),
        (about("reminder", "task", json!({})), &[Complete, Snooze]),
        (about("reminder", "meeting", json!({})), &[Snooze]),
        (about("space_invite", "space", invite.clone()), &[Accept, Decline]),
        (about("space_invite", "space", json!({"invite_code": "c0de", "status": "declined"})), &[]),
        (about("space_invite", "space", json!({})), &[]),
        (about("member_reference_add", "item", json!({})), &[Follow]),
        (about("moon_landing", "moon", json!({})), &[]),
        (told("rating", json!({"ref": {"type": "file", "id": 3}}), json!({}), json!(77)), &[Unfollow]),
    ];
    for (notification, expected) in &table {
        assert_eq!(offers(notification), *expected, "{} {}", notification.kind, notification.context.what);
        for offer in *expected {
            let act = offer.act().unwrap_or_else(reply);
            assert!(call(notification, &act).is_some(), "{offer:?} of {}", notification.kind);
        }
    }
    let calls = [
        (message_event(), reply(), r#"POST /conversation/7/reply {"text":"yes"}"#),
        (about("comment", "item", json!({})), reply(), r#"POST /comment/item/42 {"value":"yes"}"#),
        (about("creation", "task", json!({})), Act::Complete, "POST /task/42/complete"),
        (
            about("space_invite", "space", invite.clone()),
            Act::Accept,
            r#"POST /space/invite/accept {"invite_code":"c0de"}"#,
        ),
        (
            about("space_invite", "space", invite),
            Act::Decline,
            r#"POST /space/invite/decline {"invite_code":"c0de"}"#,
        ),
        (about("reminder", "task", json!({})), Act::Snooze, "POST /reminder/task/42/snooze"),
        (about("alert", "item", json!({})), Act::Follow, "POST /subscription/item/42"),
        (about("comment", "item", json!({})), Act::Unfollow, "DELETE /subscription/item/42"),
        (
            told("rating", json!({"ref": {"type": "file", "id": 3}}), json!({}), json!(77)),
            Act::Unfollow,
            "DELETE /subscription/77",
        ),
    ];
    for (notification, act, expected) in calls {
        assert_eq!(said(&notification, act).as_deref(), Some(expected));
    }
}

#[test]
fn nothing_is_offered_where_rights_state_or_a_number_are_missing() {
    let context = |rights: Value, data: Value| json!({"ref": {"type": "task", "id": 42}, "rights": rights, "data": data});
    let offered = |context| offers(&told("comment", context, json!({}), Value::Null));
    assert_eq!(offered(context(json!(["view"]), json!({}))), [Offer::Complete, Offer::Unfollow]);
    let completed = [json!({"status": "completed"}), json!({"completed_on": "2026-11-22 10:00:00"})];
    for task in completed {
        assert_eq!(offered(context(json!(["comment"]), task)), [Offer::Comment, Offer::Unfollow]);
    }
    for id in [json!(null), json!(-1), json!("../user"), json!(0)] {
        let notification =
            told("comment", json!({"ref": {"type": "item", "id": id}}), json!({}), Value::Null);
        assert_eq!(offers(&notification), [], "{id}");
        assert_eq!(call(&notification, &reply()), None);
    }
    for what in ["", "../../user", "item?x=1", "Ítem"] {
        let notification = about("comment", what, json!({}));
        assert_eq!(call(&notification, &reply()), None, "{what}");
    }
    let hint = Notification { detail: Detail::Hint, ..about("comment", "item", json!({})) };
    assert_eq!(offers(&hint), []);
    let broken = Notification { raw: "{not json".into(), ..about("comment", "item", json!({})) };
    assert_eq!(offers(&broken), [Offer::Comment, Offer::Unfollow], "the row itself says enough");
}

#[test]
fn each_ending_of_a_call_has_its_meaning() {
    let down = || Failure::transient("down");
    let end = |act: &Act, told| ended(act, told, 1).0;
    assert_eq!(end(&reply(), Told::Done), ActEnd::Done);
    assert_eq!(end(&reply(), Told::NotDone(down())), ActEnd::Waits { reason: "down".into() });
    for act in [reply(), Act::Accept, Act::Decline] {
        assert!(
            matches!(end(&act, Told::Perhaps(down())), ActEnd::Unsure { .. }),
            "never told twice: {act:?}"
        );
    }
    for act in [Act::Complete, Act::Snooze, Act::Follow, Act::Unfollow] {
        assert_eq!(end(&act, Told::Perhaps(down())), ActEnd::Again { reason: "down".into() }, "{act:?}");
        let tired = ended(&act, Told::Perhaps(down()), STUMBLES);
        assert!(matches!(tired, (ActEnd::Refused { .. }, None)), "others wait behind it: {act:?}");
    }
    assert_eq!(end(&Act::Unfollow, Told::Gone), ActEnd::Done);
    assert_eq!(end(&Act::Follow, Told::Conflict), ActEnd::Done);
    for told in [Told::Gone, Told::Conflict, Told::Refused("no".into())] {
        assert!(matches!(end(&Act::Complete, told), ActEnd::Refused { .. }));
    }
}
