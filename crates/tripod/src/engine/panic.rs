//! Panics: the message is kept for the spans that the unwinding ends, and what was recorded is sent.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{panic, thread};

/// Bytes of a message that are kept.
const MAX_BYTES: usize = 4096;

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Adds to the panic hook, once a process: the hook that was there before is called as ever.
///
/// Where a panic aborts the process, nothing unwinds and no guard is dropped: what was recorded is sent by the hook.
pub(crate) fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // The hook can't be changed by a thread that panics: then the next start does it.
    if thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or("a panic without a message");
        let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let _ = MESSAGE.try_with(|message| {
            if let Ok(mut message) = message.try_borrow_mut() {
                *message = format!("{}{place}", &text[..text.floor_char_boundary(MAX_BYTES)]);
            }
        });
        previous(info);
        if cfg!(panic = "abort") {
            crate::trace::end_all_of_thread();
            super::slot::flush_at_abort();
        }
    }));
}

/// The message of the panic that unwinds this thread.
pub(crate) fn with_message(use_it: impl FnOnce(&str)) {
    let _ = MESSAGE.try_with(|message| {
        if let Ok(message) = message.try_borrow() {
            use_it(&message);
        }
    });
}
