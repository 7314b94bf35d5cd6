//! Prometheus remote write, version 1.0: what a sender POSTs, snappy-compressed, to a receiver (`prometheus.WriteRequest`).
//!
//! [`v2`] has the messages of version 2.0, in which every string stands once in a table. Both share samples and histograms;
//! [`translate`] makes the second the first. The compression is the transport's, not done here.

pub mod translate;
pub mod v2;

use crate::proto::kind::{Double, Enum, Int64, Many, Optional, Packed, Sint32, Sint64, Text, Uint32, Uint64};
use crate::proto::protobuf_message;

/// Series with samples, and metadata of the metrics they belong to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteRequest {
    /// The series.
    pub timeseries: Vec<TimeSeries>,
    /// What is known of the metrics.
    pub metadata: Vec<MetricMetadata>,
}

/// A series with samples in order of time, or with histograms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TimeSeries {
    /// Sorted by name; `__name__` is the metric's.
    pub labels: Vec<Label>,
    /// Floats.
    pub samples: Vec<Sample>,
    /// Examples of what was measured.
    pub exemplars: Vec<Exemplar>,
    /// Native histograms.
    pub histograms: Vec<Histogram>,
}

/// A label.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its value, not empty.
    pub value: String,
}

/// A float at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    /// The value.
    pub value: f64,
    /// When, in milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// An example of what was measured, usually with a trace's id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar {
    /// Labels of its own: `trace_id`, `span_id`.
    pub labels: Vec<Label>,
    /// The value.
    pub value: f64,
    /// When, in milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// What is known of a metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricMetadata {
    /// Its type.
    pub kind: MetricType,
    /// The name of the family, without `_bucket` and its like.
    pub metric_family_name: String,
    /// What it measures.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

/// A native histogram.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Measurements, where buckets hold whole numbers.
    pub count_int: Option<u64>,
    /// Measurements, where buckets hold fractions.
    pub count_float: Option<f64>,
    /// The sum of what was measured.
    pub sum: f64,
    /// The resolution: each bucket's bound is 2^(2^-schema) times the one below. -53 says that `custom_values` has the bounds.
    pub schema: i32,
    /// The zero bucket's width, either way.
    pub zero_threshold: f64,
    /// What the zero bucket holds, where buckets hold whole numbers.
    pub zero_count_int: Option<u64>,
    /// What the zero bucket holds, where buckets hold fractions.
    pub zero_count_float: Option<f64>,
    /// Which buckets of negative measurements there are.
    pub negative_spans: Vec<BucketSpan>,
    /// Their counts, each as the difference from the one before.
    pub negative_deltas: Vec<i64>,
    /// Their counts, where they are fractions.
    pub negative_counts: Vec<f64>,
    /// Which buckets of positive measurements there are.
    pub positive_spans: Vec<BucketSpan>,
    /// Their counts, each as the difference from the one before.
    pub positive_deltas: Vec<i64>,
    /// Their counts, where they are fractions.
    pub positive_counts: Vec<f64>,
    /// Whether it may have begun anew.
    pub reset_hint: ResetHint,
    /// When, in milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Upper bounds of the buckets when `schema` is -53.
    pub custom_values: Vec<f64>,
}

/// Buckets in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketSpan {
    /// Buckets left out since the last span; for the first, the first bucket's index.
    pub offset: i32,
    /// How many.
    pub length: u32,
}

open_enum! {
    /// The type of a metric.
    MetricType {
        /// Not known.
        UNKNOWN = 0, "UNKNOWN";
        /// Only goes up.
        COUNTER = 1, "COUNTER";
        /// Goes up and down.
        GAUGE = 2, "GAUGE";
        /// A distribution over buckets.
        HISTOGRAM = 3, "HISTOGRAM";
        /// A distribution that goes up and down.
        GAUGE_HISTOGRAM = 4, "GAUGEHISTOGRAM";
        /// Quantiles.
        SUMMARY = 5, "SUMMARY";
        /// Facts as labels.
        INFO = 6, "INFO";
        /// One of several states.
        STATE_SET = 7, "STATESET";
    }
}

open_enum! {
    /// Whether a histogram may have begun anew since the sample before.
    ResetHint {
        /// Not known: the receiver has to find out.
        UNKNOWN = 0, "UNKNOWN";
        /// It did.
        YES = 1, "YES";
        /// It did not.
        NO = 2, "NO";
        /// It is a gauge: it may go down at any time.
        GAUGE = 3, "GAUGE";
    }
}

protobuf_message!(WriteRequest {
    1 timeseries: Many<TimeSeries>,
    3 metadata: Many<MetricMetadata>,
});

protobuf_message!(TimeSeries {
    1 labels: Many<Label>,
    2 samples: Many<Sample>,
    3 exemplars: Many<Exemplar>,
    4 histograms: Many<Histogram>,
});

protobuf_message!(Label {
    1 name: Text,
    2 value: Text,
});

protobuf_message!(Sample {
    1 value: Double,
    2 timestamp: Int64,
});

protobuf_message!(Exemplar {
    1 labels: Many<Label>,
    2 value: Double,
    3 timestamp: Int64,
});

protobuf_message!(MetricMetadata {
    1 kind: Enum<MetricType>,
    2 metric_family_name: Text,
    4 help: Text,
    5 unit: Text,
});

protobuf_message!(Histogram {
    1 count_int: Optional<Uint64>,
    2 count_float: Optional<Double>,
    3 sum: Double,
    4 schema: Sint32,
    5 zero_threshold: Double,
    6 zero_count_int: Optional<Uint64>,
    7 zero_count_float: Optional<Double>,
    8 negative_spans: Many<BucketSpan>,
    9 negative_deltas: Packed<Sint64>,
    10 negative_counts: Packed<Double>,
    11 positive_spans: Many<BucketSpan>,
    12 positive_deltas: Packed<Sint64>,
    13 positive_counts: Packed<Double>,
    14 reset_hint: Enum<ResetHint>,
    15 timestamp: Int64,
    16 custom_values: Packed<Double>,
});

protobuf_message!(BucketSpan {
    1 offset: Sint32,
    2 length: Uint32,
});
