//! The store that comes with Tripod: a write-ahead log in a directory, and in memory the rows and indexes that find what
//! is in it.
//!
//! - [`wal`]: durable, append-only, cut into segments.
//! - [`segment`]: what is known in memory of one segment: rows of [`spans`] and [`logs`] that point into the log. Dropping
//!   the oldest segment drops its rows and its file, and nothing else ([`retain`]).
//! - [`series`]: samples and exemplars, all in memory; their log is only read at start.
//! - [`fetch`]: reads records back from the log to show them or to check their attributes.
//!
//! A span takes about 120 bytes of memory and its own size on disk. What is appended is visible when the call returns.

mod directory;
mod fetch;
mod find_logs;
mod log_volume;
mod logs;
mod matching;
mod options;
mod postings;
mod request;
mod retain;
mod segment;
mod series;
mod spans;
mod stats;
mod store;
mod summaries;
mod symbols;
mod timeline;
mod traces;
mod wal;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use self::directory::{Directory, io_error};
pub use self::options::Options;
use self::segment::{Segment, Segments};
use self::series::SeriesTable;
use self::wal::frame::Kind;
pub use self::wal::recover::Damage;
use self::wal::segment::SegmentFile;
use self::wal::{Wal, recover};
use crate::StoreError;
use crate::samples::codec;

/// The embedded store. Share it in an [`Arc`]; any number of threads may append and ask at once.
///
/// ```
/// use tripod_store::{Embedded, Options, SpanStore};
/// use tripod_wire::otlp::{ResourceSpans, ScopeSpans, Span, TracesData};
/// use tripod_wire::{SpanId, TraceId, proto::Message};
/// # let dir = tempfile::tempdir()?;
/// let (store, _recovery) = Embedded::open(Options::new(dir.path()))?;
///
/// let span = Span { trace_id: TraceId([1; 16]), span_id: SpanId([1; 8]), name: "hello".into(), ..Span::default() };
/// let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
/// let request = TracesData { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] };
/// assert_eq!(store.append_spans(&request.encode_to_vec())?.accepted, 1);
///
/// let trace = store.trace(TraceId([1; 16]))?.expect("what was acknowledged is found");
/// assert_eq!(trace.spans[0].span.name, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Embedded {
    options: Options,
    wal: Wal,
    segments: RwLock<Segments>,
    series: SeriesTable,
    evicting: Mutex<()>,
    evicted: AtomicU64,
    /// Holds the lock.
    directory: Directory,
}

/// What opening a store found on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments read.
    pub segments: u64,
    /// Records (appended batches) read.
    pub records: u64,
    /// Bytes of unfinished writes cut off the newest segment: they were never acknowledged.
    pub truncated_bytes: u64,
    /// What could not be read, and was skipped.
    pub damaged: Vec<Damage>,
}

impl Embedded {
    /// Opens the store in a directory, and reads what is there into memory.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process uses the directory, [`StoreError::Format`] when another version wrote it,
    /// [`StoreError::Io`] when the system refuses. Damaged data is no error, see [`Recovery`].
    pub fn open(options: Options) -> Result<(Self, Recovery), StoreError> {
        let directory = Directory::open(&options.dir)?;
        let ids = wal::segment::list(&directory.wal).map_err(io_error("cannot list", &directory.wal))?;
        let mut store = Self {
            wal: Wal::new(&directory.wal, options.segment_bytes, options.max_waiting_bytes, None, 1),
            options,
            segments: RwLock::default(),
            series: SeriesTable::default(),
            evicting: Mutex::default(),
            evicted: AtomicU64::new(0),
            directory,
        };
        let mut recovery = Recovery::default();
        let mut last = None;
        for id in &ids {
            last = store.replay(*id, Some(id) == ids.last(), &mut recovery)?;
            store.keep_within_limits()?;
        }
        let next_id = ids.last().map_or(1, |id| id + 1);
        store.wal =
            Wal::new(&store.directory.wal, store.options.segment_bytes, store.options.max_waiting_bytes, last, next_id);
        Ok((store, recovery))
    }

    /// Reads a segment into memory; returns it when it may be written further.
    fn replay(&self, id: u64, newest: bool, recovery: &mut Recovery) -> Result<Option<Arc<SegmentFile>>, StoreError> {
        let dir = &self.directory.wal;
        let file = Arc::new(SegmentFile::open(dir, id).map_err(io_error("cannot open a segment in", dir))?);
        let bytes = file.read_all().map_err(io_error("cannot read", &file.path))?;
        let mut damaged = Vec::new();
        let scan = recover::scan(&bytes, newest, |kind, payload, offset| {
            if let Err(reason) = self.take_in(kind, payload, &file, offset as u32) {
                damaged.push((offset, payload.len(), reason));
            }
        });
        damaged.extend(scan.damaged.into_iter().map(|(offset, len, reason)| (offset, len, reason.to_owned())));
        recovery.segments += 1;
        recovery.records += scan.records;
        if let Some(torn) = scan.torn {
            recovery.truncated_bytes += (bytes.len() - torn) as u64;
            file.truncate(torn as u64).map_err(io_error("cannot truncate", &file.path))?;
        }
        let writable = newest && damaged.is_empty() && file.len() >= wal::segment::MAGIC.len() as u64;
        recovery.damaged.extend(damaged.into_iter().map(|(offset, len, reason)| Damage {
            path: file.path.clone(),
            offset: offset as u64,
            bytes: len as u64,
            reason,
        }));
        if file.len() == 0 {
            std::fs::remove_file(&file.path).map_err(io_error("cannot remove", &file.path))?;
        } else {
            self.segment(&file);
        }
        Ok(writable.then_some(file))
    }

    /// Takes a record of the log into memory.
    fn take_in(&self, kind: Kind, payload: &[u8], file: &Arc<SegmentFile>, offset: u32) -> Result<(), String> {
        let decode = |error: tripod_wire::WireError| error.to_string();
        let Some(segment) = self.segment(file) else { return Ok(()) };
        match kind {
            Kind::Spans => segment.insert_spans(&request::spans(payload).map_err(decode)?, offset),
            Kind::Logs => segment.insert_logs(&request::logs(payload).map_err(decode)?, offset),
            Kind::Series => self.series.append(&codec::decode(payload)?, file.id),
        }
        Ok(())
    }

    /// What is known of a file in memory; `None` when it has been evicted.
    fn segment(&self, file: &Arc<SegmentFile>) -> Option<Arc<Segment>> {
        let known = self.segments.read().unwrap_or_else(PoisonError::into_inner).get(file.id);
        known.or_else(|| self.segments.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(file))
    }

    /// The segments as they are now; later changes of the set do not show.
    fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).all()
    }
}
