//! Retention: limits hold, the oldest goes first, and what stays is what a restart finds.

mod common;

use common::{any_log, any_trace, log, logs, span, spans, trace_id};
use tripod_store::{
    Embedded, Labels, LogStore, Metadata, Options, Samples, SeriesStore, SeriesWrite, SpanStore, Store, TraceQuery,
};

fn sample(series: u64, time: i64) -> SeriesWrite {
    SeriesWrite {
        labels: Labels::new([("series", series.to_string())]),
        samples: Samples { floats: vec![(time, 1.0)], ..Samples::default() },
        exemplars: Vec::new(),
        metadata: Some((format!("family_{series}").into(), Metadata::default().into())),
    }
}

/// Appends 20 spans, 20 log records and 20 samples under this number.
fn append(store: &Embedded, number: u64) {
    store.append_spans(&spans("a", (0..20).map(|at| span(number, at, &format!("op{number}"), number)))).unwrap();
    store.append_logs(&logs("a", (0..20).map(|_| log(number, "said")))).unwrap();
    store.append_series(&(0..20).map(|time| sample(number, time)).collect::<Vec<_>>()).unwrap();
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

fn disk_used(store: &Options) -> u64 {
    std::fs::read_dir(store.dir.join("wal")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn the_oldest_goes_first(options: &Options, check: impl Fn(&Embedded)) {
    let (store, _) = Embedded::open(options.clone()).unwrap();
    for number in 0..300 {
        append(&store, number);
        check(&store);
    }
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
    assert!(
        operations.iter().any(|operation| operation.name == "op299")
            && operations.iter().all(|operation| operation.name != "op0")
    );

    let before = counts(&store);
    drop(store);
    let (store, recovery) = Embedded::open(options.clone()).unwrap();
    assert_eq!(recovery.damaged, []);
    let again = store.status();
    assert_eq!(
        (counts(&store), again.spans, again.logs, again.samples),
        (before, status.spans, status.logs, status.samples)
    );
    append(&store, 300);
    check(&store);
}

#[test]
fn within_the_limit_on_disk_the_oldest_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { disk_limit: Some(200_000), ..Options::new(dir.path()) };
    the_oldest_goes_first(&options, |store| {
        assert!(store.status().disk_bytes <= 200_000);
        assert_eq!(store.status().disk_bytes, disk_used(&options));
    });
}

#[test]
fn within_the_limit_of_memory_the_oldest_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { memory_limit: 800_000, ..Options::new(dir.path()) };
    the_oldest_goes_first(&options, |store| assert!(store.status().memory_bytes <= 800_000));
}

#[test]
fn a_lower_limit_at_the_next_start_drops_what_is_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 10_000, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    (0..50).for_each(|number| append(&store, number));
    drop(store);
    let options = Options { disk_limit: Some(50_000), ..options };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    assert!(store.status().disk_bytes <= 50_000 && disk_used(&options) <= 50_000);
    assert!(store.trace(trace_id(49)).unwrap().is_some() && store.trace(trace_id(0)).unwrap().is_none());
}
