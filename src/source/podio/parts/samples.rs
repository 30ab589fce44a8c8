//! Notifications as Podio may send them, one of each shape the detail view has, for tests here and of the page. Names of fields are the
//! documented ones; `diff` and `changed` are inferred as `change.rs` says; everything else is made up.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::account::AccountId;
use crate::notification::{Notification, NotificationId};
use crate::part::Part;
use crate::source::podio::normalize::{Asks, Reader, conversation_message, group};

/// A notification, what else is kept of its context, and what it is a sample of.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) id: NotificationId,
    pub(crate) notification: Notification,
    pub(crate) others: Vec<(NotificationId, Notification)>,
}

impl Sample {
    pub(crate) fn parts(&self) -> Vec<Part> {
        super::parts(self.id, &self.notification, &self.others, Some(ME))
    }
}

/// The signed-in user.
pub(crate) const ME: i64 = 46_432;

fn now() -> Timestamp {
    "2026-11-22T14:59:00Z".parse().unwrap()
}

fn person(number: i64, name: &str) -> Value {
    json!({"type": "user", "id": number, "user_id": number, "name": name})
}

/// A group with one notification, as the REST API gives it.
pub(crate) fn sent(kind: &str, data: Value, by: &str, what: &str, title: &str, about: Value) -> Value {
    let link = format!("https://podio.com/northwind/launch/{what}/42");
    // A space lies in itself.
    let space = if what == "space" { title } else { "Launch" };
    json!({
        "context": {
            "ref": {"type": what, "id": 42}, "data": about, "title": title, "rights": ["view", "comment"],
            "space": {"space_id": 301, "name": space, "url": "https://podio.com/northwind/launch"},
            "org": {"org_id": 1, "name": "Northwind"}, "link": link
        },
        "notifications": [{
            "notification_id": 9_100, "type": kind, "data": data, "text": null, "text_short": null, "viewed_on": null,
            "subscription_id": null, "created_on": "2026-11-22 14:31:00", "created_by": person(7, by), "starred": false
        }]
    })
}

/// The one notification of a group.
pub(crate) fn read(group_json: &Value) -> Notification {
    let account = AccountId::new("podio").unwrap();
    group(group_json, Reader { account: &account, me: Some(ME), now: now(), asks: Asks::default() }).remove(0)
}

fn one(name: &'static str, group_json: &Value) -> Sample {
    Sample { name, id: NotificationId(1), notification: read(group_json), others: Vec::new() }
}

/// A message pushed as an event of its conversation.
pub(crate) fn said(event: i64, by: i64, name: &str, minute: u8, text: &str, files: Value) -> Notification {
    let account = AccountId::new("podio").unwrap();
    let at = format!("2026-11-22 14:{minute:02}:00");
    let event = json!({"event": "conversation_event", "created_by": {"type": "user", "id": by}, "data": {
        "action": "message", "conversation_id": 701, "event_id": event, "text": text, "created_on": at, "subject": "Fair stand",
        "created_by": person(by, name),
        "data": {"message_id": 8_000 + event, "text": text, "files": files, "embed": null, "created_on": at}
    }});
    conversation_message(
        &event,
        Reader { account: &account, me: Some(ME), now: now(), asks: Asks::default() },
    )
    .unwrap()
}

fn item() -> Value {
    json!({"item_id": 42, "app": {"app_id": 5, "config": {"name": "Projects", "item_name": "Project"}}, "app_item_id_formatted": "PRJ-17",
        "title": "Website relaunch", "created_by": person(8, "Marta Oliveira"), "created_on": "2026-10-02 08:15:00", "tags": ["web", "autumn"]})
}

fn task() -> Value {
    json!({"task_id": 42, "text": "Order name badges", "status": "active", "due_date": "2026-11-27", "due_time": "15:00:00",
        "responsible": person(ME, "Nora New"), "private": false, "labels": [{"label_id": 1, "text": "Fair"}],
        "description": "Twelve for the stand, two spare ones.\nThe printer needs three days.",
        "ref": {"type": "item", "id": 7, "title": "Trade fair 2027"}})
}

fn space() -> Value {
    json!({"space_id": 42, "name": "Trade fair 2027", "member_count": 14, "app_count": 6,
        "top_members": [person(8, "Marta Oliveira"), person(9, "Kenji Mori"), person(10, "Amina Diallo"), person(11, "Søren Holm")],
        "top_apps": [{"app_id": 1, "name": "Stands", "icon": "1.png"}, {"app_id": 2, "name": "Leads", "icon": "2.png"}]})
}

