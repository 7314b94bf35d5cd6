//! Metrics (`opentelemetry/proto/metrics/v1`).

use super::common::{InstrumentationScope, KeyValue, Resource};
use crate::{SpanId, TraceId};

/// A batch of metrics; the same bytes as `ExportMetricsServiceRequest`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricsData {
    /// Metrics by resource.
    pub resource_metrics: Vec<ResourceMetrics>,
}

/// Metrics of one resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceMetrics {
    /// Who emitted them.
    pub resource: Resource,
    /// Metrics by scope.
    pub scope_metrics: Vec<ScopeMetrics>,
    /// Schema of the resource's attributes.
    pub schema_url: String,
}

/// Metrics of one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeMetrics {
    /// What emitted them within the resource.
    pub scope: InstrumentationScope,
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// Schema of the metrics' attributes.
    pub schema_url: String,
}

/// One instrument and its data points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metric {
    /// The instrument's name, for example `http.server.request.duration`.
    pub name: String,
    /// What it measures.
    pub description: String,
    /// In what unit, by UCUM, for example `s`, `By`, `{request}`.
    pub unit: String,
    /// Its kind and points.
    pub data: MetricData,
    /// Attributes that say how to translate the metric (`prometheus.type` for example).
    pub metadata: Vec<KeyValue>,
}

/// A metric's kind and points.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum MetricData {
    /// No points, or of a kind unknown to us.
    #[default]
    Empty,
    /// The current value of something.
    Gauge {
        /// A point an attribute set.
        data_points: Vec<NumberDataPoint>,
    },
    /// A sum of increments.
    Sum {
        /// A point an attribute set.
        data_points: Vec<NumberDataPoint>,
        /// Since the start, or since the last report.
        aggregation_temporality: AggregationTemporality,
        /// Whether it only goes up: a counter.
        is_monotonic: bool,
    },
    /// A distribution over buckets given by their bounds.
    Histogram {
        /// A point an attribute set.
        data_points: Vec<HistogramDataPoint>,
        /// Since the start, or since the last report.
        aggregation_temporality: AggregationTemporality,
    },
    /// A distribution over buckets that grow exponentially.
    ExponentialHistogram {
        /// A point an attribute set.
        data_points: Vec<ExponentialHistogramDataPoint>,
        /// Since the start, or since the last report.
        aggregation_temporality: AggregationTemporality,
    },
    /// A distribution as quantiles computed by the sender.
    Summary {
        /// A point an attribute set.
        data_points: Vec<SummaryDataPoint>,
    },
}

/// A number at a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NumberDataPoint {
    /// The attribute set.
    pub attributes: Vec<KeyValue>,
    /// When counting began, nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// When the value was taken, nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// The value.
    pub value: NumberValue,
    /// Single measurements behind the value.
    pub exemplars: Vec<Exemplar>,
    /// [`NO_RECORDED_VALUE`] or 0.
    pub flags: u32,
}

/// The flag of a point that says "there is no value": the series has ended.
pub const NO_RECORDED_VALUE: u32 = 1;

/// A value of one of two types.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum NumberValue {
    /// Not given.
    #[default]
    Empty,
    /// A 64-bit float.
    Double(f64),
    /// A signed 64-bit integer.
    Int(i64),
}

impl NumberValue {
    /// The value as a float, as Prometheus has it; 0 when not given.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Empty => 0.0,
            Self::Double(value) => value,
            Self::Int(value) => value as f64,
        }
    }
}

/// A distribution over explicit buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistogramDataPoint {
    /// The attribute set.
    pub attributes: Vec<KeyValue>,
    /// When counting began, nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// When the values were taken, nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// How many measurements.
    pub count: u64,
    /// Their sum; absent where negative ones make it useless.
    pub sum: Option<f64>,
    /// Measurements a bucket, one more than bounds; or empty.
    pub bucket_counts: Vec<u64>,
    /// Upper bounds, inclusive, ascending; the last bucket has none.
    pub explicit_bounds: Vec<f64>,
    /// Single measurements.
    pub exemplars: Vec<Exemplar>,
    /// [`NO_RECORDED_VALUE`] or 0.
    pub flags: u32,
    /// The smallest measurement.
    pub min: Option<f64>,
    /// The largest measurement.
    pub max: Option<f64>,
}

/// A distribution over exponential buckets: bucket `i` holds values in (base^i, base^(i+1)], base = 2^(2^-scale).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExponentialHistogramDataPoint {
    /// The attribute set.
    pub attributes: Vec<KeyValue>,
    /// When counting began, nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// When the values were taken, nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// How many measurements.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// Resolution: the larger, the finer.
    pub scale: i32,
    /// Measurements within `zero_threshold` of zero.
    pub zero_count: u64,
    /// Positive measurements.
    pub positive: Buckets,
    /// Negative measurements, by their magnitude.
    pub negative: Buckets,
    /// [`NO_RECORDED_VALUE`] or 0.
    pub flags: u32,
    /// Single measurements.
    pub exemplars: Vec<Exemplar>,
    /// The smallest measurement.
    pub min: Option<f64>,
    /// The largest measurement.
    pub max: Option<f64>,
    /// Half the width of the zero bucket.
    pub zero_threshold: f64,
}

/// A run of exponential buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    /// The index of the first bucket.
    pub offset: i32,
    /// Measurements a bucket, from there on.
    pub bucket_counts: Vec<u64>,
}

/// Quantiles computed by the sender.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SummaryDataPoint {
    /// The attribute set.
    pub attributes: Vec<KeyValue>,
    /// When counting began, nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// When the values were taken, nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// How many measurements.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The quantiles.
    pub quantile_values: Vec<ValueAtQuantile>,
    /// [`NO_RECORDED_VALUE`] or 0.
    pub flags: u32,
}

/// The value below which a share of the measurements lies.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ValueAtQuantile {
    /// The share, 0 to 1.
    pub quantile: f64,
    /// The value.
    pub value: f64,
}

/// A single measurement, with the trace in which it was taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar {
    /// Attributes that the metric's own set leaves out.
    pub filtered_attributes: Vec<KeyValue>,
    /// When it was taken, nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// The measurement.
    pub value: NumberValue,
    /// The span in which it was taken.
    pub span_id: SpanId,
    /// The trace in which it was taken.
    pub trace_id: TraceId,
}

open_enum! {
    /// What a sum or a histogram counts from.
    AggregationTemporality {
        /// Not said; treated as cumulative.
        UNSPECIFIED = 0, "AGGREGATION_TEMPORALITY_UNSPECIFIED";
        /// Since the last report.
        DELTA = 1, "AGGREGATION_TEMPORALITY_DELTA";
        /// Since the start.
        CUMULATIVE = 2, "AGGREGATION_TEMPORALITY_CUMULATIVE";
    }
}
