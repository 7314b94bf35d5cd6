//! Cells: the numbers behind counters and histograms, a copy a thread.
//!
//! Only its own thread writes a cell, with a plain load and a plain store, so recording costs about a nanosecond and threads never
//! fight over a cache line. Reading adds up what all threads have. A thread that ends leaves its numbers in the *base*; threads
//! beyond a limit write there directly, with atomic read-modify-write, or memory would be threads × series.
//!
//! Cells are never moved and never freed: the instruments they belong to live as long as the process. A thread's copy takes 8 KiB for
//! each 1,024 cells of which it has touched one.

mod fork;

use std::cell::Cell;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::thread;

pub(crate) use fork::after_fork;

use crate::sync::{Mutex, MutexGuard};

const CHUNK_CELLS: usize = 1024;
const CHUNKS: usize = 4096;

/// Threads with cells of their own, for each processor.
const THREADS_PER_CPU: usize = 4;

/// A run of neighbouring cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    /// The first cell; `None` when there were none left: what is recorded is lost.
    first: Option<u32>,
}

/// How the copies of a cell are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Join {
    /// Whole numbers, added (with wrap-around, so that signed ones are right too).
    Whole,
    /// Floats, added.
    Float,
    /// The least of the floats, by [`encode_extreme`].
    Least,
    /// The greatest of the floats, by [`encode_extreme`].
    Greatest,
}

impl Join {
    const ALL: [Self; 4] = [Self::Whole, Self::Float, Self::Least, Self::Greatest];

    #[inline]
    fn join(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Whole => a.wrapping_add(b),
            Self::Float => (f64::from_bits(a) + f64::from_bits(b)).to_bits(),
            Self::Least => extreme(a, b, |a, b| a <= b),
            Self::Greatest => extreme(a, b, |a, b| a >= b),
        }
    }
}

/// A float in a cell where zero means "none yet".
#[inline]
pub(crate) fn encode_extreme(value: f64) -> u64 {
    value.to_bits().wrapping_add(1)
}

/// The inverse of [`encode_extreme`].
pub(crate) fn decode_extreme(bits: u64) -> Option<f64> {
    (bits != 0).then(|| f64::from_bits(bits - 1))
}

#[inline]
fn extreme(a: u64, b: u64, first_wins: fn(f64, f64) -> bool) -> u64 {
    match (decode_extreme(a), decode_extreme(b)) {
        (Some(x), Some(y)) => {
            if first_wins(x, y) {
                a
            } else {
                b
            }
        }
        (None, _) => b,
        (_, None) => a,
    }
}

struct Chunk([AtomicU64; CHUNK_CELLS]);

impl Chunk {
    fn allocate() -> *mut Self {
        Box::into_raw(Box::new(Self([const { AtomicU64::new(0) }; CHUNK_CELLS])))
    }
}

/// One thread's cells, or the base's. Tables are made once and recycled, never freed.
struct Table {
    chunks: Box<[AtomicPtr<Chunk>]>,
}

impl Table {
    fn new() -> &'static Self {
        let chunks = (0..CHUNKS).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Box::leak(Box::new(Self { chunks }))
    }

    /// The cell, if its chunk exists.
    #[inline]
    fn get(&self, cell: u32) -> Option<&AtomicU64> {
        // Acquire: the zeros that the owner filled the chunk with are seen.
        let chunk = self.chunks[cell as usize / CHUNK_CELLS].load(Ordering::Acquire);
        // SAFETY: a chunk that was published is never freed.
        unsafe { chunk.as_ref() }.map(|chunk| &chunk.0[cell as usize % CHUNK_CELLS])
    }

    /// The cell, its chunk made if it is missing.
    fn get_or_allocate(&self, cell: u32) -> &AtomicU64 {
        loop {
            if let Some(cell) = self.get(cell) {
                return cell;
            }
            let (slot, made) = (&self.chunks[cell as usize / CHUNK_CELLS], Chunk::allocate());
            // Release: whoever sees the chunk sees its zeros.
            if slot.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Relaxed).is_err() {
                // Somebody else was faster: only the base has more than one writer.
                // SAFETY: `made` was never published.
                drop(unsafe { Box::from_raw(made) });
            }
        }
    }

    /// Cells of chunks that exist, with their numbers.
    fn each(&self, mut visit: impl FnMut(u32, &AtomicU64)) {
        for (at, chunk) in self.chunks.iter().enumerate() {
            // SAFETY: as in `get`.
            let Some(chunk) = (unsafe { chunk.load(Ordering::Acquire).as_ref() }) else { continue };
            for (cell, number) in chunk.0.iter().enumerate() {
                visit((at * CHUNK_CELLS + cell) as u32, number);
            }
        }
    }
}

