//! What the server counts about itself, shown by `GET /metrics`. Counting is one atomic addition.

use std::array;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tripod_store::{Appended, Status};
use tripod_wire::otlp::Signal;

use crate::receive::refusal::Kind;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

impl Protocol {
    const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// The protocol's name in `OTEL_EXPORTER_OTLP_PROTOCOL`.
    fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }
}

/// The query APIs, as they are told apart in the durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Traces,
    Metrics,
    Logs,
    Overview,
}

impl Api {
    const ALL: [Self; 4] = [Self::Traces, Self::Metrics, Self::Logs, Self::Overview];

    fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Overview => "overview",
        }
    }
}

const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];
/// One for "accepted" before those of [`Kind`].
const OUTCOMES: usize = 1 + Kind::ALL.len();
/// Upper bounds of the duration buckets, in seconds.
const BOUNDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0];

/// The server's counters.
#[derive(Debug)]
pub(crate) struct OwnMetrics {
    requests: [[[AtomicU64; OUTCOMES]; SIGNALS.len()]; Protocol::ALL.len()],
    accepted: [AtomicU64; SIGNALS.len()],
    rejected: [AtomicU64; SIGNALS.len()],
    queries: [Durations; Api::ALL.len()],
    failed_queries: [AtomicU64; Api::ALL.len()],
}

#[derive(Debug, Default)]
struct Durations {
    /// One more than bounds; not cumulated.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Default for OwnMetrics {
    fn default() -> Self {
        Self {
            requests: array::from_fn(|_| array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0)))),
            accepted: Default::default(),
            rejected: Default::default(),
            queries: Default::default(),
            failed_queries: Default::default(),
        }
    }
}

impl OwnMetrics {
    /// Counts an export request; `refused` says why it was not taken.
    pub(crate) fn count_request(&self, protocol: Protocol, signal: Signal, refused: Option<Kind>) {
        let outcome = refused.map_or(0, |kind| 1 + kind as usize);
        add(&self.requests[protocol as usize][signal as usize][outcome], 1);
    }

    /// Counts the records of a request that was taken.
    pub(crate) fn count_records(&self, signal: Signal, appended: &Appended) {
        add(&self.accepted[signal as usize], appended.accepted);
        add(&self.rejected[signal as usize], appended.rejected);
    }

