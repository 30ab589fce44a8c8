//! The parts of which the detail view of one notification is made, whatever the service. Plain values.
//!
//! All text is plain text, already bounded by whoever made the part; lines may be broken only where a field says so. An address is what
//! the service gave, unchecked: it is shown, never opened; what a notification opens is its context's own address.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::notification::NotificationId;

/// One part of the detail view. They are shown in the order in which they come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Part {
    /// What somebody wrote, with its line breaks.
    Text {
        /// What it is, where that is not plain: a description, say.
        label: Option<String>,
        /// The words.
        text: String,
    },
    /// What somebody answered: a vote, a rating, whether they take part.
    Answer {
        /// To which question, if it was a question in words.
        question: Option<String>,
        /// The answer in words; says all, also where there are stars.
        words: String,
        /// As stars, if it was given so.
        stars: Option<Stars>,
        /// How it leans.
        leaning: Leaning,
    },
    /// A question with its options and who chose them.
    Question {
        /// The question.
        text: String,
        /// The options, in the service's order.
        options: Vec<Choice>,
        /// How many more options there are.
        more: u32,
    },
    /// What was changed.
    Changes {
        /// Each change, in the service's order.
        changes: Vec<Change>,
        /// How many more there are.
        more: u32,
    },
    /// Files that came with it.
    Files {
        /// Each file.
        files: Vec<FilePart>,
        /// How many more there are.
        more: u32,
    },
    /// A page that somebody linked, or another thing at the service.
    Link {
        /// What it is, where that is not plain.
        label: Option<String>,
        /// Its title, if known.
        title: Option<String>,
        /// A few words about it, if there are any.
        about: Option<String>,
        /// Its address, unchecked.
        url: Option<String>,
    },
    /// What was said before and after, as far as it is kept here; oldest first.
    Messages {
        /// What these are together.
        label: String,
        /// Each message.
        messages: Vec<Said>,
    },
    /// People who have to do with it.
    People {
        /// In which way.
        label: String,
        /// Who.
        people: Vec<Person>,
        /// How many more there are.
        more: u32,
    },
    /// What else is known of it.
    Facts {
        /// Of what.
        label: String,
        /// Each fact.
        facts: Vec<Fact>,
    },
}

/// So many of so many stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Stars {
    /// The stars given, never more than there are.
    pub given: u8,
    /// The most there can be.
    pub of: u8,
}

/// How an answer leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Leaning {
    /// Towards yes.
    Yes,
    /// Towards no.
    No,
    /// Neither yes nor no yet.
    Maybe,
    /// It is no answer of this sort.
    None,
}

/// An option of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Choice {
    /// The option.
    pub text: String,
    /// Who chose it, as far as known.
    pub by: Vec<String>,
    /// How many more chose it.
    pub more: u32,
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Change {
    /// What.
    pub what: String,
    /// What it was, with its line breaks; nothing if it was empty or is not known.
    pub from: Option<String>,
    /// What it is now, likewise.
    pub to: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FilePart {
    /// Its name.
    pub name: String,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
    /// Its media type, if known.
    pub kind: Option<String>,
    /// What somebody wrote about it.
    pub about: Option<String>,
}

/// A message of a conversation, or a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Said {
    /// The notification that told it.
    pub id: NotificationId,
    /// Who said it, if known.
    pub who: Option<String>,
    /// When, by the service's clock.
    pub at: Timestamp,
    /// The words, with their line breaks.
    pub text: String,
    /// True if the signed-in person said it.
    pub mine: bool,
    /// True for the one whose detail this is.
    pub here: bool,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Their role or answer in this, if known.
    pub role: Option<String>,
}

/// One thing that is known, and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Fact {
    /// What is known.
    pub label: String,
    /// The value. An instant stands here in UTC.
    pub value: String,
    /// The same, if it is an instant: to be told in the reader's own time.
    pub at: Option<Timestamp>,
}
