//! The engine with the simplest of signals, on a real disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::testing::Harness;
use super::toy::{Row, Toy, all, request};
use super::{AnyTable, Background, Keep, Options, RecordKind, Retention, Table, check};
use crate::disk::RealDisk;
use crate::{StoreError, interruptible};

const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;

fn options(dir: &Path) -> Options {
    // Four rows a memory table, and the log in segments of a few records.
    Options { memory_limit: 9 * 64, segment_bytes: 200, merge_share: 1.0, min_free_bytes: 0, ..Options::new(dir) }
}

fn open(options: &Options) -> Harness<Toy> {
    Harness::open_with(Arc::new(RealDisk), options.clone(), Toy::default()).unwrap()
}

fn append(store: &Harness<Toy>, rows: &[Row]) {
    assert_eq!(store.append(RecordKind::Logs, &request(rows)).unwrap().accepted, rows.len() as u64);
}

fn found(store: &Harness<Toy>) -> Vec<u64> {
    let mut values: Vec<u64> = all(&store.view()).unwrap().iter().map(|row| row.1).collect();
    values.sort_unstable();
    values
}

fn files(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for day in std::fs::read_dir(dir.join("parts")).unwrap() {
        for file in std::fs::read_dir(day.unwrap().path()).unwrap() {
            files.push(file.unwrap().file_name().into_string().unwrap());
        }
    }
    files.sort();
    files
}

#[test]
fn a_reader_that_nobody_waits_for_ends_at_its_next_piece_of_a_part() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    append(&store, &[(0, 1)]);
    store.flush();
    let flag = Arc::new(AtomicBool::new(false));
    let read = || interruptible(&flag, || all(&store.view()));
    assert_eq!(read().unwrap().len(), 1);
    flag.store(true, Ordering::Relaxed);
    assert!(matches!(read(), Err(StoreError::Interrupted)));
    assert_eq!(found(&store), [1], "others go on reading");
}

#[test]
fn rows_are_found_once_in_memory_in_parts_after_merges_and_after_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&options(dir.path()));
    for value in 0..100 {
        append(&store, &[(value % 3 * DAY, value)]);
        if value % 7 == 0 {
            store.engine.flush().unwrap();
        }
        if value % 20 == 0 {
            store.merge();
        }
        if value % 30 == 0 {
            store = store.reopen(Toy::default());
            assert_eq!(store.recovery.damaged, []);
        }
        assert_eq!(found(&store), (0..=value).collect::<Vec<_>>());
    }
    store.flush();
    store.merge();
    assert_eq!(files(dir.path()).len(), 3, "one part a day");
    let store = store.reopen(Toy::default());
    assert_eq!((found(&store), store.recovery.replayed), ((0..100).collect(), 0));
    assert_eq!(store.engine.wal.bytes(), 0, "the log is in parts");
    assert!(store.verify().is_empty());
}

#[test]
fn a_merged_part_stands_where_its_inputs_stood_among_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    for value in 0..6 {
        append(&store, &[(0, value)]);
        store.flush();
    }
    let parts = store.view().parts.clone();
    store.table.merge(&store.engine.ground, &parts[1..3]).unwrap();
    let order = |store: &Harness<Toy>| all(&store.view()).unwrap().iter().map(|row| row.1).collect::<Vec<_>>();
    assert_eq!(order(&store), [0, 1, 2, 3, 4, 5]);
    let store = store.reopen(Toy::default());
    assert_eq!((order(&store), store.view().parts.len()), (vec![0, 1, 2, 3, 4, 5], 5));
}

#[test]
fn a_view_goes_on_to_read_parts_that_were_merged_or_dropped_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    (0..3).for_each(|value| {
        append(&store, &[(0, value)]);
        store.flush();
    });
    let before = store.view();
    store.merge();
    let merged = store.view();
    store.table.drop_parts(&store.engine.ground, &merged.parts).unwrap();
    assert_eq!(files(dir.path()), [""; 0]);
    assert_eq!((all(&before).unwrap().len(), all(&merged).unwrap().len(), found(&store).len()), (3, 3, 0));
    assert_eq!(found(&store.reopen(Toy::default())).len(), 0);
}

