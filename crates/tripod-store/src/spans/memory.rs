//! A memory table of spans: the blocks that their requests were decoded into.
//!
//! A large batch becomes a block as it is; small ones are added to the last block, so that there are not too many. There is no index
//! of traces: a table that is full has some 250,000 rows, whose ids are compared in a fifth of a millisecond, and a hash table would
//! cost more than that in every second of ingest.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::decode::Batch;
use super::operations::Operations;
use super::rows::{Rows, Source};
use crate::records::{Contexts, MAX_BLOCK_ROWS, Pick, Picks};

/// A batch of at least so many rows is a block of its own.
const LARGE: usize = 256;

/// Spans that are not in a part yet.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    blocks: RwLock<Vec<Arc<RwLock<MemoryBlock>>>>,
    operations: RwLock<Operations>,
    /// Bytes of all blocks but the last one.
    settled: AtomicUsize,
    bytes: AtomicUsize,
    rows: AtomicU64,
}

/// Rows and who emitted them.
#[derive(Debug, Default)]
pub(super) struct MemoryBlock {
    pub(super) rows: Rows,
    pub(super) contexts: Contexts,
}

impl MemoryBlock {
    fn memory(&self) -> usize {
        self.rows.memory() + self.contexts.memory() + size_of::<Self>()
    }
}

impl Memory {
    /// Takes a batch in. Called by one thread at a time.
    pub(super) fn apply(&self, batch: Batch) {
        if batch.rows.len() == 0 {
            return;
        }
        self.rows.fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
        let mut operations = self.operations.write().unwrap_or_else(PoisonError::into_inner);
        for row in &batch.operations {
            let row = *row as usize;
            let service = &batch.contexts.get(batch.rows.context[row]).service;
            operations.add(service, batch.rows.name.get(row), batch.rows.kind.get(row), 1);
        }
        let of_operations = operations.memory();
        drop(operations);
        let of_last = self.add(batch);
        self.bytes.store(self.settled.load(Ordering::Relaxed) + of_last + of_operations, Ordering::Relaxed);
    }

    /// Adds the rows; bytes of the last block are returned.
    fn add(&self, batch: Batch) -> usize {
        let last = self.blocks.read().unwrap_or_else(PoisonError::into_inner).last().cloned();
        if let Some(last) = last {
            let mut last = last.write().unwrap_or_else(PoisonError::into_inner);
            if batch.rows.len() < LARGE && last.rows.len() + batch.rows.len() <= MAX_BLOCK_ROWS {
                let contexts: Vec<u32> =
                    batch.contexts.iter().map(|context| last.contexts.intern_context(context)).collect();
                let source = Source { rows: &batch.rows, contexts };
                last.rows.gather(Picks { sources: &[&source], picks: &Pick::all(batch.rows.len()) });
                return last.memory();
            }
            self.settled.fetch_add(last.memory(), Ordering::Relaxed);
        }
        let block = MemoryBlock { rows: batch.rows, contexts: batch.contexts };
        let bytes = block.memory();
        self.blocks.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(RwLock::new(block)));
        bytes
    }

    /// The blocks there are; the last one may grow.
    pub(super) fn blocks(&self) -> Vec<Arc<RwLock<MemoryBlock>>> {
        self.blocks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which services and operations the rows have.
    pub(super) fn operations(&self) -> RwLockReadGuard<'_, Operations> {
        self.operations.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Rows in it.
    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// Locks a block for reading.
pub(super) fn read(block: &RwLock<MemoryBlock>) -> RwLockReadGuard<'_, MemoryBlock> {
    block.read().unwrap_or_else(PoisonError::into_inner)
}
