//! The lists and things that Belfry reads.

use jiff::Timestamp;
use serde_json::Value;

use super::paging::{PAGE, Pages};
use super::{Api, ApiError, Call};
use crate::source::plain::{is_seen, one_line};
use crate::source::podio::json::{field, flag, text};

/// No list of places or people is longer than this.
const PLACES: usize = 20;
/// Longest name, in characters.
const NAME: usize = 80;

/// A location of a business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Its name at the service.
    pub(crate) uid: String,
    /// The organisation it belongs to.
    pub(crate) organization: Option<String>,
    /// What people call it.
    pub(crate) name: String,
}

/// Somebody who works there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Their name at the service.
    pub(crate) uid: String,
    /// What people call them.
    pub(crate) name: String,
}

impl Api {
    /// The locations that are in use.
    pub(crate) async fn locations(&self) -> Result<Vec<Location>, ApiError> {
        let call = Call::get(&["locations"], "see your locations", "read_locations").needed();
        let all = Pages::new(self, limited(call), PLACES).all().await?;
        Ok(all.iter().filter_map(location).collect())
    }

    /// Everybody who works there.
    pub(crate) async fn users(&self) -> Result<Vec<Person>, ApiError> {
        let call = Call::get(&["users"], "see who works with you", "read_users");
        let all = Pages::new(self, limited(call), PLACES).all().await?;
        Ok(all.iter().filter_map(person).collect())
    }

    /// What an organisation is called.
    pub(crate) async fn organization(&self, uid: &str) -> Result<Option<String>, ApiError> {
        let call = Call::get(&["organizations", uid], "see your organisation", "read_organizations").needed();
        Ok(called(field(&self.call(&call).await?.data, "businessName")))
    }

    /// The conversations, in an order that is not documented.
    pub(crate) fn conversations(&self, location: Option<&str>, most: usize) -> Pages<'_> {
        let call = Call::get(&["conversations"], "read your conversations", "read_messages");
        Pages::new(self, at_location(limited(call), location), most)
    }

    /// The messages of a conversation, in an order that is not documented.
    pub(crate) fn messages(&self, conversation: &str, most: usize) -> Pages<'_> {
        let call =
            Call::get(&["conversations", conversation, "messages"], "read your messages", "read_messages");
        // It takes nothing but a cursor.
        Pages::new(self, call, most)
    }

    /// The reviews that were changed since.
    pub(crate) fn reviews(&self, since: Option<Timestamp>, most: usize) -> Pages<'_> {
        let call = Call::get(&["reviews"], "read your reviews", "read_reviews");
        Pages::new(self, changed_since(limited(call), since), most)
    }

    /// The requests for reviews that were changed since.
    pub(crate) fn invites(&self, since: Option<Timestamp>, most: usize) -> Pages<'_> {
        let call = Call::get(&["reviews", "invites"], "see who was asked for a review", "read_reviews");
        Pages::new(self, changed_since(limited(call), since), most)
    }

    /// The invoices to which this happened since: `dateCreated`, `datePaid` or `dateRefunded`.
    pub(crate) fn invoices(
        &self,
        location: Option<&str>,
        since: Option<(&'static str, Timestamp)>,
        most: usize,
    ) -> Pages<'_> {
        let call = Call::get(&["invoices"], "read your invoices", "read_payments");
        let call = at_location(limited(call), location);
        let call = match since {
            Some((what, since)) => call.with(what, since.to_string()),
            None => call,
        };
        Pages::new(self, call, most)
    }
}

fn limited(call: Call) -> Call {
    call.with("limit", PAGE.to_string())
}

fn at_location(call: Call, location: Option<&str>) -> Call {
    match location {
        Some(uid) => call.with("locationUid", uid),
        None => call,
    }
}

fn changed_since(call: Call, since: Option<Timestamp>) -> Call {
    match since {
        Some(since) => call.with("updatedAt[gt]", since.to_string()),
        None => call,
    }
}

fn location(value: &Value) -> Option<Location> {
    if flag(field(value, "archived")) == Some(true) {
        return None;
    }
    let uid = text(field(value, "uid"))?;
    let name = called(field(value, "displayName")).or_else(|| called(field(value, "name")));
    Some(Location {
        organization: text(field(value, "organizationUid")),
        name: name.or_else(|| called(field(value, "address"))).unwrap_or_else(|| uid.clone()),
        uid,
    })
}

fn person(value: &Value) -> Option<Person> {
    let names = [field(value, "firstName"), field(value, "lastName")];
    let name = names.into_iter().filter_map(called).collect::<Vec<_>>().join(" ");
    Some(Person { uid: text(field(value, "uid"))?, name: Some(name).filter(|name| !name.is_empty())? })
}

fn called(value: &Value) -> Option<String> {
    text(value).map(|name| one_line(&name, NAME)).filter(|name| is_seen(name))
}
