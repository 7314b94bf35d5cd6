//! OTLP metrics as Prometheus series, by OpenTelemetry's Prometheus-compatibility rules.
//!
//! - [`series`]: names and labels; a resource's `service.name` and `service.instance.id` become `job` and `instance`, what else it
//!   has goes to `target_info`.
//! - [`exponential`]: exponential histograms as native ones.
//! - [`delta`]: what senders report since their last report, summed up.
//!
//! Values are kept bit by bit. A point that can't be kept is rejected alone, with a reason; it does not take the batch with it.

mod delta;
mod exponential;
mod series;

use std::sync::Arc;

use tripod_promql::{STALE_NAN, format_float};
use tripod_store::{
    Appended, Exemplar, Labels, Metadata, MetricKind, NativeHistogram, Samples, SeriesWrite, Store, StoreError,
};
use tripod_wire::otlp::metrics::{
    self, AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData, NO_RECORDED_VALUE,
    NumberDataPoint, NumberValue, SummaryDataPoint,
};
use tripod_wire::otlp::{Metric, MetricsData, ResourceMetrics};
use tripod_wire::prometheus::names;

use self::delta::{Deltas, Explicit, Sums};
use self::series::{Pair, Target};

/// The most buckets or quantiles a point may have; each is a series.
const MAX_PARTS: usize = 2000;

/// Turns metrics into series; remembers the running sums of those that come as deltas.
#[derive(Debug, Default)]
pub(crate) struct Translator {
    deltas: Deltas,
}

impl Translator {
    /// Translates a batch. Deltas are only taken over by [`Translation::commit`], so that a batch whose writing failed can be sent
    /// again; batches with deltas therefore wait for each other.
    pub(crate) fn translate(&self, data: &MetricsData, store: &dyn Store) -> Result<Translation<'_>, StoreError> {
        let mut batch = Batch { store, translator: self, out: Translation::default() };
        for resource in &data.resource_metrics {
            batch.resource(resource)?;
        }
        Ok(batch.out)
    }
}

/// A translated batch.
#[derive(Debug, Default)]
pub(crate) struct Translation<'a> {
    /// What to write.
    pub(crate) writes: Vec<SeriesWrite>,
    points: u64,
    rejected: u64,
    reason: Option<String>,
    sums: Option<Sums<'a>>,
}

impl Translation<'_> {
    /// Takes over the deltas, as the series were `written`; counts data points.
    pub(crate) fn commit(self, written: Appended) -> Appended {
        if let Some(sums) = self.sums {
            sums.commit();
        }
        Appended {
            accepted: self.points - self.rejected,
            rejected: self.rejected + written.rejected,
            reason: self.reason.or(written.reason),
        }
    }
}

/// Why a point is not kept.
#[derive(Debug)]
enum Fault {
    /// It can't be.
    Point(String),
    /// The store could not be asked.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Point(reason)
    }
}

/// A metric, as its points see it.
struct Family<'a> {
    target: &'a Target,
    scope: &'a [Pair],
    name: String,
    about: (Arc<str>, Arc<Metadata>),
}

impl Family<'_> {
    /// The labels of one of its series: first come those that no attribute replaces.
    fn labels(&self, suffix: &str, part: Option<(&str, &str)>, attributes: &[Pair]) -> Labels {
        let name: Pair = ("__name__".into(), format!("{}{suffix}", self.name).into());
        let part = part.map(|(name, value)| (name.into(), value.into()));
        let common = self.target.pairs.iter().chain(self.scope).chain(attributes).cloned();
        Labels::new([name].into_iter().chain(part).chain(common))
    }
}

struct Batch<'a, 's> {
    store: &'s dyn Store,
    translator: &'a Translator,
    out: Translation<'a>,
}

