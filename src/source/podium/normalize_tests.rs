//! One sample of each event, in the shapes that are documented; the words as they were looked at are in the snapshot.

use serde_json::{Value, json};

use super::*;
use crate::notification::Urgency;

const AT: &str = "2026-11-22T10:00:00Z";

fn account() -> AccountId {
    AccountId::new("podium").unwrap()
}

fn read<T>(with: impl FnOnce(Reader<'_>) -> T) -> T {
    let account = account();
    let app_url = "https://app.podium.com".parse().unwrap();
    let names = Names {
        people: [("u-1".to_owned(), "Robin Vale".to_owned())].into(),
        places: [("l-1".to_owned(), "Main Street".to_owned())].into(),
    };
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    with(Reader { account: &account, app_url: &app_url, names: &names, now })
}

fn told(kind: &str, data: &Value) -> Told {
    let body =
        json!({"data": data, "metadata": {"eventType": kind, "eventUid": "e-1", "version": "2021.04.01"}});
    read(|reader| event(body.to_string().as_bytes(), reader))
}

fn message() -> Value {
    json!({
        "uid": "m-1", "body": "Hi, is my bike ready?", "contactName": "Ada Brook", "createdAt": AT, "failureReason": null,
        "webchatUrl": null, "attachmentUrl": null, "senderUid": null, "location": {"uid": "l-1", "organizationUid": "o-1"},
        "conversation": {"uid": "c-1", "assignedUserUid": null, "startedAt": AT, "channel": {"type": "phone", "identifier": "+15550100"}},
        "items": [{"uid": "i-1", "type": "message", "body": "Hi, is my bike ready?", "sendBody": null, "sourceType": null,
            "deliveryStatus": null, "attachmentUrl": null, "attachmentContentType": null, "createdAt": AT, "encryptedAt": null}]
    })
}

fn contact(name: &str) -> Value {
    json!({
        "uid": "k-1", "name": name, "emails": ["ada@example.com"], "phoneNumbers": ["+15550100"], "createdAt": AT,
        "updatedAt": "2026-11-22T10:30:00Z", "organization": {"uid": "o-1"}, "locations": [{"uid": "l-1"}],
        "conversations": [{"uid": "c-1"}], "channels": [], "tags": [], "attributes": [], "address": {}
    })
}

fn invoice(status: &str, payments: Value) -> Value {
    json!({
        "uid": "v-1", "invoiceNumber": "1042", "amount": 12_050, "currencyRef": "USD", "customerName": "Ada Brook", "status": status,
        "conversationUid": "c-1", "location": {"uid": "l-1", "organizationUid": "o-1"}, "createdAt": AT,
        "paidAt": "2026-11-22T11:00:00Z", "canceledAt": if status == "canceled" { json!("2026-11-22T11:30:00Z") } else { Value::Null },
        "canceledNote": "Made twice", "tipAmount": 500, "lineItems": [{"amount": 12_050, "description": "New brakes"}], "payments": payments
    })
}

fn payment(status: &str, refunds: Value) -> Value {
    json!([{"uid": "p-1", "status": status, "createdAt": "2026-11-22T10:59:00Z", "cardBrand": "visa", "cardLast4": "4242",
        "declineCodeMessage": "Insufficient funds", "refunds": refunds}])
}

fn review(rating: i64, body: &str) -> Value {
    json!({
        "uid": "r-1", "createdAt": AT, "updatedAt": "2026-11-22T10:20:00Z", "needsResponse": true, "isRecommendation": null,
        "author": {"id": "a-1", "name": "Ada Brook"},
        "review": {"body": body, "rating": rating, "siteName": "google", "siteReviewId": "s-1", "url": "https://maps.example.com/review/1"},
        "responses": [], "locations": [{"uid": "l-1"}], "attributions": []
    })
}

fn invite(status: &str, clicked: bool) -> Value {
    json!({
        "uid": "n-1", "customerName": "Ada Brook", "channel": {"type": "phone", "identifier": "+15550100"}, "deliveryStatus": status,
        "linkClicked": clicked, "shortUrl": "https://pdm.example.com/r/1", "url": "https://pdm.example.com/long/1", "createdAt": AT,
        "updatedAt": "2026-11-22T10:10:00Z", "location": {"uid": "l-1"}, "sender": {"uid": "u-1", "name": "Robin Vale", "type": "user"}
    })
}

fn response() -> Value {
    json!({"uid": "w-1", "body": "Thank you!", "publishDate": AT, "siteAuthorName": "Harbour Bikes", "source": "google", "isDeleted": false})
}

fn call(direction: &str, voicemail: bool) -> Value {
    json!({
        "uid": "t-1", "direction": direction, "status": "x", "customerPhoneNumber": "+15550100", "locationPhoneNumber": "+15550199",
        "locationUid": "l-1", "organizationUid": "o-1", "conversationUid": "c-1", "userUid": "u-1", "durationSeconds": 185,
        "hasVoicemail": voicemail, "isPrivate": false, "startedAt": AT, "endedAt": "2026-11-22T10:03:05Z"
    })
}

fn with(mut value: Value, name: &str, to: Value) -> Value {
    *value.pointer_mut(name).unwrap_or_else(|| panic!("no {name}")) = to;
    value
}

/// Each type once, in the order of the table, and what varies.
fn samples() -> Vec<(&'static str, &'static str, Value)> {
    let both = || json!({"before": contact("A. Brook"), "after": contact("Ada Brook"), "errors": []});
    let back = |status: &str| json!([{"amount": 2_000, "status": status, "reason": "Scratched", "createdAt": "2026-11-22T11:20:00Z"}]);
    let attached =
        json!([{"uid": "i-1", "attachmentUrl": "https://x.example/1", "attachmentContentType": "image/png"}]);
    vec![
        ("message.received", "", message()),
        ("message.received", "by e-mail", with(message(), "/conversation/channel/type", json!("email"))),
        ("message.received", "a picture", with(with(message(), "/body", Value::Null), "/items", attached)),
        ("message.sent", "", with(message(), "/senderUid", json!("u-1"))),
        ("message.sent", "by nobody", message()),
        ("message.failed", "", with(message(), "/failureReason", json!("Landline"))),
        ("contact.created", "", json!({"before": null, "after": contact("Ada Brook"), "errors": []})),
        ("contact.updated", "", both()),
        ("contact.updated", "with an error", with(both(), "/errors", json!([{"message": "Bad address"}]))),
        ("contact.deleted", "", json!({"before": contact("Ada Brook"), "after": null, "errors": []})),
        ("contact.merged", "", both()),
        ("contact.unchanged", "", both()),
        ("invoice.created", "", invoice("created", json!([]))),
        ("invoice.disabled", "", invoice("canceled", json!([]))),
        ("invoice.marked_as_paid", "", invoice("marked_as_paid", json!([]))),
        ("invoice.payment_created", "", invoice("pending", payment("pending", json!([])))),
        ("invoice.payment_failed", "", invoice("failed", payment("failed", json!([])))),
        ("invoice.payment_succeeded", "", invoice("paid", payment("paid", json!([])))),
        (
            "invoice.refund_created",
            "",
            invoice("partial_refund", payment("partial_refund", back("refund_pending"))),
        ),
        (
            "invoice.refund_failed",
            "",
            invoice("refund_failed", payment("refund_failed", back("refund_failed"))),
        ),
        ("review.created", "", review(5, "Friendly and quick.")),
        ("review.created", "a bad one", review(1, "Never again.")),
        (
            "review.created",
            "without stars",
            with(with(review(5, "Good"), "/review/rating", Value::Null), "/isRecommendation", json!(true)),
        ),
        ("review.updated", "", review(3, "Not so quick after all.")),
        ("review.invite_link_created", "", invite("pending", false)),
        ("review.invite_link_updated", "", invite("delivered", true)),
        ("review.invite_link_updated", "a failure", invite("failed", false)),
        ("review.response_created", "", response()),
        ("review.response_updated", "", response()),
        ("call.received", "", call("inbound", false)),
        ("call.completed", "", call("inbound", false)),
        ("call.completed", "outbound", call("outbound", false)),
        ("call.missed", "", call("inbound", true)),
        ("call.voicemail_left", "", call("inbound", true)),
        (
            "appointment.created",
            "nobody has seen it yet",
            json!({"uid": "x", "name": "Tune-up", "createdAt": AT}),
        ),
    ]
}

#[test]
fn every_documented_event_has_its_words_its_picture_its_name_and_its_link() {
    let mut lines = Vec::new();
    let mut seen = Vec::new();
    for (kind, what, data) in samples() {
        let Told { row, .. } = told(kind, &data);
        assert_eq!(row.kind.name(), kind);
        seen.push(kind);
        let loud = match (row.wants_banner, row.no_news) {
            (true, false) => "told",
            (false, false) => "inbox",
            (_, true) => "nothing",
        };
        let urgency = row.urgency.unwrap_or_else(|| row.kind.urgency(row.icon));
        lines.push(format!(
            "{kind} {what}\n    [{}] {loud} {urgency:?} v{} {} @{}\n    {}\n    {}\n    {} in {} of {} → {}",
            row.icon.name(),
            row.version,
            row.external_id,
            row.occurred_at,
            row.title,
            row.body,
            row.actor.as_deref().unwrap_or("–"),
            row.context.thread(),
            row.context.place.as_deref().unwrap_or("–"),
            row.context.url.as_deref().unwrap_or("–"),
        ));
    }
    for kind in PodiumKind::ALL {
        assert!(seen.contains(&kind.name()), "{kind:?} has no sample");
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_customers_own_links_are_nowhere_in_what_is_opened() {
    for (kind, _, data) in samples() {
        let url = told(kind, &data).row.context.url.unwrap_or_default();
        assert!(!url.contains("pdm.example.com") && !url.contains("x.example/1"), "{kind}: {url}");
    }
    for odd in [
        "http://maps.example.com/1",
        "https://ada@maps.example.com",
        "javascript:alert(1)",
        "https://maps.example.com:8443",
        "https://localhost/x",
        "",
    ] {
        let row = told("review.created", &with(review(5, ""), "/review/url", json!(odd))).row;
        assert_eq!(row.context.url.as_deref(), Some("https://app.podium.com/inbox"), "{odd}");
    }
    let row =
        told("message.received", &with(message(), "/conversation/uid", json!("../../settings?x#y"))).row;
    assert_eq!(
        row.context.url.as_deref(),
        Some("https://app.podium.com/inbox/redirect-messages/..%2F..%2Fsettings%3Fx%23y")
    );
}

#[test]
fn one_message_has_one_name_whichever_of_its_names_are_missing() {
    let names = |data: &Value| {
        let told = told("message.sent", data);
        std::iter::once(told.row.external_id).chain(told.also).collect::<Vec<_>>()
    };
    assert_eq!(names(&message()), ["message/m-1", "message/item:i-1"]);
    assert_eq!(names(&with(message(), "/uid", Value::Null)), ["message/item:i-1"]);
    assert_eq!(names(&with(message(), "/items", json!([]))), ["message/m-1"]);
    let nameless = with(with(message(), "/uid", Value::Null), "/items", json!([]));
    assert_eq!(names(&nameless), ["event/e-1"]);
    // The same thing found in a list.
    let conversation =
        json!({"uid": "c-1", "contactName": "Ada Brook", "locationUid": "l-1", "channel": {"type": "phone"}});
    let listed = |data: &Value| read(|reader| listed_message(data, &conversation, reader));
    assert_eq!(listed(&message()).unwrap().row.external_id, "message/m-1");
    assert_eq!(listed(&nameless), None, "it could not be told from others");
    let bare = listed(&json!({"uid": "m-9", "body": "Hello", "createdAt": AT})).unwrap().row;
    assert_eq!(
        (bare.title.as_str(), bare.context.thread().as_str()),
        ("Ada Brook: new text message", "conversation/c-1")
    );
    assert_eq!(bare.context.place.as_deref(), Some("Main Street"));
}

#[test]
fn a_list_does_not_say_which_way_a_message_went_and_what_is_known_decides() {
    let kind = |data: &Value| {
        let conversation = json!({"uid": "c-1"});
        read(|reader| listed_message(data, &conversation, reader)).unwrap().row.kind.name().to_owned()
    };
    assert_eq!(kind(&message()), "message.received");
    assert_eq!(kind(&with(message(), "/senderUid", json!("u-1"))), "message.sent");
    assert_eq!(kind(&with(message(), "/items/0/deliveryStatus", json!("sent"))), "message.sent");
    assert_eq!(kind(&with(message(), "/items/0/deliveryStatus", json!("delivered"))), "message.received");
    assert_eq!(kind(&with(message(), "/items/0/deliveryStatus", json!("failed"))), "message.failed");
    assert_eq!(kind(&with(message(), "/failureReason", json!("Landline"))), "message.failed");
}

#[test]
fn an_invoice_of_a_list_tells_the_same_steps_as_the_webhook_and_only_those_since() {
    let back = json!([{"amount": 2_000, "status": "refund_failed", "createdAt": "2026-11-22T11:20:00Z"}]);
    let paid = invoice("refund_failed", payment("refund_failed", back));
    let steps = |since: Option<&str>| -> Vec<(String, String)> {
        let since = since.map(|since| since.parse().unwrap());
        let told = read(|reader| listed_invoice(&paid, since, reader));
        told.into_iter().map(|told| (told.row.kind.name().to_owned(), told.row.external_id)).collect()
    };
    let step = |kind: &str, id: &str| (format!("invoice.{kind}"), format!("invoice/v-1/{id}"));
    let all = [
        step("created", "created"),
        step("payment_succeeded", "payment_succeeded/p-1"),
        step("refund_created", "refund_created/p-1/0"),
        step("refund_failed", "refund_failed/p-1/0"),
    ];
    assert_eq!(steps(None), all);
    assert_eq!(steps(Some("2026-11-22T11:00:00Z")), all[2..]);
    for (kind, id) in &all {
        assert_eq!(&told(kind, &paid).row.external_id, id);
    }
    // Where the invoice does not show the step, the event is its own.
    assert_eq!(told("invoice.refund_created", &invoice("created", json!([]))).row.external_id, "event/e-1");
}

#[test]
fn one_call_is_one_row_that_goes_on() {
    let versions: Vec<_> = ["call.received", "call.completed", "call.missed", "call.voicemail_left"]
        .iter()
        .map(|kind| told(kind, &call("inbound", true)).row)
        .map(|row| (row.external_id, row.version))
        .collect();
    let expected = [1, 2, 3, 4].map(|version| ("call/t-1".to_owned(), version));
    assert_eq!(versions, expected);
}

#[test]
fn few_stars_matter_more() {
    let urgency = |stars: i64| told("review.created", &review(stars, "")).row.urgency;
    assert_eq!((urgency(2), urgency(3)), (Some(Urgency::High), None));
}

#[test]
fn the_names_of_events_are_read_in_both_spellings_and_without_one_the_bytes_are_the_name() {
    let id = |metadata: Value| {
        let body = json!({"data": contact("Ada"), "metadata": metadata}).to_string();
        let row = read(|reader| event(body.as_bytes(), reader)).row;
        (row.kind.name().to_owned(), row.external_id)
    };
    let named = ("contact.created".to_owned(), "event/e-9".to_owned());
    assert_eq!(id(json!({"eventType": "contact.created", "eventUid": "e-9"})), named);
    assert_eq!(id(json!({"event_type": "contact.created", "event_uid": "e-9"})), named);
    let (_, one) = id(json!({"eventType": "contact.created"}));
    let (_, other) = id(json!({"eventType": "contact.created", "x": 1}));
    assert!(one.starts_with("event/") && one.len() == 6 + 32 && one != other, "{one}");
    let (_, long) = id(json!({"eventType": "contact.created", "eventUid": "e".repeat(300)}));
    assert!(long.starts_with("event/#") && long.len() < 60, "{long}");
}

#[test]
fn whatever_comes_becomes_a_row_and_keeps_its_json() {
    for body in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{}",
        "{\"data\":7}",
        "no JSON",
        "{\"metadata\":{\"eventType\":5}}",
        "{\"metadata\":{\"eventType\":\"message\"}}",
    ] {
        let row = read(|reader| event(body.as_bytes(), reader)).row;
        assert!(!row.title.is_empty() && row.external_id.starts_with("event/"), "{body}: {row:?}");
        assert!(matches!(row.kind, Kind::Other(_)), "{body}");
        assert!(serde_json::from_str::<Value>(&row.raw).is_ok(), "{body}");
    }
    let row = read(|reader| event(b"\xff\xfe\x00", reader)).row;
    assert!(serde_json::from_str::<Value>(&row.raw).is_ok());
    // Every field null, of every type.
    for kind in PodiumKind::ALL {
        for data in [
            json!({}),
            Value::Null,
            json!({"before": null, "after": null}),
            json!({"uid": null, "items": null, "review": null}),
        ] {
            let row = told(kind.name(), &data).row;
            assert!(!row.title.is_empty() && row.external_id == "event/e-1", "{kind:?} {data}: {row:?}");
        }
    }
}

#[test]
fn hostile_text_is_plain_short_and_in_its_place() {
    let long = "x".repeat(100_000);
    let name = format!("Ada\u{202e}\n<b>{long}");
    let row =
        told("message.received", &with(with(message(), "/contactName", json!(name)), "/body", json!(long)))
            .row;
    assert!(row.title.starts_with("Ada <b>xxx") && row.title.chars().count() < 120, "{}", row.title);
    assert!(row.body.chars().count() <= BODY + 1 && row.raw.len() <= RAW);
    let late = told("message.received", &with(message(), "/createdAt", json!("2999-01-01T00:00:00Z"))).row;
    assert_eq!(
        late.occurred_at.to_string(),
        "2026-11-22T12:00:00Z",
        "nothing happened after it was received"
    );
    let mut deep = json!("y");
    for _ in 0..100 {
        deep = json!({"data": deep, "more": "z".repeat(2_000)});
    }
    let row = told("message.received", &deep).row;
    assert!(row.raw.len() <= RAW && serde_json::from_str::<Value>(&row.raw).is_ok());
}
