//! Samples and exemplars by series: what a store of them keeps and answers. Times are milliseconds since the Unix epoch, as in
//! Prometheus.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use tripod_wire::{SpanId, TraceId};

use crate::{Appended, Labels, Matcher, StoreError};

/// Keeps samples and finds them by label matchers and time.
pub trait SeriesStore: Send + Sync {
    /// Keeps samples, exemplars and metadata. When this returns `Ok`, they are durable. Blocks while it writes.
    ///
    /// A sample with the time of one that is there already replaces it; samples may come out of order.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when too much waits to be written.
    fn append_series(&self, batch: &[SeriesWrite]) -> Result<Appended, StoreError>;

    /// Keeps the samples, native histograms, exemplars and metadata of a remote write request: Prometheus' `WriteRequest` 1.0
    /// in protobuf, compressed by snappy, as it is sent and as it is logged. When this returns `Ok`, they are durable. Blocks while it writes.
    ///
    /// Series whose labels are not what they have to be, and new series above the limit, are rejected; the rest is kept.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when the request can't be read, [`StoreError::TooManySeries`] when nothing of it could be kept
    /// for the limit, [`StoreError::Overloaded`] when too much waits to be written.
    fn append_remote_write(&self, request: &[u8]) -> Result<Appended, StoreError>;

    /// Calls `visit` with each series that satisfies all matchers and has samples from `start` to `end` (both inclusive), with
    /// those samples in order of time; sorted by labels. Holds the samples of one series at a time, and ends early, without an
    /// error, when `visit` breaks.
    fn scan(&self, matchers: &[Matcher], start: i64, end: i64, visit: &mut VisitSeries<'_>) -> Result<(), StoreError>;

    /// The same series, all of them at once: for few.
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<SelectedSeries>, StoreError> {
        let mut selected = Vec::new();
        self.scan(matchers, start, end, &mut |series| {
            selected.push(series.into());
            ControlFlow::Continue(())
        })?;
        Ok(selected)
    }

    /// Labels of the series that satisfy all matchers of at least one of `sets` (no set at all: every series) and have
    /// samples from `start` to `end`; sorted.
    fn series(&self, sets: &[Vec<Matcher>], start: i64, end: i64) -> Result<Vec<Labels>, StoreError>;

    /// Names of the labels of series that satisfy all matchers and have samples around `start` to `end`; sorted. What is
    /// stored together is not told apart: a name may be of a series whose samples lie shortly outside.
    fn label_names(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError>;

    /// Values of a label, as [`label_names`](Self::label_names).
    fn label_values(&self, name: &str, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError>;

    /// What the series in memory are made of: at most `limit` rows a list.
    fn series_statistics(&self, limit: usize) -> Result<SeriesStatistics, StoreError>;

    /// Exemplars from `start` to `end` of the series that satisfy all matchers, in order of time.
    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<SeriesExemplars>, StoreError>;

    /// Type, help and unit by metric name: the family's name, that is without `_bucket`, `_sum`, `_count`.
    fn metadata(&self) -> Result<BTreeMap<String, Metadata>, StoreError>;

    /// The newest sample of exactly this series, for who continues a running sum after a restart.
    fn last(&self, labels: &Labels) -> Result<Option<(i64, f64)>, StoreError>;
}

/// What is written to one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesWrite {
    /// The series.
    pub labels: Labels,
    /// Its new samples.
    pub samples: Samples,
    /// Its new exemplars.
    pub exemplars: Vec<Exemplar>,
    /// What is known of the metric family it belongs to, under the family's name.
    pub metadata: Option<(Arc<str>, Arc<Metadata>)>,
}

impl SeriesWrite {
    /// How many samples are written.
    pub fn sample_count(&self) -> u64 {
        (self.samples.floats.len() + self.samples.histograms.len()) as u64
    }
}

/// Samples in order of time, floats and native histograms apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Time and value. The value is kept bit by bit: NaN payloads mark staleness.
    pub floats: Vec<(i64, f64)>,
    /// Time and histogram.
    pub histograms: Vec<(i64, Arc<NativeHistogram>)>,
}

/// A native histogram, cumulative, as in Prometheus. Bucket `i` of the positive side holds values in (base^(i-1), base^i] with
/// base = 2^(2^-schema); with schema [`CUSTOM_BUCKETS`](Self::CUSTOM_BUCKETS) those in (`custom_values[i-1]`, `custom_values[i]`], the
/// last one up to infinity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NativeHistogram {
    /// Resolution, -4 to 8, or [`CUSTOM_BUCKETS`](Self::CUSTOM_BUCKETS).
    pub schema: i32,
    /// Half the width of the zero bucket.
    pub zero_threshold: f64,
    /// Measurements in it.
    pub zero_count: f64,
    /// All measurements.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Index of the first positive bucket, and measurements a bucket from there on (not cumulated).
    pub positive: (i32, Vec<f64>),
    /// The same for negative values, by magnitude.
    pub negative: (i32, Vec<f64>),
    /// Upper bounds of custom buckets, ascending; else empty. Kept with that schema only.
    pub custom_values: Arc<[f64]>,
    /// Whether it began anew since the sample before.
    pub reset_hint: ResetHint,
}

