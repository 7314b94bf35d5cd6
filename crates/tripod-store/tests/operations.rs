//! What an operator does with a store: bring it from the format before, copy it while it runs, check it.

mod common;

use std::path::Path;

use common::{any_log, any_trace, log, logs, open, span, spans, trace_id};
use tripod_store::{
    Embedded, Labels, LogStore, Matcher, Options, Samples, SeriesStore, SeriesWrite, SpanStore, Store, TraceQuery,
};

/// Copies a directory.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A directory that the first version of the store wrote: 20 traces of two spans, 20 log records, two series.
fn of_format_1() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1"), dir.path());
    dir
}

fn check_content(store: &Embedded) {
    assert_eq!(store.services().unwrap(), ["bank", "shop"]);
    let traces = store.find_traces(&TraceQuery { limit: 100, ..any_trace() }).unwrap();
    assert_eq!((traces.len(), traces.iter().all(|trace| trace.spans.len() == 2)), (20, true));
    let records = store.find_logs(&any_log()).unwrap();
    assert_eq!((records.len(), records[19].record.body.to_string()), (20, "order 0 was placed".to_owned()));
    let orders = store.select(&[Matcher::equal("__name__", "orders_total")], 0, 100_000).unwrap();
    assert_eq!(orders[0].labels, Labels::new([("__name__", "orders_total"), ("shop", "a")]));
    let floats = &orders[0].samples.floats;
    assert_eq!((floats.len(), floats[7].1.to_bits(), floats[19]), (20, 0x7ff0_0000_0000_0002, (19_000, 19.0)));
    let latency = store.select(&[Matcher::equal("__name__", "latency")], 0, 100_000).unwrap();
    let (time, histogram) = &latency[0].samples.histograms[19];
    assert_eq!((*time, histogram.schema, &histogram.positive), (19_000, 3, &(-2, vec![1.0, 3.0])));
    let exemplars = store.exemplars(&[], 0, 100_000).unwrap();
    assert_eq!((exemplars[0].exemplars.len(), exemplars[0].exemplars[0].trace_id), (1, trace_id(7)));
    assert_eq!(store.metadata().unwrap()["orders"].help, "Orders placed");
    let status = store.status();
    assert_eq!((status.spans, status.logs, status.exemplars), (40, 20, 1));
}

#[test]
fn a_directory_of_the_first_format_is_read_and_becomes_one_of_this() {
    for memory_limit in [512 << 20, 9 * 1000] {
        let dir = of_format_1();
        let options = Options { memory_limit, ..Options::new(dir.path()) };
        let (store, recovery) = Embedded::open(options.clone()).unwrap();
        assert_eq!((recovery.damaged, recovery.records, recovery.replayed), (Vec::new(), 60, 60));
        check_content(&store);
        drop(store);
        let format = std::fs::read_to_string(dir.path().join("FORMAT")).unwrap();
        assert_eq!(format, "tripod-store 2\n");
        let (store, _) = Embedded::open(options).unwrap();
        check_content(&store);
        store.settle().unwrap();
        check_content(&store);
    }
}

#[test]
fn a_snapshot_opens_as_a_store_of_its_own() {
    let dir = of_format_1();
    let (store, _) = open(dir.path());
    let dest = dir.path().join("snapshots/today");
    store.snapshot(&dest).unwrap();
    store.append_spans(&spans("later", [span(99, 1, "x", 99)])).unwrap();
    check_content(&open(&dest).0);
    assert!(store.snapshot(&dest).unwrap_err().to_string().contains("not empty"));
}

#[test]
fn a_check_finds_every_changed_byte_of_a_part() {
    let dir = of_format_1();
    let (store, _) = open(dir.path());
    store.settle().unwrap();
    store.append_spans(&spans("later", [span(99, 1, "x", 99)])).unwrap();
    drop(store);
    let whole = Embedded::check(dir.path()).unwrap();
    assert_eq!((whole.damaged.len(), whole.records), (0, 1));
    let signals: Vec<&str> = whole.parts.iter().map(|part| part.signal.as_str()).collect();
    assert!(["spans", "logs", "samples"].iter().all(|signal| signals.contains(signal)), "{signals:?}");

    for part in &whole.parts {
        assert!(part.bytes > 0);
        let bytes = std::fs::read(&part.path).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            std::fs::write(&part.path, &changed).unwrap();
            let found = Embedded::check(dir.path()).unwrap().damaged;
            assert_eq!(found.iter().map(|damage| &damage.path).collect::<Vec<_>>(), [&part.path], "byte {at}");
        }
        std::fs::write(&part.path, &bytes).unwrap();
    }
}

