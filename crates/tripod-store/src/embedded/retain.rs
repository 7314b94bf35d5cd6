//! Retention: while more is kept than the limits allow, the oldest segment goes, with all that came with it.

use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::Embedded;
use super::directory::io_error;
use super::segment::{Segment, Usage};
use crate::StoreError;

/// A limit holds at least so many segments.
const SEGMENTS_PER_LIMIT: u64 = 8;

impl Embedded {
    /// Drops the oldest segments while a limit is exceeded, and sees to it that there are always older ones to drop.
    pub(super) fn keep_within_limits(&self) -> Result<(), StoreError> {
        // Whoever holds it does the work for all.
        let Ok(_evicting) = self.evicting.try_lock() else { return Ok(()) };
        loop {
            let (total, newest) = self.usage();
            if let Some((id, usage)) = newest
                && self.exceeds(usage, SEGMENTS_PER_LIMIT)
            {
                self.wal.close(id);
            }
            if !self.exceeds(total, 1) {
                return Ok(());
            }
            let evicted = self.segments.write().unwrap_or_else(PoisonError::into_inner).evict();
            let Some(segment) = evicted else { return Ok(()) };
            self.evict(&segment)?;
        }
    }

    /// Keeps within the limits after an append. That a file cannot be removed does not make the append fail: it is on disk.
    /// The file is seen again at the next start, where it is an error.
    pub(super) fn retain(&self) {
        let _ = self.keep_within_limits();
    }

    /// What all takes, and the newest segment's number and share.
    fn usage(&self) -> (Usage, Option<(u64, Usage)>) {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let mut total = segments.usage();
        total.memory += self.series.counts().memory;
        let newest = segments.newest().map(|segment| {
            let Usage { memory, disk } = segment.usage();
            let id = segment.file.id;
            (id, Usage { memory: memory + self.series.memory_of(id), disk })
        });
        (total, newest)
    }

    /// Whether a usage is more than a part of what is allowed.
    fn exceeds(&self, usage: Usage, parts: u64) -> bool {
        usage.memory as u64 > self.options.memory_limit as u64 / parts
            || self.options.disk_limit.is_some_and(|limit| usage.disk > limit / parts)
    }

    fn evict(&self, segment: &Segment) -> Result<(), StoreError> {
        let rows = segment.spans().len() + segment.logs().len();
        self.count_evicted(rows as u64 + self.series.evict(segment.file.id));
        let path = &segment.file.path;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("cannot remove", path)(error)),
            _ => Ok(()),
        }
    }

    /// Counts records that retention dropped.
    pub(super) fn count_evicted(&self, records: u64) {
        self.evicted.fetch_add(records, Ordering::Relaxed);
    }
}
