//! Seeds of the store's targets.

use std::io::{Error, Result};
use std::path::Path;

use tripod_store::{Embedded, LogStore, Options, SeriesStore, SpanStore};
use tripod_wire::otlp::{AnyValue, KeyValue, LogRecord, LogsData, ResourceLogs, ScopeLogs, ScopeSpans, Span};
use tripod_wire::otlp::{Resource, ResourceSpans, TracesData};
use tripod_wire::prometheus::remote_write as wire;
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::put;

/// The start of all data, in milliseconds since the Unix epoch.
const START: u64 = 1_795_238_947_000;

/// The log's numbers of its kinds of records.
const SPANS: u8 = 1;
const LOGS: u8 = 2;
const REMOTE_WRITE: u8 = 4;

/// Writes all of them; `trace` and `logs` are requests in JSON.
pub fn put_all(trace: &[u8], logs: &[u8]) -> Result<()> {
    for (number, (target, bytes)) in tripod_store::fuzzing::seeds().iter().enumerate() {
        put(target, &format!("encoded-{number}"), bytes)?;
    }
    let (trace, logs) = (TracesData::from_json(trace), LogsData::from_json(logs));
    request("trace", SPANS, &trace.map_err(Error::other)?.encode_to_vec())?;
    request("logs", LOGS, &logs.map_err(Error::other)?.encode_to_vec())?;
    for rows in [1, 40, 1500] {
        directory(rows)?;
    }
    Ok(())
}

fn request(name: &str, kind: u8, payload: &[u8]) -> Result<()> {
    put("store_request", name, &[&[kind], payload].concat())
}

/// A directory with the same number of rows of each signal: its requests, its log, its manifest and its parts.
fn directory(rows: u64) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (store, _) = Embedded::open(Options::new(dir.path())).map_err(Error::other)?;
    let (spans, logs, samples) = (spans(rows), logs(rows), remote_write(rows)?);
    for (kind, payload) in [(SPANS, &spans), (LOGS, &logs), (REMOTE_WRITE, &samples)] {
        request(&format!("{kind}-{rows}"), kind, payload)?;
    }
    store.append_spans(&spans).map_err(Error::other)?;
    store.append_logs(&logs).map_err(Error::other)?;
    store.append_remote_write(&samples).map_err(Error::other)?;
    for segment in files(&dir.path().join("wal"))? {
        put("store_wal", &format!("newest-{rows}"), &[&[1], segment.1.as_slice()].concat())?;
        put("store_wal", &format!("older-{rows}"), &[&[0], segment.1.as_slice()].concat())?;
    }
    store.settle().map_err(Error::other)?;
    put("store_manifest", &format!("rows-{rows}"), &std::fs::read(dir.path().join("MANIFEST"))?)?;
    for (name, bytes) in files(&dir.path().join("parts"))? {
        // What `tripod_store::fuzzing::part` takes the first byte for.
        let signals: &[u8] = match name.split('-').next() {
            Some("spans") => &[0],
            Some("logs") => &[1],
            // Of samples or of exemplars: either has to be refused or read.
            _ => &[2, 3],
        };
        for signal in signals {
            put("store_part", &format!("{signal}-{rows}-{name}"), &[&[*signal], bytes.as_slice()].concat())?;
        }
    }
    Ok(())
}

/// Names and bytes of all files below a directory.
fn files(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?));
        }
    }
    Ok(found)
}

fn resource(service: &str) -> Resource {
    let attributes = vec![KeyValue::new("service.name", service), KeyValue::new("host.name", "a")];
    Resource { attributes, ..Resource::default() }
}

fn attributes(at: u64) -> Vec<KeyValue> {
    vec![
        KeyValue::new("http.request.method", ["GET", "POST"][at as usize % 2]),
        KeyValue::new("user.id", format!("user-{}", at * 7919 % 1000)),
        KeyValue::new("http.response.status_code", AnyValue::Int([200, 404][at as usize % 2])),
    ]
}