#[test]
fn a_damaged_or_missing_part_is_set_aside_and_named_and_the_rest_serves() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    for value in 0..4 {
        append(&store, &[(0, value)]);
        store.flush();
    }
    let parts: Vec<_> = store.view().parts.iter().map(|part| part.file.path.clone()).collect();
    let mut bytes = std::fs::read(&parts[0]).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&parts[0], &bytes).unwrap();
    std::fs::write(&parts[1], &bytes[1..]).unwrap();
    std::fs::remove_file(&parts[2]).unwrap();

    let store = store.reopen(Toy::default());
    assert_eq!(found(&store), [3]);
    let aside = |at: usize| dir.path().join("damaged").join(parts[at].file_name().unwrap());
    let named: Vec<_> = store.recovery.damaged.iter().map(|damage| damage.path.clone()).collect();
    assert_eq!(named, [aside(0), aside(1), aside(2)]);
    assert_eq!(std::fs::read(aside(0)).unwrap(), bytes);
    let store = store.reopen(Toy::default());
    assert_eq!((found(&store), store.recovery.damaged.len()), (vec![3], 0), "said once");
}

#[test]
fn a_part_that_turns_out_to_be_damaged_in_a_merge_is_set_aside_then() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    for value in 0..8 {
        append(&store, &[(0, value)]);
        store.flush();
    }
    let path = store.view().parts[5].file.path.clone();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(store.engine.merge(0).is_err());
    assert_eq!(found(&store), [0, 1, 2, 3, 4, 6, 7]);
    let status = store.engine.tables().next().unwrap().status();
    assert_eq!((status.failures, status.damaged.len(), status.rows), (1, 1, 7));
    store.merge();
    assert_eq!(found(&store.reopen(Toy::default())), [0, 1, 2, 3, 4, 6, 7]);
}

#[test]
fn what_a_crash_left_half_done_is_removed_and_its_numbers_are_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    append(&store, &[(0, 1)]);
    store.flush();
    std::fs::write(dir.path().join("parts/1970-01-01/toys-0000000042.part"), "half").unwrap();
    std::fs::write(dir.path().join("MANIFEST.tmp"), "half").unwrap();
    let store = store.reopen(Toy::default());
    assert_eq!(files(dir.path()), ["toys-0000000001.part"]);
    assert!(!dir.path().join("MANIFEST.tmp").exists());
    append(&store, &[(0, 2)]);
    store.flush();
    assert_eq!(files(dir.path()), ["toys-0000000001.part", "toys-0000000043.part"]);
}

#[test]
fn the_log_does_not_outgrow_its_limit_when_its_rows_are_too_few_for_a_part() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { memory_limit: 9 << 20, wal_bytes: 1000, ..options(dir.path()) };
    let store = open(&options);
    for value in 0..500 {
        append(&store, &[(0, value)]);
        store.engine.flush().unwrap();
        assert!(store.engine.wal.bytes() <= 1000 + 200, "{}", store.engine.wal.bytes());
    }
    assert_eq!(found(&store.reopen(Toy::default())).len(), 500);
}

#[test]
fn a_flush_that_panics_is_an_error_and_the_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let toy = Toy::default();
    let panics = Arc::clone(&toy.panics);
    let store = Harness::open_with(Arc::new(RealDisk), options(dir.path()), toy).unwrap();
    append(&store, &[(0, 1)]);
    panics.store(true, Ordering::Relaxed);
    assert!(
        matches!(store.engine.flush_all(), Err(StoreError::Internal(text)) if text.contains("as the test wants it"))
    );
    assert_eq!(found(&store), [1]);
    panics.store(false, Ordering::Relaxed);
    store.flush();
    assert_eq!((found(&store), files(dir.path()).len()), (vec![1], 1));
}

#[test]
fn retention_drops_whole_parts_by_age_and_by_bytes_and_within_the_limit_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let aged = Keep { age: Some(Duration::from_nanos(3 * DAY)), bytes: None };
    let options = Options { retention: Retention { samples: aged, ..Retention::default() }, ..options(dir.path()) };
    let store = open(&options);
    for day in 0..10 {
        append(&store, &[(day * DAY, day)]);
        store.flush();
    }
    store.engine.retain(6 * DAY).unwrap();
    assert_eq!(found(&store), [3, 4, 5, 6, 7, 8, 9]);
    drop(store);
    let few = Keep { age: None, bytes: Some(100) };
    let store = open(&Options { retention: Retention { samples: few, ..Retention::default() }, ..options.clone() });
    store.engine.retain(6 * DAY).unwrap();
    assert_eq!(found(&store), [5, 6, 7, 8, 9]);
    drop(store);
    let store = open(&Options { disk_limit: Some(45), retention: Retention::default(), ..options });
    store.engine.retain(6 * DAY).unwrap();
    assert_eq!(found(&store), [8, 9]);
    assert_eq!(store.engine.tables().next().unwrap().status().evicted, 3);
}

