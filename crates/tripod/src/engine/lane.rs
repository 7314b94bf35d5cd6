//! A lane: one thread's finished records on their way to the collector. One writer, one reader, no lock, and no allocation once
//! warm.
//!
//! The writer fills a chunk and publishes how far it has got; the reader takes what is published, also from a chunk that is not
//! full, so flushing never waits for the thread that writes. A full chunk is linked to the next, and once read it goes back
//! to the writer for reuse. The chunks of all lanes together stay within a byte budget: beyond it a record is refused, and
//! the caller counts it. Whichever end is dropped last frees what is left.
//!
//! Waking the collector costs the writer more than fifty records, so it is asked to only when some chunks are full, or when memory
//! gets short.
//!
//! Cost: a copy of the record and one store with release ordering.

use std::ptr;

pub(crate) use super::chunk::{Budget, SharedBudget};
use super::chunk::{CHUNK_BYTES, Chunk};
use crate::sync::model::Arc;
use crate::sync::model::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// The longest record a lane takes.
pub(crate) const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// So many chunks are full before the collector has reason to look, and are kept for reuse once read.
const FULL_CHUNKS: usize = if cfg!(loom) { 2 } else { 4 };

/// What stands before each record: its length, signal and scope.
const HEADER_BYTES: usize = 8;

/// A record as the reader sees it.
pub(crate) struct Record<'a> {
    pub(crate) tag: Tag,
    pub(crate) body: &'a [u8],
}

/// What a record is and who emitted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tag {
    pub(crate) signal: u8,
    pub(crate) scope: u16,
}

struct Shared {
    /// Read chunks waiting for reuse, linked by `next`; null when there are none. The reader adds one, the writer takes all.
    spares: AtomicPtr<Chunk>,
    /// Chunks filled since the reader last looked, or about so many.
    full: AtomicUsize,
    /// The writer is gone: once what it published is read, the lane is over.
    closed: AtomicBool,
    /// What the reader has not read when it is dropped, to be freed when the writer is gone as well.
    unread: AtomicPtr<Chunk>,
    budget: SharedBudget,
}

/// The writing end, owned by one thread.
pub(crate) struct Writer {
    chunk: *mut Chunk,
    at: usize,
    /// Spares that it has taken, linked by `next`.
    spares: *mut Chunk,
    shared: Arc<Shared>,
}

/// The reading end, owned by the collector.
pub(crate) struct Reader {
    chunk: *mut Chunk,
    at: usize,
    /// Spares that it has added since the writer took them.
    spares: usize,
    shared: Arc<Shared>,
}

// SAFETY: each end owns its cursor; what both ends reach through the pointers is synchronised by `published`, `next`, `spares`
// (see the orderings below), so an end may move to another thread.
unsafe impl Send for Writer {}
// SAFETY: as above.
unsafe impl Send for Reader {}

/// A new lane, with a chunk to begin with.
pub(crate) fn lane(budget: &SharedBudget) -> (Writer, Reader) {
    let chunk = Chunk::allocate_first(CHUNK_BYTES);
    let shared = Arc::new(Shared {
        spares: AtomicPtr::new(ptr::null_mut()),
        full: AtomicUsize::new(0),
        closed: AtomicBool::new(false),
        unread: AtomicPtr::new(ptr::null_mut()),
        budget: SharedBudget::clone(budget),
    });
    let writer = Writer { chunk, at: 0, spares: ptr::null_mut(), shared: Arc::clone(&shared) };
    (writer, Reader { chunk, at: 0, spares: 0, shared })
}

/// What [`Writer::push`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The record is published.
    Yes,
    /// The record is published, and the collector has reason to look.
    MuchToRead,
    /// There was no room: the record is lost.
    Refused,
}

impl Writer {
    #[cfg(all(test, not(loom)))]
    fn push(&mut self, tag: Tag, body: &[u8]) -> Pushed {
        self.push_with(tag, body.len(), |out| {
            out.copy_from_slice(body);
            body.len()
        })
    }

    /// Publishes a record that is written in place: `write` gets `room` bytes and says how many it used.
    #[inline]
    pub(crate) fn push_with(&mut self, tag: Tag, room: usize, write: impl FnOnce(&mut [u8]) -> usize) -> Pushed {
        let mut pushed = Pushed::Yes;
        // SAFETY: the writer's own chunk lives until the reader has seen `next` set, which only `advance` does.
        if self.at + HEADER_BYTES + room > unsafe { &*self.chunk }.len() {
            pushed = self.advance(HEADER_BYTES + room);
            if pushed == Pushed::Refused {
                return pushed;
            }
        }
        // SAFETY: as above.
        let chunk = unsafe { &*self.chunk };
        // SAFETY: the range lies within the chunk, as just checked, and above `published`, where the reader does not look and
        // only this writer goes.
        let used = unsafe {
            chunk.write(self.at, HEADER_BYTES + room, |out| {
                let (header, body) = out.split_at_mut(HEADER_BYTES);
                let used = write(body).min(room);
                header[..4].copy_from_slice(&(used as u32).to_le_bytes());
                header[4] = tag.signal;
                header[6..].copy_from_slice(&tag.scope.to_le_bytes());
                used
            })
        };
        self.at += HEADER_BYTES + used;
        // Release: who sees the new length sees the bytes below it.
        chunk.published.store(self.at, Ordering::Release);
        pushed
    }

