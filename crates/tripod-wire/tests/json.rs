//! The JSON mapping of OTLP: the specification's examples, its leniencies, and what it must refuse.
#![cfg(feature = "json")]

use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, NumberValue};
use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::otlp::{
    AnyValue, ExportResponse, LogsData, MetricsData, PartialSuccess, RpcStatus, Signal, Span, TracesData,
};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, WireError};

const TRACE: &[u8] = include_bytes!("fixtures/trace.json");
const METRICS: &[u8] = include_bytes!("fixtures/metrics.json");
const LOGS: &[u8] = include_bytes!("fixtures/logs.json");

/// A request of one span with these entries.
fn request(entries: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{entries}}}]}}]}}]}}"#)
}

fn span(entries: &str) -> Span {
    let data = TracesData::from_json(request(entries).as_bytes()).unwrap();
    data.resource_spans[0].scope_spans[0].spans[0].clone()
}

fn refusal(entries: &str) -> String {
    TracesData::from_json(request(entries).as_bytes()).unwrap_err().to_string()
}

/// Reads, and reads again what was written as JSON and as protobuf.
macro_rules! round_trip {
    ($type:ty, $json:expr) => {{
        let data = <$type>::from_json($json).unwrap();
        assert_eq!(<$type>::from_json(data.to_json().as_bytes()).unwrap(), data);
        assert_eq!(<$type>::decode(&data.encode_to_vec()).unwrap(), data);
        data
    }};
}

#[test]
fn a_request_of_spans_is_read_field_by_field() {
    let data = round_trip!(TracesData, TRACE);
    let resource = &data.resource_spans[0];
    assert_eq!(resource.resource.service_name(), "checkout");
    assert_eq!(resource.scope_spans[0].scope.version, "2.1.0");
    let span = &resource.scope_spans[0].spans[0];
    assert_eq!(span.trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
    assert_eq!(span.parent_span_id.to_string(), "eee19b7ec3c1b173");
    assert_eq!(span.kind, SpanKind::SERVER);
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_000_000_000);
    assert_eq!(span.events[0].attributes[0].value, AnyValue::Int(3));
    assert_eq!(span.links[0].span_id.to_string(), "00f067aa0ba902b7");
}

#[test]
fn every_kind_of_metric_is_read() {
    let data = round_trip!(MetricsData, METRICS);
    let metrics = &data.resource_metrics[0].scope_metrics[0].metrics;
    let kinds: Vec<_> = metrics.iter().map(|metric| std::mem::discriminant(&metric.data)).collect();
    assert_eq!(kinds.iter().collect::<std::collections::HashSet<_>>().len(), 5, "{metrics:?}");
    let MetricData::Sum { data_points, is_monotonic: true, .. } = &metrics[0].data else { panic!("{metrics:?}") };
    assert_eq!(data_points[0].value, NumberValue::Double(5.0));
    assert_eq!(data_points[0].exemplars[0].value, NumberValue::Int(-2));
    let MetricData::Histogram { data_points, .. } = &metrics[2].data else { panic!("{metrics:?}") };
    assert_eq!((data_points[0].bucket_counts.as_slice(), data_points[0].min), ([1, 1].as_slice(), Some(0.0)));
}

#[test]
fn a_log_record_keeps_its_body_and_attributes_of_every_type() {
    let data = round_trip!(LogsData, LOGS);
    let records = &data.resource_logs[0].scope_logs[0].log_records;
    let shown: Vec<_> = records[0].attributes.iter().map(|attribute| attribute.value.to_string()).collect();
    assert_eq!(shown, ["some string", "true", "10", "637.704", r#"["many","values"]"#, r#"{"key":"value"}"#, "aGk="]);
    assert_eq!(records[1].body.to_string(), r#"{"type":0,"url":"https://example.org"}"#);
    assert_eq!(records[1].event_name, "browser.page_view");
}

#[test]
fn the_specifications_own_examples_are_read_and_round_trip() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/otlp-examples");
    let folder = std::env::var_os("OTLP_EXAMPLES_DIR").map_or(shared, PathBuf::from);
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no examples in {}; set OTLP_EXAMPLES_DIR", folder.display());
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        let json = std::fs::read(&path).unwrap();
        match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("trace") => assert!(!round_trip!(TracesData, &json).resource_spans.is_empty()),
            Some("metrics") => assert!(!round_trip!(MetricsData, &json).resource_metrics.is_empty()),
            Some("logs" | "events") => assert!(!round_trip!(LogsData, &json).resource_logs.is_empty()),
            _ => {}
        }
    }
}

