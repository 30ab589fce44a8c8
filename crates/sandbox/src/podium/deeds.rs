//! What happens at the business: customers write, pay, judge and call. Each deed changes what REST tells and makes an event.

use super::events::{places, shelf_of};
use super::world::{Shelf, World, lay_over, str_at};
use super::{Podium, State, shapes};
use crate::tasks;
use serde::Serialize;
use serde_json::{Value, json};

/// An event that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happened {
    /// `metadata.eventUid`.
    pub event_uid: String,
    /// Of the thing it is about; empty if that has none.
    pub uid: String,
    /// Of the conversation it belongs to, if any.
    pub conversation_uid: Option<String>,
    /// The event's `data`.
    pub data: Value,
}

/// What is there from the start.
pub(super) fn furnish(world: &mut World) {
    let now = "2021-03-02T09:00:00Z";
    let organization = shapes::organization("Harbour Bikes", now);
    let owner = str_at(&organization, "/uid").unwrap_or_default().to_owned();
    world.put(Shelf::Organizations, organization);
    for name in ["Harbour Street", "Market Square"] {
        world.put(Shelf::Locations, shapes::location(&owner, name, now));
    }
    let locations = world.all(Shelf::Locations).iter();
    let locations: Vec<String> = locations.filter_map(|one| str_at(one, "/uid").map(str::to_owned)).collect();
    for (first, last, role) in
        [("Robin", "Vale", "Account Owner"), ("Jonas", "Lind", "Manager"), ("Amina", "Diallo", "User")]
    {
        world.put(Shelf::Users, shapes::user(first, last, role, &locations, now));
    }
}

impl Podium {
    /// A customer of this name writes, by telephone, to the first location.
    pub fn message_received(&self, from: &str, text: &str) -> Happened {
        let channel = json!({"type": "phone", "identifier": shapes::phone_of(from)});
        let wish = json!({"contactName": from, "body": text, "conversation": {"channel": channel}});
        self.happens("message.received", &wish)
    }

    /// The business writes in a conversation.
    pub fn message_sent(&self, conversation_uid: &str, text: &str) -> Happened {
        self.happens("message.sent", &json!({"body": text, "conversation": {"uid": conversation_uid}}))
    }

    /// What the business wrote did not get through.
    pub fn message_failed(&self, conversation_uid: &str, text: &str, reason: &str) -> Happened {
        let wish = json!({"body": text, "failureReason": reason, "conversation": {"uid": conversation_uid}});
        self.happens("message.failed", &wish)
    }

    /// A review of the first location.
    pub fn review_created(&self, author: &str, rating: u8, text: &str) -> Happened {
        let wish = json!({"author": {"name": author}, "review": {"rating": rating, "body": text}});
        self.happens("review.created", &wish)
    }

    /// Something about an invoice of this customer: `invoice.created`, `invoice.payment_succeeded`, ….
    pub fn invoice(&self, event_type: &str, customer: &str, cents: u64) -> Happened {
        self.happens(event_type, &json!({"customerName": customer, "amount": cents}))
    }

    /// Something about a call by this customer: `call.missed`, ….
    pub fn call(&self, event_type: &str, customer: &str) -> Happened {
        self.happens(event_type, &json!({"customerPhoneNumber": shapes::phone_of(customer)}))
    }

    /// Something about a contact of this name: `contact.created`, ….
    pub fn contact(&self, event_type: &str, name: &str) -> Happened {
        self.happens(event_type, &json!({"name": name}))
    }

    /// So many customers write, one after the other: `Message 1`, `Message 2`, …, each in a conversation of its own.
    pub fn burst(&self, count: usize) -> Vec<Happened> {
        let each =
            |number| self.message_received(&format!("Customer {number}"), &format!("Message {number}"));
        (1..=count).map(each).collect()
    }

    /// An event of a documented type. Its thing is made by the documentation, or, when `wish` names the `uid` of one that is
    /// there, taken as it is; then `wish` is laid over it. Of `contact.*` the wish is the contact; of `review.response_*` it may
    /// name the review's uid as `reviewUid`. An unknown type has the wish as its data.
    pub fn happens(&self, event_type: &str, wish: &Value) -> Happened {
        let now = shapes::datetime(tasks::now());
        let data = self.change(|state| state.make(event_type, wish, &now));
        self.tell(event_type, data)
    }

