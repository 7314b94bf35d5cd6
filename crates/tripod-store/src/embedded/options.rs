//! Where an embedded store is, and how much it may take.

use std::path::PathBuf;

/// Settings of [`Embedded`](crate::Embedded).
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory; it is created when it is not there.
    pub dir: PathBuf,
    /// Bytes of memory for rows, indexes and samples. Past it the oldest data is dropped. Default 512 MiB.
    pub memory_limit: usize,
    /// Bytes on disk. Past it the oldest data is dropped. Default: no limit but that of memory.
    pub disk_limit: Option<u64>,
    /// A segment of the log is closed at so many bytes, at most 1 GiB. Default 64 MiB. Data is dropped by whole segments; they are
    /// closed earlier where a limit is small, so that one is an eighth of it at most.
    pub segment_bytes: u64,
    /// Bytes that may wait to be written before further ones are refused, at most 1 GiB. Default 128 MiB.
    pub max_waiting_bytes: usize,
}

impl Options {
    /// The defaults, for a store in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            memory_limit: 512 << 20,
            disk_limit: None,
            segment_bytes: 64 << 20,
            max_waiting_bytes: 128 << 20,
        }
    }
}
