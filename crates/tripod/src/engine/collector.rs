//! The collector: one thread that takes what the lanes hold, makes batches of it and collects the metrics.
//!
//! It wakes when a batch is due, when a lane's chunk is full, and when someone flushes. It never waits for a network: batches
//! go to the exporters' queues.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tripod_wire::proto::{Message, put_bytes, put_len_delimited};

use super::control::Control;
use super::lane::{Reader, Tag};
use super::{Engine, LOG, SPAN, deadline};
use crate::config::{BatchConfig, Config};
use crate::metrics::{Temporality, threshold};
use crate::pipeline::{Batch, Outlet, Output, Signal, Tail, TailSampling};
use crate::say::say;
use crate::self_metrics::{self, SelfMetrics};
use crate::sync::fork;
use crate::{Error, metrics, resource};

const NAME: &str = "tripod-collector";

/// When batches are sent.
pub(crate) struct Batching {
    /// Of spans and of logs.
    records: [BatchConfig; 2],
    /// Whether metrics are collected at all.
    metrics: bool,
    /// Whether the engine's own counts are among the metrics.
    self_metrics: bool,
    /// Which traces are kept after they have ended; `None`: all.
    tail: Option<TailSampling>,
    /// `resource` as an encoded field of `ResourceSpans`, `ResourceLogs`, `ResourceMetrics`.
    resource: Vec<u8>,
}

impl Batching {
    /// Spans and logs wait as long as the most impatient output wants; the others gather what they get.
    pub(crate) fn new(config: &Config, outputs: &[Output]) -> Self {
        let mut records = config.batch;
        for output in outputs {
            for (batch, delay) in records.iter_mut().zip(output.options.schedule_delay) {
                batch.delay = delay.map_or(batch.delay, |delay| delay.min(batch.delay));
            }
        }
        Self {
            records,
            metrics: config.metrics,
            self_metrics: config.self_metrics,
            tail: config.tail.clone(),
            resource: resource::encoded_field(&config.resource()),
        }
    }

    /// How spans and logs are gathered into the batches that all outputs share.
    pub(crate) fn records(&self) -> &[BatchConfig; 2] {
        &self.records
    }

    fn of(&self, signal: u8) -> &BatchConfig {
        &self.records[usize::from(signal).min(1)]
    }

    fn shortest_delay(&self) -> Duration {
        self.of(SPAN).delay.min(self.of(LOG).delay)
    }
}

/// The thread as others see it.
#[derive(Default)]
pub(crate) struct Collector {
    /// Lanes that the thread has not met.
    new_lanes: Mutex<Vec<Reader>>,
    control: Control,
}

impl Collector {
    /// Starts the thread of an engine.
    pub(crate) fn start(engine: &Arc<Engine>, batching: Batching) -> Result<(), Error> {
        let of = Arc::clone(engine);
        let work = move || {
            crate::context::suppress::for_ever();
            of.collector.control.begin();
            Worker::new(of, batching).run();
        };
        engine.collector.control.start(NAME, work)
    }

    pub(crate) fn add_lane(&self, lane: Reader) {
        self.new_lanes.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
    }

    pub(crate) fn wake(&self) {
        self.control.wake();
    }

    /// Waits until everything recorded before is in the exporters' queues. On the thread itself there is nothing to wait for.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        self.control.flush(deadline)
    }

    /// Has the thread take what is left and end; waits for it only until the deadline. Answers whether it has ended.
    pub(crate) fn stop(&self, deadline: Instant) -> bool {
        self.control.stop(deadline)
    }
}

/// The thread's own state.
struct Worker {
    engine: Arc<Engine>,
    batching: Batching,
    lanes: Vec<Reader>,
    /// What waits to become a batch: spans, logs.
    open: [OpenBatch; 2],
    self_metrics: SelfMetrics,
    /// Where spans wait for the decision on their trace, if there is a policy.
    tail: Option<Tail>,
    /// One for each temporality and interval that an exporter wants.
    metrics: Vec<MetricReader>,
    /// When values are next compared with thresholds.
    next_check: Instant,
    /// Records lost on their way here, as last said on stderr, and when that was.
    said: (u64, Option<Instant>),
}

