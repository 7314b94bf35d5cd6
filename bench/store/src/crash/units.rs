//! What is appended, by number: a request of each signal that can be made again and looked for.

use std::path::Path;

use tripod_store::{
    Appended, Embedded, Keep, Labels, LogStore, Options, Recovery, Retention, Samples, SeriesStore, SeriesWrite,
    SpanStore, StoreError,
};
use tripod_wire::otlp::{KeyValue, LogRecord, LogsData, Resource, ResourceLogs, ScopeLogs};
use tripod_wire::proto::Message;

use crate::data::Origin;
use crate::data::spans::Trace;

pub(super) const SIGNALS: [&str; 3] = ["spans", "log records", "samples"];
/// Traces a request.
pub(super) const TRACES: u64 = 12;
/// Records a request.
pub(super) const RECORDS: u64 = 60;
/// Series a request.
pub(super) const SERIES: u64 = 300;
/// Milliseconds between two requests.
pub(super) const STEP: u64 = 20;

/// Opens the store so that everything happens often.
pub(super) fn open(dir: &Path, limit: Option<u64>) -> (Embedded, Recovery) {
    let keep = Keep { age: None, bytes: limit };
    let options = Options {
        retention: Retention { spans: keep, logs: keep, samples: keep },
        memory_limit: 4 << 20,
        wal_bytes: 2 << 20,
        segment_bytes: 256 << 10,
        merge_share: 1.0,
        max_part_bytes: 1 << 20,
        ..Options::new(dir)
    };
    Embedded::open(options).unwrap_or_else(|error| panic!("the store does not open: {error}"))
}

/// The traces of a request.
pub(super) fn traces(origin: Origin, unit: u64) -> impl Iterator<Item = Trace> {
    (unit * TRACES..(unit + 1) * TRACES).map(move |number| Trace::new(origin, number))
}

/// Time of a request's logs and samples, milliseconds since the Unix epoch.
pub(super) fn time(origin: Origin, unit: u64) -> u64 {
    origin.start / 1_000_000 + unit * STEP
}

/// The body of a record.
pub(super) fn body(unit: u64, at: u64) -> String {
    format!("request {unit} record {at} of a program that is about to be killed")
}

/// Appends the request of a signal with this number.
pub(super) fn append(store: &Embedded, origin: Origin, signal: usize, unit: u64) -> Result<Appended, StoreError> {
    match signal {
        0 => store.append_spans(&Trace::request(traces(origin, unit))),
        1 => store.append_logs(&logs(origin, unit)),
        _ => store.append_series(&samples(origin, unit)),
    }
}

fn logs(origin: Origin, unit: u64) -> Vec<u8> {
    let record = |at| LogRecord {
        time_unix_nano: time(origin, unit) * 1_000_000 + at,
        body: body(unit, at).as_str().into(),
        attributes: vec![KeyValue::new("unit", unit as i64), KeyValue::new("at", at as i64)],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: (0..RECORDS).map(record).collect(), ..ScopeLogs::default() }];
    let resource = Resource { attributes: vec![KeyValue::new("service.name", "killed")], ..Resource::default() };
    LogsData { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }.encode_to_vec()
}

fn samples(origin: Origin, unit: u64) -> Vec<SeriesWrite> {
    let write = |at: u64| SeriesWrite {
        labels: Labels::new([("__name__", "killed".to_owned()), ("at", at.to_string())]),
        samples: Samples { floats: vec![(time(origin, unit) as i64, unit as f64)], ..Samples::default() },
        exemplars: Vec::new(),
        metadata: None,
    };
    (0..SERIES).map(write).collect()
}
