//! Remote write against an independent codec: prost, with the messages declared from Prometheus' published schema.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use tripod_wire::prometheus::remote_write::translate::to_version_1;
use tripod_wire::prometheus::remote_write::v2::{self, Symbols};
use tripod_wire::prometheus::remote_write::{
    BucketSpan, Exemplar, Histogram, Label, MetricMetadata, MetricType, ResetHint, Sample, TimeSeries, WriteRequest,
};
use tripod_wire::proto::Message;

/// The schema as prost has it.
#[allow(missing_docs, unreachable_pub)]
mod theirs {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<MetricMetadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct MetricMetadata {
        #[prost(int32, tag = "1")]
        pub kind: i32,
        #[prost(string, tag = "2")]
        pub metric_family_name: String,
        #[prost(string, tag = "4")]
        pub help: String,
        #[prost(string, tag = "5")]
        pub unit: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub histograms: Vec<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Label {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub value: f64,
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Histogram {
        #[prost(oneof = "Count", tags = "1, 2")]
        pub count: Option<Count>,
        #[prost(double, tag = "3")]
        pub sum: f64,
        #[prost(sint32, tag = "4")]
        pub schema: i32,
        #[prost(double, tag = "5")]
        pub zero_threshold: f64,
        #[prost(oneof = "ZeroCount", tags = "6, 7")]
        pub zero_count: Option<ZeroCount>,
        #[prost(message, repeated, tag = "8")]
        pub negative_spans: Vec<BucketSpan>,
        #[prost(sint64, repeated, tag = "9")]
        pub negative_deltas: Vec<i64>,
        #[prost(double, repeated, tag = "10")]
        pub negative_counts: Vec<f64>,
        #[prost(message, repeated, tag = "11")]
        pub positive_spans: Vec<BucketSpan>,
        #[prost(sint64, repeated, tag = "12")]
        pub positive_deltas: Vec<i64>,
        #[prost(double, repeated, tag = "13")]
        pub positive_counts: Vec<f64>,
        #[prost(int32, tag = "14")]
        pub reset_hint: i32,
        #[prost(int64, tag = "15")]
        pub timestamp: i64,
        #[prost(double, repeated, tag = "16")]
        pub custom_values: Vec<f64>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Count {
        #[prost(uint64, tag = "1")]
        Int(u64),
        #[prost(double, tag = "2")]
        Float(f64),
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum ZeroCount {
        #[prost(uint64, tag = "6")]
        Int(u64),
        #[prost(double, tag = "7")]
        Float(f64),
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct BucketSpan {
        #[prost(sint32, tag = "1")]
        pub offset: i32,
        #[prost(uint32, tag = "2")]
        pub length: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Request {
        #[prost(string, repeated, tag = "4")]
        pub symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub timeseries: Vec<TimeSeries2>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct TimeSeries2 {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub histograms: Vec<Histogram>,
        #[prost(message, repeated, tag = "4")]
        pub exemplars: Vec<Exemplar2>,
        #[prost(message, optional, tag = "5")]
        pub metadata: Option<Metadata>,
        #[prost(int64, tag = "6")]
        pub created_timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar2 {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(double, tag = "2")]
        pub value: f64,
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metadata {
        #[prost(int32, tag = "1")]
        pub kind: i32,
        #[prost(uint32, tag = "3")]
        pub help_ref: u32,
        #[prost(uint32, tag = "4")]
        pub unit_ref: u32,
    }
}

fn label() -> impl Strategy<Value = Label> {
    ("[a-z_]{1,8}", ".{0,8}").prop_map(|(name, value)| Label { name, value })
}

fn sample() -> impl Strategy<Value = Sample> {
    (-1e9..1e9, any::<i64>()).prop_map(|(value, timestamp)| Sample { value, timestamp })
}

fn spans() -> impl Strategy<Value = Vec<BucketSpan>> {
    vec((any::<i32>(), any::<u32>()).prop_map(|(offset, length)| BucketSpan { offset, length }), 0..4)
}

prop_compose! {
    fn histogram()(
        counts in prop_oneof![
            (any::<u64>(), any::<u64>()).prop_map(|(count, zero)| (Some(count), None, Some(zero), None)),
            (-1e9..1e9, -1e9..1e9).prop_map(|(count, zero)| (None, Some(count), None, Some(zero))),
        ],
        numbers in (-1e9..1e9, -53..9_i32, 0.0..1.0, any::<i64>(), 0..4_i32),
        spans in (spans(), spans()),
        deltas in (vec(any::<i64>(), 0..4), vec(any::<i64>(), 0..4)),
        floats in (vec(-1e9..1e9, 0..4), vec(-1e9..1e9, 0..4), vec(-1e9..1e9, 0..4)),
    ) -> Histogram {
        let (count_int, count_float, zero_count_int, zero_count_float) = counts;
        let (sum, schema, zero_threshold, timestamp, hint) = numbers;
        let (negative_spans, positive_spans) = spans;
        let (negative_deltas, positive_deltas) = deltas;
        let (negative_counts, positive_counts, custom_values) = floats;
        Histogram {
            count_int, count_float, sum, schema, zero_threshold, zero_count_int, zero_count_float, negative_spans,
            negative_deltas, negative_counts, positive_spans, positive_deltas, positive_counts,
            reset_hint: ResetHint(hint), timestamp, custom_values,
        }
    }
}

prop_compose! {
    fn series()(
        labels in vec(label(), 0..4),
        samples in vec(sample(), 0..3),
        exemplars in vec((vec(label(), 0..3), sample()), 0..2),
        histograms in vec(histogram(), 0..2),
    ) -> TimeSeries {
        let exemplar = |(labels, sample): (_, Sample)| Exemplar { labels, value: sample.value, timestamp: sample.timestamp };
        TimeSeries { labels, samples, exemplars: exemplars.into_iter().map(exemplar).collect(), histograms }
    }
}

prop_compose! {
    fn metadata()(kind in 0..9_i32, texts in (".{0,8}", ".{0,8}", ".{0,8}")) -> MetricMetadata {
        MetricMetadata { kind: MetricType(kind), metric_family_name: texts.0, help: texts.1, unit: texts.2 }
    }
}

/// The same series in version 2.0.
fn to_v2(series: &TimeSeries, symbols: &mut Symbols) -> v2::TimeSeries {
    let mut places = |labels: &[Label]| -> Vec<u32> {
        labels.iter().flat_map(|label| [symbols.place(&label.name), symbols.place(&label.value)]).collect()
    };
    let labels_refs = places(&series.labels);
    let exemplar =
        |one: &Exemplar| v2::Exemplar { labels_refs: places(&one.labels), value: one.value, timestamp: one.timestamp };
    let exemplars = series.exemplars.iter().map(exemplar).collect();
    let metadata = v2::Metadata { kind: MetricType::GAUGE, help_ref: 1, unit_ref: 0 };
    let (samples, histograms) = (series.samples.clone(), series.histograms.clone());
    v2::TimeSeries { labels_refs, samples, histograms, exemplars, metadata, created_timestamp: 7 }
}

proptest! {
    #[test]
    fn version_1_is_read_by_another_codec_and_read_back(
        timeseries in vec(series(), 0..4),
        metadata in vec(metadata(), 0..3),
    ) {
        let ours = WriteRequest { timeseries, metadata };
        let theirs = theirs::WriteRequest::decode(ours.encode_to_vec().as_slice()).unwrap();
        prop_assert_eq!(&WriteRequest::decode(&theirs.encode_to_vec()).unwrap(), &ours);
        prop_assert_eq!(theirs.timeseries.len(), ours.timeseries.len());
        for (ours, theirs) in ours.timeseries.iter().zip(&theirs.timeseries) {
            let values = |labels: &[theirs::Label]| labels.iter().map(|l| l.value.clone()).collect::<Vec<_>>();
            prop_assert_eq!(ours.labels.iter().map(|l| l.value.clone()).collect::<Vec<_>>(), values(&theirs.labels));
            for (ours, theirs) in ours.histograms.iter().zip(&theirs.histograms) {
                prop_assert_eq!(&ours.positive_deltas, &theirs.positive_deltas);
                prop_assert_eq!(ours.count_int.is_some(), matches!(theirs.count, Some(theirs::Count::Int(_))));
                prop_assert_eq!(ours.schema, theirs.schema);
            }
        }
    }

    #[test]
    fn version_2_is_read_by_another_codec_and_read_back(all in vec(series(), 0..4)) {
        let mut symbols = Symbols::default();
        let timeseries = all.iter().map(|series| to_v2(series, &mut symbols)).collect();
        let ours = v2::Request { symbols: symbols.into_table(), timeseries };
        let theirs = theirs::Request::decode(ours.encode_to_vec().as_slice()).unwrap();
        prop_assert_eq!(&v2::Request::decode(&theirs.encode_to_vec()).unwrap(), &ours);
        for (series, theirs) in all.iter().zip(&theirs.timeseries) {
            let texts: Vec<&str> = theirs.labels_refs.iter().map(|at| theirs_symbol(&ours, *at)).collect();
            let wanted: Vec<&str> = series.labels.iter().flat_map(|l| [l.name.as_str(), l.value.as_str()]).collect();
            prop_assert_eq!(texts, wanted);
        }
    }

    #[test]
    fn version_2_becomes_version_1_with_every_field(all in vec(series(), 0..4)) {
        let mut symbols = Symbols::default();
        symbols.place("what the metadata refers to");
        let timeseries = all.iter().map(|series| to_v2(series, &mut symbols)).collect();
        let bytes = v2::Request { symbols: symbols.into_table(), timeseries }.encode_to_vec();
        let translated = WriteRequest::decode(&to_version_1(&bytes, 1 << 20).unwrap()).unwrap();
        prop_assert_eq!(translated.timeseries, all);
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _ = WriteRequest::decode(&bytes);
        let _ = v2::Request::decode(&bytes);
        let _ = to_version_1(&bytes, 1 << 20);
    }
}

fn theirs_symbol(request: &v2::Request, at: u32) -> &str {
    &request.symbols[at as usize]
}