/// Collects the metrics of the exporters that want them alike.
struct MetricReader {
    reader: metrics::Reader,
    temporality: Temporality,
    interval: Duration,
    /// When it collects next.
    due: Instant,
}

impl MetricReader {
    fn is_for(&self, outlet: &Outlet) -> bool {
        (self.temporality, self.interval) == (outlet.temporality(), outlet.metric_interval())
    }
}

/// How often it complains on stderr.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Records of one signal by scope.
#[derive(Default)]
struct OpenBatch {
    scopes: Vec<OpenScope>,
    records: usize,
    since: Option<Instant>,
}

struct OpenScope {
    id: u16,
    /// Records as fields of `ScopeSpans` or `ScopeLogs`.
    bytes: Vec<u8>,
}

impl Worker {
    fn new(engine: Arc<Engine>, batching: Batching) -> Self {
        let tail = batching.tail.clone().map(Tail::new);
        let (lanes, open, self_metrics) = Default::default();
        let mut metrics: Vec<MetricReader> = Vec::new();
        for outlet in engine.outlets().iter().filter(|outlet| batching.metrics && outlet.accepts(Signal::Metrics)) {
            if !metrics.iter().any(|reader| reader.is_for(outlet)) {
                let (temporality, interval) = (outlet.temporality(), outlet.metric_interval());
                let reader = metrics::Reader::new(temporality);
                metrics.push(MetricReader { reader, temporality, interval, due: deadline(interval) });
            }
        }
        let next_check = Instant::now() + threshold::INTERVAL;
        Self { engine, batching, lanes, open, self_metrics, tail, metrics, next_check, said: (0, None) }
    }

    fn run(mut self) {
        let forks = fork::count();
        loop {
            let asked = self.engine.collector.control.asked();
            // A fault of ours costs a round, not the thread.
            let round = catch_unwind(AssertUnwindSafe(|| self.round(asked.flush)));
            if round.is_err() {
                say(format_args!("the collector panicked, and goes on"));
            }
            if fork::count() != forks {
                // A metric's callback has forked: this is the child, and the engine is the parent's.
                std::mem::forget(self);
                return;
            }
            self.engine.collector.control.done(asked);
            if asked.stop {
                if self.batching.self_metrics {
                    self.self_metrics.end(self.engine.stats());
                }
                return;
            }
            let due = deadline(self.batching.shortest_delay());
            let due = self.metrics.iter().map(|reader| reader.due).fold(due, Instant::min);
            let due = if self.batching.metrics && threshold::any() { due.min(self.next_check) } else { due };
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
        }
    }

    fn round(&mut self, flush: bool) {
        self.take_lanes(flush);
        self.close_due(flush);
        self.say_lost();
        self.collect_metrics(flush);
        let now = Instant::now();
        if self.batching.metrics && (flush || self.next_check <= now) {
            self.next_check = now + threshold::INTERVAL;
            threshold::check(now);
        }
    }

    /// Takes what the lanes hold, also what waits for a decision if all is wanted; lanes of threads that have ended are done with.
    fn take_lanes(&mut self, all: bool) {
        let Self { engine, batching, lanes, open, tail, .. } = self;
        let mut batch = |tag: Tag, record: &[u8]| {
            let open = &mut open[usize::from(tag.signal).min(1)];
            open.add(tag, record);
            if open.records >= batching.of(tag.signal).max_records {
                Self::close(engine, batching, tag.signal, open);
            }
        };
        let (now, counts, mut spans) = (Instant::now(), &engine.counts.tail, 0);
        lanes.append(&mut engine.collector.new_lanes.lock().unwrap_or_else(PoisonError::into_inner));
        lanes.retain_mut(|lane| {
            lane.drain(|record| {
                spans += u64::from(record.tag.signal == SPAN);
                match tail {
                    Some(tail) if record.tag.signal == SPAN => {
                        tail.take(record.tag, record.body, now, counts, &mut batch);
                    }
                    _ => batch(record.tag, record.body),
                }
            })
        });
        engine.counts.ended.fetch_add(spans, Ordering::Release);
        if let Some(tail) = tail {
            tail.end_round(all, now, counts, &mut batch);
        }
    }

