//! What the detail view shows of a Podium event: the words in full, and what is known of the thing. Pure; never fails, asks nobody.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::normalize::money;
use crate::notification::{Kind, Notification, PodiumKind};
use crate::part::{Change, Fact, FilePart, Leaning, Part, Stars};
use crate::source::plain::{is_seen, lines, one_line};
use crate::source::podio::json::{at, field, flag, int, items, text, time};

/// Longest text, value and address, in characters.
const TEXT: usize = 20_000;
const LINE: usize = 200;
const ADDRESS: usize = 2_048;
/// Most elements of a list.
const MOST: usize = 20;

/// The parts of a kept event.
pub(crate) fn parts(notification: &Notification) -> Vec<Part> {
    let raw: Value = serde_json::from_str(&notification.raw).unwrap_or_default();
    let data = field(&raw, "data");
    use PodiumKind as K;
    match &notification.kind {
        Kind::Podium(K::MessageReceived | K::MessageSent | K::MessageFailed) => message(data),
        Kind::Podium(
            K::ContactCreated
            | K::ContactUpdated
            | K::ContactDeleted
            | K::ContactMerged
            | K::ContactUnchanged,
        ) => contact(data),
        Kind::Podium(
            K::InvoiceCreated
            | K::InvoiceDisabled
            | K::InvoiceMarkedAsPaid
            | K::InvoicePaymentCreated
            | K::InvoicePaymentFailed
            | K::InvoicePaymentSucceeded
            | K::InvoiceRefundCreated
            | K::InvoiceRefundFailed,
        ) => invoice(data),
        Kind::Podium(K::ReviewCreated | K::ReviewUpdated) => review(data),
        Kind::Podium(K::ReviewInviteCreated | K::ReviewInviteUpdated) => invite(data),
        Kind::Podium(K::ReviewResponseCreated | K::ReviewResponseUpdated) => {
            words(None, field(data, "body")).into_iter().collect()
        }
        Kind::Podium(K::CallReceived | K::CallCompleted | K::CallMissed | K::CallVoicemailLeft) => call(data),
        // What no one has seen yet has at least its words.
        _ => words(None, field(data, "body")).into_iter().collect(),
    }
}

fn message(message: &Value) -> Vec<Part> {
    let mut parts: Vec<Part> = words(None, field(message, "body")).into_iter().collect();
    let all = items(field(message, "items"));
    if parts.is_empty() {
        parts.extend(all.iter().take(MOST).filter_map(|item| words(None, field(item, "body"))));
    }
    let files: Vec<FilePart> = all
        .iter()
        .filter(|item| text(field(item, "attachmentUrl")).is_some())
        .take(MOST)
        .map(|item| FilePart {
            // The address runs out after a week; it is opened where the conversation is.
            name: "Attachment".to_owned(),
            size: None,
            kind: text(field(item, "attachmentContentType")).map(|kind| one_line(&kind, LINE)),
            about: None,
        })
        .collect();
    if !files.is_empty() {
        parts.push(Part::Files { files, more: 0 });
    }
    let known = [
        said("With", field(message, "contactName")),
        said("Over", at(message, &["conversation", "channel", "type"])),
        said("Number or address", at(message, &["conversation", "channel", "identifier"])),
        said("Why it did not arrive", field(message, "failureReason")),
        when("Written", field(message, "createdAt")),
    ];
    parts.extend(facts("The message", known));
    parts
}

fn contact(data: &Value) -> Vec<Part> {
    let (before, after) = (field(data, "before"), field(data, "after"));
    let mut parts = Vec::new();
    if before.is_object() && after.is_object() {
        let compared = [
            ("name", "Name"),
            ("phoneNumbers", "Phone numbers"),
            ("emails", "E-mail addresses"),
            ("tags", "Tags"),
        ];
        let changes: Vec<Change> = compared
            .iter()
            .filter(|(name, _)| field(before, name) != field(after, name))
            .map(|(name, label)| Change {
                what: (*label).to_owned(),
                from: listed(field(before, name)),
                to: listed(field(after, name)),
            })
            .collect();
        if !changes.is_empty() {
            parts.push(Part::Changes { changes, more: 0 });
        }
    }
    let there = if after.is_object() { after } else { before };
    let known = [
        said("Name", field(there, "name")),
        fact("Phone numbers", listed(field(there, "phoneNumbers"))),
        fact("E-mail addresses", listed(field(there, "emails"))),
        fact("Tags", listed(field(there, "tags"))),
        when("Created", field(there, "createdAt")),
        when("Changed", field(there, "updatedAt")),
    ];
    parts.extend(facts("The contact", known));
    let errors = items(field(data, "errors")).iter().take(MOST).filter_map(|error| {
        words(Some("Podium says"), error).or_else(|| words(Some("Podium says"), field(error, "message")))
    });
    parts.extend(errors);
    parts
}

