//! Measures the embedded store: `cargo run --release -p tripod-store --example ingest [spans] [dir]`.
//!
//! Batches of 512 spans, ten a trace, eight attributes each; then as many log records, and samples of a thousand series. Every batch is on disk when
//! it counts.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tripod_store::{
    AttributeMatch, Embedded, Labels, LogQuery, LogStore, Matcher, Options, Samples, SeriesStore, SeriesWrite,
    SpanStore, Store, TraceQuery, Window,
};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::otlp::{
    InstrumentationScope, KeyValue, LogRecord, LogsData, Resource, ResourceLogs, ResourceSpans, ScopeLogs, ScopeSpans,
    Span, TracesData,
};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

const BATCH: u64 = 512;
const SPANS_A_TRACE: u64 = 10;
/// Nanoseconds between the starts of two spans.
const STEP: u64 = 10_000;
const EPOCH: u64 = 1_795_238_947_000_000_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let spans: u64 = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let dir = arguments.next().map_or_else(|| std::env::temp_dir().join("tripod-store-ingest"), Into::into);
    for threads in [1, 4] {
        // What an earlier run left, if any.
        let _ = std::fs::remove_dir_all(&dir);
        println!("{threads} thread(s), {spans} spans");
        ingest(&dir, spans, threads)?;
        reopen(&dir, spans)?;
    }
    std::fs::remove_dir_all(&dir)?;
    logs(&dir, spans)?;
    std::fs::remove_dir_all(&dir)?;
    samples(&dir)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn ingest(dir: &Path, spans: u64, threads: u64) -> Outcome<()> {
    let (store, _) = Embedded::open(Options { memory_limit: 4 << 30, ..Options::new(dir) })?;
    let requests: Vec<Vec<u8>> = (0..spans.div_ceil(BATCH)).map(request).collect();
    let bytes: usize = requests.iter().map(Vec::len).sum();
    let (next, start, resident) = (AtomicU64::new(0), Instant::now(), resident_bytes());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    store.append_spans(request).expect("the disk takes it");
                }
            });
        }
    });
    let (took, status) = (start.elapsed(), store.status());
    let per_span = |bytes: u64| bytes as f64 / status.spans as f64;
    println!("  ingest    {:>9.0} spans/s durable, {:.2?}", status.spans as f64 / took.as_secs_f64(), took);
    println!("  disk      {:>9.1} B/span ({:.1} in the request)", per_span(status.disk_bytes), per_span(bytes as u64));
    println!(
        "  memory    {:>9.1} B/span accounted, {:.1} resident",
        per_span(status.memory_bytes),
        per_span(resident_bytes().saturating_sub(resident))
    );
    Ok(())
}

