//! Cells: the numbers behind counters and histograms, a copy a thread.
//!
//! Only its own thread writes a cell, with a plain load and a plain store, so recording costs about a nanosecond and threads never
//! fight over a cache line. Reading adds up what all threads have. A thread that ends leaves its numbers in the *base*; threads
//! beyond a limit write there directly, with atomic read-modify-write, or memory would be threads × series.
//!
//! Cells are never moved and never freed: the instruments they belong to live as long as the process. A thread's copy takes 8 KiB for
//! each 1,024 cells of which it has touched one.

mod fork;
#[cfg(loom)]
pub(super) mod model;

use std::array;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
#[cfg(not(loom))]
use std::sync::OnceLock;
#[cfg(not(loom))]
use std::thread;

#[cfg_attr(loom, allow(unused_imports))]
pub(crate) use fork::after_fork;

#[cfg(not(loom))]
use crate::sync::fork::Inside;
use crate::sync::model::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::sync::model::{Mutex, MutexGuard, local};

const CHUNK_CELLS: usize = if cfg!(loom) { 4 } else { 1024 };
const CHUNKS: usize = if cfg!(loom) { 4 } else { 4096 };

/// Threads with cells of their own, for each processor.
#[cfg(not(loom))]
const THREADS_PER_CPU: usize = 4;

/// A run of neighbouring cells, all in one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cells {
    /// The first cell. [`NO_CELLS`] when there were none left: what is recorded is lost.
    first: u32,
}

/// Beyond every chunk, so that the check of bounds finds it.
const NO_CELLS: u32 = u32::MAX;

/// How the copies of a cell are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Join {
    /// Whole numbers, added (with wrap-around, so that signed ones are right too).
    Whole,
    /// Floats, added.
    Float,
    /// The greatest of what [`encode_greatest`] or [`encode_least`] made of floats.
    Greatest,
}

impl Join {
    const ALL: [Self; 3] = [Self::Whole, Self::Float, Self::Greatest];

    #[inline]
    fn join(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Whole => a.wrapping_add(b),
            Self::Float => (f64::from_bits(a) + f64::from_bits(b)).to_bits(),
            Self::Greatest => a.max(b),
        }
    }
}

/// A float as a whole number of the same order, never zero: in a cell, zero means "none yet".
#[inline]
pub(crate) fn encode_greatest(value: f64) -> u64 {
    let bits = value.to_bits();
    // A negative float's order is that of its bits turned around; its sign bit is set, so all ones are flipped.
    bits ^ (((bits as i64 >> 63) as u64) | SIGN)
}

/// The same the other way around: the least float becomes the greatest number. It is zero for one that is no number only.
#[inline]
pub(crate) fn encode_least(value: f64) -> u64 {
    !encode_greatest(value)
}

/// The inverse of [`encode_greatest`].
pub(crate) fn decode_greatest(number: u64) -> Option<f64> {
    let bits = if number & SIGN == 0 { !number } else { number ^ SIGN };
    (number != 0).then(|| f64::from_bits(bits))
}

/// The inverse of [`encode_least`].
pub(crate) fn decode_least(number: u64) -> Option<f64> {
    decode_greatest(!number).filter(|_| number != 0)
}

const SIGN: u64 = 1 << 63;

struct Chunk([AtomicU64; CHUNK_CELLS]);

impl Chunk {
    fn allocate() -> *mut Self {
        Box::into_raw(Box::new(Self(array::from_fn(|_| AtomicU64::new(0)))))
    }
}

/// One thread's cells, or the base's. Tables are made once and recycled, never freed.
#[repr(transparent)]
struct Table {
    chunks: [AtomicPtr<Chunk>; CHUNKS],
}

