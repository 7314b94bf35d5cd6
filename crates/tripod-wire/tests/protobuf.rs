//! Protobuf's own rules: packed or not, merging, and what is cut off.

use proptest::collection::vec;
use proptest::prelude::*;
use tripod_wire::otlp::metrics::{Buckets, HistogramDataPoint, MetricData};
use tripod_wire::otlp::{
    self, AnyValue, ExportResponse, KeyValue, LogsData, Metric, MetricsData, Resource, ResourceSpans, RpcStatus, Span,
    TracesData,
};
use tripod_wire::proto::{Message, WireType, put_bytes, put_fixed64, put_len_delimited, put_tag, put_varint};

mod generators;
use generators::{logs, metrics_data, traces};

#[test]
fn repeated_numbers_are_read_packed_unpacked_and_mixed() {
    let mut bytes = Vec::new();
    put_fixed64(&mut bytes, 6, 1);
    put_bytes(&mut bytes, 6, &[2_u64.to_le_bytes(), 3_u64.to_le_bytes()].concat());
    put_fixed64(&mut bytes, 7, 0.5_f64.to_bits());
    put_fixed64(&mut bytes, 6, 4);
    let point = HistogramDataPoint::decode(&bytes).unwrap();
    assert_eq!((point.bucket_counts, point.explicit_bounds), (vec![1, 2, 3, 4], vec![0.5]));

    let mut bytes = Vec::new();
    put_tag(&mut bytes, 2, WireType::Varint);
    put_varint(&mut bytes, 300);
    put_bytes(&mut bytes, 2, b"\x01\xac\x02");
    assert_eq!(Buckets::decode(&bytes).unwrap().bucket_counts, [300, 1, 300]);
}

#[test]
fn packed_numbers_that_are_cut_off_are_an_error_that_names_the_field() {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, 6, &[0; 12]);
    let error = HistogramDataPoint::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "HistogramDataPoint.bucket_counts: the bytes end inside a value at offset 10");
}

#[test]
fn a_nested_message_sent_twice_is_merged() {
    let mut bytes = Vec::new();
    put_len_delimited(&mut bytes, 1, |out| {
        Resource { attributes: vec![KeyValue::new("a", 1)], dropped_attributes_count: 5 }.encode(out);
    });
    put_bytes(&mut bytes, 3, b"first");
    put_len_delimited(&mut bytes, 1, |out| {
        Resource { attributes: vec![KeyValue::new("b", 2)], ..Resource::default() }.encode(out);
    });
    put_bytes(&mut bytes, 3, b"last");
    let merged = ResourceSpans::decode(&bytes).unwrap();
    assert_eq!(merged.resource.attributes, [KeyValue::new("a", 1), KeyValue::new("b", 2)]);
    assert_eq!((merged.resource.dropped_attributes_count, merged.schema_url.as_str()), (5, "last"));
}

#[test]
fn of_a_oneof_the_last_counts_and_the_same_one_twice_is_merged() {
    let mut bytes = Vec::new();
    let gauge = |out: &mut Vec<u8>| put_len_delimited(out, 5, |out| put_len_delimited(out, 1, |_| {}));
    gauge(&mut bytes);
    gauge(&mut bytes);
    let MetricData::Gauge { data_points } = Metric::decode(&bytes).unwrap().data else { panic!("not a gauge") };
    assert_eq!(data_points.len(), 2);
    put_len_delimited(&mut bytes, 11, |_| {});
    assert_eq!(Metric::decode(&bytes).unwrap().data, MetricData::Summary { data_points: Vec::new() });

    let lists = [AnyValue::Array(vec![1.into()]), AnyValue::Array(vec![2.into()])];
    let bytes: Vec<_> = lists.iter().flat_map(Message::encode_to_vec).collect();
    assert_eq!(AnyValue::decode(&bytes).unwrap(), AnyValue::Array(vec![1.into(), 2.into()]));
}

#[test]
fn nan_keeps_its_bits_and_minus_zero_its_sign() {
    for bits in [f64::NAN.to_bits(), 0x7ff8_0000_dead_beef, (-0.0_f64).to_bits(), f64::NEG_INFINITY.to_bits()] {
        let point = HistogramDataPoint {
            explicit_bounds: vec![f64::from_bits(bits)],
            sum: Some(f64::from_bits(bits)),
            ..HistogramDataPoint::default()
        };
        let read = HistogramDataPoint::decode(&point.encode_to_vec()).unwrap();
        assert_eq!(read.explicit_bounds[0].to_bits(), bits);
        assert_eq!(read.sum.map(f64::to_bits), Some(bits));
    }
    let zero = otlp::metrics::SummaryDataPoint { sum: -0.0, ..Default::default() };
    let read = otlp::metrics::SummaryDataPoint::decode(&zero.encode_to_vec()).unwrap();
    assert!(read.sum.is_sign_negative(), "minus zero is no default");
}

/// Cut at any length, a message is an error or just the fields that are complete.
///
/// Our encoder writes fields in one order, so the bytes of the shorter message are just those that were left.
fn assert_cuts<M: Message>(message: &M) -> Result<(), TestCaseError> {
    let bytes = message.encode_to_vec();
    for len in 0..bytes.len() {
        if let Ok(shorter) = M::decode(&bytes[..len]) {
            prop_assert_eq!(shorter.encode_to_vec(), &bytes[..len], "cut after {} bytes", len);
        }
    }
    Ok(())
}

/// A request is a single field: cut, it is always an error.
fn assert_cut_requests_fail<M: Message>(request: &M) -> Result<(), TestCaseError> {
    let bytes = request.encode_to_vec();
    for len in 1..bytes.len() {
        prop_assert!(M::decode(&bytes[..len]).is_err(), "cut after {} bytes", len);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_span_cut_anywhere_is_an_error_or_its_first_fields(data in traces()) {
        assert_cut_requests_fail(&data)?;
        for span in &data.resource_spans[0].scope_spans[0].spans {
            assert_cuts(span)?;
        }
    }

    #[test]
    fn a_log_record_cut_anywhere_is_an_error_or_its_first_fields(data in logs()) {
        assert_cut_requests_fail(&data)?;
        for record in &data.resource_logs[0].scope_logs[0].log_records {
            assert_cuts(record)?;
        }
    }

    #[test]
    fn a_metric_cut_anywhere_is_an_error_or_its_first_fields(data in metrics_data()) {
        assert_cut_requests_fail(&data)?;
        for metric in &data.resource_metrics[0].scope_metrics[0].metrics {
            assert_cuts(metric)?;
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = TracesData::decode(&bytes);
        let _ = MetricsData::decode(&bytes);
        let _ = LogsData::decode(&bytes);
        let _ = Span::decode(&bytes);
        let _ = ExportResponse::decode(&bytes);
        let _ = RpcStatus::decode(&bytes);
        prop_assert!(otlp::records(&bytes).filter(Result::is_err).count() <= 1);
    }
}
