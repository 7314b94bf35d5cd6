//! A table whatever its signal is, as the engine sees it.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
#[cfg(test)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{DamagedPart, Ground, Part, PartMeta, RecordKind, Signal, SignalStatus, Table};
use crate::StoreError;
use crate::disk::Disk;
use crate::wal::recover::Damage;
use crate::wal::{Apply, Position, lock};

/// A table of any signal.
pub(crate) trait AnyTable: fmt::Debug + Send + Sync {
    /// The signal's name.
    fn name(&self) -> &'static str;

    /// Whether the log's records of this kind are this signal's.
    fn takes(&self, kind: RecordKind) -> bool;

    /// Opens registered parts. Those that can't be read are moved aside and returned.
    fn open_parts(&self, ground: &Ground, parts: &[PartMeta]) -> Result<Vec<(PartMeta, Damage)>, StoreError>;

    /// Takes a record of the log apart; what is returned takes it into memory.
    fn prepare(self: Arc<Self>, ground: &Arc<Ground>, kind: RecordKind, payload: &[u8]) -> Result<Apply, StoreError>;

    /// See [`Table::freeze`].
    fn freeze(&self) -> bool;

    /// See [`Table::frozen`].
    fn frozen(&self) -> usize;

    /// See [`Table::first`].
    fn first(&self) -> Option<Position>;

    /// See [`Table::flush_oldest`]. Errors and panics are counted.
    fn flush_oldest(&self, ground: &Ground) -> Result<bool, StoreError>;

    /// What is registered of its parts, in order of arrival.
    fn parts(&self) -> Vec<PartMeta>;

    /// Merges the parts of these numbers. Errors and panics are counted; inputs that turn out to be damaged are set aside.
    fn merge(&self, ground: &Ground, ids: &[u64]) -> Result<(), StoreError>;

    /// Drops the parts of these numbers.
    fn drop_parts(&self, ground: &Ground, ids: &[u64]) -> Result<(), StoreError>;

    /// Verifies every checksum of every part: what is damaged, by path.
    #[cfg(test)]
    fn verify(&self) -> Vec<(PathBuf, StoreError)>;

    /// Opens a part and verifies every checksum of it.
    fn check_part(&self, disk: &dyn Disk, dir: &Path, meta: &PartMeta) -> Result<(), StoreError>;

    /// Takes a record of the log apart, for nothing but to see that it can be.
    fn check_record(&self, kind: RecordKind, payload: &[u8]) -> Result<(), StoreError>;

    /// Freezes the active memory table when its first record came longer ago than this.
    fn freeze_older_than(&self, age: Duration) -> bool;

    /// See [`Signal::opened`].
    fn opened(&self);

    /// Parts that were found damaged, and set aside.
    fn damaged(&self) -> Vec<DamagedPart>;

    /// What it says of itself.
    fn status(&self) -> SignalStatus;
}

