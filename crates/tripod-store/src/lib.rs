//! Tripod's store: spans, log records, samples and exemplars, kept on one machine.
//!
//! Three narrow traits say what a store does, one a signal: [`SpanStore`], [`LogStore`], [`SeriesStore`]. [`Embedded`] is
//! the one that comes with Tripod: a directory with a write-ahead log and immutable parts in it.
#![forbid(unsafe_code)]

mod columns;
mod contract;
mod disk;
mod embedded;
mod engine;
mod error;
#[cfg(feature = "parquet")]
mod export;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod interrupt;
mod logs;
mod records;
mod samples;
mod spans;
mod wal;

use std::path::Path;

pub use contract::{
    AttributeKey, AttributeMatch, AttributeValue, Dependency, Exemplar, Labels, LogCondition, LogFacet, LogFacets,
    LogField, LogOrder, LogPattern, LogPatterns, LogQuery, LogStore, LogTest, LogVolume, Looked, MatchOp, Matcher,
    Metadata, MetricKind, NativeHistogram, Operation, PATTERN_HOLE, RecordTest, ResetHint, Samples, SelectedSeries,
    SeriesExemplars, SeriesStatistics, SeriesStore, SeriesView, SeriesWrite, ServiceShare, ServiceStats, SpanOutline,
    SpanSample, SpanStore, StatisticsRow, StoredLog, StoredSpan, SummaryLimits, Trace, TraceQuery, TraceSummaries,
    TraceSummary, VisitSeries, Window, body_regex, pattern_regex,
};
pub use embedded::Embedded;
pub use engine::{Check, CheckedPart, DamagedPart, Durability, Keep, Options, Recovery, Retention, SignalStatus};
pub use error::StoreError;
#[cfg(feature = "parquet")]
pub use export::{ExportSignal, export};
pub use interrupt::interruptible;
pub use wal::recover::Damage;

/// What became of a batch that was handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that are now on disk.
    pub accepted: u64,
    /// How many of these are native histograms.
    pub histograms: u64,
    /// Exemplars that came with them and were kept.
    pub exemplars: u64,
    /// Records that can't be kept; the rest of the batch is.
    pub rejected: u64,
    /// Why the first of them can't.
    pub reason: Option<String>,
}

/// A store for all three signals, and what it says of itself.
pub trait Store: SpanStore + LogStore + SeriesStore {
    /// Makes all that was appended durable; called before the program ends.
    fn flush(&self) -> Result<(), StoreError>;

    /// What the store holds and has done since it was opened.
    fn status(&self) -> Status;

    /// Parts that were found damaged since it was opened, and set aside: what they had is in no answer.
    fn damaged(&self) -> Vec<DamagedPart>;

    /// Makes a snapshot in `dest`, a directory that is new or empty: a store of its own, with all that was acknowledged before this
    /// was called. Answers the bytes of its parts.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the system refuses; `dest` is no store then.
    fn snapshot(&self, dest: &Path) -> Result<u64, StoreError>;
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Spans that are kept; one that was sent twice counts twice.
    pub spans: u64,
    /// Log records that can be found.
    pub logs: u64,
    /// Samples that can be found.
    pub samples: u64,
    /// Series that have samples.
    pub series: u64,
    /// Exemplars that can be found.
    pub exemplars: u64,
    /// Bytes in memory: of what is in no part yet, and of what finds the rest.
    pub memory_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Records dropped by retention (oldest first, to stay within the limits) since the store was opened.
    pub evicted: u64,
    /// Bytes of the write-ahead log, which are among those on disk.
    pub wal_bytes: u64,
    /// Whether nothing is taken in because the disk is full, or nearly so.
    pub full: bool,
    /// What it holds by signal.
    pub signals: Vec<SignalStatus>,
}
