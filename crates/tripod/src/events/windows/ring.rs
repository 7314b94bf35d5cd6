//! A sliding window of one series: a ring of parts, each an eighth of the window long, joined when it is read.
//!
//! An event older than the window never counts; one that is younger than seven eighths of it always does. What the window has seen is
//! never moved: a part is forgotten as a whole when its place in the ring is needed again.

use super::tally::Tally;
use crate::metrics::exponential::Limits;

/// Parts of a window.
pub(super) const PARTS: u64 = 8;

/// One series in one window.
#[derive(Debug)]
pub(super) struct Ring {
    /// Nanoseconds of a part.
    width: u64,
    /// By number, modulo how many there are; made when the first event comes.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    /// Which eighth since the collector started it is.
    number: u64,
    tally: Tally,
}

impl Ring {
    pub(super) fn new(length_nanos: u64) -> Self {
        Self { width: (length_nanos / PARTS).max(1), parts: Vec::new() }
    }

    /// Records an event of a time, in nanoseconds since the start. One that comes too late for its part counts no more.
    pub(super) fn record(&mut self, limits: Limits, at: u64, value: Option<f64>) {
        let number = at / self.width;
        if self.parts.is_empty() {
            self.parts.extend((0..PARTS).map(|number| Part { number, tally: Tally::new(limits) }));
        }
        let part = &mut self.parts[(number % PARTS) as usize];
        if part.number < number {
            part.number = number;
            part.tally.clear(limits);
        }
        if part.number == number {
            part.tally.record(limits, value);
        }
    }

    /// Adds what the window holds now.
    pub(super) fn add_to(&self, limits: Limits, now: u64, all: &mut Tally) {
        let (oldest, newest) = (oldest_part(self.width, now), now / self.width);
        for part in self.parts.iter().filter(|part| (oldest..=newest).contains(&part.number)) {
            if part.tally.events > 0 {
                all.join(limits, &part.tally);
            }
        }
    }

    /// Events in the window now.
    pub(super) fn events(&self, now: u64) -> u64 {
        let (oldest, newest) = (oldest_part(self.width, now), now / self.width);
        let held = self.parts.iter().filter(|part| (oldest..=newest).contains(&part.number));
        held.map(|part| part.tally.events).sum()
    }
}

fn oldest_part(width: u64, now: u64) -> u64 {
    (now / width).saturating_sub(PARTS - 1)
}

/// Nanoseconds that a window reaches back now.
pub(super) fn reach(length_nanos: u64, now: u64) -> u64 {
    let width = (length_nanos / PARTS).max(1);
    now - oldest_part(width, now) * width
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::exponential::sketch_limits;

    const SECOND: u64 = 1_000_000_000;

    proptest! {
        #[test]
        fn what_is_older_than_the_window_never_counts_and_what_is_clearly_younger_always_does(
            mut times in prop::collection::vec(0..1000_u64, 1..100), length in 8..200_u64, wait in 0..300_u64,
        ) {
            times.sort_unstable();
            let limits = sketch_limits(0.01);
            let mut ring = Ring::new(length * SECOND);
            times.iter().for_each(|at| ring.record(limits, at * SECOND, Some(*at as f64)));
            let now = times[times.len() - 1] + wait;
            let mut all = Tally::new(limits);
            ring.add_to(limits, now * SECOND, &mut all);
            let younger = |seconds: f64| times.iter().filter(|at| ((now - **at) as f64) < seconds).count() as u64;
            prop_assert!(all.events <= younger(length as f64 + 1e-6));
            prop_assert!(all.events >= younger(length as f64 * 7.0 / 8.0 - 1e-6));
            prop_assert_eq!((all.events, all.values.count()), (ring.events(now * SECOND), all.events));
            prop_assert!(reach(length * SECOND, now * SECOND) <= length * SECOND);
        }
    }

    #[test]
    fn an_event_that_comes_late_counts_where_it_belongs_and_not_at_all_when_its_part_is_gone() {
        let limits = sketch_limits(0.01);
        let mut ring = Ring::new(8 * SECOND);
        ring.record(limits, 9 * SECOND, None);
        ring.record(limits, 3 * SECOND, None);
        ring.record(limits, SECOND, None);
        assert_eq!(ring.events(9 * SECOND), 2, "the part of the first second is that of the ninth now");
        assert_eq!(ring.events(10 * SECOND), 2);
        assert_eq!(ring.events(11 * SECOND), 1);
        assert_eq!(ring.events(17 * SECOND), 0);
    }
}
