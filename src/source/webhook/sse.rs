//! Server-sent events from bytes, as the HTML standard §9.2.6 reads them. Pure, and of bounded memory: of an event that is longer than is
//! taken, only its id is kept, so that the stream goes on behind it instead of beginning with it again on every connection.
//!
//! A parser of our own, since those there are hold without limit what has no end, and end with the first byte that is no UTF-8.

use std::collections::VecDeque;

/// Longest event taken, in bytes: a webhook of 2 MiB in base64, sealed and in base64 once more, with its headers.
pub(super) const LONGEST: usize = 6 * 1024 * 1024;
/// What is kept of a line of an event that is too long: enough for an id.
const REST: usize = 128;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// What this event's `id:` says; nothing if it has none.
    pub(super) id: Option<String>,
    /// Its name; empty for a message.
    pub(super) name: String,
    /// Its data; `Err` with the reason if there is none that can be read.
    pub(super) data: Result<String, &'static str>,
}

/// Takes bytes in, gives events out.
#[derive(Debug)]
pub(super) struct Parser {
    longest: usize,
    /// Bytes of the line that has no end yet.
    line: Vec<u8>,
    /// Bytes of this event so far.
    spent: usize,
    /// The byte before was a carriage return: a line feed now belongs to it.
    after_cr: bool,
    /// Nothing came yet: a byte order mark may.
    first: bool,
    id: Option<String>,
    name: String,
    data: Vec<u8>,
    has_data: bool,
    events: VecDeque<Event>,
}

impl Parser {
    pub(super) fn new(longest: usize) -> Self {
        Self {
            longest,
            line: Vec::new(),
            spent: 0,
            after_cr: false,
            first: true,
            id: None,
            name: String::new(),
            data: Vec::new(),
            has_data: false,
            events: VecDeque::new(),
        }
    }

    /// Takes what came.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.part(bytes);
                return;
            };
            let (part, rest) = bytes.split_at(end);
            self.part(part);
            self.after_cr = rest.first() == Some(&b'\r');
            bytes = rest.get(1..).unwrap_or_default();
            self.end_of_line();
        }
    }

    /// The next event that is whole.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn is_too_long(&self) -> bool {
        self.spent > self.longest
    }

    fn part(&mut self, part: &[u8]) {
        self.spent = self.spent.saturating_add(part.len());
        if self.is_too_long() {
            self.data = Vec::new();
            self.line.truncate(REST);
            self.line.shrink_to(REST);
            let room = REST - self.line.len().min(REST);
            self.line.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_of_line(&mut self) {
        let whole = std::mem::take(&mut self.line);
        let mut line = whole.as_slice();
        if std::mem::take(&mut self.first) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch();
            return;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" if !self.is_too_long() => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                // The usual event has one line, as long as the event: it is moved, not copied.
                if self.data.is_empty() && whole.len() > 4096 {
                    let skipped = whole.len() - value.len();
                    self.data = whole;
                    self.data.drain(..skipped);
                } else {
                    self.data.extend_from_slice(value);
                }
            }
            b"data" => self.has_data = true,
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => {
                self.id = String::from_utf8(value.to_vec()).ok();
            }
            // A comment, a time to wait (our own rules hold) or what nobody knows.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let too_long = self.is_too_long();
        self.spent = 0;
        let (id, name, data) =
            (self.id.take(), std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if !std::mem::take(&mut self.has_data) && !too_long {
            return;
        }
        let data = match String::from_utf8(data) {
            Ok(_) if too_long => Err("is longer than is taken"),
            Ok(data) => Ok(data),
            Err(_) => Err("is no text"),
        };
        self.events.push_back(Event { id, name, data });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(longest: usize, parts: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::new(longest);
        parts.iter().for_each(|part| parser.feed(part));
        std::iter::from_fn(|| parser.next()).collect()
    }

    fn event(id: Option<&str>, name: &str, data: &str) -> Event {
        Event { id: id.map(str::to_owned), name: name.to_owned(), data: Ok(data.to_owned()) }
    }

    #[test]
    fn the_standards_own_examples_are_read_as_it_says() {
        for (text, want) in [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", vec![event(None, "", "YHOO\n+2\n10")]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                vec![
                    event(Some("1"), "", "first event"),
                    event(Some(""), "", "second event"),
                    event(None, "", " third event"),
                ],
            ),
            ("data\n\ndata\ndata\n\ndata:", vec![event(None, "", ""), event(None, "", "\n")]),
            ("data:test\n\ndata: test\n\n", vec![event(None, "", "test"), event(None, "", "test")]),
            ("event: add\ndata: 73857293\n\n", vec![event(None, "add", "73857293")]),
            (
                "\u{feff}data: a\r\rdata: b\r\n\r\ndata: c\n\r\n",
                vec![event(None, "", "a"), event(None, "", "b"), event(None, "", "c")],
            ),
            ("id: 1\u{0}2\nretry: 10\nwhat: ever\ndata: x\n\n", vec![event(None, "", "x")]),
            ("event: gone\n\ndata: x\n\n", vec![event(None, "", "x")]),
        ] {
            assert_eq!(parsed(100, &[text.as_bytes()]), want, "{text:?}");
        }
    }

    #[test]
    fn of_an_event_that_is_too_long_the_id_is_known_and_the_next_one_is_whole() {
        let long = "x".repeat(500);
        for text in [
            format!("id: 1-7\ndata: {long}\n\nid: 1-8\ndata: y\n\n"),
            format!("data: {long}\nid: 1-7\n\nid: 1-8\ndata: y\n\n"),
            format!("{}id: 1-7\n\nid: 1-8\ndata: y\n\n", "data: some\n".repeat(30)),
        ] {
            let mut parser = Parser::new(100);
            for part in text.as_bytes().chunks(7) {
                parser.feed(part);
                assert!(parser.line.capacity() <= 256 && parser.data.capacity() <= 256);
            }
            let first = parser.next().unwrap();
            assert_eq!((first.id.as_deref(), first.data), (Some("1-7"), Err("is longer than is taken")));
            assert_eq!(parser.next().unwrap(), event(Some("1-8"), "", "y"));
        }
    }

    #[test]
    fn what_is_no_text_does_not_end_the_stream() {
        let events = parsed(100, &[b"id: 1-1\ndata: \xff\xfe\n\ndata: y\n\n"]);
        assert_eq!(events[0].data, Err("is no text"));
        assert_eq!((events[0].id.as_deref(), &events[1]), (Some("1-1"), &event(None, "", "y")));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(
            text in "(data: ?[a-zä]{0,9}|id: [0-9]|event: [a-z]|:c|)((\r\n|\n|\r)(data: ?[a-zä]{0,9}|id: [0-9]|:c|)){0,30}",
            cuts in prop::collection::vec(0..200_usize, 0..9),
        ) {
            let whole = parsed(60, &[text.as_bytes()]);
            let mut parser = Parser::new(60);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                parser.feed(&text.as_bytes()[pair[0]..pair[1]]);
            }
            prop_assert_eq!(std::iter::from_fn(|| parser.next()).collect::<Vec<_>>(), whole);
        }
    }
}
