//! What the console shows, as it shows it.

use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use tripod_wire::SpanId;
use tripod_wire::otlp::logs::{ResourceLogs, ScopeLogs, SeverityNumber};
use tripod_wire::otlp::metrics::{NumberDataPoint, NumberValue, ResourceMetrics, ScopeMetrics};
use tripod_wire::otlp::trace::{Event, ResourceSpans, ScopeSpans, Status, StatusCode};
use tripod_wire::otlp::{InstrumentationScope, KeyValue, LogRecord, Metric};

use super::*;
use tripod_wire::proto::Message;

/// 2026-11-21T07:34:00.123Z.
const TIME: u64 = 1_795_246_440_123_000_000;
const TRACE: TraceId = TraceId([0x5f; 16]);
const MILLI: u64 = 1_000_000;

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

fn console(format: Console, color: bool) -> (ConsoleExporter, Shown) {
    let shown = Shown::default();
    let console = ConsoleExporter::new(format, Signals::only(|_| true), Paint { on: color }, Box::new(shown.clone()));
    (console, shown)
}

fn send(console: &mut ConsoleExporter, signal: Signal, message: &impl Message) {
    let batch = Batch { signal, records: 1, body: message.encode_to_vec() };
    console.export(&batch).unwrap();
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "orders".to_owned(), ..Default::default() }
}

fn id(n: u8) -> SpanId {
    SpanId([if n == 0 { 0 } else { 0xa0 + n }; 8])
}

fn span(n: u8, parent: u8, name: &str, from: u64, to: u64) -> Span {
    Span {
        trace_id: TRACE,
        span_id: id(n),
        parent_span_id: id(parent),
        name: name.to_owned(),
        start_time_unix_nano: TIME + from * MILLI,
        end_time_unix_nano: TIME + to * MILLI,
        ..Default::default()
    }
}

fn failure() -> Vec<KeyValue> {
    vec![
        KeyValue::new("exception.type", "OrderFailed"),
        KeyValue::new("exception.message", "order 17 failed"),
        KeyValue::new("exception.stacktrace", "caused by: card declined\ncaused by: no funds"),
    ]
}

fn traces(spans: Vec<Span>) -> TracesData {
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, schema_url: String::new() }];
    TracesData { resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }] }
}

fn a_trace() -> Vec<Span> {
    let mut charge = span(3, 1, "charge", 2, 7);
    charge.status = Status { code: StatusCode::ERROR, message: "order 17 failed".to_owned() };
    charge.attributes = vec![KeyValue::new("amount", 42.5), KeyValue::new("note", "two words")];
    charge.events =
        vec![Event { time_unix_nano: TIME, name: "exception".to_owned(), attributes: failure(), ..Default::default() }];
    let far = span(5, 9, "settle", 9, 10);
    vec![span(4, 3, "ask the bank", 3, 6), span(2, 1, "look up", 0, 1), charge, far, span(1, 0, "place order", 0, 12)]
}

fn logs() -> LogsData {
    let record = |level, text: &str, message: &str, attributes| LogRecord {
        time_unix_nano: TIME,
        severity_number: level,
        severity_text: text.to_owned(),
        body: message.into(),
        attributes,
        trace_id: TRACE,
        span_id: id(1),
        ..Default::default()
    };
    let mut failed = vec![KeyValue::new("order", 17_i64)];
    failed.extend(failure());
    let plain = LogRecord {
        trace_id: TraceId::NONE,
        span_id: SpanId::NONE,
        ..record(SeverityNumber::INFO, "INFO", "up\x1b[2J", Vec::new())
    };
    let log_records = vec![
        record(SeverityNumber::WARN, "WARN", "slow query", vec![KeyValue::new("duration_ms", 5000_i64)]),
        record(SeverityNumber::ERROR, "ERROR", "cannot \"place\"\nthe order", failed),
        plain,
    ];
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, schema_url: String::new() }];
    LogsData { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] }
}

fn metrics() -> MetricsData {
    let point = NumberDataPoint {
        attributes: vec![KeyValue::new("method", "GET")],
        time_unix_nano: TIME,
        value: NumberValue::Int(3),
        ..Default::default()
    };
    let data = tripod_wire::otlp::metrics::MetricData::Gauge { data_points: vec![point] };
    let metrics =
        vec![Metric { name: "requests".to_owned(), unit: "{request}".to_owned(), data, ..Default::default() }];
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, schema_url: String::new() }];
    MetricsData { resource_metrics: vec![ResourceMetrics { scope_metrics, ..Default::default() }] }
}