#[test]
fn a_full_disk_refuses_what_comes_keeps_what_is_there_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    append(&store, &[(0, 1)]);
    drop(store);
    let store = open(&Options { min_free_bytes: u64::MAX, ..options(dir.path()) });
    let error = store.append(RecordKind::Logs, &request(&[(0, 2)])).unwrap_err();
    assert!(matches!(error, StoreError::Full { needed: u64::MAX, .. }), "{error}");
    assert!(store.engine.space.is_full());
    store.flush();
    assert_eq!(found(&store), [1]);
}

#[test]
fn threads_write_merge_and_drop_while_rows_come_and_end_with_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let few = Keep { age: None, bytes: Some(2000) };
    let options = Options { retention: Retention { samples: few, ..Retention::default() }, ..options(dir.path()) };
    let Harness { engine, table, .. } = open(&options);
    let engine = Arc::new(engine);
    let background = Background::start(Arc::clone(&engine)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, table) = (&engine, &table);
            scope.spawn(move || {
                for value in 0..200 {
                    let rows = [(value * DAY / 100, thread * 1000 + value)];
                    engine.append(table, RecordKind::Logs, &request(&rows)).unwrap();
                    let found = all(&table.view()).unwrap();
                    assert!(found.contains(&rows[0]) || table.status().evicted > 0);
                }
            });
        }
    });
    engine.flush_all().unwrap();
    engine.retain(u64::MAX).unwrap();
    drop(background);
    let status = table.status();
    assert!(status.flushes > 10 && status.merges > 0 && status.failures == 0, "{status:?}");
    assert!(status.part_bytes <= 2000 && status.memory_rows == 0);
    assert_eq!(status.rows + status.evicted, 800);
    assert_eq!(Arc::strong_count(&engine), 1, "no thread is left");
}

#[test]
fn a_snapshot_is_a_store_of_all_that_was_acknowledged_and_outlives_the_one_it_was_taken_of() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(&dir.path().join("store")));
    for value in 0..20 {
        append(&store, &[(value % 2 * DAY, value)]);
    }
    let dest = dir.path().join("backups/one");
    store.engine.snapshot(&dest).unwrap();
    append(&store, &[(0, 20)]);
    store.flush();
    store.merge();
    let again = store.engine.snapshot(&dest).unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again}");
    drop(store);
    std::fs::remove_dir_all(dir.path().join("store")).unwrap();

    let snapshot = open(&options(&dest));
    assert_eq!((found(&snapshot), &snapshot.recovery.damaged), ((0..20).collect(), &Vec::new()));
    append(&snapshot, &[(0, 100)]);
    assert_eq!(found(&snapshot.reopen(Toy::default())).len(), 21);
}

#[test]
fn a_check_names_what_is_damaged_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&options(dir.path()));
    for value in 0..3 {
        append(&store, &[(0, value)]);
        store.flush();
    }
    append(&store, &[(0, 3)]);
    append(&store, &[(0, 4)]);
    let table: Vec<Arc<dyn AnyTable>> = vec![Table::new(Toy::default(), 100)];
    let run = || check(&RealDisk, dir.path(), &table, &mut |_, _| ());
    assert!(matches!(run(), Err(StoreError::Locked { .. })));
    let part = store.view().parts[1].file.path.clone();
    drop(store);
    let whole = run().unwrap();
    assert_eq!((whole.parts.len(), whole.records, whole.damaged.len()), (3, 2, 0));

    let mut bytes = std::fs::read(&part).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&part, &bytes).unwrap();
    let segment = dir.path().join("wal/0000000004.wal");
    let mut log = std::fs::read(&segment).unwrap();
    log[20] ^= 1;
    log.extend_from_slice(b"torn");
    std::fs::write(&segment, &log).unwrap();
    for _ in 0..2 {
        let found = run().unwrap();
        assert_eq!(found.damaged.iter().map(|damage| &damage.path).collect::<Vec<_>>(), [&part, &segment]);
        assert_eq!((found.parts.len(), found.records, found.unfinished_bytes), (2, 1, 4));
    }
    assert_eq!((std::fs::read(&part).unwrap(), std::fs::read(&segment).unwrap()), (bytes, log));
    assert!(matches!(
        check(&RealDisk, &dir.path().join("wal"), &table, &mut |_, _| ()),
        Err(StoreError::Format { .. })
    ));
}

#[test]
fn an_append_waits_while_two_memory_tables_wait_to_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let Harness { engine, table, .. } = open(&options(dir.path()));
    let append = |value| engine.append(&table, RecordKind::Logs, &request(&[(0, value); 4])).map(drop);
    (0..3).for_each(|value| append(value).unwrap());
    assert_eq!(table.status().frozen, 2);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| append(3));
        std::thread::yield_now();
        assert_eq!(table.status().memory_rows, 12, "nothing is taken in");
        engine.flush().unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(table.status().rows, 16);
}
