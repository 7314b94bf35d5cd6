//! What was acknowledged is there again: after `kill -9`, after damage, and while others append.

mod common;

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::{any_log, any_trace, log, logs, open, span, spans, trace_id};
use tripod_store::{
    Embedded, Labels, LogStore, Options, Samples, SeriesStore, SeriesWrite, SpanStore, Store, StoreError, TraceQuery,
    Window,
};

/// Where the killed program keeps its store, and the first number it may use.
const CHILD: &str = "TRIPOD_STORE_TEST_CHILD";

fn sample(number: u64) -> SeriesWrite {
    SeriesWrite {
        labels: Labels::new([("number", number.to_string())]),
        samples: Samples { floats: vec![(number as i64, 1.0)], ..Samples::default() },
        exemplars: Vec::new(),
        metadata: None,
    }
}

/// Not a test of its own: what `what_was_acknowledged_survives_kill_9` starts. Appends from four threads and says what was
/// acknowledged, until it is killed.
#[test]
fn the_program_that_is_killed() {
    let Ok(settings) = std::env::var(CHILD) else { return };
    let (first, dir) = settings.split_once(' ').unwrap();
    let (store, _) = Embedded::open(Options { segment_bytes: 20_000, ..Options::new(dir) }).unwrap();
    let next = AtomicU64::new(first.parse().unwrap());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    store
                        .append_spans(&spans("killed", [span(number, 1, "a", number), span(number, 2, "b", number)]))
                        .unwrap();
                    store.append_logs(&logs("killed", [log(number, &number.to_string())])).unwrap();
                    store.append_series(&[sample(number)]).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {number}").and_then(|()| out.flush()).unwrap();
                }
            });
        }
    });
}

/// Runs the program above until it is killed; the numbers that it acknowledged.
fn run_and_kill(dir: &Path, first: u64, after: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_program_that_is_killed", "--nocapture"])
        .env(CHILD, format!("{first} {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("acknowledged") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the program ended by itself");
    }
    thread::sleep(after);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    lines.read_to_string(&mut line).unwrap();
    let whole_lines = line.rsplit_once('\n').map_or("", |(lines, _)| lines);
    whole_lines.lines().filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).collect()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let after = Duration::from_millis(20 + RandomState::new().hash_one(round) % 150);
        let new = run_and_kill(dir.path(), round * 1_000_000, after);
        assert!(!new.is_empty());
        acknowledged.extend(new);

        let (store, recovery) = open(dir.path());
        assert_eq!(recovery.damaged, []);
        let logs = store.find_logs(&tripod_store::LogQuery { limit: usize::MAX, ..any_log() }).unwrap();
        let logged: std::collections::HashSet<u64> = logs.iter().map(|log| log.time).collect();
        for number in &acknowledged {
            let trace = store.trace(trace_id(*number)).unwrap();
            assert_eq!(trace.map(|trace| trace.spans.len()), Some(2), "trace {number} of round {round}");
            assert!(logged.contains(number), "log {number} of round {round}");
            assert_eq!(store.last(&sample(*number).labels).unwrap(), Some((*number as i64, 1.0)));
        }
    }
}

fn newest_segment(dir: &Path) -> std::path::PathBuf {
    let mut paths: Vec<_> = std::fs::read_dir(dir.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.pop().unwrap()
}

#[test]
fn a_torn_write_is_cut_off_and_writing_goes_on_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.append_spans(&spans("a", [span(1, 1, "x", 1)])).unwrap();
    store.append_spans(&spans("a", [span(2, 2, "x", 2)])).unwrap();
    drop(store);
    let path = newest_segment(dir.path());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();

    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.damaged.len()), (1, 0));
    assert!(recovery.truncated_bytes > 0);
    assert_eq!(store.trace(trace_id(2)).unwrap(), None);
    store.append_spans(&spans("a", [span(3, 3, "x", 3)])).unwrap();
    drop(store);
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.segments, recovery.records, recovery.truncated_bytes), (1, 2, 0));
    assert!(store.trace(trace_id(1)).unwrap().is_some() && store.trace(trace_id(3)).unwrap().is_some());
}

#[test]
fn a_segment_cut_within_its_first_bytes_is_as_if_it_had_not_been_begun() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    std::fs::write(dir.path().join("wal/0000000001.wal"), b"TRI").unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.truncated_bytes, recovery.damaged.len()), (3, 0));
    store.append_spans(&spans("a", [span(1, 1, "x", 1)])).unwrap();
    drop(store);
    assert!(open(dir.path()).0.trace(trace_id(1)).unwrap().is_some());
}

#[test]
fn a_damaged_segment_is_reported_by_name_and_the_rest_serves() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 1, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    for number in 1..=3 {
        store.append_spans(&spans("a", [span(number, number, "x", number)])).unwrap();
    }
    drop(store);
    let damaged = dir.path().join("wal/0000000002.wal");
    let mut bytes = std::fs::read(&damaged).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();

    for _ in 0..2 {
        let (store, recovery) = Embedded::open(options.clone()).unwrap();
        assert_eq!(recovery.damaged.iter().map(|damage| &damage.path).collect::<Vec<_>>(), [&damaged]);
        let known = [1, 2, 3].map(|number| store.trace(trace_id(number)).unwrap().is_some());
        assert_eq!(known, [true, false, true]);
    }
}

#[test]
fn nothing_is_written_behind_damage_in_the_newest_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.append_spans(&spans("a", [span(1, 1, "damaged", 1)])).unwrap();
    store.append_spans(&spans("a", [span(2, 2, "whole", 2)])).unwrap();
    drop(store);
    let path = newest_segment(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, &bytes).unwrap();

    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.damaged.len(), recovery.truncated_bytes), (1, 1, 0));
    store.append_spans(&spans("a", [span(3, 3, "new", 3)])).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the damaged segment is left as it is");
    assert!(store.trace(trace_id(2)).unwrap().is_some() && store.trace(trace_id(3)).unwrap().is_some());
}

#[test]
fn a_second_owner_of_the_directory_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let error = Embedded::open(Options::new(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    store.flush().unwrap();
    drop(store);
    open(dir.path());
}

#[test]
fn readers_see_whole_batches_while_others_append_and_parts_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 8000, disk_limit: Some(20_000), ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options).unwrap();
    let (done, newest) = (AtomicBool::new(false), AtomicU64::new(0));
    let batch = |number| spans("a", (0..5).map(move |at| span(number, at, "x", number)));
    store.append_spans(&batch(0)).unwrap();
    thread::scope(|scope| {
        for reader in 0..2 {
            let (store, done, newest) = (&store, &done, &newest);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let known = newest.load(Ordering::Acquire);
                    assert!(store.trace(trace_id(known)).unwrap().is_some(), "trace {known} was acknowledged just now");
                    let window = Window { start: known * 1000, end: u64::MAX };
                    let traces = store.find_traces(&TraceQuery { limit: 10, window, ..any_trace() }).unwrap();
                    assert!(!traces.is_empty());
                    assert!(traces.iter().all(|trace| trace.spans.len() == 5), "reader {reader}");
                    store.service_stats(window, 3).unwrap();
                }
            });
        }
        for number in 1..1500 {
            store.append_spans(&batch(number)).unwrap();
            newest.store(number, Ordering::Release);
            if number % 100 == 0 {
                store.settle().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let status = store.status();
    assert!(status.evicted > 0, "parts were dropped meanwhile");
    assert!(status.signals[0].flushes > 0 && status.signals[0].merges > 0, "parts were written and merged meanwhile");
}
