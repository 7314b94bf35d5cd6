//! A family's samples in protobuf: the one form in which exponential histograms stay what they are.

use tripod_wire::otlp::metrics::NumberValue;
use tripod_wire::prometheus::client_model::{
    Bucket, Counter, Exemplar, Histogram, LabelPair, Metric, MetricFamily, MetricType, Number, Quantile, Summary,
    Timestamp,
};
use tripod_wire::prometheus::names::{self, MetricKind};
use tripod_wire::proto::{Message, put_len_delimited};

use super::native::Native;
use super::{Family, Kept, Point};
use crate::metrics::exponential::Counted;

/// The number of a family's field of metrics.
const METRICS: u32 = 4;

/// Where the fields of a family go.
pub(super) struct Fields<'o> {
    pub(super) out: &'o mut Vec<u8>,
    kind: MetricKind,
}

impl<'o> Fields<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, kind: MetricKind) -> Self {
        Self { out, kind }
    }

    pub(super) fn head(&mut self, name: &str, family: &Family) {
        let kind = match self.kind {
            MetricKind::Counter => MetricType::COUNTER,
            MetricKind::UpDownCounter | MetricKind::Gauge => MetricType::GAUGE,
            MetricKind::Histogram => MetricType::HISTOGRAM,
            MetricKind::Summary => MetricType::SUMMARY,
        };
        let (help, unit) = (family.help.clone(), names::unit_suffix(&family.unit, family.kind));
        MetricFamily { name: name.to_owned(), help, kind, unit, ..MetricFamily::default() }.encode(self.out);
    }

    /// Appends a metric, whose labels are written already.
    fn metric(&mut self, point: Point<'_>, metric: &Metric) {
        put_len_delimited(self.out, METRICS, |out| {
            out.extend_from_slice(point.labels);
            metric.encode(out);
        });
    }

    pub(super) fn number(&mut self, point: Point<'_>, value: NumberValue, exemplar: Option<Kept>) {
        let value = value.as_f64();
        let metric = if self.kind == MetricKind::Counter {
            let counter = Counter { value, exemplar: exemplar.map(exemplar_of), created: created(point) };
            Metric { counter: Some(counter), ..Metric::default() }
        } else {
            Metric { gauge: Some(Number { value }), ..Metric::default() }
        };
        self.metric(point, &metric);
    }

    pub(super) fn histogram(
        &mut self,
        point: Point<'_>,
        buckets: impl Iterator<Item = (f64, u64, Option<Kept>)>,
        sum: f64,
    ) {
        let mut count = 0;
        let bucket = |(upper_bound, more, exemplar): (f64, u64, Option<Kept>)| {
            count += more;
            Bucket { cumulative_count: count, upper_bound, exemplar: exemplar.map(exemplar_of) }
        };
        let buckets = buckets.map(bucket).collect();
        self.put_histogram(point, Histogram { buckets, sample_count: count, sample_sum: sum, ..Histogram::default() });
    }

    /// A native histogram; with bounds, and only buckets that are not empty, where it is too coarse to be one.
    pub(super) fn exponential(&mut self, point: Point<'_>, counted: &Counted, exemplars: &[Kept]) {
        let Some(native) = Native::of(counted) else {
            let buckets = counted.explicit().into_iter().map(|(bound, count)| (bound, count, None));
            return self.histogram(point, buckets, counted.sum);
        };
        let histogram = Histogram {
            sample_count: counted.count(),
            sample_sum: counted.sum,
            schema: native.schema,
            zero_count: counted.zero,
            negative_spans: native.negative.spans,
            negative_deltas: native.negative.deltas,
            positive_spans: native.positive.spans,
            positive_deltas: native.positive.deltas,
            exemplars: exemplars.iter().map(|kept| exemplar_of(*kept)).collect(),
            ..Histogram::default()
        };
        self.put_histogram(point, histogram);
    }

    fn put_histogram(&mut self, point: Point<'_>, histogram: Histogram) {
        let histogram = Histogram { created: created(point), ..histogram };
        self.metric(point, &Metric { histogram: Some(histogram), ..Metric::default() });
    }

    pub(super) fn summary(&mut self, point: Point<'_>, quantiles: &[(f64, f64)], sample_sum: f64, sample_count: u64) {
        let quantile = |(quantile, value): &(f64, f64)| Quantile { quantile: *quantile, value: *value };
        let quantiles = quantiles.iter().map(quantile).collect();
        let summary = Summary { sample_count, sample_sum, quantiles, created: created(point) };
        self.metric(point, &Metric { summary: Some(summary), ..Metric::default() });
    }
}

fn created(point: Point<'_>) -> Option<Timestamp> {
    (point.start > 0).then(|| Timestamp::from_unix_nanos(point.start))
}

fn exemplar_of(kept: Kept) -> Exemplar {
    let label = |name: &str, value: String| LabelPair { name: name.to_owned(), value };
    Exemplar {
        labels: vec![
            label("trace_id", kept.span.trace_id.to_string()),
            label("span_id", kept.span.span_id.to_string()),
        ],
        value: kept.value,
        timestamp: Some(Timestamp::from_unix_nanos(kept.time_unix_nano)),
    }
}

/// What is known of the process, whose labels are written already: the fields of its family.
pub(super) fn target_info(labels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (name, help) = ("target_info".to_owned(), "Target metadata".to_owned());
    MetricFamily { name, help, kind: MetricType::GAUGE, ..MetricFamily::default() }.encode(&mut out);
    let one = Metric { gauge: Some(Number { value: 1.0 }), ..Metric::default() };
    Fields::new(&mut out, MetricKind::Gauge).metric(Point { labels, start: 0 }, &one);
    out
}
