//! The clock: the processor's time-stamp counter, read as the time of day.
//!
//! A tick costs some ten nanoseconds, half of what the system's clock takes. Each thread ties its ticks to the time of day anew every
//! second, so that it follows when the clock is set; a span keeps the tie it began with, so that its duration is right whatever
//! happens meanwhile.

use std::time::SystemTime;

use fastant::{Anchor, Instant};

/// How ticks are read as the time of day. Without one (the system's clock stands before 1970) every time is 0.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tie(Option<Anchor>);

impl Tie {
    fn new() -> Self {
        Self((SystemTime::now() > SystemTime::UNIX_EPOCH).then(Anchor::new))
    }

    /// The time of day now, in nanoseconds since the Unix epoch.
    #[inline]
    pub(crate) fn now(self) -> u64 {
        self.0.map_or(0, |anchor| Instant::now().as_unix_nanos(&anchor))
    }
}

/// One thread's clock.
pub(crate) struct Clock {
    tie: Tie,
    tied_at: u64,
}

impl Clock {
    const TIE_EVERY: u64 = 1_000_000_000;

    pub(crate) fn new() -> Self {
        let tie = Tie::new();
        Self { tie, tied_at: tie.now() }
    }

    /// The time of day now, in nanoseconds since the Unix epoch.
    #[inline]
    pub(crate) fn now(&mut self) -> u64 {
        let now = self.tie.now();
        if now.wrapping_sub(self.tied_at) < Self::TIE_EVERY {
            return now;
        }
        *self = Self::new();
        self.tied_at
    }

    /// The tie that [`Clock::now`] used last.
    #[inline]
    pub(crate) fn tie(&self) -> Tie {
        self.tie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_that_of_the_system() {
        let system = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let (before, now, after) = (system(), Clock::new().now(), system());
        // The two clocks may differ by what tying them takes.
        assert!(now + 10_000_000 > before && now < after + 10_000_000, "{before} {now} {after}");
    }
}
