//! What templates can do with a value beyond the usual: times in every spelling, names of programs as words, the first text there is.
//! Pure.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State};
use serde_json::Value;

/// How deep a text is looked for.
const DEPTH: usize = 8;
/// How much of a name is made readable, in characters.
const READ: usize = 400;

/// Adds ours to the usual ones.
pub(super) fn add(templates: &mut Environment<'static>) {
    templates.add_filter("date", date);
    templates.add_filter("words", words);
    templates.add_filter("readable", |state: &State, name: minijinja::Value| {
        Ok::<_, Error>(readable(&paid(state, &name)?))
    });
    templates.add_filter("text", |state: &State, value: minijinja::Value| {
        let json = serde_json::to_string(&value).unwrap_or_default();
        pay(state, json.len())?;
        let plain: Value = serde_json::from_str(&json).unwrap_or_default();
        Ok::<_, Error>(first_text(&plain).unwrap_or_default().to_owned())
    });
    // What a template says of its own making is of no use here.
    templates.remove_global("debug");
}

/// What our filters read is paid for like what the usual ones do: a long text, read again and again in a loop, must come to an end.
fn pay(state: &State, bytes: usize) -> Result<(), Error> {
    state.consume_fuel(u64::try_from(bytes / 64).unwrap_or(u64::MAX).saturating_add(1))
}

fn paid(state: &State, value: &minijinja::Value) -> Result<String, Error> {
    let text = match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        _ => value.to_string(),
    };
    pay(state, text.len())?;
    Ok(text)
}

/// `{{ data.at|date }}` is the moment in ISO 8601, `{{ data.at|date("%H:%M") }}` in that form by the clock of this computer. What is no
/// moment gives nothing.
fn date(state: &State, value: minijinja::Value, form: Option<String>) -> Result<String, Error> {
    let Some(moment) = moment(&paid(state, &value)?) else { return Ok(String::new()) };
    let Some(form) = form else { return Ok(moment.to_string()) };
    let local = moment.to_zoned(TimeZone::system());
    jiff::fmt::strtime::format(&form, &local).map_err(|error| {
        Error::new(ErrorKind::InvalidOperation, format!("“{form}” is no form of a date: {error}"))
    })
}

/// `{{ data.text|words(8) }}` is the first eight words, with an ellipsis if there are more.
fn words(state: &State, value: minijinja::Value, count: Option<usize>) -> Result<String, Error> {
    let text = paid(state, &value)?;
    let mut all = text.split_whitespace();
    let mut kept: String = String::new();
    for word in all.by_ref().take(count.unwrap_or(12)) {
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    if all.next().is_some() {
        kept.push('…');
    }
    Ok(kept)
}

/// A moment in any of the spellings that services use: ISO 8601 with or without its zone (then UTC), seconds, milliseconds or
/// microseconds since 1970.
pub(super) fn moment(said: &str) -> Option<Timestamp> {
    let said = said.trim();
    if let Ok(number) = said.parse::<f64>() {
        // A second of the year 5138 is a millisecond of 1973, so large ones are milliseconds, larger ones microseconds.
        let seconds = match number.abs() {
            size if size < 1e11 => number,
            size if size < 1e14 => number / 1e3,
            _ => number / 1e6,
        };
        let duration = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
        return Timestamp::from_duration(duration).ok()?.round(jiff::Unit::Millisecond).ok();
    }
    let utc = || said.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    said.parse().ok().or_else(utc)
}

/// A name from a program as a person would write it: `App\Events\OrderShipped` and `order.shipped` are “Order shipped”.
pub(super) fn readable(name: &str) -> String {
    let name = name.rsplit('\\').next().unwrap_or(name);
    let mut spoken = String::new();
    let mut before_is_small = false;
    for c in name.chars().take(READ) {
        if matches!(c, '_' | '-' | '.' | ':' | '/') || c.is_whitespace() {
            spoken.push(' ');
            before_is_small = false;
            continue;
        }
        if c.is_uppercase() && before_is_small {
            spoken.push(' ');
            spoken.extend(c.to_lowercase());
        } else {
            spoken.push(c);
        }
        before_is_small = c.is_lowercase() || c.is_ascii_digit();
    }
    let mut letters = spoken.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// The first text that says something: a string with a space or a letter in it, in the order in which the fields stand.
pub(super) fn first_text(value: &Value) -> Option<&str> {
    fn look(value: &Value, deep: usize) -> Option<&str> {
        match value {
            Value::String(text) => Some(text.as_str()).filter(|text| text.chars().any(char::is_alphabetic)),
            Value::Array(all) if deep > 0 => all.iter().find_map(|one| look(one, deep - 1)),
            Value::Object(fields) if deep > 0 => {
                // What lies at the top says more than what lies deep.
                let flat = fields.values().find_map(|one| look(one, 0));
                flat.or_else(|| fields.values().find_map(|one| look(one, deep - 1)))
            }
            Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
    look(value, DEPTH)
}
