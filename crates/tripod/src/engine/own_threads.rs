//! The engine's own threads: what they do is not recorded, or sending telemetry would cause more of it.

use crate::context::suppress;

/// Says that the calling thread is one of the engine's.
pub(crate) fn mark() {
    std::mem::forget(suppress::suppress());
}

/// Whether the calling thread is one of the engine's, or whoever runs on it wants nothing recorded.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) fn is_own() -> bool {
    suppress::is_suppressed()
}
