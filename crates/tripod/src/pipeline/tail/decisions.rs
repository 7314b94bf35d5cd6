//! What was decided of late, for spans that end after their trace was decided.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tripod_wire::TraceId;

/// A bounded memory: when it is full, the older half is forgotten.
pub(super) struct Decisions {
    young: HashMap<TraceId, bool, RandomState>,
    old: HashMap<TraceId, bool, RandomState>,
    half: usize,
}

impl Decisions {
    /// A memory of at most so many traces, and of at least half of them.
    pub(super) fn new(limit: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), half: (limit / 2).max(1) }
    }

    pub(super) fn remember(&mut self, trace_id: TraceId, kept: bool) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(trace_id, kept);
    }

    pub(super) fn recall(&self, trace_id: TraceId) -> Option<bool> {
        self.young.get(&trace_id).or_else(|| self.old.get(&trace_id)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_the_memory_is_bounded() {
        let mut decisions = Decisions::new(10);
        let id = |n: u32| TraceId(u128::from(n + 1).to_be_bytes());
        for n in 0..1000 {
            decisions.remember(id(n), n % 2 == 0);
            assert!(decisions.young.len() + decisions.old.len() <= 10);
            assert_eq!(decisions.recall(id(n)), Some(n % 2 == 0));
            assert!(n < 4 || decisions.recall(id(n - 4)).is_some());
        }
        assert_eq!(decisions.recall(id(0)), None);
    }
}
