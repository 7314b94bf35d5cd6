//! Requests to providers of data: how many, how long, how they end, and what comes of caches and limits.

mod batch;
mod rate;

use std::sync::Arc;
use std::time::Duration;

pub use batch::Ended;
use rate::Window;

use super::set::metric_set;
use super::under_way::UnderWay;
use crate::labels;

metric_set! {
    /// The metrics of all providers.
    "adapter" {
        requests: Counter = "adapter_requests_total" [provider, operation, status] "" "Requests to providers, by how they ended";
        duration: Histogram = "adapter_request_duration_seconds" [provider, operation] "s" "How long requests to providers take";
        active: UpDownCounter = "adapter_active_requests" [provider] "" "Requests to providers that are under way";
        errors: Counter = "adapter_errors_total" [provider, operation, error_type] "" "Requests to providers that failed";
        success_rate: Gauge = "adapter_success_rate" [provider] "" "Share of requests to providers that succeeded, over the last five minutes";
        cache_hits: Counter = "adapter_cache_hits_total" [provider, cache_type] "" "Answers found in a cache";
        cache_misses: Counter = "adapter_cache_misses_total" [provider, cache_type] "" "Answers not found in a cache";
        data_volume: Counter = "adapter_data_volume_total" [provider, data_type] "" "Bytes of data received from providers";
        rate_limited: Counter = "adapter_rate_limited_total" [provider] "" "Requests that a provider's limit refused";
        connection_errors: Counter = "adapter_connection_errors_total" [provider] "" "Connections to providers that failed";
        timeouts: Counter = "adapter_timeouts_total" [provider, operation] "" "Requests to providers that took too long";
    }
}

/// A provider of data, as its requests show it.
///
/// `adapter_success_rate` is the share of requests that succeeded, of those that succeeded or failed within the last five minutes, give
/// or take ten seconds; a provider of whom none did has none.
///
/// ```
/// let finnhub = tripod::catalog::adapter::Adapter::new("finnhub");
/// let request = finnhub.request("fetch");
/// finnhub.data_volume("quotes", 1_840);
/// request.success();
/// ```
///
/// Who takes the time himself tells the same in parts:
///
/// ```
/// # use std::time::Duration;
/// use tripod::catalog::adapter::{Adapter, Ended};
///
/// let jobs = Adapter::new("background");
/// jobs.record_request_start();
/// jobs.record_request_success("job1", Duration::from_millis(500)); // or record_request_error("job1", "timeout")
/// jobs.record_request_end();
///
/// jobs.record_request_batch(&[
///     Ended::success("job1", Duration::from_millis(480)),
///     Ended::error("job2", "timeout"),
/// ]);
/// ```
#[derive(Clone)]
pub struct Adapter {
    provider: Arc<str>,
    window: Arc<Window>,
    metrics: &'static Metrics,
}

impl Adapter {
    /// The provider of this name. Keep it: recording takes no lock, but this looks the provider up.
    pub fn new(provider: impl Into<Arc<str>>) -> Self {
        let provider = provider.into();
        Self { window: Window::of(&provider), provider, metrics: Metrics::get() }
    }

    /// Its name.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// A request begins. It ends with [`Request::success`] or [`Request::error`], or is counted as `cancelled` when it is dropped.
    pub fn request<'a>(&'a self, operation: &'a str) -> Request<'a> {
        self.record_request_start();
        Request { adapter: self, operation, under_way: UnderWay::now() }
    }

    /// A request begins: one more is under way. To be followed by [`Adapter::record_request_end`], however it ends.
    pub fn record_request_start(&self) {
        self.metrics.active.add(1, labels!(provider = *self.provider));
    }

    /// A request was answered after this time.
    pub fn record_request_success(&self, operation: &str, duration: Duration) {
        self.succeeded(operation, duration);
    }

    /// A request failed. Keep the number of types small: `timeout`, not the message.
    pub fn record_request_error(&self, operation: &str, error_type: &str) {
        self.failed(operation, error_type);
        self.count(operation, "error", 1);
        self.window.failed(1);
    }

    /// A request that began is over.
    pub fn record_request_end(&self) {
        self.metrics.active.add(-1, labels!(provider = *self.provider));
    }

    /// Many requests have ended: the same as [`Adapter::record_request_success`] or [`Adapter::record_request_error`] for each, in less
    /// time.
    pub fn record_request_batch(&self, requests: &[Ended<'_>]) {
        batch::record(self, requests);
    }

    /// An answer was in the cache.
    pub fn cache_hit(&self, cache_type: &str) {
        self.metrics.cache_hits.inc(labels!(provider = *self.provider, cache_type));
    }

    /// An answer was not in the cache.
    pub fn cache_miss(&self, cache_type: &str) {
        self.metrics.cache_misses.inc(labels!(provider = *self.provider, cache_type));
    }

    /// So many bytes of data came.
    pub fn data_volume(&self, data_type: &str, bytes: u64) {
        self.metrics.data_volume.add(bytes, labels!(provider = *self.provider, data_type));
    }

    /// The provider refused a request because of its limit.
    pub fn rate_limited(&self) {
        self.metrics.rate_limited.inc(labels!(provider = *self.provider));
    }

    /// The provider could not be reached.
    pub fn connection_error(&self) {
        self.metrics.connection_errors.inc(labels!(provider = *self.provider));
    }

    /// A request took too long.
    pub fn timeout(&self, operation: &str) {
        self.metrics.timeouts.inc(labels!(provider = *self.provider, operation));
    }

    fn succeeded(&self, operation: &str, took: Duration) {
        self.count(operation, "success", 1);
        self.took(operation, took);
        self.window.succeeded(1);
    }

    fn failed(&self, operation: &str, error_type: &str) {
        self.metrics.errors.inc(labels!(provider = *self.provider, operation, error_type));
    }

    fn count(&self, operation: &str, status: &str, requests: u32) {
        self.metrics.requests.add(requests.into(), labels!(provider = *self.provider, operation, status));
    }

    fn took(&self, operation: &str, took: Duration) {
        self.metrics.duration.record(took.as_secs_f64(), labels!(provider = *self.provider, operation));
    }
}

/// A request to a provider that is under way.
#[must_use = "a request that is dropped counts as cancelled"]
pub struct Request<'a> {
    adapter: &'a Adapter,
    operation: &'a str,
    under_way: UnderWay,
}

impl Request<'_> {
    /// It has been answered.
    pub fn success(mut self) {
        let (adapter, operation) = (self.adapter, self.operation);
        self.end(|took| adapter.succeeded(operation, took));
    }

    /// It failed. Keep the number of types small: `timeout`, not the message.
    pub fn error(mut self, error_type: &str) {
        let (adapter, operation) = (self.adapter, self.operation);
        self.end(|took| {
            adapter.failed(operation, error_type);
            adapter.count(operation, "error", 1);
            adapter.took(operation, took);
            adapter.window.failed(1);
        });
    }

    fn end(&mut self, record: impl FnOnce(Duration)) {
        if let Some(took) = self.under_way.end() {
            record(took);
            self.adapter.record_request_end();
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let (adapter, operation) = (self.adapter, self.operation);
        self.end(|took| {
            adapter.count(operation, "cancelled", 1);
            adapter.took(operation, took);
        });
    }
}
