//! Checking a map before it is kept, and trying it on what came. What is wrong is said with rule, field and line.

use std::fmt;

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, context};
use serde_json::{Value, json};

use super::{Event, Reader, template_name, urgency};
use crate::account::AccountId;
use crate::feed::{Field, FieldMap, Payload, Tried};
use crate::notification::Icon;

/// What a template may name.
const KNOWN: [&str; 4] = ["data", "channel", "event", "headers"];
/// Most rules a map may have, and the longest text of one field, in bytes.
const MOST: usize = 100;
const LONGEST: usize = 4 * 1024;

/// What is wrong with a map, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapError(Vec<String>);

impl std::error::Error for MapError {}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// Takes a map's templates in, if all of them make sense.
pub(super) fn check(map: &FieldMap, templates: &mut Environment<'static>) -> Result<(), MapError> {
    let mut wrong = Vec::new();
    if map.rules.len() > MOST {
        wrong.push(format!("a map may have {MOST} rules, this has {}", map.rules.len()));
    }
    for (place, rule) in map.rules.iter().enumerate().take(MOST) {
        let number = place + 1;
        for (name, pattern) in [("on", &rule.on), ("event", &rule.event)] {
            if pattern.is_empty() || pattern.len() > LONGEST {
                wrong.push(format!("rule {number}, {name}: give a name, or * for any"));
            }
        }
        for (field, source) in rule.templates() {
            let checked = literal(field, source).and_then(|()| {
                let name = template_name(place, field);
                templates
                    .add_template_owned(name.clone(), source.to_owned())
                    .map_err(|error| located(&error))?;
                names(templates, &name, source)?;
                dry_run(templates, &name)
            });
            if let Err(Wrong { line, why }) = checked {
                let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
                wrong.push(format!("rule {number}, {}{line}: {why}", field.name()));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(MapError(wrong)) }
}

/// What a map makes of each payload, in their order.
pub fn tried(map: &FieldMap, account: &AccountId, payloads: Vec<Payload>) -> Result<Vec<Tried>, MapError> {
    let reader = Reader::new(map)?;
    Ok(payloads.into_iter().map(|payload| try_one(&reader, account, payload)).collect())
}

fn try_one(reader: &Reader, account: &AccountId, payload: Payload) -> Tried {
    let Some(data) = &payload.data else {
        let troubles = vec!["it was too long to be kept, so it cannot be tried".to_owned()];
        return Tried { payload, rule: None, told: None, troubles };
    };
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let headers = payload.headers.as_ref().map(|headers| json!(headers));
    let reading = reader.read(
        account,
        &Event {
            channel: &payload.channel,
            name: &payload.event,
            data: &data,
            headers: headers.as_ref(),
            own: None,
            repeats: false,
            only_named: payload.only_named,
            at: payload.at,
        },
    );
    Tried { rule: reading.rule, told: reading.told, troubles: reading.troubles, payload }
}

struct Wrong {
    line: Option<usize>,
    why: String,
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self { line: None, why }
    }
}

fn located(error: &Error) -> Wrong {
    Wrong { line: error.line(), why: words(error) }
}

/// What can be told without filling anything in.
fn literal(field: Field, source: &str) -> Result<(), Wrong> {
    if source.len() > LONGEST {
        return Err(format!("a template may have {LONGEST} letters, this has more").into());
    }
    let written = source.trim();
    if written.contains('{') {
        return Ok(());
    }
    match field {
        Field::Title if written.is_empty() => Err("a title is needed".to_owned().into()),
        Field::Icon if !written.is_empty() && Icon::from_name(written).is_none() => {
            let names: Vec<_> = Icon::NAMED.iter().map(|icon| icon.name()).collect();
            Err(format!("there is no picture “{written}”; there are {}", names.join(", ")).into())
        }
        Field::Urgency if !written.is_empty() && urgency(written).is_none() => {
            Err(format!("“{written}” is none of low, normal and high").into())
        }
        Field::Url if !written.is_empty() && !written.starts_with("http") => {
            Err("only web addresses (https://…) are opened".to_owned().into())
        }
        Field::When
        | Field::Title
        | Field::Body
        | Field::Url
        | Field::Icon
        | Field::Id
        | Field::Time
        | Field::Urgency
        | Field::Actor => Ok(()),
    }
}

/// Every name has to be known: a slip of the pen would be empty for ever, or fail on the day on which it is first needed.
fn names(templates: &Environment<'static>, name: &str, source: &str) -> Result<(), Wrong> {
    let template = templates.get_template(name).map_err(|error| located(&error))?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !KNOWN.contains(&name.as_str()));
    unknown.sort();
    if let Some(name) = unknown.first() {
        let line = source.lines().position(|line| line.contains(name.as_str())).map(|line| line + 1);
        let why =
            format!("there is no “{name}” here: a template begins with data, channel, event or headers");
        return Err(Wrong { line, why });
    }
    for used in used(source) {
        let (is_there, what) = match used.what {
            What::Filter => ("name is filter", "filter"),
            What::Test => ("name is test", "test"),
        };
        let known = templates
            .compile_expression(is_there)
            .and_then(|expression| expression.eval(context! { name => used.name }))
            .is_ok_and(|known| known.is_true());
        if !known {
            let why = format!("there is no {what} “{}”", used.name);
            return Err(Wrong { line: Some(used.line), why });
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Filter,
    Test,
}

#[derive(Debug, PartialEq, Eq)]
struct Used<'a> {
    what: What,
    name: &'a str,
    line: usize,
}

/// The filters and tests that a template uses, also where a dry run would not come by: what stands behind `|` and `is` inside braces,
/// outside texts. The template has been compiled, so its braces and quotes are in order.
fn used(source: &str) -> Vec<Used<'_>> {
    let mut found = Vec::new();
    let mut rest = source;
    let line_of =
        |rest: &str| source.get(..source.len() - rest.len()).unwrap_or_default().matches('\n').count() + 1;
    while let Some((_, inside)) = rest.split_once('{') {
        rest = inside;
        let end = match inside.chars().next() {
            Some('{') => "}}",
            Some('%') => "%}",
            Some('#') => {
                rest = inside.split_once("#}").map_or("", |(_, after)| after);
                continue;
            }
            _ => continue,
        };
        let word_of_block = inside.get(1..).unwrap_or_default().trim_start_matches(['-', '+', ' ']);
        if end == "%}" && word_of_block.starts_with("raw") {
            rest = inside.split_once("endraw").map_or("", |(_, after)| after);
            continue;
        }
        let mut here = inside.get(1..).unwrap_or_default();
        let mut before = "";
        while !here.is_empty() && !here.starts_with(end) {
            let line = line_of(here);
            if let Some(quote) = here.chars().next().filter(|c| matches!(c, '"' | '\'')) {
                here = after_text(here, quote);
                before = "";
            } else if let Some(after) = here.strip_prefix('|') {
                here = after.trim_start();
                before = "|";
            } else if let Some(name) = word(here) {
                match before {
                    "|" => found.push(Used { what: What::Filter, name, line }),
                    "is" if name != "not" => found.push(Used { what: What::Test, name, line }),
                    "filter" if end == "%}" => found.push(Used { what: What::Filter, name, line }),
                    _ => {}
                }
                if !(before == "is" && name == "not") {
                    before = name;
                }
                here = here.get(name.len()..).unwrap_or_default();
            } else {
                let c = here.chars().next().map_or(1, char::len_utf8);
                if !here.starts_with(char::is_whitespace) {
                    before = "";
                }
                here = here.get(c..).unwrap_or_default();
            }
        }
        rest = here;
    }
    found
}

