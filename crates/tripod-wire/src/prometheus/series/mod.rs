//! OTLP metrics as Prometheus series, by OpenTelemetry's Prometheus-compatibility rules: the same for who keeps them and who sends them.
//!
//! [`translate`] walks a batch and hands each series of each point to a [`Sink`]:
//! - a number is a series; a histogram is `_bucket`s, `_sum` and `_count`; an exponential one a native histogram; a summary its
//!   quantiles, `_sum` and `_count`;
//! - a resource's `service.name` and `service.instance.id` become `job` and `instance`, what else it has goes to `target_info`;
//! - values are kept bit by bit. A point that can't be kept is rejected alone, with a reason; it does not take the batch with it.
//!
//! Names, labels and bounds are made once a metric or point and shared by their series; nothing is kept between two batches.

mod explicit;
mod native;
mod target;

use std::sync::Arc;

use super::names::{self, MetricKind};
use super::remote_write::MetricType;
use crate::otlp::metrics::{
    self, AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData, NO_RECORDED_VALUE,
    NumberDataPoint, NumberValue, SummaryDataPoint,
};
use crate::otlp::{KeyValue, Metric, MetricsData, ResourceMetrics};
use crate::{SpanId, TraceId};

pub use self::explicit::Explicit;
pub use self::native::NativeHistogram;
use self::target::Target;

/// The most buckets or quantiles a point may have; each is a series.
const MAX_PARTS: usize = 2000;

/// The value that ends a series: a NaN of its own.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// A label's name and value, cheap to give to many series.
pub type Pair = (Arc<str>, Arc<str>);

/// What is known of a metric.
#[derive(Debug, Clone, Copy)]
pub struct Family<'a> {
    /// Its Prometheus name, without `_bucket` and its like.
    pub name: &'a str,
    /// Its type.
    pub kind: MetricType,
    /// What it measures.
    pub help: &'a str,
    /// Its unit, by UCUM.
    pub unit: &'a str,
}

/// A value of a series.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// When, in milliseconds since the Unix epoch.
    pub time: i64,
    /// When counting began, in milliseconds since the Unix epoch; 0 where it did not, or when it is not known.
    pub created: i64,
    /// The value; [`STALE_NAN`], or a histogram with that as its sum, when the series has ended.
    pub value: Value,
    /// Single measurements behind the value.
    pub exemplars: Vec<Exemplar<'a>>,
}

/// A number or a histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Float(f64),
    /// A native histogram.
    Native(NativeHistogram),
}

/// A single measurement, with the trace in which it was taken.
#[derive(Debug, Clone, Copy)]
pub struct Exemplar<'a> {
    /// When, in milliseconds since the Unix epoch.
    pub time: i64,
    /// The measurement.
    pub value: f64,
    /// The trace, if there was one.
    pub trace_id: TraceId,
    /// The span, if there was one.
    pub span_id: SpanId,
    /// What the series does not say.
    pub attributes: &'a [KeyValue],
}

/// The series of a histogram over explicit buckets.
#[derive(Debug)]
pub struct HistogramSeries<L> {
    /// A series a bucket; the last has no bound.
    pub buckets: Vec<L>,
    /// The sum of what was measured.
    pub sum: L,
    /// Its count.
    pub count: L,
}

/// Why a point is not kept.
#[derive(Debug)]
pub enum Fault<E> {
    /// It can't be: the reason.
    Point(String),
    /// The sink fails, and the batch with it.
    Sink(E),
}

impl<E> From<String> for Fault<E> {
    fn from(reason: String) -> Self {
        Self::Point(reason)
    }
}

/// Takes series.
pub trait Sink {
    /// A series' labels, as the sink has them.
    type Labels;
    /// What is known of a metric, as the sink has it.
    type About;
    /// Why the sink fails.
    type Error;

    /// Labels from pairs in any order; of two equal names the first counts, empty values mean "no such label".
    fn labels(&mut self, pairs: impl Iterator<Item = Pair>) -> Self::Labels;

