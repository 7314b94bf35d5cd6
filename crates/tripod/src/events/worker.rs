//! The collector's thread: takes what was recorded, counts it in the windows, writes it and hands it on, and looks at thresholds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::collector::{Run, Shared, Times};
use super::encoded::Encoded;
use super::event::EventKind;
use super::forward::Forward;
use super::journal::Journal;
use super::recent;
use super::recorded::write_line;
use super::threshold;
use super::windows::Key;
use crate::engine::deadline;
use crate::metrics::threshold::INTERVAL;
use crate::say::say;
use crate::sync::fork;

/// The thread's own state.
pub(super) struct Worker {
    shared: Arc<Shared>,
    run: Arc<Run>,
    journal: Option<Journal>,
    forward: Option<Forward>,
    /// Events that are being looked at.
    batch: Vec<u8>,
    /// When thresholds are next looked at.
    next_check: Instant,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, run: Arc<Run>, journal: Option<Journal>) -> Self {
        let forward = shared.config.forward.then(Forward::new);
        Self { shared, run, journal, forward, batch: Vec::new(), next_check: Instant::now() }
    }

    pub(super) fn run(mut self) {
        self.run.control.begin();
        let mut due = deadline(self.shared.config.flush_interval);
        loop {
            let asked = self.run.control.asked();
            // A fault of ours costs a round, not the thread.
            let round = catch_unwind(AssertUnwindSafe(|| self.round(asked.flush)));
            if round.is_err() {
                say(format_args!("the collector of events panicked, and goes on"));
            }
            if fork::count() != self.run.forks {
                // A callback has forked: this is the child, and the collector is the parent's.
                std::mem::forget(self);
                return;
            }
            if asked.stop {
                self.end();
            }
            self.run.control.done(asked);
            if asked.stop {
                return;
            }
            let now = Instant::now();
            if due <= now {
                due = deadline(self.shared.config.flush_interval);
            }
            let any_threshold = !self.shared.thresholds.lock().is_empty();
            let next = if any_threshold { due.min(self.next_check) } else { due };
            thread::park_timeout(next.saturating_duration_since(now));
        }
    }

    fn round(&mut self, flush: bool) {
        let mut waiting = {
            let mut intake = self.run.intake.lock();
            intake.take(&self.shared.counts);
            intake.recent.waiting()
        };
        let times = Times::now();
        // What comes meanwhile is the next round's.
        while waiting > 0 {
            let taken = self.take_batch();
            if taken == 0 {
                break;
            }
            self.look_at(times);
            waiting = waiting.saturating_sub(taken);
        }
        if let Some(journal) = &mut self.journal {
            journal.write(&self.shared.counts);
        }
        let now = Instant::now();
        if flush || self.next_check <= now {
            self.next_check = now + INTERVAL;
            threshold::check(&self.shared, &self.run, now);
        }
    }

    fn take_batch(&mut self) -> usize {
        self.batch.clear();
        let mut intake = self.run.intake.lock();
        let taken = intake.recent.take(self.shared.config.batch_size, &mut self.batch);
        // Under the lock, so that every event is either waiting or kept.
        self.shared.counts.kept.add(taken as u64);
        taken
    }

    fn look_at(&mut self, times: Times) {
        let Self { shared, run, journal, forward, batch, .. } = self;
        let events: Vec<Encoded<'_>> = recent::each(batch).filter_map(Encoded::read).collect();
        shared.counts.cut.add(events.iter().filter(|event| event.cut).count() as u64);
        let mut windows = run.windows.lock();
        for event in &events {
            let key = Key { kind: event.kind, name: event.name, provider: event.provider };
            let value = (event.kind != EventKind::Failure).then_some(event.value);
            windows.record(key, run.at(event.stamp), value);
        }
        drop(windows);
        if let Some(journal) = journal {
            let mut lines = journal.lines();
            events.iter().for_each(|event| write_line(&mut lines.text, event, times.unix_nanos_of(event.stamp)));
            lines.events = events.len() as u64;
            journal.add(lines, &shared.counts);
        }
        if let Some(forward) = forward {
            events.iter().for_each(|event| forward.send(event, times.unix_nanos_of(event.stamp)));
        }
    }

    /// After the last round.
    fn end(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.end(&self.shared.counts);
        }
    }
}
