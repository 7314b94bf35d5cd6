//! What has begun: guards that tell once how it ended and how long it took.

use std::time::Duration;

use crate::clock::Instant;
use crate::{Histogram, Value};

/// Something under way whose end is told once.
pub(super) struct UnderWay {
    started: Instant,
    over: bool,
}

impl UnderWay {
    pub(super) fn now() -> Self {
        Self { started: Instant::calibrated(), over: false }
    }

    /// Ends it: how long it took, unless it has ended before.
    pub(super) fn end(&mut self) -> Option<Duration> {
        (!std::mem::replace(&mut self.over, true)).then(|| self.started.elapsed())
    }
}

/// Records how long something takes, when it is stopped or dropped.
#[must_use = "what is dropped at once takes no time"]
pub struct Timer<'a> {
    duration: &'static Histogram,
    label: Option<(&'static str, &'a str)>,
    started: Instant,
}

impl<'a> Timer<'a> {
    pub(super) fn start(duration: &'static Histogram, label: Option<(&'static str, &'a str)>) -> Self {
        Self { duration, label, started: Instant::calibrated() }
    }

    /// It is over, which is what dropping this says as well.
    pub fn stop(self) {}
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let took = self.started.seconds();
        match self.label {
            Some((key, value)) => self.duration.record(took, &[(key, Value::Str(value))]),
            None => self.duration.record(took, &[]),
        }
    }
}

/// Bounds in seconds for what takes from milliseconds to minutes: calls to models, searches.
pub(super) const SECONDS_TO_MINUTES: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Bounds in seconds for what takes from a fraction of a second to hours: pipelines, jobs.
pub(super) const SECONDS_TO_HOURS: [f64; 14] =
    [0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

/// Bounds for numbers of things.
pub(super) const COUNTS: [f64; 12] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0];