#[test]
fn a_damaged_part_is_set_aside_at_the_next_start_and_the_rest_serves() {
    let dir = of_format_1();
    let (store, _) = open(dir.path());
    store.settle().unwrap();
    drop(store);
    let parts = Embedded::check(dir.path()).unwrap().parts;
    let logs = parts.iter().find(|part| part.signal == "logs").unwrap();
    let bytes = std::fs::read(&logs.path).unwrap();
    std::fs::write(&logs.path, &bytes[..bytes.len() - 1]).unwrap();

    let (store, recovery) = open(dir.path());
    let aside = dir.path().join("damaged").join(logs.path.file_name().unwrap());
    assert_eq!(recovery.damaged.iter().map(|damage| &damage.path).collect::<Vec<_>>(), [&aside]);
    assert!(aside.exists() && !logs.path.exists());
    assert_eq!((store.find_logs(&any_log()).unwrap().len(), store.services().unwrap().len()), (0, 2));
    let damaged: Vec<_> = store.status().signals.into_iter().flat_map(|signal| signal.damaged).collect();
    assert_eq!(damaged, store.damaged());
    assert_eq!((&damaged[0].damage.path, damaged[0].signal, damaged[0].rows), (&aside, "logs", 20));
    drop(store);
    assert_eq!(Embedded::check(dir.path()).unwrap().set_aside, [aside]);
}

/// Rows of a signal: how 50 of them come in, and how many are found when all are asked for.
struct Rows {
    signal: &'static str,
    append: fn(&Embedded, u64),
    count: fn(&Embedded) -> usize,
}

const ROWS: [Rows; 3] = [
    Rows {
        signal: "spans",
        append: |store, number| {
            let of = |at| span(number * 100 + at, at, &format!("step {at}"), number * 100 + at);
            store.append_spans(&spans("shop", (0..50).map(of))).unwrap();
        },
        count: |store| store.find_traces(&any_trace()).unwrap().iter().map(|trace| trace.spans.len()).sum(),
    },
    Rows {
        signal: "logs",
        append: |store, number| {
            let of = |at| log(number * 100 + at, &format!("order {at} of {number} was placed"));
            store.append_logs(&logs("shop", (0..50).map(of))).unwrap();
        },
        count: |store| store.find_logs(&any_log()).unwrap().len(),
    },
    Rows {
        signal: "samples",
        append: |store, number| {
            let of = |series: i64| SeriesWrite {
                labels: Labels::new([("__name__", "orders".to_owned()), ("shop", series.to_string())]),
                samples: Samples {
                    floats: (0..10).map(|at| (number as i64 * 100 + at, (at * at * series) as f64 / 3.0)).collect(),
                    ..Samples::default()
                },
                exemplars: Vec::new(),
                metadata: None,
            };
            store.append_series(&(0..5).map(of).collect::<Vec<_>>()).unwrap();
        },
        count: |store| store.select(&[], 0, 1000).unwrap().iter().map(|series| series.samples.floats.len()).sum(),
    },
];

#[test]
fn a_part_that_is_damaged_under_a_running_store_is_set_aside_by_the_query_that_meets_it_and_the_rest_is_answered() {
    for Rows { signal, append, count } in ROWS {
        let mut met = 0;
        for share in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let (store, _) = open(dir.path());
            for number in 0..2 {
                append(&store, number);
                store.settle().unwrap();
            }
            assert_eq!(count(&store), 100);
            let part = first_part(dir.path());
            let mut bytes = std::fs::read(&part).unwrap();
            let at = bytes.len() * share / 20;
            bytes[at] ^= 0x10;
            std::fs::write(&part, bytes).unwrap();

            let (found, damaged) = (count(&store), store.damaged());
            if damaged.is_empty() {
                assert!(found == 100 && part.exists(), "byte {at} of {signal} was not asked for");
                continue;
            }
            met += 1;
            let aside = dir.path().join("damaged").join(part.file_name().unwrap());
            // What was read before is in the first answer.
            assert!((50..=100).contains(&found), "{found} for byte {at} of {signal}");
            assert_eq!((damaged.len(), count(&store)), (1, 50), "byte {at} of {signal}");
            let gone = &damaged[0];
            assert_eq!((gone.signal, gone.rows, &gone.damage.path), (signal, 50, &aside), "byte {at}");
            assert!(gone.damage.offset <= at as u64 && !gone.damage.reason.is_empty(), "{gone:?}");
            assert!(aside.exists() && !part.exists());
            append(&store, 2);
            store.settle().unwrap();
            drop(store);
            let (store, recovery) = open(dir.path());
            assert_eq!((count(&store), recovery.damaged), (100, Vec::new()));
        }
        assert!(met > 3, "{met} bytes of {signal} were asked for");
    }
}

/// The oldest part of a store.
fn first_part(dir: &Path) -> std::path::PathBuf {
    let days = std::fs::read_dir(dir.join("parts")).unwrap();
    let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).min_by_key(|path| path.file_name().unwrap().to_owned()).unwrap()
}