fn word(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty())
}

fn after_text(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return text.get(at + c.len_utf8()..).unwrap_or_default();
        }
    }
    ""
}

/// Fills the template in with events of several shapes. What a shape cannot give may be missing; a template that no event could fill in
/// is wrong.
fn dry_run(templates: &Environment<'static>, name: &str) -> Result<(), Wrong> {
    let template = templates.get_template(name).map_err(|error| located(&error))?;
    let headers = json!({ "x-github-event": "push" });
    for data in [Value::Null, json!({}), json!("text"), json!([1, "two"]), sample()] {
        let values = context! {
            data => minijinja::Value::from(Serde(&data)),
            channel => "private-App.Models.User.1",
            event => r"App\Events\OrderShipped",
            headers => minijinja::Value::from(Serde(&headers)),
        };
        match template.render(values) {
            Ok(_) => {}
            Err(error) if never(error.kind()) => return Err(located(&error)),
            Err(_) => {}
        }
    }
    Ok(())
}

/// An event as many applications send it.
fn sample() -> Value {
    json!({
        "id": 7, "title": "A title", "name": "A name", "message": "Some words", "body": "More words", "url": "https://example.org/7",
        "created_at": "2026-11-22T10:00:00Z", "user": { "id": 1, "name": "Ada" }, "items": [{ "id": 1, "name": "One" }],
    })
}

/// True if no event makes it work.
fn never(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::SyntaxError
            | ErrorKind::TemplateNotFound
            | ErrorKind::TooManyArguments
            | ErrorKind::MissingArgument
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::OutOfFuel
    )
}

/// An error of a template in words.
pub(super) fn words(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it would take too long to fill this in".to_owned(),
        (ErrorKind::UnknownMethod, _) => {
            "a value has nothing to call; use filters, as in {{ data.title|upper }}".to_owned()
        }
        (_, Some(detail)) => super::one_line(detail, 200),
        (kind, None) => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_tests_are_found_and_texts_and_comments_are_not_taken_for_them() {
        let source = "a|b {# x|y #} {{ data.a|upper }}{{ 'p|q' | default(\"a' | b\") }}\n{% if data.x is not defined and 'is odd' is string %}{% endif %}{% raw %}{{ x|raw1 }}{% endraw %}{% filter lower %}X{% endfilter %}";
        let found: Vec<_> = used(source).into_iter().map(|used| (used.what, used.name, used.line)).collect();
        let want = [
            (What::Filter, "upper", 1),
            (What::Filter, "default", 1),
            (What::Test, "defined", 2),
            (What::Test, "string", 2),
            (What::Filter, "lower", 2),
        ];
        assert_eq!(found, want);
    }
}
