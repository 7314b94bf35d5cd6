//! The protobuf format: families one after the other, each with its length before it; the one format with native histograms.

use super::{END, Entry, Exemplar, Form, NORMAL_NAN, Series, Value, bound};
use crate::WireError;
use crate::prometheus::client_model::{self, Histogram, Metric, MetricFamily, take_delimited};
use crate::prometheus::remote_write::{BucketSpan, MetricType};
use crate::prometheus::series::NativeHistogram;

/// The most buckets a side may span.
const MAX_BUCKETS: i64 = 10_000;

/// Which of a histogram's forms are wanted where it has both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histograms {
    /// Native ones; without, all are classic.
    pub native: bool,
    /// Classic ones beside native ones.
    pub classic: bool,
}

/// Reads a page and hands over what it says.
///
/// # Errors
/// The first that `sink` has, or what is wrong with the page.
pub fn protobuf<E: From<WireError>>(
    mut page: &[u8],
    histograms: Histograms,
    mut sink: impl FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut key = Vec::new();
    while let Some(family) = take_delimited(&mut page)? {
        let name = family.name.as_str();
        if name.is_empty() {
            return Err(E::from(invalid("MetricFamily", "name", "a family must have a name".to_owned())));
        }
        sink(Entry::Kind { family: name.into(), kind: kind(&family) })?;
        if !family.help.is_empty() {
            sink(Entry::Help { family: name.into(), help: family.help.as_str().into() })?;
        }
        if !family.unit.is_empty() {
            sink(Entry::Unit { family: name.into(), unit: &family.unit })?;
        }
        for metric in &family.metrics {
            let mut out = Out { name, metric, key: &mut key, sink: &mut sink };
            out.metric(&family, histograms)?;
        }
    }
    Ok(())
}

fn invalid(message: &'static str, field: &'static str, reason: String) -> WireError {
    WireError::Invalid { message, field, offset: 0, reason }
}

fn kind(family: &MetricFamily) -> MetricType {
    match family.kind {
        client_model::MetricType::COUNTER => MetricType::COUNTER,
        client_model::MetricType::GAUGE => MetricType::GAUGE,
        client_model::MetricType::SUMMARY => MetricType::SUMMARY,
        client_model::MetricType::HISTOGRAM => MetricType::HISTOGRAM,
        client_model::MetricType::GAUGE_HISTOGRAM => MetricType::GAUGE_HISTOGRAM,
        _ => MetricType::UNKNOWN,
    }
}

/// Where the series of a metric go.
struct Out<'m, 's, S> {
    name: &'m str,
    metric: &'m Metric,
    key: &'s mut Vec<u8>,
    sink: &'s mut S,
}

