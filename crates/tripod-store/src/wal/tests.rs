//! The log on a real disk: what is appended is read back, in order, and was applied in that order.

use std::sync::atomic::AtomicUsize;
use std::thread;

use super::recover::Record;
use super::*;
use crate::disk::RealDisk;

fn options(segment_bytes: u64, max_waiting_bytes: usize) -> WalOptions {
    WalOptions { segment_bytes, max_waiting_bytes, durability: Durability::Sync }
}

fn wal(dir: &Path, segment_bytes: u64, max_waiting_bytes: usize) -> Wal {
    Wal::new(Arc::new(RealDisk), dir, options(segment_bytes, max_waiting_bytes), BTreeMap::new(), None, 1)
}

fn append(wal: &Wal, payload: &[u8]) -> Result<Place, StoreError> {
    let (told, place) = std::sync::mpsc::channel();
    wal.append(RecordKind::Logs, payload, Box::new(move |place| told.send(place).unwrap()))?;
    Ok(place.recv().unwrap())
}

/// A record's place and payload.
type Placed = (Place, Vec<u8>);

/// Every record in a directory with where it is, and the log that goes on behind them.
fn read_back(dir: &Path) -> (Vec<Placed>, Wal) {
    let mut found = Vec::new();
    let (wal, recovery) =
        Wal::open(Arc::new(RealDisk), dir, options(1 << 20, 1 << 20), Position::default(), &mut |_,
                                                                                                 bytes,
                                                                                                 records: Vec<
            Record,
        >| {
            found.extend(records.into_iter().map(|record| (record.place, bytes[record.payload].to_owned())));
            Ok(Vec::new())
        })
        .unwrap();
    assert_eq!((recovery.truncated_bytes, recovery.damaged), (0, Vec::new()));
    (found, wal)
}

#[test]
fn every_thread_s_record_is_where_it_was_told_and_was_applied_in_the_order_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let wal = wal(dir.path(), 4000, 1 << 20);
    let applied: Arc<Mutex<Vec<Placed>>> = Arc::default();
    thread::scope(|scope| {
        for thread in 0..8 {
            let (wal, applied) = (&wal, Arc::clone(&applied));
            scope.spawn(move || {
                for at in 0..50 {
                    let (payload, applied) =
                        (format!("record {at} of thread {thread}").into_bytes(), Arc::clone(&applied));
                    let told = payload.clone();
                    wal.append(RecordKind::Logs, &payload, Box::new(move |place| lock(&applied).push((place, told))))
                        .unwrap();
                }
            });
        }
    });
    let applied = std::mem::take(&mut *lock(&applied));
    assert_eq!(applied.len(), 400);
    assert!(applied.is_sorted_by_key(|(place, _)| place.start), "in the order of the log");
    let (found, reopened) = read_back(dir.path());
    assert_eq!(found, applied);
    assert_eq!((wal.applied(), reopened.applied()), (found[399].0.end, found[399].0.end));
    assert!(found[399].0.start.segment > 1, "more than one segment was begun");
}

#[test]
fn a_panic_while_one_record_is_applied_is_told_to_its_sender_alone() {
    let dir = tempfile::tempdir().unwrap();
    let wal = wal(dir.path(), 1 << 20, 1 << 20);
    let applied = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for thread in 0..8 {
            let (wal, applied) = (&wal, Arc::clone(&applied));
            scope.spawn(move || {
                for at in 0..20 {
                    let applied = Arc::clone(&applied);
                    let panics = (thread + at) % 5 == 0;
                    let outcome = wal.append(
                        RecordKind::Logs,
                        b"x",
                        Box::new(move |_| {
                            assert!(!panics, "as the test wants it");
                            applied.fetch_add(1, Ordering::Relaxed);
                        }),
                    );
                    assert_eq!(matches!(outcome, Err(StoreError::Internal(_))), panics);
                }
            });
        }
    });
    assert_eq!(applied.load(Ordering::Relaxed), 8 * 16);
    append(&wal, b"goes on").unwrap();
}

#[test]
fn threads_that_wait_for_a_failing_group_all_return() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let wal = wal(&missing, 1 << 20, 1 << 20);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| assert!(append(&wal, b"x").is_err())));
        }
    });
    std::fs::create_dir(&missing).unwrap();
    append(&wal, b"x").unwrap();
}

#[test]
fn what_would_wait_beyond_the_limit_is_refused_but_a_large_record_passes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let wal = wal(dir.path(), 1 << 20, 100);
    append(&wal, &[0; 1000]).unwrap();
    lock(&wal.queue).waiting = 60;
    let error = append(&wal, &[0; 40]).unwrap_err();
    assert!(matches!(error, StoreError::Overloaded { waiting: 60, limit: 100 }), "{error}");
    lock(&wal.queue).waiting = 0;
    append(&wal, &[0; 40]).unwrap();
}

#[test]
fn segments_below_a_position_are_dropped_and_the_newest_when_all_of_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let wal = wal(dir.path(), 100, 1 << 20);
    let places = [500, 40, 40, 10].map(|len| append(&wal, &vec![7; len]).unwrap());
    assert_eq!(places.map(|place| place.start.segment), [1, 2, 3, 3]);
    wal.drop_below(places[1].start).unwrap();
    assert_eq!(segment::list(&RealDisk, dir.path()).unwrap(), [2, 3]);
    wal.drop_below(places[3].start).unwrap();
    assert_eq!(segment::list(&RealDisk, dir.path()).unwrap(), [3]);
    assert_eq!(wal.bytes(), std::fs::metadata(segment::path(dir.path(), 3)).unwrap().len());
    wal.drop_below(places[3].end).unwrap();
    assert_eq!((segment::list(&RealDisk, dir.path()).unwrap(), wal.bytes()), (Vec::new(), 0));
    assert_eq!(append(&wal, b"next").unwrap().start.segment, 4);
}

#[test]
fn positions_that_something_refers_to_are_not_given_again_when_the_disk_lost_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    drop(append(&wal(dir.path(), 1 << 20, 1 << 20), b"one"));
    let known = Position { segment: 1, offset: 1000 };
    let none = &mut |_: &Path, _: &[u8], _: Vec<Record>| Ok(Vec::new());
    let open = |known, none: &mut _| {
        Wal::open(Arc::new(RealDisk), dir.path(), options(1 << 20, 1 << 20), known, none).unwrap().0
    };
    assert_eq!(append(&open(known, none), b"two").unwrap().start.segment, 2);
    std::fs::remove_file(segment::path(dir.path(), 2)).unwrap();
    assert_eq!(append(&open(Position { segment: 7, offset: 0 }, none), b"three").unwrap().start.segment, 8);
}
