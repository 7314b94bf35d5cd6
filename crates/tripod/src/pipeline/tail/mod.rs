//! Tail sampling: traces are kept or dropped as a whole, after they have ended.
//!
//! The collector puts finished spans aside by their trace. When the span with which the trace began in this process has ended, a
//! policy looks at all of them and decides. That happens one round of the collector later, so that spans which ended earlier on
//! other threads are there. Spans that end later still follow the decision, which is remembered for a bounded number of traces.
//!
//! Memory is bounded in bytes and traces: beyond it the oldest trace is decided early, on what is there. A trace that does not end is
//! decided after a timeout. A flush decides everything. It all happens on the collector's thread; callers notice nothing, and
//! without a policy none of it exists.

mod buffer;
mod decisions;
mod policy;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tripod_wire::TraceId;

pub use policy::TailPolicy;

use crate::engine::lane::Tag;
use crate::stats::TailStats;
use buffer::Spans;
use decisions::Decisions;
use view::SpanView;

/// A policy with its bounds, for [`crate::Builder::tail_sampling`]; a [`TailPolicy`] alone has the usual ones.
#[derive(Clone, Debug)]
#[must_use = "it does nothing before it is set"]
pub struct TailSampling {
    policy: TailPolicy,
    timeout: Duration,
    max_bytes: usize,
    max_traces: usize,
}

impl TailSampling {
    /// Decides by this policy.
    pub fn new(policy: TailPolicy) -> Self {
        Self { policy, timeout: Duration::from_secs(30), max_bytes: 32 << 20, max_traces: 50_000 }
    }

    /// How long after its first span has ended a trace is decided at the latest; 30 s by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Bytes of spans that may wait for a decision; 32 MiB by default. Beyond it, the oldest trace is decided early.
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Traces that may wait for a decision, and whose decision is remembered; 50,000 by default.
    pub fn max_traces(self, max_traces: usize) -> Self {
        Self { max_traces: max_traces.max(1), ..self }
    }
}

impl From<TailPolicy> for TailSampling {
    fn from(policy: TailPolicy) -> Self {
        Self::new(policy)
    }
}

/// What was decided, counted.
#[derive(Default)]
pub(crate) struct TailCounts {
    spans_dropped: AtomicU64,
    traces_kept: AtomicU64,
    traces_dropped: AtomicU64,
    decided_early: AtomicU64,
    timed_out: AtomicU64,
}

impl TailCounts {
    pub(crate) fn stats(&self) -> TailStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        TailStats {
            spans_dropped: read(&self.spans_dropped),
            traces_kept: read(&self.traces_kept),
            traces_dropped: read(&self.traces_dropped),
            decided_early: read(&self.decided_early),
            timed_out: read(&self.timed_out),
        }
    }
}

fn add(count: &AtomicU64, n: u64) {
    // Relaxed: it only has to add up.
    count.fetch_add(n, Ordering::Relaxed);
}

/// The traces that wait.
pub(crate) struct Tail {
    settings: TailSampling,
    traces: HashMap<TraceId, Waiting, RandomState>,
    /// The same by age: traces by a number that grows.
    by_age: BTreeMap<u64, TraceId>,
    next_number: u64,
    /// Traces whose local root ended in this round of the collector, and in the one before.
    ended: [Vec<TraceId>; 2],
    /// Bytes of memory that all spans take.
    memory: usize,
    decisions: Decisions,
}

struct Waiting {
    spans: Spans,
    number: u64,
    since: Instant,
    /// Its local root has ended.
    ended: bool,
}

/// Takes a span that is kept.
type Keep<'a> = dyn FnMut(Tag, &[u8]) + 'a;

impl Tail {
    pub(crate) fn new(settings: TailSampling) -> Self {
        Self {
            decisions: Decisions::new(settings.max_traces),
            settings,
            traces: HashMap::default(),
            by_age: BTreeMap::new(),
            next_number: 0,
            ended: Default::default(),
            memory: 0,
        }
    }

    /// Takes a finished span: it waits, or follows what was decided of its trace.
    pub(crate) fn take(&mut self, tag: Tag, record: &[u8], now: Instant, counts: &TailCounts, keep: &mut Keep<'_>) {
        // What can't be read is not ours to drop.
        let Some(span) = SpanView::read(record) else { return keep(tag, record) };
        match self.decisions.recall(span.trace_id) {
            Some(true) => return keep(tag, record),
            Some(false) => return add(&counts.spans_dropped, 1),
            None => {}
        }
        let (trace_id, is_local_root) = (span.trace_id, span.is_local_root);
        let waiting = self.traces.entry(trace_id).or_insert_with(|| {
            self.by_age.insert(self.next_number, trace_id);
            self.next_number += 1;
            Waiting { spans: Spans::default(), number: self.next_number - 1, since: now, ended: false }
        });
        let before = waiting.spans.memory();
        waiting.spans.push(tag, record);
        self.memory += waiting.spans.memory() - before;
        if is_local_root && !waiting.ended {
            waiting.ended = true;
            self.ended[0].push(trace_id);
        }
        while self.memory > self.settings.max_bytes || self.traces.len() > self.settings.max_traces {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            add(&counts.decided_early, 1);
            self.decide(oldest, counts, keep);
        }
    }

    /// Decides what is due after a round of the collector, or everything.
    pub(crate) fn end_round(&mut self, all: bool, now: Instant, counts: &TailCounts, keep: &mut Keep<'_>) {
        let [this_round, earlier] = &mut self.ended;
        for trace_id in std::mem::replace(earlier, std::mem::take(this_round)) {
            self.decide(trace_id, counts, keep);
        }
        while let Some(oldest) = self.by_age.first_entry() {
            let waiting = self.traces.get(oldest.get());
            if !all && waiting.is_some_and(|waiting| now.duration_since(waiting.since) < self.settings.timeout) {
                break;
            }
            add(&counts.timed_out, u64::from(!all));
            let oldest = oldest.remove();
            self.decide(oldest, counts, keep);
        }
    }

    fn decide(&mut self, trace_id: TraceId, counts: &TailCounts, keep: &mut Keep<'_>) {
        // It may have been decided early.
        let Some(waiting) = self.traces.remove(&trace_id) else { return };
        self.by_age.remove(&waiting.number);
        self.memory -= waiting.spans.memory();
        let kept = self.settings.policy.keeps(trace_id, &waiting.spans);
        self.decisions.remember(trace_id, kept);
        if kept {
            add(&counts.traces_kept, 1);
            waiting.spans.records().for_each(|(tag, record)| keep(tag, record));
        } else {
            add(&counts.traces_dropped, 1);
            add(&counts.spans_dropped, waiting.spans.count);
        }
    }
}
