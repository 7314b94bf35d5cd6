//! New ids: random numbers of the thread's own, so that making one takes no lock and no system call.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZeroU64;

use tripod_wire::{SpanId, TraceId};

use crate::sync::fork;

/// A span's id as a word: with or without one, it is handed over in a register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(NonZeroU64);

impl Handle {
    /// `None` for the id that is none.
    #[inline]
    pub(crate) fn of(id: SpanId) -> Option<Self> {
        NonZeroU64::new(u64::from_ne_bytes(id.0)).map(Self)
    }

    #[inline]
    pub(crate) fn id(self) -> SpanId {
        SpanId(self.0.get().to_ne_bytes())
    }
}

/// Random numbers that no other thread and no other process makes. A clone goes on to make the same.
#[derive(Clone)]
pub(crate) struct Ids(fastrand::Rng);

impl Ids {
    pub(crate) fn new() -> Self {
        // RandomState is seeded by the operating system once a thread, and a forked child has the seed of its parent: the process and
        // the time of the fork tell them apart.
        let seed = RandomState::new().hash_one((std::process::id(), fork::count(), fork::forked_at()));
        Self(fastrand::Rng::with_seed(seed))
    }

    #[inline]
    pub(crate) fn trace_id(&mut self) -> TraceId {
        loop {
            let (high, low) = (self.0.u64(..), self.0.u64(..));
            if high | low != 0 {
                return TraceId((u128::from(high) << 64 | u128::from(low)).to_ne_bytes());
            }
        }
    }

    #[inline]
    pub(crate) fn span_id(&mut self) -> SpanId {
        loop {
            let id = self.0.u64(..);
            if id != 0 {
                return SpanId(id.to_ne_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_from_each_other_and_between_threads() {
        let make = || {
            let mut ids = Ids::new();
            (0..1000).map(|_| (ids.trace_id(), ids.span_id())).collect::<Vec<_>>()
        };
        let all = [make(), std::thread::spawn(make).join().unwrap()].concat();
        assert!(all.iter().all(|(trace_id, span_id)| trace_id.is_valid() && span_id.is_valid()));
        assert_eq!(all.iter().map(|(trace_id, _)| trace_id).collect::<HashSet<_>>().len(), 2000);
        assert_eq!(all.iter().map(|(_, span_id)| span_id).collect::<HashSet<_>>().len(), 2000);
    }
}
