//! The write-ahead log: what has been acknowledged is in it, on disk.
//!
//! Appending is a group commit: records gather in a buffer while the group before them is written; then one of the waiting
//! threads, the leader, writes all of them with one call, waits for the disk once, and wakes the others. A record costs
//! nine bytes more than its payload, and a share of one `fdatasync`.

pub(crate) mod frame;
pub(crate) mod recover;
pub(crate) mod segment;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use self::frame::Kind;
use self::segment::{MAGIC, SegmentFile};
use crate::StoreError;

/// A buffer that grew larger than this for one group is not kept for the next.
const SPARE_CAPACITY: usize = 4 << 20;

/// Appends records to the newest segment and begins new ones.
#[derive(Debug)]
pub(crate) struct Wal {
    dir: PathBuf,
    segment_bytes: u64,
    max_waiting_bytes: usize,
    queue: Mutex<Queue>,
    /// Signalled whenever a leader is done.
    changed: Condvar,
    tail: Mutex<Tail>,
    /// Segments up to this one are not written any more.
    closed_through: AtomicU64,
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Queue {
    filling: Vec<u8>,
    /// Where the outcome of the group in `filling` will be.
    group: Arc<OnceLock<Outcome>>,
    leading: bool,
    /// Bytes in `filling` and in the leader's hands.
    waiting: usize,
    spare: Vec<u8>,
}

/// Where a group went: its segment and its first byte there.
type Outcome = Result<(Arc<SegmentFile>, u64), Failure>;

/// An error that every member of a group can be told.
#[derive(Debug, Clone)]
struct Failure {
    kind: io::ErrorKind,
    text: Arc<str>,
    path: PathBuf,
}

/// The segment that is written; only a leader touches it.
#[derive(Debug)]
struct Tail {
    segment: Option<Arc<SegmentFile>>,
    next_id: u64,
}

/// Where a record's payload is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// In which segment.
    pub(crate) segment: Arc<SegmentFile>,
    /// At which offset.
    pub(crate) offset: u32,
}

impl Wal {
    /// Appends to `segment`, or where there is none to a new one numbered `next_id`.
    pub(crate) fn new(
        dir: &Path,
        segment_bytes: u64,
        max_waiting_bytes: usize,
        segment: Option<Arc<SegmentFile>>,
        next_id: u64,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            // Offsets within a segment are kept in 32 bits; a segment grows past its limit by one group at most.
            segment_bytes: segment_bytes.clamp(1, 1 << 30),
            max_waiting_bytes: max_waiting_bytes.min(1 << 30),
            queue: Mutex::default(),
            changed: Condvar::new(),
            tail: Mutex::new(Tail { segment, next_id }),
            closed_through: AtomicU64::new(0),
        }
    }

    /// Writes a record and returns when it is on disk.
    pub(crate) fn append(&self, kind: Kind, payload: &[u8]) -> Result<Place, StoreError> {
        if payload.len() > frame::MAX_PAYLOAD {
            return Err(StoreError::TooLarge { bytes: payload.len(), limit: frame::MAX_PAYLOAD });
        }
        let header = frame::header(kind, payload);
        let size = header.len() + payload.len();

        let mut queue = lock(&self.queue);
        // A record above the limit may pass alone, else it would be refused for ever.
        if queue.waiting > 0 && queue.waiting + size > self.max_waiting_bytes {
            return Err(StoreError::Overloaded { waiting: queue.waiting, limit: self.max_waiting_bytes });
        }
        let start = queue.filling.len() + header.len();
        queue.filling.extend_from_slice(&header);
        queue.filling.extend_from_slice(payload);
        queue.waiting += size;
        let group = Arc::clone(&queue.group);
        loop {
            if let Some(outcome) = group.get() {
                return place(outcome, start);
            }
            queue = if queue.leading {
                self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.lead(queue)
            };
        }
    }

    /// Closes the segment of this number: the next record goes to a newer one.
    pub(crate) fn close(&self, segment: u64) {
        self.closed_through.fetch_max(segment, Ordering::Relaxed);
    }

    /// Writes the group that has gathered, and tells its members.
    fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        queue.leading = true;
        let spare = std::mem::take(&mut queue.spare);
        let mut bytes = std::mem::replace(&mut queue.filling, spare);
        let group = std::mem::take(&mut queue.group);
        drop(queue);

        let outcome = self.write(&bytes);

        let mut queue = lock(&self.queue);
        queue.waiting -= bytes.len();
        queue.leading = false;
        if bytes.capacity() <= SPARE_CAPACITY {
            bytes.clear();
            queue.spare = bytes;
        }
        // Only the leader of a group sets its outcome, and a group is led once.
        let _ = group.set(outcome);
        self.changed.notify_all();
        queue
    }

    fn write(&self, bytes: &[u8]) -> Outcome {
        let mut tail = lock(&self.tail);
        let segment = self.segment_for(&mut tail, bytes.len() as u64)?;
        let start = segment.len();
        if let Err(error) = segment.append(bytes) {
            // After a failed sync nobody knows what is on disk: this segment is not written again. What was not
            // acknowledged is cut off if that is possible; recovery copes if not.
            tail.segment = None;
            let _ = segment.truncate(start);
            return Err(failure(&error, &segment.path));
        }
        Ok((segment, start))
    }

    /// The segment for the next `size` bytes: the one at hand while it has room, else a new one.
    fn segment_for(&self, tail: &mut Tail, size: u64) -> Result<Arc<SegmentFile>, Failure> {
        if let Some(segment) = &tail.segment {
            let empty = segment.len() <= MAGIC.len() as u64;
            let open = segment.id > self.closed_through.load(Ordering::Relaxed);
            if empty || (open && segment.len() + size <= self.segment_bytes) {
                return Ok(Arc::clone(segment));
            }
        }
        tail.segment = None;
        let id = tail.next_id;
        tail.next_id += 1;
        let segment = SegmentFile::create(&self.dir, id).map_err(|error| failure(&error, &self.dir))?;
        Ok(Arc::clone(tail.segment.insert(Arc::new(segment))))
    }
}

