//! All series in order of their labels, as parts have them: kept up to date, so that a flush does not sort.

use std::ops::Deref;

use roaring::RoaringBitmap;

use super::index::Index;

/// So many new series are sorted under one lock.
const STEP: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Order {
    sorted: Vec<u32>,
}

impl Order {
    pub(super) fn all(&self) -> &[u32] {
        &self.sorted
    }

    /// Adds new series; the index is locked for some of them at a time.
    pub(super) fn add<'a, I: Deref<Target = Index> + 'a>(&mut self, mut new: Vec<u32>, index: impl Fn() -> I) {
        for step in new.chunks_mut(STEP) {
            let index = index();
            step.sort_unstable_by(|a, b| index.compare(*a, *b));
            let mut merged = Vec::with_capacity(self.sorted.len() + step.len());
            let mut rest = self.sorted.as_slice();
            for number in step {
                let before = rest.partition_point(|known| index.compare(*known, *number).is_lt());
                merged.extend_from_slice(&rest[..before]);
                merged.push(*number);
                rest = &rest[before..];
            }
            merged.extend_from_slice(rest);
            self.sorted = merged;
        }
    }

    pub(super) fn remove(&mut self, gone: &RoaringBitmap) {
        self.sorted.retain(|number| !gone.contains(*number));
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.sorted.capacity() * size_of::<u32>()
    }
}