    /// Counts a query.
    pub(crate) fn count_query(&self, api: Api, took: Duration, failed: bool) {
        let seconds = took.as_secs_f64();
        let durations = &self.queries[api as usize];
        add(&durations.buckets[BOUNDS.partition_point(|bound| *bound < seconds)], 1);
        add(&durations.nanoseconds, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        if failed {
            add(&self.failed_queries[api as usize], 1);
        }
    }

    /// All of it in Prometheus' text format, with the gauges given.
    pub(crate) fn text(&self, store: &Status, in_flight: usize, uptime: Duration) -> String {
        let mut page = Page::default();
        page.family("tripod_build_info", "gauge", "The version that runs.");
        page.line("tripod_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.family("tripod_uptime_seconds", "gauge", "Since the server started.");
        page.line("tripod_uptime_seconds", &[], uptime.as_secs());
        self.requests_text(&mut page);
        page.family("tripod_receiver_records_total", "counter", "Spans, data points and log records received.");
        for signal in SIGNALS {
            for (outcome, counters) in [("accepted", &self.accepted), ("rejected", &self.rejected)] {
                let labels = [("signal", signal.as_str()), ("outcome", outcome)];
                page.line("tripod_receiver_records_total", &labels, get(&counters[signal as usize]));
            }
        }
        page.family("tripod_receiver_in_flight_bytes", "gauge", "Bytes of requests being worked on.");
        page.line("tripod_receiver_in_flight_bytes", &[], in_flight);
        self.queries_text(&mut page);
        store_text(&mut page, store);
        page.0
    }

    fn requests_text(&self, page: &mut Page) {
        let name = "tripod_receiver_requests_total";
        page.family(name, "counter", "Export requests by how they came and what became of them.");
        let outcomes: Vec<&str> = std::iter::once("accepted").chain(Kind::ALL.map(Kind::name)).collect();
        for protocol in Protocol::ALL {
            for signal in SIGNALS {
                let counters = &self.requests[protocol as usize][signal as usize];
                for (outcome, counter) in outcomes.iter().zip(counters) {
                    let labels = [("protocol", protocol.name()), ("signal", signal.as_str()), ("outcome", outcome)];
                    page.line(name, &labels, get(counter));
                }
            }
        }
    }

    fn queries_text(&self, page: &mut Page) {
        page.family("tripod_query_failures_total", "counter", "Queries that ended with an error.");
        for api in Api::ALL {
            let failures = get(&self.failed_queries[api as usize]);
            page.line("tripod_query_failures_total", &[("api", api.name())], failures);
        }
        page.family("tripod_query_duration_seconds", "histogram", "How long queries took.");
        for api in Api::ALL {
            let durations = &self.queries[api as usize];
            let mut count = 0;
            for (i, bucket) in durations.buckets.iter().enumerate() {
                count += get(bucket);
                let bound = BOUNDS.get(i).map_or("+Inf".to_owned(), f64::to_string);
                page.line("tripod_query_duration_seconds_bucket", &[("api", api.name()), ("le", &bound)], count);
            }
            let sum = Duration::from_nanos(get(&durations.nanoseconds)).as_secs_f64();
            page.line("tripod_query_duration_seconds_sum", &[("api", api.name())], sum);
            page.line("tripod_query_duration_seconds_count", &[("api", api.name())], count);
        }
    }
}

fn store_text(page: &mut Page, store: &Status) {
    let records = [
        ("spans", store.spans),
        ("logs", store.logs),
        ("samples", store.samples),
        ("series", store.series),
        ("exemplars", store.exemplars),
    ];
    page.family("tripod_store_records", "gauge", "What the store holds.");
    for (kind, count) in records {
        page.line("tripod_store_records", &[("kind", kind)], count);
    }
    page.family("tripod_store_memory_bytes", "gauge", "Bytes of index and samples in memory.");
    page.line("tripod_store_memory_bytes", &[], store.memory_bytes);
    page.family("tripod_store_disk_bytes", "gauge", "Bytes on disk.");
    page.line("tripod_store_disk_bytes", &[], store.disk_bytes);
    page.family("tripod_store_evicted_total", "counter", "Records dropped to stay within the limits, oldest first.");
    page.line("tripod_store_evicted_total", &[], store.evicted);
}

/// A page of the text format; names and label values here need no escaping.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_on_the_page() {
        let own = OwnMetrics::default();
        own.count_request(Protocol::HttpJson, Signal::Logs, Some(Kind::TooLarge));
        own.count_records(Signal::Traces, &Appended { accepted: 7, rejected: 2, reason: None });
        own.count_query(Api::Metrics, Duration::from_millis(30), true);
        let text = own.text(&Status { spans: 7, ..Status::default() }, 5, Duration::from_secs(9));
        for line in [
            r#"tripod_receiver_requests_total{protocol="http/json",signal="logs",outcome="too_large"} 1"#,
            r#"tripod_receiver_records_total{signal="traces",outcome="rejected"} 2"#,
            r#"tripod_query_duration_seconds_bucket{api="metrics",le="0.025"} 0"#,
            r#"tripod_query_duration_seconds_bucket{api="metrics",le="0.1"} 1"#,
            r#"tripod_query_duration_seconds_sum{api="metrics"} 0.03"#,
            r#"tripod_query_failures_total{api="metrics"} 1"#,
            r#"tripod_store_records{kind="spans"} 7"#,
            "tripod_receiver_in_flight_bytes 5",
            "tripod_uptime_seconds 9",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