/// One of each shape.
pub(crate) fn all() -> Vec<Sample> {
    let ask = json!([{
        "question": {"question_id": 3, "text": "Which day shall we go live?", "options": [
            {"question_option_id": 1, "text": "Thursday, after the stand-up"}, {"question_option_id": 2, "text": "Friday morning"},
            {"question_option_id": 3, "text": "Not this week"}]},
        "answers": [{"question_option_id": 1, "user": person(9, "Kenji Mori")}, {"question_option_id": 1, "user": person(10, "Amina Diallo")},
            {"question_option_id": 3, "user": person(11, "Søren Holm")}]
    }]);
    let comment = json!({"comment_id": 9_001, "value": "The new header is in, and the contact form sends again.\n\nPlease look at the pictures: the first is how it is today, the second how it could be.",
        "files": [{"file_id": 1, "name": "header-today.png", "mimetype": "image/png", "size": 348_213},
            {"file_id": 2, "name": "header-proposal.pdf", "mimetype": "application/pdf", "size": 2_411_724, "description": "With the wider logo"}],
        "embed": {"url": "https://preview.example.org/relaunch", "title": "The preview", "description": "Opens without a password until Friday"},
        "questions": ask});
    let diff = json!({"item_revision_id": 9_004, "type": "update", "revision": 12, "diff": [
        {"field_id": 1, "type": "category", "external_id": "status", "label": "Status", "from": [{"value": {"id": 1, "text": "In progress"}}], "to": [{"value": {"id": 2, "text": "In review"}}]},
        {"field_id": 2, "type": "money", "external_id": "budget", "label": "Budget", "from": [{"value": "12000.0000", "currency": "EUR"}], "to": [{"value": "13500.0000", "currency": "EUR"}]},
        {"field_id": 3, "type": "date", "external_id": "launch", "label": "Launch", "from": [{"start": "2026-12-01 00:00:00"}], "to": [{"start": "2026-12-03 09:00:00", "end": "2026-12-03 11:00:00"}]},
        {"field_id": 4, "type": "contact", "external_id": "owner", "label": "Owner", "from": [], "to": [{"value": {"profile_id": 9, "name": "Kenji Mori"}}]},
        {"field_id": 5, "type": "text", "external_id": "notes", "label": "Notes", "from": [{"value": "<p>Wait for the pictures.</p>"}], "to": [{"value": "<p>The pictures are here.</p><p>Next: the press page.</p>"}]},
        {"field_id": 6, "type": "progress", "external_id": "done", "label": "Done", "from": [{"value": 60}], "to": []}]});
    let due = json!({"type": "update_due_date", "changed": {"from": "2026-11-30", "to": "2026-11-27"}});
    let invite = json!({"subject": "We need you for the fair", "message": "Hi Nora,\nyou know the stand from last year. Would you join us for the planning?\n\nMarta",
        "status": "invited", "invite_code": "not-to-be-shown"});
    let stars = json!({"voting": {"voting_id": 4, "kind": "fivestar", "question": "How well does draft B fit?"}, "rating": 4});
    let request = json!({"space_member_request_id": 5, "status": "active", "role": "regular", "user": person(12, "Zoë van Dijk"), "space": {"space_id": 42, "name": "Trade fair 2027"}});
    let contract = json!({"file_id": 6, "name": "contract-v3.pdf", "description": "Signed by both sides", "mimetype": "application/pdf", "size": 1_204_113});
    let talk = [
        (1, 9, "Kenji Mori", 2, "Are the name badges ordered?"),
        (2, ME, "Nora New", 5, "Yes, twelve and two spare ones. They come on Wednesday."),
        (
            3,
            10,
            "Amina Diallo",
            9,
            "Great. And who brings the large screen? The one of last year has a stripe on the left side, so I would rather rent one.",
        ),
        (4, 9, "Kenji Mori", 12, "I can ask the rental."),
    ];
    let talk = talk.into_iter().map(|(event, by, name, minute, text)| {
        (NotificationId(event + 10), said(event, by, name, minute, text, json!([])))
    });
    let offer =
        json!([{"file_id": 3, "name": "offer-screens.pdf", "mimetype": "application/pdf", "size": 88_120}]);
    let message = Sample {
        name: "message",
        id: NotificationId(1),
        notification: said(
            9,
            10,
            "Amina Diallo",
            31,
            "Here is their offer. The 65″ one costs 180 € for three days.\nShall I take it?",
            offer,
        ),
        others: talk.collect(),
    };
    let meeting = json!({"meeting_id": 42, "title": "Quarterly review", "starts_on": "2026-11-23 09:00:00", "ends_on": "2026-11-23 10:30:00", "location": "Room 3",
        "agenda": "1. Figures\n2. What slowed us down\n3. The fair", "participants": [
            {"profile": {"name": "Marta Oliveira"}, "status": "accepted"}, {"profile": {"name": "Kenji Mori"}, "status": "tentative"}, {"profile": {"name": "Søren Holm"}, "status": "invited"}]});
    let batch = json!({"batch_id": 42, "name": "contacts-2026.xlsx", "plugin": "app_import", "status": "completed", "completed": 310, "skipped": 2, "failed": 0,
        "started_on": "2026-11-22 14:20:00", "ended_on": "2026-11-22 14:30:00", "file": {"name": "contacts-2026.xlsx"}, "app": {"name": "Contacts"}});
    let evening = json!({"question_id": 42, "text": "Which evening suits you?", "options": [{"question_option_id": 1, "text": "Wednesday"}, {"question_option_id": 2, "text": "Thursday"}],
        "ref": {"type": "status", "id": 3, "title": "Team dinner", "link": "https://podio.com/northwind/launch/status/3"}});
    let chosen = json!({"question_option": {"question_option_id": 2, "text": "Thursday"}});
    let hostile = json!({"comment_id": 1, "value": "</p><script>window.hacked = 1</script>\u{1b}[31m \u{202e}gnp.exe\u{202c} {@html window.hacked}",
        "files": [{"name": "<img src=x onerror=\"window.hacked = 2\">.png", "size": -1, "mimetype": "text/html"}, {"name": "a\nb\u{202e}fdp.exe", "size": 1}],
        "embed": {"url": "javascript:window.hacked=3", "title": "<a href=\"https://evil.example\">click</a>"},
        "questions": [{"question": {"text": "<b>Bold?</b>", "options": [{"question_option_id": 1, "text": "x".repeat(5_000)}]}, "answers": [{"question_option_id": 1, "user": {"name": "<i>I</i>"}}]}]});
    vec![
        one("comment", &sent("comment", comment, "Jonas Lind", "item", "Website relaunch", item())),
        one("item diff", &sent("update", diff, "Ada Brook", "item", "Website relaunch", item())),
        one("task change", &sent("update", due, "Marta Oliveira", "task", "Order name badges", task())),
        one("invite", &sent("space_invite", invite, "Marta Oliveira", "space", "Trade fair 2027", space())),
        one(
            "participation",
            &sent(
                "participation",
                json!({"status": "tentative"}),
                "Kenji Mori",
                "item",
                "Team outing",
                json!({"item_id": 42, "app": {"name": "Events"}}),
            ),
        ),
        one(
            "vote",
            &sent(
                "vote",
                stars,
                "Amina Diallo",
                "item",
                "Logo drafts",
                json!({"item_id": 42, "app": {"name": "Designs"}, "app_item_id": 4}),
            ),
        ),
        message,
        one(
            "rating",
            &sent(
                "rating",
                json!({"rating_id": 1, "type": "approved", "value": 1, "ref": {"type": "file", "id": 42}}),
                "Søren Holm",
                "file",
                "price-list-2027.xlsx",
                json!({"file_id": 42, "name": "price-list-2027.xlsx", "size": 48_213, "mimetype": "application/vnd.ms-excel"}),
            ),
        ),
        one(
            "file",
            &sent(
                "file",
                contract,
                "Łukasz Nowak",
                "item",
                "Supplier contract",
                json!({"item_id": 42, "app": {"name": "Contracts"}}),
            ),
        ),
        one(
            "member request",
            &sent("space_member_request", request, "Zoë van Dijk", "space", "Trade fair 2027", space()),
        ),
        one("meeting", &sent("reminder", Value::Null, "Podio", "meeting", "Quarterly review", meeting)),
        one("import", &sent("batch_complete", Value::Null, "Podio", "batch", "Contacts import", batch)),
        one("answer", &sent("answer", chosen, "Ada Brook", "question", "Which evening suits you?", evening)),
        one(
            "hostile",
            &sent("comment", hostile, "<b>Mallory</b>", "item", "<i>title</i>", json!({"title": "<u>u</u>"})),
        ),
    ]
}