fn place(outcome: &Outcome, start: usize) -> Result<Place, StoreError> {
    match outcome {
        Ok((segment, base)) => Ok(Place { segment: Arc::clone(segment), offset: (*base + start as u64) as u32 }),
        Err(failure) => Err(StoreError::Io {
            action: "cannot write",
            path: failure.path.clone(),
            source: io::Error::new(failure.kind, failure.text.to_string()),
        }),
    }
}

fn failure(error: &io::Error, path: &Path) -> Failure {
    Failure { kind: error.kind(), text: error.to_string().into(), path: path.to_owned() }
}

/// Locks. A panic elsewhere does not stop the store: what these locks guard is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::recover::scan;
    use super::*;

    fn wal(dir: &Path, segment_bytes: u64, max_waiting_bytes: usize) -> Wal {
        Wal::new(dir, segment_bytes, max_waiting_bytes, None, 1)
    }

    /// Payload and offset of every record in a directory, by segment.
    fn read_back(dir: &Path) -> Vec<(u64, u32, Vec<u8>)> {
        let mut records = Vec::new();
        let ids = segment::list(dir).unwrap();
        for id in &ids {
            let bytes = SegmentFile::open(dir, *id).unwrap().read_all().unwrap();
            let scan = scan(&bytes, Some(id) == ids.last(), |_, payload, offset| {
                records.push((*id, offset as u32, payload.to_owned()));
            });
            assert_eq!((scan.torn, scan.damaged), (None, Vec::new()));
        }
        records
    }

    #[test]
    fn every_thread_s_record_is_where_it_was_told() {
        let dir = tempfile::tempdir().unwrap();
        let wal = wal(dir.path(), 4000, 1 << 20);
        let mut expected: Vec<_> = thread::scope(|scope| {
            let appenders: Vec<_> = (0..8)
                .map(|thread| {
                    let wal = &wal;
                    scope.spawn(move || {
                        (0..50)
                            .map(|at| {
                                let payload = format!("record {at} of thread {thread}").into_bytes();
                                let place = wal.append(Kind::Logs, &payload).unwrap();
                                (place.segment.id, place.offset, payload)
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            appenders.into_iter().flat_map(|appender| appender.join().unwrap()).collect()
        });
        expected.sort();
        assert_eq!(read_back(dir.path()), expected);
        assert!(expected.last().unwrap().0 > 1, "more than one segment was begun");
    }

    #[test]
    fn an_error_reaches_every_member_of_the_group_and_the_next_record_goes_to_a_new_segment() {
        let dir = tempfile::tempdir().unwrap();
        let wal = Wal::new(dir.path(), 1 << 20, 1 << 20, Some(Arc::new(SegmentFile::full(1))), 2);
        // A member that did not lead is told by the same outcome: put three into one group and let the first lead.
        let group = {
            let mut queue = lock(&wal.queue);
            for payload in [b"a", b"b", b"c"] {
                queue.filling.extend_from_slice(&frame::header(Kind::Logs, payload));
                queue.filling.extend_from_slice(payload);
            }
            queue.waiting = queue.filling.len();
            let group = Arc::clone(&queue.group);
            drop(wal.lead(queue));
            group
        };
        let error = place(group.get().unwrap(), 9).unwrap_err();
        assert!(
            matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull),
            "{error}"
        );
        assert_eq!(wal.append(Kind::Logs, b"d").unwrap().segment.id, 2);
        assert_eq!(read_back(dir.path()).len(), 1);
    }

    #[test]
    fn threads_that_wait_for_a_failing_group_all_return() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let wal = wal(&missing, 1 << 20, 1 << 20);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| assert!(wal.append(Kind::Logs, b"x").is_err())));
            }
        });
        std::fs::create_dir(&missing).unwrap();
        wal.append(Kind::Logs, b"x").unwrap();
    }

    #[test]
    fn what_would_wait_beyond_the_limit_is_refused_but_a_large_record_passes_alone() {
        let dir = tempfile::tempdir().unwrap();
        let wal = wal(dir.path(), 1 << 20, 100);
        wal.append(Kind::Logs, &[0; 1000]).unwrap();
        lock(&wal.queue).waiting = 60;
        let error = wal.append(Kind::Logs, &[0; 40]).unwrap_err();
        assert!(matches!(error, StoreError::Overloaded { waiting: 60, limit: 100 }), "{error}");
        lock(&wal.queue).waiting = 0;
        wal.append(Kind::Logs, &[0; 40]).unwrap();
    }

    #[test]
    fn a_segment_is_closed_when_full_or_asked_for_but_never_empty() {
        let dir = tempfile::tempdir().unwrap();
        let wal = wal(dir.path(), 100, 1 << 20);
        let append = |len| wal.append(Kind::Logs, &vec![7; len]).unwrap().segment.id;
        assert_eq!([append(500), append(40), append(40), append(10)], [1, 2, 3, 3]);
        wal.close(3);
        assert_eq!([append(1), append(1)], [4, 4]);
        wal.close(3);
        assert_eq!(append(1), 4, "a segment is closed once");
    }
}