impl<'a> Batch<'a, '_> {
    fn resource(&mut self, metrics: &ResourceMetrics) -> Result<(), StoreError> {
        let target = Target::new(&metrics.resource);
        let mut newest = None;
        for scope in &metrics.scope_metrics {
            let labels = series::scope_labels(&scope.scope);
            for metric in &scope.metrics {
                newest = newest.max(self.metric(&target, &labels, metric)?);
            }
        }
        if let Some(time) = newest {
            self.out.writes.extend(target.info(time));
        }
        Ok(())
    }

    /// Translates a metric's points; the newest of their times.
    fn metric(&mut self, target: &Target, scope: &[Pair], metric: &Metric) -> Result<Option<i64>, StoreError> {
        let Some(kind) = names::MetricKind::of(&metric.data) else { return Ok(None) };
        let name = names::metric_name(&metric.name, &metric.unit, kind);
        let about = Metadata { kind: store_kind(kind), help: metric.description.clone(), unit: metric.unit.clone() };
        let about = (name.as_str().into(), Arc::new(about));
        let family = &Family { target, scope, name, about };
        let is_delta = |temporality: &AggregationTemporality| *temporality == AggregationTemporality::DELTA;
        match &metric.data {
            MetricData::Empty => Ok(None),
            MetricData::Gauge { data_points } => {
                self.points(metric, data_points, |batch, point| batch.number(family, point, false))
            }
            MetricData::Sum { data_points, aggregation_temporality: temporality, .. } => {
                self.points(metric, data_points, |batch, point| batch.number(family, point, is_delta(temporality)))
            }
            MetricData::Histogram { data_points, aggregation_temporality: temporality } => {
                self.points(metric, data_points, |batch, point| batch.histogram(family, point, is_delta(temporality)))
            }
            MetricData::ExponentialHistogram { data_points, aggregation_temporality: temporality } => {
                self.points(metric, data_points, |batch, point| batch.exponential(family, point, is_delta(temporality)))
            }
            MetricData::Summary { data_points } => {
                self.points(metric, data_points, |batch, point| batch.summary(family, point))
            }
        }
    }

    /// Handles each point, counting those that can't be kept.
    fn points<P>(
        &mut self,
        metric: &Metric,
        points: &[P],
        mut handle: impl FnMut(&mut Self, &P) -> Result<i64, Fault>,
    ) -> Result<Option<i64>, StoreError> {
        let mut newest = None;
        for point in points {
            self.out.points += 1;
            let handled =
                if metric.name.is_empty() { Err("it has no name".to_owned().into()) } else { handle(self, point) };
            match handled {
                Ok(time) => newest = newest.max(Some(time)),
                Err(Fault::Store(error)) => return Err(error),
                Err(Fault::Point(reason)) => {
                    self.out.rejected += 1;
                    self.out.reason.get_or_insert_with(|| format!("metric {:?}: {reason}", metric.name));
                }
            }
        }
        Ok(newest)
    }

    fn number(&mut self, family: &Family<'_>, point: &NumberDataPoint, delta: bool) -> Result<i64, Fault> {
        let time = millis(point.time_unix_nano)?;
        let labels = family.labels("", None, &series::pairs(&point.attributes));
        let value = match (is_stale(point.flags), point.value) {
            (true, _) => STALE_NAN,
            (false, NumberValue::Empty) => return Err("a point has no value".to_owned().into()),
            (false, value) if delta => {
                let store = self.store;
                self.sums().number(store, &labels, point.time_unix_nano, value.as_f64())?
            }
            (false, value) => value.as_f64(),
        };
        self.write(family, labels, floats(time, value), exemplars(&point.exemplars, time));
        Ok(time)
    }

    fn histogram(&mut self, family: &Family<'_>, point: &HistogramDataPoint, delta: bool) -> Result<i64, Fault> {
        let time = millis(point.time_unix_nano)?;
        check_buckets(point)?;
        let attributes = series::pairs(&point.attributes);
        let bounds: Vec<String> =
            point.explicit_bounds.iter().copied().chain([f64::INFINITY]).map(format_float).collect();
        let series: Vec<Labels> =
            bounds.iter().map(|le| family.labels("_bucket", Some(("le", le)), &attributes)).collect();
        let (sum, count) = (family.labels("_sum", None, &attributes), family.labels("_count", None, &attributes));
        if is_stale(point.flags) {
            for labels in series.into_iter().chain([sum, count]) {
                self.write(family, labels, floats(time, STALE_NAN), Vec::new());
            }
            return Ok(time);
        }
        let mut totals = Explicit::of(point);
        if delta {
            let store = self.store;
            let names = delta::Names { buckets: &series, sum: &sum, count: &count };
            totals = self.sums().explicit(store, &names, point.time_unix_nano, totals)?;
        }
        let mut by_bucket = exemplars_by_bucket(point, time);
        for (labels, (value, exemplars)) in
            series.into_iter().zip(totals.cumulated().into_iter().zip(by_bucket.drain(..)))
        {
            self.write(family, labels, floats(time, value), exemplars);
        }
        if let Some(total) = totals.sum {
            self.write(family, sum, floats(time, total), Vec::new());
        }
        self.write(family, count, floats(time, totals.count as f64), Vec::new());
        Ok(time)
    }

    fn exponential(
        &mut self,
        family: &Family<'_>,
        point: &ExponentialHistogramDataPoint,
        delta: bool,
    ) -> Result<i64, Fault> {
        let time = millis(point.time_unix_nano)?;
        let labels = family.labels("", None, &series::pairs(&point.attributes));
        let histogram = if is_stale(point.flags) {
            NativeHistogram { sum: STALE_NAN, ..NativeHistogram::default() }
        } else {
            let native = exponential::native(point)?;
            if delta { self.sums().native(&labels, point.time_unix_nano, native)? } else { native }
        };
        let samples = Samples { floats: Vec::new(), histograms: vec![(time, Arc::new(histogram))] };
        self.write(family, labels, samples, exemplars(&point.exemplars, time));
        Ok(time)
    }

    fn summary(&mut self, family: &Family<'_>, point: &SummaryDataPoint) -> Result<i64, Fault> {
        let time = millis(point.time_unix_nano)?;
        if point.quantile_values.len() > MAX_PARTS {
            return Err(format!("{} quantiles are more than {MAX_PARTS}", point.quantile_values.len()).into());
        }
        let attributes = series::pairs(&point.attributes);
        let value = |value: f64| floats(time, if is_stale(point.flags) { STALE_NAN } else { value });
        for quantile in &point.quantile_values {
            let text = format_float(quantile.quantile);
            let labels = family.labels("", Some(("quantile", &text)), &attributes);
            self.write(family, labels, value(quantile.value), Vec::new());
        }
        self.write(family, family.labels("_sum", None, &attributes), value(point.sum), Vec::new());
        self.write(family, family.labels("_count", None, &attributes), value(point.count as f64), Vec::new());
        Ok(time)
    }

    /// The running sums, locked from the first delta of the batch on.
    fn sums(&mut self) -> &mut Sums<'a> {
        self.out.sums.get_or_insert_with(|| self.translator.deltas.open())
    }

    fn write(&mut self, family: &Family<'_>, labels: Labels, samples: Samples, exemplars: Vec<Exemplar>) {
        self.out.writes.push(SeriesWrite { labels, samples, exemplars, metadata: Some(family.about.clone()) });
    }
}