impl<S: Signal> AnyTable for Table<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn takes(&self, kind: RecordKind) -> bool {
        S::takes(kind)
    }

    fn open_parts(&self, ground: &Ground, parts: &[PartMeta]) -> Result<Vec<(PartMeta, Damage)>, StoreError> {
        let (mut open, mut damaged) = (Vec::new(), Vec::new());
        for meta in parts {
            match contained(S::NAME, || self.open_part(ground.disk.as_ref(), &ground.dir, meta)) {
                Ok(part) => open.push(Arc::new(part)),
                Err(error) => {
                    damaged.push((meta.clone(), self.move_aside(ground, Self::damaged(ground, meta, error)?)?));
                }
            }
        }
        self.show(&[], &open);
        Ok(damaged)
    }

    fn prepare(self: Arc<Self>, ground: &Arc<Ground>, kind: RecordKind, payload: &[u8]) -> Result<Apply, StoreError> {
        let batch = contained(S::NAME, || self.signal.decode(kind, payload))?;
        Ok(self.apply_later(ground, batch))
    }

    fn freeze(&self) -> bool {
        Table::freeze(self)
    }

    fn frozen(&self) -> usize {
        Table::frozen(self)
    }

    fn first(&self) -> Option<Position> {
        Table::first(self)
    }

    fn flush_oldest(&self, ground: &Ground) -> Result<bool, StoreError> {
        contained(S::NAME, || Table::flush_oldest(self, ground)).inspect_err(|error| self.flush_failed(error))
    }

    fn parts(&self) -> Vec<PartMeta> {
        self.view().parts.iter().map(|part| part.file.meta.clone()).collect()
    }

    fn merge(&self, ground: &Ground, ids: &[u64]) -> Result<(), StoreError> {
        let parts = self.parts_of(ids);
        let Err(error) = contained(S::NAME, || Table::merge(self, ground, &parts)) else { return Ok(()) };
        // A merge that ends with the store is no failure: it is done after the next start.
        if !matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::Interrupted) {
            self.counters.failed(&error);
        }
        if matches!(error, StoreError::Damaged { .. } | StoreError::Internal(_)) {
            for part in &parts {
                self.set_aside_if_damaged(ground, part)?;
            }
        }
        Err(error)
    }

    fn drop_parts(&self, ground: &Ground, ids: &[u64]) -> Result<(), StoreError> {
        Table::drop_parts(self, ground, &self.parts_of(ids)).inspect_err(|error| self.counters.failed(error))
    }

    #[cfg(test)]
    fn verify(&self) -> Vec<(PathBuf, StoreError)> {
        let verify = |part: &Arc<Part<S>>| {
            let outcome = contained(S::NAME, || self.signal.verify(part));
            outcome.err().map(|error| (part.file.path.clone(), error))
        };
        self.view().parts.iter().filter_map(verify).collect()
    }

    fn check_part(&self, disk: &dyn Disk, dir: &Path, meta: &PartMeta) -> Result<(), StoreError> {
        contained(S::NAME, || self.signal.verify(&self.open_part(disk, dir, meta)?))
    }

    fn check_record(&self, kind: RecordKind, payload: &[u8]) -> Result<(), StoreError> {
        contained(S::NAME, || self.signal.decode(kind, payload).map(|_| ()))
    }

    fn freeze_older_than(&self, age: Duration) -> bool {
        Table::freeze_older_than(self, age)
    }

    fn opened(&self) {
        self.signal.opened();
    }

    fn damaged(&self) -> Vec<DamagedPart> {
        lock(&self.counters.damaged).clone()
    }

    fn status(&self) -> SignalStatus {
        let view = self.view();
        let memory_rows = view.memories.iter().map(|memory| self.signal.rows(memory)).sum();
        let metas = || view.parts.iter().map(|part| &part.file.meta);
        SignalStatus {
            signal: S::NAME,
            rows: memory_rows + metas().map(|meta| meta.rows).sum::<u64>(),
            memory_rows,
            memory_bytes: view.memories.iter().map(|memory| self.signal.bytes(memory) as u64).sum(),
            index_bytes: view.parts.iter().map(|part| self.signal.part_bytes(&part.inner) as u64).sum(),
            frozen: view.memories.len() as u64 - 1,
            parts: view.parts.len() as u64,
            part_bytes: metas().map(|meta| meta.bytes).sum(),
            oldest: metas().map(|meta| meta.min_time).min(),
            newest: metas().map(|meta| meta.max_time).max(),
            flushes: self.counters.flushes.get(),
            merges: self.counters.merges.get(),
            evicted: self.counters.evicted.get(),
            failures: self.counters.failures.get(),
            last_error: lock(&self.counters.last_error).clone(),
            damaged: AnyTable::damaged(self),
        }
    }
}

impl<S: Signal> Table<S> {
    fn parts_of(&self, ids: &[u64]) -> Vec<Arc<Part<S>>> {
        self.view().parts.iter().filter(|part| ids.contains(&part.file.meta.id)).cloned().collect()
    }
}

/// Runs what belongs to a signal; a panic becomes an error.
pub(super) fn contained<T>(signal: &str, run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(StoreError::Internal(format!("work on {signal} panicked: {text}")))
    })
}
