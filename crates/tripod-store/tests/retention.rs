//! Retention: limits hold, the oldest goes first, and what stays is what a restart finds.

mod common;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{any_log, any_trace, log, logs, span, spans, trace_id};
use tripod_store::{
    Embedded, Keep, Labels, LogStore, Metadata, Options, Retention, Samples, SeriesStore, SeriesWrite, SpanStore,
    Store, TraceQuery,
};

/// Bytes on disk.
const LIMIT: u64 = 100_000;

fn sample(series: u64, time: i64) -> SeriesWrite {
    SeriesWrite {
        labels: Labels::new([("series", series.to_string())]),
        samples: Samples { floats: vec![(time, 1.0)], ..Samples::default() },
        exemplars: Vec::new(),
        metadata: Some((format!("family_{series}").into(), Metadata::default().into())),
    }
}

/// Appends 20 spans, 20 log records and 20 samples under this number, a tenth of a day after those of the number before.
fn append(store: &Embedded, number: u64) {
    let micros = number * 24 * 60 * 60 * 100_000;
    store.append_spans(&spans("a", (0..20).map(|at| span(number, at, &format!("op{number}"), micros)))).unwrap();
    store.append_logs(&logs("a", (0..20).map(|_| log(micros * 1000, "said")))).unwrap();
    let time = (micros / 1000) as i64;
    store.append_series(&(0..20).map(|at| sample(number, time + at)).collect::<Vec<_>>()).unwrap();
}

/// What can be found: traces, log records, series, families.
fn counts(store: &Embedded) -> [usize; 4] {
    [
        store.find_traces(&TraceQuery { limit: usize::MAX, ..any_trace() }).unwrap().len(),
        store.find_logs(&tripod_store::LogQuery { limit: usize::MAX, ..any_log() }).unwrap().len(),
        store.series(&[], i64::MIN, i64::MAX).unwrap().len(),
        store.metadata().unwrap().len(),
    ]
}

/// Bytes of all files below a directory, but not of the manifest.
fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let bytes = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        metadata if metadata.is_dir() => bytes_in(&entry.path()),
        metadata => metadata.len(),
    };
    entries.map(bytes).sum()
}

fn disk_used(options: &Options) -> u64 {
    ["wal", "parts"].map(|name| bytes_in(&options.dir.join(name))).iter().sum()
}

fn found_and_counted(store: &Embedded) -> ([usize; 4], [u64; 3]) {
    let status = store.status();
    (counts(store), [status.spans, status.logs, status.samples])
}

#[test]
fn within_the_limit_on_disk_the_oldest_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { disk_limit: Some(LIMIT), ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    for number in 0..300 {
        append(&store, number);
        if number % 10 == 0 {
            store.settle().unwrap();
            assert!(store.status().disk_bytes <= LIMIT);
        }
    }
    store.settle().unwrap();
    let status = store.status();
    assert!(status.evicted > 0 && status.spans > 0);
    assert_eq!(
        status.evicted + status.spans + status.logs + status.samples,
        300 * 60,
        "every record is there or counted"
    );
    assert_eq!(store.trace(trace_id(0)).unwrap(), None);
    assert_eq!(store.trace(trace_id(299)).unwrap().unwrap().spans.len(), 20);
    assert_eq!(store.services().unwrap(), ["a"]);
    let operations = store.operations("a").unwrap();
    assert!(operations.iter().any(|operation| operation.name == "op299"));
    assert!(operations.iter().all(|operation| operation.name != "op0"));

    let before = found_and_counted(&store);
    drop(store);
    let (store, recovery) = Embedded::open(options).unwrap();
    assert_eq!(recovery.damaged, []);
    assert_eq!(found_and_counted(&store), before, "what stays is what a restart finds");
}

#[test]
fn what_is_past_its_age_goes_and_the_rest_of_other_signals_stays() {
    let dir = tempfile::tempdir().unwrap();
    let age = Some(Duration::from_secs(60 * 60));
    let retention = Retention { spans: Keep { age, bytes: None }, ..Retention::default() };
    let options = Options { retention, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options).unwrap();
    append(&store, 0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    store.append_spans(&spans("b", [span(1, 1, "new", now)])).unwrap();
    store.settle().unwrap();
    let status = store.status();
    assert_eq!((status.evicted, status.spans, status.logs, status.samples), (20, 1, 20, 20));
    assert_eq!(store.services().unwrap(), ["b"]);
}

#[test]
fn each_signal_keeps_as_many_bytes_as_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { logs: Keep { age: None, bytes: Some(2_000) }, ..Retention::default() };
    let (store, _) = Embedded::open(Options { retention, ..Options::new(dir.path()) }).unwrap();
    for number in 0..40 {
        append(&store, number);
        store.settle().unwrap();
        let status = store.status();
        assert!(status.signals.iter().find(|signal| signal.signal == "logs").unwrap().part_bytes <= 2_000);
        assert_eq!((status.spans, status.samples), ((number + 1) * 20, (number + 1) * 20));
        assert_eq!(status.logs + status.evicted, (number + 1) * 20);
    }
    assert!(store.status().evicted > 0);
}

#[test]
fn a_lower_limit_at_the_next_start_drops_what_is_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 10_000, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    for number in 0..50 {
        append(&store, number);
        store.settle().unwrap();
    }
    assert!(store.trace(trace_id(0)).unwrap().is_some());
    let lower = store.status().disk_bytes / 2;
    drop(store);
    let (store, _) = Embedded::open(Options { disk_limit: Some(lower), ..options.clone() }).unwrap();
    store.settle().unwrap();
    assert!(store.trace(trace_id(0)).unwrap().is_none());
    assert!(store.status().disk_bytes <= lower);
    // A merge may be under way until then.
    drop(store);
    assert!(disk_used(&options) <= lower);
}
