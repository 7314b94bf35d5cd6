//! The engine: from the caller's thread to the collector, and the switch that says whether there is one.
//!
//! Recording never waits: a finished record is copied into the thread's lane ([`lane`]) and the caller goes on. One thread, the
//! collector, takes what all lanes hold, groups it into batches, and hands those to the exporters' queues.

mod collector;
pub(crate) mod lane;
pub(crate) mod own_threads;
pub(crate) mod panic;
mod scopes;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

pub(crate) use collector::Batching;
pub(crate) use scopes::{scope_id, scope_name};

use crate::Error;
use crate::config::Config;
use crate::pipeline::{Exporter, Outlet, TailCounts};
use crate::stats::{RecordStats, Stats};
use crate::trace::Sampler;
use collector::Collector;
use lane::{Budget, Reader, Tag, Writer};

/// The kinds of records, as their tags have them.
pub(crate) const SPAN: u8 = 0;
/// A log record.
pub(crate) const LOG: u8 = 1;

pub(crate) fn span_tag(scope: u16) -> Tag {
    Tag { signal: SPAN, scope }
}

pub(crate) fn log_tag(scope: u16) -> Tag {
    Tag { signal: LOG, scope }
}

/// What a hot path has to know.
pub(crate) struct Settings {
    pub(crate) sampler: Sampler,
    pub(crate) min_severity: i32,
}

/// Why a record was lost.
#[derive(Clone, Copy)]
pub(crate) enum Lost {
    /// The lanes' memory was used up: the collector could not keep pace.
    NoRoom,
}

/// What the engine has done, by signal where it is an array.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) collected: [AtomicU64; 2],
    pub(crate) lost: [AtomicU64; 2],
    /// What a tail policy has decided.
    pub(crate) tail: TailCounts,
}

/// A running engine.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) counts: Counts,
    budget: Arc<Budget>,
    lanes: Mutex<Vec<Reader>>,
    collector: Mutex<Option<Collector>>,
    outlets: Vec<Outlet>,
}

static RUNNING: RwLock<Option<Arc<Engine>>> = RwLock::new(None);
/// Changes whenever `RUNNING` does, so that threads notice without taking its lock.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// The lowest severity that is recorded; `u32::MAX` when logs are off.
static LOG_SEVERITY: AtomicU32 = AtomicU32::new(u32::MAX);
static TRACES_ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are worth starting.
#[inline]
pub(crate) fn traces_on() -> bool {
    // Relaxed: a thread that sees the switch late records a span more or less; what it then reaches is behind `GENERATION`.
    TRACES_ON.load(Ordering::Relaxed)
}

/// Whether a log record of this severity is worth building.
#[inline]
pub(crate) fn logs_on(severity: i32) -> bool {
    severity as u32 >= LOG_SEVERITY.load(Ordering::Relaxed)
}

#[inline]
pub(crate) fn generation() -> u32 {
    // Relaxed: `RUNNING` is read under its own lock once the number is seen to differ.
    GENERATION.load(Ordering::Relaxed)
}

/// The engine that runs, if one does.
pub(crate) fn running() -> Option<Arc<Engine>> {
    RUNNING.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Engine {
    /// Starts the engine as the one of this process.
    pub(crate) fn start(config: &Config, exporters: Vec<Box<dyn Exporter>>) -> Result<Arc<Self>, Error> {
        let mut slot = RUNNING.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Err(Error::AlreadyStarted);
        }
        let outlets = exporters
            .into_iter()
            .enumerate()
            .map(|(at, to)| Outlet::start(to, at, config))
            .collect::<Result<Vec<_>, _>>()?;
        let engine = Arc::new(Self {
            settings: Settings { sampler: config.sampler.clone(), min_severity: config.log_level as i32 },
            counts: Counts::default(),
            budget: Budget::new(config.record_memory),
            lanes: Mutex::new(Vec::new()),
            collector: Mutex::new(None),
            outlets,
        });
        let collector = Collector::start(Arc::clone(&engine), Batching::new(config))?;
        *engine.collector.lock().unwrap_or_else(PoisonError::into_inner) = Some(collector);
        *slot = Some(Arc::clone(&engine));
        drop(slot);
        panic::install_hook();
        config.limits.put_in_force();
        GENERATION.fetch_add(1, Ordering::Relaxed);
        TRACES_ON.store(config.traces, Ordering::Relaxed);
        let severity = if config.logs { engine.settings.min_severity as u32 } else { u32::MAX };
        LOG_SEVERITY.store(severity, Ordering::Relaxed);
        Ok(engine)
    }

    /// A lane for the calling thread; `None` when there is no memory left for one.
    pub(crate) fn new_lane(&self) -> Option<Writer> {
        let (writer, reader) = lane::lane(&self.budget)?;
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Some(writer)
    }

    /// Tells the collector that there is something to take.
    pub(crate) fn wake(&self) {
        // `try_lock`: if the lock is held, the collector is just being started or stopped.
        let Ok(collector) = self.collector.try_lock() else { return };
        if let Some(collector) = collector.as_ref() {
            collector.wake();
        }
    }

    pub(crate) fn lost(&self, signal: u8, why: Lost) {
        match why {
            Lost::NoRoom => self.counts.lost[usize::from(signal)].fetch_add(1, Ordering::Relaxed),
        };
    }

    /// Sends what has been recorded so far. Answers whether all of it was delivered before the deadline.
    pub(crate) fn flush(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let collected = match self.collector.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(collector) => collector.request_flush(),
            None => return true,
        };
        collected.wait_until(deadline) && self.flush_outlets(deadline)
    }

    /// Stops: no record is taken from now on, what was recorded is sent, the threads end. Bounded by the deadline: what a
    /// destination has not taken by then is lost, and counted. Answers whether nothing was.
    pub(crate) fn stop(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        TRACES_ON.store(false, Ordering::Relaxed);
        LOG_SEVERITY.store(u32::MAX, Ordering::Relaxed);
        *RUNNING.write().unwrap_or_else(PoisonError::into_inner) = None;
        GENERATION.fetch_add(1, Ordering::Relaxed);
        let collector = self.collector.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The collector takes what is left before it ends, so the outlets have everything when they are flushed.
        let collected = collector.is_none_or(|collector| collector.stop(deadline));
        let delivered = self.flush_outlets(deadline);
        for outlet in &self.outlets {
            outlet.stop(deadline);
        }
        collected && delivered
    }

    /// What became of the records so far.
    pub(crate) fn stats(&self) -> Stats {
        let records = |signal: u8| {
            let [collected, refused] = [&self.counts.collected, &self.counts.lost]
                .map(|counts| counts[usize::from(signal)].load(Ordering::Relaxed));
            RecordStats { created: collected + refused, refused }
        };
        let (mut spans, tail) = (records(SPAN), self.counts.tail.stats());
        spans.created += tail.spans_dropped;
        let exporters = self.outlets.iter().map(Outlet::stats).collect();
        Stats { spans, logs: records(LOG), tail, exporters }
    }

    /// Flushes every outlet, also after one that is late.
    fn flush_outlets(&self, deadline: Instant) -> bool {
        self.outlets.iter().filter(|outlet| !outlet.flush(deadline)).count() == 0
    }

    fn outlets(&self) -> &[Outlet] {
        &self.outlets
    }
}
