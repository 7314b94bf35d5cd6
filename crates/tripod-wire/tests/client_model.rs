//! Prometheus' exposition in protobuf against an independent codec: prost, with the messages declared from the published schema, which
//! is proto2.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message as _;
use tripod_wire::prometheus::client_model::{
    Bucket, Counter, Exemplar, Histogram, LabelPair, Metric, MetricFamily, MetricType, Number, Quantile, Summary,
    Timestamp, put_delimited, take_delimited,
};
use tripod_wire::prometheus::remote_write::BucketSpan;
use tripod_wire::proto::Message;

/// The schema as prost has it.
#[allow(missing_docs, unreachable_pub)]
mod theirs {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MetricFamily {
        #[prost(string, optional, tag = "1")]
        pub name: Option<String>,
        #[prost(string, optional, tag = "2")]
        pub help: Option<String>,
        #[prost(int32, optional, tag = "3")]
        pub kind: Option<i32>,
        #[prost(message, repeated, tag = "4")]
        pub metric: Vec<Metric>,
        #[prost(string, optional, tag = "5")]
        pub unit: Option<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metric {
        #[prost(message, repeated, tag = "1")]
        pub label: Vec<LabelPair>,
        #[prost(message, optional, tag = "2")]
        pub gauge: Option<Value>,
        #[prost(message, optional, tag = "3")]
        pub counter: Option<Counter>,
        #[prost(message, optional, tag = "4")]
        pub summary: Option<Summary>,
        #[prost(message, optional, tag = "5")]
        pub untyped: Option<Value>,
        #[prost(int64, optional, tag = "6")]
        pub timestamp_ms: Option<i64>,
        #[prost(message, optional, tag = "7")]
        pub histogram: Option<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct LabelPair {
        #[prost(string, optional, tag = "1")]
        pub name: Option<String>,
        #[prost(string, optional, tag = "2")]
        pub value: Option<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Value {
        #[prost(double, optional, tag = "1")]
        pub value: Option<f64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Counter {
        #[prost(double, optional, tag = "1")]
        pub value: Option<f64>,
        #[prost(message, optional, tag = "2")]
        pub exemplar: Option<Exemplar>,
        #[prost(message, optional, tag = "3")]
        pub created_timestamp: Option<Timestamp>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Summary {
        #[prost(uint64, optional, tag = "1")]
        pub sample_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        pub sample_sum: Option<f64>,
        #[prost(message, repeated, tag = "3")]
        pub quantile: Vec<Quantile>,
        #[prost(message, optional, tag = "4")]
        pub created_timestamp: Option<Timestamp>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Quantile {
        #[prost(double, optional, tag = "1")]
        pub quantile: Option<f64>,
        #[prost(double, optional, tag = "2")]
        pub value: Option<f64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Histogram {
        #[prost(uint64, optional, tag = "1")]
        pub sample_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        pub sample_sum: Option<f64>,
        #[prost(message, repeated, tag = "3")]
        pub bucket: Vec<Bucket>,
        #[prost(double, optional, tag = "4")]
        pub sample_count_float: Option<f64>,
        #[prost(sint32, optional, tag = "5")]
        pub schema: Option<i32>,
        #[prost(double, optional, tag = "6")]
        pub zero_threshold: Option<f64>,
        #[prost(uint64, optional, tag = "7")]
        pub zero_count: Option<u64>,
        #[prost(double, optional, tag = "8")]
        pub zero_count_float: Option<f64>,
        #[prost(message, repeated, tag = "9")]
        pub negative_span: Vec<BucketSpan>,
        #[prost(sint64, repeated, packed = "false", tag = "10")]
        pub negative_delta: Vec<i64>,
        #[prost(double, repeated, packed = "false", tag = "11")]
        pub negative_count: Vec<f64>,
        #[prost(message, repeated, tag = "12")]
        pub positive_span: Vec<BucketSpan>,
        #[prost(sint64, repeated, packed = "false", tag = "13")]
        pub positive_delta: Vec<i64>,
        #[prost(double, repeated, packed = "false", tag = "14")]
        pub positive_count: Vec<f64>,
        #[prost(message, optional, tag = "15")]
        pub created_timestamp: Option<Timestamp>,
        #[prost(message, repeated, tag = "16")]
        pub exemplars: Vec<Exemplar>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Bucket {
        #[prost(uint64, optional, tag = "1")]
        pub cumulative_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        pub upper_bound: Option<f64>,
        #[prost(message, optional, tag = "3")]
        pub exemplar: Option<Exemplar>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct BucketSpan {
        #[prost(sint32, optional, tag = "1")]
        pub offset: Option<i32>,
        #[prost(uint32, optional, tag = "2")]
        pub length: Option<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub label: Vec<LabelPair>,
        #[prost(double, optional, tag = "2")]
        pub value: Option<f64>,
        #[prost(message, optional, tag = "3")]
        pub timestamp: Option<Timestamp>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Timestamp {
        #[prost(int64, tag = "1")]
        pub seconds: i64,
        #[prost(int32, tag = "2")]
        pub nanos: i32,
    }
}

fn labels() -> impl Strategy<Value = Vec<LabelPair>> {
    vec(("[a-z_]{1,8}", ".{0,8}").prop_map(|(name, value)| LabelPair { name, value }), 0..3)
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    option::of(any::<u64>().prop_map(Timestamp::from_unix_nanos))
}

prop_compose! {
    fn exemplar()(labels in labels(), value in -1e9..1e9, timestamp in time()) -> Exemplar {
        Exemplar { labels, value, timestamp }
    }
}

prop_compose! {
    fn counter()(value in 0.0..1e9, exemplar in option::of(exemplar()), created in time()) -> Counter {
        Counter { value, exemplar, created }
    }
}

prop_compose! {
    fn summary()(
        sample_count in any::<u64>(), sample_sum in -1e9..1e9, quantiles in vec((0.0..1.0, -1e9..1e9), 0..3), created in time(),
    ) -> Summary {
        let quantiles = quantiles.into_iter().map(|(quantile, value)| Quantile { quantile, value }).collect();
        Summary { sample_count, sample_sum, quantiles, created }
    }
}

fn spans() -> impl Strategy<Value = Vec<BucketSpan>> {
    vec((any::<i32>(), any::<u32>()).prop_map(|(offset, length)| BucketSpan { offset, length }), 0..4)
}

prop_compose! {
    fn histogram()(
        counts in (any::<u64>(), -1e9..1e9, any::<u64>(), 0.0..1.0, -4..9_i32),
        buckets in vec((any::<u64>(), -1e9..1e9, option::of(exemplar())), 0..4),
        spans in (spans(), spans()),
        deltas in (vec(any::<i64>(), 0..4), vec(any::<i64>(), 0..4)),
        exemplars in vec(exemplar(), 0..2),
        created in time(),
    ) -> Histogram {
        let (sample_count, sample_sum, zero_count, zero_threshold, schema) = counts;
        let bucket = |(cumulative_count, upper_bound, exemplar)| Bucket { cumulative_count, upper_bound, exemplar };
        Histogram {
            sample_count, sample_sum, zero_count, zero_threshold, schema, exemplars, created,
            buckets: buckets.into_iter().map(bucket).collect(),
            negative_spans: spans.0, positive_spans: spans.1, negative_deltas: deltas.0, positive_deltas: deltas.1,
        }
    }
}

prop_compose! {
    fn metric()(
        labels in labels(),
        gauge in option::of(-1e9..1e9),
        counter in option::of(counter()),
        summary in option::of(summary()),
        untyped in option::of(-1e9..1e9),
        histogram in option::of(histogram()),
        timestamp_ms in any::<i64>(),
    ) -> Metric {
        let number = |value| Number { value };
        Metric { labels, gauge: gauge.map(number), counter, summary, untyped: untyped.map(number), timestamp_ms, histogram }
    }
}

prop_compose! {
    fn family()(texts in (".{0,8}", ".{0,8}", ".{0,8}"), kind in 0..6_i32, metrics in vec(metric(), 0..3)) -> MetricFamily {
        MetricFamily { name: texts.0, help: texts.1, unit: texts.2, kind: MetricType(kind), metrics }
    }
}

proptest! {
    #[test]
    fn a_family_is_read_by_another_codec_and_read_back(ours in family()) {
        let theirs = theirs::MetricFamily::decode(ours.encode_to_vec().as_slice()).unwrap();
        prop_assert_eq!(&MetricFamily::decode(&theirs.encode_to_vec()).unwrap(), &ours);
        prop_assert_eq!(theirs.kind, Some(ours.kind.0), "a family's type is always said");
        prop_assert_eq!(theirs.metric.len(), ours.metrics.len());
        for (ours, theirs) in ours.metrics.iter().zip(&theirs.metric) {
            prop_assert_eq!(ours.gauge.map(|gauge| gauge.value), theirs.gauge.as_ref().map(|gauge| gauge.value.unwrap_or(0.0)));
            let values: Vec<&str> = theirs.label.iter().map(|label| label.value.as_deref().unwrap_or("")).collect();
            prop_assert_eq!(ours.labels.iter().map(|label| label.value.as_str()).collect::<Vec<_>>(), values);
            if let (Some(ours), Some(theirs)) = (&ours.histogram, &theirs.histogram) {
                prop_assert_eq!(&ours.positive_deltas, &theirs.positive_delta);
                prop_assert_eq!(&ours.negative_deltas, &theirs.negative_delta);
                prop_assert_eq!(ours.schema, theirs.schema.unwrap_or(0));
                prop_assert_eq!(ours.buckets.len(), theirs.bucket.len());
            }
        }
    }

    #[test]
    fn a_page_is_taken_apart_into_its_families(families in vec(family(), 0..4)) {
        let mut page = Vec::new();
        families.iter().for_each(|family| put_delimited(&mut page, &family.encode_to_vec()));
        let (mut ours, mut theirs) = (&page[..], &page[..]);
        for family in &families {
            let taken = take_delimited(&mut ours).unwrap();
            prop_assert_eq!(taken.as_ref(), Some(family));
            let other = theirs::MetricFamily::decode_length_delimited(&mut theirs).unwrap();
            prop_assert_eq!(other.name.unwrap_or_default(), family.name.clone());
        }
        prop_assert_eq!(take_delimited(&mut ours).unwrap(), None);
    }

    #[test]
    fn any_bytes_are_families_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let mut page = &bytes[..];
        while let Ok(Some(_)) = take_delimited(&mut page) {}
    }
}
