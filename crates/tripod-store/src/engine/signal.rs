//! What the engine asks of spans, logs and samples.

use std::fmt;
use std::sync::Arc;

use super::{Part, PartFile, PartSink};
use crate::{Appended, StoreError};

/// What a record of the write-ahead log holds. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// `ExportTraceServiceRequest` in protobuf.
    Spans = 1,
    /// `ExportLogsServiceRequest` in protobuf.
    Logs = 2,
    /// A batch of [`SeriesWrite`](crate::SeriesWrite)s in the store's own encoding.
    Series = 3,
    /// Prometheus' `WriteRequest` (remote write 1.0) in protobuf, compressed by snappy.
    RemoteWrite = 4,
}

impl RecordKind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Spans, Self::Logs, Self::Series, Self::RemoteWrite].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One signal: its rows in batches, memory tables and parts.
///
/// Methods that read take shared references and are called from many threads at once.
pub(crate) trait Signal: fmt::Debug + Send + Sync + Sized + 'static {
    /// In names of files and in errors: `spans`.
    const NAME: &'static str;

    /// A request, decoded into columns.
    type Batch: Send + 'static;
    /// A memory table. It is applied to by one thread at a time while others read it, and is not changed any more once it is frozen.
    type Memory: Default + fmt::Debug + Send + Sync + 'static;
    /// What is kept in memory of an open part.
    type Part: fmt::Debug + Send + Sync + 'static;

    /// Takes a request apart. What this accepts it accepts again when it is read from the log after a restart.
    fn decode(&self, kind: RecordKind, payload: &[u8]) -> Result<Self::Batch, StoreError>;

    /// Whether the log's records of this kind are this signal's.
    fn takes(kind: RecordKind) -> bool;

    /// How many records of the batch are kept, and why others are not.
    fn appended(&self, batch: &Self::Batch) -> Appended;

    /// What the log is to have of a batch, where that is not the request: what was refused of it must not come back with a restart.
    fn logged(&self, _batch: &Self::Batch) -> Option<(RecordKind, Vec<u8>)> {
        None
    }

    /// Whether there is nothing in the batch that must be kept.
    fn is_empty(&self, batch: &Self::Batch) -> bool {
        self.appended(batch).accepted == 0
    }

    /// Makes a batch visible. Called in the order of the log.
    fn apply(&self, memory: &Self::Memory, batch: Self::Batch);

    /// Bytes that a memory table takes, roughly; cheap.
    fn bytes(&self, memory: &Self::Memory) -> usize;

    /// Whether parts of a memory table that is not full would be no worse than those of a full one, so that it need not grow. Cheap.
    fn ripe(&self, _memory: &Self::Memory) -> bool {
        false
    }

    /// Rows in a memory table; cheap.
    fn rows(&self, memory: &Self::Memory) -> u64;

    /// Writes a frozen memory table as parts, each with the rows of one day. What it holds beside the table's bytes is bounded.
    fn write(&self, memory: &Self::Memory, parts: &mut PartSink<'_>) -> Result<(), StoreError>;

    /// Opens a part: reads what is kept in memory of it.
    fn open(&self, file: &PartFile) -> Result<Self::Part, StoreError>;

    /// Writes parts of one day as one, with bounded memory.
    fn merge(&self, parts: &[Arc<Part<Self>>], merged: &mut PartSink<'_>) -> Result<(), StoreError>;

    /// Reads all of a part and verifies every checksum.
    fn verify(&self, part: &Part<Self>) -> Result<(), StoreError>;

    /// Bytes that an open part takes in memory, roughly.
    fn part_bytes(&self, part: &Self::Part) -> usize;

    /// The records of the log that are not in parts have all been applied: what comes now is new.
    fn opened(&self) {}

    /// Told of parts before they can be found, and of others when they can't be any more. A flushed memory table is still there
    /// when its parts come.
    fn changed(&self, _added: &[Arc<Part<Self>>], _removed: &[Arc<Part<Self>>]) {}
}