impl<'m, S> Out<'m, '_, S> {
    fn metric<E: From<WireError>>(&mut self, family: &'m MetricFamily, wanted: Histograms) -> Result<(), E>
    where
        S: FnMut(Entry<'_>) -> Result<(), E>,
    {
        let metric = self.metric;
        match family.kind {
            client_model::MetricType::COUNTER => {
                let Some(counter) = &metric.counter else { return Err(missing("counter")) };
                self.number("", None, counter.value, counter.exemplar.as_ref())
            }
            client_model::MetricType::GAUGE => {
                let Some(gauge) = metric.gauge else { return Err(missing("gauge")) };
                self.number("", None, gauge.value, None)
            }
            client_model::MetricType::SUMMARY => {
                let Some(summary) = &metric.summary else { return Err(missing("summary")) };
                self.number("_count", None, summary.sample_count as f64, None)?;
                self.number("_sum", None, summary.sample_sum, None)?;
                summary.quantiles.iter().try_for_each(|quantile| {
                    self.number("", Some(("quantile", quantile.quantile)), quantile.value, None)
                })
            }
            client_model::MetricType::HISTOGRAM | client_model::MetricType::GAUGE_HISTOGRAM => {
                let Some(histogram) = &metric.histogram else { return Err(missing("histogram")) };
                let native = wanted.native && is_native(histogram);
                if native {
                    self.native(histogram)?;
                }
                let beside = wanted.classic && !histogram.buckets.is_empty();
                if native && !beside { Ok(()) } else { self.classic(histogram) }
            }
            _ => {
                let Some(untyped) = metric.untyped else { return Err(missing("untyped")) };
                self.number("", None, untyped.value, None)
            }
        }
    }

    fn classic<E: From<WireError>>(&mut self, histogram: &Histogram) -> Result<(), E>
    where
        S: FnMut(Entry<'_>) -> Result<(), E>,
    {
        let count = histogram.sample_count as f64;
        self.number("_count", None, count, None)?;
        self.number("_sum", None, histogram.sample_sum, None)?;
        for bucket in &histogram.buckets {
            let bound = Some(("le", bucket.upper_bound));
            self.number("_bucket", bound, bucket.cumulative_count as f64, bucket.exemplar.as_ref())?;
        }
        let has_all = histogram.buckets.iter().any(|bucket| bucket.upper_bound == f64::INFINITY);
        if has_all { Ok(()) } else { self.number("_bucket", Some(("le", f64::INFINITY)), count, None) }
    }

    fn native<E: From<WireError>>(&mut self, histogram: &Histogram) -> Result<(), E>
    where
        S: FnMut(Entry<'_>) -> Result<(), E>,
    {
        let value = native(histogram).map_err(|reason| invalid("Metric", "histogram", reason))?;
        let of_buckets = || histogram.buckets.iter().filter_map(|bucket| bucket.exemplar.as_ref()).collect();
        let own: Vec<_> = histogram.exemplars.iter().collect();
        let exemplars: Vec<_> = if own.is_empty() { of_buckets() } else { own };
        // One without a time would be another one at each scrape.
        let exemplars = exemplars.into_iter().filter(|one| one.timestamp.is_some()).map(exemplar).collect();
        self.series("", None, Value::Histogram(Box::new(value)), exemplars)
    }

    fn number<E: From<WireError>>(
        &mut self,
        suffix: &str,
        bounded: Option<(&str, f64)>,
        value: f64,
        one: Option<&client_model::Exemplar>,
    ) -> Result<(), E>
    where
        S: FnMut(Entry<'_>) -> Result<(), E>,
    {
        let value = if value.is_nan() { NORMAL_NAN } else { value };
        self.series(suffix, bounded, Value::Float(value), one.map(exemplar).into_iter().collect())
    }

    fn series<E: From<WireError>>(
        &mut self,
        suffix: &str,
        bounded: Option<(&str, f64)>,
        value: Value,
        exemplars: Vec<Exemplar<'_>>,
    ) -> Result<(), E>
    where
        S: FnMut(Entry<'_>) -> Result<(), E>,
    {
        self.key.clear();
        let mut put = |texts: &[&str]| {
            texts.iter().for_each(|text| self.key.extend_from_slice(text.as_bytes()));
            self.key.push(END);
        };
        put(&["__name__"]);
        put(&[self.name, suffix]);
        for label in &self.metric.labels {
            put(&[&label.name]);
            put(&[&label.value]);
        }
        if let Some((name, value)) = bounded {
            put(&[name]);
            put(&[&bound(value)]);
        }
        let key = self.key.as_slice();
        let time = Some(self.metric.timestamp_ms).filter(|time| *time != 0);
        (self.sink)(Entry::Series(Series { key, form: Form::Joined(key), value, time, exemplars }))
    }
}

fn missing<E: From<WireError>>(what: &'static str) -> E {
    E::from(invalid("Metric", what, format!("the type of the family says {what}, and there is none")))
}

fn exemplar(one: &client_model::Exemplar) -> Exemplar<'_> {
    let labels = one.labels.iter().map(|label| (label.name.as_str().into(), label.value.as_str().into())).collect();
    let millis = |time: client_model::Timestamp| {
        time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000)
    };
    Exemplar { labels, value: one.value, time: one.timestamp.map(millis) }
}

/// Whether a histogram has native buckets, or says that it would.
fn is_native(histogram: &Histogram) -> bool {
    !histogram.positive_spans.is_empty()
        || !histogram.negative_spans.is_empty()
        || histogram.zero_threshold > 0.0
        || histogram.zero_count > 0
}

fn native(histogram: &Histogram) -> Result<NativeHistogram, String> {
    if !(-4..=8).contains(&histogram.schema) {
        return Err(format!("the schema {} must be from -4 to 8", histogram.schema));
    }
    Ok(NativeHistogram {
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count,
        count: histogram.sample_count,
        sum: histogram.sample_sum,
        positive: buckets(&histogram.positive_spans, &histogram.positive_deltas)?,
        negative: buckets(&histogram.negative_spans, &histogram.negative_deltas)?,
    })
}

/// The first bucket's index and all counts from there on.
fn buckets(spans: &[BucketSpan], deltas: &[i64]) -> Result<(i32, Vec<u64>), String> {
    let fit = "spans and counts of buckets do not fit; histograms of fractions are not taken";
    let mut counts: Vec<u64> = Vec::new();
    let (mut deltas, mut count) = (deltas.iter(), 0_i64);
    for (at, span) in spans.iter().enumerate() {
        let gap = if at == 0 { 0 } else { i64::from(span.offset) };
        let end = counts.len() as i64 + gap + i64::from(span.length);
        if gap < 0 || end > MAX_BUCKETS {
            return Err(format!("buckets are out of order or more than {MAX_BUCKETS}"));
        }
        counts.resize(counts.len() + gap as usize, 0);
        for _ in 0..span.length {
            count = count.checked_add(*deltas.next().ok_or(fit)?).ok_or("the count of a bucket is out of range")?;
            counts.push(u64::try_from(count).map_err(|_| "the count of a bucket is below 0")?);
        }
    }
    if deltas.next().is_some() {
        return Err(fit.to_owned());
    }
    Ok((spans.first().map_or(0, |span| span.offset), counts))
}
