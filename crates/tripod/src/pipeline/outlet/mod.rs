//! An outlet: one exporter with its queue and its thread.
//!
//! The queue is bounded in bytes; when it is full the oldest batch is dropped, counted and said (once a minute). A batch that the
//! receiver may take later is tried again until it is pushed out; one that is too large for it is sent in halves.
//!
//! What the output asks of its batches (a filter, a size, to wait for more) is done here, on its own thread, as they are taken
//! from the queue.
//!
//! With a spool, a second thread moves the oldest batches to disk once the queue is half full, so that neither the collector nor
//! the exporter waits for the disk; what is there is sent first, as it is older. What is left at the end goes there too.

mod queue;
mod spooling;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::queue::{Gathering, Queue, Sending};
use super::retry::Backoff;
use super::shape::{self, Shape};
use super::spool::Spool;
use super::{Batch, ExportError, Exported, Exporter, Output, Signal, Signals};
use crate::Error;
use crate::config::Config;
use crate::engine::{Batching, role};
use crate::metrics::Temporality;
use crate::say::say;
use crate::self_metrics::ExportTimer;
use crate::stats::{Delivery, DropReason, ExporterStats};
use crate::sync::fork;

const NAME: &str = "tripod-exporter";
const SPOOLER_NAME: &str = "tripod-spool";

/// How often metrics are collected where nobody says: the specification's default.
const METRIC_INTERVAL: Duration = Duration::from_secs(60);
const SHORTEST_METRIC_INTERVAL: Duration = Duration::from_millis(10);

/// How often one outlet may complain on stderr.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// After the disk has refused a batch, memory alone has to do for so long.
const DISK_PAUSE: Duration = Duration::from_secs(5);

/// One exporter with its queue and its thread.
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    name: &'static str,
    accepts: Signals,
    temporality: Temporality,
    metric_interval: Duration,
    queue: Mutex<Queue>,
    changed: Condvar,
    limit_bytes: usize,
    shape: Shape,
    gathering: Gathering,
    tallies: [Tally; 3],
    timer: Option<ExportTimer>,
    has_spool: bool,
    /// `None` without one, and after the end, so that the next run can have its folder.
    spool: Mutex<Option<Spool>>,
}

