//! A lane: one thread's finished records on their way to the collector. One writer, one reader, no lock, and no allocation once
//! warm.
//!
//! The writer fills a chunk and publishes how far it has got; the reader takes what is published, also from a chunk that is not
//! full, so flushing never waits for the thread that writes. A full chunk is linked to the next, and once read it goes back
//! to the writer for reuse. The chunks of all lanes together stay within a byte budget: beyond it a record is refused, and
//! the caller counts it. Whichever end is dropped last frees what is left.
//!
//! Cost: a copy of the record and one store with release ordering.

use std::ptr;

pub(crate) use super::chunk::{Budget, SharedBudget};
use super::chunk::{CHUNK_BYTES, Chunk};
use crate::sync::model::Arc;
use crate::sync::model::atomic::{AtomicBool, AtomicPtr, Ordering};

/// The longest record a lane takes.
pub(crate) const MAX_RECORD_BYTES: usize = 1024 * 1024;

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
    /// One read chunk waiting for reuse; null when there is none.
    spare: AtomicPtr<Chunk>,
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
    shared: Arc<Shared>,
}

/// The reading end, owned by the collector.
pub(crate) struct Reader {
    chunk: *mut Chunk,
    at: usize,
    shared: Arc<Shared>,
}

// SAFETY: each end owns its cursor; what both ends reach through the pointers is synchronised by `published`, `next`, `spare`
// (see the orderings below), so an end may move to another thread.
unsafe impl Send for Writer {}
// SAFETY: as above.
unsafe impl Send for Reader {}

/// A new lane, with a chunk to begin with.
pub(crate) fn lane(budget: &SharedBudget) -> (Writer, Reader) {
    let chunk = Chunk::allocate_first(CHUNK_BYTES);
    let shared = Arc::new(Shared {
        spare: AtomicPtr::new(ptr::null_mut()),
        closed: AtomicBool::new(false),
        unread: AtomicPtr::new(ptr::null_mut()),
        budget: SharedBudget::clone(budget),
    });
    let writer = Writer { chunk, at: 0, shared: Arc::clone(&shared) };
    (writer, Reader { chunk, at: 0, shared })
}

/// What [`Writer::push`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The record is published.
    Yes,
    /// The record is published, and a chunk is full: the collector has reason to look.
    ChunkFull,
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
            if room > MAX_RECORD_BYTES || !self.advance(HEADER_BYTES + room) {
                return Pushed::Refused;
            }
            pushed = Pushed::ChunkFull;
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

    /// Goes on in a chunk with room for `needed` bytes: the spare one, or a new one.
    fn advance(&mut self, needed: usize) -> bool {
        // Acquire: pairs with the reader's release of the spare, so that its last reads lie before our first write.
        let spare = self.shared.spare.swap(ptr::null_mut(), Ordering::Acquire);
        let next = if spare.is_null() {
            match Chunk::allocate(needed.max(CHUNK_BYTES), &self.shared.budget) {
                Some(chunk) => chunk,
                None => return false,
            }
        // SAFETY: a spare is out of the reader's hands, so it is ours alone.
        } else if unsafe { &*spare }.len() < needed {
            // SAFETY: as above.
            self.shared.budget.give_back(unsafe { Chunk::free(spare) });
            match Chunk::allocate(needed, &self.shared.budget) {
                Some(chunk) => chunk,
                None => return false,
            }
        } else {
            spare
        };
        // SAFETY: the current chunk is alive, as in `push`; after this store it belongs to the reader alone.
        // Release: who sees `next` sees the last `published` of this chunk, and a reset one in the next.
        unsafe { &*self.chunk }.next.store(next, Ordering::Release);
        self.chunk = next;
        self.at = 0;
        true
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Release: who sees the lane closed sees all that was published.
        self.shared.closed.store(true, Ordering::Release);
    }
}

impl Reader {
    /// Hands every published record to `take`, in order. Returns false when the lane is over: its writer gone, everything read.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(Record<'_>)) -> bool {
        // Before reading: what was published before the lane closed is then read below.
        let closed = self.shared.closed.load(Ordering::Acquire);
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

    fn recycle(&self, chunk: *mut Chunk) {
        // SAFETY: the writer left this chunk when it set `next`, so it is ours alone.
        let read = unsafe { &*chunk };
        // Where memory is short it is not kept: it may be another thread's turn.
        if read.len() == CHUNK_BYTES && self.shared.budget.is_ample() {
            read.published.store(0, Ordering::Relaxed);
            read.next.store(ptr::null_mut(), Ordering::Relaxed);
            let spare = &self.shared.spare;
            // Release: our reads and the two resets lie before the writer's reuse.
            if spare.compare_exchange(ptr::null_mut(), chunk, Ordering::Release, Ordering::Relaxed).is_ok() {
                return;
            }
        }
        // SAFETY: as above; it was not handed to the writer.
        self.shared.budget.give_back(unsafe { Chunk::free(chunk) });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Relaxed: who drops the lane's last part sees what the others did before.
        self.shared.unread.store(self.chunk, Ordering::Relaxed);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Neither end can reach anything any more, and both have left the chain in order: the reader where it begins, the writer
        // with its last chunk at the end.
        let (mut chunk, mut freed) = (self.unread.load(Ordering::Relaxed), 0);
        while !chunk.is_null() {
            // SAFETY: the chain is ours alone.
            let next = unsafe { &*chunk }.next.load(Ordering::Relaxed);
            // SAFETY: as above.
            freed += unsafe { Chunk::free(chunk) };
            chunk = next;
        }
        let spare = self.spare.load(Ordering::Relaxed);
        if !spare.is_null() {
            // SAFETY: as above.
            freed += unsafe { Chunk::free(spare) };
        }
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
        assert_eq!(writer.push(TAG, &vec![3; 3 * CHUNK_BYTES]), Pushed::ChunkFull);
        assert_eq!(writer.push(TAG, &vec![3; MAX_RECORD_BYTES + 1]), Pushed::Refused);
        assert_eq!(read(&mut reader).0, vec![vec![3; 3 * CHUNK_BYTES]]);
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
