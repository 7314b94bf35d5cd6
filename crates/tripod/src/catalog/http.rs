//! HTTP as a server sees it: requests, how long they take, how many there are at a time.

use std::time::Duration;

use super::set::metric_set;
use super::under_way::UnderWay;
use crate::{Value, labels};

metric_set! {
    /// The metrics of HTTP servers.
    "http" {
        requests: Counter = "http_requests_total" [method, endpoint, status] "" "Requests served, by how they ended";
        duration: Histogram = "http_request_duration_seconds" [method, endpoint] "s" "How long requests take";
        server_duration: Histogram = "http_server_request_duration_seconds" [method, route, status_code] "s" "How long requests take, by their status";
        server_active: UpDownCounter = "http_server_active_requests" [method, route] "" "Requests that are under way";
    }
}

/// A server of HTTP.
///
/// Two dialects are recorded at once: `http_requests_total` by `endpoint`, and `http_server_request_duration_seconds` by `route`.
///
/// ```
/// let request = tripod::catalog::http::Http::new().request("GET", "/orders/{id}");
/// request.status(200);
/// ```
#[derive(Clone, Copy)]
pub struct Http {
    metrics: &'static Metrics,
}

impl Http {
    /// The server.
    #[allow(clippy::new_without_default, reason = "as all sets are made")]
    pub fn new() -> Self {
        Self { metrics: Metrics::get() }
    }

    /// A request begins. Its route is the pattern, `/orders/{id}`, never the path. It ends with [`Request::status`], or is counted as
    /// `cancelled` when it is dropped.
    pub fn request<'a>(&self, method: &'a str, route: &'a str) -> Request<'a> {
        self.metrics.began(method, route);
        Request { metrics: self.metrics, method, route, under_way: UnderWay::now() }
    }
}

impl Metrics {
    pub(crate) fn began(&self, method: &str, route: &str) {
        self.server_active.add(1, labels!(method, route));
    }

    /// A request that began is over, by its status: a number, or `cancelled`.
    pub(crate) fn ended(&self, method: &str, route: &str, status: Value<'_>, took: Duration) {
        let took = took.as_secs_f64();
        self.requests.inc(labels!(method, endpoint = *route, status));
        self.duration.record(took, labels!(method, endpoint = *route));
        self.server_duration.record(took, labels!(method, route, status_code = status));
        self.server_active.add(-1, labels!(method, route));
    }
}

/// A request that is served.
#[must_use = "a request that is dropped counts as cancelled"]
pub struct Request<'a> {
    metrics: &'static Metrics,
    method: &'a str,
    route: &'a str,
    under_way: UnderWay,
}

impl Request<'_> {
    /// It has been answered with this status.
    pub fn status(mut self, status: u16) {
        self.end(Value::Int(status.into()));
    }

    fn end(&mut self, status: Value<'_>) {
        if let Some(took) = self.under_way.end() {
            self.metrics.ended(self.method, self.route, status, took);
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.end(Value::Str("cancelled"));
    }
}
