//! OTLP metrics as what the store keeps. [`tripod_wire::prometheus::series`] says which series there are and rejects points that can't be
//! kept; [`delta`] sums up what senders report since their last report.

mod delta;

use std::sync::Arc;

use tripod_store::{
    Appended, Exemplar, Labels, Metadata, MetricKind, NativeHistogram, Samples, SeriesWrite, Store, StoreError,
};
use tripod_wire::otlp::MetricsData;
use tripod_wire::prometheus::names;
use tripod_wire::prometheus::remote_write::MetricType;
use tripod_wire::prometheus::series::{self, Explicit, Family, HistogramSeries, Pair, Sample, Sink, Translated, Value};

use self::delta::{Deltas, Sums};

type Fault = series::Fault<StoreError>;

/// Turns metrics into series; remembers the running sums of those that come as deltas.
#[derive(Debug, Default)]
pub(crate) struct Translator {
    deltas: Deltas,
}

impl Translator {
    /// Translates a batch. Deltas are only taken over by [`Translation::commit`], so that a batch whose writing failed can be sent
    /// again; batches with deltas therefore wait for each other.
    pub(crate) fn translate(&self, data: &MetricsData, store: &dyn Store) -> Result<Translation<'_>, StoreError> {
        let mut batch = Batch { store, translator: self, writes: Vec::new(), sums: None };
        let translated = series::translate(data, &mut batch)?;
        Ok(Translation { writes: batch.writes, translated, sums: batch.sums })
    }
}

/// A translated batch.
#[derive(Debug)]
pub(crate) struct Translation<'a> {
    /// What to write.
    pub(crate) writes: Vec<SeriesWrite>,
    translated: Translated,
    sums: Option<Sums<'a>>,
}

impl Translation<'_> {
    /// Takes over the deltas, as the series were `written`; counts data points.
    pub(crate) fn commit(self, written: Appended) -> Appended {
        if let Some(sums) = self.sums {
            sums.commit();
        }
        let Translated { points, rejected, reason } = self.translated;
        Appended {
            accepted: points - rejected,
            rejected: rejected + written.rejected,
            reason: reason.or(written.reason),
            ..written
        }
    }
}

struct Batch<'a, 's> {
    store: &'s dyn Store,
    translator: &'a Translator,
    writes: Vec<SeriesWrite>,
    sums: Option<Sums<'a>>,
}

impl<'a, 's> Batch<'a, 's> {
    /// The running sums, locked from the first delta of the batch on.
    fn sums(&mut self) -> (&mut Sums<'a>, &'s dyn Store) {
        (self.sums.get_or_insert_with(|| self.translator.deltas.open()), self.store)
    }
}

impl Sink for Batch<'_, '_> {
    type Labels = Labels;
    type About = (Arc<str>, Arc<Metadata>);
    type Error = StoreError;

    fn labels(&mut self, pairs: impl Iterator<Item = Pair>) -> Labels {
        Labels::new(pairs)
    }

    fn about(&mut self, family: &Family<'_>) -> Self::About {
        let (help, unit) = (family.help.to_owned(), family.unit.to_owned());
        (family.name.into(), Arc::new(Metadata { kind: store_kind(family.kind), help, unit }))
    }

    fn write(&mut self, about: &Self::About, labels: Labels, sample: Sample<'_>) {
        let samples = match sample.value {
            Value::Float(value) => Samples { floats: vec![(sample.time, value)], histograms: Vec::new() },
            Value::Native(histogram) => {
                Samples { floats: Vec::new(), histograms: vec![(sample.time, Arc::new(native(histogram)))] }
            }
        };
        let exemplars = sample.exemplars.iter().map(exemplar).collect();
        self.writes.push(SeriesWrite { labels, samples, exemplars, metadata: Some(about.clone()) });
    }

    fn sum_number(&mut self, labels: &Labels, time: u64, delta: f64) -> Result<f64, Fault> {
        let (sums, store) = self.sums();
        sums.number(store, labels, time, delta)
    }

    fn sum_explicit(
        &mut self,
        series: &HistogramSeries<Labels>,
        time: u64,
        delta: Explicit,
    ) -> Result<Explicit, Fault> {
        let (sums, store) = self.sums();
        sums.explicit(store, series, time, delta)
    }

    fn sum_native(
        &mut self,
        labels: &Labels,
        time: u64,
        delta: series::NativeHistogram,
    ) -> Result<series::NativeHistogram, Fault> {
        self.sums().0.native(labels, time, delta)
    }
}

pub(crate) fn store_kind(kind: MetricType) -> MetricKind {
    match kind {
        MetricType::COUNTER => MetricKind::Counter,
        MetricType::HISTOGRAM => MetricKind::Histogram,
        MetricType::SUMMARY => MetricKind::Summary,
        MetricType::INFO => MetricKind::Info,
        _ => MetricKind::Gauge,
    }
}

fn exemplar(exemplar: &series::Exemplar<'_>) -> Exemplar {
    Exemplar {
        time: exemplar.time,
        value: exemplar.value,
        trace_id: exemplar.trace_id,
        span_id: exemplar.span_id,
        labels: Labels::new(names::labels(exemplar.attributes)),
    }
}

/// The store's histograms count in floats, as those of Prometheus' queries do.
pub(crate) fn native(histogram: series::NativeHistogram) -> NativeHistogram {
    let side = |(offset, counts): (i32, Vec<u64>)| (offset, counts.into_iter().map(|count| count as f64).collect());
    NativeHistogram {
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count as f64,
        count: histogram.count as f64,
        sum: histogram.sum,
        positive: side(histogram.positive),
        negative: side(histogram.negative),
        ..NativeHistogram::default()
    }
}

#[cfg(test)]
mod tests;
