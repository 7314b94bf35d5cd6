//! Dispatching: signals that are consumed in batches, and the pipelines that they start.

use super::set::metric_set;
use super::under_way::{COUNTS, Timer};
use crate::labels;

metric_set! {
    /// The metrics of dispatchers.
    "dispatch" {
        consumed: Counter = "signals_consumed_total" [] "" "Signals consumed";
        batch_size: Histogram = "batch_size" [] "" "Signals in a batch" buckets COUNTS;
        batch_duration: Histogram = "batch_processing_duration_seconds" [] "s" "How long a batch takes";
        matched: Counter = "pipelines_matched_total" [ticker] "" "Pipelines that a signal fits";
        enqueued: Counter = "pipelines_enqueued_total" [status] "" "Pipelines that were to be enqueued: `enqueued` or `skipped`";
        skipped_running: Counter = "pipelines_skipped_running_total" [] "" "Pipelines skipped as they run already";
        cache_size: Gauge = "cache_size_bytes" [] "By" "Size of the cache of pipelines";
        cache_refresh: Histogram = "cache_refresh_duration_seconds" [] "s" "How long refreshing the cache of pipelines takes";
    }
}

/// What matches signals with pipelines and enqueues these.
///
/// ```
/// let dispatcher = tripod::catalog::dispatch::Dispatcher::new();
/// let batch = dispatcher.batch(20);
/// dispatcher.matched("AAPL", 3);
/// dispatcher.enqueued(2);
/// dispatcher.skipped_running(1);
/// batch.stop();
/// ```
#[derive(Clone, Copy)]
pub struct Dispatcher {
    metrics: &'static Metrics,
}

impl Dispatcher {
    /// The dispatcher.
    #[allow(clippy::new_without_default, reason = "as all sets are made")]
    pub fn new() -> Self {
        Self { metrics: Metrics::get() }
    }

    /// A batch of so many signals is processed from now on, until the timer is stopped or dropped.
    pub fn batch(&self, signals: usize) -> Timer<'static> {
        self.metrics.consumed.add(signals as u64, &[]);
        self.metrics.batch_size.record(signals as f64, &[]);
        Timer::start(&self.metrics.batch_duration, None)
    }

    /// A signal of this ticker fits so many pipelines.
    pub fn matched(&self, ticker: &str, pipelines: u64) {
        self.metrics.matched.add(pipelines, labels!(ticker));
    }

    /// So many pipelines were enqueued.
    pub fn enqueued(&self, pipelines: u64) {
        self.metrics.enqueued.add(pipelines, labels!(status = "enqueued"));
    }

    /// So many were not, for whatever reason.
    pub fn skipped(&self, pipelines: u64) {
        self.metrics.enqueued.add(pipelines, labels!(status = "skipped"));
    }

    /// So many were not, as they run already.
    pub fn skipped_running(&self, pipelines: u64) {
        self.skipped(pipelines);
        self.metrics.skipped_running.add(pipelines, &[]);
    }

    /// The cache of pipelines takes so many bytes.
    pub fn cache_size(&self, bytes: u64) {
        self.metrics.cache_size.set(bytes as f64, &[]);
    }

    /// The cache of pipelines is refreshed from now on, until the timer is stopped or dropped.
    pub fn cache_refresh(&self) -> Timer<'static> {
        Timer::start(&self.metrics.cache_refresh, None)
    }
}