    /// An event of any type with exactly this data; REST does not know of it. It goes to the webhooks of the place that the data
    /// names, or else of the first location.
    pub fn event(&self, event_type: &str, data: Value) -> Happened {
        self.tell(event_type, data)
    }

    fn tell(&self, event_type: &str, data: Value) -> Happened {
        let event_uid = shapes::uid();
        if !self.silent {
            self.change(|state| state.enqueue(&event_uid, event_type, &data));
        }
        let text = |pointer| str_at(&data, pointer).map(str::to_owned);
        let uid = text("/uid").or_else(|| text("/after/uid")).or_else(|| text("/before/uid"));
        let conversation_uid = text("/conversation/uid").or_else(|| text("/conversationUid"));
        Happened { event_uid, uid: uid.unwrap_or_default(), conversation_uid, data }
    }
}

impl State {
    /// The first one's uid.
    pub(super) fn organization(&self) -> String {
        self.first(Shelf::Organizations)
    }

    fn first(&self, shelf: Shelf) -> String {
        let first = self.world.all(shelf).first().and_then(|one| str_at(one, "/uid"));
        first.unwrap_or_default().to_owned()
    }

    /// Where it happens: the location named, or else the first, with its organisation.
    pub(super) fn place(&self, data: &Value) -> (String, String) {
        let named = places(data).first().map(|uid| (*uid).to_owned());
        let location = named.unwrap_or_else(|| self.first(Shelf::Locations));
        let organization = self.world.get(Shelf::Locations, &location);
        let organization = organization.and_then(|one| str_at(one, "/organizationUid")).map(str::to_owned);
        (location, organization.unwrap_or_else(|| self.organization()))
    }

    fn make(&mut self, event_type: &str, wish: &Value, now: &str) -> Value {
        let Some(shelf) = shelf_of(event_type) else { return wish.clone() };
        if shelf == Shelf::Messages {
            return self.write(event_type, wish, now);
        }
        let (location, organization) = self.place(wish);
        let before = str_at(wish, "/uid").and_then(|uid| self.world.get(shelf, uid)).cloned();
        let mut thing = before.clone().unwrap_or_else(|| match shelf {
            Shelf::Contacts => {
                let name = str_at(wish, "/name").unwrap_or("Ada Brook");
                shapes::contact(name, &organization, &location, now)
            }
            Shelf::Invoices => shapes::invoice(&organization, &location, now),
            Shelf::Reviews => shapes::review(&location, now),
            Shelf::Responses => shapes::response(now),
            Shelf::Invites => shapes::invite(&organization, &location, now),
            Shelf::Calls => shapes::call(&organization, &location, now),
            Shelf::Organizations
            | Shelf::Locations
            | Shelf::Users
            | Shelf::Conversations
            | Shelf::Messages => json!({}),
        });
        if thing.get("updatedAt").is_some() {
            lay_over(&mut thing, &json!({"updatedAt": now}));
        }
        lay_over(&mut thing, &by_type(event_type, now));
        if shelf == Shelf::Responses {
            return self.respond(thing, wish);
        }
        lay_over(&mut thing, wish);
        if event_type != "contact.deleted" {
            self.world.put(shelf, thing.clone());
        }
        if shelf != Shelf::Contacts {
            return thing;
        }
        let (before, after) = match event_type {
            "contact.created" => (None, Some(thing)),
            "contact.deleted" => {
                let uid = str_at(&thing, "/uid").unwrap_or_default().to_owned();
                self.world.remove(shelf, &uid);
                (Some(thing), None)
            }
            _ => (Some(before.unwrap_or_else(|| thing.clone())), Some(thing)),
        };
        json!({"before": before, "after": after, "errors": []})
    }

