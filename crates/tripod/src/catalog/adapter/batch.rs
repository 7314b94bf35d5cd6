//! Many requests that have ended, recorded at once: a series is found once for all requests of its operation.

use std::time::Duration;

use super::Adapter;
use crate::labels;
use crate::metrics::BoundHistogram;

/// A request that has ended, for [`Adapter::record_request_batch`].
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    operation: &'a str,
    how: Result<Duration, &'a str>,
}

impl<'a> Ended<'a> {
    /// It was answered after this time.
    pub fn success(operation: &'a str, duration: Duration) -> Self {
        Self { operation, how: Ok(duration) }
    }

    /// It failed. Keep the number of types small: `timeout`, not the message.
    pub fn error(operation: &'a str, error_type: &'a str) -> Self {
        Self { operation, how: Err(error_type) }
    }
}

/// Operations that are kept apart at a time. A batch of more is recorded all the same, but slower.
const OPERATIONS: usize = 8;

/// What an operation's requests add up to.
struct Tally<'a> {
    operation: &'a str,
    duration: BoundHistogram,
    succeeded: u32,
    failed: u32,
}

impl<'a> Tally<'a> {
    fn new(adapter: &Adapter, operation: &'a str) -> Self {
        let duration = adapter.metrics.duration.bind(labels!(provider = *adapter.provider, operation));
        Self { operation, duration, succeeded: 0, failed: 0 }
    }

    fn add(&mut self, adapter: &Adapter, ended: &Ended<'a>) {
        match ended.how {
            Ok(took) => {
                self.succeeded += 1;
                self.duration.record(took.as_secs_f64());
            }
            Err(error_type) => {
                self.failed += 1;
                adapter.failed(self.operation, error_type);
            }
        }
    }

    fn record(self, adapter: &Adapter) {
        if self.succeeded > 0 {
            adapter.count(self.operation, "success", self.succeeded);
            adapter.window.succeeded(self.succeeded);
        }
        if self.failed > 0 {
            adapter.count(self.operation, "error", self.failed);
            adapter.window.failed(self.failed);
        }
    }
}

pub(super) fn record(adapter: &Adapter, requests: &[Ended<'_>]) {
    let mut tallies: [Option<Tally<'_>>; OPERATIONS] = [const { None }; OPERATIONS];
    let mut oldest = 0;
    for ended in requests {
        let is_its = |tally: &Option<Tally<'_>>| tally.as_ref().is_none_or(|tally| tally.operation == ended.operation);
        let at = tallies.iter().position(is_its).unwrap_or_else(|| {
            let at = oldest;
            oldest = (oldest + 1) % OPERATIONS;
            if let Some(tally) = tallies[at].take() {
                tally.record(adapter);
            }
            at
        });
        tallies[at].get_or_insert_with(|| Tally::new(adapter, ended.operation)).add(adapter, ended);
    }
    tallies.into_iter().flatten().for_each(|tally| tally.record(adapter));
}
