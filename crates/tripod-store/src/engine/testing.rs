//! A table of one signal without background threads, for tests: everything happens when it is asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{AnyTable, Engine, Keep, Options, RecordKind, Recovery, Signal, Table, View};
use crate::disk::Disk;
use crate::{Appended, StoreError};

/// A store of one signal.
#[derive(Debug)]
pub(crate) struct Harness<S: Signal> {
    pub(crate) engine: Engine,
    pub(crate) table: Arc<Table<S>>,
    pub(crate) recovery: Recovery,
}

impl<S: Signal> Harness<S> {
    /// Opens a directory with the default options.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, signal: S) -> Self {
        Self::open_with(disk, Options { min_free_bytes: 0, merge_share: 1.0, ..Options::new(dir) }, signal).unwrap()
    }

    /// Opens a directory.
    pub(crate) fn open_with(disk: Arc<dyn Disk>, options: Options, signal: S) -> Result<Self, StoreError> {
        let table = Table::new(signal, options.memory_table_bytes());
        let keep = match S::NAME {
            "spans" => options.retention.spans,
            "logs" => options.retention.logs,
            _ => options.retention.samples,
        };
        let tables: Vec<(Arc<dyn AnyTable>, Keep)> = vec![(Arc::clone(&table) as _, keep)];
        let (engine, recovery) = Engine::open(disk, options, tables)?;
        Ok(Self { engine, table, recovery })
    }

    /// Takes in a request; writes a full memory table first, as a background thread would.
    pub(crate) fn append(&self, kind: RecordKind, payload: &[u8]) -> Result<Appended, StoreError> {
        if self.table.frozen() > 0 {
            self.engine.flush()?;
        }
        self.engine.append(&self.table, kind, payload)
    }

    /// Writes all memory tables as parts.
    pub(crate) fn flush(&self) {
        self.engine.flush_all().unwrap();
    }

    /// Merges all parts of each kind and day into as few as the signal makes of them.
    pub(crate) fn merge(&self) {
        let parts = self.table.view().parts.clone();
        let mut groups: Vec<_> = parts.iter().map(|part| (part.file.meta.day, part.file.meta.kind.clone())).collect();
        groups.sort();
        groups.dedup();
        for (day, kind) in groups {
            let of = |part: &&Arc<super::Part<S>>| part.file.meta.day == day && part.file.meta.kind == kind;
            let parts: Vec<_> = parts.iter().filter(of).cloned().collect();
            self.table.merge(&self.engine.ground, &parts).unwrap();
        }
    }

    /// All rows as they are now.
    pub(crate) fn view(&self) -> Arc<View<S>> {
        self.table.view()
    }

    /// What is damaged.
    pub(crate) fn verify(&self) -> Vec<(PathBuf, StoreError)> {
        AnyTable::verify(self.table.as_ref())
    }

    /// Closes the directory and opens it again: memory tables are read from the log.
    pub(crate) fn reopen(self, signal: S) -> Self {
        let (disk, options) = (Arc::clone(&self.engine.ground.disk), self.engine.ground.options.clone());
        drop(self);
        Self::open_with(disk, options, signal).unwrap()
    }
}
