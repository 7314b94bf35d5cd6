//! Places in the log.

use serde::{Deserialize, Serialize};

/// A place in the write-ahead log; later ones are greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The number of the segment.
    pub(crate) segment: u64,
    /// Bytes of the segment before it.
    pub(crate) offset: u64,
}

impl Position {
    /// So many bytes further in the same segment.
    pub(crate) fn plus(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes as u64, ..self }
    }
}

/// Where the log has a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its first byte.
    pub(crate) start: Position,
    /// Behind its last one.
    pub(crate) end: Position,
}
