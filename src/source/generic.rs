//! Any feed as the person describes it: an event comes in, and what their [`FieldMap`] says of it goes out as a [`Notification`]. Pure,
//! and never fails: a template that cannot be filled leaves its part out and is told.
//!
//! Knows no service: a feed may be Pusher's, a webhook or anything else that has channels, names and JSON. What comes is hostile:
//! templates can call nothing, run only so long, and what they give is text.

mod checked;
mod filters;
mod parts;
mod seen;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::checked::{MapError, tried};
use self::filters::{first_text, moment, readable};
pub(in crate::source) use self::parts::parts;
pub use self::seen::Seen;
use super::plain::{is_seen, lines, one_line};
use crate::account::AccountId;
use crate::feed::{Field, FieldMap, Rule, Unmatched};
use crate::notification::{Context, Detail, Icon, Kind, Notification, Urgency};

/// Longest title, body and other line kept, in characters.
const TITLE: usize = 300;
const BODY: usize = 2_000;
const NAME: usize = 120;
/// Longest address kept, in bytes. A longer one is none: cut off, it would lead elsewhere.
const ADDRESS: usize = 2_048;
/// A longer name of an event is kept as its hash.
const ID: usize = 120;
/// Longest JSON kept of an event, in bytes.
const RAW: usize = 64 * 1024;
/// What one template may use up: about as many steps, or 64 bytes for each.
const FUEL: u64 = 40_000;

/// One event of a feed.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Which channel of the feed it came on.
    pub channel: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it carries.
    pub data: &'a Value,
    /// The headers that it came with, an object of texts, where it came with some.
    pub headers: Option<&'a Value>,
    /// Its own name, where the feed gives it one: two events of one name are one, unless the map names them otherwise.
    pub own: Option<&'a str>,
    /// True if the feed may give the same event again: then the same content on the same channel is the same event.
    pub repeats: bool,
    /// True if it is news only to a rule that names it: who came and went, say.
    pub only_named: bool,
    /// When it came.
    pub at: Timestamp,
}

/// What a map makes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The notification, if it is news.
    pub told: Option<Box<Notification>>,
    /// The place of the rule that made it, from 1; none if no rule did.
    pub rule: Option<usize>,
    /// What could not be filled in, a sentence each.
    pub troubles: Vec<String>,
}

/// A map that was checked, ready to read events.
#[derive(Debug)]
pub struct Reader {
    rules: Vec<Rule>,
    other: Unmatched,
    templates: Environment<'static>,
}

impl Reader {
    /// Checks a map: every template has to make sense, and to name only what there is.
    pub fn new(map: &FieldMap) -> Result<Self, MapError> {
        let mut templates = environment();
        checked::check(map, &mut templates)?;
        Ok(Self { rules: map.rules.clone(), other: map.other, templates })
    }

    /// What the map makes of an event that came to this account.
    pub fn read(&self, account: &AccountId, event: &Event<'_>) -> Reading {
        // Once for all templates of the event; what they share of it they do not copy.
        let values = context! {
            data => minijinja::Value::from(Serde(event.data)),
            channel => event.channel,
            event => event.name,
            headers => event.headers.map_or(minijinja::Value::UNDEFINED, |headers| minijinja::Value::from(Serde(headers))),
        };
        let mut troubles = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            let mut filling = Filling { reader: self, place, rule, values: &values, troubles: &mut troubles };
            if filling.fits(event) {
                let told = filling.told(account, event);
                return Reading { told: Some(Box::new(told)), rule: Some(place + 1), troubles };
            }
        }
        let told = match self.other {
            Unmatched::Show if !event.only_named => Some(Box::new(as_it_is(account, event))),
            Unmatched::Show | Unmatched::Quiet => None,
        };
        Reading { told, rule: None, troubles }
    }
}

/// Where templates live: our filters beside the usual ones, nothing that is a call, and an end to all things.
fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::None);
    templates.set_undefined_behavior(UndefinedBehavior::Chainable);
    templates.set_fuel(Some(FUEL));
    filters::add(&mut templates);
    templates
}

/// The name under which a template is kept.
fn template_name(place: usize, field: Field) -> String {
    format!("{place}.{}", field.name())
}

/// One rule over one event.
struct Filling<'a> {
    reader: &'a Reader,
    place: usize,
    rule: &'a Rule,
    values: &'a minijinja::Value,
    troubles: &'a mut Vec<String>,
}