impl NativeHistogram {
    /// The schema of histograms whose bounds are given one by one.
    pub const CUSTOM_BUCKETS: i32 = -53;
}

/// What a sender knows of a histogram's beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResetHint {
    /// Nothing: who reads compares it with the sample before.
    #[default]
    Unknown,
    /// It began anew since the sample before.
    Reset,
    /// It did not.
    NotReset,
    /// It is a gauge, which goes up and down.
    Gauge,
}

impl ResetHint {
    /// All of them by their number, on the wire as on disk.
    pub(crate) const ALL: [Self; 4] = [Self::Unknown, Self::Reset, Self::NotReset, Self::Gauge];
}

/// A series of an answer, as long as it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct SeriesView<'a> {
    /// Its labels.
    pub labels: &'a Labels,
    /// Time and value of its samples within the time asked for.
    pub floats: &'a [(i64, f64)],
    /// Time and histogram.
    pub histograms: &'a [(i64, Arc<NativeHistogram>)],
}

/// Takes the series of an answer one by one, and says whether to go on.
pub type VisitSeries<'v> = dyn FnMut(SeriesView<'_>) -> ControlFlow<()> + 'v;

/// A series that was selected.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectedSeries {
    /// Its labels.
    pub labels: Labels,
    /// Its samples within the time asked for.
    pub samples: Samples,
}

impl From<SeriesView<'_>> for SelectedSeries {
    fn from(series: SeriesView<'_>) -> Self {
        let (floats, histograms) = (series.floats.to_vec(), series.histograms.to_vec());
        Self { labels: series.labels.clone(), samples: Samples { floats, histograms } }
    }
}

/// What the series that are written to are made of, as Prometheus' `/api/v1/status/tsdb` says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesStatistics {
    /// Series.
    pub series: u64,
    /// Distinct pairs of label name and value.
    pub label_pairs: u64,
    /// Metrics by series.
    pub series_by_metric: Vec<StatisticsRow>,
    /// Label names by distinct values.
    pub values_by_label: Vec<StatisticsRow>,
    /// Label names by the bytes of their values, counted once a series.
    pub bytes_by_label: Vec<StatisticsRow>,
    /// `name=value` by series.
    pub series_by_label_pair: Vec<StatisticsRow>,
}

/// A name and how much there is of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatisticsRow {
    /// Of what.
    pub name: String,
    /// How much.
    pub count: u64,
}

/// A single measurement, with the trace in which it was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// When, milliseconds since the Unix epoch.
    pub time: i64,
    /// The measurement.
    pub value: f64,
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Further labels.
    pub labels: Labels,
}

/// Exemplars of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// The series.
    pub labels: Labels,
    /// Its exemplars, in order of time.
    pub exemplars: Vec<Exemplar>,
}

/// What a metric is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its type.
    pub kind: MetricKind,
    /// What it measures.
    pub help: String,
    /// In what unit.
    pub unit: String,
}

/// A metric's type, under Prometheus' names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MetricKind {
    /// Not known.
    #[default]
    Unknown,
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution over buckets.
    Histogram,
    /// A distribution as quantiles.
    Summary,
    /// Always 1; its labels are the point.
    Info,
}

impl MetricKind {
    /// The name in Prometheus' API and exposition formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
        }
    }
}
