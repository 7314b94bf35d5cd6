//! The store that comes with Tripod: a directory with a write-ahead log and parts in it, behind the contract's traits.
//!
//! What a request goes through is the engine's, what is in it the signals'; here they are put together. Decision 28 says how
//! what is acknowledged stays, decisions 29 to 34 how it lies on disk and is found.

mod logs;
#[cfg(test)]
mod power_loss;
mod series;
mod spans;

use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, RealDisk};
use crate::engine::{self, AnyTable, Background, Check, Engine, Ground, Keep, Options, Recovery, Signal, Table};
use crate::logs::Logs;
use crate::samples::{Limits, Samples};
use crate::spans::Spans;
use crate::{DamagedPart, Status, Store, StoreError};

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
    spans: Arc<Table<Spans>>,
    logs: Arc<Table<Logs>>,
    samples: Arc<Table<Samples>>,
    engine: Arc<Engine>,
    /// Stopped before the engine goes.
    _background: Background,
}

impl Embedded {
    /// Opens the store in a directory: reads what its log has that is in no part yet, and starts the background work.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process uses the directory, [`StoreError::Format`] when a version that this one does
    /// not know wrote it, [`StoreError::Io`] when the system refuses. Damaged data is no error, see [`Recovery`].
    pub fn open(options: Options) -> Result<(Self, Recovery), StoreError> {
        Self::open_on(Arc::new(RealDisk), options)
    }

    fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, Recovery), StoreError> {
        let Tables { spans, logs, samples } = Tables::new(&options);
        let keep = options.retention;
        let tables: Vec<(Arc<dyn AnyTable>, Keep)> = vec![
            (Arc::clone(&spans) as _, keep.spans),
            (Arc::clone(&logs) as _, keep.logs),
            (Arc::clone(&samples) as _, keep.samples),
        ];
        let (engine, recovery) = Engine::open(disk, options, tables)?;
        engine.retain_now()?;
        let engine = Arc::new(engine);
        let background = Background::start(Arc::clone(&engine))?;
        Ok((Self { spans, logs, samples, engine, _background: background }, recovery))
    }

    /// Reads every byte of a store that nobody uses, and says which checksums hold. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a process uses the directory, [`StoreError::Format`] when there is no store in it that this
    /// version can read. What is damaged is no error but in the answer.
    pub fn check(dir: &Path) -> Result<Check, StoreError> {
        Self::check_telling(dir, &mut |_, _| ())
    }

    /// The same, telling how many bytes are read, of how many.
    ///
    /// # Errors
    /// As [`Embedded::check`].
    pub fn check_telling(dir: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<Check, StoreError> {
        let Tables { spans, logs, samples } = Tables::new(&Options::new(dir));
        engine::check(&RealDisk, dir, &[spans, logs, samples], tell)
    }

    fn ground(&self) -> &Ground {
        &self.engine.ground
    }

    /// Writes all that is in memory as parts, and merges and drops parts until nothing is left to do.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the system refuses. What was not done is tried again in the background.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.engine.settle()
    }
}

/// A table a signal.
struct Tables {
    spans: Arc<Table<Spans>>,
    logs: Arc<Table<Logs>>,
    samples: Arc<Table<Samples>>,
}

impl Tables {
    fn new(options: &Options) -> Self {
        let limits = Limits {
            series: options.series_limit as u64,
            out_of_order: i64::try_from(options.out_of_order_window.as_millis()).unwrap_or(i64::MAX),
            ..Limits::default()
        };
        let bytes = options.memory_table_bytes();
        Self {
            spans: Table::new(Spans::default(), bytes),
            logs: Table::new(Logs::default(), bytes),
            samples: Table::new(Samples::new(limits), options.samples_table_bytes()),
        }
    }
}

impl Store for Embedded {
    /// Waits until the log is on disk, which it is already unless [`Options::durability`] says otherwise.
    fn flush(&self) -> Result<(), StoreError> {
        self.engine.sync()
    }

    /// The snapshot's parts are hard links, so `dest` must be on the store's file system.
    fn snapshot(&self, dest: &Path) -> Result<u64, StoreError> {
        self.engine.snapshot(dest)
    }

    fn damaged(&self) -> Vec<DamagedPart> {
        self.engine.tables().flat_map(|table| table.damaged()).collect()
    }

    fn status(&self) -> Status {
        let tables = [&*self.spans as &dyn AnyTable, &*self.logs, &*self.samples];
        let signals = tables.map(AnyTable::status);
        let counts = self.samples.signal.counts(&self.samples.view());
        let rows = |name| signals.iter().find(|signal| signal.signal == name).map_or(0, |signal| signal.rows);
        let wal_bytes = self.engine.wal.bytes();
        let in_tables = |signal: &engine::SignalStatus| signal.memory_bytes + signal.index_bytes;
        let samples_in_tables = signals.iter().filter(|signal| signal.signal == Samples::NAME);
        let registry = counts.memory as u64
            - samples_in_tables.map(|signal| signal.memory_bytes).sum::<u64>().min(counts.memory as u64);
        Status {
            spans: rows(Spans::NAME),
            logs: rows(Logs::NAME),
            samples: counts.samples,
            series: counts.series,
            exemplars: counts.exemplars,
            memory_bytes: signals.iter().map(in_tables).sum::<u64>() + registry,
            disk_bytes: signals.iter().map(|signal| signal.part_bytes).sum::<u64>() + wal_bytes,
            evicted: signals.iter().map(|signal| signal.evicted).sum(),
            wal_bytes,
            full: self.engine.space.check(0).is_err(),
            signals: signals.into(),
        }
    }
}
