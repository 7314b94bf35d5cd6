//! The allocator that counts: how often and how much was asked for, by the thread that measures and by all.
//!
//! It counts only while asked to, and what is timed is timed without: counting costs the peers that allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Passes everything on to the system's allocator.
pub struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static ALL: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static OWN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// What was allocated while something ran.
#[derive(Clone, Copy, Default)]
pub struct Allocated {
    /// By the calling thread.
    pub own: u64,
    pub own_bytes: u64,
    /// By all threads.
    pub all: u64,
    /// Bytes allocated and not freed, over all threads.
    pub live_bytes: i64,
}

/// Counts what `work` allocates, and of the other threads what they allocate until `then` is done.
pub fn count(work: impl FnOnce(), then: impl FnOnce()) -> Allocated {
    let (calls, bytes) = OWN.get();
    let (all, live) = (ALL.load(Ordering::Relaxed), LIVE.load(Ordering::Relaxed));
    ON.store(true, Ordering::SeqCst);
    work();
    let (own, own_bytes) = OWN.get();
    then();
    ON.store(false, Ordering::SeqCst);
    Allocated {
        own: own - calls,
        own_bytes: own_bytes - bytes,
        all: ALL.load(Ordering::Relaxed) - all,
        live_bytes: LIVE.load(Ordering::Relaxed) - live,
    }
}

fn allocated(old: usize, new: usize) {
    if ON.load(Ordering::Relaxed) {
        ALL.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(new as i64 - old as i64, Ordering::Relaxed);
        // A thread that ends has no thread-locals any more; its last allocations count for all only.
        let _ = OWN.try_with(|own| own.set((own.get().0 + 1, own.get().1 + new as u64)));
    }
}

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocated(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if ON.load(Ordering::Relaxed) {
            LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        }
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        allocated(layout.size(), size);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
