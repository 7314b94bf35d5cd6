//! Whether metrics are recorded at all: one flag for the process, asked first by whatever records.
//!
//! Off, a call costs a load and a branch: no label is looked at, no series is made, no callback is asked. Numbers that were recorded
//! before stay as they were. On until something says otherwise, as instruments are often used before telemetry is started.

use std::sync::atomic::{AtomicBool, Ordering};

static ON: AtomicBool = AtomicBool::new(true);

/// Turns recording on or off.
pub(crate) fn enable(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

#[inline]
pub(crate) fn on() -> bool {
    // Relaxed: a thread that sees the switch late records a measurement more or less.
    !crate::OFF && ON.load(Ordering::Relaxed)
}
