//! Cells in a forked child: what the parent counted is the parent's to report, so the child counts from zero.
//!
//! Zeroing writes to every page of numbers, which the fork had left shared; as most children `exec`, it waits for the first record
//! or reading.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{ASKED, Inner, TABLE, global};
use crate::engine;

/// The numbers are still the parent's.
static INHERITED: AtomicBool = AtomicBool::new(false);

/// Called in the child, in its only thread. That one begins as if it had not recorded, so that its first record finds out.
#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
pub(crate) fn after_fork() {
    TABLE.with(|table| table.set(std::ptr::null()));
    ASKED.with(|asked| asked.set(false));
    INHERITED.store(true, Ordering::Relaxed);
}

/// Before a record: the child counts from zero, and has an engine to report it.
#[inline]
pub(super) fn begin_anew() {
    // Acquire: who sees the numbers as the child's own sees them zeroed.
    if INHERITED.load(Ordering::Acquire) {
        forget_inherited(&mut global().lock());
        engine::running();
    }
}

/// Zeroes the parent's numbers, unless that is done.
pub(super) fn forget_inherited(inner: &mut Inner) {
    if !INHERITED.load(Ordering::Relaxed) {
        return;
    }
    for table in inner.live.iter().chain(&inner.free).chain([&global().base]) {
        table.each(|_, number| {
            // Only what is not zero is written: pages stay shared.
            if number.load(Ordering::Relaxed) != 0 {
                number.store(0, Ordering::Relaxed);
            }
        });
    }
    // The threads that they belonged to are not here.
    let Inner { live, free, .. } = inner;
    free.append(live);
    INHERITED.store(false, Ordering::Release);
}
