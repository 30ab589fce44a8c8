//! Answers that go wrong on purpose: a list of rules, each for the next few requests whose path begins with a
//! given text. Pure data; the servers ask [`Faults::next`] before they answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This HTTP status, with the documented error body where the status has one (401 says `expired_token`).
    Status(u16),
    /// 420 with the documented text that names the wait in seconds.
    RateLimited {
        /// Seconds named in the body.
        wait: u64,
    },
    /// 429 with a `Retry-After` header.
    TooMany {
        /// Seconds named in the header.
        retry_after: u64,
    },
    /// 200 and an HTML page, as a hotel's network answers.
    CaptivePortal,
    /// 200, said to be JSON, but not JSON.
    Garbage,
    /// 200 and a JSON array padded to this many bytes.
    Oversized {
        /// Length of the body.
        bytes: usize,
    },
    /// The request is taken and never answered.
    Silence,
    /// The request is carried out and never answered.
    Deaf,
    /// 200 and exactly this JSON.
    Json(Value),
    /// The request is carried out and answered after so long.
    Late {
        /// Milliseconds.
        ms: u64,
    },
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Beginning of the paths it applies to; `/` is all of them.
    pub path: String,
    /// How many requests are still to be answered so.
    #[serde(default = "once")]
    pub times: u32,
    /// The wrong answer.
    pub answer: Answer,
}

fn once() -> u32 {
    1
}

/// The rules in force, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The wrong answer for this request, if any; uses the rule up by one.
    pub(crate) fn next(&mut self, path: &str) -> Option<Answer> {
        self.rules.retain(|rule| rule.times > 0);
        let rule = self.rules.iter_mut().find(|rule| path.starts_with(&rule.path))?;
        rule.times -= 1;
        Some(rule.answer.clone())
    }
}

/// What a captive portal sends instead of the answer.
pub(crate) const PORTAL_PAGE: &str = "<!doctype html><html><head><title>Welcome</title></head><body><h1>Sign in to the guest network</h1></body></html>";

/// A text that begins like JSON and is not.
pub(crate) const GARBAGE: &str = "[{\"channel\":\u{0}\u{fffd}<<<not json";

/// A JSON array of about `bytes` bytes.
pub(crate) fn oversized(bytes: usize) -> String {
    let frame = "[{\"padding\":\"\"}]".len();
    format!("[{{\"padding\":\"{}\"}}]", "x".repeat(bytes.saturating_sub(frame)))
}
