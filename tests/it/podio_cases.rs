//! One fixture for each documented combination of type and context and for each form of its data: what the words, the documentation
//! page and the random shapes are made from. Values are made up, names are documented; the data is the sandbox's.

use belfry::account::{AccountId, Choices};
use belfry::notification::{Arrival, Kind, Notification, NotificationId};
use belfry::rule::Rules;
use belfry::source::podio::normalize::{Asks, Reader, group};
use belfry::toast::{Pending, Toast, policy};
use belfry_sandbox::podio::{Context, taxonomy};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The signed-in user, who is told.
pub const ME: i64 = 46_432;

/// One notification, as the service would send it.
#[derive(Debug, Clone)]
pub struct Case {
    pub kind: &'static str,
    pub context: &'static str,
    /// What is special about its data; empty for the usual form.
    pub sample: String,
    pub data: Value,
}

/// Every kind in each of its contexts in each form.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, context) in taxonomy::combinations() {
        let about = Context::new(context, 42, "x");
        for sample in taxonomy::samples(kind.name, &about) {
            cases.push(Case { kind: kind.name, context, sample: sample.name, data: sample.data });
        }
    }
    cases
}

impl Case {
    /// `update - task (complete)`.
    pub fn name(&self) -> String {
        match self.sample.as_str() {
            "" => format!("{} - {}", self.kind, self.context),
            sample => format!("{} - {} ({sample})", self.kind, self.context),
        }
    }

    /// The picture the service would name.
    pub fn icon(&self) -> &'static str {
        taxonomy::icon(self.kind, self.context, &self.data)
    }

    /// The group with neither the service's words nor its picture: what Belfry makes by itself.
    pub fn bare(&self) -> Value {
        self.group(Value::Null, Value::Null, Value::Null)
    }

    /// The group with words and picture: the short form says only who and what, the long one nothing more.
    pub fn rendered(&self) -> Value {
        let line = rendered(self.kind);
        self.group(json!(line), json!(line.replace("Ada Brook ", "")), json!(self.icon()))
    }

    fn group(&self, text: Value, text_short: Value, icon: Value) -> Value {
        // What nobody did has nobody's name.
        let by = match self.kind {
            "reminder" | "batch_process" | "batch_complete" | "bulletin" | "meeting_started" => {
                json!({"type": "system", "id": 0, "name": null})
            }
            _ => json!({"type": "user", "id": 7, "user_id": 56_432, "name": "Ada Brook"}),
        };
        let mut about = context(self.context);
        if self.kind == "bulletin" {
            // News from the service lies in nobody's space.
            (about["space"], about["org"]) = (Value::Null, Value::Null);
        }
        json!({
            "context": about,
            "notifications": [{
                "notification_id": 123, "type": self.kind, "data": self.data, "icon": icon, "text": text,
                "text_short": text_short, "viewed_on": null, "subscription_id": 9, "created_on": "2026-11-22 09:58:00",
                "created_by": by, "created_via": {"id": 1, "name": "Podio", "url": null, "display": false}, "starred": false,
            }],
        })
    }
}

/// A context with its documented dictionary.
pub fn context(what: &str) -> Value {
    let (title, data) = match what {
        "item" => ("Website relaunch", json!({"item_id": 42})),
        "task" => {
            ("Order name badges", json!({"task_id": 42, "due_date": "2026-11-30", "due_time": "15:00:00"}))
        }
        "status" => ("All tests are green", json!({"status_id": 42, "value": "All tests are green"})),
        "space" => (
            "Launch",
            json!({"space_id": 42, "name": "Launch", "member_count": 2, "top_members": [{"user_id": 56_432, "name": "Ada Brook"}],
                "app_count": 1, "top_apps": [{"app_id": 71, "name": "Projects", "icon": "200.png"}]}),
        ),
        "org" => (
            "Northwind",
            json!({"org_id": 42, "name": "Northwind", "url": "https://podio.com/northwind", "logo": null, "premium": false}),
        ),
        "app" => ("Expenses", json!({"app_id": 42})),
        "share" => ("Event planner", json!({"share_id": 42})),
        "conversation" => (
            "Fair stand",
            json!({"conversation_id": 42, "subject": "Fair stand",
                "participants": [{"user_id": 56_432, "name": "Ada Brook"}, {"user_id": 46_432, "name": "Robin Vale"}]}),
        ),
        "question" => (
            "Which evening suits you?",
            json!({"question_id": 42, "text": "Which evening suits you?",
                "options": [{"question_option_id": 1, "text": "Yes"}, {"question_option_id": 2, "text": "No"}],
                "ref": {"type": "status", "id": 5, "title": "", "link": "https://podio.com/northwind/launch/status/5"}}),
        ),
        "meeting" => ("Monthly review", json!({"meeting_id": 42})),
        "file" => ("contract-v3.pdf", json!({"file_id": 42})),
        "bulletin" => ("What is new", json!({"bulletin_id": 42})),
        "batch" => (
            "Contacts",
            json!({"batch_id": 42, "name": "Contacts", "plugin": "app_import", "status": "completed", "completed": 120, "skipped": 3, "failed": 0}),
        ),
        "profiles" => ("Ada Brook", Value::Null),
        "action" => ("Called the printer", Value::Null),
        other => panic!("no fixture for the context {other}"),
    };
    let homeless = ["conversation", "org", "batch", "bulletin"].contains(&what);
    let space = json!({"space_id": 1, "name": "Launch", "url": "https://podio.com/northwind/launch"});
    json!({
        "ref": {"type": what, "id": 42}, "data": data, "title": title, "rights": ["view", "comment"],
        "space": if homeless { Value::Null } else { space },
        "org": {"org_id": 30, "name": "Northwind"},
        "link": format!("https://podio.com/northwind/launch/{what}/42"),
    })
}

/// What the service might say: who and what was done, but not to what.
fn rendered(kind: &str) -> &'static str {
    match kind {
        "alert" => "Ada Brook mentioned you",
        "comment" => "Ada Brook commented",
        "file" => "Ada Brook attached a file",
        "file_delete" => "Ada Brook removed a file",
        "member_reference_add" => "Ada Brook assigned you",
        "member_reference_remove" => "Ada Brook removed your assignment",
        "rating" | "vote" => "Ada Brook gave a rating",
        "like" => "Ada Brook likes this",
        "space_invite" => "Ada Brook invited you",
        "creation" => "Ada Brook created something new",
        "update" => "Ada Brook made an update",
        "delete" => "Ada Brook deleted this",
        "message" => "Ada Brook sent you a message",
        "participation" => "Ada Brook answered",
        "reminder" => "Reminder: due tomorrow",
        "bulletin" => "News from Podio",
        "batch_process" => "The import has started",
        "batch_complete" => "The import is complete",
        "meeting_started" => "Your meeting has started",
        _ => "Ada Brook did something",
    }
}

pub fn account() -> AccountId {
    AccountId::new("podio").unwrap()
}

pub fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// Reads a group as the signed-in user.
pub fn read(sent: &Value) -> Vec<Notification> {
    let account = account();
    group(sent, Reader { account: &account, me: Some(ME), now: now(), asks: Asks::default() })
}

/// The toast of a notification under the usual rules.
pub fn toast(notification: Notification) -> Toast {
    let pending = Pending {
        id: NotificationId(1),
        notification,
        arrival: Arrival::Live,
        admitted_at: now(),
        origin: "Podio".into(),
        choices: Choices::default(),
        button: None,
    };
    policy::toast(&pending, &Rules::default())
}

/// All that is known of a kind, by its name.
pub fn kind(name: &str) -> Kind {
    Kind::from(name.to_owned())
}
