//! What the server counts about itself, shown by `GET /metrics`. Counting is one atomic addition.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tripod_store::{Appended, SignalStatus, Status};
use tripod_wire::otlp::Signal;
use tripod_wire::prometheus::text::{Exposition, Family, FamilyKind, Format, Sample, Samples};

use crate::receive::refusal::Kind;
use crate::receive::statsd;
use crate::span_metrics;

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
    RemoteWrite1,
    RemoteWrite2,
    Zipkin,
    Loki,
}

impl Protocol {
    const ALL: [Self; 7] = [
        Self::Grpc,
        Self::HttpProtobuf,
        Self::HttpJson,
        Self::RemoteWrite1,
        Self::RemoteWrite2,
        Self::Zipkin,
        Self::Loki,
    ];

    /// The protocol's name; for OTLP that in `OTEL_EXPORTER_OTLP_PROTOCOL`.
    fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
            Self::RemoteWrite1 => "remote_write/1.0",
            Self::RemoteWrite2 => "remote_write/2.0",
            Self::Zipkin => "zipkin",
            Self::Loki => "loki",
        }
    }

    /// What can be sent by it.
    fn signals(self) -> &'static [Signal] {
        match self {
            Self::Grpc | Self::HttpProtobuf | Self::HttpJson => &[Signal::Traces, Signal::Metrics, Signal::Logs],
            Self::RemoteWrite1 | Self::RemoteWrite2 => &[Signal::Metrics],
            Self::Zipkin => &[Signal::Traces],
            Self::Loki => &[Signal::Logs],
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
    Status,
}

impl Api {
    const ALL: [Self; 5] = [Self::Traces, Self::Metrics, Self::Logs, Self::Overview, Self::Status];

    fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Overview => "overview",
            Self::Status => "status",
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
    pub(crate) span_metrics: span_metrics::Counters,
    pub(crate) statsd: Arc<statsd::Counts>,
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
            span_metrics: span_metrics::Counters::default(),
            statsd: Arc::default(),
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
        let mut page = Exposition::new(Format::Text);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        add_sample(&mut gauge(&mut page, "tripod_build_info", "The version that runs."), &version, 1);
        add_sample(&mut gauge(&mut page, "tripod_uptime_seconds", "Since the server started."), &[], uptime.as_secs());
        self.requests_text(&mut page);
        let in_flight_help = "Bytes of requests being worked on.";
        add_sample(&mut gauge(&mut page, "tripod_receiver_in_flight_bytes", in_flight_help), &[], in_flight as u64);
        self.queries_text(&mut page);
        self.span_metrics.text(&mut page);
        self.statsd_text(&mut page);
        store_text(&mut page, store);
        page.finish()
    }

    fn statsd_text(&self, page: &mut Exposition) {
        let help = "Lines of StatsD by what became of them.";
        let mut lines = counter(page, "tripod_statsd_lines_total", help);
        add_sample(&mut lines, &[("outcome", "taken")], self.statsd.taken());
        for fault in statsd::Fault::ALL {
            add_sample(&mut lines, &[("outcome", fault.name())], self.statsd.of(fault));
        }
    }

    fn requests_text(&self, page: &mut Exposition) {
        let help = "Export requests by how they came and what became of them.";
        let mut requests = counter(page, "tripod_receiver_requests_total", help);
        let outcomes: Vec<&str> = std::iter::once("accepted").chain(Kind::ALL.map(Kind::name)).collect();
        for protocol in Protocol::ALL {
            for &signal in protocol.signals() {
                let counters = &self.requests[protocol as usize][signal as usize];
                for (outcome, counter) in outcomes.iter().zip(counters) {
                    let labels = [("protocol", protocol.name()), ("signal", signal.as_str()), ("outcome", outcome)];
                    add_sample(&mut requests, &labels, get(counter));
                }
            }
        }
        let help = "Spans, data points or samples, and log records received.";
        let mut records = counter(page, "tripod_receiver_records_total", help);
        for signal in SIGNALS {
            for (outcome, counters) in [("accepted", &self.accepted), ("rejected", &self.rejected)] {
                let labels = [("signal", signal.as_str()), ("outcome", outcome)];
                add_sample(&mut records, &labels, get(&counters[signal as usize]));
            }
        }
    }

    fn queries_text(&self, page: &mut Exposition) {
        let mut failures = counter(page, "tripod_query_failures_total", "Queries that ended with an error.");
        for api in Api::ALL {
            add_sample(&mut failures, &[("api", api.name())], get(&self.failed_queries[api as usize]));
        }
        let name = "tripod_query_duration_seconds";
        let help = "How long queries took.";
        let mut queries = page.family(&Family { name, kind: FamilyKind::Histogram, help, unit: "seconds" });
        for api in Api::ALL {
            let durations = &self.queries[api as usize];
            let label = ("api", api.name());
            let mut count = 0;
            for (i, bucket) in durations.buckets.iter().enumerate() {
                count += get(bucket);
                let bound = BOUNDS.get(i).map_or("+Inf".to_owned(), f64::to_string);
                let labels = &[label, ("le", bound.as_str())];
                queries.sample(&Sample { suffix: "_bucket", labels, value: count as f64, ..Sample::default() });
            }
            let sum = Duration::from_nanos(get(&durations.nanoseconds)).as_secs_f64();
            for (suffix, value) in [("_sum", sum), ("_count", count as f64)] {
                queries.sample(&Sample { suffix, labels: &[label], value, ..Sample::default() });
            }
        }
    }
}

