use serde_json::json;

use super::super::seal::tests::sealed;
use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_763_880_000).unwrap()
}

fn event(id: &str, name: &str, data: impl ToString) -> Event {
    Event { id: Some(id.to_owned()), name: name.to_owned(), data: Ok(data.to_string()) }
}

fn read_as(kind: RelayKind, event: Event) -> Shape {
    read(event, kind, None, now())
}

fn delivered(shape: Shape) -> Delivery {
    match shape {
        Shape::Heard(Heard::Delivery(delivery)) => *delivery,
        other => panic!("{other:?}"),
    }
}

fn why(shape: Shape) -> String {
    match shape {
        Shape::Heard(Heard::Skipped { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_relays_event_is_read_whole() {
    let data = json!({
        "content-type": "application/json", "x-twice": "1", "timestamp": "1763879999000", "bodyB": BASE64.encode(b"{\"a\": 1}\xff"),
        "headers": {"content-type": ["application/json"], "x-twice": ["1", "2"], "method": ["forged"]},
        "method": "PUT", "query": {"q": "7"}, "id": "delivery-1",
    });
    let delivery = delivered(read_as(RelayKind::Belfry, event("1763000000000-7", "", data)));
    assert_eq!(delivery.position.unwrap().as_str(), "1763000000000-7");
    assert_eq!(delivery.received.as_second(), 1_763_879_999);
    assert_eq!((delivery.method.as_str(), delivery.exact), ("PUT", true));
    assert_eq!(delivery.headers.all("x-twice"), ["1", "2"]);
    assert_eq!(delivery.query, BTreeMap::from([("q".into(), "7".into())]));
    assert_eq!(delivery.body, b"{\"a\": 1}\xff");
}

#[test]
fn gosmees_event_has_flat_headers_and_the_exact_body_wins_over_a_header_called_body() {
    let data = json!({
        "x-hub-signature-256": "sha256=0", "timestamp": "1763879999000", "bodyB": BASE64.encode(b"exact"), "body": "forged",
        "encrypted": "true", "message": "ready", "headers": "forged", "query": "forged",
    });
    let delivery = delivered(read_as(RelayKind::Gosmee, event("1763000000000-0", "message", data)));
    assert_eq!((delivery.body.as_slice(), delivery.exact), (&b"exact"[..], true));
    assert_eq!(delivery.headers.first("x-hub-signature-256"), Some("sha256=0"));
    assert_eq!(delivery.headers.first("body"), None);
    assert!(delivery.query.is_empty());
}

#[test]
fn smees_body_was_written_anew_and_its_counters_are_no_positions() {
    let data = json!({"x-github-event": "push", "timestamp": 1_763_879_999_000_i64, "query": {}, "body": {"b": 1, "a": [2]}});
    let delivery = delivered(read_as(RelayKind::Smee, event("3", "", data)));
    assert_eq!((delivery.body.as_slice(), delivery.exact), (&br#"{"a":[2],"b":1}"#[..], false));
    assert_eq!(delivery.received.as_second(), 1_763_879_999);
    assert_eq!(delivery.position, None);
    assert!(matches!(read_as(RelayKind::Smee, event("0", "ready", "{}")), Shape::Ready(None)));
    assert!(matches!(read_as(RelayKind::Smee, event("4", "ping", "{}")), Shape::Nothing));
}

#[test]
fn what_a_relay_says_itself_is_told_from_webhooks() {
    let greeting = event("", "", json!({"message": "connected"}));
    assert!(matches!(read_as(RelayKind::Belfry, greeting), Shape::Greeting));
    let ready = |id: &str| read_as(RelayKind::Belfry, event(id, "", json!({"message": "ready"})));
    assert!(matches!(ready(""), Shape::Ready(None)));
    assert!(matches!(ready("5-9"), Shape::Ready(Some(position)) if position.as_str() == "5-9"));
    let passed = read_as(RelayKind::Belfry, event("5-9", "ping", "{}"));
    assert!(matches!(passed, Shape::Heard(Heard::Passed(position)) if position.as_str() == "5-9"));
    let gap = |kind, asked: &str| {
        read_as(
            kind,
            event(
                "",
                "gosmee-gap",
                json!({"error": "missed_history", "requested_id": asked, "oldest_id": "5-7"}),
            ),
        )
    };
    for kind in [RelayKind::Belfry, RelayKind::Gosmee] {
        assert!(
            matches!(gap(kind, "5-1"), Shape::Heard(Heard::Gap { oldest: Some(oldest) }) if oldest == "5-7")
        );
    }
    // Whoever asks from the beginning is told of a gap by gosmee always, by our relay only if there is one.
    assert!(matches!(gap(RelayKind::Gosmee, "0-0"), Shape::Nothing));
    assert!(matches!(gap(RelayKind::Belfry, "0-0"), Shape::Heard(Heard::Gap { .. })));
    let query = json!({"query": {"code": "c", "state": "s"}, "timestamp": "1763879999000", "id": "x"});
    match read_as(RelayKind::Belfry, event("5-8", "belfry-oauth", &query)) {
        Shape::Heard(Heard::Returned(returned, position)) => {
            assert_eq!(returned.query.get("code").map(String::as_str), Some("c"));
            assert_eq!(position.unwrap().as_str(), "5-8");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(read_as(RelayKind::Gosmee, event("", "belfry-oauth", &query)), Shape::Nothing));
}

#[test]
fn what_is_sealed_is_opened_with_the_key_and_skipped_without() {
    let key = SealKey::read(&SealKey::fresh()).unwrap();
    let plain =
        json!({"timestamp": "1763879999000", "bodyB": BASE64.encode(b"x"), "headers": {}}).to_string();
    let data = sealed(&plain, &key.public());
    let opened = read(event("5-1", "", &data), RelayKind::Belfry, Some(&key), now());
    assert_eq!(delivered(opened).body, b"x");
    assert!(why(read_as(RelayKind::Belfry, event("5-1", "", &data))).contains("no key"));
    let other = SealKey::read(&SealKey::fresh()).unwrap();
    assert!(
        why(read(event("5-1", "", &data), RelayKind::Belfry, Some(&other), now())).contains("another key")
    );
}

#[test]
fn what_is_malformed_is_skipped_with_its_position() {
    let many: Map<String, Value> =
        (0..300).map(|n| (format!("x-{n}"), json!("1"))).chain([("bodyB".into(), json!(""))]).collect();
    for data in [
        json!("text").to_string(),
        "{".to_owned(),
        json!({"bodyB": "%%%"}).to_string(),
        json!({"bodyB": 7}).to_string(),
        json!({"x": "no body"}).to_string(),
        json!({"bodyB": "A".repeat(BODY / 3 * 4 + 12)}).to_string(),
        json!({"body": "A".repeat(BODY)}).to_string(),
        json!({"bodyB": "", "x-long": "y".repeat(HEADER_BYTES)}).to_string(),
        Value::Object(many).to_string(),
        json!({"encrypted": true, "version": 1}).to_string(),
    ] {
        match read_as(RelayKind::Belfry, event("5-4", "", &data)) {
            Shape::Heard(Heard::Skipped { position: Some(position), .. }) => {
                assert_eq!(position.as_str(), "5-4")
            }
            other => panic!("{}: {other:?}", &data[..data.len().min(80)]),
        }
    }
    let empty =
        delivered(read_as(RelayKind::Belfry, event("5-4", "", json!({"bodyB": "", "timestamp": "soon"}))));
    assert!(empty.body.is_empty() && empty.received == now());
    let whole = delivered(read_as(
        RelayKind::Belfry,
        event("5-4", "", json!({"bodyB": BASE64.encode(&vec![7; BODY])})),
    ));
    assert_eq!(whole.body.len(), BODY);
}
