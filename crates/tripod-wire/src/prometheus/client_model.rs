//! Prometheus' exposition in protobuf (`io.prometheus.client`): the one format of a scrape that has native histograms.
//!
//! A page is [`MetricFamily`] messages one after the other, each preceded by its length as a varint: [`put_delimited`]. Its original is
//! written in proto2, where a number that is left out reads as zero; so zeros are left out here too, save the type of a family.

use super::remote_write::BucketSpan;
use crate::WireError;
use crate::proto::kind::{
    Double, Enum, Int32, Int64, Kind, Many, OpenEnum, OptionalOne, Packed, Scalar, Sint32, Sint64, Text, Uint64,
    put_scalar,
};
use crate::proto::{Message, Reader, WireType, protobuf_message, put_varint, varint_len};

/// Metrics of one name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricFamily {
    /// The name, without `_bucket` and its like.
    pub name: String,
    /// What it measures.
    pub help: String,
    /// Its type.
    pub kind: MetricType,
    /// A metric a label set.
    pub metrics: Vec<Metric>,
    /// Its unit.
    pub unit: String,
}

open_enum! {
    /// The type of a family.
    MetricType {
        /// Only goes up.
        COUNTER = 0, "COUNTER";
        /// Goes up and down.
        GAUGE = 1, "GAUGE";
        /// Quantiles.
        SUMMARY = 2, "SUMMARY";
        /// Not known.
        UNTYPED = 3, "UNTYPED";
        /// A distribution over buckets.
        HISTOGRAM = 4, "HISTOGRAM";
        /// A distribution that goes up and down.
        GAUGE_HISTOGRAM = 5, "GAUGE_HISTOGRAM";
    }
}

/// One label set and its value: the one that the family's type says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metric {
    /// The labels.
    pub labels: Vec<LabelPair>,
    /// Of a gauge.
    pub gauge: Option<Number>,
    /// Of a counter.
    pub counter: Option<Counter>,
    /// Of a summary.
    pub summary: Option<Summary>,
    /// Of no known type.
    pub untyped: Option<Number>,
    /// When it was measured, in milliseconds since the Unix epoch; usually left to the scraper.
    pub timestamp_ms: i64,
    /// Of a histogram.
    pub histogram: Option<Histogram>,
}

impl Metric {
    /// The number of its labels' field, for who writes those beforehand.
    pub const LABELS: u32 = 1;
}

/// A label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelPair {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A gauge's value, or one of no known type.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Number {
    /// The value.
    pub value: f64,
}

/// A counter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counter {
    /// The total.
    pub value: f64,
    /// One measurement behind it.
    pub exemplar: Option<Exemplar>,
    /// Since when it counts.
    pub created: Option<Timestamp>,
}

/// A summary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Measurements.
    pub sample_count: u64,
    /// Their sum.
    pub sample_sum: f64,
    /// Quantiles.
    pub quantiles: Vec<Quantile>,
    /// Since when it counts.
    pub created: Option<Timestamp>,
}

/// The value that a share of all measurements does not exceed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quantile {
    /// The share.
    pub quantile: f64,
    /// The value.
    pub value: f64,
}

/// A histogram: with buckets that have bounds, with native ones, or with both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Measurements.
    pub sample_count: u64,
    /// Their sum.
    pub sample_sum: f64,
    /// Buckets with bounds, each counting those below as well.
    pub buckets: Vec<Bucket>,
    /// The resolution of native buckets: each bound is 2^(2^-schema) times the one below.
    pub schema: i32,
    /// The zero bucket's width, either way.
    pub zero_threshold: f64,
    /// What the zero bucket holds.
    pub zero_count: u64,
    /// Which native buckets of negative measurements there are.
    pub negative_spans: Vec<BucketSpan>,
    /// Their counts, each as the difference from the one before.
    pub negative_deltas: Vec<i64>,
    /// Which native buckets of positive measurements there are. A native histogram without any bucket has an empty span, to be known
    /// as one.
    pub positive_spans: Vec<BucketSpan>,
    /// Their counts, each as the difference from the one before.
    pub positive_deltas: Vec<i64>,
    /// Since when it counts.
    pub created: Option<Timestamp>,
    /// Measurements behind native buckets; each must have a time.
    pub exemplars: Vec<Exemplar>,
}

/// A bucket with a bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bucket {
    /// Measurements up to the bound.
    pub cumulative_count: u64,
    /// The bound, which belongs to the bucket.
    pub upper_bound: f64,
    /// One measurement in it.
    pub exemplar: Option<Exemplar>,
}