fn invoice(invoice: &Value) -> Vec<Part> {
    let currency = text(field(invoice, "currencyRef"));
    let sum = |value: &Value| int(value).map(|minor| money(minor, currency.as_deref()));
    let known = [
        said("Customer", field(invoice, "customerName")),
        said("Number", field(invoice, "invoiceNumber")),
        fact("Amount", sum(field(invoice, "amount"))),
        fact("Tip", sum(field(invoice, "tipAmount"))),
        said("Status", field(invoice, "status")),
        said("Why it was cancelled", field(invoice, "canceledNote")),
        when("Created", field(invoice, "createdAt")),
        when("Paid", field(invoice, "paidAt")),
        when("Cancelled", field(invoice, "canceledAt")),
    ];
    let mut parts: Vec<Part> = facts("The invoice", known).into_iter().collect();
    let for_what = items(field(invoice, "lineItems")).iter().take(MOST).filter_map(|line| {
        Some(Fact {
            label: self::line(field(line, "description"))?,
            value: sum(field(line, "amount"))?,
            at: None,
        })
    });
    parts.extend(list("For", for_what.collect()));
    for payment in items(field(invoice, "payments")).iter().take(MOST) {
        let known = [
            said("Status", field(payment, "status")),
            said("Card", field(payment, "cardBrand")),
            said("Its last digits", field(payment, "cardLast4")),
            said("Why it was declined", field(payment, "declineCodeMessage")),
            when("Made", field(payment, "createdAt")),
        ];
        parts.extend(facts("A payment", known));
        for refund in items(field(payment, "refunds")).iter().take(MOST) {
            let known = [
                fact("Amount", sum(field(refund, "amount"))),
                said("Status", field(refund, "status")),
                said("Why", field(refund, "reason")),
                when("Made", field(refund, "createdAt")),
            ];
            parts.extend(facts("A refund", known));
        }
    }
    parts
}

fn review(review: &Value) -> Vec<Part> {
    let inner = field(review, "review");
    let mut parts = Vec::new();
    let stars =
        int(field(inner, "rating")).and_then(|given| u8::try_from(given).ok()).filter(|given| *given <= 10);
    let liked = flag(field(review, "isRecommendation"));
    if let Some(given) = stars {
        let of = if given > 5 { 10 } else { 5 };
        let leaning = match given {
            0..=2 => Leaning::No,
            3 => Leaning::Maybe,
            _ => Leaning::Yes,
        };
        let words = format!("{given} of {of} stars");
        parts.push(Part::Answer { question: None, words, stars: Some(Stars { given, of }), leaning });
    } else if let Some(liked) = liked {
        let (words, leaning) =
            if liked { ("Recommends you", Leaning::Yes) } else { ("Does not recommend you", Leaning::No) };
        parts.push(Part::Answer { question: None, words: words.to_owned(), stars: None, leaning });
    }
    parts.extend(words(None, field(inner, "body")));
    for response in items(field(review, "responses")).iter().take(MOST) {
        parts.extend(words(Some("The answer"), field(response, "body")));
    }
    let known = [
        said("By", at(review, &["author", "name"])),
        said("On", field(inner, "siteName")),
        when("Written", field(review, "createdAt")),
        when("Changed", field(review, "updatedAt")),
    ];
    parts.extend(facts("The review", known));
    if let Some(url) = text(field(inner, "url")).map(|url| one_line(&url, ADDRESS)) {
        parts.push(Part::Link {
            label: Some("The review's page".to_owned()),
            title: None,
            about: None,
            url: Some(url),
        });
    }
    parts
}

fn invite(invite: &Value) -> Vec<Part> {
    let known = [
        said("Customer", field(invite, "customerName")),
        said("By", at(invite, &["sender", "name"])),
        said("Delivery", field(invite, "deliveryStatus")),
        when("Made", field(invite, "createdAt")),
        when("Opened", field(invite, "linkClickedAt")),
    ];
    facts("The request for a review", known).into_iter().collect()
}

fn call(call: &Value) -> Vec<Part> {
    let length =
        int(field(call, "durationSeconds")).map(|seconds| format!("{} min {} s", seconds / 60, seconds % 60));
    let known = [
        said("Number", field(call, "customerPhoneNumber")),
        said("At", field(call, "locationPhoneNumber")),
        said("Direction", field(call, "direction")),
        fact("Length", length),
        fact("Voicemail", flag(field(call, "hasVoicemail")).filter(|left| *left).map(|_| "Yes".to_owned())),
        when("Began", field(call, "startedAt")),
        when("Ended", field(call, "endedAt")),
    ];
    facts("The call", known).into_iter().collect()
}

