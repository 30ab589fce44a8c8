//! What the fake Podium saw of its clients, and of those its webhooks call.

use crate::requests::{self, Request};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// One attempt to hand an event to a webhook's URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Counts up from 1 over all webhooks.
    pub number: u64,
    /// Which webhook.
    pub webhook: String,
    /// `metadata.eventUid`, whether it was sent or not.
    pub event_uid: String,
    /// `metadata.eventType`.
    pub event_type: String,
    /// Which attempt for this event: 1, 2, ….
    pub attempt: u32,
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
    /// Milliseconds until the answer, or until the sender gave up; none while it waits.
    pub took_ms: Option<u64>,
    /// The HTTP status, if one came.
    pub answer: Option<u16>,
    /// Why none came.
    pub trouble: Option<String>,
    /// Whether that was a success.
    pub taken: bool,
}

/// Counters since the start, and how things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The newest 10 000 requests, oldest first.
    pub requests: VecDeque<Request>,
    /// Requests so far.
    pub request_count: u64,
    /// Calls of the authorisation page.
    pub authorizations: u64,
    /// Codes exchanged.
    pub code_grants: u64,
    /// Refresh tokens exchanged.
    pub refreshes: u64,
    /// Calls of the token endpoint that got nothing.
    pub refused_grants: u64,
    /// Answers 401.
    pub unauthorized: u64,
    /// Answers 403.
    pub forbidden: u64,
    /// Answers 429.
    pub rate_limited: u64,
    /// Calls whose `cursor` was not alone.
    pub crowded_cursors: u64,
    /// The newest 20 000 attempts of the sender, oldest first.
    pub attempts: VecDeque<Attempt>,
    /// Attempts so far.
    pub attempt_count: u64,
    /// Attempts that were answered as the sender wants it.
    pub taken: u64,
    /// Attempts that were not.
    pub failed: u64,
    /// Attempts that had no answer within the sender's patience.
    pub too_slow: u64,
    /// The longest an answer took, in milliseconds.
    pub slowest_ms: u64,
    /// Webhooks disabled because an event could not be handed over.
    pub exhausted: u64,
    /// Events that were never handed over and grew too old.
    pub expired: u64,
    /// Events made so far.
    pub events: u64,
    /// Events that wait, by webhook, now.
    pub queued: BTreeMap<String, usize>,
    /// Events that wait, now.
    pub waiting: u64,
}

const KEPT: usize = 20_000;

impl Observed {
    /// How many requests in the log have this method and exactly this path.
    #[must_use]
    pub fn calls(&self, method: &str, path: &str) -> usize {
        requests::calls(&self.requests, method, path)
    }

    /// A counter by its name; the lists are long, and who waits for a number looks at every change.
    pub(crate) fn counter(&self, name: &str) -> Option<u64> {
        Some(match name.trim_start_matches('/') {
            "request_count" => self.request_count,
            "authorizations" => self.authorizations,
            "code_grants" => self.code_grants,
            "refreshes" => self.refreshes,
            "attempt_count" => self.attempt_count,
            "taken" => self.taken,
            "failed" => self.failed,
            "too_slow" => self.too_slow,
            "exhausted" => self.exhausted,
            "expired" => self.expired,
            "events" => self.events,
            "waiting" => self.waiting,
            _ => return None,
        })
    }

    /// The attempts for one event, oldest first.
    pub fn attempts_for(&self, event_uid: &str) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.event_uid == event_uid)
    }

    /// The events that were taken, in the order in which they were; one that was taken twice is there twice.
    #[must_use]
    pub fn taken_events(&self) -> Vec<&str> {
        let taken = self.attempts.iter().filter(|attempt| attempt.taken);
        taken.map(|attempt| attempt.event_uid.as_str()).collect()
    }

    pub(super) fn begin(&mut self, attempt: Attempt) {
        if self.attempts.len() >= KEPT {
            self.attempts.pop_front();
        }
        self.attempts.push_back(attempt);
    }

    /// Starts again; the numbers of requests and attempts go on, and what waits still waits.
    pub(super) fn reset(&mut self) {
        *self = Self {
            request_count: self.request_count,
            attempt_count: self.attempt_count,
            queued: std::mem::take(&mut self.queued),
            waiting: self.waiting,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_the_name_it_has_in_json() {
        let names = [
            "request_count",
            "authorizations",
            "code_grants",
            "refreshes",
            "attempt_count",
            "taken",
            "failed",
        ];
        let names = names.into_iter().chain(["too_slow", "exhausted", "expired", "events", "waiting"]);
        let mut json = serde_json::json!(Observed::default());
        for (value, name) in (1_u64..).zip(names.clone()) {
            json[name] = value.into();
        }
        let observed = Observed {
            request_count: 1,
            authorizations: 2,
            code_grants: 3,
            refreshes: 4,
            attempt_count: 5,
            taken: 6,
            failed: 7,
            too_slow: 8,
            exhausted: 9,
            expired: 10,
            events: 11,
            waiting: 12,
            ..Observed::default()
        };
        assert_eq!(serde_json::json!(observed), json);
        for name in names {
            assert_eq!(observed.counter(name), json[name].as_u64(), "{name}");
        }
        assert_eq!(observed.counter("attempts"), None);
    }
}