    /// Goes on in a chunk with room for `needed` bytes: a spare one, or a new one.
    #[cold]
    fn advance(&mut self, needed: usize) -> Pushed {
        let spare = if needed <= CHUNK_BYTES { self.take_spare() } else { None };
        let budget = &self.shared.budget;
        let fits = needed <= HEADER_BYTES + MAX_RECORD_BYTES;
        let next = spare.or_else(|| if fits { Chunk::allocate(needed.max(CHUNK_BYTES), budget) } else { None });
        let Some(next) = next else { return Pushed::Refused };
        // SAFETY: the current chunk is alive, as in `push`; after this store it belongs to the reader alone.
        // Release: who sees `next` sees the last `published` of this chunk, and a reset one in the next.
        unsafe { &*self.chunk }.next.store(next, Ordering::Release);
        self.chunk = next;
        self.at = 0;
        // Relaxed: when to wake somebody is a matter of cost only.
        let full = self.shared.full.fetch_add(1, Ordering::Relaxed) + 1;
        if full >= FULL_CHUNKS || !budget.is_ample() { Pushed::MuchToRead } else { Pushed::Yes }
    }

    fn take_spare(&mut self) -> Option<*mut Chunk> {
        if self.spares.is_null() {
            // Acquire: pairs with the reader's release of each spare, so that its last reads lie before our first write.
            self.spares = self.shared.spares.swap(ptr::null_mut(), Ordering::Acquire);
        }
        // SAFETY: spares are out of the reader's hands, so they are ours alone.
        let spare = unsafe { self.spares.as_ref() }?;
        let rest = spare.next.load(Ordering::Relaxed);
        spare.next.store(ptr::null_mut(), Ordering::Relaxed);
        Some(std::mem::replace(&mut self.spares, rest))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: they are ours alone, as in `take_spare`.
        self.shared.budget.give_back(unsafe { free_all(self.spares) });
        // Release: who sees the lane closed sees all that was published.
        self.shared.closed.store(true, Ordering::Release);
    }
}