#[test]
fn a_log_record_is_a_line_with_its_error_and_further_lines_below() {
    let (mut console, shown) = console(Console::Text, false);
    send(&mut console, Signal::Logs, &logs());
    assert_snapshot!(shown.take(), @r#"
    2026-11-21T07:34:00.123Z WARN  orders: slow query  duration_ms=5000 [trace:5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f span:a1a1a1a1a1a1a1a1]
    2026-11-21T07:34:00.123Z ERROR orders: cannot "place"  order=17 [trace:5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f span:a1a1a1a1a1a1a1a1]
        the order
        OrderFailed: order 17 failed
          caused by: card declined
          caused by: no funds
    2026-11-21T07:34:00.123Z INFO  orders: up\u{1b}[2J
    "#);
}

#[test]
fn a_log_record_as_json_is_one_line_under_stable_names() {
    let (mut console, shown) = console(Console::Json, false);
    send(&mut console, Signal::Logs, &logs());
    assert_snapshot!(shown.take(), @r#"
    {"type":"log","timestamp":"2026-11-21T07:34:00.123Z","scope":"orders","level":"WARN","message":"slow query","trace_id":"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f","span_id":"a1a1a1a1a1a1a1a1","attributes":{"duration_ms":5000}}
    {"type":"log","timestamp":"2026-11-21T07:34:00.123Z","scope":"orders","level":"ERROR","message":"cannot \"place\"\nthe order","trace_id":"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f","span_id":"a1a1a1a1a1a1a1a1","attributes":{"order":17,"exception.type":"OrderFailed","exception.message":"order 17 failed","exception.stacktrace":"caused by: card declined\ncaused by: no funds"}}
    {"type":"log","timestamp":"2026-11-21T07:34:00.123Z","scope":"orders","level":"INFO","message":"up\u001b[2J"}
    "#);
}

#[test]
fn a_finished_trace_is_a_tree_with_durations_errors_and_missing_parents() {
    let (mut console, shown) = console(Console::Text, false);
    send(&mut console, Signal::Traces, &traces(a_trace()));
    assert_snapshot!(shown.take(), @r#"
    trace 5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f  5 spans  12.0 ms  1 error
    place order  12.0 ms
    ├─ look up  1.00 ms
    └─ charge  5.00 ms  ✗ order 17 failed  amount=42.5  note="two words"
       │  OrderFailed: order 17 failed
       │  caused by: card declined
       │  caused by: no funds
       └─ ask the bank  3.00 ms
    (parent missing: a9a9a9a9a9a9a9a9)
    └─ settle  1.00 ms
    "#);
}

#[test]
fn a_span_as_json_is_one_line_at_once() {
    let (mut console, shown) = console(Console::Json, false);
    send(&mut console, Signal::Traces, &traces(a_trace().split_off(2)));
    assert_snapshot!(shown.take(), @r#"
    {"type":"span","timestamp":"2026-11-21T07:34:00.125Z","scope":"orders","name":"charge","trace_id":"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f","span_id":"a3a3a3a3a3a3a3a3","parent_span_id":"a1a1a1a1a1a1a1a1","duration_ns":5000000,"status":"error","status_message":"order 17 failed","attributes":{"amount":42.5,"note":"two words"},"events":[{"timestamp":"2026-11-21T07:34:00.123Z","name":"exception","attributes":{"exception.type":"OrderFailed","exception.message":"order 17 failed","exception.stacktrace":"caused by: card declined\ncaused by: no funds"}}]}
    {"type":"span","timestamp":"2026-11-21T07:34:00.132Z","scope":"orders","name":"settle","trace_id":"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f","span_id":"a5a5a5a5a5a5a5a5","parent_span_id":"a9a9a9a9a9a9a9a9","duration_ns":1000000,"status":"unset"}
    {"type":"span","timestamp":"2026-11-21T07:34:00.123Z","scope":"orders","name":"place order","trace_id":"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f","span_id":"a1a1a1a1a1a1a1a1","duration_ns":12000000,"status":"unset"}
    "#);
}

#[test]
fn a_metrics_point_is_a_line() {
    let (mut console, shown) = console(Console::Text, false);
    send(&mut console, Signal::Metrics, &metrics());
    assert_snapshot!(shown.take(), @"2026-11-21T07:34:00.123Z METRIC orders: requests  method=GET  value=3 {request}");
    let (mut console, shown) = self::console(Console::Json, false);
    send(&mut console, Signal::Metrics, &metrics());
    assert_snapshot!(shown.take(), @r#"{"type":"metric","timestamp":"2026-11-21T07:34:00.123Z","scope":"orders","name":"requests","unit":"{request}","attributes":{"method":"GET"},"value":3}"#);
}

#[test]
fn a_trace_is_held_until_its_first_span_ends_and_shown_as_it_is_at_the_end() {
    let (mut console, shown) = console(Console::Text, false);
    let mut spans = a_trace();
    let last = spans.pop().unwrap();
    send(&mut console, Signal::Traces, &traces(spans));
    assert_eq!(shown.take(), "");
    send(&mut console, Signal::Traces, &traces(vec![last]));
    assert!(shown.take().contains("5 spans"));
    send(&mut console, Signal::Traces, &traces(vec![span(6, 1, "late", 13, 14)]));
    assert_eq!(shown.take(), "");
    drop(console);
    assert!(shown.take().contains("parent missing"));
}

#[test]
fn spans_of_unfinished_traces_are_held_up_to_a_limit() {
    let (mut console, shown) = console(Console::Text, false);
    let many = (0..=MAX_HELD_SPANS as u64).map(|n| {
        let trace_id = TraceId(u128::from(n / 2 + 1).to_be_bytes());
        Span { trace_id, ..span(2, 1, "unfinished", n, n + 1) }
    });
    send(&mut console, Signal::Traces, &traces(many.collect()));
    assert_eq!(shown.take().matches("unfinished").count(), 2);
    assert!(console.held.spans <= MAX_HELD_SPANS);
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let (mut console, shown) = console(Console::Text, true);
    send(&mut console, Signal::Logs, &logs());
    assert!(shown.take().contains("\x1b[33mWARN \x1b[0m"));
}
