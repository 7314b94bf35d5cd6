//! Requests to providers of data: how many, how long, how they end, and what comes of caches and limits.

use std::sync::Arc;
use std::time::Duration;

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
/// ```
/// let finnhub = tripod::catalog::adapter::Adapter::new("finnhub");
/// let request = finnhub.request("fetch");
/// finnhub.data_volume("quotes", 1_840);
/// request.success();
/// ```
#[derive(Clone)]
pub struct Adapter {
    provider: Arc<str>,
    metrics: &'static Metrics,
}

impl Adapter {
    /// The provider of this name.
    pub fn new(provider: impl Into<Arc<str>>) -> Self {
        Self { provider: provider.into(), metrics: Metrics::get() }
    }

    /// Its name.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// A request begins. It ends with [`Request::success`] or [`Request::error`], or is counted as `cancelled` when it is dropped.
    pub fn request<'a>(&'a self, operation: &'a str) -> Request<'a> {
        self.metrics.active.add(1, labels!(provider = *self.provider));
        Request { adapter: self, operation, under_way: UnderWay::now() }
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

    fn ended(&self, operation: &str, status: &str, took: Duration) {
        self.metrics.requests.inc(labels!(provider = *self.provider, operation, status));
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
        self.end("success");
    }

    /// It failed. Keep the number of types small: `timeout`, not the message.
    pub fn error(mut self, error_type: &str) {
        let Self { adapter, operation, .. } = self;
        adapter.metrics.errors.inc(labels!(provider = *adapter.provider, operation, error_type));
        self.end("error");
    }

    fn end(&mut self, status: &str) {
        let Some(took) = self.under_way.end() else { return };
        self.adapter.ended(self.operation, status, took);
        self.adapter.metrics.active.add(-1, labels!(provider = *self.adapter.provider));
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}
