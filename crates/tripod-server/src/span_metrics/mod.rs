//! Metrics of spans: rate, errors and durations by service, operation, kind and status, and calls between services, as series under
//! the names of OpenTelemetry's span metrics and service graph connectors.
//!
//! Spans are counted when they were accepted, in memory ([`seen`], [`groups`], [`graph`]), from columns that the store has decoded
//! anyway; every few seconds what changed is written as cumulative series ([`series`]). A restart is a reset of all counters. A span
//! that its sender sent twice counts twice. Memory is bounded: groups and edges beyond the limit share one that says so.

mod counters;
mod graph;
mod groups;
mod histogram;
#[cfg(test)]
mod measure;
mod seen;
mod series;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tripod_store::{Appended, SeriesWrite, Store, StoreError};

pub(crate) use self::counters::Counters;
use self::graph::Graph;
use self::groups::Groups;
use self::seen::Seen;
use self::series::Due;
use crate::own_metrics::OwnMetrics;

/// How often what changed is written.
const INTERVAL: Duration = Duration::from_secs(5);

/// How often what did not change is written, in milliseconds: queries look back five minutes.
const KEEP_ALIVE: i64 = 60_000;

/// What did not change for so long is forgotten, in milliseconds.
const FORGET: i64 = 3_600_000;

/// About how many series are written at once.
const WRITE: usize = 5000;

/// Counts spans and writes what was counted.
pub(crate) struct SpanMetrics {
    counted: Mutex<Counted>,
    /// When the last write was, milliseconds since the Unix epoch: counters were 0 then if they are new.
    last: AtomicI64,
    /// Whether the last write failed, so that all has to be written again.
    failed: AtomicBool,
    /// Held by who writes.
    writing: Mutex<()>,
    own: Arc<OwnMetrics>,
}

struct Counted {
    groups: Groups,
    graph: Graph,
}

/// What is about to be written for a group or an edge, and when it was.
#[derive(Debug, Default, Clone, Copy)]
struct Written {
    /// Whether it changed since.
    changed: bool,
    /// When it was written last, if it was.
    at: Option<i64>,
    /// When it changed last.
    changed_at: i64,
}

impl Written {
    /// Whether it has to be written now.
    fn is_due(&mut self, now: i64, all: bool) -> bool {
        if self.changed {
            self.changed_at = now;
        }
        all || self.changed || self.at.is_none_or(|at| now - at >= KEEP_ALIVE)
    }

    /// It is being written; when its counters were 0, if it is new.
    fn write(&mut self, moment: Moment) -> Option<i64> {
        let zero = self.at.is_none().then_some(moment.before);
        self.changed = false;
        self.at = Some(moment.now);
        zero
    }

    fn is_forgotten(&self, now: i64) -> bool {
        !self.changed && now - self.changed_at >= FORGET
    }
}

/// A moment at which series are written.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Milliseconds since the Unix epoch.
    now: i64,
    /// When counters that are new were 0.
    before: i64,
    /// Whether to write what did not change, too.
    all: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl SpanMetrics {
    /// Counts into at most about `series` series.
    pub(crate) fn new(series: usize, own: Arc<OwnMetrics>) -> Arc<Self> {
        Self::since(now(), series, own)
    }

    fn since(start: i64, series: usize, own: Arc<OwnMetrics>) -> Arc<Self> {
        // Calls take most of what there may be: there are far fewer pairs of services than operations.
        let groups = Groups::new(series * 4 / 5 / series::OF_GROUP);
        let graph = Graph::new(series / 5 / series::OF_EDGE);
        Arc::new(Self {
            counted: Mutex::new(Counted { groups, graph }),
            last: AtomicI64::new(start),
            failed: AtomicBool::new(false),
            writing: Mutex::new(()),
            own,
        })
    }

    /// Hands a request to the store and counts its spans if it takes them.
    pub(crate) fn append(&self, store: &dyn Store, request: &[u8]) -> Result<Appended, StoreError> {
        let mut seen = Seen::default();
        let appended = store.append_spans_seen(request, &mut |span| seen.add(span))?;
        self.count(seen);
        Ok(appended)
    }

    fn count(&self, seen: Seen) {
        let Seen { groups, halves, .. } = seen;
        let mut counted = lock(&self.counted);
        let Counted { groups: all, graph } = &mut *counted;
        for group in &groups {
            if !all.add(group) {
                self.own.span_metrics.overflow(group.durations.count());
            }
        }
        let (pairs, overflow) = graph.add(halves, &groups);
        self.own.span_metrics.pairs(pairs);
        self.own.span_metrics.overflow(overflow);
    }

    /// Writes what changed, or is due, at this time.
    fn write(&self, store: &dyn Store, now: i64) -> Result<(), StoreError> {
        let _writing = lock(&self.writing);
        let before = self.last.load(Ordering::Relaxed);
        if now <= before {
            return Ok(());
        }
        let moment = Moment { now, before, all: self.failed.swap(true, Ordering::Relaxed) };
        // Series are made of it when nobody waits to count.
        let mut due: Vec<Due> = Vec::new();
        {
            let mut counted = lock(&self.counted);
            counted.groups.collect(moment, &mut due);
            counted.graph.collect(moment, &mut due);
            let unpaired = counted.graph.forget();
            self.own.span_metrics.unpaired(unpaired);
            self.own.span_metrics.set_series(counted.groups.series() + counted.graph.series());
        }
        let mut writes: Vec<SeriesWrite> = Vec::new();
        let mut due = due.into_iter().peekable();
        while let Some(one) = due.next() {
            one.write(now, &mut writes);
            if writes.len() >= WRITE || due.peek().is_none() {
                store.append_series(&writes)?;
                writes.clear();
            }
        }
        self.last.store(now, Ordering::Relaxed);
        self.failed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Writes what is left, at the end.
    pub(crate) fn finish(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.write(store, now())
    }

    /// Writes every few seconds until it is told to stop.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return,
                _ = ticks.tick() => {}
            }
            let (metrics, store) = (Arc::clone(&self), Arc::clone(&store));
            let written = tokio::task::spawn_blocking(move || metrics.write(store.as_ref(), now())).await;
            // What could not be written is counted on, and written the next time.
            if !matches!(written, Ok(Ok(()))) {
                self.own.span_metrics.failed();
            }
        }
    }
}
