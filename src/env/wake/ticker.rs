//! Hints where the system's own can't be had without unsafe code: the clocks, compared once a minute.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Hints, Reading, judge_tick};
use crate::env::tasks::Task;
use crate::env::{Clock, Tasks};

const TICK: u64 = 60;

pub(super) fn watch(clock: &Clock, hints: &Hints) -> Vec<Task> {
    let (clock, hints) = (clock.clone(), hints.clone());
    vec![Tasks::start("wake: ticker", async move {
        let mut before = Reading::now(&clock, None);
        loop {
            tokio::time::sleep(Duration::from_secs(TICK)).await;
            let now = Reading::now(&clock, None);
            if let Some(hint) = judge_tick(&before, &now, SignedDuration::from_secs(TICK.cast_signed())) {
                hints.give(hint);
            }
            before = now;
        }
    })]
}
