//! The memory table: blocks of rows, as they came.
//!
//! One writer adds batches, any number of readers look at what is there. Small batches are added to the last block, which is
//! copied first when a reader has it in its hands; so nobody waits for anybody, and what a reader sees does not change.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::block::Block;
use super::decode::Batch;
use crate::records::{Contexts, MAX_BLOCK_ROWS};

/// A table of log records in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    bytes: AtomicUsize,
    rows: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    blocks: Vec<Arc<Block>>,
    /// Contexts of all blocks, which share them.
    contexts: Contexts,
    /// Bytes of all blocks but the last.
    full: usize,
}

impl Memory {
    /// Makes a batch visible.
    pub(crate) fn apply(&self, batch: Batch) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: usize = batch.blocks.iter().map(|block| block.rows.len()).sum();
        for block in batch.blocks {
            state.add(block);
        }
        let last = state.blocks.last().map_or(0, |block| block.memory());
        self.bytes.store(state.full + last + state.contexts.memory(), Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// What there is, the oldest first.
    pub(crate) fn blocks(&self) -> Vec<Arc<Block>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).blocks.clone()
    }

    /// Bytes it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Rows in it.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

impl State {
    fn add(&mut self, block: Block) {
        let block = self.with_shared_contexts(block);
        match self.blocks.last_mut() {
            Some(last) if last.rows.len() + block.rows.len() <= MAX_BLOCK_ROWS => {
                Arc::make_mut(last).append(&block);
            }
            last => {
                self.full += last.map_or(0, |last| last.memory());
                self.blocks.push(Arc::new(block));
            }
        }
    }

    /// The block with contexts that are the table's, so that each is in memory once.
    fn with_shared_contexts(&mut self, mut block: Block) -> Block {
        let mut shared = Contexts::default();
        for context in block.contexts.iter() {
            let number = self.contexts.intern_context(context);
            shared.intern_context(self.contexts.get(number));
        }
        block.contexts = shared;
        block
    }
}