impl Table {
    fn new() -> &'static Self {
        // From a vector, so that 32 KiB do not pass over the stack.
        let chunks: Box<[_]> = (0..CHUNKS).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        let table: *mut [AtomicPtr<Chunk>] = Box::into_raw(chunks);
        // SAFETY: the slice has `CHUNKS` elements, and a `Table` is just an array of as many.
        unsafe { &*table.cast::<Self>() }
    }

    /// The run of cells, if its chunk exists.
    #[inline]
    fn run(&self, first: u32, len: usize) -> Option<&[AtomicU64]> {
        // Acquire: the zeros that the owner filled the chunk with are seen.
        let chunk = self.chunks.get(first as usize / CHUNK_CELLS)?.load(Ordering::Acquire);
        // SAFETY: a chunk that was published is never freed.
        let chunk = unsafe { chunk.as_ref() }?;
        chunk.0.get(first as usize % CHUNK_CELLS..)?.get(..len)
    }

    /// The cell, if its chunk exists.
    #[inline]
    fn get(&self, cell: u32) -> Option<&AtomicU64> {
        self.run(cell, 1)?.first()
    }

    /// The cell, its chunk made if it is missing; `None` beyond all chunks.
    fn get_or_allocate(&self, cell: u32) -> Option<&AtomicU64> {
        let slot = self.chunks.get(cell as usize / CHUNK_CELLS)?;
        loop {
            if let Some(cell) = self.get(cell) {
                return Some(cell);
            }
            let made = Chunk::allocate();
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

#[cfg(loom)]
use model::global;

#[cfg(not(loom))]
fn global() -> &'static Global {
    static GLOBAL: OnceLock<Global> = OnceLock::new();
    if let Some(global) = GLOBAL.get() {
        return global;
    }
    // Not while the process forks: a child is not to meet it half made.
    let _inside = Inside::enter();
    GLOBAL.get_or_init(|| Global::new(thread::available_parallelism().map_or(8, usize::from) * THREADS_PER_CPU))
}

impl Global {
    #[cfg_attr(all(loom, not(test)), allow(dead_code))]
    fn new(thread_limit: usize) -> Self {
        let joins = (0..CHUNKS).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { base: Table::new(), joins, inner: Mutex::default(), thread_limit }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    fn join_of(&self, cell: u32) -> Join {
        let Some(slot) = self.joins.get(cell as usize / CHUNK_CELLS) else { return Join::Whole };
        // SAFETY: never freed once published.
        let chunk = unsafe { slot.load(Ordering::Acquire).as_ref() };
        let join = chunk.map_or(0, |chunk| chunk[cell as usize % CHUNK_CELLS].load(Ordering::Relaxed));
        Join::ALL[usize::from(join) % Join::ALL.len()]
    }

    /// Called under the lock.
    fn set_join(&self, cell: u32, join: Join) {
        let slot = &self.joins[cell as usize / CHUNK_CELLS];
        if slot.load(Ordering::Acquire).is_null() {
            let made = Box::new(array::from_fn(|_| AtomicU8::new(0)));
            slot.store(Box::into_raw(made), Ordering::Release);
        }
        // SAFETY: just made sure of, and never freed.
        let chunk = unsafe { &*slot.load(Ordering::Acquire) };
        chunk[cell as usize % CHUNK_CELLS].store(join as u8, Ordering::Relaxed);
    }

    fn add_to_base(&self, cell: u32, bits: u64) {
        let join = self.join_of(cell);
        let Some(number) = self.base.get_or_allocate(cell) else { return };
        // Relaxed: a number guards no other memory.
        let _ = number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(join.join(old, bits)));
    }
}

local! {
    /// This thread's table; null before its first record, when it has none of its own, and while it ends. Without a destructor,
    /// so that reaching it costs one instruction.
    static TABLE: Cell<*const Table> = Cell::new(ptr::null());
    /// Hands the table back when the thread ends.
    static OWNER: Owner = Owner;
    /// Whether the thread has asked for a table before: then it has none, and is not to ask again.
    static ASKED: Cell<bool> = Cell::new(false);
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        // A model's threads call it themselves: when this is dropped, their `TABLE` is gone.
        #[cfg(not(loom))]
        give_back();
    }
}

