//! Where an embedded store is, how much it keeps and what it may take.

use std::path::PathBuf;
use std::time::Duration;

pub use crate::wal::Durability;

/// A limit of bytes on disk has room for so many of the largest parts: it is kept by dropping whole ones.
const PARTS_PER_LIMIT: u64 = 16;

/// At most this part of a limit of bytes on disk is log.
const LOG_PER_LIMIT: u64 = 4;

/// Settings of [`Embedded`](crate::Embedded).
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory; it is created when it is not there.
    pub dir: PathBuf,
    /// When an append is answered.
    pub durability: Durability,
    /// How long and how much of each signal is kept.
    pub retention: Retention,
    /// Bytes on disk of all signals and the log. Past it the oldest days are dropped, whatever signal they are of. It is looked at
    /// some times a minute and after every flush, not before every append. Default: no limit.
    pub disk_limit: Option<u64>,
    /// While fewer bytes than this are free on the disk, nothing is taken in. Default 256 MiB.
    pub min_free_bytes: u64,
    /// Bytes of memory for rows that are not in parts yet. A memory table of spans or logs is written as parts when it has a ninth of
    /// this, at most 64 MiB; one of samples when it has a quarter, at most 256 MiB, because every series that is written to takes
    /// about 100 bytes of it before its second sample: with the default, a part has several scrapes of a million series. Two tables a
    /// signal may wait to be written, then appends wait. Default 512 MiB.
    pub memory_limit: usize,
    /// Bytes of write-ahead log, which are read at a start; past them the signal that holds them back is written as parts early.
    /// Default 256 MiB, and a quarter of [`disk_limit`](Self::disk_limit) at most.
    pub wal_bytes: u64,
    /// A segment of the log is closed at so many bytes. Default 64 MiB.
    pub segment_bytes: u64,
    /// Bytes that may wait to be written to the log before further ones are refused. Default 128 MiB.
    pub max_waiting_bytes: usize,
    /// The share of one core that merging parts may take, above 0 up to 1. Default 0.5.
    pub merge_share: f64,
    /// Parts that reach so many bytes are not merged any more. Default 512 MiB.
    pub max_part_bytes: u64,
    /// Series that may get samples within a day; a batch that would begin more is refused. Default 2,000,000.
    pub series_limit: usize,
    /// A sample may be so much older than the newest one of its series. Default 2 hours.
    pub out_of_order_window: Duration,
}

/// What is kept of each signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Of spans.
    pub spans: Keep,
    /// Of log records.
    pub logs: Keep,
    /// Of samples and exemplars.
    pub samples: Keep,
}

/// What is kept of a signal: parts that are past a limit are dropped, the oldest day first. Default: everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// So long, counted from the time of a part's newest row.
    pub age: Option<Duration>,
    /// So many bytes of parts.
    pub bytes: Option<u64>,
}

impl Options {
    /// The defaults, for a store in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::Sync,
            retention: Retention::default(),
            disk_limit: None,
            min_free_bytes: 256 << 20,
            memory_limit: 512 << 20,
            wal_bytes: 256 << 20,
            segment_bytes: 64 << 20,
            max_waiting_bytes: 128 << 20,
            merge_share: 0.5,
            max_part_bytes: 512 << 20,
            series_limit: 2_000_000,
            out_of_order_window: Duration::from_secs(2 * 60 * 60),
        }
    }

    /// A memory table of spans or logs is frozen at so many bytes.
    pub(crate) fn memory_table_bytes(&self) -> usize {
        (self.memory_limit / 9).min(64 << 20)
    }

    /// A memory table of samples is frozen at so many bytes.
    pub(crate) fn samples_table_bytes(&self) -> usize {
        (self.memory_limit / 4).min(256 << 20)
    }

    /// So much log is kept at most.
    pub(crate) fn wal_bytes(&self) -> u64 {
        self.wal_bytes.min(self.disk_limit.map_or(u64::MAX, |limit| limit / LOG_PER_LIMIT))
    }

    /// A segment of the log is closed at so many bytes: a log that is limited is dropped by whole segments.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes.min(self.wal_bytes() / 4).max(1)
    }

    /// Parts that reach so many bytes are not merged any more.
    pub(crate) fn max_part_bytes(&self, keep: Keep) -> u64 {
        let limit = keep.bytes.unwrap_or(u64::MAX).min(self.disk_limit.unwrap_or(u64::MAX));
        self.max_part_bytes.min(limit / PARTS_PER_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tables_of_each_signal_are_within_the_limit_of_memory() {
        for memory_limit in [0, 1, 9 * 4000, 64 << 20, 512 << 20, 4 << 30] {
            let options = Options { memory_limit, ..Options::new("/data") };
            let (rows, samples) = (options.memory_table_bytes(), options.samples_table_bytes());
            assert!(2 * (rows + rows + samples) <= memory_limit, "{rows} and {samples} of {memory_limit}");
        }
    }
}
