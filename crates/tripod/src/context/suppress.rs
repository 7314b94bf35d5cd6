//! Suppression: code during which nothing is recorded, such as what sends telemetry itself.
//!
//! It costs the code that is not suppressed nothing: a thread asks for the engine anew whenever its generation has changed, and
//! suppressing is such a change.

use std::cell::Cell;
use std::marker::PhantomData;

use super::stack;

thread_local! {
    /// How many guards live.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Records no spans and no logs on this thread until the guard is dropped. Spans that run go on and are recorded when they end;
/// metrics go on as well.
///
/// What is suppressed stays so in a [`Context`](crate::Context) taken meanwhile, wherever it is attached, and in futures in that
/// context ([`in_context`](crate::InSpanExt::in_context)).
///
/// ```
/// let _span = tripod::span!("send"); // recorded
/// let _quiet = tripod::suppress();
/// let _connect = tripod::span!("connect"); // not recorded
/// tripod::info!("connected"); // not recorded
/// ```
pub fn suppress() -> Suppressed {
    DEPTH.set(DEPTH.get() + 1);
    stack::with(|local| local.outbox.ask_anew());
    Suppressed { _not_send: PhantomData }
}

/// Suppresses what this thread records from now on: for the engine's own threads, or sending telemetry would cause more of it.
pub(crate) fn for_ever() {
    std::mem::forget(suppress());
}

/// Runs the user's code on a thread of the engine's: what it records is the program's.
pub(crate) fn lifted<R>(work: impl FnOnce() -> R) -> R {
    /// Also when the work panics.
    struct Again(u32);
    impl Drop for Again {
        fn drop(&mut self) {
            DEPTH.set(self.0);
            stack::with(|local| local.outbox.ask_anew());
        }
    }
    let _again = Again(DEPTH.replace(0));
    work()
}

/// Whether nothing is recorded on this thread.
#[inline]
pub(crate) fn is_suppressed() -> bool {
    DEPTH.get() > 0
}

/// Ends the suppression when dropped; see [`suppress`].
#[derive(Debug)]
#[must_use = "what is recorded is suppressed for as long as the guard lives"]
pub struct Suppressed {
    _not_send: PhantomData<*const ()>,
}

impl Drop for Suppressed {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
