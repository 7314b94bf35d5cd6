//! Decoding takes no more memory than a multiple of the input's length, and dense data is well within it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tripod_wire::WireError;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, Buckets, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData, NumberDataPoint,
    NumberValue,
};
use tripod_wire::otlp::{
    AnyValue, KeyValue, LogRecord, LogsData, Metric, MetricsData, ResourceLogs, ResourceMetrics, ScopeLogs,
    ScopeMetrics, Span, TracesData,
};
use tripod_wire::proto::{Message, put_len_delimited};

/// Counts what the current thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // No destructors run in these cells, so they are there as long as the thread is.
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: every call is handed to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was held while `work` ran, beyond what was held before, and what it returned.
fn peak<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.get();
    PEAK.set(before);
    let value = work();
    ((PEAK.get() - before) as usize, value)
}

/// What an input may take: 32 times its length and 64 KiB for lists, once more while one of them moves, and its text.
fn most(input: usize) -> usize {
    2 * (32 * input + (64 << 10)) + input
}

/// A field within a field: `path` from the outermost on, and `count` empty messages in the innermost.
fn empty_messages(path: &[u32], count: usize) -> Vec<u8> {
    fn put(out: &mut Vec<u8>, path: &[u32], count: usize) {
        match path {
            [] => {}
            [field] => (0..count).for_each(|_| put_len_delimited(out, *field, |_| {})),
            [field, inner @ ..] => put_len_delimited(out, *field, |out| put(out, inner, count)),
        }
    }
    let mut out = Vec::new();
    put(&mut out, path, count);
    out
}

fn assert_bounded<M>(what: &str, bytes: &[u8], decode: impl FnOnce(&[u8]) -> Result<M, WireError>) -> bool {
    let (peak, result) = peak(|| decode(bytes));
    assert!(peak <= most(bytes.len()), "{what}: {} bytes took {peak}", bytes.len());
    match result {
        Ok(_) => false,
        Err(WireError::TooLarge { .. }) => true,
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn empty_messages_cannot_take_a_hundred_times_their_bytes() {
    const COUNT: usize = 200_000;
    let refused = |what: &str, path: &[u32]| {
        let bytes = empty_messages(path, COUNT);
        match what {
            "traces" => assert_bounded(what, &bytes, TracesData::decode),
            "metrics" => assert_bounded(what, &bytes, MetricsData::decode),
            _ => assert_bounded(what, &bytes, LogsData::decode),
        }
    };
    for path in [&[1][..], &[1, 2], &[1, 2, 2], &[1, 2, 2, 13]] {
        assert!(refused("traces", path), "resources, scopes, spans, links: {path:?}");
        assert!(path.len() > 3 || refused("metrics", path) && refused("logs", path), "{path:?}");
    }
    for kind in [5, 7, 9, 10, 11] {
        assert!(refused("metrics", &[1, 2, 2, kind, 1]), "data points of kind {kind}");
    }
    assert!(refused("metrics", &[1, 2, 2, 5, 1, 5]), "exemplars");
    // Small enough as structs to stay within the bound.
    assert!(!refused("traces", &[1, 2, 2, 9]), "attributes");
    assert!(!refused("traces", &[1, 2, 2, 11]), "events");
    assert!(!refused("metrics", &[1, 2, 2, 11, 1, 6]), "quantiles");
    assert!(!refused("logs", &[1, 2, 2, 5, 5, 1]), "values of a list");
}

#[test]
fn the_budget_is_one_for_the_whole_input() {
    let span = empty_messages(&[13], 3);
    let scopes: Vec<u8> = (0..50_000)
        .flat_map(|_| {
            let mut out = Vec::new();
            put_len_delimited(&mut out, 2, |out| put_len_delimited(out, 2, |out| out.extend_from_slice(&span)));
            out
        })
        .collect();
    let mut request = Vec::new();
    put_len_delimited(&mut request, 1, |out| out.extend_from_slice(&scopes));
    assert!(assert_bounded("lists of few", &request, TracesData::decode), "many small lists are counted together");
}

#[test]
fn the_error_says_what_was_decoded_and_the_limit() {
    let error = Span::decode(&empty_messages(&[13], 10_000)).map(|span| span.links.len()).unwrap_err();
    assert!(matches!(error, WireError::TooLarge { limit: 705_536, .. }), "{error:?}");
    assert!(error.to_string().starts_with("Span: "), "{error}");
}

#[cfg(feature = "json")]
#[test]
fn empty_json_objects_cannot_take_a_hundred_times_their_bytes() {
    for element in ["{}", "null"] {
        let list = vec![element; 200_000].join(",");
        for (open, close) in [("", ""), (r#"{"scopeSpans":["#, "]}"), (r#"{"scopeSpans":[{"spans":["#, "]}]}")] {
            let json = format!(r#"{{"resourceSpans":[{open}{list}{close}]}}"#);
            let refused = assert_bounded(open, json.as_bytes(), TracesData::from_json);
            // An empty resource entry takes 80 bytes, a null is five: some lists pass.
            assert!(refused || open.len() < 20 && element == "null", "{element} in {open}");
        }
        for kind in ["gauge", "sum", "histogram", "exponentialHistogram"] {
            let points = format!(r#"{{"{kind}":{{"dataPoints":[{list}]}}}}"#);
            let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{points}]}}]}}]}}"#);
            let refused = assert_bounded(kind, json.as_bytes(), MetricsData::from_json);
            assert!(refused || element == "null" && kind != "exponentialHistogram", "{element} in {kind}");
        }
        let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{list}]}}]}}]}}"#);
        assert!(assert_bounded("logs", json.as_bytes(), LogsData::from_json), "{element}");
    }
    let ignored = format!(r#"{{"unknown":[{}]}}"#, vec!["{}"; 200_000].join(","));
    assert!(!assert_bounded("unknown names", ignored.as_bytes(), TracesData::from_json));
}

