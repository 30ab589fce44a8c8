//! The documented objects with all their fields: what has no value is null, an empty list or an empty object, as the documentation
//! says. What happened is laid over them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A uid as Podium's look.
pub(super) fn uid() -> String {
    let id = rand::random::<u128>();
    let (a, b, c) = ((id >> 96) & 0xffff_ffff, (id >> 80) & 0xffff, (id >> 68) & 0x0fff);
    let (d, e) = (0x8000 | ((id >> 48) & 0x3fff), id & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
}

/// ISO 8601 in UTC with whole seconds, as the examples have it.
pub(super) fn datetime(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A telephone number that belongs to a name and to nobody else.
pub(super) fn phone_of(name: &str) -> String {
    let number = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 10_000_000);
    format!("+1555{number:07}")
}

pub(super) fn organization(name: &str, now: &str) -> Value {
    json!({"uid": uid(), "businessName": name, "archived": false, "createdAt": now, "updatedAt": now})
}

pub(super) fn location(organization: &str, name: &str, now: &str) -> Value {
    json!({
        "uid": uid(), "organizationUid": organization, "name": name, "displayName": name,
        "address": "1 Harbour Street, Springfield", "addressDetails": {"streetAddress": "1 Harbour Street", "city": "Springfield"},
        "phoneNumber": phone_of(name), "podiumPhoneNumber": phone_of(name), "archived": false, "archivedAt": null,
        "createdAt": now, "updatedAt": now,
    })
}

pub(super) fn user(first: &str, last: &str, role: &str, locations: &[String], now: &str) -> Value {
    let locations: Vec<Value> = locations.iter().map(|uid| json!({"uid": uid})).collect();
    let email = format!("{}@example.test", first.to_lowercase());
    json!({
        "uid": uid(), "email": email, "firstName": first, "lastName": last, "phone": phone_of(first), "role": role,
        "archived": false, "locations": locations, "createdAt": now, "updatedAt": now,
    })
}

pub(super) fn contact(name: &str, organization: &str, location: &str, now: &str) -> Value {
    let phone = phone_of(name);
    json!({
        "uid": uid(), "name": name, "emails": [], "phoneNumbers": [phone], "createdAt": now, "updatedAt": now,
        "organization": {"uid": organization}, "locations": [{"uid": location}], "conversations": [],
        "channels": [{"type": "phone", "identifier": phone, "label": null, "transactionalOptedOutAt": null,
            "marketingOptedInLocationUids": [], "createdAt": now, "updatedAt": now}],
        "tags": [], "attributes": [], "address": {},
    })
}

pub(super) fn conversation(location: &str, now: &str) -> Value {
    json!({
        "uid": uid(), "channel": {"type": "phone", "identifier": null}, "contactName": null, "closed": false,
        "locationUid": location, "assignedUserUid": null, "assigneeUids": [], "createdAt": now, "updatedAt": now,
        "lastItemAt": now,
    })
}

/// A message in a conversation, as webhooks carry it.
pub(super) fn message(conversation: &Value, organization: &str, text: &str, now: &str) -> Value {
    let field = |pointer: &str| conversation.pointer(pointer).cloned().unwrap_or_default();
    json!({
        "uid": uid(), "body": text, "contactName": field("/contactName"), "createdAt": now, "failureReason": null,
        "webchatUrl": null, "attachmentUrl": null, "senderUid": null,
        "contact": {"uid": null, "name": field("/contactName"), "externalIdentifier": null}, "sender": {"uid": null},
        "location": {"uid": field("/locationUid"), "organizationUid": organization},
        "conversation": {"uid": field("/uid"), "assignedUserUid": field("/assignedUserUid"), "startedAt": field("/createdAt"),
            "channel": field("/channel")},
        "items": [{"uid": uid(), "type": "message", "body": text, "sendBody": text, "sourceType": null,
            "deliveryStatus": "delivered", "attachmentUrl": null, "attachmentContentType": null, "createdAt": now,
            "encryptedAt": null}],
    })
}

pub(super) fn invoice(organization: &str, location: &str, now: &str) -> Value {
    let name = "Ada Brook";
    json!({
        "uid": uid(), "invoiceNumber": format!("{}", 1_000 + rand::random_range(0..9_000_u32)), "amount": 12_500,
        "currencyRef": "USD", "customerName": name, "status": "created",
        "channel": {"type": "phone", "identifier": phone_of(name)}, "conversationUid": null,
        "location": {"uid": location, "organizationUid": organization}, "requester": null, "readerUid": null,
        "createdAt": now, "paidAt": null, "canceledAt": null, "canceledNote": null, "paymentNet": null, "tipAmount": null,
        "surchargeAmount": null, "surchargeRate": null, "allowedPaymentMethods": ["card"],
        "lineItems": [{"amount": 12_500, "description": "Tune-up"}], "invoiceServiceChargeItems": [], "payments": [],
    })
}

pub(super) fn payment(status: &str, now: &str) -> Value {
    json!({
        "uid": uid(), "status": status, "createdAt": now, "settledAt": null, "cardBrand": "visa", "cardFunding": "credit",
        "cardLast4": "4242", "bankAccountName": null, "bankAccountLast4": null, "declineCode": null,
        "declineCodeMessage": null, "fee": null, "feeBillingType": null, "feeCollectedAt": null, "interchangeFee": null,
        "paidWithCardOnFile": false, "refunds": [],
    })
}

pub(super) fn review(location: &str, now: &str) -> Value {
    let site = uid();
    json!({
        "uid": uid(), "createdAt": now, "updatedAt": now, "needsResponse": true, "isRecommendation": null,
        "author": {"id": uid(), "name": "Ada Brook"},
        "review": {"body": "Friendly and quick.", "rating": 5, "siteName": "google", "siteReviewId": site,
            "url": format!("https://reviews.example.com/{site}")},
        "responses": [], "locations": [{"uid": location}], "attributions": [],
    })
}

pub(super) fn response(now: &str) -> Value {
    json!({
        "uid": uid(), "body": "Thank you!", "publishDate": now, "siteAuthorName": "Harbour Bikes", "source": "podium",
        "likeCount": 0, "isDeleted": false,
    })
}

pub(super) fn invite(organization: &str, location: &str, now: &str) -> Value {
    let name = "Ada Brook";
    json!({
        "uid": uid(), "customerName": name, "channel": {"type": "phone", "identifier": phone_of(name)},
        "conversationItemUid": null, "deliveryStatus": "sent", "linkClicked": false, "linkClickedAt": null,
        "languages": ["en"], "shortUrl": "https://pdm.example.com/r/1", "url": "https://pdm.example.com/review-invite/1",
        "test": false, "createdAt": now, "updatedAt": now,
        "location": {"uid": location, "organizationUid": organization},
        "sender": {"uid": null, "name": "Robin Vale", "type": "user", "sentThrough": null}, "attributions": [],
    })
}

pub(super) fn call(organization: &str, location: &str, now: &str) -> Value {
    json!({
        "uid": uid(), "direction": "inbound", "status": "received", "customerPhoneNumber": phone_of("Ada Brook"),
        "locationPhoneNumber": phone_of(location), "locationUid": location, "organizationUid": organization,
        "conversationUid": null, "userUid": null, "durationSeconds": null, "hasVoicemail": false, "isPrivate": false,
        "startedAt": now, "endedAt": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_looks_like_one() {
        let one = uid();
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_ne!(one, uid());
    }
}