fn words(label: Option<&str>, value: &Value) -> Option<Part> {
    let text = lines(&text(value)?, TEXT);
    is_seen(&text).then(|| Part::Text { label: label.map(ToOwned::to_owned), text })
}

fn facts<const N: usize>(label: &str, known: [Option<Fact>; N]) -> Option<Part> {
    list(label, known.into_iter().flatten().collect())
}

fn list(label: &str, facts: Vec<Fact>) -> Option<Part> {
    (!facts.is_empty()).then(|| Part::Facts { label: label.to_owned(), facts })
}

fn said(label: &str, value: &Value) -> Option<Fact> {
    fact(label, line(value))
}

fn fact(label: &str, value: Option<String>) -> Option<Fact> {
    Some(Fact { label: label.to_owned(), value: value?, at: None })
}

fn when(label: &str, value: &Value) -> Option<Fact> {
    let at: Timestamp = time(value)?;
    let value = at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string();
    Some(Fact { label: label.to_owned(), value, at: Some(at) })
}

fn line(value: &Value) -> Option<String> {
    text(value).map(|text| one_line(&text, LINE)).filter(|line| is_seen(line))
}

/// The elements of a list in one line: texts, or things with a label.
fn listed(value: &Value) -> Option<String> {
    let one = |value: &Value| line(value).or_else(|| line(field(value, "label")));
    let all: Vec<String> = match value {
        Value::Array(all) => all.iter().take(MOST).filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    };
    (!all.is_empty()).then(|| one_line(&all.join(", "), LINE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::account::AccountId;
    use crate::source::podium::normalize::{Names, Reader, event};

    fn told(kind: &str, data: &Value) -> Vec<Part> {
        let account = AccountId::new("podium").unwrap();
        let (app_url, names) = ("https://app.podium.com".parse().unwrap(), Names::default());
        let reader =
            Reader { account: &account, app_url: &app_url, names: &names, now: Timestamp::UNIX_EPOCH };
        let body = json!({"data": data, "metadata": {"eventType": kind, "eventUid": "e"}}).to_string();
        parts(&event(body.as_bytes(), reader).row)
    }

    fn labels(part: &Part) -> Vec<(&str, &str)> {
        let Part::Facts { facts, .. } = part else { panic!("{part:?}") };
        facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect()
    }

    #[test]
    fn a_message_is_shown_whole_with_what_came_with_it_and_how() {
        let parts = told(
            "message.received",
            &json!({"body": "Hi\n<b>there</b>", "contactName": "Ada", "createdAt": "2026-11-22T10:00:00Z",
                "conversation": {"channel": {"type": "phone", "identifier": "+15550100"}},
                "items": [{"attachmentUrl": "https://x.example/1", "attachmentContentType": "image/png"}]}),
        );
        let [Part::Text { text, .. }, Part::Files { files, .. }, facts] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert_eq!((text.as_str(), files[0].kind.as_deref()), ("Hi\n<b>there</b>", Some("image/png")));
        assert_eq!(
            labels(facts),
            [
                ("With", "Ada"),
                ("Over", "phone"),
                ("Number or address", "+15550100"),
                ("Written", "22 Nov 2026, 10:00 UTC")
            ]
        );
    }

    #[test]
    fn a_review_shows_its_stars_and_a_contact_what_was_changed() {
        let parts = told(
            "review.created",
            &json!({"review": {"rating": 4, "body": "Good", "url": "https://g.example/1"}}),
        );
        let [Part::Answer { words, stars, .. }, Part::Text { .. }, Part::Link { url, .. }] = parts.as_slice()
        else {
            panic!("{parts:?}")
        };
        assert_eq!((words.as_str(), *stars), ("4 of 5 stars", Some(Stars { given: 4, of: 5 })));
        assert_eq!(url.as_deref(), Some("https://g.example/1"));
        let parts = told(
            "contact.updated",
            &json!({"before": {"name": "A."}, "after": {"name": "Ada", "tags": [{"label": "vip"}]}}),
        );
        let [Part::Changes { changes, .. }, facts] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!((changes[0].from.as_deref(), changes[0].to.as_deref()), (Some("A."), Some("Ada")));
        assert_eq!(labels(facts), [("Name", "Ada"), ("Tags", "vip")]);
    }

    #[test]
    fn what_is_not_there_makes_no_part() {
        for kind in PodiumKind::ALL {
            assert_eq!(
                told(kind.name(), &json!({"body": null, "items": null, "payments": 7, "review": []})),
                [],
                "{kind:?}"
            );
        }
    }
}