    /// What is known of a metric; asked once a metric.
    fn about(&mut self, family: &Family<'_>) -> Self::About;

    /// Takes a sample of a series.
    fn write(&mut self, about: &Self::About, labels: Self::Labels, sample: Sample<'_>);

    /// All series of a point have been written.
    fn end_point(&mut self) {}

    /// What was counted since the start, of what was counted since the last report at `time` (in nanoseconds).
    ///
    /// # Errors
    /// [`Fault::Point`] when it can't be known, which is all that a sink without a memory can say.
    fn sum_number(&mut self, _: &Self::Labels, _time: u64, _delta: f64) -> Result<f64, Fault<Self::Error>> {
        Err(no_deltas())
    }

    /// The same of a histogram.
    ///
    /// # Errors
    /// As [`Sink::sum_number`].
    fn sum_explicit(
        &mut self,
        _: &HistogramSeries<Self::Labels>,
        _time: u64,
        _delta: Explicit,
    ) -> Result<Explicit, Fault<Self::Error>> {
        Err(no_deltas())
    }

    /// The same of a native histogram.
    ///
    /// # Errors
    /// As [`Sink::sum_number`].
    fn sum_native(
        &mut self,
        _: &Self::Labels,
        _time: u64,
        _delta: NativeHistogram,
    ) -> Result<NativeHistogram, Fault<Self::Error>> {
        Err(no_deltas())
    }
}

fn no_deltas<E>() -> Fault<E> {
    Fault::Point("it counts since the last report, where Prometheus wants to know since the start".to_owned())
}

/// What became of a batch's points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translated {
    /// How many there were.
    pub points: u64,
    /// How many of them can't be kept.
    pub rejected: u64,
    /// Why the first of those can't.
    pub reason: Option<String>,
}

/// Hands the series of all points to a sink.
///
/// # Errors
/// What the sink fails with; what it has by then is not all.
pub fn translate<S: Sink>(data: &MetricsData, sink: &mut S) -> Result<Translated, S::Error> {
    let mut batch = Batch { sink, done: Translated::default() };
    for resource in &data.resource_metrics {
        batch.resource(resource)?;
    }
    Ok(batch.done)
}

/// A metric, as its points see it.
struct Metrics<'a, A> {
    target: &'a Target,
    scope: &'a [Pair],
    name: String,
    about: A,
    is_delta: bool,
}

impl<A> Metrics<'_, A> {
    /// The labels of one of its series: first come those that no attribute replaces.
    fn labels<S: Sink>(&self, sink: &mut S, suffix: &str, part: Option<(&str, &str)>, own: &[Pair]) -> S::Labels {
        let name: Pair = ("__name__".into(), format!("{}{suffix}", self.name).into());
        let part = part.map(|(name, value)| (name.into(), value.into()));
        let common = self.target.pairs.iter().chain(self.scope).chain(own).cloned();
        sink.labels([name].into_iter().chain(part).chain(common))
    }
}

struct Batch<'s, S> {
    sink: &'s mut S,
    done: Translated,
}

