//! Bounded plain text out of Podio's JSON: lines, longer texts, names, dates, sizes. Pure; what is not there or not understood is `None`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::source::podio::json::{at, field, flag, int, items, text, time};

/// Longest text that somebody wrote, in characters.
pub(super) const TEXT: usize = 20_000;
/// Longest text of another message, or of one side of a change.
pub(super) const PASSAGE: usize = 1_000;
/// Longest label, name or single value.
pub(super) const LINE: usize = 200;

/// One line of text.
pub(super) fn line(value: &Value) -> Option<String> {
    one_line(&text(value)?)
}

/// A text of several lines.
pub(super) fn long(value: &Value, longest: usize) -> Option<String> {
    let Value::String(text) = value else { return line(value) };
    let (begun, cut) = begin(text, longest);
    tidy(begun, longest, cut)
}

/// A text of several lines that the service keeps as HTML: without the tags, which end lines where they did on the page.
pub(super) fn from_html(value: &Value, longest: usize) -> Option<String> {
    let Value::String(text) = value else { return line(value) };
    let (begun, cut) = begin(text, longest);
    tidy(&without_tags(begun), longest, cut)
}

/// As much of a text as can matter, however long it is: the rest is not even looked at. True if there is a rest.
fn begin(text: &str, longest: usize) -> (&str, bool) {
    match text.char_indices().nth(longest.saturating_mul(8)) {
        None => (text, false),
        Some((end, _)) => (text.get(..end).unwrap_or_default(), true),
    }
}

/// The name of a byline, a profile, a file, an app, a space.
pub(super) fn name(value: &Value) -> Option<String> {
    [
        field(value, "name"),
        at(value, &["config", "name"]),
        field(value, "title"),
        at(value, &["profile", "name"]),
    ]
    .into_iter()
    .find_map(line)
}

/// So many of them, and how many more there are.
pub(super) fn first<T>(most: usize, all: impl IntoIterator<Item = T>) -> (Vec<T>, u32) {
    let mut all = all.into_iter();
    let shown = all.by_ref().take(most).collect();
    (shown, u32::try_from(all.count()).unwrap_or(u32::MAX))
}

/// The names in a list, as one line.
pub(super) fn names(list: &Value) -> Option<String> {
    let (names, more) = first(8, items(list).iter().filter_map(|one| name(one).or_else(|| line(one))));
    let rest = (more > 0).then(|| format!("{more} more"));
    let all: Vec<String> = names.into_iter().chain(rest).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Yes or no.
pub(super) fn yes_or_no(value: &Value) -> Option<String> {
    flag(value).map(|yes| if yes { "yes" } else { "no" }.to_owned())
}

/// A count.
pub(super) fn count(value: &Value) -> Option<String> {
    int(value).map(|count| count.to_string())
}

/// A word of the service, as people read it: `in_progress` is “in progress”.
pub(super) fn word(value: &Value) -> Option<String> {
    line(value).map(|word| word.replace('_', " "))
}

/// An instant in words, in UTC.
pub(super) fn instant(value: &Value) -> Option<(String, Timestamp)> {
    let instant = time(value)?;
    Some((instant.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string(), instant))
}

/// A day, or a day and a time of day as the person set them, in words.
pub(super) fn day(date: &Value, time_of_day: &Value) -> Option<String> {
    let date: Date = text(date)?.get(..10)?.parse().ok()?;
    let words = date.strftime("%-d %b %Y").to_string();
    let clock: Option<jiff::civil::Time> = text(time_of_day).and_then(|clock| clock.parse().ok());
    Some(match clock {
        Some(clock) => format!("{words}, {}", clock.strftime("%H:%M")),
        None => words,
    })
}

/// A day and a time of day in one text, as Podio's date fields have them: midnight stands for the whole day.
pub(super) fn moment(value: &Value) -> Option<String> {
    let said = text(value)?;
    if let Ok(moment) = said.parse::<DateTime>() {
        let words =
            if moment.time() == jiff::civil::Time::midnight() { "%-d %b %Y" } else { "%-d %b %Y, %H:%M" };
        return Some(moment.strftime(words).to_string());
    }
    one_line(&said)
}

/// A number without the zeros that Podio pads it with.
pub(super) fn number(said: &str) -> String {
    if said.contains('.') && said.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-')) {
        said.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        said.to_owned()
    }
}