fn reopen(dir: &Path, spans: u64) -> Outcome<()> {
    let start = Instant::now();
    let (store, recovery) = Embedded::open(Options { memory_limit: 4 << 30, ..Options::new(dir) })?;
    println!("  reopen    {:.2?}, {} records", start.elapsed(), recovery.records);

    let traces = spans / SPANS_A_TRACE;
    let mut number = 1;
    measure("trace by id", 1000, || {
        number = (number * 48_271) % 2_147_483_647;
        assert!(store.trace(trace_id(number % traces))?.is_some());
        Ok(())
    })?;
    // A twentieth of all time, somewhere in the middle.
    let window = Window { start: EPOCH + spans * STEP / 2, end: EPOCH + spans * STEP * 11 / 20 };
    let service = TraceQuery {
        service: Some("service-3".into()),
        operation: Some("GET /items/3".into()),
        attributes: Vec::new(),
        min_duration: None,
        max_duration: None,
        window,
        limit: 20,
    };
    measure("service, name, 5% of time, 20", 200, || check(store.find_traces(&service)?.len() == 20))?;
    let slow = TraceQuery {
        service: None,
        operation: None,
        min_duration: Some(Duration::from_millis(99)),
        window: Window::ALL,
        ..service.clone()
    };
    measure("slowest 1%, all time, 20", 200, || check(store.find_traces(&slow)?.len() == 20))?;
    let attribute = |key: &str, value: String| TraceQuery {
        attributes: vec![AttributeMatch { key: key.into(), value }],
        window: Window::ALL,
        service: None,
        operation: None,
        ..service.clone()
    };
    let common = attribute("http.response.status_code", "500".into());
    measure("attribute, 1 in 100, 20", 50, || check(store.find_traces(&common)?.len() == 20))?;
    let unique = attribute("request.id", format!("{:016x}", 777u64.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    measure("unique attribute, all spans read", 3, || check(store.find_traces(&unique)?.len() == 1))?;
    measure("stats of 5% of time", 50, || check(store.service_stats(window, 30)?.len() == 10))?;
    measure("stats of all time", 3, || check(store.service_stats(Window::ALL, 30)?.len() == 10))?;
    let all = TraceQuery { service: None, operation: None, window: Window::ALL, limit: 1000, ..service };
    measure("1,000 summaries", 50, || check(store.summarize_traces(&all)?.summaries.len() == 1000))?;
    measure("services", 1000, || check(store.services()?.len() == 10))?;
    Ok(())
}

/// Records a microsecond apart, in batches as those of spans are.
fn logs(dir: &Path, records: u64) -> Outcome<()> {
    let (store, _) = Embedded::open(Options { memory_limit: 4 << 30, ..Options::new(dir) })?;
    let start = Instant::now();
    for batch in 0..records.div_ceil(BATCH) {
        store.append_logs(&log_request(batch))?;
    }
    println!("1 thread, {records} log records");
    println!("  ingest    {:>9.0} records/s durable", store.status().logs as f64 / start.elapsed().as_secs_f64());
    let all = LogQuery {
        text: Vec::new(),
        regex: None,
        service: None,
        trace_id: None,
        span_id: None,
        severity: None,
        attributes: Vec::new(),
        window: Window::ALL,
        limit: 0,
    };
    let counted =
        |query: &LogQuery| -> Outcome<u64> { Ok(store.log_volume(query, 60)?.levels.values().flatten().sum()) };
    measure("volume of all", 20, || check(counted(&all)? == store.status().logs))?;
    let word = LogQuery { text: vec!["item 77 ".into()], ..all.clone() };
    measure("volume of a word, all records read", 3, || check(counted(&word)? > 0))
}

fn log_request(batch: u64) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![KeyValue::new("service.name", format!("service-{}", batch % 10))],
        ..Resource::default()
    };
    let record = |number: u64| LogRecord {
        time_unix_nano: EPOCH + number * 1000,
        severity_number: SeverityNumber([5, 9, 13, 17][number as usize % 4]),
        body: format!("item {} was ordered", number % 1000).as_str().into(),
        attributes: vec![KeyValue::new("table", "orders"), KeyValue::new("rows", number as i64)],
        ..LogRecord::default()
    };
    let log_records = (batch * BATCH..(batch + 1) * BATCH).map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    LogsData { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }.encode_to_vec()
}