/// What there is once a process.
struct Global {
    base: &'static Table,
    /// How each cell is joined.
    joins: Box<[AtomicPtr<[AtomicU8; CHUNK_CELLS]>]>,
    inner: Mutex<Inner>,
    thread_limit: usize,
}

#[derive(Default)]
struct Inner {
    next_cell: u32,
    /// Tables of living threads.
    live: Vec<&'static Table>,
    /// Tables of threads that have ended, all zero.
    free: Vec<&'static Table>,
}

/// Makes what there is once a process: before forks, none of which is to meet it half made.
pub(crate) fn ready() {
    global();
}

fn global() -> &'static Global {
    static GLOBAL: OnceLock<Global> = OnceLock::new();
    GLOBAL.get_or_init(|| Global {
        base: Table::new(),
        joins: (0..CHUNKS).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
        inner: Mutex::default(),
        thread_limit: thread::available_parallelism().map_or(8, usize::from) * THREADS_PER_CPU,
    })
}

impl Global {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    fn join_of(&self, cell: u32) -> Join {
        let chunk = self.joins[cell as usize / CHUNK_CELLS].load(Ordering::Acquire);
        // SAFETY: never freed once published.
        let join =
            unsafe { chunk.as_ref() }.map_or(0, |chunk| chunk[cell as usize % CHUNK_CELLS].load(Ordering::Relaxed));
        Join::ALL[usize::from(join) % Join::ALL.len()]
    }

    /// Called under the lock.
    fn set_join(&self, cell: u32, join: Join) {
        let slot = &self.joins[cell as usize / CHUNK_CELLS];
        if slot.load(Ordering::Acquire).is_null() {
            let made = Box::new([const { AtomicU8::new(0) }; CHUNK_CELLS]);
            slot.store(Box::into_raw(made), Ordering::Release);
        }
        // SAFETY: just made sure of, and never freed.
        let chunk = unsafe { &*slot.load(Ordering::Acquire) };
        chunk[cell as usize % CHUNK_CELLS].store(join as u8, Ordering::Relaxed);
    }

    fn add_to_base(&self, cell: u32, bits: u64) {
        let join = self.join_of(cell);
        let number = self.base.get_or_allocate(cell);
        // Relaxed: a number guards no other memory.
        let _ = number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(join.join(old, bits)));
    }
}

thread_local! {
    /// This thread's table; null before its first record, when it has none of its own, and while it ends. Without a destructor,
    /// so that reaching it costs one instruction.
    static TABLE: Cell<*const Table> = const { Cell::new(ptr::null()) };
    /// Hands the table back when the thread ends.
    static OWNER: Owner = const { Owner };
    /// Whether the thread has asked for a table before: then it has none, and is not to ask again.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let table = TABLE.replace(ptr::null());
        // SAFETY: tables are never freed.
        let Some(table) = (unsafe { table.as_ref() }) else { return };
        let global = global();
        // Under the lock, so that no reader sees the numbers twice or not at all.
        let mut inner = global.lock();
        table.each(|cell, number| {
            let bits = number.swap(0, Ordering::Relaxed);
            if bits != 0 {
                global.add_to_base(cell, bits);
            }
        });
        inner.live.retain(|live| !ptr::eq(*live, table));
        inner.free.push(table);
    }
}

impl Cells {
    /// As many new cells as there are joins.
    pub(crate) fn new(joins: &[Join]) -> Self {
        let global = global();
        let mut inner = global.lock();
        let (first, len) = (inner.next_cell, joins.len() as u32);
        if (first + len) as usize > CHUNKS * CHUNK_CELLS {
            return Self { first: None };
        }
        inner.next_cell += len;
        for (cell, join) in (first..).zip(joins) {
            global.set_join(cell, *join);
        }
        Self { first: Some(first) }
    }

    /// Joins `bits` into the cell at `offset`. `join` is what the cell was made with.
    #[inline]
    pub(crate) fn record(self, offset: u32, join: Join, bits: u64) {
        let Some(cell) = self.first.map(|first| first + offset) else { return };
        // SAFETY: tables are never freed; this one is the thread's own, until `Owner` takes it away.
        match unsafe { TABLE.get().as_ref() }.and_then(|table| table.get(cell)) {
            // Relaxed load and store rather than a read-modify-write: no other thread writes this cell while it is ours.
            Some(number) => number.store(join.join(number.load(Ordering::Relaxed), bits), Ordering::Relaxed),
            None => record_slowly(cell, join, bits),
        }
    }
}

