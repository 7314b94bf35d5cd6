//! Ending from outside what a thread reads.
//!
//! A query goes through parts piece by piece, and every piece of every signal is read in one place: there it looks whether somebody
//! still waits for it. The flag is the thread's, so that no reader has to hand it down; it costs a look at a thread's own memory a piece.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;

thread_local! {
    static FLAG: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Puts back what a thread had before.
struct Before(Option<Arc<AtomicBool>>);

impl Drop for Before {
    fn drop(&mut self) {
        FLAG.set(self.0.take());
    }
}

/// Runs `read`, whose reads of the store on this thread fail with [`StoreError::Interrupted`] once `flag` is set.
pub fn interruptible<T>(flag: &Arc<AtomicBool>, read: impl FnOnce() -> T) -> T {
    let _before = Before(FLAG.replace(Some(Arc::clone(flag))));
    read()
}

/// An error when nobody waits for what this thread reads.
pub(crate) fn check() -> Result<(), StoreError> {
    let is_set = |flag: &Option<Arc<AtomicBool>>| flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
    if FLAG.with_borrow(is_set) { Err(StoreError::Interrupted) } else { Ok(()) }
}
