//! Panics: the message is kept for the spans that the unwinding ends, and what was recorded is sent.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Adds to the panic hook, once a process: the hook that was there before is called as ever.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str().unwrap_or("a panic without a message");
            let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
            let _ = MESSAGE.try_with(|message| {
                if let Ok(mut message) = message.try_borrow_mut() {
                    *message = format!("{text}{place}");
                }
            });
            previous(info);
        }));
    });
}

/// The message of the panic that unwinds this thread.
pub(crate) fn with_message(use_it: impl FnOnce(&str)) {
    let _ = MESSAGE.try_with(|message| {
        if let Ok(message) = message.try_borrow() {
            use_it(&message);
        }
    });
}
