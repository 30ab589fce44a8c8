//! The parts of a notification's detail as lines of text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::print::{clean, moment};
use crate::part::{Change, Choice, Fact, FilePart, Part, Person, Said};

/// All parts, each after an empty line.
pub(super) fn text(parts: &[Part], now: Timestamp, zone: &TimeZone) -> String {
    parts.iter().map(|part| format!("\n{}", one(part, now, zone))).collect()
}

fn one(part: &Part, now: Timestamp, zone: &TimeZone) -> String {
    match part {
        Part::Text { label, text } => match label {
            Some(label) => headed(label, &passage(text)),
            None => passage(text),
        },
        Part::Answer { question, words, stars: _, leaning: _ } => match question {
            Some(question) => headed(question, &passage(words)),
            None => passage(words),
        },
        Part::Question { text, options, more } => {
            let options =
                options.iter().map(|option| format!("  - {}\n", choice(option))).collect::<String>();
            headed(text, &(options + &rest(*more)))
        }
        Part::Changes { changes, more } => {
            headed("Changed", &(changes.iter().map(change).collect::<String>() + &rest(*more)))
        }
        Part::Files { files, more } => {
            headed("Files", &(files.iter().map(file).collect::<String>() + &rest(*more)))
        }
        Part::Link { label, title, about, url } => {
            let lines = [title, about, url].into_iter().flatten().map(|line| format!("  {}\n", clean(line)));
            headed(label.as_deref().unwrap_or("Link"), &lines.collect::<String>())
        }
        Part::Messages { label, messages } => {
            headed(label, &messages.iter().map(|one| said(one, now, zone)).collect::<String>())
        }
        Part::People { label, people, more } => {
            headed(label, &(people.iter().map(person).collect::<String>() + &rest(*more)))
        }
        Part::Facts { label, facts } => {
            headed(label, &facts.iter().map(|one| fact(one, now, zone)).collect::<String>())
        }
    }
}

fn headed(label: &str, lines: &str) -> String {
    format!("{}:\n{lines}", clean(label).trim_end_matches(':'))
}

/// Lines stay lines; nothing in them steers the terminal.
fn passage(text: &str) -> String {
    text.lines().map(|line| format!("  {}", clean(line)).trim_end().to_owned() + "\n").collect()
}

fn rest(more: u32) -> String {
    if more == 0 { String::new() } else { format!("  and {more} more\n") }
}

fn choice(option: &Choice) -> String {
    let text = clean(&option.text);
    let mut by: Vec<String> = option.by.iter().map(|name| clean(name)).collect();
    if option.more > 0 {
        by.push(format!("{} more", option.more));
    }
    if by.is_empty() { text } else { format!("{text} ({})", by.join(", ")) }
}

fn change(change: &Change) -> String {
    let side = |side: &Option<String>| side.as_deref().map_or_else(|| "nothing".to_owned(), clean);
    let what = clean(&change.what);
    match (&change.from, &change.to) {
        (None, None) => format!("  {what}\n"),
        (None, to) => format!("  {what}: {}\n", side(to)),
        (from, to) => format!("  {what}: {} → {}\n", side(from), side(to)),
    }
}

fn file(file: &FilePart) -> String {
    let about = file.about.as_deref().map(clean);
    let known: Vec<String> = file.size.map(size).into_iter().chain(about).collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    format!("  {}{known}\n", clean(&file.name))
}

/// A size as people tell it, in powers of ten.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit);
    if whole < 10 && tenth > 0 { format!("{whole}.{tenth} {name}") } else { format!("{whole} {name}") }
}

fn said(said: &Said, now: Timestamp, zone: &TimeZone) -> String {
    let who = if said.mine { "You" } else { said.who.as_deref().unwrap_or("Somebody") };
    let mark = if said.here { '>' } else { ' ' };
    let text: String = passage(&said.text).lines().map(|line| format!("  {line}\n")).collect();
    format!("{mark} {}, {}\n{text}", clean(who), moment(said.at, now, zone))
}

fn person(person: &Person) -> String {
    match &person.role {
        Some(role) => format!("  {}, {}\n", clean(&person.name), clean(role)),
        None => format!("  {}\n", clean(&person.name)),
    }
}

fn fact(fact: &Fact, now: Timestamp, zone: &TimeZone) -> String {
    let value = fact.at.map_or_else(|| clean(&fact.value), |at| moment(at, now, zone));
    format!("  {}: {value}\n", clean(&fact.label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::NotificationId;
    use crate::part::{Leaning, Stars};

    #[test]
    fn each_part_is_lines_of_plain_words() {
        let own = |text: &str| Some(text.to_owned());
        let at: Timestamp = "2026-11-22T14:55:00Z".parse().unwrap();
        let choice = Choice { text: "Friday".into(), by: vec!["Ada".into(), "Bo".into()], more: 3 };
        let gone = Change { what: "Owner".into(), from: own("Bo"), to: None };
        let file = FilePart {
            name: "a\u{1b}[2J.pdf".into(),
            size: Some(1_204_113),
            kind: own("x"),
            about: own("Signed"),
        };
        let message = Said {
            id: NotificationId(1),
            who: own("Ada"),
            at,
            text: "one\ntwo".into(),
            mine: false,
            here: true,
        };
        let person = Person { name: "Ada".into(), role: own("takes part") };
        let fact = Fact { label: "Begins".into(), value: "in UTC".into(), at: Some(at) };
        let stars = Some(Stars { given: 4, of: 5 });
        let parts = [
            Part::Text { label: None, text: "one\n\ntwo\u{7}".into() },
            Part::Answer {
                question: own("Good?"),
                words: "4 of 5 stars".into(),
                stars,
                leaning: Leaning::None,
            },
            Part::Question { text: "When?".into(), options: vec![choice], more: 1 },
            Part::Changes { changes: vec![gone], more: 450 },
            Part::Files { files: vec![file], more: 0 },
            Part::Link { label: None, title: own("Preview"), about: None, url: own("https://example.org") },
            Part::Messages { label: "The conversation".into(), messages: vec![message] },
            Part::People { label: "Members".into(), people: vec![person], more: 10 },
            Part::Facts { label: "About the meeting".into(), facts: vec![fact] },
        ];
        let text = text(&parts, "2026-11-22T15:00:00Z".parse().unwrap(), &TimeZone::UTC);
        let expected = "
  one

  two

Good?:
  4 of 5 stars

When?:
  - Friday (Ada, Bo, 3 more)
  and 1 more

Changed:
  Owner: Bo → nothing
  and 450 more

Files:
  a [2J.pdf (1.2 MB, Signed)

Link:
  Preview
  https://example.org

The conversation:
> Ada, 2026-11-22 14:55 (5 min ago)
    one
    two

Members:
  Ada, takes part
  and 10 more

About the meeting:
  Begins: 2026-11-22 14:55 (5 min ago)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn sizes_are_told_as_people_do() {
        for (bytes, told) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (48_213, "48 kB"),
            (1_204_113, "1.2 MB"),
            (3_000_000_000, "3 GB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
