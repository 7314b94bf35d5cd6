//! What is known in memory of one segment of the log, and the set of all segments.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::logs::LogRows;
use super::request::{Batch, LogHead, NewContext, SpanHead};
use super::spans::SpanRows;
use super::symbols::{Symbol, Symbols};
use super::wal::segment::SegmentFile;

/// Rows of one segment. Those of a closed segment no longer change.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: Arc<SegmentFile>,
    spans: RwLock<SpanRows>,
    logs: RwLock<LogRows>,
    span_bytes: AtomicUsize,
    log_bytes: AtomicUsize,
}

/// Bytes taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) memory: usize,
    pub(crate) disk: u64,
}

/// Bytes in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// A resource and a scope by their bytes in the segment, and the service they name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) resource: Extent,
    pub(crate) scope: Extent,
    pub(crate) service: Symbol,
}

impl Extent {
    /// The bytes `range` of a payload that begins at `offset`.
    pub(crate) fn new(offset: u32, range: &std::ops::Range<usize>) -> Self {
        Self { offset: offset + range.start as u32, len: range.len() as u32 }
    }
}

impl Context {
    /// The context of a request whose payload begins at `offset`.
    pub(crate) fn new(context: &NewContext, offset: u32, symbols: &mut Symbols) -> Self {
        Self {
            resource: Extent::new(offset, &context.resource),
            scope: Extent::new(offset, &context.scope),
            service: symbols.intern(&context.service),
        }
    }
}

impl Segment {
    pub(crate) fn new(file: Arc<SegmentFile>) -> Self {
        Self {
            file,
            spans: RwLock::default(),
            logs: RwLock::default(),
            span_bytes: AtomicUsize::new(0),
            log_bytes: AtomicUsize::new(0),
        }
    }

    pub(crate) fn spans(&self) -> RwLockReadGuard<'_, SpanRows> {
        self.spans.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn logs(&self) -> RwLockReadGuard<'_, LogRows> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the spans of a request whose payload begins at `offset`.
    pub(crate) fn insert_spans(&self, batch: &Batch<SpanHead>, offset: u32) {
        let mut spans = self.spans.write().unwrap_or_else(PoisonError::into_inner);
        spans.insert(batch, offset);
        self.span_bytes.store(spans.memory(), Ordering::Relaxed);
    }

    /// Takes in the log records of a request whose payload begins at `offset`.
    pub(crate) fn insert_logs(&self, batch: &Batch<LogHead>, offset: u32) {
        let mut logs = self.logs.write().unwrap_or_else(PoisonError::into_inner);
        logs.insert(batch, offset);
        self.log_bytes.store(logs.memory(), Ordering::Relaxed);
    }

    /// What the segment takes, samples apart.
    pub(crate) fn usage(&self) -> Usage {
        let memory = self.span_bytes.load(Ordering::Relaxed) + self.log_bytes.load(Ordering::Relaxed);
        Usage { memory, disk: self.file.len() }
    }
}

/// All segments that can be asked.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    by_id: BTreeMap<u64, Arc<Segment>>,
    /// Segments up to this one are gone and must not come back.
    evicted_through: u64,
}

impl Segments {
    /// The segments in order.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.by_id.values().cloned().collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Segment>> {
        self.by_id.get(&id).cloned()
    }

    /// The segment of a file, made if need be; `None` when it has been evicted.
    pub(crate) fn get_or_insert(&mut self, file: &Arc<SegmentFile>) -> Option<Arc<Segment>> {
        if file.id <= self.evicted_through {
            return None;
        }
        let segment = self.by_id.entry(file.id).or_insert_with(|| Arc::new(Segment::new(Arc::clone(file))));
        Some(Arc::clone(segment))
    }

    /// Takes out the oldest segment, unless it is the only one.
    pub(crate) fn evict(&mut self) -> Option<Arc<Segment>> {
        if self.by_id.len() < 2 {
            return None;
        }
        let (id, segment) = self.by_id.pop_first()?;
        self.evicted_through = id;
        Some(segment)
    }

    /// What all segments take, samples apart.
    pub(crate) fn usage(&self) -> Usage {
        self.by_id.values().fold(Usage::default(), |sum, segment| {
            let usage = segment.usage();
            Usage { memory: sum.memory + usage.memory, disk: sum.disk + usage.disk }
        })
    }

    /// The newest segment.
    pub(crate) fn newest(&self) -> Option<&Arc<Segment>> {
        self.by_id.values().next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evicted_segment_does_not_come_back_and_the_only_one_is_never_evicted() {
        let dir = tempfile::tempdir().unwrap();
        let files = [1, 2].map(|id| Arc::new(SegmentFile::create(dir.path(), id).unwrap()));
        let mut segments = Segments::default();
        files.iter().for_each(|file| assert!(segments.get_or_insert(file).is_some()));
        assert_eq!(segments.evict().map(|segment| segment.file.id), Some(1));
        assert!(segments.get_or_insert(&files[0]).is_none(), "a late append must not revive it");
        assert!(segments.evict().is_none());
    }
}
