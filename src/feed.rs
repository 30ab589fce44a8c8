//! A feed: a stream of events that means nothing to Belfry until the person says what of it is news. Plain values: what a [`FieldMap`]
//! says is applied by `source::generic`, whichever service the events come from.

mod preset;
mod written;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::notification::Notification;
pub use preset::PRESETS;
pub use written::BadMap;

/// How the events of a feed become notifications: the first rule that fits makes one. All texts but the patterns are templates over
/// the event (`{{ data.title }}`, `{{ event }}`, `{{ channel }}`, `{{ headers['x-github-event'] }}`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct FieldMap {
    /// The rules, tried in this order.
    #[cfg_attr(test, ts(as = "Option<Vec<Rule>>", optional))]
    pub rules: Vec<Rule>,
    /// What happens to an event that no rule fits.
    #[cfg_attr(test, ts(as = "Option<Unmatched>", optional))]
    pub other: Unmatched,
}

/// What happens to an event that no rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Unmatched {
    /// It is counted and kept nowhere.
    #[default]
    Quiet,
    /// It is shown with its own name and the first text in it.
    Show,
}

/// Which events become a notification, and what of the event is which part of it. A part without a template, or whose template gives
/// nothing, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct Rule {
    /// Which channels: a name, or a pattern in which `*` stands for any characters. All of them unless told otherwise.
    #[serde(default = "Rule::any", skip_serializing_if = "Rule::is_any")]
    #[cfg_attr(test, ts(as = "Option<String>", optional))]
    pub on: String,
    /// Which events: likewise.
    #[serde(default = "Rule::any", skip_serializing_if = "Rule::is_any")]
    #[cfg_attr(test, ts(as = "Option<String>", optional))]
    pub event: String,
    /// Only events for which this template gives something other than nothing, `false`, `no`, `none` or `0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The title. Where it gives nothing, the event's name stands.
    pub title: String,
    /// The first words of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The address that a click opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The name of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The event's own name: two events of one name are one notification. Without it, each event is news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it happened: ISO 8601, or seconds or milliseconds since 1970. Without it, when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// How much it matters: `low`, `normal` or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// Who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

impl Rule {
    /// Every event, under this title.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            on: Self::any(),
            event: Self::any(),
            when: None,
            title: title.into(),
            body: None,
            url: None,
            icon: None,
            id: None,
            time: None,
            urgency: None,
            actor: None,
        }
    }

    /// The templates that are there, by the name of what they make, in the order in which a person reads them.
    pub fn templates(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.template(field)?)))
    }

    /// The template of one field, if there is one.
    pub fn template(&self, field: Field) -> Option<&str> {
        match field {
            Field::When => self.when.as_deref(),
            Field::Title => Some(&self.title),
            Field::Body => self.body.as_deref(),
            Field::Url => self.url.as_deref(),
            Field::Icon => self.icon.as_deref(),
            Field::Id => self.id.as_deref(),
            Field::Time => self.time.as_deref(),
            Field::Urgency => self.urgency.as_deref(),
            Field::Actor => self.actor.as_deref(),
        }
    }

    /// Sets the template of one field.
    pub fn set(&mut self, field: Field, template: String) {
        match field {
            Field::When => self.when = Some(template),
            Field::Title => self.title = template,
            Field::Body => self.body = Some(template),
            Field::Url => self.url = Some(template),
            Field::Icon => self.icon = Some(template),
            Field::Id => self.id = Some(template),
            Field::Time => self.time = Some(template),
            Field::Urgency => self.urgency = Some(template),
            Field::Actor => self.actor = Some(template),
        }
    }

    fn any() -> String {
        "*".to_owned()
    }

    fn is_any(pattern: &str) -> bool {
        pattern == "*"
    }
}

/// The fields of a rule that are templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the field of that name in a rule")]
pub enum Field {
    When,
    Title,
    Body,
    Url,
    Icon,
    Id,
    Time,
    Urgency,
    Actor,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::When,
        Self::Title,
        Self::Body,
        Self::Url,
        Self::Icon,
        Self::Id,
        Self::Time,
        Self::Urgency,
        Self::Actor,
    ];

    /// The field's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::When => "when",
            Self::Title => "title",
            Self::Body => "body",
            Self::Url => "url",
            Self::Icon => "icon",
            Self::Id => "id",
            Self::Time => "time",
            Self::Urgency => "urgency",
            Self::Actor => "actor",
        }
    }
}

/// An event as it came, kept for a while so that a person sees what there is to make notifications of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Payload {
    /// When it came.
    pub at: Timestamp,
    /// On which channel.
    pub channel: String,
    /// Under which name.
    pub event: String,
    /// What it carried, JSON text; nothing if it was too long to be kept.
    pub data: Option<String>,
    /// The headers it came with, if it came with some and they were not too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub headers: Option<BTreeMap<String, String>>,
    /// True if only a rule that names the event makes a notification of it.
    #[serde(default)]
    pub only_named: bool,
}

/// What a map makes of a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Tried {
    /// The payload.
    pub payload: Payload,
    /// The place of the rule that fits, from 1.
    pub rule: Option<usize>,
    /// What it becomes; nothing if it is no news.
    pub told: Option<Box<Notification>>,
    /// What could not be filled in, a sentence each.
    pub troubles: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_survives_its_stored_form_and_a_rule_needs_only_a_title() {
        let map: FieldMap = serde_json::from_str(r#"{"rules":[{"title":"{{ event }}"}]}"#).unwrap();
        assert_eq!(map.rules, [Rule::titled("{{ event }}")]);
        assert_eq!(map.other, Unmatched::Quiet);
        let mut rule = Rule::titled("t");
        for field in Field::ALL {
            rule.set(field, field.name().to_owned());
        }
        assert!(rule.templates().eq(Field::ALL.map(|field| (field, field.name()))));
        let map = FieldMap { rules: vec![rule], other: Unmatched::Show };
        let stored = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<FieldMap>(&stored).unwrap(), map);
    }

    #[test]
    fn a_field_that_no_rule_has_is_an_error() {
        let wrong = serde_json::from_str::<FieldMap>(r#"{"rules":[{"title":"t","titel":"x"}]}"#);
        assert!(wrong.unwrap_err().to_string().contains("titel"));
    }
}
