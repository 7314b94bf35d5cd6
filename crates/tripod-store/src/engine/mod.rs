//! The engine: what happens to every signal alike, from a request's bytes to parts that are dropped by retention.
//!
//! A [`Signal`] says what its rows are, how a memory table of them is written as parts and how parts are merged; a [`Table`] keeps
//! the memory tables and parts of one signal, and shows them as a [`View`] that never changes. The write-ahead log, the
//! manifest and the background work are shared by all: decision 28 says how they play together.

mod any;
mod aside;
mod background;
mod check;
mod directory;
mod ground;
mod manifest;
mod merge;
mod open;
mod options;
mod part;
#[cfg(test)]
mod power_loss;
mod retention;
mod signal;
mod snapshot;
mod space;
mod status;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
mod view;
mod work;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use self::any::AnyTable;
pub(crate) use self::background::Background;
pub(crate) use self::check::check;
pub use self::check::{Check, CheckedPart};
use self::directory::Directory;
pub(crate) use self::ground::Ground;
pub(crate) use self::manifest::Manifest;
pub use self::open::Recovery;
pub use self::options::{Durability, Keep, Options, Retention};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::part::PartIds;
pub(crate) use self::part::{NewPart, PartFile, PartMeta, PartSink};
pub(crate) use self::signal::{RecordKind, Signal};
pub(crate) use self::space::Space;
pub(crate) use self::status::Counters;
pub use self::status::{DamagedPart, SignalStatus};
pub(crate) use self::table::Table;
pub(crate) use self::view::{Part, View};
pub(crate) use self::work::{Pace, Work};
use crate::wal::{Wal, lock};
use crate::{Appended, StoreError};

/// A memory table becomes a part when its first row has been there for so long, however few they are: retention drops parts.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// What background work does at a time, without the threads that do it.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) ground: Arc<Ground>,
    pub(crate) wal: Wal,
    pub(crate) space: Space,
    tables: Vec<(Arc<dyn AnyTable>, Keep)>,
    /// Held by who merges or drops parts.
    tidying: Mutex<()>,
    /// Holds the lock.
    _directory: Directory,
}

impl Engine {
    /// Takes in a request for a table.
    pub(crate) fn append<S: Signal>(
        &self,
        table: &Arc<Table<S>>,
        kind: RecordKind,
        payload: &[u8],
    ) -> Result<Appended, StoreError> {
        self.append_seen(table, kind, payload, |_| ())
    }

    /// The same; `see` looks at the decoded request before it is taken in.
    pub(crate) fn append_seen<S: Signal>(
        &self,
        table: &Arc<Table<S>>,
        kind: RecordKind,
        payload: &[u8],
        see: impl FnOnce(&S::Batch),
    ) -> Result<Appended, StoreError> {
        self.space.check(payload.len() as u64)?;
        let appended = table.append(&self.ground, &self.wal, kind, payload, see)?;
        if self.wal.bytes() > self.ground.options.wal_bytes() {
            self.ground.flushing.wake();
        }
        Ok(appended)
    }

    /// The tables.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<dyn AnyTable>> {
        self.tables.iter().map(|(table, _)| table)
    }

    /// Writes all frozen memory tables as parts, and freezes those that hold back too much of the log. Goes on with other tables
    /// after an error, and returns the first.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        self.freeze_laggards();
        if self.wal.has_lost() {
            for table in self.tables() {
                table.freeze();
            }
        }
        for table in self.tables() {
            table.freeze_older_than(MAX_AGE);
            loop {
                match table.flush_oldest(&self.ground) {
                    Ok(true) => self.ground.merging.wake(),
                    Ok(false) => break,
                    Err(error) => {
                        outcome = outcome.and(Err(error));
                        break;
                    }
                }
            }
        }
        outcome.and(self.drop_segments())
    }

    /// Writes all memory tables as parts.
    pub(crate) fn flush_all(&self) -> Result<(), StoreError> {
        for table in self.tables() {
            table.freeze();
        }
        self.flush()
    }

    /// Makes all that was appended durable. When the disk refuses, what it may have lost is written as parts: memory has it still.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.wal.sync().or_else(|_| self.flush())
    }

    /// Freezes the memory tables whose first records lie in the oldest segments of a log that has grown too large.
    fn freeze_laggards(&self) {
        let limit = self.ground.options.wal_bytes();
        let segments = self.wal.segments();
        let mut bytes: u64 = segments.iter().map(|(_, len)| len).sum();
        // The newest one stays whatever happens.
        for (segment, len) in segments.iter().rev().skip(1).rev() {
            if bytes <= limit {
                return;
            }
            for table in self.tables().filter(|table| table.first().is_some_and(|first| first.segment <= *segment)) {
                table.freeze();
            }
            bytes -= len;
        }
    }

    /// Drops the segments of the log that are in parts wholly.
    pub(crate) fn drop_segments(&self) -> Result<(), StoreError> {
        // Asked for before the tables are: what is applied meanwhile lies behind it.
        let applied = self.wal.applied();
        let needed = self.tables().filter_map(|table| table.first()).min();
        self.wal.drop_below(needed.unwrap_or(applied).min(applied))
    }

    /// Drops the parts that are past what is kept, and merges others until nothing is left to merge.
    pub(crate) fn tidy(&self) -> Result<(), StoreError> {
        let now = now();
        self.retain(now)?;
        while self.merge(now)? {}
        Ok(())
    }

    /// Does all that background threads have to do.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        self.flush_all()?;
        self.tidy()
    }

    /// Merges some parts of a table; false when there is nothing to merge. `now` in nanoseconds since the Unix epoch.
    pub(crate) fn merge(&self, now: u64) -> Result<bool, StoreError> {
        let _tidying = lock(&self.tidying);
        for (table, keep) in &self.tables {
            let parts = table.parts();
            let Some(ids) = merge::pick(&parts, PartMeta::day_of(now), self.ground.options.max_part_bytes(*keep))
            else {
                continue;
            };
            let bytes = parts.iter().filter(|part| ids.contains(&part.id)).map(|part| part.bytes).sum();
            if self.space.has(bytes) {
                table.merge(&self.ground, &ids)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Drops the parts that are past what is kept now.
    pub(crate) fn retain_now(&self) -> Result<(), StoreError> {
        self.retain(now())
    }

    /// Drops the parts that are past what is kept.
    pub(crate) fn retain(&self, now: u64) -> Result<(), StoreError> {
        let _tidying = lock(&self.tidying);
        for (table, keep) in &self.tables {
            let ids = retention::expired(&table.parts(), *keep, now);
            if !ids.is_empty() {
                table.drop_parts(&self.ground, &ids)?;
            }
        }
        let Some(limit) = self.ground.options.disk_limit else { return Ok(()) };
        let parts: Vec<PartMeta> = self.tables().flat_map(|table| table.parts()).collect();
        let used = self.wal.bytes() + parts.iter().map(|part| part.bytes).sum::<u64>();
        let ids = retention::oldest_of_all(&parts, used.saturating_sub(limit));
        for table in self.tables() {
            let ids: Vec<u64> = table.parts().iter().map(|part| part.id).filter(|id| ids.contains(id)).collect();
            if !ids.is_empty() {
                table.drop_parts(&self.ground, &ids)?;
            }
        }
        Ok(())
    }
}

/// Nanoseconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
