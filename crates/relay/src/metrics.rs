//! Figures for a monitor. In: what happened. Out: Prometheus text. Holds no name of anything.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the answer times that are counted, in milliseconds.
const BOUNDS_MS: [u64; 9] = [5, 10, 25, 50, 100, 250, 500, 1_000, 3_000];

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    Stored,
    Known,
    TooOften,
    Refused,
    NotNow,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Stored, Self::Known, Self::TooOften, Self::Refused, Self::NotNow];

    fn label(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Known => "known",
            Self::TooOften => "too_often",
            Self::Refused => "refused",
            Self::NotNow => "not_now",
        }
    }
}

/// The figures of one relay since its start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    stored: Count,
    known: Count,
    too_often: Count,
    refused: Count,
    not_now: Count,
    times: [Count; BOUNDS_MS.len()],
    time_us: Count,
    timed: Count,
    pub(crate) channels_made: Count,
    pub(crate) events_sent: Count,
    pub(crate) gaps: Count,
    pub(crate) connections_refused: Count,
}

impl Metrics {
    /// A webhook was answered.
    pub(crate) fn hook(&self, outcome: Outcome, took: Duration) {
        self.count(outcome).add(1);
        self.timed.add(1);
        self.time_us.add(usize::try_from(took.as_micros()).unwrap_or_default());
        for (bound, count) in BOUNDS_MS.iter().zip(&self.times) {
            if took <= Duration::from_millis(*bound) {
                count.add(1);
            }
        }
    }

    /// All of them as text.
    pub(crate) fn text(
        &self,
        readers: usize,
        body_bytes: usize,
        page_bytes: usize,
        store_is_well: bool,
    ) -> String {
        let mut text = String::new();
        let mut say = |name: &str, kind: &str, help: &str, lines: &[(String, String)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP belfry_relay_{name} {help}\n# TYPE belfry_relay_{name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(text, "belfry_relay_{name}{labels} {value}");
            }
        };
        let one = |value: u64| [(String::new(), value.to_string())];
        let outcomes = Outcome::ALL.map(|outcome| {
            (format!("{{outcome=\"{}\"}}", outcome.label()), self.count(outcome).now().to_string())
        });
        say("webhooks_total", "counter", "Webhooks by what became of them.", &outcomes);
        let mut times: Vec<(String, String)> = BOUNDS_MS
            .iter()
            .zip(&self.times)
            .map(|(bound, count)| {
                let bound = Duration::from_millis(*bound).as_secs_f64();
                (format!("_bucket{{le=\"{bound}\"}}"), count.now().to_string())
            })
            .collect();
        let timed = self.timed.now().to_string();
        times.push(("_bucket{le=\"+Inf\"}".to_owned(), timed.clone()));
        times.push(("_sum".to_owned(), Duration::from_micros(self.time_us.now()).as_secs_f64().to_string()));
        times.push(("_count".to_owned(), timed));
        say(
            "webhook_seconds",
            "histogram",
            "Time until a webhook was answered, its body's arrival included.",
            &times,
        );
        say("events_sent_total", "counter", "Entries sent to readers.", &one(self.events_sent.now()));
        say(
            "gaps_total",
            "counter",
            "Times a reader was told that it missed something.",
            &one(self.gaps.now()),
        );
        say("channels_made_total", "counter", "Channels given out.", &one(self.channels_made.now()));
        let refused = one(self.connections_refused.now());
        say(
            "connections_refused_total",
            "counter",
            "Connections refused because there were too many.",
            &refused,
        );
        say("readers", "gauge", "Streams open right now.", &one(readers as u64));
        let taken = one(body_bytes as u64);
        say("body_bytes", "gauge", "Bytes of webhooks on their way to the store.", &taken);
        let taken = one(page_bytes as u64);
        say("page_bytes", "gauge", "Bytes on their way to readers.", &taken);
        say("store_up", "gauge", "1 if an entry can be kept right now.", &one(u64::from(store_is_well)));
        text
    }

    fn count(&self, outcome: Outcome) -> &Count {
        match outcome {
            Outcome::Stored => &self.stored,
            Outcome::Known => &self.known,
            Outcome::TooOften => &self.too_often,
            Outcome::Refused => &self.refused,
            Outcome::NotNow => &self.not_now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.hook(Outcome::Stored, Duration::from_millis(7));
        metrics.hook(Outcome::NotNow, Duration::from_secs(4));
        let text = metrics.text(3, 2048, 4096, true);
        for line in [
            "belfry_relay_webhooks_total{outcome=\"stored\"} 1",
            "belfry_relay_webhooks_total{outcome=\"known\"} 0",
            "belfry_relay_webhook_seconds_bucket{le=\"0.005\"} 0",
            "belfry_relay_webhook_seconds_bucket{le=\"0.01\"} 1",
            "belfry_relay_webhook_seconds_bucket{le=\"3\"} 1",
            "belfry_relay_webhook_seconds_bucket{le=\"+Inf\"} 2",
            "belfry_relay_webhook_seconds_sum 4.007",
            "belfry_relay_readers 3",
            "belfry_relay_body_bytes 2048",
            "belfry_relay_page_bytes 4096",
            "belfry_relay_store_up 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
