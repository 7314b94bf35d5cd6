//! The number that tells threads that the engine is another, so that they need not look into the slot each time.

use crate::sync::model::atomic::{AtomicU32, Ordering};

/// Changes after the slot has changed.
pub(super) struct Generation(AtomicU32);

impl Generation {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The slot has changed.
    pub(super) fn change(&self) {
        // Release: whoever sees the number finds the slot at least as it is now.
        self.0.fetch_add(1, Ordering::Release);
    }

    #[inline]
    pub(super) fn now(&self) -> u32 {
        // Relaxed: it is only compared.
        self.0.load(Ordering::Relaxed)
    }

    /// Looks into the slot. The number is taken first, so that a change after it is noticed at the next comparison.
    pub(super) fn look<R>(&self, seen: &mut u32, look: impl FnOnce() -> R) -> R {
        // Acquire: see `change`.
        *seen = self.0.load(Ordering::Acquire);
        look()
    }
}

#[cfg(all(test, loom))]
mod model {
    use loom::thread;

    use super::*;
    use crate::sync::model::Arc;

    #[test]
    fn a_thread_never_keeps_an_engine_whose_change_it_has_seen_announced() {
        loom::model(|| {
            // The slot has no lock here, so that all depends on the number.
            let (generation, slot) = (Arc::new(Generation::new()), Arc::new(AtomicU32::new(0)));
            let own = (Arc::clone(&generation), Arc::clone(&slot));
            let changing = thread::spawn(move || {
                for engine in 1..=2 {
                    own.1.store(engine, Ordering::Relaxed);
                    own.0.change();
                }
            });
            let (mut seen, mut engine) = (0, 0);
            let call = |seen: &mut u32, engine: &mut u32| {
                if generation.now() != *seen {
                    *engine = generation.look(seen, || slot.load(Ordering::Relaxed));
                    assert!(*engine >= *seen, "what was announced is there");
                }
            };
            call(&mut seen, &mut engine);
            call(&mut seen, &mut engine);
            changing.join().unwrap();
            call(&mut seen, &mut engine);
            assert_eq!(engine, 2, "the last change is noticed");
        });
    }
}