/// What became of the records of one signal.
#[derive(Default)]
struct Tally {
    offered: AtomicU64,
    exported: AtomicU64,
    filtered: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Outlet {
    pub(crate) fn start(output: Output, at: usize, config: &Config, batching: &Batching) -> Result<Self, Error> {
        let Output { exporter, options } = output;
        let metric_interval = options.metric_interval.or(config.metric_interval).or(exporter.metric_interval());
        let spool = config.spool.as_ref().map(|spool| spool.open(&format!("{}-{at}", exporter.name()))).transpose()?;
        let limit_bytes = options.queue_memory.unwrap_or(config.queue_memory);
        let shared = Arc::new(Shared {
            name: exporter.name(),
            accepts: Signals::only(|signal| options.takes(signal) && exporter.accepts(signal)),
            temporality: options.temporality.unwrap_or_else(|| exporter.temporality()),
            metric_interval: metric_interval.unwrap_or(METRIC_INTERVAL).max(SHORTEST_METRIC_INTERVAL),
            queue: Mutex::default(),
            changed: Condvar::new(),
            limit_bytes,
            shape: Shape::new(&options),
            gathering: Gathering::new(&options, &config.batch, batching.records(), limit_bytes),
            tallies: Default::default(),
            timer: (config.metrics && config.self_metrics).then(|| ExportTimer::new(exporter.name(), at)),
            has_spool: spool.is_some(),
            spool: Mutex::new(spool),
        });
        shared.count_recovered();
        let mut handles = Vec::new();
        let own = Arc::clone(&shared);
        handles.push(spawn(NAME, move || own.run(exporter))?);
        if shared.has_spool {
            let own = Arc::clone(&shared);
            handles.push(spawn(SPOOLER_NAME, move || own.run_spooler())?);
        }
        Ok(Self { shared, handles: Mutex::new(handles) })
    }

    /// Whether batches of this signal are for this exporter.
    pub(crate) fn accepts(&self, signal: Signal) -> bool {
        self.shared.accepts.contains(signal)
    }

    pub(crate) fn temporality(&self) -> Temporality {
        self.shared.temporality
    }

    /// How often metrics are collected for it.
    pub(crate) fn metric_interval(&self) -> Duration {
        self.shared.metric_interval
    }

    /// Queues a batch, if it is for this exporter, at the cost of the oldest when there is no room.
    pub(crate) fn offer(&self, batch: &Arc<Batch>) {
        if !self.accepts(batch.signal) {
            return;
        }
        let mut queue = self.shared.lock();
        self.shared.tally(batch.signal).offered.fetch_add(batch.records, Ordering::Relaxed);
        if queue.stop || queue.ended {
            drop(queue);
            // The collector was held up beyond the deadline.
            return self.shared.keep_for_next_run(batch);
        }
        queue.push(Arc::clone(batch));
        self.shared.make_room(&mut queue, "the queue is full");
        drop(queue);
        self.shared.changed.notify_all();
    }

    /// What became of what was offered.
    pub(crate) fn stats(&self) -> ExporterStats {
        // Without the spool's lock: whoever asks is not to wait for the disk.
        let queue = self.shared.lock();
        let delivery = |signal: Signal| {
            let tally = self.shared.tally(signal);
            let waiting = queue.waiting().filter(|(of, _)| *of == signal).map(|(_, records)| records);
            let queued = waiting.sum::<u64>() + queue.on_disk.records[signal as usize];
            Delivery {
                offered: tally.offered.load(Ordering::Relaxed),
                exported: tally.exported.load(Ordering::Relaxed),
                // A batch stays on disk until all of it is sent.
                queued: queued.saturating_sub(queue.done_on_disk(signal)),
                filtered: tally.filtered.load(Ordering::Relaxed),
                dropped_by_reason: tally.dropped.each_ref().map(|dropped| dropped.load(Ordering::Relaxed)),
            }
        };
        let [spans, points, logs] = Signals::ALL.map(delivery);
        ExporterStats { name: self.shared.name, spans, points, logs }
    }

    /// Has it send what is queued without long waits between tries, for as long as the answer lives.
    pub(crate) fn hurry(&self) -> Hurry<'_> {
        self.shared.lock().hurry += 1;
        self.shared.changed.notify_all();
        Hurry(&self.shared)
    }

    /// Has it send what is queued, end its exporter and its thread, all by itself: others are not to wait for it.
    pub(crate) fn finish(&self, deadline: Instant) {
        let mut queue = self.shared.lock();
        queue.finish = true;
        queue.deadline = Some(deadline);
        drop(queue);
        self.shared.changed.notify_all();
    }

    /// Ends the threads; what is still queued at the deadline goes to the spool, or is lost and counted.
    pub(crate) fn stop(&self, deadline: Instant) {
        let mut queue = self.shared.lock();
        queue.stop = true;
        queue.deadline = Some(deadline);
        let left = queue.take_all();
        drop(queue);
        self.shared.changed.notify_all();
        for batch in left {
            self.shared.keep_for_next_run(&batch);
        }
        let handles = std::mem::take(&mut *self.handles.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in handles {
            while !handle.is_finished() && !role::is(&*self.shared) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
        }
        // An exporter that hangs still holds its batch.
        let held = self.shared.lock().sending.take();
        if let Some(held) = held {
            self.shared.keep_rest_for_next_run(&held);
        }
        self.shared.close_spool();
    }
}

/// Somebody waits for an outlet to have sent everything.
pub(crate) struct Hurry<'a>(&'a Shared);

impl Hurry<'_> {
    /// Waits until everything queued is sent or given up. The exporter itself can't wait for what it is just sending.
    pub(crate) fn wait(&self, deadline: Instant) -> bool {
        if role::is(self.0) {
            return false;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), left, |queue| queue.is_busy());
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_busy()
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.lock().hurry -= 1;
    }
}

