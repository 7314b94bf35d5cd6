//! What was counted as series, under the connectors' names and labels.

use std::sync::{Arc, LazyLock};

use tripod_store::{Exemplar, Labels, Metadata, MetricKind, Samples, SeriesWrite};

use super::graph::Between;
use super::histogram::{BUCKETS, Histogram, MILLISECONDS, SECONDS};
use super::seen::SeenGroup;

/// Series of a histogram: buckets, sum and count.
const OF_HISTOGRAM: usize = BUCKETS + 2;
/// Series of a group: calls and durations.
pub(super) const OF_GROUP: usize = 1 + OF_HISTOGRAM;
/// Series of an edge: calls, failures, durations on both sides.
pub(super) const OF_EDGE: usize = 2 + 2 * OF_HISTOGRAM;

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUSES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// A metric family: its name, and what is known of it.
type Family = (Arc<str>, Arc<Metadata>);

fn family(name: &str, kind: MetricKind, help: &str, unit: &str) -> Family {
    (name.into(), Arc::new(Metadata { kind, help: help.to_owned(), unit: unit.to_owned() }))
}

static CALLS: LazyLock<Family> = LazyLock::new(|| {
    let help = "Spans, by service, name, kind and status.";
    family("traces_span_metrics_calls_total", MetricKind::Counter, help, "")
});
static DURATIONS: LazyLock<Family> = LazyLock::new(|| {
    let help = "How long spans took.";
    family("traces_span_metrics_duration_milliseconds", MetricKind::Histogram, help, "milliseconds")
});
static REQUESTS: LazyLock<Family> = LazyLock::new(|| {
    let help = "Calls of one service by another.";
    family("traces_service_graph_request_total", MetricKind::Counter, help, "")
});
static FAILURES: LazyLock<Family> = LazyLock::new(|| {
    let help = "Calls of one service by another that failed.";
    family("traces_service_graph_request_failed_total", MetricKind::Counter, help, "")
});
static SERVER: LazyLock<Family> = LazyLock::new(|| {
    let help = "How long calls of one service by another took, as seen by the one that is called.";
    family("traces_service_graph_request_server_seconds", MetricKind::Histogram, help, "seconds")
});
static CLIENT: LazyLock<Family> = LazyLock::new(|| {
    let help = "How long calls of one service by another took, as seen by the one that calls.";
    family("traces_service_graph_request_client_seconds", MetricKind::Histogram, help, "seconds")
});

/// The labels of what there is too much of.
pub(super) fn overflow_labels() -> Arc<SeriesLabels> {
    [("otel_metric_overflow", "true".to_owned())].into()
}

/// The labels of calls of one service by another.
pub(super) fn edge_labels(between: &Between) -> Arc<SeriesLabels> {
    let mut labels = vec![("client", between.client.to_string()), ("server", between.server.to_string())];
    if between.messaging {
        labels.push(("connection_type", "messaging_system".to_owned()));
    }
    labels.into()
}

/// The labels of a group.
pub(super) fn group_labels(of: &SeenGroup) -> Arc<SeriesLabels> {
    [
        ("service_name", of.service.to_string()),
        ("span_name", of.name.to_string()),
        ("span_kind", KINDS[usize::from(of.kind)].to_owned()),
        ("status_code", STATUSES[usize::from(of.status)].to_owned()),
    ]
    .into()
}

/// What is to be written of a group or an edge, apart from what is being counted.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) labels: Arc<SeriesLabels>,
    /// When its counters were 0, if they are new.
    pub(super) zero: Option<i64>,
    pub(super) of: Of,
}

/// The labels that the series of a group or an edge have in common.
pub(super) type SeriesLabels = [(&'static str, String)];

#[derive(Debug)]
pub(super) enum Of {
    /// Durations, and exemplars by bucket.
    Group(Box<Histogram>, Vec<(usize, Exemplar)>),
    Edge {
        failed: u64,
        client: Box<Histogram>,
        server: Box<Histogram>,
    },
}

impl Due {
    /// Adds its series, with samples of this time.
    pub(super) fn write(self, now: i64, writes: &mut Vec<SeriesWrite>) {
        let mut to = Writer { labels: &self.labels, zero: self.zero, now, writes };
        match self.of {
            Of::Group(durations, exemplars) => {
                to.counter(&CALLS, durations.count());
                to.histogram(&DURATIONS, &MILLISECONDS, &durations, durations.nanos as f64 / 1e6, exemplars);
            }
            Of::Edge { failed, client, server } => {
                to.counter(&REQUESTS, client.count());
                to.counter(&FAILURES, failed);
                for (family, side) in [(&SERVER, server), (&CLIENT, client)] {
                    to.histogram(family, &SECONDS, &side, side.nanos as f64 / 1e9, Vec::new());
                }
            }
        }
    }
}

struct Writer<'a> {
    labels: &'a SeriesLabels,
    zero: Option<i64>,
    now: i64,
    writes: &'a mut Vec<SeriesWrite>,
}

impl Writer<'_> {
    fn counter(&mut self, family: &Family, value: u64) {
        self.sample(family, "", None, value as f64, Vec::new());
    }

    fn histogram(
        &mut self,
        family: &Family,
        bounds: &[&'static str; BUCKETS],
        histogram: &Histogram,
        sum: f64,
        exemplars: Vec<(usize, Exemplar)>,
    ) {
        let (mut count, mut exemplars) = (0, exemplars.into_iter().peekable());
        for (at, (bound, in_bucket)) in bounds.iter().zip(histogram.buckets).enumerate() {
            count += in_bucket;
            let exemplar = exemplars.next_if(|(bucket, _)| *bucket == at).map(|(_, exemplar)| exemplar);
            self.sample(family, "_bucket", Some(bound), count as f64, exemplar.into_iter().collect());
        }
        self.sample(family, "_sum", None, sum, Vec::new());
        self.sample(family, "_count", None, count as f64, Vec::new());
    }

    fn sample(&mut self, family: &Family, suffix: &str, le: Option<&str>, value: f64, exemplars: Vec<Exemplar>) {
        let name = format!("{}{suffix}", family.0);
        let own = [("__name__", name.as_str()), ("le", le.unwrap_or_default())];
        let others = self.labels.iter().map(|(name, value)| (*name, value.as_str()));
        let (zero, now) = (self.zero, self.now);
        let floats = zero.map(|before| (before, 0.0)).into_iter().chain([(now, value)]).collect();
        self.writes.push(SeriesWrite {
            labels: Labels::new(own.into_iter().chain(others)),
            samples: Samples { floats, histograms: Vec::new() },
            exemplars,
            metadata: zero.map(|_| family.clone()),
        });
    }
}