impl Reader {
    /// Hands every published record to `take`, in order. Returns false when the lane is over: its writer gone, everything read.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(Record<'_>)) -> bool {
        // Before reading: what was published before the lane closed is then read below.
        let closed = self.shared.closed.load(Ordering::Acquire);
        self.shared.full.store(0, Ordering::Relaxed);
        loop {
            // SAFETY: the reader's chunk is freed or handed back only by the reader itself.
            let chunk = unsafe { &*self.chunk };
            // `next` first: when it is set, `published` is final.
            let next = chunk.next.load(Ordering::Acquire);
            let published = chunk.published.load(Ordering::Acquire);
            while self.at < published {
                self.record(chunk, &mut take);
            }
            if next.is_null() {
                return !closed;
            }
            let read = std::mem::replace(&mut self.chunk, next);
            self.at = 0;
            self.recycle(read);
        }
    }

    /// Takes the record at the cursor, which moves on first: one that `take` panics over is not taken again.
    #[inline]
    fn record(&mut self, chunk: &Chunk, take: &mut impl FnMut(Record<'_>)) {
        // SAFETY: records lie wholly below `published`, which was read with acquire: these bytes are within the chunk, and written
        // by nobody until the chunk is recycled.
        let (tag, len) = unsafe {
            chunk.read(self.at, HEADER_BYTES, |header| {
                let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
                (Tag { signal: header[4], scope: u16::from_le_bytes([header[6], header[7]]) }, len)
            })
        };
        let start = self.at + HEADER_BYTES;
        self.at = start + len;
        // SAFETY: as above.
        unsafe { chunk.read(start, len, |body| take(Record { tag, body })) };
    }

    fn recycle(&mut self, chunk: *mut Chunk) {
        // SAFETY: the writer left this chunk when it set `next`, so it is ours alone.
        let read = unsafe { &*chunk };
        let spares = &self.shared.spares;
        let mut head = spares.load(Ordering::Relaxed);
        if head.is_null() {
            self.spares = 0;
        }
        // Where memory is short it is not kept: it may be another thread's turn.
        if read.len() != CHUNK_BYTES || self.spares == FULL_CHUNKS || !self.shared.budget.is_ample() {
            // SAFETY: as above; it was not handed to the writer.
            self.shared.budget.give_back(unsafe { Chunk::free(chunk) });
            return;
        }
        self.spares += 1;
        read.published.store(0, Ordering::Relaxed);
        loop {
            read.next.store(head, Ordering::Relaxed);
            // Release: our reads and the two resets lie before the writer's reuse.
            match spares.compare_exchange(head, chunk, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                // The writer has taken them all.
                Err(now) => head = now,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Relaxed: who drops the lane's last part sees what the others did before.
        self.shared.unread.store(self.chunk, Ordering::Relaxed);
    }
}

/// Frees a chain of chunks; answers how many bytes they had.
///
/// # Safety
/// Nobody else can reach them.
unsafe fn free_all(mut chunk: *mut Chunk) -> usize {
    let mut freed = 0;
    while !chunk.is_null() {
        // SAFETY: as the caller promises.
        let next = unsafe { &*chunk }.next.load(Ordering::Relaxed);
        // SAFETY: as above.
        freed += unsafe { Chunk::free(chunk) };
        chunk = next;
    }
    freed
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Neither end can reach anything any more, and both have left the chain in order: the reader where it begins, the writer
        // with its last chunk at the end.
        let [unread, spares] = [&self.unread, &self.spares].map(|chunks| chunks.load(Ordering::Relaxed));
        // SAFETY: both chains are ours alone.
        let freed = unsafe { free_all(unread) + free_all(spares) };
        // The writer's chunk has at least the size of the first, which was not counted.
        self.budget.give_back(freed - CHUNK_BYTES);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const TAG: Tag = Tag { signal: 1, scope: 7 };

    fn read(reader: &mut Reader) -> (Vec<Vec<u8>>, bool) {
        let mut records = Vec::new();
        let alive = reader.drain(|record| {
            assert_eq!(record.tag, TAG);
            records.push(record.body.to_vec());
        });
        (records, alive)
    }

    #[test]
    fn a_record_is_read_from_a_chunk_that_is_not_full() {
        let (mut writer, mut reader) = lane(&Budget::new(1 << 20));
        assert_eq!(writer.push(TAG, b"one"), Pushed::Yes);
        assert_eq!(read(&mut reader), (vec![b"one".to_vec()], true));
        assert_eq!(read(&mut reader), (vec![], true));
        drop(writer);
        assert_eq!(read(&mut reader), (vec![], false));
    }

    #[test]
    fn records_cross_chunks_in_order_and_the_memory_is_given_back() {
        let budget = Budget::new(1 << 20);
        let (mut writer, mut reader) = lane(&budget);
        for round in 0..10_u8 {
            for _ in 0..100 {
                assert_ne!(writer.push(TAG, &[round; 1000]), Pushed::Refused);
            }
            let (records, _) = read(&mut reader);
            assert_eq!(records, vec![vec![round; 1000]; 100]);
        }
        drop((writer, reader));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_full_budget_refuses_and_reading_makes_room_again() {
        let (mut writer, mut reader) = lane(&Budget::new(CHUNK_BYTES));
        let mut accepted = 0;
        while writer.push(TAG, &[0; 5000]) != Pushed::Refused {
            accepted += 1;
        }
        assert_eq!(accepted, 2 * (CHUNK_BYTES / 5008));
        assert_eq!(read(&mut reader).0.len(), accepted);
        assert_ne!(writer.push(TAG, &[0; 5000]), Pushed::Refused);
    }

    #[test]
    fn a_record_longer_than_a_chunk_passes_and_one_beyond_the_limit_does_not() {
        let (mut writer, mut reader) = lane(&Budget::new(8 << 20));
        assert_eq!(writer.push(TAG, &vec![3; 3 * CHUNK_BYTES]), Pushed::Yes);
        assert_eq!(writer.push(TAG, &vec![3; MAX_RECORD_BYTES + 1]), Pushed::Refused);
        assert_eq!(read(&mut reader).0, vec![vec![3; 3 * CHUNK_BYTES]]);
    }

    #[test]
    fn the_collector_has_reason_to_look_when_some_chunks_are_full_or_memory_gets_short() {
        let fill = |budget: usize| {
            let (mut writer, mut reader) = lane(&Budget::new(budget));
            let record = vec![0; CHUNK_BYTES - HEADER_BYTES];
            let mut fill = || (1..100).find(|_| writer.push(TAG, &record) == Pushed::MuchToRead);
            let first = fill();
            read(&mut reader);
            (first, fill())
        };
        // The lane's first chunk takes a record before one is full.
        assert_eq!(fill(100 * CHUNK_BYTES), (Some(1 + FULL_CHUNKS), Some(FULL_CHUNKS)));
        assert_eq!(fill(3 * CHUNK_BYTES).0, Some(3), "more than half of the memory is used");
    }

    #[test]
    fn two_threads_lose_nothing_and_keep_the_order() {
        let (mut writer, mut reader) = lane(&Budget::new(64 << 20));
        let records = if cfg!(miri) { 500 } else { 200_000_u32 };
        let writing = std::thread::spawn(move || {
            for n in 0..records {
                let body = n.to_le_bytes().repeat(1 + n as usize % 20);
                while writer.push(TAG, &body) == Pushed::Refused {
                    std::thread::yield_now();
                }
            }
        });
        let mut expected = 0_u32;
        while reader.drain(|record| {
            assert_eq!(record.body, expected.to_le_bytes().repeat(1 + expected as usize % 20));
            expected += 1;
        }) {
            std::thread::yield_now();
        }
        assert_eq!(expected, records);
        writing.join().unwrap();
    }
}
