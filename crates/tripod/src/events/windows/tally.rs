//! What a part of a window has seen of one series, and what a window makes of its parts.

use crate::metrics::exponential::{Counted, Limits};

/// Events of one series within a time.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Events, also those whose value is infinite or no number.
    pub(super) events: u64,
    pub(super) values: Counted,
}

impl Tally {
    pub(super) fn new(limits: Limits) -> Self {
        Self { events: 0, values: Counted::empty(limits) }
    }

    pub(super) fn record(&mut self, limits: Limits, value: Option<f64>) {
        self.events += 1;
        if let Some(value) = value {
            self.values.record(limits, value);
        }
    }

    pub(super) fn join(&mut self, limits: Limits, other: &Self) {
        self.events += other.events;
        self.values.join(limits, &other.values);
    }

    /// Forgets everything, and keeps the memory.
    pub(super) fn clear(&mut self, limits: Limits) {
        self.events = 0;
        self.values.clear(limits);
    }

    pub(super) fn mean(&self) -> Option<f64> {
        let count = self.values.count();
        (count > 0).then(|| self.values.sum / count as f64)
    }
}
