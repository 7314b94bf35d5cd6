//! The engine: from the caller's thread to the collector, and the switch that says whether there is one.
//!
//! Recording never waits: a finished record is copied into the thread's lane ([`lane`]) and the caller goes on. One thread, the
//! collector, takes what all lanes hold, groups it into batches, and hands those to the exporters' queues.

mod chunk;
mod collector;
pub(crate) mod control;
pub(crate) mod exit;
mod generation;
pub(crate) mod lane;
#[cfg(all(test, loom))]
mod lane_model;
pub(crate) mod panic;
pub(crate) mod role;
mod scopes;
mod slot;
pub(crate) mod starts;

#[cfg(feature = "prometheus-server")]
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

pub(crate) use collector::Batching;
#[cfg(feature = "opentelemetry")]
pub(crate) use scopes::scope_number;
pub(crate) use scopes::{Scope, scope_id, scope_name, scope_of_number};

#[cfg(feature = "prometheus-server")]
pub(crate) use slot::prometheus_address;
#[cfg(all(unix, not(miri), not(loom)))]
pub(crate) use slot::{ForkHold, after_fork, before_fork};
pub(crate) use slot::{deadline, flush, running, start, stats, stop};

use tripod_wire::otlp::Resource;

use crate::Error;
#[cfg(feature = "prometheus-server")]
use crate::export::PrometheusServer as Server;
use crate::metrics::PrometheusPage;
use crate::pattern::Pattern;
use crate::pipeline::{Outlet, TailCounts};
use crate::stats::{RecordStats, Stats};
use crate::trace::Sampler;
use collector::Collector;
use generation::Generation;
use lane::{Budget, SharedBudget, Tag, Writer};
use slot::Origin;
use starts::{AllStarts, Starts};

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
    /// Keys of baggage that become attributes of spans.
    pub(crate) baggage_attributes: Vec<Pattern>,
}

/// Why a record was lost on its way to the collector.
#[derive(Clone, Copy)]
pub(crate) enum Lost {
    /// The lanes' memory was used up: the collector could not keep pace.
    NoRoom,
    /// It was made by what telemetry called on the same thread: a `Display` or `Debug` that itself logs or starts a span.
    Nested,
    /// It was made after the thread's part of telemetry had ended.
    Late,
}

/// What makes a record.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Act {
    Log,
    StartSpan,
    EndSpan,
}

/// What the engine has done, by signal where it is an array.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) collected: [AtomicU64; 2],
    /// By [`Lost`].
    pub(crate) lost: [[AtomicU64; 3]; 2],
    starts: AllStarts,
    /// Spans that have ended: those that the collector took, and those that were lost when they ended.
    pub(crate) ended: AtomicU64,
    /// What a tail policy has decided.
    pub(crate) tail: TailCounts,
}

impl Counts {
    /// Records that were lost on their way to the collector, by [`Lost`].
    fn lost_by_reason(&self) -> [u64; 3] {
        let [spans, logs] = self.lost.each_ref().map(|lost| lost.each_ref().map(|lost| lost.load(Ordering::Relaxed)));
        [spans[0] + logs[0], spans[1] + logs[1], spans[2] + logs[2]]
    }
}

/// A running engine.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    pub(crate) counts: Counts,
    pub(crate) resource: Resource,
    /// What pages for Prometheus show.
    pub(crate) prometheus_page: PrometheusPage,
    budget: SharedBudget,
    collector: Collector,
    outlets: Vec<Outlet>,
    #[cfg(feature = "prometheus-server")]
    server: Option<Server>,
    stopped: Stopped,
}

/// Whether the engine has stopped, and whether it had delivered everything by then.
#[derive(Default)]
struct Stopped {
    delivered: Mutex<Option<bool>>,
    changed: Condvar,
}

impl Stopped {
    fn set(&self, delivered: bool) {
        *self.delivered.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivered);
        self.changed.notify_all();
    }

    /// Waits until it has stopped; false when it takes longer.
    fn wait(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |delivered: &mut Option<bool>| delivered.is_none();
        let waited = self.changed.wait_timeout_while(delivered, left, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.unwrap_or(false)
    }
}

/// Changes whenever the slot does, so that threads notice without taking its lock.
#[cfg(not(loom))]
static GENERATION: Generation = Generation::new();
#[cfg(loom)]
loom::lazy_static! { static ref GENERATION: Generation = Generation::new(); }
/// The lowest severity that is recorded; `u32::MAX` when logs are off.
static LOG_SEVERITY: AtomicU32 = AtomicU32::new(u32::MAX);
static TRACES_ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are worth starting.
#[inline]
pub(crate) fn traces_on() -> bool {
    // Relaxed: a thread that sees the switch late records a span more or less; what it then reaches is behind `GENERATION`.
    !crate::OFF && TRACES_ON.load(Ordering::Relaxed)
}

/// Whether a log record of this severity is worth building.
#[inline]
pub(crate) fn logs_on(severity: i32) -> bool {
    !crate::OFF && severity as u32 >= LOG_SEVERITY.load(Ordering::Relaxed)
}

/// Differs from what a thread has seen when the engine is another.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.now()
}