/// One measurement and where it was taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar {
    /// Usually `trace_id` and `span_id`.
    pub labels: Vec<LabelPair>,
    /// The measurement.
    pub value: f64,
    /// When.
    pub timestamp: Option<Timestamp>,
}

/// A time (`google.protobuf.Timestamp`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds in the second.
    pub nanos: i32,
}

impl Timestamp {
    /// A time given in nanoseconds since the Unix epoch.
    pub fn from_unix_nanos(nanos: u64) -> Self {
        Self { seconds: (nanos / 1_000_000_000) as i64, nanos: (nanos % 1_000_000_000) as i32 }
    }
}

/// Appends the bytes of a family with their length before them, as they stand in a page.
pub fn put_delimited(out: &mut Vec<u8>, family: &[u8]) {
    out.reserve(varint_len(family.len() as u64) + family.len());
    put_varint(out, family.len() as u64);
    out.extend_from_slice(family);
}

/// Takes the next family off a page; `None` at its end.
///
/// # Errors
/// When what is there is none.
pub fn take_delimited(page: &mut &[u8]) -> Result<Option<MetricFamily>, WireError> {
    if page.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::new(page, MetricFamily::NAME);
    let family = reader.bytes(WireType::Len)?;
    let family = MetricFamily::decode(family)?;
    *page = &page[reader.offset()..];
    Ok(Some(family))
}

/// An enumeration that is written whatever it is: readers of proto2 tell its default from its absence.
struct Stated<E>(std::marker::PhantomData<E>);

impl<E: OpenEnum> Kind for Stated<E> {
    type Field = E;

    fn merge(field: &mut E, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        Enum::<E>::merge(field, wire_type, reader)
    }

    fn put(field: &E, number: u32, out: &mut Vec<u8>) {
        put_scalar::<Int32>(field.number(), number, out);
    }
}

/// Numbers in a row as proto2 has them: one by one.
struct OneByOne<S>(std::marker::PhantomData<S>);

impl<S: Scalar> Kind for OneByOne<S> {
    type Field = Vec<S::Value>;

    fn merge(field: &mut Self::Field, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        Packed::<S>::merge(field, wire_type, reader)
    }

    fn put(field: &Self::Field, number: u32, out: &mut Vec<u8>) {
        field.iter().for_each(|value| put_scalar::<S>(*value, number, out));
    }
}

protobuf_message!(MetricFamily {
    1 name: Text,
    2 help: Text,
    3 kind: Stated<MetricType>,
    4 metrics: Many<Metric>,
    5 unit: Text,
});

protobuf_message!(Metric {
    1 labels: Many<LabelPair>,
    2 gauge: OptionalOne<Number>,
    3 counter: OptionalOne<Counter>,
    4 summary: OptionalOne<Summary>,
    5 untyped: OptionalOne<Number>,
    6 timestamp_ms: Int64,
    7 histogram: OptionalOne<Histogram>,
});

protobuf_message!(LabelPair {
    1 name: Text,
    2 value: Text,
});

protobuf_message!(Number {
    1 value: Double,
});

protobuf_message!(Counter {
    1 value: Double,
    2 exemplar: OptionalOne<Exemplar>,
    3 created: OptionalOne<Timestamp>,
});

protobuf_message!(Summary {
    1 sample_count: Uint64,
    2 sample_sum: Double,
    3 quantiles: Many<Quantile>,
    4 created: OptionalOne<Timestamp>,
});

protobuf_message!(Quantile {
    1 quantile: Double,
    2 value: Double,
});

protobuf_message!(Histogram {
    1 sample_count: Uint64,
    2 sample_sum: Double,
    3 buckets: Many<Bucket>,
    5 schema: Sint32,
    6 zero_threshold: Double,
    7 zero_count: Uint64,
    9 negative_spans: Many<BucketSpan>,
    10 negative_deltas: OneByOne<Sint64>,
    12 positive_spans: Many<BucketSpan>,
    13 positive_deltas: OneByOne<Sint64>,
    15 created: OptionalOne<Timestamp>,
    16 exemplars: Many<Exemplar>,
});

protobuf_message!(Bucket {
    1 cumulative_count: Uint64,
    2 upper_bound: Double,
    3 exemplar: OptionalOne<Exemplar>,
});

protobuf_message!(Exemplar {
    1 labels: Many<LabelPair>,
    2 value: Double,
    3 timestamp: OptionalOne<Timestamp>,
});

protobuf_message!(Timestamp {
    1 seconds: Int64,
    2 nanos: Int32,
});