    /// A message, in the conversation named, or in that of its channel.
    fn write(&mut self, event_type: &str, wish: &Value, now: &str) -> Value {
        let named =
            str_at(wish, "/conversation/uid").and_then(|uid| self.world.get(Shelf::Conversations, uid));
        let conversation = match named.cloned() {
            Some(conversation) => conversation,
            None => {
                let (location, _) = self.place(wish);
                let name = wish.get("contactName").cloned().unwrap_or_else(|| json!("Ada Brook"));
                let phone = shapes::phone_of(name.as_str().unwrap_or_default());
                let mut channel = json!({"type": "phone", "identifier": phone});
                if let Some(wished) = wish.pointer("/conversation/channel") {
                    lay_over(&mut channel, wished);
                }
                self.world.conversation(&location, &channel, &name, now)
            }
        };
        let (_, organization) = self.place(&conversation);
        let text = str_at(wish, "/body").unwrap_or("Hello");
        let mut message = shapes::message(&conversation, &organization, text, now);
        if event_type == "message.failed" {
            let items = json!([{"uid": shapes::uid(), "type": "message", "body": text, "sendBody": text, "sourceType": null,
                "deliveryStatus": "failed", "attachmentUrl": null, "attachmentContentType": null, "createdAt": now,
                "encryptedAt": null}]);
            lay_over(&mut message, &json!({"failureReason": "The number is not in service", "items": items}));
        }
        lay_over(&mut message, wish);
        let at = message.get("createdAt").filter(|at| !at.is_null()).cloned().unwrap_or_else(|| json!(now));
        if let Some(uid) = str_at(&conversation, "/uid") {
            let name = message.get("contactName").cloned().unwrap_or_default();
            let change = json!({"lastItemAt": at, "updatedAt": at, "closed": false, "contactName": name});
            self.world.change(Shelf::Conversations, uid, &change);
        }
        self.world.put(Shelf::Messages, message.clone());
        message
    }

    /// A response, and its trace in the review it answers.
    fn respond(&mut self, mut response: Value, wish: &Value) -> Value {
        lay_over(&mut response, wish);
        let review = response.as_object_mut().and_then(|fields| fields.remove("reviewUid"));
        let review = review.as_ref().and_then(Value::as_str).map(str::to_owned);
        let review = review.unwrap_or_else(|| self.first(Shelf::Reviews));
        let trace = json!({"needsResponse": false, "responses": [{"body": response.get("body"),
            "createdAt": response.get("publishDate"), "siteAuthorName": response.get("siteAuthorName")}]});
        self.world.change(Shelf::Reviews, &review, &trace);
        let mut kept = response.clone();
        lay_over(&mut kept, &json!({"reviewUid": review}));
        self.world.put(Shelf::Responses, kept);
        response
    }
}

/// What a type says of its thing by itself.
fn by_type(event_type: &str, now: &str) -> Value {
    match event_type {
        "invoice.disabled" => json!({"status": "canceled", "canceledAt": now}),
        "invoice.marked_as_paid" => json!({"status": "marked_as_paid", "paidAt": now}),
        "invoice.payment_created" => {
            json!({"status": "pending", "payments": [shapes::payment("pending", now)]})
        }
        "invoice.payment_failed" => json!({"status": "failed", "payments": [shapes::payment("failed", now)]}),
        "invoice.payment_succeeded" => {
            json!({"status": "paid", "paidAt": now, "payments": [shapes::payment("paid", now)]})
        }
        "invoice.refund_created" => {
            json!({"status": "refund_pending", "payments": [shapes::payment("refund_pending", now)]})
        }
        "invoice.refund_failed" => {
            json!({"status": "refund_failed", "payments": [shapes::payment("refund_failed", now)]})
        }
        "review.invite_link_updated" => {
            json!({"deliveryStatus": "delivered", "linkClicked": true, "linkClickedAt": now})
        }
        "call.completed" => json!({"status": "completed", "durationSeconds": 95, "endedAt": now}),
        "call.missed" => json!({"status": "missed", "endedAt": now}),
        "call.voicemail_left" => {
            json!({"status": "voicemail", "hasVoicemail": true, "durationSeconds": 20, "endedAt": now})
        }
        _ => json!({}),
    }
}
