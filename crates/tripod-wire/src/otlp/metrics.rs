//! Metrics (`opentelemetry/proto/metrics/v1`).

use super::common::{InstrumentationScope, KeyValue, Resource};
use crate::proto::kind::{
    Bool, Double, Enum, Fixed64, Id, Kind, Many, One, Optional, Packed, Scalar, Sfixed64, Sint32, Text, Uint32, Uint64,
    put_scalar,
};
use crate::proto::{Reader, WireType, message, variant};
use crate::{SpanId, TraceId, WireError};

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

message! {
    MetricsData {
        1 resource_metrics "resourceMetrics": Many<ResourceMetrics>,
    }
}

message! {
    ResourceMetrics {
        1 resource "resource": One<Resource>,
        2 scope_metrics "scopeMetrics": Many<ScopeMetrics>,
        3 schema_url "schemaUrl": Text,
    }
}

message! {
    ScopeMetrics {
        1 scope "scope": One<InstrumentationScope>,
        2 metrics "metrics": Many<Metric>,
        3 schema_url "schemaUrl": Text,
    }
}

message! {
    Metric {
        1 name "name": Text,
        2 description "description": Text,
        3 unit "unit": Text,
        5 data "gauge": AsGauge,
        7 data "sum": AsSum,
        9 data "histogram": AsHistogram,
        10 data "exponentialHistogram": AsExponentialHistogram,
        11 data "summary": AsSummary,
        12 metadata "metadata": Many<KeyValue>,
    }
}

variant! {
    AsGauge = MetricData::Gauge {
        1 data_points "dataPoints": Many<NumberDataPoint>,
    }
}

variant! {
    AsSum = MetricData::Sum {
        1 data_points "dataPoints": Many<NumberDataPoint>,
        2 aggregation_temporality "aggregationTemporality": Enum<AggregationTemporality>,
        3 is_monotonic "isMonotonic": Bool,
    }
}

variant! {
    AsHistogram = MetricData::Histogram {
        1 data_points "dataPoints": Many<HistogramDataPoint>,
        2 aggregation_temporality "aggregationTemporality": Enum<AggregationTemporality>,
    }
}

variant! {
    AsExponentialHistogram = MetricData::ExponentialHistogram {
        1 data_points "dataPoints": Many<ExponentialHistogramDataPoint>,
        2 aggregation_temporality "aggregationTemporality": Enum<AggregationTemporality>,
    }
}

variant! {
    AsSummary = MetricData::Summary {
        1 data_points "dataPoints": Many<SummaryDataPoint>,
    }
}

message! {
    NumberDataPoint {
        2 start_time_unix_nano "startTimeUnixNano": Fixed64,
        3 time_unix_nano "timeUnixNano": Fixed64,
        4 value "asDouble": AsDouble,
        5 exemplars "exemplars": Many<Exemplar>,
        6 value "asInt": AsInt,
        7 attributes "attributes": Many<KeyValue>,
        8 flags "flags": Uint32,
    }
}

message! {
    HistogramDataPoint {
        2 start_time_unix_nano "startTimeUnixNano": Fixed64,
        3 time_unix_nano "timeUnixNano": Fixed64,
        4 count "count": Fixed64,
        5 sum "sum": Optional<Double>,
        6 bucket_counts "bucketCounts": Packed<Fixed64>,
        7 explicit_bounds "explicitBounds": Packed<Double>,
        8 exemplars "exemplars": Many<Exemplar>,
        9 attributes "attributes": Many<KeyValue>,
        10 flags "flags": Uint32,
        11 min "min": Optional<Double>,
        12 max "max": Optional<Double>,
    }
}

message! {
    ExponentialHistogramDataPoint {
        1 attributes "attributes": Many<KeyValue>,
        2 start_time_unix_nano "startTimeUnixNano": Fixed64,
        3 time_unix_nano "timeUnixNano": Fixed64,
        4 count "count": Fixed64,
        5 sum "sum": Optional<Double>,
        6 scale "scale": Sint32,
        7 zero_count "zeroCount": Fixed64,
        8 positive "positive": One<Buckets>,
        9 negative "negative": One<Buckets>,
        10 flags "flags": Uint32,
        11 exemplars "exemplars": Many<Exemplar>,
        12 min "min": Optional<Double>,
        13 max "max": Optional<Double>,
        14 zero_threshold "zeroThreshold": Double,
    }
}

message! {
    Buckets {
        1 offset "offset": Sint32,
        2 bucket_counts "bucketCounts": Packed<Uint64>,
    }
}

message! {
    SummaryDataPoint {
        2 start_time_unix_nano "startTimeUnixNano": Fixed64,
        3 time_unix_nano "timeUnixNano": Fixed64,
        4 count "count": Fixed64,
        5 sum "sum": Double,
        6 quantile_values "quantileValues": Many<ValueAtQuantile>,
        7 attributes "attributes": Many<KeyValue>,
        8 flags "flags": Uint32,
    }
}

message! {
    ValueAtQuantile {
        1 quantile "quantile": Double,
        2 value "value": Double,
    }
}

message! {
    Exemplar {
        2 time_unix_nano "timeUnixNano": Fixed64,
        3 value "asDouble": AsDouble,
        4 span_id "spanId": Id<SpanId>,
        5 trace_id "traceId": Id<TraceId>,
        6 value "asInt": AsInt,
        7 filtered_attributes "filteredAttributes": Many<KeyValue>,
    }
}

/// One of the two types of a [`NumberValue`]: written even when zero, as its presence says the type.
macro_rules! number_variant {
    ($kind:ident, $variant:ident, $scalar:ty) => {
        pub(crate) struct $kind;

        impl Kind for $kind {
            type Field = NumberValue;

            fn merge(field: &mut NumberValue, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
                *field = NumberValue::$variant(<$scalar>::read(wire_type, reader)?);
                Ok(())
            }

            fn put(field: &NumberValue, number: u32, out: &mut Vec<u8>) {
                if let NumberValue::$variant(value) = *field {
                    put_scalar::<$scalar>(value, number, out);
                }
            }
        }
    };
}
number_variant!(AsDouble, Double, Double);
number_variant!(AsInt, Int, Sfixed64);