impl<S: Sink> Batch<'_, S> {
    fn resource(&mut self, metrics: &ResourceMetrics) -> Result<(), S::Error> {
        let target = Target::new(&metrics.resource);
        let mut newest = None;
        for scope in &metrics.scope_metrics {
            let labels = target::scope_labels(&scope.scope);
            for metric in &scope.metrics {
                newest = newest.max(self.metric(&target, &labels, metric)?);
            }
        }
        if let (Some(time), Some(pairs)) = (newest, target.info()) {
            let about = self.sink.about(&target::INFO);
            let labels = self.sink.labels(pairs);
            self.write(&about, labels, (time, 0), 1.0, Vec::new());
            self.sink.end_point();
        }
        Ok(())
    }

    /// Translates a metric's points; the newest of their times.
    fn metric(&mut self, target: &Target, scope: &[Pair], metric: &Metric) -> Result<Option<i64>, S::Error> {
        let Some(kind) = MetricKind::of(&metric.data) else { return Ok(None) };
        let name = names::metric_name(&metric.name, &metric.unit, kind);
        let (help, unit) = (metric.description.as_str(), metric.unit.as_str());
        let about = self.sink.about(&Family { name: &name, kind: metric_type(kind), help, unit });
        let is_delta = temporality(&metric.data) == Some(AggregationTemporality::DELTA);
        let own = &Metrics { target, scope, name, about, is_delta };
        match &metric.data {
            MetricData::Empty => Ok(None),
            MetricData::Gauge { data_points } => {
                self.points(metric, data_points, |batch, point| batch.number(own, point, 0))
            }
            MetricData::Sum { data_points, is_monotonic, .. } => {
                let created =
                    |point: &NumberDataPoint| if *is_monotonic { begun(point.start_time_unix_nano) } else { 0 };
                self.points(metric, data_points, |batch, point| batch.number(own, point, created(point)))
            }
            MetricData::Histogram { data_points, .. } => {
                self.points(metric, data_points, |batch, point| batch.histogram(own, point))
            }
            MetricData::ExponentialHistogram { data_points, .. } => {
                self.points(metric, data_points, |batch, point| batch.exponential(own, point))
            }
            MetricData::Summary { data_points } => {
                self.points(metric, data_points, |batch, point| batch.summary(own, point))
            }
        }
    }

    /// Handles each point, counting those that can't be kept.
    fn points<P>(
        &mut self,
        metric: &Metric,
        points: &[P],
        mut handle: impl FnMut(&mut Self, &P) -> Result<i64, Fault<S::Error>>,
    ) -> Result<Option<i64>, S::Error> {
        let mut newest = None;
        for point in points {
            self.done.points += 1;
            let handled =
                if metric.name.is_empty() { Err("it has no name".to_owned().into()) } else { handle(self, point) };
            match handled {
                Ok(time) => {
                    self.sink.end_point();
                    newest = newest.max(Some(time));
                }
                Err(Fault::Sink(error)) => return Err(error),
                Err(Fault::Point(reason)) => {
                    self.done.rejected += 1;
                    self.done.reason.get_or_insert_with(|| format!("metric {:?}: {reason}", metric.name));
                }
            }
        }
        Ok(newest)
    }

    fn number(
        &mut self,
        own: &Metrics<'_, S::About>,
        point: &NumberDataPoint,
        created: i64,
    ) -> Result<i64, Fault<S::Error>> {
        let time = millis(point.time_unix_nano)?;
        let labels = own.labels(self.sink, "", None, &target::pairs(&point.attributes));
        let value = match (is_stale(point.flags), point.value) {
            (true, _) => STALE_NAN,
            (false, NumberValue::Empty) => return Err("a point has no value".to_owned().into()),
            (false, value) if own.is_delta => self.sink.sum_number(&labels, point.time_unix_nano, value.as_f64())?,
            (false, value) => value.as_f64(),
        };
        self.write(&own.about, labels, (time, created), value, exemplars(&point.exemplars, time));
        Ok(time)
    }

    fn histogram(&mut self, own: &Metrics<'_, S::About>, point: &HistogramDataPoint) -> Result<i64, Fault<S::Error>> {
        let time = millis(point.time_unix_nano)?;
        let times = (time, begun(point.start_time_unix_nano));
        let stale = is_stale(point.flags);
        explicit::check(point, stale)?;
        let attributes = target::pairs(&point.attributes);
        let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]).map(bound);
        let buckets = bounds.map(|le| own.labels(self.sink, "_bucket", Some(("le", &le)), &attributes)).collect();
        let sum = own.labels(self.sink, "_sum", None, &attributes);
        let count = own.labels(self.sink, "_count", None, &attributes);
        let mut series = HistogramSeries { buckets, sum, count };
        if stale {
            for labels in series.buckets.into_iter().chain([series.sum, series.count]) {
                self.write(&own.about, labels, times, STALE_NAN, Vec::new());
            }
            return Ok(time);
        }
        let mut totals = Explicit::of(point);
        if own.is_delta {
            totals = self.sink.sum_explicit(&series, point.time_unix_nano, totals)?;
        }
        let parts = totals.cumulated().into_iter().zip(exemplars_by_bucket(point, time));
        for (labels, (value, exemplars)) in series.buckets.drain(..).zip(parts) {
            self.write(&own.about, labels, times, value, exemplars);
        }
        if let Some(total) = totals.sum {
            self.write(&own.about, series.sum, times, total, Vec::new());
        }
        self.write(&own.about, series.count, times, totals.count as f64, Vec::new());
        Ok(time)
    }

    fn exponential(
        &mut self,
        own: &Metrics<'_, S::About>,
        point: &ExponentialHistogramDataPoint,
    ) -> Result<i64, Fault<S::Error>> {
        let time = millis(point.time_unix_nano)?;
        let labels = own.labels(self.sink, "", None, &target::pairs(&point.attributes));
        let histogram = if is_stale(point.flags) {
            NativeHistogram::stale()
        } else {
            let native = NativeHistogram::of(point)?;
            if own.is_delta { self.sink.sum_native(&labels, point.time_unix_nano, native)? } else { native }
        };
        let exemplars = exemplars(&point.exemplars, time);
        let created = begun(point.start_time_unix_nano);
        self.sink.write(&own.about, labels, Sample { time, created, value: Value::Native(histogram), exemplars });
        Ok(time)
    }

    fn summary(&mut self, own: &Metrics<'_, S::About>, point: &SummaryDataPoint) -> Result<i64, Fault<S::Error>> {
        let time = millis(point.time_unix_nano)?;
        if point.quantile_values.len() > MAX_PARTS {
            return Err(format!("{} quantiles are more than {MAX_PARTS}", point.quantile_values.len()).into());
        }
        let times = (time, begun(point.start_time_unix_nano));
        let attributes = target::pairs(&point.attributes);
        let stale = is_stale(point.flags);
        let value = |value: f64| if stale { STALE_NAN } else { value };
        for quantile in &point.quantile_values {
            let labels = own.labels(self.sink, "", Some(("quantile", &bound(quantile.quantile))), &attributes);
            self.write(&own.about, labels, times, value(quantile.value), Vec::new());
        }
        for (suffix, total) in [("_sum", point.sum), ("_count", point.count as f64)] {
            let labels = own.labels(self.sink, suffix, None, &attributes);
            self.write(&own.about, labels, times, value(total), Vec::new());
        }
        Ok(time)
    }

    fn write(
        &mut self,
        about: &S::About,
        labels: S::Labels,
        (time, created): (i64, i64),
        value: f64,
        exemplars: Vec<Exemplar<'_>>,
    ) {
        self.sink.write(about, labels, Sample { time, created, value: Value::Float(value), exemplars });
    }
}

