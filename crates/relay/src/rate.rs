//! How often each channel may ring: a bucket of tokens that refills. In: a channel, the time. Out: yes, or after how long. Pure.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::channel::ChannelId;
use crate::config::Rate;

/// Above so many buckets, the full ones are dropped: they say nothing.
const MANY: usize = 4096;

/// One bucket per channel that rang lately.
#[derive(Debug)]
pub(crate) struct Buckets {
    rate: Rate,
    buckets: HashMap<ChannelId, Bucket>,
    clear_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Buckets {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new(), clear_at: MANY }
    }

    /// Takes one token, or says after how long there is one.
    pub(crate) fn take(&mut self, channel: ChannelId, now: Instant) -> Result<(), Duration> {
        let Rate { per_second, burst } = self.rate;
        let (per_second, burst) = (f64::from(per_second.max(1)), f64::from(burst.max(1)));
        let filled = |bucket: &Bucket| {
            let since = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.tokens + since * per_second).min(burst)
        };
        if self.buckets.len() >= self.clear_at {
            self.buckets.retain(|_, bucket| filled(bucket) < burst);
            self.clear_at = MANY.max(self.buckets.len() * 2);
        }
        let bucket = self.buckets.entry(channel).or_insert(Bucket { tokens: burst, at: now });
        let tokens = filled(bucket);
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - tokens) / per_second));
        }
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(n: u16) -> ChannelId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        ChannelId::from_bytes(id)
    }

    #[test]
    fn a_burst_passes_then_so_many_a_second() {
        let mut buckets = Buckets::new(Rate { per_second: 10, burst: 3 });
        let begin = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take(channel(1), begin), Ok(()));
        }
        assert_eq!(buckets.take(channel(1), begin), Err(Duration::from_millis(100)));
        assert_eq!(buckets.take(channel(2), begin), Ok(()), "another channel has its own");
        let later = begin + Duration::from_millis(101);
        assert_eq!(buckets.take(channel(1), later), Ok(()));
        assert!(buckets.take(channel(1), later).is_err());
        let much_later = begin + Duration::from_secs(60);
        let passed = (0..10).filter(|_| buckets.take(channel(1), much_later).is_ok()).count();
        assert_eq!(passed, 3, "a pause never saves up more than the burst");
    }

    #[test]
    fn channels_that_fell_silent_are_forgotten() {
        let mut buckets = Buckets::new(Rate { per_second: 10, burst: 3 });
        let begin = Instant::now();
        for n in 0..5_000 {
            let at = begin + Duration::from_secs(u64::from(n));
            buckets.take(channel(n), at).unwrap();
        }
        assert!(buckets.buckets.len() <= MANY, "{}", buckets.buckets.len());
    }
}