/// A thousand series, a sample each a scrape.
fn samples(dir: &Path) -> Outcome<()> {
    const SERIES: u64 = 1000;
    const SCRAPES: i64 = 1000;
    let labels: Vec<Labels> = (0..SERIES).map(series_labels).collect();
    let (store, _) = Embedded::open(Options { memory_limit: 4 << 30, ..Options::new(dir) })?;
    let start = Instant::now();
    for scrape in 0..SCRAPES {
        let write = |labels: &Labels| SeriesWrite {
            labels: labels.clone(),
            samples: Samples { floats: vec![(scrape * 15_000, scrape as f64)], ..Samples::default() },
            exemplars: Vec::new(),
            metadata: None,
        };
        store.append_series(&labels.iter().map(write).collect::<Vec<_>>())?;
    }
    let (took, status) = (start.elapsed(), store.status());
    println!("1 thread, {SERIES} series, {SCRAPES} scrapes");
    println!("  ingest    {:>9.0} samples/s durable", status.samples as f64 / took.as_secs_f64());
    println!("  disk      {:>9.1} B/sample", status.disk_bytes as f64 / status.samples as f64);
    println!("  memory    {:>9.1} B/sample accounted", status.memory_bytes as f64 / status.samples as f64);
    drop(store);
    let start = Instant::now();
    let (store, _) = Embedded::open(Options { memory_limit: 4 << 30, ..Options::new(dir) })?;
    println!("  reopen    {:.2?}", start.elapsed());
    let one = [Matcher::equal("__name__", "http_requests_total"), Matcher::equal("instance", "machine-7")];
    measure("select 10 series, all time", 200, || check(store.select(&one, 0, i64::MAX)?.len() == 10))?;
    let all = [Matcher::equal("__name__", "http_requests_total")];
    measure("select 1,000 series, all time", 10, || check(store.select(&all, 0, i64::MAX)?.len() == 1000))
}

fn series_labels(number: u64) -> Labels {
    Labels::new([
        ("__name__", "http_requests_total".to_owned()),
        ("job", "shop".to_owned()),
        ("instance", format!("machine-{}", number % 100)),
        ("route", format!("/items/{}", number / 100)),
        ("method", "GET".to_owned()),
    ])
}

fn check(expected: bool) -> Outcome<()> {
    if expected { Ok(()) } else { Err("the store gave another answer than it should".into()) }
}

fn measure(what: &str, times: usize, mut run: impl FnMut() -> Outcome<()>) -> Outcome<()> {
    let mut took = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        run()?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    println!("  {what:<34} p50 {:>10.1?}  max {:>10.1?}", took[times / 2], took[times - 1]);
    Ok(())
}

fn trace_id(number: u64) -> TraceId {
    let spread = |number: u64| (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    TraceId(((u128::from(spread(number)) << 64) | u128::from(spread(number + 7))).to_be_bytes())
}

/// The batch of this number: spans of one service, as an exporter sends them.
fn request(batch: u64) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            KeyValue::new("service.name", format!("service-{}", batch % 10)),
            KeyValue::new("service.version", "1.2.3"),
            KeyValue::new("host.name", "machine-1"),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope { name: "http".into(), version: "1.0".into(), ..InstrumentationScope::default() };
    let spans = (batch * BATCH..(batch + 1) * BATCH).map(span).collect();
    let scope_spans = vec![ScopeSpans { scope, spans, ..ScopeSpans::default() }];
    TracesData { resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

fn span(number: u64) -> Span {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let start = EPOCH + number * STEP;
    let root = number - number % SPANS_A_TRACE;
    Span {
        trace_id: trace_id(number / SPANS_A_TRACE),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_span_id: if number == root { SpanId::NONE } else { SpanId((root + 1).to_be_bytes()) },
        name: format!("GET /items/{}", mixed >> 32 & 7),
        kind: if number == root { SpanKind::SERVER } else { SpanKind::INTERNAL },
        start_time_unix_nano: start,
        end_time_unix_nano: start + (mixed >> 20) % 100_000_000,
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", "/items/{id}"),
            KeyValue::new("http.response.status_code", if (mixed >> 40).is_multiple_of(100) { 500 } else { 200 }),
            KeyValue::new("server.address", "shop.example.com"),
            KeyValue::new("server.port", 443),
            KeyValue::new("user.id", format!("user-{}", (mixed >> 24) % 100_000)),
            KeyValue::new("request.id", format!("{mixed:016x}")),
            KeyValue::new("cache.hit", mixed.is_multiple_of(4)),
        ],
        ..Span::default()
    }
}

/// Memory of this process, by the kernel's count.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