/// The thread's first record, or its first in a chunk; or a thread without a table.
#[cold]
fn record_slowly(cell: u32, join: Join, bits: u64) {
    fork::begin_anew();
    if TABLE.get().is_null() && !ASKED.replace(true) && OWNER.try_with(|_| ()).is_ok() {
        let global = global();
        let mut inner = global.lock();
        if inner.live.len() < global.thread_limit {
            let table = inner.free.pop().unwrap_or_else(Table::new);
            inner.live.push(table);
            TABLE.set(table);
        }
    }
    // SAFETY: as in `Cells::record`.
    match unsafe { TABLE.get().as_ref() } {
        Some(table) => {
            let number = table.get_or_allocate(cell);
            number.store(join.join(number.load(Ordering::Relaxed), bits), Ordering::Relaxed);
        }
        None => global().add_to_base(cell, bits),
    }
}

/// Reads cells, all threads' numbers joined. While it lives, no thread begins or ends recording.
pub(crate) struct CellReader {
    global: &'static Global,
    inner: MutexGuard<'static, Inner>,
}

impl CellReader {
    pub(crate) fn new() -> Self {
        let global = global();
        let mut inner = global.lock();
        fork::forget_inherited(&mut inner);
        Self { global, inner }
    }

    /// The joined bits of the cell at `offset`.
    pub(crate) fn bits(&self, cells: Cells, offset: u32) -> u64 {
        let Some(cell) = cells.first.map(|first| first + offset) else { return 0 };
        let join = self.global.join_of(cell);
        let tables = self.inner.live.iter().chain([&self.global.base]);
        tables.filter_map(|table| table.get(cell)).fold(0, |all, number| join.join(all, number.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(cells: Cells) -> u64 {
        CellReader::new().bits(cells, 0)
    }

    #[test]
    fn numbers_of_threads_that_run_and_of_threads_that_ended_are_added_up() {
        let cells = Cells::new(&[Join::Whole]);
        let (ready, wait) = (std::sync::Barrier::new(3), std::sync::Barrier::new(3));
        thread::scope(|scope| {
            for n in 0..10 {
                scope.spawn(move || cells.record(0, Join::Whole, n)).join().unwrap();
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    cells.record(0, Join::Whole, 1000);
                    ready.wait();
                    wait.wait();
                });
            }
            ready.wait();
            assert_eq!(whole(cells), 2045);
            wait.wait();
        });
        assert_eq!(whole(cells), 2045);
    }

    #[test]
    fn more_threads_than_tables_lose_nothing() {
        let cells = Cells::new(&[Join::Whole, Join::Float, Join::Least, Join::Greatest]);
        let threads = 3 * global().thread_limit;
        let (records, gate) = (if cfg!(miri) { 3 } else { 1000 }, std::sync::Barrier::new(threads));
        thread::scope(|scope| {
            for n in 0..threads {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    for _ in 0..records {
                        cells.record(0, Join::Whole, 1);
                        cells.record(1, Join::Float, 0.5_f64.to_bits());
                        cells.record(2, Join::Least, encode_extreme(n as f64));
                        cells.record(3, Join::Greatest, encode_extreme(n as f64));
                    }
                    gate.wait();
                });
            }
        });
        let (reader, all) = (CellReader::new(), (threads * records) as u64);
        assert_eq!(reader.bits(cells, 0), all);
        assert_eq!(f64::from_bits(reader.bits(cells, 1)), all as f64 / 2.0);
        assert_eq!(decode_extreme(reader.bits(cells, 2)), Some(0.0));
        assert_eq!(decode_extreme(reader.bits(cells, 3)), Some(threads as f64 - 1.0));
    }

    #[test]
    fn reading_while_threads_write_and_end_never_goes_back() {
        let cells = Cells::new(&[Join::Whole]);
        let rounds = if cfg!(miri) { 2 } else { 50 };
        thread::scope(|scope| {
            let writers = scope.spawn(|| {
                for _ in 0..rounds {
                    let write = || (0..100).for_each(|_| cells.record(0, Join::Whole, 1));
                    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(write))));
                }
            });
            let mut last = 0;
            while !writers.is_finished() {
                let now = whole(cells);
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        assert_eq!(whole(cells), rounds * 400);
    }

    #[test]
    fn an_extreme_that_is_zero_is_not_none() {
        assert_eq!(decode_extreme(encode_extreme(0.0)), Some(0.0));
        assert_eq!(decode_extreme(Join::Least.join(0, encode_extreme(-1.0))), Some(-1.0));
        assert_eq!(decode_extreme(0), None);
    }
}