fn metric_type(kind: MetricKind) -> MetricType {
    match kind {
        MetricKind::Counter => MetricType::COUNTER,
        MetricKind::Gauge | MetricKind::UpDownCounter => MetricType::GAUGE,
        MetricKind::Histogram => MetricType::HISTOGRAM,
        MetricKind::Summary => MetricType::SUMMARY,
    }
}

fn temporality(data: &MetricData) -> Option<AggregationTemporality> {
    match data {
        MetricData::Sum { aggregation_temporality, .. }
        | MetricData::Histogram { aggregation_temporality, .. }
        | MetricData::ExponentialHistogram { aggregation_temporality, .. } => Some(*aggregation_temporality),
        MetricData::Empty | MetricData::Gauge { .. } | MetricData::Summary { .. } => None,
    }
}

fn is_stale(flags: u32) -> bool {
    flags & NO_RECORDED_VALUE != 0
}

fn millis(nanos: u64) -> Result<i64, String> {
    if nanos == 0 {
        return Err("a point has no time".to_owned());
    }
    Ok(begun(nanos))
}

fn begun(nanos: u64) -> i64 {
    (nanos / 1_000_000) as i64
}

/// A bound or a quantile as a label: the shortest text that reads back as the same number, without an exponent.
fn bound(value: f64) -> String {
    if value.is_infinite() { if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned() } else { value.to_string() }
}

fn exemplars(exemplars: &[metrics::Exemplar], point_time: i64) -> Vec<Exemplar<'_>> {
    exemplars.iter().map(|one| exemplar(one, point_time)).collect()
}

/// An exemplar; without a time of its own it has its point's.
fn exemplar(exemplar: &metrics::Exemplar, point_time: i64) -> Exemplar<'_> {
    Exemplar {
        time: millis(exemplar.time_unix_nano).unwrap_or(point_time),
        value: exemplar.value.as_f64(),
        trace_id: exemplar.trace_id,
        span_id: exemplar.span_id,
        attributes: &exemplar.filtered_attributes,
    }
}

/// A histogram's exemplars, by the bucket each was counted in.
fn exemplars_by_bucket(point: &HistogramDataPoint, time: i64) -> Vec<Vec<Exemplar<'_>>> {
    let mut by_bucket = vec![Vec::new(); point.explicit_bounds.len() + 1];
    for one in exemplars(&point.exemplars, time) {
        let at = point.explicit_bounds.partition_point(|bound| *bound < one.value);
        by_bucket[at].push(one);
    }
    by_bucket
}
