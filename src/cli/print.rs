//! Printing: text from services is hostile, so nothing that steers a terminal passes; times are told relative and local.

use std::io::{ErrorKind, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::front::views::Trouble;

/// Text on one line, without control characters (terminal escapes) and without the marks that turn the writing direction.
pub fn clean(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let spaced: String = text
        .chars()
        .filter(|c| !turns(*c))
        .map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cleaned text, cut to so many characters.
pub fn clean_cut(text: &str, most: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(most) {
        None => text,
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default().trim_end()),
    }
}

/// A value as one line of JSON with its end. Control characters stay escaped, also those that JSON itself would let pass.
pub fn json_line(value: &impl Serialize) -> Result<String, Trouble> {
    let json = serde_json::to_string(value)
        .map_err(|error| Trouble::failed(format!("this could not be written as JSON: {error}")))?;
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

/// Writes to standard output. A reader that has gone (`belfry inbox | head`) is no trouble.
pub fn out(text: &str) -> Result<(), Trouble> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Trouble::failed(format!("the output could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a sentence for the person to standard error, so that standard output stays clean.
pub fn say(text: &str) {
    // There is nowhere left to report that standard error is closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Reports trouble on standard error, in words or as `{"error":{"kind":…,"message":…}}`.
pub fn trouble(trouble: &Trouble, json: bool) {
    let words = clean(&trouble.words);
    if json {
        let report = serde_json::json!({"error": {"kind": trouble.kind, "message": words}});
        say(json_line(&report).unwrap_or_default().trim_end());
    } else {
        say(&format!("belfry: {words}"));
    }
}

/// A moment as people tell it: `2026-11-22 15:04 (5 min ago)`.
pub fn moment(then: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{} ({})", local(then, zone), ago(then, now))
}

/// A moment by the local clock.
pub fn local(then: Timestamp, zone: &TimeZone) -> String {
    then.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long ago, roughly; `in …` for what is to come.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let (amount, unit) = match seconds.abs() {
        s @ ..60 => return if seconds < 0 { format!("in {s} s") } else { "just now".to_owned() },
        s @ 60..3_600 => (s / 60, "min"),
        s @ 3_600..86_400 => (s / 3_600, "h"),
        s => (s / 86_400, if s < 172_800 { "day" } else { "days" }),
    };
    if seconds < 0 { format!("in {amount} {unit}") } else { format!("{amount} {unit} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        let cases = [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred [0m"),
            ("\u{1b}]0;title\u{7}after", "]0;title after"),
            ("\u{9b}2J", "2J"),
            ("two\nlines\r\nthree\u{2028}four", "two lines three four"),
            ("\u{202e}gnp.exe", "gnp.exe"),
            ("back\u{8}space\u{7f}", "back space"),
            ("  grüße 🔔  ", "grüße 🔔"),
        ];
        for (hostile, printed) in cases {
            assert_eq!(clean(hostile), printed);
        }
    }

    #[test]
    fn json_escapes_what_terminals_obey_and_still_means_the_same() {
        let hostile = "\u{9b}31m\u{7f}\u{1b}[0m\n";
        let line = json_line(&hostile).unwrap();
        assert!(line.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{line:?}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clean_cut("äöüß", 4), "äöüß");
        assert_eq!(clean_cut("äöüß!", 4), "äöüß…");
    }

    #[test]
    fn moments_are_told_as_people_do() {
        let now: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
        let cases = [
            ("2026-11-22T14:59:31Z", "just now"),
            ("2026-11-22T14:55:00Z", "5 min ago"),
            ("2026-11-22T12:59:00Z", "2 h ago"),
            ("2026-11-21T15:00:00Z", "1 day ago"),
            ("2026-11-01T15:00:00Z", "21 days ago"),
            ("2026-11-22T15:00:20Z", "in 20 s"),
            ("2026-11-22T16:00:00Z", "in 1 h"),
        ];
        for (then, told) in cases {
            assert_eq!(ago(then.parse().unwrap(), now), told);
        }
        assert_eq!(moment(now, now, &TimeZone::UTC), "2026-11-22 15:00 (just now)");
    }
}
