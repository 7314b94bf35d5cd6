//! The collector: one thread that takes what the lanes hold, makes batches of it and collects the metrics.
//!
//! It wakes when a batch is due, when a lane's chunk is full, and when someone flushes. It never waits for a network: batches
//! go to the exporters' queues.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use tripod_wire::proto::{put_bytes, put_len_delimited};

use super::lane::Tag;
use super::{Engine, LOG, SPAN};
use crate::config::Config;
use crate::pipeline::{Batch, Signal, Tail, TailSampling};
use crate::self_metrics::{self, SelfMetrics};
use crate::{Error, metrics, resource};

const NAME: &str = "tripod-collector";

/// When batches are sent.
pub(crate) struct Batching {
    /// Records wait at most so long.
    delay: Duration,
    /// A batch has at most so many records.
    max_records: usize,
    /// Metrics are collected this often; `None`: never.
    metric_interval: Option<Duration>,
    /// Whether the engine's own counts are among the metrics.
    self_metrics: bool,
    /// Which traces are kept after they have ended; `None`: all.
    tail: Option<TailSampling>,
    /// `resource` as an encoded field of `ResourceSpans`, `ResourceLogs`, `ResourceMetrics`.
    resource: Vec<u8>,
}

impl Batching {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            delay: config.schedule_delay,
            max_records: config.max_batch,
            metric_interval: config.metrics.then_some(config.metric_interval),
            self_metrics: config.self_metrics,
            tail: config.tail.clone(),
            resource: resource::encoded_field(&config.resource()),
        }
    }
}

/// The running thread.
pub(crate) struct Collector {
    thread: Thread,
    handle: JoinHandle<()>,
    requests: Arc<Requests>,
}

/// What others ask of the thread.
#[derive(Default)]
struct Requests {
    stop: AtomicBool,
    flushes: Mutex<Flushes>,
    done: Condvar,
}

#[derive(Default)]
struct Flushes {
    asked: u64,
    done: u64,
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Flushes> {
        self.flushes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flush that was asked for.
pub(crate) struct Flush {
    number: u64,
    requests: Arc<Requests>,
}

impl Flush {
    /// Waits until everything recorded before is in the exporters' queues.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let flushes = self.requests.lock();
        let waiting = |flushes: &mut Flushes| flushes.done < self.number;
        let (flushes, _) =
            self.requests.done.wait_timeout_while(flushes, left, waiting).unwrap_or_else(PoisonError::into_inner);
        flushes.done >= self.number
    }
}

impl Collector {
    pub(crate) fn start(engine: Arc<Engine>, batching: Batching) -> Result<Self, Error> {
        let requests = Arc::new(Requests::default());
        let asked = Arc::clone(&requests);
        let handle = thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || {
                super::own_threads::mark();
                Worker::new(engine, batching, asked).run();
            })
            .map_err(|source| Error::Thread { name: NAME, source })?;
        Ok(Self { thread: handle.thread().clone(), handle, requests })
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }

    pub(crate) fn request_flush(&self) -> Flush {
        let mut flushes = self.requests.lock();
        flushes.asked += 1;
        let flush = Flush { number: flushes.asked, requests: Arc::clone(&self.requests) };
        drop(flushes);
        self.wake();
        flush
    }

    /// Has the thread take what is left and end; waits for it only until the deadline. Answers whether it has ended.
    pub(crate) fn stop(self, deadline: Instant) -> bool {
        self.requests.stop.store(true, Ordering::Release);
        self.thread.unpark();
        while !self.handle.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.handle.is_finished() && self.handle.join().is_ok()
    }
}

/// The thread's own state.
struct Worker {
    engine: Arc<Engine>,
    batching: Batching,
    requests: Arc<Requests>,
    /// What waits to become a batch: spans, logs.
    open: [OpenBatch; 2],
    self_metrics: SelfMetrics,
    /// Where spans wait for the decision on their trace, if there is a policy.
    tail: Option<Tail>,
}

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
    fn new(engine: Arc<Engine>, batching: Batching, requests: Arc<Requests>) -> Self {
        let tail = batching.tail.clone().map(Tail::new);
        Self { engine, batching, requests, open: Default::default(), self_metrics: SelfMetrics::default(), tail }
    }

    fn run(mut self) {
        let mut next_metrics = self.batching.metric_interval.map(|interval| Instant::now() + interval);
        loop {
            let stop = self.requests.stop.load(Ordering::Acquire);
            let Flushes { asked, done } = *self.requests.lock();
            let flush = stop || asked > done;
            self.take_lanes(flush);
            self.close_due(flush);
            let now = Instant::now();
            if next_metrics.is_some_and(|due| flush || due <= now) {
                self.collect_metrics();
                next_metrics = self.batching.metric_interval.map(|interval| now + interval);
            }
            self.requests.lock().done = asked;
            self.requests.done.notify_all();
            if stop {
                if self.batching.self_metrics {
                    self.self_metrics.end(self.engine.stats());
                }
                return;
            }
            let due = now + self.batching.delay;
            let due = next_metrics.map_or(due, |metrics| metrics.min(due));
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
        }
    }

    /// Takes what the lanes hold, also what waits for a decision if all is wanted; lanes of threads that have ended are done with.
    fn take_lanes(&mut self, all: bool) {
        let Self { engine, batching, open, tail, .. } = self;
        let mut batch = |tag: Tag, record: &[u8]| {
            let open = &mut open[usize::from(tag.signal).min(1)];
            open.add(tag, record);
            if open.records >= batching.max_records {
                Self::close(engine, batching, tag.signal, open);
            }
        };
        let (now, counts) = (Instant::now(), &engine.counts.tail);
        // Taken out, so that a thread that records for the first time is not kept waiting.
        let mut lanes = std::mem::take(&mut *engine.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        lanes.retain_mut(|lane| {
            lane.drain(|record| match tail {
                Some(tail) if record.tag.signal == SPAN => tail.take(record.tag, record.body, now, counts, &mut batch),
                _ => batch(record.tag, record.body),
            })
        });
        if let Some(tail) = tail {
            tail.end_round(all, now, counts, &mut batch);
        }
        engine.lanes.lock().unwrap_or_else(PoisonError::into_inner).append(&mut lanes);
    }

    fn close_due(&mut self, all: bool) {
        // Logs first: on a console they stand before the trace during which they were written.
        for signal in [LOG, SPAN] {
            let open = &mut self.open[usize::from(signal)];
            let due = open.since.is_some_and(|since| all || since.elapsed() >= self.batching.delay / 2);
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
                    let name = super::scope_name(scope.id);
                    if !name.is_empty() {
                        put_len_delimited(body, 1, |body| put_bytes(body, 1, name.as_bytes()));
                    }
                    body.append(&mut scope.bytes);
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

    fn collect_metrics(&mut self) {
        metrics::say_overflows();
        let start = Instant::now();
        if self.batching.self_metrics {
            self.self_metrics.update(&self.engine.stats());
        }
        let Some((body, records)) = metrics::collect_encoded(&self.batching.resource) else { return };
        let batch = Arc::new(Batch { signal: Signal::Metrics, records, body });
        if self.batching.self_metrics {
            self_metrics::record_collection(start.elapsed().as_secs_f64());
        }
        for outlet in self.engine.outlets() {
            outlet.offer(&batch);
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