/// A thread of the engine's own.
fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let work = move || {
        crate::context::suppress::for_ever();
        work();
    };
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|source| Error::Thread { name, source })
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut exporter: Box<dyn Exporter>) {
        role::set(self);
        let (mut backoffs, forks, start) = (Signals::ALL.map(|_| Backoff::new()), fork::count(), Instant::now());
        while let Some(batch) = self.next() {
            let sent = Instant::now();
            // A faulty exporter costs its batch, not the thread.
            let result = catch_unwind(AssertUnwindSafe(|| exporter.export(&batch)));
            if fork::count() != forks {
                // The exporter has forked: this is the child, and the queue is the parent's.
                return std::mem::forget(exporter);
            }
            self.time(batch.signal, sent, &result);
            let backoff = &mut backoffs[batch.signal as usize];
            match result {
                Ok(Err(ExportError::Retry { after, reason })) => {
                    self.retry_later(batch.signal, backoff.wait(after), &reason);
                }
                Ok(Err(ExportError::TooLarge { .. })) if self.halve() => backoff.reset(),
                result => {
                    backoff.reset();
                    self.done(result);
                }
            }
        }
        let deadline = self.lock().deadline.unwrap_or(start);
        if catch_unwind(AssertUnwindSafe(|| exporter.close(deadline))).is_err() {
            self.say(&mut self.lock(), || "the exporter panicked while it was closed".to_owned());
        }
    }

    /// The next batch to send; `None` when it is time to end.
    fn next(&self) -> Option<Arc<Batch>> {
        loop {
            let mut queue = self.lock();
            if queue.stop {
                return None;
            }
            if let Some(part) = queue.next_part() {
                return Some(part);
            }
            if queue.finish && !queue.is_busy() {
                queue.ended = true;
                return None;
            }
            let now = Instant::now();
            let on_disk = queue.ready_on_disk(now);
            if !on_disk.is_empty() {
                drop(queue);
                self.take_from_spool(on_disk);
                continue;
            }
            match queue.take(&self.gathering, now) {
                Ok(sending) => queue.sending = Some(sending),
                Err(Some(left)) => {
                    drop(self.changed.wait_timeout(queue, left));
                    continue;
                }
                Err(None) => {
                    drop(self.changed.wait(queue));
                    continue;
                }
            }
            drop(queue);
            self.prepare();
        }
    }

    /// Makes of what is about to be sent what the output wants.
    fn prepare(&self) {
        let mut queue = self.lock();
        let Some(sending) = &queue.sending else { return };
        let parts: Vec<_> = sending.parts.iter().cloned().collect();
        drop(queue);
        let Some(joined) = shape::join(parts) else { return };
        let (signal, records) = (joined.signal, joined.records);
        let (kept, filtered) = self.shape.filter(joined);
        let parts = if filtered == records { Vec::new() } else { self.shape.divide(kept) };
        queue = self.lock();
        // At a deadline it is taken away, and counted there.
        if let Some(sending) = &mut queue.sending {
            (sending.parts, sending.done) = (parts.into(), filtered);
            self.tally(signal).filtered.fetch_add(filtered, Ordering::Relaxed);
        }
        self.end_if_done(queue);
    }

    /// Counts what became of the part that was sent.
    fn done(&self, result: thread::Result<Result<Exported, ExportError>>) {
        let mut queue = self.lock();
        // It is gone when the deadline of a shutdown has passed: then it was counted there.
        let Some(batch) = queue.sending.as_mut().and_then(Sending::take_part) else { return };
        let (refused, reason, why) = match result {
            Ok(Ok(done)) => (done.rejected.min(batch.records), DropReason::Rejected, done.reason),
            Ok(Err(
                ExportError::Permanent { reason }
                | ExportError::TooLarge { reason }
                | ExportError::Retry { reason, .. },
            )) => (batch.records, DropReason::Failed, reason),
            Err(_) => (batch.records, DropReason::Panicked, "the exporter panicked".to_owned()),
        };
        self.tally(batch.signal).exported.fetch_add(batch.records - refused, Ordering::Relaxed);
        if refused > 0 {
            self.lose(&mut queue, batch.signal, refused, reason, &why);
        }
        self.end_if_done(queue);
    }

    /// After the last part, the whole is done with.
    fn end_if_done<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) {
        let Some(Sending { spooled, .. }) = queue.sending.as_ref().filter(|sending| sending.parts.is_empty()) else {
            return;
        };
        if let Some(number) = *spooled {
            drop(queue);
            self.remove_from_spool(number);
            queue = self.lock();
        }
        queue.sending = None;
        // Who waits for the end of the queue waits for the last.
        let awaited = self.has_spool || queue.hurry > 0 && !queue.is_busy();
        drop(queue);
        if awaited {
            self.changed.notify_all();
        }
    }

    /// Sends the part in halves instead; false when it can't be divided.
    fn halve(&self) -> bool {
        let part = self.lock().next_part();
        let Some(halves) = part.and_then(|part| shape::halve(&part)) else { return false };
        let mut queue = self.lock();
        if let Some(sending) = &mut queue.sending {
            sending.parts.pop_front();
            halves.into_iter().rev().for_each(|half| sending.parts.push_front(half));
        }
        true
    }

    /// Puts back what could not be sent, where newer batches may take its room, until it is time for the next try.
    fn retry_later(&self, signal: Signal, wait: Duration, reason: &str) {
        let mut queue = self.lock();
        let Some(sending) = queue.sending.take() else { return };
        self.say(&mut queue, || format!("cannot send now, will try again: {reason}"));
        if queue.stop {
            drop(queue);
            return self.keep_rest_for_next_run(&sending);
        }
        queue.hold(signal, wait);
        if sending.spooled.is_some() {
            drop(queue);
            self.put_back_on_disk(&sending);
        } else {
            queue.put_back(sending.parts.into_iter(), sending.since);
            self.make_room(&mut queue, reason);
            drop(queue);
        }
        self.changed.notify_all();
    }

    /// The oldest go until the others have room.
    fn make_room(&self, queue: &mut Queue, why: &str) {
        while queue.bytes > self.limit_bytes {
            let Some((oldest, _)) = queue.pop() else { break };
            self.lose(queue, oldest.signal, oldest.records, DropReason::QueueFull, why);
        }
    }

    fn tally(&self, signal: Signal) -> &Tally {
        &self.tallies[signal as usize]
    }

    fn time(&self, signal: Signal, start: Instant, result: &thread::Result<Result<Exported, ExportError>>) {
        let error = match result {
            Ok(Ok(_)) => "",
            Ok(Err(ExportError::Retry { .. })) => "retryable",
            Ok(Err(ExportError::Permanent { .. } | ExportError::TooLarge { .. })) => DropReason::Failed.as_str(),
            Err(_) => DropReason::Panicked.as_str(),
        };
        if let Some(timer) = &self.timer {
            timer.record(signal, start.elapsed().as_secs_f64(), error);
        }
    }

    /// Counts records as lost.
    fn lose(&self, queue: &mut Queue, signal: Signal, records: u64, reason: DropReason, why: &str) {
        self.tally(signal).dropped[reason as usize].fetch_add(records, Ordering::Relaxed);
        let all = self.tallies.iter().flat_map(|tally| &tally.dropped);
        let total: u64 = all.map(|dropped| dropped.load(Ordering::Relaxed)).sum();
        self.say(queue, || format!("{total} records lost so far: {why}"));
    }

    /// Says something on stderr, at most once a minute.
    fn say(&self, queue: &mut Queue, what: impl FnOnce() -> String) {
        if queue.last_said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            queue.last_said = Some(Instant::now());
            say(format_args!("{}: {}", self.name, what()));
        }
    }
}
