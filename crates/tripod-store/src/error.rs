//! The one error of this crate.

use std::path::PathBuf;

use tripod_wire::WireError;

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The bytes handed over are not the message they should be: the sender's fault.
    #[error("not a valid request: {0}")]
    Decode(#[from] WireError),
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, for example `cannot write`.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process uses the directory.
    #[error("{} is in use by another process: stop that one, or give this one a directory of its own with --data", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// More is waiting to be written than the limit allows: try again later.
    #[error("{waiting} bytes are waiting to be written, the limit is {limit}: try again in a second")]
    Overloaded {
        /// Bytes that wait.
        waiting: usize,
        /// Bytes that may wait.
        limit: usize,
    },
    /// The disk is full, or nearly so: nothing is taken in until there is room again, what is there can be read.
    #[error("the disk of {} is full: {available} bytes are free, {needed} are needed; remove something, or keep less", path.display())]
    Full {
        /// Where.
        path: PathBuf,
        /// Bytes that are free.
        available: u64,
        /// Bytes that have to be free.
        needed: u64,
    },
    /// One record is larger than any may be: send smaller batches.
    #[error("a batch of {bytes} bytes is too large, the limit is {limit}: send smaller batches")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The directory was written by another version.
    #[error("{} holds data of format {found:?}, this version reads format {expected:?}: give it a directory of its own with --data", path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// What its `FORMAT` file says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// What was written can no longer be read: the disk lost or changed it.
    #[error("{} is damaged at offset {offset}: {reason}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A fault in the store itself: please report it.
    #[error("a fault in the store: {0}")]
    Internal(String),
    /// A new series would be one too many; samples of series that are known are still kept.
    #[error(
        "there are {limit} series, which is the limit; {series} of them are of the metric {metric:?}: write fewer, or raise the limit"
    )]
    TooManySeries {
        /// How many there may be in memory.
        limit: u64,
        /// The metric with the most series.
        metric: String,
        /// How many it has.
        series: u64,
    },
    /// What an export was written to refused.
    #[error("cannot write the export: {0}")]
    Export(#[source] std::io::Error),
    /// Nobody waits for the answer any more; see [`interruptible`](crate::interruptible).
    #[error("the query was cancelled")]
    Interrupted,
    /// A query that can't be answered as it stands: the asker's fault.
    #[error("{0}")]
    Query(String),
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
