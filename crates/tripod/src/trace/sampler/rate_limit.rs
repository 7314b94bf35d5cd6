//! So many traces a second: a token bucket in one atomic number.
//!
//! The number is the time up to which tokens are spoken for. A trace moves it on by what one token takes to come; when that would
//! be more than the burst ahead of now, there is no token. Cost: a look at the clock, and an atomic exchange for a
//! trace that is taken; one that is refused only reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Instant;

/// At most so many a second, and in a burst at most what a second brings.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: f64,
    /// Nanoseconds that one token takes to come; 0 when none ever comes.
    interval: u64,
    /// How far ahead of now tokens may be taken, in nanoseconds.
    burst: u64,
    start: Instant,
    /// Nanoseconds since `start` up to which tokens are taken.
    taken_up_to: AtomicU64,
}

const SECOND: u64 = 1_000_000_000;

impl RateLimit {
    /// What is negative or no number is taken as 0: nothing is taken.
    pub(crate) fn new(per_second: f64) -> Self {
        let per_second = per_second.max(0.0);
        let interval = (SECOND as f64 / per_second).min(u64::MAX as f64 / 4.0).max(1.0) as u64;
        Self {
            per_second,
            interval: if per_second > 0.0 { interval } else { 0 },
            burst: interval.max(SECOND),
            start: Instant::now(),
            taken_up_to: AtomicU64::new(0),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&self) -> bool {
        self.take_at(self.start.elapsed())
    }

    fn take_at(&self, since_start: Duration) -> bool {
        if self.interval == 0 {
            return false;
        }
        let now = since_start.as_nanos() as u64;
        let limit = now + self.burst;
        let take = |taken_up_to: u64| {
            let next = taken_up_to.max(now) + self.interval;
            (next <= limit).then_some(next)
        };
        // Relaxed: the number guards no other memory.
        self.taken_up_to.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use proptest::prelude::*;

    use super::*;

    fn taken(limit: &RateLimit, at: Duration, tries: usize) -> usize {
        (0..tries).filter(|_| limit.take_at(at)).count()
    }

    #[test]
    fn a_burst_is_what_a_second_brings_and_then_tokens_come_evenly() {
        let limit = RateLimit::new(10.0);
        assert_eq!(taken(&limit, Duration::ZERO, 100), 10);
        assert_eq!(taken(&limit, Duration::from_millis(250), 100), 2);
        assert_eq!(taken(&limit, Duration::from_secs(60), 100), 10, "unused tokens do not pile up");
    }

    #[test]
    fn less_than_one_a_second_and_none_at_all_are_rates_too() {
        let limit = RateLimit::new(0.1);
        let at = |second| taken(&limit, Duration::from_secs(second), 5);
        assert_eq!([at(0), at(5), at(10), at(19), at(20)], [1, 0, 1, 0, 1]);
        for none in [0.0, -1.0, f64::NAN] {
            assert_eq!(taken(&RateLimit::new(none), Duration::from_secs(100), 5), 0);
        }
    }

    #[test]
    fn threads_together_take_no_more_than_the_burst() {
        let (limit, all) = (RateLimit::new(1000.0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| all.fetch_add(taken(&limit, Duration::ZERO, 2000), Ordering::Relaxed));
            }
        });
        assert_eq!(all.into_inner(), 1000);
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_is_taken_than_the_rate_and_one_burst(
            rate in 0.5_f64..500.0, steps in prop::collection::vec((0_u64..2_000, 0_usize..50), 1..40)
        ) {
            let limit = RateLimit::new(rate);
            let (mut millis, mut all) = (0, 0);
            for (step, tries) in steps {
                millis += step;
                all += taken(&limit, Duration::from_millis(millis), tries);
            }
            let most = rate * (millis as f64 / 1000.0) + rate.max(1.0);
            prop_assert!(all as f64 <= most + 1.0, "{} of {}", all, most);
        }
    }
}
