//! The write-ahead log: what has been acknowledged is in it, on disk, and reaches the memory tables in its order.
//!
//! Appending is a group commit: records gather in a buffer while the group before them is written; then one of the waiting
//! threads, the leader, writes all of them with one call and waits for the disk once. It applies its group to the memory
//! tables while the next leader writes: turns are taken hand over hand, so that the order in memory is that of the log. A record
//! costs nine bytes more than its payload, and a share of one `fdatasync`.
//!
//! Payloads are not compressed: the disk takes several times what one core decodes (decision 28).

pub(crate) mod frame;
mod group;
mod position;
pub(crate) mod recover;
pub(crate) mod segment;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use self::group::{Failure, Group, Member};
pub(crate) use self::position::{Place, Position};
use self::segment::Segment;
use crate::StoreError;
use crate::disk::Disk;
use crate::engine::RecordKind;

/// A buffer that grew larger than this for one group is not kept for the next.
const SPARE_CAPACITY: usize = 4 << 20;

/// When an append is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the data is on disk. The default.
    #[default]
    Sync,
    /// At once; the data is on disk at most so long after that. A crash of the process loses nothing, one of the machine that much.
    Interval(std::time::Duration),
    /// At once; the system writes it when it likes (Linux: within about half a minute). A crash of the process loses nothing.
    None,
}

/// How a log is written.
#[derive(Debug, Clone)]
pub(crate) struct WalOptions {
    /// A segment is closed at so many bytes.
    pub(crate) segment_bytes: u64,
    /// Bytes that may wait to be written before further ones are refused.
    pub(crate) max_waiting_bytes: usize,
    /// When an append is answered.
    pub(crate) durability: Durability,
}

/// Takes a record to where it is found, given where the log has it. Called once, in the order of the log, when it is durable.
pub(crate) type Apply = Box<dyn FnOnce(Place) + Send>;

/// Appends records to the newest segment, begins new ones and drops old ones.
#[derive(Debug)]
pub(crate) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: WalOptions,
    queue: Mutex<Queue>,
    /// Signalled whenever a group is written, and whenever one is applied.
    changed: Condvar,
    tail: Mutex<Tail>,
    /// Up to where records have been applied. Held while a group is.
    applied: Mutex<Position>,
    /// Bytes of each segment.
    segments: Mutex<BTreeMap<u64, u64>>,
    /// Whether the disk may have lost records that were answered before they were synced.
    lost: AtomicBool,
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Queue {
    filling: Vec<u8>,
    members: Vec<Member>,
    /// Where the outcome of the group that gathers will be.
    group: Arc<Group>,
    leading: bool,
    /// Bytes in `filling` and in the leader's hands.
    waiting: usize,
    spare: Vec<u8>,
}

/// The segment that is written; only a leader touches it.
#[derive(Debug)]
struct Tail {
    segment: Option<Segment>,
    next_id: u64,
    /// Whether something written has not been synced.
    dirty: bool,
}

