//! What a query sees: the memory tables and parts of a signal at one moment.

use std::sync::Arc;

use super::{PartFile, Signal};

/// All rows of a signal at one moment. Later changes do not show, except that the active memory table goes on to grow.
#[derive(Debug)]
pub(crate) struct View<S: Signal> {
    /// Memory tables, the oldest first; the last one is being applied to.
    pub(crate) memories: Vec<Arc<S::Memory>>,
    /// Parts, in the order of arrival of their rows (see `PartMeta::sequence`): where rows replace others, the later part's count.
    pub(crate) parts: Vec<Arc<Part<S>>>,
}

impl<S: Signal> Default for View<S> {
    fn default() -> Self {
        Self { memories: vec![Arc::default()], parts: Vec::new() }
    }
}

impl<S: Signal> Clone for View<S> {
    fn clone(&self) -> Self {
        Self { memories: self.memories.clone(), parts: self.parts.clone() }
    }
}

impl<S: Signal> View<S> {
    /// The memory table that is being applied to.
    pub(crate) fn active(&self) -> Arc<S::Memory> {
        self.memories.last().cloned().unwrap_or_default()
    }

    /// Adds parts, in order.
    pub(super) fn add(&mut self, parts: &[Arc<Part<S>>]) {
        self.parts.extend_from_slice(parts);
        self.parts.sort_by_key(|part| (part.file.meta.sequence, part.file.meta.id));
    }
}

/// A part that is open.
#[derive(Debug)]
pub(crate) struct Part<S: Signal> {
    /// Its file.
    pub(crate) file: PartFile,
    /// What is kept in memory of it.
    pub(crate) inner: S::Part,
}
