//! Who is there.

use serde_json::{Value, json};

use crate::desk::Desk;

fn joined() -> Desk {
    let mut desk = Desk::live();
    desk.want("presence-a");
    let who = r#"{"user_id":"9","user_info":{"name":"Me"}}"#;
    desk.authorize("presence-a", Some(who));
    assert_eq!(desk.sent[0]["data"]["channel_data"], who, "exactly as signed");
    let list = json!({"presence": {"ids": ["1", "9"], "hash": {"1": {"name": "Ada"}, "9": {"name": "Me"}}, "count": 2}});
    hear(&mut desk, "subscription_succeeded", json!(list.to_string()));
    assert_eq!(desk.take_told(), ["authorize presence-a for 1.2", "subscribed presence-a"]);
    desk
}

fn hear(desk: &mut Desk, event: &str, data: Value) {
    let event = format!("pusher_internal:{event}");
    desk.hear(&json!({"event": event, "channel": "presence-a", "data": data})).unwrap();
}

fn there(desk: &Desk) -> Vec<&str> {
    desk.session.members("presence-a").unwrap().iter().map(|(id, _)| id).collect()
}

#[test]
fn the_list_follows_who_comes_and_goes() {
    let mut desk = joined();
    assert_eq!(there(&desk), ["1", "9"]);
    let members = desk.session.members("presence-a").unwrap();
    assert_eq!((members.me(), members.get("1").unwrap().as_str()), (Some("9"), r#"{"name":"Ada"}"#));
    hear(&mut desk, "member_added", json!(r#"{"user_id":"2","user_info":{"name":"Bo"}}"#));
    hear(&mut desk, "member_added", json!({"user_id": 3}));
    hear(&mut desk, "member_added", json!({"user_id": 3}));
    hear(&mut desk, "member_removed", json!(r#"{"user_id":"1"}"#));
    hear(&mut desk, "member_removed", json!(r#"{"user_id":"1"}"#));
    hear(&mut desk, "member_removed", json!("nonsense"));
    assert_eq!(desk.take_told(), [r#"presence-a +2 {"name":"Bo"}"#, "presence-a +3 null", "presence-a -1"]);
    assert_eq!(there(&desk), ["2", "3", "9"]);
}

#[test]
fn a_client_event_says_who_sent_it() {
    let mut desk = joined();
    desk.hear(
        &json!({"event": "client-typing", "channel": "presence-a", "data": {"on": true}, "user_id": "1"}),
    )
    .unwrap();
    assert_eq!(desk.take_told(), [r#"presence-a client-typing {"on":true} from 1"#]);
}

#[test]
fn a_channel_that_was_left_has_no_members() {
    let mut desk = joined();
    desk.unwant("presence-a");
    assert!(desk.session.members("presence-a").is_none());
    desk.want("presence-a");
    assert!(desk.session.members("presence-a").is_none(), "not before it is subscribed again");
}