#[test]
fn numbers_come_as_numbers_or_strings_and_enumerations_by_number_or_name() {
    assert_eq!(span(r#""startTimeUnixNano": 1544712660300000000"#).start_time_unix_nano, 1_544_712_660_300_000_000);
    assert_eq!(span(r#""startTimeUnixNano": "18446744073709551615""#).start_time_unix_nano, u64::MAX);
    assert_eq!(span(r#""droppedEventsCount": "7""#).dropped_events_count, 7);
    assert_eq!(span(r#""droppedEventsCount": 7.0"#).dropped_events_count, 7);
    assert_eq!(span(r#""kind": "SPAN_KIND_CLIENT""#).kind, SpanKind::CLIENT);
    assert_eq!(span(r#""kind": 99"#).kind, SpanKind(99));
}

#[test]
fn null_is_the_default_and_unknown_names_are_ignored() {
    let odd =
        r#""name": null, "attributes": null, "status": null, "traceId": null, "new": {"a": [1, null, "x", 1.5, true]}"#;
    assert_eq!(span(odd), Span::default());
    assert_eq!(
        span(r#""attributes": [{"key": "k", "value": {"stringValue": null}}]"#).attributes[0].value,
        AnyValue::Empty
    );
    let metric = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":null}]}]}]}"#;
    let data = MetricsData::from_json(metric.as_bytes()).unwrap();
    assert_eq!(data.resource_metrics[0].scope_metrics[0].metrics[0].data, MetricData::Empty);
}

#[test]
fn a_bad_id_becomes_none_and_does_not_cost_the_batch() {
    let read = span(r#""spanId": "abc", "parentSpanId": "zz00000000000000", "name": "kept""#);
    assert_eq!((read.span_id, read.parent_span_id, read.name.as_str()), (SpanId::NONE, SpanId::NONE, "kept"));
}

#[test]
fn special_numbers_are_strings() {
    for (text, check) in [
        ("NaN", f64::is_nan as fn(f64) -> bool),
        ("Infinity", |v| v == f64::INFINITY),
        ("-Infinity", |v| v == f64::NEG_INFINITY),
    ] {
        let entries = format!(r#""attributes":[{{"key":"k","value":{{"doubleValue":"{text}"}}}}]"#);
        let AnyValue::Double(value) = span(&entries).attributes[0].value else { panic!("{text} is read as no double") };
        assert!(check(value), "{text} is read as {value}");
        let written = TracesData::from_json(request(&entries).as_bytes()).unwrap().to_json();
        assert!(written.contains(&format!(r#"{{"doubleValue":"{text}"}}"#)), "{written}");
    }
}

#[test]
fn bytes_are_base64_in_both_alphabets_with_and_without_padding() {
    for text in ["+/8=", "-_8=", "+/8", "-_8"] {
        let entries = format!(r#""attributes":[{{"key":"k","value":{{"bytesValue":"{text}"}}}}]"#);
        assert_eq!(span(&entries).attributes[0].value, AnyValue::Bytes(vec![0xfb, 0xff]), "{text}");
    }
    assert!(refusal(r#""attributes":[{"key":"k","value":{"bytesValue":"*"}}]"#).contains("not base64"));
}

#[test]
fn what_is_not_the_message_is_refused_with_line_and_column() {
    assert!(refusal(r#""startTimeUnixNano": -1"#).contains("not an unsigned 64-bit integer"));
    assert!(refusal(r#""droppedEventsCount": 4294967296"#).contains("not an unsigned 32-bit integer"));
    assert!(refusal(r#""kind": "SPAN_KIND_ODD""#).contains("SPAN_KIND_ODD"));
    assert!(refusal(r#""name": 5"#).contains("invalid type"));
    let error = TracesData::from_json(b"{\n  \"resourceSpans\": 5\n}").unwrap_err();
    let WireError::Json { line: 2, column, reason } = &error else { panic!("{error:?}") };
    assert!(*column > 0 && reason.contains("an array") && !reason.contains("line"), "{error}");
    assert!(TracesData::from_json(b"{\"resourceSpans\": [").is_err());
    assert!(TracesData::from_json(b"{} {}").is_err());
    assert!(TracesData::from_json(b"{\"a\":\"\xff\"}").is_err());
}

#[test]
fn deep_nesting_is_an_error_even_where_it_would_be_ignored() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let value = deep(r#"{"arrayValue":{"values":["#, "]}}");
    assert!(refusal(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#)).contains("recursion limit"));
    assert!(refusal(&format!(r#""unknown":{}"#, deep("[", "]"))).contains("recursion limit"));
    assert!(refusal(&format!(r#""unknown":{}"#, deep("{\"a\":", "}"))).contains("recursion limit"));
}

#[test]
fn what_json_may_nest_protobuf_reads_too() {
    for (open, close) in [(r#"{"arrayValue":{"values":["#, "]}}"), (r#"{"kvlistValue":{"values":[{"value":"#, "}]}}")] {
        let accepted = (0..60)
            .map(|depth| format!("{}{{}}{}", open.repeat(depth), close.repeat(depth)))
            .map(|value| request(&format!(r#""events":[{{"attributes":[{{"value":{value}}}]}}]"#)))
            .map_while(|json| TracesData::from_json(json.as_bytes()).ok());
        let mut deepest = 0;
        for data in accepted {
            assert_eq!(TracesData::decode(&data.encode_to_vec()).unwrap(), data);
            deepest += 1;
        }
        assert!((20..60).contains(&deepest), "{deepest} levels were accepted");
    }
}

#[test]
fn answers_name_what_was_rejected_by_signal() {
    let response =
        ExportResponse { partial_success: Some(PartialSuccess { rejected: 2, error_message: "no id".to_owned() }) };
    assert_eq!(response.to_json(Signal::Traces), r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no id"}}"#);
    for (signal, name) in [(Signal::Metrics, "rejectedDataPoints"), (Signal::Logs, "rejectedLogRecords")] {
        let json = response.to_json(signal);
        assert!(json.contains(name), "{json}");
        assert_eq!(ExportResponse::from_json(json.as_bytes()).unwrap(), response);
    }
    assert_eq!(ExportResponse::default().to_json(Signal::Logs), "{}");
    assert_eq!(ExportResponse::decode(&response.encode_to_vec()).unwrap(), response);
    let status = RpcStatus { code: 3, message: "bad".to_owned() };
    assert_eq!(status.to_json(), r#"{"code":3,"message":"bad"}"#);
    assert_eq!(status.encode_to_vec(), b"\x08\x03\x12\x03bad");
}

#[test]
fn nan_and_minus_zero_survive_json() {
    use tripod_wire::otlp::metrics::HistogramDataPoint;
    let point = HistogramDataPoint {
        sum: Some(f64::NAN),
        min: Some(-0.0),
        explicit_bounds: vec![-0.0, f64::NAN, f64::NEG_INFINITY],
        ..HistogramDataPoint::default()
    };
    let mut data = MetricsData::from_json(METRICS).unwrap();
    let metric = &mut data.resource_metrics[0].scope_metrics[0].metrics[2];
    metric.data =
        MetricData::Histogram { data_points: vec![point], aggregation_temporality: AggregationTemporality::DELTA };
    let read = MetricsData::from_json(data.to_json().as_bytes()).unwrap();
    // Equality would be false for NaN and true for zeros of either sign; the debug form shows both.
    assert_eq!(format!("{read:?}"), format!("{data:?}"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_an_error_and_no_panic(bytes in vec(any::<u8>(), 0..100)) {
        let _ = TracesData::from_json(&bytes);
        let _ = ExportResponse::from_json(&bytes);
        let _ = RpcStatus::from_json(&bytes);
    }

    #[test]
    fn a_request_with_one_damaged_byte_is_read_or_refused(at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        for request in [TRACE, METRICS, LOGS] {
            let mut damaged = request.to_vec();
            *at.get_mut(&mut damaged) = byte;
            let traces = TracesData::from_json(&damaged).map(|data| data.to_json());
            let metrics = MetricsData::from_json(&damaged).map(|data| data.to_json());
            let logs = LogsData::from_json(&damaged).map(|data| data.to_json());
            for json in [traces, metrics, logs].into_iter().flatten() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "what is read is written as JSON: {}", json);
            }
        }
    }

    #[test]
    fn a_request_cut_anywhere_is_an_error(at in any::<proptest::sample::Index>()) {
        for request in [TRACE, METRICS, LOGS] {
            let whole = request.trim_ascii_end();
            let cut = &whole[..at.index(whole.len())];
            prop_assert!(TracesData::from_json(cut).is_err());
            prop_assert!(MetricsData::from_json(cut).is_err());
            prop_assert!(LogsData::from_json(cut).is_err());
        }
    }
}