fn store_text(page: &mut Exposition, store: &Status) {
    let mut records = gauge(page, "tripod_store_records", "What the store holds.");
    for (kind, count) in [
        ("spans", store.spans),
        ("logs", store.logs),
        ("samples", store.samples),
        ("series", store.series),
        ("exemplars", store.exemplars),
    ] {
        add_sample(&mut records, &[("kind", kind)], count);
    }
    let memory = "Bytes of index and samples in memory.";
    add_sample(&mut gauge(page, "tripod_store_memory_bytes", memory), &[], store.memory_bytes);
    add_sample(&mut gauge(page, "tripod_store_disk_bytes", "Bytes on disk."), &[], store.disk_bytes);
    let evicted = "Records dropped to stay within the limits, oldest first.";
    add_sample(&mut counter(page, "tripod_store_evicted_total", evicted), &[], store.evicted);
    let wal = "Bytes of the write-ahead log, which are among those on disk.";
    add_sample(&mut gauge(page, "tripod_store_wal_bytes", wal), &[], store.wal_bytes);
    let full = "1 when nothing is taken in because the disk is full.";
    add_sample(&mut gauge(page, "tripod_store_full", full), &[], store.full.into());
    signals_text(page, &store.signals);
}

/// A number of every signal.
type OfSignal = fn(&SignalStatus) -> u64;

const SIGNAL_GAUGES: [(&str, &str, OfSignal); 4] = [
    ("tripod_store_rows", "Rows in memory and in parts.", |of| of.rows),
    ("tripod_store_parts", "Parts on disk.", |of| of.parts),
    ("tripod_store_part_bytes", "Bytes of parts on disk.", |of| of.part_bytes),
    ("tripod_store_damaged_parts", "Parts found damaged since the start, and set aside.", |of| of.damaged.len() as u64),
];

const SIGNAL_COUNTERS: [(&str, &str, OfSignal); 3] = [
    ("tripod_store_flushes_total", "Memory tables written as parts.", |of| of.flushes),
    ("tripod_store_merges_total", "Merges of parts.", |of| of.merges),
    ("tripod_store_failures_total", "Flushes and merges that failed and are tried again.", |of| of.failures),
];

fn signals_text(page: &mut Exposition, signals: &[SignalStatus]) {
    let add = |mut family: Samples<'_, '_>, of: OfSignal| {
        signals.iter().for_each(|one| add_sample(&mut family, &[("signal", one.signal)], of(one)));
    };
    SIGNAL_GAUGES.iter().for_each(|(name, help, of)| add(gauge(page, name, help), *of));
    SIGNAL_COUNTERS.iter().for_each(|(name, help, of)| add(counter(page, name, help), *of));
}

fn gauge<'p, 'a>(page: &'p mut Exposition, name: &'a str, help: &'a str) -> Samples<'p, 'a> {
    page.family(&Family { name, kind: FamilyKind::Gauge, help, unit: "" })
}

fn counter<'p, 'a>(page: &'p mut Exposition, name: &'a str, help: &'a str) -> Samples<'p, 'a> {
    page.family(&Family { name, kind: FamilyKind::Counter, help, unit: "" })
}

fn add_sample(family: &mut Samples<'_, '_>, labels: &[(&str, &str)], value: u64) {
    family.sample(&Sample { labels, value: value as f64, ..Sample::default() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_on_the_page() {
        let own = OwnMetrics::default();
        own.count_request(Protocol::HttpJson, Signal::Logs, Some(Kind::TooLarge));
        own.count_records(Signal::Traces, &Appended { accepted: 7, rejected: 2, ..Appended::default() });
        own.count_query(Api::Metrics, Duration::from_millis(30), true);
        let logs = SignalStatus {
            signal: "logs",
            rows: 8,
            part_bytes: 900,
            merges: 3,
            failures: 1,
            ..SignalStatus::default()
        };
        let store = Status { spans: 7, wal_bytes: 65, full: true, signals: vec![logs], ..Status::default() };
        let text = own.text(&store, 5, Duration::from_secs(9));
        for line in [
            r#"tripod_receiver_requests_total{protocol="http/json",signal="logs",outcome="too_large"} 1"#,
            r#"tripod_receiver_records_total{signal="traces",outcome="rejected"} 2"#,
            r#"tripod_query_duration_seconds_bucket{api="metrics",le="0.025"} 0"#,
            r#"tripod_query_duration_seconds_bucket{api="metrics",le="0.1"} 1"#,
            r#"tripod_query_duration_seconds_sum{api="metrics"} 0.03"#,
            r#"tripod_query_failures_total{api="metrics"} 1"#,
            r#"tripod_store_records{kind="spans"} 7"#,
            r#"tripod_store_rows{signal="logs"} 8"#,
            r#"tripod_store_parts{signal="logs"} 0"#,
            r#"tripod_store_part_bytes{signal="logs"} 900"#,
            r#"tripod_store_flushes_total{signal="logs"} 0"#,
            r#"tripod_store_merges_total{signal="logs"} 3"#,
            r#"tripod_store_failures_total{signal="logs"} 1"#,
            "tripod_store_wal_bytes 65",
            "tripod_store_full 1",
            "tripod_receiver_in_flight_bytes 5",
            "tripod_uptime_seconds 9",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
