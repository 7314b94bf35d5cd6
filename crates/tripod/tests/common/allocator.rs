//! The system's allocator, counting: allocations a thread, and bytes of the whole process.
//!
//! Whoever includes this has it as the global allocator of its test program, which should be a file of its own.
#![allow(dead_code, unreachable_pub, reason = "each test program uses some of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that are allocated in the process.
static LIVE: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// What this thread has allocated: what the engine's threads do doesn't count.
pub fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Bytes that are allocated in the process.
pub fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

fn count(grown_by: i64) {
    // A thread that ends still frees and allocates when its counter is gone.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    LIVE.fetch_add(grown_by, Ordering::Relaxed);
}

// SAFETY: hands every call on to the system's allocator unchanged; counting neither allocates nor fails.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
