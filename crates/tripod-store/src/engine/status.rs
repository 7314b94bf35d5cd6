//! What the engine says of itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::StoreError;
use crate::wal::lock;
use crate::wal::recover::Damage;

/// What a signal holds and what became of it since the store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalStatus {
    /// Its name: `spans`, `logs`, `samples`.
    pub signal: &'static str,
    /// Rows in memory and in parts.
    pub rows: u64,
    /// Rows that are in memory, and in the log.
    pub memory_rows: u64,
    /// Bytes of memory tables.
    pub memory_bytes: u64,
    /// Bytes in memory of what finds the rows of parts.
    pub index_bytes: u64,
    /// Memory tables that wait to be written as parts.
    pub frozen: u64,
    /// Parts.
    pub parts: u64,
    /// Bytes of parts.
    pub part_bytes: u64,
    /// The time of the oldest row in parts, nanoseconds since the Unix epoch; nothing without parts.
    pub oldest: Option<u64>,
    /// The time of the newest row in parts.
    pub newest: Option<u64>,
    /// Memory tables written as parts.
    pub flushes: u64,
    /// Merges done.
    pub merges: u64,
    /// Rows dropped by retention.
    pub evicted: u64,
    /// Flushes and merges that failed; they are tried again.
    pub failures: u64,
    /// What the last of them said.
    pub last_error: Option<String>,
    /// Parts that were found damaged since the store was opened.
    pub damaged: Vec<DamagedPart>,
}

/// A part that was damaged and has been set aside: its rows are not found any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedPart {
    /// The name of its signal: `spans`, `logs`, `samples`.
    pub signal: &'static str,
    /// Where it is now, and what is wrong with it.
    pub damage: Damage,
    /// Rows it had.
    pub rows: u64,
    /// The time of its oldest row, nanoseconds since the Unix epoch.
    pub oldest: u64,
    /// The time of its newest row.
    pub newest: u64,
}

/// Counts of one signal.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(super) flushes: Counter,
    pub(super) merges: Counter,
    pub(super) evicted: Counter,
    pub(super) failures: Counter,
    pub(super) last_error: Mutex<Option<String>>,
    pub(super) damaged: Mutex<Vec<DamagedPart>>,
}

/// A number that grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Counts a failure of background work.
    pub(super) fn failed(&self, error: &StoreError) {
        self.failures.add(1);
        *lock(&self.last_error) = Some(error.to_string());
    }
}