    fn close_due(&mut self, all: bool) {
        // Logs first: on a console they stand before the trace during which they were written.
        for signal in [LOG, SPAN] {
            let open = &mut self.open[usize::from(signal)];
            let wait = self.batching.of(signal).delay / 2;
            let due = open.since.is_some_and(|since| all || since.elapsed() >= wait);
            if due {
                Self::close(&self.engine, &self.batching, signal, open);
            }
        }
    }

    fn close(engine: &Engine, batching: &Batching, signal: u8, open: &mut OpenBatch) {
        let records = std::mem::take(&mut open.records) as u64;
        open.since = None;
        let mut body =
            Vec::with_capacity(batching.resource.len() + open.scopes.iter().map(|s| s.bytes.len() + 64).sum::<usize>());
        put_len_delimited(&mut body, 1, |body| {
            body.extend_from_slice(&batching.resource);
            for scope in open.scopes.iter_mut().filter(|scope| !scope.bytes.is_empty()) {
                put_len_delimited(body, 2, |body| {
                    let of = super::scope_of_number(scope.id);
                    if scope.id != 0 {
                        put_bytes(body, 1, &of.scope.encode_to_vec());
                    }
                    body.append(&mut scope.bytes);
                    if !of.schema_url.is_empty() {
                        put_bytes(body, 3, of.schema_url.as_bytes());
                    }
                });
            }
        });
        engine.counts.collected[usize::from(signal)].fetch_add(records, Ordering::Relaxed);
        let signal = if signal == SPAN { Signal::Traces } else { Signal::Logs };
        let batch = Arc::new(Batch { signal, records, body });
        for outlet in engine.outlets() {
            outlet.offer(&batch);
        }
    }

    /// Says what was lost before it came here, at most once a minute.
    fn say_lost(&mut self) {
        let lost = self.engine.counts.lost_by_reason();
        let all = lost.iter().sum();
        let (said, last) = self.said;
        if all > said && last.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            self.said = (all, Some(Instant::now()));
            let [no_room, nested, late] = lost;
            say(format_args!(
                "{all} spans and log records lost so far: {no_room} for want of memory, {nested} made while a value was shown, \
                 {late} made while a thread ended"
            ));
        }
    }

    /// Collects for the readers that are due, or for all.
    fn collect_metrics(&mut self, all: bool) {
        let start = Instant::now();
        if !self.metrics.iter().any(|reader| all || reader.due <= start) {
            return;
        }
        metrics::say_overflows();
        if self.batching.self_metrics {
            self.self_metrics.update(&self.engine.stats());
        }
        for due in self.metrics.iter_mut().filter(|reader| all || reader.due <= start) {
            // Before anything can panic, so that a fault does not come back at once.
            due.due = deadline(due.interval);
            let collected = metrics::collect_encoded(&mut due.reader, &self.batching.resource);
            let Some((body, records)) = collected else { continue };
            let batch = Arc::new(Batch { signal: Signal::Metrics, records, body });
            self.engine.outlets().iter().filter(|outlet| due.is_for(outlet)).for_each(|outlet| outlet.offer(&batch));
        }
        if self.batching.self_metrics {
            self_metrics::record_collection(start.elapsed().as_secs_f64());
        }
    }
}

impl OpenBatch {
    fn add(&mut self, tag: Tag, record: &[u8]) {
        let at = self.scopes.iter().position(|scope| scope.id == tag.scope).unwrap_or_else(|| {
            self.scopes.push(OpenScope { id: tag.scope, bytes: Vec::new() });
            self.scopes.len() - 1
        });
        put_bytes(&mut self.scopes[at].bytes, 2, record);
        self.records += 1;
        self.since.get_or_insert_with(Instant::now);
    }
}
