//! The end of the process by `exit`, or by returning from `main`, while a guard is alive in a static or was leaked: what was
//! recorded is sent, within the time that stopping may take.
//!
//! What ends the process otherwise sends nothing: `abort`, `_exit`, a signal without a handler. Signals are the program's own: one
//! that is to end in order returns from `main` when it is told to, or drops its guard and exits.

/// Has the end of the process handled from now on; the second call and further ones do nothing.
#[cfg(all(any(unix, windows), not(miri)))]
pub(crate) fn handle() {
    use std::sync::atomic::{AtomicBool, Ordering};

    extern "C" fn at_exit() {
        // First, as they may become log records.
        #[cfg(feature = "events")]
        crate::events::close_at_exit();
        super::slot::stop_at_exit();
    }
    static HANDLED: AtomicBool = AtomicBool::new(false);
    if !HANDLED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handler lives as long as the process and does not unwind. It fails only without memory, and then nothing is
        // sent at exit.
        unsafe { libc::atexit(at_exit) };
    }
}

#[cfg(not(all(any(unix, windows), not(miri))))]
pub(crate) fn handle() {}
