//! The share of the last questions that failed, as a metric of the program's own: what an alert can look at without a query.

use std::sync::Mutex;

use tripod::Gauge;

/// How many questions count.
const WINDOW: u32 = 128;

/// The share of failures.
pub(crate) struct ErrorRate {
    /// A bit for each question, the last one's first: one where it failed.
    failed: Mutex<u128>,
    rate: Gauge,
}

impl Default for ErrorRate {
    fn default() -> Self {
        let rate = tripod::gauge("error_rate").description("Share of the last questions that failed").build();
        Self { failed: Mutex::default(), rate }
    }
}

impl ErrorRate {
    /// A question was answered, or was not.
    pub(crate) fn answered(&self, failed: bool) {
        let mut last = self.failed.lock().expect("no thread panics with it");
        *last = *last << 1 | u128::from(failed);
        self.rate.set(f64::from(last.count_ones()) / f64::from(WINDOW), &[]);
    }
}