impl Filling<'_> {
    fn fits(&mut self, event: &Event<'_>) -> bool {
        if !fits(&self.rule.on, event.channel) || !fits_event(&self.rule.event, event.name) {
            return false;
        }
        if event.only_named && self.rule.event.contains('*') {
            return false;
        }
        if self.rule.when.is_none() {
            return true;
        }
        let said = self.fill(Field::When).unwrap_or_default().trim().to_ascii_lowercase();
        !matches!(said.as_str(), "" | "false" | "no" | "none" | "0" | "0.0" | "[]" | "{}")
    }

    /// The text of one part; nothing if there is no template, if it gives nothing that is seen, or if it cannot be filled.
    fn fill(&mut self, field: Field) -> Option<String> {
        self.rule.template(field)?;
        let template = self.reader.templates.get_template(&template_name(self.place, field)).ok()?;
        match template.render(self.values) {
            Ok(text) => Some(text).filter(|text| is_seen(text)),
            Err(error) => {
                let why = checked::words(&error);
                self.troubles.push(format!("rule {}, {}: {why}", self.place + 1, field.name()));
                None
            }
        }
    }

    fn told(&mut self, account: &AccountId, event: &Event<'_>) -> Notification {
        let title = self.fill(Field::Title).map(|title| one_line(&title, TITLE));
        let body = self.fill(Field::Body).map(|body| lines(&body, BODY)).unwrap_or_default();
        let url = self.fill(Field::Url).map(|url| url.trim().to_owned());
        let icon = self.fill(Field::Icon).and_then(|name| Icon::from_name(name.trim()));
        let id = self.fill(Field::Id).map(|id| id.trim().to_owned());
        let time = self.fill(Field::Time);
        let occurred_at = time.as_deref().map(|time| {
            moment(time).unwrap_or_else(|| {
                let said = one_line(time, 40);
                self.trouble(Field::Time, &format!("“{said}” is no time; the time at which it came stands"));
                event.at
            })
        });
        let urgency = self.fill(Field::Urgency).and_then(|said| {
            let urgency = urgency(&said);
            if urgency.is_none() {
                let said = one_line(&said, 40);
                self.trouble(Field::Urgency, &format!("“{said}” is none of low, normal and high"));
            }
            urgency
        });
        let actor = self.fill(Field::Actor).map(|actor| one_line(&actor, NAME));
        Notification {
            external_id: external_id(id.as_deref(), event),
            title: title.filter(|title| is_seen(title)).unwrap_or_else(|| title_of(event)),
            body,
            actor: actor.filter(|actor| is_seen(actor)),
            icon: icon.unwrap_or(Icon::Other),
            // What has not happened yet would stand above all news for as long as that lasts.
            occurred_at: occurred_at.unwrap_or(event.at).min(event.at),
            context: context_of(event, url.filter(|url| url.len() <= ADDRESS)),
            urgency,
            ..bare(account, event)
        }
    }

    fn trouble(&mut self, field: Field, why: &str) {
        self.troubles.push(format!("rule {}, {}: {why}", self.place + 1, field.name()));
    }
}

/// An event that no rule speaks of, shown with its own name and the first text in it.
fn as_it_is(account: &AccountId, event: &Event<'_>) -> Notification {
    Notification {
        body: first_text(event.data).map(|text| lines(text, BODY)).unwrap_or_default(),
        ..bare(account, event)
    }
}

/// What every notification of an event has.
fn bare(account: &AccountId, event: &Event<'_>) -> Notification {
    Notification {
        account: account.clone(),
        external_id: external_id(None, event),
        kind: Kind::Other(kind_of(event.name)),
        icon: Icon::Other,
        title: title_of(event),
        body: String::new(),
        actor: None,
        context: context_of(event, None),
        occurred_at: event.at,
        read: false,
        starred: false,
        wants_banner: true,
        wants_sound: true,
        no_news: false,
        urgency: None,
        version: 0,
        detail: Detail::Whole,
        raw: raw(event),
    }
}

/// The event's name as its kind. Never one of the kinds that have a meaning: what is called `message` here need not be one.
fn kind_of(name: &str) -> String {
    format!("event:{}", one_line(name, NAME))
}

fn title_of(event: &Event<'_>) -> String {
    let title = one_line(&readable(event.name), TITLE);
    if is_seen(&title) { title } else { "Event".to_owned() }
}

fn context_of(event: &Event<'_>, url: Option<String>) -> Context {
    let channel = one_line(event.channel, NAME);
    Context {
        what: if channel.is_empty() { String::new() } else { "channel".to_owned() },
        id: channel.clone(),
        title: None,
        place: Some(channel).filter(|channel| is_seen(channel)),
        url,
    }
}

/// `i…` as the map names it, `o…` as the feed does, `c…` by its content where it may come again, else `e…`, of its own.
fn external_id(id: Option<&str>, event: &Event<'_>) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    match id {
        Some(id) if id.len() <= ID && !id.contains(char::is_control) => format!("i{id}"),
        Some(id) => format!("i#{}", hash(&[id])),
        None => {
            if let Some(own) = event.own {
                return format!("o{own}");
            }
            let content = hash(&[event.channel, event.name, &event.data.to_string()]);
            if event.repeats {
                return format!("c{content}");
            }
            // The beginning of the hash keeps it apart from one of another run, should the clock have been set back.
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let content = content.get(..8).unwrap_or_default();
            format!("e{}.{count}.{content}", event.at.as_microsecond())
        }
    }
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default())
}

fn raw(event: &Event<'_>) -> String {
    let (channel, name) = (one_line(event.channel, NAME), one_line(event.name, NAME));
    let whole = json!({ "channel": channel, "event": name, "data": event.data }).to_string();
    if whole.len() <= RAW {
        return whole;
    }
    let first = first_text(event.data).map(|text| lines(text, BODY));
    json!({ "channel": channel, "event": name, "too_long": true, "data": first }).to_string()
}

fn urgency(said: &str) -> Option<Urgency> {
    match said.trim().to_ascii_lowercase().as_str() {
        "low" => Some(Urgency::Low),
        "normal" => Some(Urgency::Normal),
        "high" => Some(Urgency::High),
        _ => None,
    }
}

/// True if the name is of this pattern, in which `*` stands for any characters.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    // Each part as early as it can be: if any way fits, this one does.
    for part in parts {
        let Some((_, after)) = rest
            .split_once(part)
            .filter(|_| !part.is_empty())
            .or(Some(("", rest)).filter(|_| part.is_empty()))
        else {
            return false;
        };
        rest = after;
    }
    true
}

/// Likewise for an event, of which the last part of a class's name is enough: `OrderShipped` for `App\Events\OrderShipped`.
fn fits_event(pattern: &str, name: &str) -> bool {
    let short = name.rsplit('\\').next().unwrap_or(name);
    fits(pattern, name) || (!pattern.contains('\\') && fits(pattern, short))
}
