//! An outlet: one exporter with its queue and its thread.
//!
//! The queue is bounded in bytes; when it is full the oldest batch is dropped, counted and said (once a minute). A batch that the
//! receiver may take later is tried again until it is pushed out.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::retry::Backoff;
use super::{Batch, ExportError, Exported, Exporter, Signal, Signals};
use crate::Error;
use crate::config::Config;
use crate::self_metrics::ExportTimer;
use crate::stats::{Delivery, DropReason, ExporterStats};

const NAME: &str = "tripod-exporter";

/// How often one outlet may complain on stderr.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The longest wait between two tries while someone waits for the queue to be empty.
const HURRIED_WAIT: Duration = Duration::from_millis(100);

/// One exporter with its queue and its thread.
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    name: &'static str,
    accepts: Signals,
    queue: Mutex<Queue>,
    changed: Condvar,
    limit_bytes: usize,
    tallies: [Tally; 3],
    timer: Option<ExportTimer>,
}

/// What became of the records of one signal.
#[derive(Default)]
struct Tally {
    offered: AtomicU64,
    exported: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    /// A batch is being sent.
    busy: bool,
    /// Someone waits: do not wait between tries.
    hurry: bool,
    stop: bool,
    last_said: Option<Instant>,
}

impl Outlet {
    pub(crate) fn start(exporter: Box<dyn Exporter>, at: usize, config: &Config) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            name: exporter.name(),
            accepts: Signals::only(|signal| exporter.accepts(signal)),
            queue: Mutex::default(),
            changed: Condvar::new(),
            limit_bytes: config.queue_memory,
            tallies: Default::default(),
            timer: (config.metrics && config.self_metrics).then(|| ExportTimer::new(exporter.name(), at)),
        });
        let own = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || {
                crate::engine::own_threads::mark();
                own.run(exporter);
            })
            .map_err(|source| Error::Thread { name: NAME, source })?;
        Ok(Self { shared, handle: Mutex::new(Some(handle)) })
    }

    /// Queues a batch, if it is for this exporter, at the cost of the oldest when there is no room.
    pub(crate) fn offer(&self, batch: &Arc<Batch>) {
        if !self.shared.accepts.contains(batch.signal) {
            return;
        }
        let mut queue = self.shared.lock();
        self.shared.tally(batch.signal).offered.fetch_add(batch.records, Ordering::Relaxed);
        queue.batches.push_back(Arc::clone(batch));
        queue.bytes += batch.body.len();
        while queue.bytes > self.shared.limit_bytes {
            let Some(oldest) = queue.batches.pop_front() else { break };
            queue.bytes -= oldest.body.len();
            self.shared.lose(&mut queue, &oldest, oldest.records, DropReason::QueueFull, "the queue is full");
        }
        drop(queue);
        self.shared.changed.notify_all();
    }

    /// What became of what was offered.
    pub(crate) fn stats(&self) -> ExporterStats {
        let queue = self.shared.lock();
        let delivery = |signal: Signal| {
            let tally = self.shared.tally(signal);
            let queued = queue.batches.iter().filter(|batch| batch.signal == signal).map(|batch| batch.records).sum();
            Delivery {
                offered: tally.offered.load(Ordering::Relaxed),
                exported: tally.exported.load(Ordering::Relaxed),
                queued,
                dropped_by_reason: tally.dropped.each_ref().map(|dropped| dropped.load(Ordering::Relaxed)),
            }
        };
        let [spans, points, logs] = Signals::ALL.map(delivery);
        ExporterStats { name: self.shared.name, spans, points, logs }
    }

    /// Waits until everything queued is sent or given up.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        let mut queue = self.shared.lock();
        queue.hurry = true;
        self.shared.changed.notify_all();
        let left = deadline.saturating_duration_since(Instant::now());
        let waiting = |queue: &mut Queue| queue.busy || !queue.batches.is_empty();
        let (mut queue, _) =
            self.shared.changed.wait_timeout_while(queue, left, waiting).unwrap_or_else(PoisonError::into_inner);
        queue.hurry = false;
        !queue.busy && queue.batches.is_empty()
    }

    /// Ends the thread; what is still queued at the deadline is lost, and counted.
    pub(crate) fn stop(&self, deadline: Instant) {
        let mut queue = self.shared.lock();
        queue.stop = true;
        queue.bytes = 0;
        for batch in std::mem::take(&mut queue.batches) {
            let why = "the program ended before they could be sent";
            self.shared.lose(&mut queue, &batch, batch.records, DropReason::Shutdown, why);
        }
        drop(queue);
        self.shared.changed.notify_all();
        let Some(handle) = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        while !handle.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        if handle.is_finished() {
            let _ = handle.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut exporter: Box<dyn Exporter>) {
        let mut backoff = Backoff::new();
        while let Some(batch) = self.next() {
            // A faulty exporter costs its batch, not the thread.
            let start = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| exporter.export(&batch)));
            self.time(start, &result);
            let retry = match result {
                Ok(Ok(done)) => {
                    backoff.reset();
                    let rejected = done.rejected.min(batch.records);
                    self.tally(batch.signal).exported.fetch_add(batch.records - rejected, Ordering::Relaxed);
                    if rejected > 0 {
                        self.lose(&mut self.lock(), &batch, rejected, DropReason::Rejected, &done.reason);
                    }
                    None
                }
                Ok(Err(ExportError::Retry { after, reason })) => Some((backoff.wait(after), reason)),
                Ok(Err(ExportError::Permanent { reason })) => {
                    self.lose(&mut self.lock(), &batch, batch.records, DropReason::Failed, &reason);
                    None
                }
                Err(_) => {
                    self.lose(&mut self.lock(), &batch, batch.records, DropReason::Panicked, "the exporter panicked");
                    None
                }
            };
            match retry {
                Some((wait, reason)) => self.retry_later(batch, wait, &reason),
                None => self.done(),
            }
        }
    }

    /// The next batch to send; `None` when it is time to end.
    fn next(&self) -> Option<Arc<Batch>> {
        let queue = self.lock();
        let waiting = |queue: &mut Queue| queue.batches.is_empty() && !queue.stop;
        let mut queue = self.changed.wait_while(queue, waiting).unwrap_or_else(PoisonError::into_inner);
        let batch = queue.batches.pop_front()?;
        queue.bytes -= batch.body.len();
        queue.busy = true;
        Some(batch)
    }

    fn done(&self) {
        self.lock().busy = false;
        self.changed.notify_all();
    }

    /// Puts a batch back in front, unless newer ones have taken its room, and waits.
    fn retry_later(&self, batch: Arc<Batch>, wait: Duration, reason: &str) {
        let mut queue = self.lock();
        queue.busy = false;
        self.say(&mut queue, || format!("cannot send now, will try again: {reason}"));
        if queue.stop || queue.bytes + batch.body.len() > self.limit_bytes {
            let why = if queue.stop { DropReason::Shutdown } else { DropReason::QueueFull };
            self.lose(&mut queue, &batch, batch.records, why, reason);
        } else {
            queue.bytes += batch.body.len();
            queue.batches.push_front(batch);
        }
        let start = Instant::now();
        while !queue.stop {
            let wait = if queue.hurry { wait.min(HURRIED_WAIT) } else { wait };
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                break;
            }
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(queue);
        self.changed.notify_all();
    }

    fn tally(&self, signal: Signal) -> &Tally {
        &self.tallies[signal as usize]
    }

    fn time(&self, start: Instant, result: &thread::Result<Result<Exported, ExportError>>) {
        let error = match result {
            Ok(Ok(_)) => "",
            Ok(Err(ExportError::Retry { .. })) => "retryable",
            Ok(Err(ExportError::Permanent { .. })) => DropReason::Failed.as_str(),
            Err(_) => DropReason::Panicked.as_str(),
        };
        if let Some(timer) = &self.timer {
            timer.record(start.elapsed().as_secs_f64(), error);
        }
    }

    /// Counts records of a batch as lost.
    fn lose(&self, queue: &mut Queue, batch: &Batch, records: u64, reason: DropReason, why: &str) {
        self.tally(batch.signal).dropped[reason as usize].fetch_add(records, Ordering::Relaxed);
        let all = self.tallies.iter().flat_map(|tally| &tally.dropped);
        let total: u64 = all.map(|dropped| dropped.load(Ordering::Relaxed)).sum();
        self.say(queue, || format!("{total} records lost so far: {why}"));
    }

    /// Says something on stderr, at most once a minute.
    fn say(&self, queue: &mut Queue, what: impl FnOnce() -> String) {
        if queue.last_said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            queue.last_said = Some(Instant::now());
            // Not `eprintln!`, which panics when stderr is closed.
            let _ = writeln!(io::stderr(), "tripod: {}: {}", self.name, what());
        }
    }
}