/// Counts a record that the calling thread could not make, if it would have been taken.
#[cold]
pub(crate) fn lose(act: Act, why: Lost) {
    let is_on = if act == Act::Log { logs_on(i32::MAX) } else { traces_on() };
    if is_on && let Some(engine) = slot::running_already() {
        engine.lost(act, why);
    }
}

/// The engine that runs, if one does, and the generation from which on it does.
pub(crate) fn look(generation: &mut u32) -> Option<Arc<Engine>> {
    GENERATION.look(generation, running)
}

impl Engine {
    /// Makes an engine with its threads.
    fn make(origin: &Origin) -> Result<Arc<Self>, Error> {
        let config = &origin.config;
        let mut engine = Self {
            settings: Settings {
                sampler: config.sampler.clone(),
                baggage_attributes: config.baggage_attributes.clone(),
            },
            counts: Counts::default(),
            resource: config.resource(),
            prometheus_page: config.prometheus.page.clone(),
            budget: Budget::new(config.record_memory),
            collector: Collector::default(),
            outlets: Vec::new(),
            #[cfg(feature = "prometheus-server")]
            server: origin.server()?,
            stopped: Stopped::default(),
        };
        let outputs = origin.outputs()?;
        let batching = Batching::new(config, &outputs);
        let started = outputs.into_iter().enumerate().try_for_each(|(at, output)| {
            engine.outlets.push(Outlet::start(output, at, config, &batching)?);
            Ok(())
        });
        let engine = Arc::new(engine);
        let started = started.and_then(|()| Collector::start(&engine, batching));
        // If a thread can't be started, the others end.
        started.inspect_err(|_| engine.outlets.iter().for_each(|outlet| outlet.stop(Instant::now())))?;
        Ok(engine)
    }

    /// A lane for the calling thread.
    pub(crate) fn new_lane(&self) -> Writer {
        let (writer, reader) = lane::lane(&self.budget);
        self.collector.add_lane(reader);
        writer
    }

    /// Tells the collector that there is something to take.
    pub(crate) fn wake(&self) {
        self.collector.wake();
    }

    /// For the calling thread, to count the spans that it starts.
    pub(crate) fn new_starts(&self) -> Arc<Starts> {
        self.counts.starts.of_new_thread()
    }

    /// There was no room for a record.
    pub(crate) fn refused(&self, signal: u8) {
        self.lost(if signal == SPAN { Act::EndSpan } else { Act::Log }, Lost::NoRoom);
    }

    fn lost(&self, act: Act, why: Lost) {
        let signal = if act == Act::Log { LOG } else { SPAN };
        self.counts.lost[usize::from(signal)][why as usize].fetch_add(1, Ordering::Relaxed);
        if act == Act::EndSpan {
            self.counts.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what has been recorded so far. Answers whether all of it was delivered before the deadline.
    fn flush(&self, deadline: Instant) -> bool {
        // Also after a collector that is late: what lies in the queues can go.
        let collected = self.collector.flush(deadline);
        self.flush_outlets(deadline) && collected
    }

    /// Sends what was recorded, then ends the threads; what a destination has not taken at the deadline is lost, and counted.
    fn shut_down(&self, deadline: Instant) -> bool {
        // The collector takes what is left before it ends, so the outlets have everything when they are flushed. One that is held
        // up, by a metric's callback, leaves them half of the time.
        let now = Instant::now();
        #[cfg(feature = "prometheus-server")]
        self.server.iter().for_each(|server| server.stop(deadline));
        let collected = self.collector.stop(now + deadline.saturating_duration_since(now) / 2);
        // All at once, so that one that hangs takes nothing of the others' time, also not of what their exporters do at the end.
        self.outlets.iter().for_each(|outlet| outlet.finish(deadline));
        let delivered = self.flush_outlets(deadline);
        for outlet in &self.outlets {
            outlet.stop(deadline);
        }
        collected && delivered
    }

    /// What became of the records so far.
    pub(crate) fn stats(&self) -> Stats {
        let records = |signal: u8| {
            let collected = self.counts.collected[usize::from(signal)].load(Ordering::Relaxed);
            let [refused, nested, late] =
                self.counts.lost[usize::from(signal)].each_ref().map(|lost| lost.load(Ordering::Relaxed));
            RecordStats { created: collected + refused + nested + late, refused, nested, late }
        };
        let (mut spans, tail) = (records(SPAN), self.counts.tail.stats());
        spans.created += tail.spans_dropped;
        // First those that have ended: one that ends meanwhile is not to be missing among those that were started.
        let ended = self.counts.ended.load(Ordering::Acquire);
        let started = self.counts.starts.sum();
        let live = started.recorded().saturating_sub(ended);
        let exporters = self.outlets.iter().map(Outlet::stats).collect();
        Stats { started, live, spans, logs: records(LOG), tail, exporters }
    }

    /// Flushes all outlets at once, and waits for each, also after one that is late.
    fn flush_outlets(&self, deadline: Instant) -> bool {
        let hurries: Vec<_> = self.outlets.iter().map(Outlet::hurry).collect();
        hurries.iter().filter(|outlet| !outlet.wait(deadline)).count() == 0
    }

    /// Where Prometheus may ask.
    #[cfg(feature = "prometheus-server")]
    fn prometheus_address(&self) -> Option<SocketAddr> {
        self.server.as_ref()?.address()
    }

    fn outlets(&self) -> &[Outlet] {
        &self.outlets
    }
}
