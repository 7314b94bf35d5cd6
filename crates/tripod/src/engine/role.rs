//! What a thread of the engine's own works for. A call made there, from an exporter or a metric's callback, must not wait for that
//! very thread.

use std::cell::Cell;
use std::ptr;

thread_local! {
    static WORKS_FOR: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// Says what the calling thread works for, until it ends.
pub(crate) fn set<T>(work: &T) {
    WORKS_FOR.set(ptr::from_ref(work).cast());
}

/// Whether the calling thread works for this.
pub(crate) fn is<T>(work: &T) -> bool {
    WORKS_FOR.get() == ptr::from_ref(work).cast()
}

/// Whether the calling thread is one of the engine's own.
pub(crate) fn is_own() -> bool {
    !WORKS_FOR.get().is_null()
}
