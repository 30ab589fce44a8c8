//! What a thing that is kept becomes when it comes again.

use serde_json::{Value, json};

use super::super::normalize::{Reader, event, listed_message, listed_review};
use super::*;
use crate::notification::PodiumKind;

fn read<T>(with: impl FnOnce(Reader<'_>) -> T) -> T {
    let account = AccountId::new("podium").unwrap();
    let (app_url, names) = ("https://app.podium.com".parse().unwrap(), Names::default());
    with(Reader {
        account: &account,
        app_url: &app_url,
        names: &names,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
    })
}

fn told(kind: &str, data: &Value) -> Notification {
    let body = json!({"data": data, "metadata": {"eventType": kind, "eventUid": "e"}}).to_string();
    read(|reader| event(body.as_bytes(), reader)).row
}

fn message(body: &str) -> Value {
    json!({"uid": "m", "body": body, "contactName": "Ada", "createdAt": "2026-11-22T10:00:00Z", "items": [{"uid": "i"}]})
}

fn listed(data: &Value) -> Notification {
    read(|reader| listed_message(data, &json!({"uid": "c"}), reader)).unwrap().row
}

fn review(rating: i64, body: &str, minute: u32, answers: Value) -> Value {
    json!({"uid": "r", "createdAt": "2026-11-22T10:00:00Z", "updatedAt": format!("2026-11-22T10:{minute:02}:00Z"),
        "author": {"name": "Ada"}, "review": {"rating": rating, "body": body}, "responses": answers})
}

#[test]
fn a_message_that_is_known_is_no_news_whoever_tells_it_again() {
    let kept = told("message.received", &message("Hi"));
    assert_eq!(later(&kept, told("message.received", &message("Hi"))), None);
    assert_eq!(later(&kept, listed(&message("Hi"))), None);
    // The list came first, and its words say less.
    let from_list = listed(&message("Hi"));
    assert_eq!(later(&from_list, told("message.received", &message("Hi"))), None);
}

#[test]
fn a_message_that_failed_after_it_was_sent_is_news_and_not_the_other_way_round() {
    let sent = told("message.sent", &message("Hi"));
    let failed = told("message.failed", &message("Hi"));
    let news = later(&sent, failed.clone()).unwrap();
    assert_eq!((news.kind.name(), news.no_news, news.wants_banner), ("message.failed", false, true));
    assert_eq!(later(&failed, sent), None);
}

#[test]
fn what_a_list_took_for_a_customers_is_put_right_in_silence() {
    let guessed = listed(&message("Hi"));
    assert_eq!(guessed.kind.name(), PodiumKind::MessageReceived.name());
    let right = later(&guessed, told("message.sent", &message("Hi"))).unwrap();
    assert_eq!((right.kind.name(), right.no_news), ("message.sent", true));
}

#[test]
fn a_review_is_news_when_the_customer_changed_it_and_silent_when_it_was_answered() {
    let kept = told("review.created", &review(5, "Good", 0, json!([])));
    let answered =
        later(&kept, told("review.updated", &review(5, "Good", 5, json!([{"body": "Thanks"}])))).unwrap();
    assert_eq!((answered.no_news, &answered.title, &answered.kind), (true, &kept.title, &kept.kind));
    assert!(answered.version > kept.version && answered.raw.contains("Thanks"));
    let changed = later(&answered, told("review.updated", &review(1, "Bad", 9, json!([])))).unwrap();
    assert_eq!((changed.no_news, changed.title.as_str()), (false, "Ada changed a review to 1 star"));
    // What is older, or the same again, or the same in a list, is nothing.
    assert_eq!(later(&changed, told("review.updated", &review(5, "Good", 5, json!([])))), None);
    assert_eq!(later(&changed, told("review.updated", &review(1, "Bad", 9, json!([])))), None);
    let same = read(|reader| listed_review(&review(1, "Bad", 9, json!([])), Some, reader)).unwrap().row;
    assert_eq!(later(&changed, same), None);
}

#[test]
fn a_review_that_a_list_has_and_that_is_told_as_made_again_is_no_news() {
    let kept = told("review.created", &review(5, "Good", 0, json!([])));
    let made = |_| Some(PodiumKind::ReviewCreated);
    let listed = read(|reader| listed_review(&review(1, "Bad", 9, json!([])), made, reader)).unwrap().row;
    let quiet = later(&kept, listed).unwrap();
    assert_eq!((quiet.no_news, quiet.title.as_str()), (true, "Ada gave 1 star"));
}

#[test]
fn two_changes_of_a_review_in_one_second_are_two() {
    let kept = told("review.updated", &review(5, "Good", 3, json!([])));
    let next = later(&kept, told("review.updated", &review(2, "Hm", 3, json!([])))).unwrap();
    assert_eq!((next.version, next.no_news), (kept.version + 1, false));
    assert_eq!(later(&next, told("review.updated", &review(5, "Good", 3, json!([])))), None, "a replay");
}

#[test]
fn a_call_goes_on_and_never_back() {
    let call = json!({"uid": "t", "customerPhoneNumber": "+1", "direction": "inbound"});
    let of = |kind: &str| told(kind, &call);
    let missed = later(&of("call.received"), of("call.missed")).unwrap();
    assert_eq!((missed.title.as_str(), missed.no_news), ("Missed call from +1", false));
    assert!(later(&of("call.received"), of("call.completed")).unwrap().no_news, "it was taken");
    assert_eq!(later(&of("call.voicemail_left"), of("call.missed")), None);
}

#[test]
fn a_cursor_survives_its_stored_form_and_a_strange_one_counts_as_none() {
    let place =
        Place { at: Some("1-2".into()), reviews: "2026-11-22T10:00:00Z".parse().ok(), ..Place::default() };
    assert_eq!(Place::read(&place.written().unwrap()), Some(place));
    assert_eq!(Place::read(&Cursor("yesterday".into())), None);
    assert_eq!(Place::read(&Cursor("{}".into())), Some(Place::default()));
}