impl Wal {
    /// A log that goes on behind `tail`, or where there is none in a new segment numbered `next_id`.
    fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: WalOptions,
        segments: BTreeMap<u64, u64>,
        tail: Option<Segment>,
        next_id: u64,
    ) -> Self {
        let applied = match &tail {
            Some(segment) => Position { segment: segment.id, offset: segment.len() },
            None => Position { segment: next_id, offset: 0 },
        };
        Self {
            disk,
            dir: dir.to_owned(),
            options,
            queue: Mutex::default(),
            changed: Condvar::new(),
            tail: Mutex::new(Tail { segment: tail, next_id, dirty: false }),
            applied: Mutex::new(applied),
            segments: Mutex::new(segments),
            lost: AtomicBool::new(false),
        }
    }

    /// Writes a record and returns when it is durable and has been applied.
    pub(crate) fn append(&self, kind: RecordKind, payload: &[u8], apply: Apply) -> Result<(), StoreError> {
        if payload.len() > frame::MAX_PAYLOAD {
            return Err(StoreError::TooLarge { bytes: payload.len(), limit: frame::MAX_PAYLOAD });
        }
        let header = frame::header(kind, payload);
        let size = header.len() + payload.len();

        let mut queue = lock(&self.queue);
        // A record above the limit may pass alone, else it would be refused for ever.
        if queue.waiting > 0 && queue.waiting + size > self.options.max_waiting_bytes {
            return Err(StoreError::Overloaded { waiting: queue.waiting, limit: self.options.max_waiting_bytes });
        }
        let start = queue.filling.len();
        queue.filling.extend_from_slice(&header);
        queue.filling.extend_from_slice(payload);
        queue.waiting += size;
        let member = queue.members.len();
        queue.members.push(Member { start, len: size, apply });
        let group = Arc::clone(&queue.group);
        loop {
            if let Some(outcome) = group.outcome(member) {
                return outcome.map_err(|failure| self.error(&failure, size));
            }
            // Once it no longer gathers, a group has its leader.
            let led = !Arc::ptr_eq(&group, &queue.group);
            queue = if led || queue.leading {
                self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.lead(queue)
            };
        }
    }

    /// Makes all that was written durable, whatever the durability of appends.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let mut tail = lock(&self.tail);
        self.sync_tail(&mut tail).map_err(|failure| self.error(&failure, 0))
    }

    /// Whether, since this was asked last, the disk may have lost records that were answered before they were synced: memory
    /// is the only one to have them.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }

    /// Up to where records have been applied.
    pub(crate) fn applied(&self) -> Position {
        *lock(&self.applied)
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        lock(&self.segments).values().sum()
    }

    /// The numbers of the segments, with their bytes.
    pub(crate) fn segments(&self) -> Vec<(u64, u64)> {
        lock(&self.segments).iter().map(|(id, bytes)| (*id, *bytes)).collect()
    }

    /// Drops the segments that lie wholly below a position. Should a removal not be durable, the segment is there again after a crash,
    /// with nothing in it that is not in parts.
    pub(crate) fn drop_below(&self, position: Position) -> Result<(), StoreError> {
        let mut tail = lock(&self.tail);
        let newest = tail.segment.as_ref().map(|segment| (segment.id, segment.len(), segment.is_empty()));
        let below = |id: u64| match newest {
            // It may be written to, unless everything in it lies below.
            Some((newest, len, empty)) if newest == id => !empty && position >= Position { segment: id, offset: len },
            _ => id < position.segment,
        };
        let mut segments = lock(&self.segments);
        let old: Vec<u64> = segments.keys().copied().filter(|id| below(*id)).collect();
        for id in old {
            let path = segment::path(&self.dir, id);
            match self.disk.remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io("cannot remove", &path, source));
                }
                _ => segments.remove(&id),
            };
            if newest.is_some_and(|(newest, ..)| newest == id) {
                tail.segment = None;
                tail.dirty = false;
            }
        }
        Ok(())
    }

    /// Writes the group that has gathered, applies it, and tells its members.
    fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        queue.leading = true;
        let spare = std::mem::take(&mut queue.spare);
        let mut bytes = std::mem::replace(&mut queue.filling, spare);
        let members = std::mem::take(&mut queue.members);
        let group = std::mem::take(&mut queue.group);
        drop(queue);

        let written = self.write(&bytes);

        // Still the leader: whoever writes next can't come before this group.
        let mut applied = lock(&self.applied);
        let mut queue = lock(&self.queue);
        queue.waiting -= bytes.len();
        queue.leading = false;
        if bytes.capacity() <= SPARE_CAPACITY {
            bytes.clear();
            queue.spare = bytes;
        }
        drop(queue);
        self.changed.notify_all();

        group.set(written.map(|start| apply_all(start, members, &mut applied)));
        drop(applied);
        let queue = lock(&self.queue);
        self.changed.notify_all();
        queue
    }

    /// Where the bytes stand when they are as durable as appends are to be.
    fn write(&self, bytes: &[u8]) -> Result<Position, Failure> {
        let mut tail = lock(&self.tail);
        self.make_room(&mut tail, bytes.len() as u64)?;
        let Tail { segment: Some(segment), dirty, .. } = &mut *tail else {
            return Err(Failure::new(&io::ErrorKind::NotFound.into(), &self.dir));
        };
        let start = segment.len();
        let position = Position { segment: segment.id, offset: start };
        if let Err(error) = segment.write(bytes) {
            let failure = Failure::new(&error, &segment.path);
            // Nothing of it was acknowledged. What can't be cut off is not written behind.
            if segment.truncate(start).is_err() {
                tail.segment = None;
            }
            return Err(failure);
        }
        *dirty = true;
        if self.options.durability == Durability::Sync {
            self.sync_tail(&mut tail)?;
        }
        lock(&self.segments).insert(position.segment, start + bytes.len() as u64);
        Ok(position)
    }

    /// After a failed sync nobody knows what is on disk: the segment is not written again.
    fn sync_tail(&self, tail: &mut Tail) -> Result<(), Failure> {
        let Tail { segment: Some(segment), dirty: true, .. } = &mut *tail else { return Ok(()) };
        if let Err(error) = segment.sync() {
            let failure = Failure::new(&error, &segment.path);
            let _ = segment.truncate(segment.synced());
            tail.segment = None;
            tail.dirty = false;
            if self.options.durability != Durability::Sync {
                self.lost.store(true, Ordering::Relaxed);
            }
            return Err(failure);
        }
        tail.dirty = false;
        Ok(())
    }

    /// Begins a new segment unless the one at hand has room for `size` bytes. A segment without records takes any.
    fn make_room(&self, tail: &mut Tail, size: u64) -> Result<(), Failure> {
        if let Some(segment) = &tail.segment
            && (segment.is_empty() || segment.len() + size <= self.options.segment_bytes)
        {
            return Ok(());
        }
        // Only the newest segment may be torn after a crash.
        self.sync_tail(tail)?;
        let id = tail.next_id;
        // A number is tried once: what could not be created may be there nevertheless.
        tail.next_id += 1;
        let segment = Segment::create(self.disk.as_ref(), &self.dir, id);
        let segment = tail.segment.insert(segment.map_err(|error| Failure::new(&error, &self.dir))?);
        lock(&self.segments).insert(id, segment.len());
        Ok(())
    }

    fn error(&self, failure: &Failure, needed: usize) -> StoreError {
        failure.error(needed as u64, || self.disk.available(&self.dir).unwrap_or(0))
    }
}

/// Applies the members of a group that begins at `start`: those whose apply panicked. A panic is its record's alone.
fn apply_all(start: Position, members: Vec<Member>, applied: &mut Position) -> Vec<usize> {
    let mut panicked = Vec::new();
    for (number, member) in members.into_iter().enumerate() {
        let place = Place { start: start.plus(member.start), end: start.plus(member.start + member.len) };
        if panic::catch_unwind(AssertUnwindSafe(|| (member.apply)(place))).is_err() {
            panicked.push(number);
        }
        *applied = place.end;
    }
    panicked
}

/// Locks. A panic elsewhere does not stop the store: what these locks guard is never left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