fn store_kind(kind: names::MetricKind) -> MetricKind {
    match kind {
        names::MetricKind::Counter => MetricKind::Counter,
        names::MetricKind::Gauge | names::MetricKind::UpDownCounter => MetricKind::Gauge,
        names::MetricKind::Histogram => MetricKind::Histogram,
        names::MetricKind::Summary => MetricKind::Summary,
    }
}

fn is_stale(flags: u32) -> bool {
    flags & NO_RECORDED_VALUE != 0
}

fn floats(time: i64, value: f64) -> Samples {
    Samples { floats: vec![(time, value)], histograms: Vec::new() }
}

fn millis(nanos: u64) -> Result<i64, Fault> {
    if nanos == 0 {
        return Err("a point has no time".to_owned().into());
    }
    Ok((nanos / 1_000_000) as i64)
}

fn check_buckets(point: &HistogramDataPoint) -> Result<(), Fault> {
    let (counts, bounds) = (point.bucket_counts.len(), point.explicit_bounds.len());
    if counts > MAX_PARTS || bounds > MAX_PARTS {
        return Err(format!("{} buckets are more than {MAX_PARTS}", counts.max(bounds)).into());
    }
    if counts != bounds + 1 && counts + bounds != 0 && !is_stale(point.flags) {
        return Err(format!("{counts} bucket counts do not fit {bounds} bounds: there must be one more").into());
    }
    let ascending = point.explicit_bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || !point.explicit_bounds.iter().all(|bound| bound.is_finite()) {
        return Err("bucket bounds must be finite and ascending".to_owned().into());
    }
    Ok(())
}

fn exemplars(exemplars: &[metrics::Exemplar], point_time: i64) -> Vec<Exemplar> {
    exemplars.iter().map(|one| exemplar(one, point_time)).collect()
}

/// An exemplar; without a time of its own it has its point's.
fn exemplar(exemplar: &metrics::Exemplar, point_time: i64) -> Exemplar {
    Exemplar {
        time: millis(exemplar.time_unix_nano).unwrap_or(point_time),
        value: exemplar.value.as_f64(),
        trace_id: exemplar.trace_id,
        span_id: exemplar.span_id,
        labels: Labels::new(series::pairs(&exemplar.filtered_attributes)),
    }
}

/// A histogram's exemplars, by the bucket each was counted in.
fn exemplars_by_bucket(point: &HistogramDataPoint, time: i64) -> Vec<Vec<Exemplar>> {
    let mut by_bucket = vec![Vec::new(); point.explicit_bounds.len() + 1];
    for one in exemplars(&point.exemplars, time) {
        let at = point.explicit_bounds.partition_point(|bound| *bound < one.value);
        by_bucket[at].push(one);
    }
    by_bucket
}

#[cfg(test)]
mod tests;