/// Reads both encodings; returns how many times its protobuf's length the request took.
macro_rules! assert_accepted {
    ($type:ty, $data:expr) => {{
        let data: $type = $data;
        let bytes = data.encode_to_vec();
        let (held, read) = peak(|| <$type>::decode(&bytes));
        assert_eq!(read.as_ref(), Ok(&data));
        #[cfg(feature = "json")]
        assert_eq!(<$type>::from_json(data.to_json().as_bytes()).as_ref(), Ok(&data));
        held / bytes.len()
    }};
}

fn metrics(metrics: Vec<Metric>) -> MetricsData {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    MetricsData { resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }] }
}

fn metric(data: MetricData) -> Metric {
    Metric { name: "m".to_owned(), data, ..Metric::default() }
}

#[test]
fn dense_data_is_accepted_with_room_to_spare() {
    let time = 1_795_238_947_123_456_789;
    let point = NumberDataPoint { time_unix_nano: time, value: NumberValue::Int(1), ..NumberDataPoint::default() };
    let gauge = |points| metric(MetricData::Gauge { data_points: vec![point.clone(); points] });
    assert!(assert_accepted!(MetricsData, metrics(vec![gauge(50_000)])) <= 8, "points of a time and a value");
    assert!(assert_accepted!(MetricsData, metrics(vec![gauge(1); 20_000])) <= 8, "a metric a point");
    let one = metrics(vec![gauge(1)]).resource_metrics.remove(0);
    let entries = MetricsData { resource_metrics: vec![one; 10_000] };
    assert!(assert_accepted!(MetricsData, entries) <= 16, "a resource a point");

    let buckets = Buckets { offset: 3, bucket_counts: vec![0; 160] };
    let exponential =
        ExponentialHistogramDataPoint { positive: buckets.clone(), negative: buckets, ..Default::default() };
    let data = MetricData::ExponentialHistogram {
        data_points: vec![exponential; 1_000],
        aggregation_temporality: AggregationTemporality::CUMULATIVE,
    };
    assert!(assert_accepted!(MetricsData, metrics(vec![metric(data)])) <= 16, "empty buckets");
    let explicit = HistogramDataPoint {
        bucket_counts: vec![0; 16],
        explicit_bounds: (0..15).map(f64::from).collect(),
        ..HistogramDataPoint::default()
    };
    let data = MetricData::Histogram {
        data_points: vec![explicit; 5_000],
        aggregation_temporality: AggregationTemporality::CUMULATIVE,
    };
    assert!(assert_accepted!(MetricsData, metrics(vec![metric(data)])) <= 4, "explicit buckets");

    let record = LogRecord { time_unix_nano: time, ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record; 50_000], ..ScopeLogs::default() }];
    let data = LogsData { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
    assert!(assert_accepted!(LogsData, data) <= 24, "records of a time alone");

    let values = AnyValue::Array(vec![AnyValue::Bool(true); 50_000]);
    let record = LogRecord { body: values, attributes: vec![KeyValue::new("a", 1); 1_000], ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let data = LogsData { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
    assert!(assert_accepted!(LogsData, data) <= 12, "a list of truth values");
}