fn one_line(text: &str) -> Option<String> {
    let spaced: String = text.chars().take(LINE * 8).map(|c| if c.is_control() { ' ' } else { c }).collect();
    shortened(&spaced.split_whitespace().collect::<Vec<_>>().join(" "), LINE)
}

fn tidy(text: &str, longest: usize, cut: bool) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let short = shortened(kept.trim(), longest)?;
    Some(if cut && !short.ends_with('…') { short + "…" } else { short })
}

fn shortened(text: &str, longest: usize) -> Option<String> {
    match text.char_indices().nth(longest) {
        None if text.is_empty() => None,
        None => Some(text.to_owned()),
        Some((end, _)) => Some(format!("{}…", text.get(..end).unwrap_or_default().trim_end())),
    }
}

/// Tags that end a line.
const BREAKS: &[&str] =
    &["br", "/p", "/div", "/li", "/h1", "/h2", "/h3", "/h4", "/tr", "/ul", "/ol", "/blockquote"];

fn without_tags(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(begin) = rest.find('<') {
        let (before, tag) = rest.split_at(begin);
        plain.push_str(before);
        let named = tag.chars().nth(1).is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tag.find('>').filter(|_| named) {
            Some(end) => {
                let name = tag.get(1..end).unwrap_or_default();
                let name = name.split([' ', '\t', '\n']).next().unwrap_or_default().trim_end_matches('/');
                if BREAKS.iter().any(|ends| name.eq_ignore_ascii_case(ends)) {
                    plain.push('\n');
                }
                rest = tag.get(end + 1..).unwrap_or_default();
            }
            // A sign of its own: "a < b".
            None => {
                plain.push('<');
                rest = tag.get(1..).unwrap_or_default();
            }
        }
    }
    plain.push_str(rest);
    // The ampersand last: what it spells must not be read twice.
    for (entity, sign) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        plain = plain.replace(entity, sign);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn html_becomes_the_lines_a_reader_saw() {
        let cases = [
            ("<p>One</p><p>two <b>bold</b></p>", "One\ntwo bold"),
            ("a<br/>b<BR />c", "a\nb\nc"),
            ("1 < 2 && 3 > 2", "1 < 2 && 3 > 2"),
            ("&lt;script&gt; &amp;lt;", "<script> &lt;"),
            ("no end <p", "no end <p"),
            ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ];
        for (html, plain) in cases {
            assert_eq!(from_html(&json!(html), TEXT).as_deref(), Some(plain), "{html}");
        }
        assert_eq!(from_html(&json!("<p></p>"), TEXT), None);
    }

    #[test]
    fn days_instants_and_numbers_read_as_people_write_them() {
        assert_eq!(day(&json!("2026-12-01"), &json!(null)).as_deref(), Some("1 Dec 2026"));
        assert_eq!(day(&json!("2026-12-01"), &json!("15:30:00")).as_deref(), Some("1 Dec 2026, 15:30"));
        assert_eq!(day(&json!("soon, I hope"), &json!(null)), None);
        assert_eq!(moment(&json!("2026-12-01 00:00:00")).as_deref(), Some("1 Dec 2026"));
        assert_eq!(moment(&json!("2026-12-01 09:05:00")).as_deref(), Some("1 Dec 2026, 09:05"));
        let (words, _) = instant(&json!("2026-12-01 09:05:00")).unwrap();
        assert_eq!(words, "1 Dec 2026, 09:05 UTC");
        for (said, read) in [("12000.0000", "12000"), ("0.5000", "0.5"), ("100", "100"), ("v1.0", "v1.0")] {
            assert_eq!(number(said), read);
        }
    }

    #[test]
    fn texts_are_cut_and_lose_what_steers() {
        assert_eq!(line(&json!("a\u{1b}[1m\nb")).as_deref(), Some("a [1m b"));
        assert_eq!(long(&json!("a\u{7}\r\n\tb"), TEXT).as_deref(), Some("a\n\tb"));
        assert_eq!(long(&json!("x".repeat(10)), 4).as_deref(), Some("xxxx…"));
        let tags = format!("first{}last", "<p></p>".repeat(100_000));
        assert_eq!(from_html(&json!(tags), 40).as_deref(), Some("first…"), "much that says nothing");
        assert_eq!(line(&json!("é".repeat(10_000))).unwrap().chars().count(), LINE + 1);
    }
}
