//! What is measured: a row is one work, done by Tripod and by its peers.

use std::sync::Arc;

use crate::sinks::Kind;

/// One work and who does it. Tripod comes first.
pub struct Row {
    pub name: &'static str,
    /// The rows that one word picks: `metrics`, `spans`, `logs`.
    pub group: &'static str,
    pub title: &'static str,
    pub note: &'static str,
    pub measure: Measure,
    pub unit: Unit,
    pub threads: usize,
    /// Calls in a segment; 0: as many as take 200 µs.
    pub calls: u64,
    /// A figure is of a part of a call: one of 11 spans.
    pub parts: u64,
    /// At most so many times the best peer's figure.
    pub target: Option<f64>,
    pub peers: Vec<Peer>,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The time of the thread that calls; flushing is left out.
    Caller,
    /// The CPU time of all threads, flushing included, for a call whose records arrived.
    Cpu,
    /// Bytes of heap that stay allocated.
    Heap,
}

#[derive(Clone, Copy)]
pub enum Unit {
    Nanos,
    Micros,
    Millis,
    Bytes,
}

impl Unit {
    pub fn word(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::Micros => "µs",
            Self::Millis => "ms",
            Self::Bytes => "bytes",
        }
    }

    pub fn of_base(self, figure: f64) -> f64 {
        match self {
            Self::Nanos | Self::Bytes => figure,
            Self::Micros => figure / 1e3,
            Self::Millis => figure / 1e6,
        }
    }
}

pub struct Peer {
    pub name: &'static str,
    /// What a reader must know of how it does the work.
    pub note: &'static str,
    /// Whether it does the whole work, so that it may be the best peer.
    pub ranked: bool,
    pub set_up: fn() -> Work,
}

impl Peer {
    pub fn new(name: &'static str, set_up: fn() -> Work) -> Self {
        Self { name, note: "", ranked: true, set_up }
    }

    pub fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// Shown, but not compared: it does less than the work, or more.
    pub fn unranked(mut self) -> Self {
        self.ranked = false;
        self
    }
}

/// A work, ready to be done: made within a process of its own.
pub struct Work {
    /// Does it so many times.
    pub run: Arc<dyn Fn(u64) + Send + Sync>,
    /// Before a segment of so many calls, untimed.
    pub prepare: Box<dyn FnMut(u64)>,
    /// After a segment: sends what was recorded, so that no queue overflows.
    pub flush: Box<dyn FnMut()>,
    /// What each call records.
    pub records: Option<(Kind, u64)>,
    /// Where metrics arrive instead of in a sink.
    pub total: Option<Box<dyn Fn() -> u64>>,
    /// What the SDK itself says that it lost.
    pub lost: Option<Box<dyn Fn() -> u64>>,
}

impl Work {
    pub fn new(run: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let (prepare, flush) = (Box::new(|_| {}), Box::new(|| {}));
        Self { run: Arc::new(run), prepare, flush, records: None, total: None, lost: None }
    }

    /// A work of single calls, numbered from 0 within a segment.
    pub fn each(call: impl Fn(usize) + Send + Sync + 'static) -> Self {
        Self::new(move |n| (0..n as usize).for_each(&call))
    }

    pub fn prepare(mut self, prepare: impl FnMut(u64) + 'static) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    pub fn flush(mut self, flush: impl FnMut() + 'static) -> Self {
        self.flush = Box::new(flush);
        self
    }

    pub fn records(mut self, kind: Kind, per_call: u64) -> Self {
        self.records = Some((kind, per_call));
        self
    }

    /// Each call counts one, and this is what has been counted.
    pub fn total(mut self, total: impl Fn() -> u64 + 'static) -> Self {
        self.total = Some(Box::new(total));
        self
    }

    pub fn lost(mut self, lost: impl Fn() -> u64 + 'static) -> Self {
        self.lost = Some(Box::new(lost));
        self
    }
}