fn spans(count: u64) -> Vec<u8> {
    let span = |at: u64| Span {
        trace_id: TraceId(u128::from(at / 5 + 1).to_be_bytes()),
        span_id: SpanId((at + 1).to_be_bytes()),
        parent_span_id: if at % 5 == 0 { SpanId::NONE } else { SpanId((at / 5 * 5 + 1).to_be_bytes()) },
        name: format!("step {}", at % 7),
        start_time_unix_nano: START * 1_000_000 + at * 1000,
        end_time_unix_nano: START * 1_000_000 + at * 1000 + 5_000_000,
        attributes: attributes(at),
        ..Span::default()
    };
    let group = |service: &str, of: u64| ResourceSpans {
        resource: resource(service),
        scope_spans: vec![ScopeSpans { spans: (of..count).step_by(2).map(span).collect(), ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    TracesData { resource_spans: vec![group("checkout", 0), group("payment", 1)] }.encode_to_vec()
}

fn logs(count: u64) -> Vec<u8> {
    let record = |at: u64| LogRecord {
        time_unix_nano: START * 1_000_000 + at * 1000,
        severity_number: tripod_wire::otlp::logs::SeverityNumber([9, 17][at as usize % 2]),
        body: format!("user {} paid {}.{:02} EUR after 0x{:x}", at % 90, at, at % 100, at * 77).into(),
        trace_id: TraceId(u128::from(at / 5 + 1).to_be_bytes()),
        attributes: attributes(at),
        ..LogRecord::default()
    };
    let log_records = (0..count).map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    LogsData { resource_logs: vec![ResourceLogs { resource: resource("checkout"), scope_logs, ..Default::default() }] }
        .encode_to_vec()
}

/// Some series of floats, one of histograms of each kind, exemplars and metadata.
fn remote_write(count: u64) -> Result<Vec<u8>> {
    let label = |name: &str, value: &str| wire::Label { name: name.to_owned(), value: value.to_owned() };
    let time = |at: u64| (START + at * 15_000) as i64;
    let mut timeseries: Vec<wire::TimeSeries> = (0..8)
        .map(|series: u64| wire::TimeSeries {
            labels: vec![label("__name__", "requests_total"), label("path", &format!("/{series}"))],
            samples: (0..count.div_ceil(8))
                .map(|at| wire::Sample { value: (at * series) as f64 / 4.0, timestamp: time(at) })
                .collect(),
            exemplars: vec![wire::Exemplar {
                labels: vec![label("trace_id", "0af7651916cd43dd8448eb211c80319c")],
                value: 0.5,
                timestamp: time(series),
            }],
            ..wire::TimeSeries::default()
        })
        .collect();
    let span = |offset, length| wire::BucketSpan { offset, length };
    let whole = |at: u64| wire::Histogram {
        count_int: Some(at * 6),
        sum: at as f64,
        schema: 3,
        zero_threshold: 1e-128,
        zero_count_int: Some(at),
        positive_spans: vec![span(-2, 2), span(1, 1)],
        positive_deltas: vec![at as i64, 0, 1],
        negative_spans: vec![span(0, 1)],
        negative_deltas: vec![2],
        timestamp: time(at),
        ..wire::Histogram::default()
    };
    let custom = |at: u64| wire::Histogram {
        count_float: Some(at as f64 + 1.5),
        sum: 3.0,
        schema: -53,
        positive_spans: vec![span(0, 3)],
        positive_counts: vec![1.0, at as f64, 0.5],
        custom_values: vec![0.1, 1.0],
        timestamp: time(at),
        ..wire::Histogram::default()
    };
    for (name, histograms) in
        [("latency", (1..=count.min(60)).map(whole).collect()), ("custom", (1..=count.min(60)).map(custom).collect())]
    {
        let labels = vec![label("__name__", name)];
        timeseries.push(wire::TimeSeries { labels, histograms, ..wire::TimeSeries::default() });
    }
    let metadata = vec![wire::MetricMetadata {
        kind: wire::MetricType::COUNTER,
        metric_family_name: "requests".to_owned(),
        help: "What was asked.".to_owned(),
        unit: String::new(),
    }];
    let request = wire::WriteRequest { timeseries, metadata }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&request).map_err(Error::other)
}
