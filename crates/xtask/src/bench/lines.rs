//! The JSON lines of a program with the moment each one came in.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A program's stdout, read by a thread of its own that ends with the program.
#[derive(Debug)]
pub(crate) struct Lines {
    incoming: Receiver<(Instant, Value)>,
}

impl Lines {
    pub(crate) fn of(output: impl Read + Send + 'static) -> Result<Self> {
        let (sender, incoming) = channel();
        let read = move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let now = Instant::now();
                let Ok(value) = serde_json::from_str(&line) else {
                    continue; // words for people between the events
                };
                if sender.send((now, value)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("lines".to_owned()).spawn(read).context("cannot start a thread")?;
        Ok(Self { incoming })
    }

    /// The next event that is wanted and no older than `since`, with its moment; others are passed over.
    pub(crate) fn wait(
        &self,
        what: &str,
        since: Instant,
        limit: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<(Instant, Value)> {
        let end = Instant::now() + limit;
        loop {
            match self.incoming.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((at, value)) if at >= since && wanted(&value) => return Ok((at, value)),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("waited {} s in vain for {what}", limit.as_secs()),
                Err(RecvTimeoutError::Disconnected) => bail!("the program ended before {what}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_wanted_line_is_found_among_others() {
        let start = Instant::now();
        let lines = Lines::of("hello\n{\"n\":1}\n{\"n\":2}\n".as_bytes()).unwrap();
        let (_, found) = lines.wait("2", start, Duration::from_secs(5), |value| value["n"] == 2).unwrap();
        assert_eq!(found, json!({"n": 2}));
        let gone = lines.wait("3", start, Duration::from_secs(5), |value| value["n"] == 3).unwrap_err();
        assert!(gone.to_string().contains("ended before 3"));
    }

    #[test]
    fn a_line_older_than_the_question_is_no_answer() {
        let lines = Lines::of("{\"n\":1}\n".as_bytes()).unwrap();
        let later = Instant::now() + Duration::from_secs(60);
        assert!(lines.wait("1", later, Duration::from_secs(5), |_| true).is_err());
    }
}
