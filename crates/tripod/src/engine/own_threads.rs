//! The engine's own threads: what they do is not recorded, or sending telemetry would cause more of it.

use std::cell::Cell;

thread_local! {
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// Says that the calling thread is one of the engine's.
pub(crate) fn mark() {
    OWN.set(true);
}

/// Whether the calling thread is one of the engine's.
#[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
pub(crate) fn is_own() -> bool {
    OWN.get()
}