/// What the thread has counted goes to the base, and its table to another thread.
#[cfg_attr(all(loom, not(test)), allow(dead_code))]
fn give_back() {
    // SAFETY: tables are never freed.
    let Some(table) = (unsafe { TABLE.with(|table| table.replace(ptr::null())).as_ref() }) else { return };
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

impl Cells {
    /// No cells: what is recorded into them is lost.
    pub(crate) const NONE: Self = Self { first: NO_CELLS };
    /// The longest run.
    pub(crate) const LONGEST: usize = CHUNK_CELLS;

    /// As many new cells as there are joins, at most [`Cells::LONGEST`].
    pub(crate) fn new(joins: &[Join]) -> Self {
        let global = global();
        let mut inner = global.lock();
        let (next, len) = (inner.next_cell as usize, joins.len());
        // Not across the border of two chunks.
        let first = if next % CHUNK_CELLS + len > CHUNK_CELLS { next.next_multiple_of(CHUNK_CELLS) } else { next };
        if len > CHUNK_CELLS || first + len > CHUNKS * CHUNK_CELLS {
            return Self::NONE;
        }
        inner.next_cell = (first + len) as u32;
        for (cell, join) in (first as u32..).zip(joins) {
            global.set_join(cell, *join);
        }
        Self { first: first as u32 }
    }

    /// Joins `bits` into the cell at `offset`. `join` is what the cell was made with.
    #[inline]
    pub(crate) fn record(self, offset: u32, join: Join, bits: u64) {
        match self.own(offset, 1) {
            Some(own) => own.record(0, join, bits),
            None => self.record_slowly(offset, join, bits),
        }
    }

    /// This thread's copies of the `len` cells from `offset` on, to work on several at once. `None` before its first record there
    /// and when it has none: then [`Cells::record`] is for it.
    #[inline]
    pub(crate) fn own(self, offset: u32, len: usize) -> Option<Own> {
        // SAFETY: tables are never freed; this one is the thread's own, until `Owner` takes it away.
        let table: &'static Table = unsafe { TABLE.with(Cell::get).as_ref() }?;
        let cells = table.run(self.first.saturating_add(offset), len)?;
        Some(Own { cells, _not_send: PhantomData })
    }

    fn record_slowly(self, offset: u32, join: Join, bits: u64) {
        if let Some(cell) = self.first.checked_add(offset) {
            record_slowly(cell, join, bits);
        }
    }
}

/// Cells that are made when they are first written, for what few series need.
pub(crate) struct LateCells(AtomicU32);

/// There are none yet; beyond every chunk, as [`NO_CELLS`].
const NOT_YET: u32 = u32::MAX - 1;

impl Default for LateCells {
    fn default() -> Self {
        Self(AtomicU32::new(NOT_YET))
    }
}

impl LateCells {
    pub(crate) fn get(&self) -> Option<Cells> {
        // Acquire: how the cells are joined is seen.
        let first = self.0.load(Ordering::Acquire);
        (first != NOT_YET).then_some(Cells { first })
    }

    #[inline]
    pub(crate) fn get_or_make(&self, joins: &[Join]) -> Cells {
        self.get().unwrap_or_else(|| {
            let made = Cells::new(joins);
            match self.0.compare_exchange(NOT_YET, made.first, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => made,
                // Somebody else was faster; the cells made here stay unused.
                Err(first) => Cells { first },
            }
        })
    }
}

/// Cells that no other thread writes. Not to be kept: when the thread ends, they become another's.
pub(crate) struct Own {
    cells: &'static [AtomicU64],
    _not_send: PhantomData<*const ()>,
}

impl Own {
    /// Joins `bits` into a cell.
    #[inline]
    pub(crate) fn record(&self, offset: usize, join: Join, bits: u64) {
        let Some(cell) = self.cells.get(offset) else { return };
        // Relaxed load and store rather than a read-modify-write: no other thread writes this cell while it is ours.
        let old = cell.load(Ordering::Relaxed);
        match join {
            // Usually it stays as it is: then it is not written, and nothing has to wait for the store.
            Join::Greatest if bits <= old => {}
            _ => cell.store(join.join(old, bits), Ordering::Relaxed),
        }
    }
}

/// The thread's first record, or its first in a chunk; or a thread without a table.
#[cold]
fn record_slowly(cell: u32, join: Join, bits: u64) {
    fork::begin_anew();
    if TABLE.with(Cell::get).is_null() && !ASKED.with(Cell::get) && OWNER.try_with(|_| ()).is_ok() {
        let global = global();
        // Whoever holds the lock reads all cells: rather than wait for it, this record goes to the base.
        if let Some(mut inner) = global.inner.try_lock() {
            ASKED.with(|asked| asked.set(true));
            if inner.live.len() < global.thread_limit {
                let table = inner.free.pop().unwrap_or_else(Table::new);
                inner.live.push(table);
                TABLE.with(|own| own.set(table));
            }
        }
    }
    // SAFETY: as in `Cells::own`.
    let own = unsafe { TABLE.with(Cell::get).as_ref() }.and_then(|table| table.get_or_allocate(cell));
    match own {
        Some(number) => number.store(join.join(number.load(Ordering::Relaxed), bits), Ordering::Relaxed),
        None => global().add_to_base(cell, bits),
    }
}

/// Reads cells, all threads' numbers joined. While it lives no thread gets cells of its own or gives them back, so it is not to be
/// kept for long.
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

    /// The joined bits of the cell at `offset`, which was made with this `join`.
    pub(crate) fn bits(&self, cells: Cells, offset: u32, join: Join) -> u64 {
        let Some(cell) = cells.first.checked_add(offset) else { return 0 };
        let numbers = self.tables().filter_map(|table| table.get(cell));
        numbers.fold(0, |all, number| join.join(all, number.load(Ordering::Relaxed)))
    }

    /// Adds what the run of whole numbers from `offset` on counts to `counts`.
    pub(crate) fn add_counts(&self, cells: Cells, offset: u32, counts: &mut [u64]) {
        let Some(first) = cells.first.checked_add(offset) else { return };
        let len = counts.len();
        for run in self.tables().filter_map(|table| table.run(first, len)) {
            for (count, number) in counts.iter_mut().zip(run) {
                *count = count.wrapping_add(number.load(Ordering::Relaxed));
            }
        }
    }

    fn tables(&self) -> impl Iterator<Item = &'static Table> {
        self.inner.live.iter().copied().chain([self.global.base])
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn whole(cells: Cells) -> u64 {
        CellReader::new().bits(cells, 0, Join::Whole)
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
        let cells = Cells::new(&[Join::Whole, Join::Float, Join::Greatest, Join::Greatest]);
        let threads = if cfg!(miri) { global().thread_limit + 2 } else { 3 * global().thread_limit };
        let (records, gate) = (if cfg!(miri) { 3 } else { 1000 }, std::sync::Barrier::new(threads));
        thread::scope(|scope| {
            for n in 0..threads {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    for _ in 0..records {
                        cells.record(0, Join::Whole, 1);
                        cells.record(1, Join::Float, 0.5_f64.to_bits());
                        cells.record(2, Join::Greatest, encode_least(n as f64));
                        cells.record(3, Join::Greatest, encode_greatest(n as f64));
                    }
                    gate.wait();
                });
            }
        });
        let (reader, all) = (CellReader::new(), (threads * records) as u64);
        assert_eq!(reader.bits(cells, 0, Join::Whole), all);
        assert_eq!(f64::from_bits(reader.bits(cells, 1, Join::Float)), all as f64 / 2.0);
        assert_eq!(decode_least(reader.bits(cells, 2, Join::Greatest)), Some(0.0));
        assert_eq!(decode_greatest(reader.bits(cells, 3, Join::Greatest)), Some(threads as f64 - 1.0));
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
    fn a_float_in_a_cell_keeps_its_order_and_is_never_none() {
        let floats = [f64::NEG_INFINITY, f64::MIN, -1.0, -f64::MIN_POSITIVE, -0.0, 0.0, 5e-324, 1.0, f64::INFINITY];
        assert!(floats.map(encode_greatest).is_sorted() && floats.map(encode_least).is_sorted_by(|a, b| a > b));
        for float in floats {
            assert!(encode_greatest(float) != 0 && encode_least(float) != 0);
            assert_eq!(decode_greatest(encode_greatest(float)), Some(float));
            assert_eq!(decode_least(encode_least(float)), Some(float));
        }
        assert_eq!((decode_greatest(0), decode_least(0)), (None, None));
    }

    #[test]
    fn a_run_lies_in_one_chunk_and_beyond_the_longest_there_is_none() {
        for _ in 0..3 {
            let cells = Cells::new(&[Join::Whole; 700]);
            assert!(cells.first as usize % CHUNK_CELLS + 700 <= CHUNK_CELLS, "{cells:?}");
            cells.record(699, Join::Whole, 7);
            let mut counts = [0; 700];
            CellReader::new().add_counts(cells, 0, &mut counts);
            assert_eq!((counts[698], counts[699]), (0, 7));
        }
        let none = Cells::new(&[Join::Whole; Cells::LONGEST + 1]);
        none.record(5, Join::Whole, 1);
        assert_eq!((none, CellReader::new().bits(none, 5, Join::Whole)), (Cells::NONE, 0));
    }
}
