//! What waits for one exporter: batches in the order in which they came, bounded in bytes, and when they are due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::BatchConfig;
use crate::pipeline::{Batch, OnDisk, OutputOptions, Signal, Signals};

/// The longest wait between two tries while someone waits for the queue to be empty.
const HURRIED_WAIT: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Queue {
    batches: VecDeque<Queued>,
    pub(super) bytes: usize,
    /// What is in the spool.
    pub(super) on_disk: OnDisk,
    /// What is being sent, until what became of it is counted.
    pub(super) sending: Option<Sending>,
    /// A batch is being moved to the spool.
    pub(super) moving: bool,
    /// By signal: not to be sent now, as the receiver would not take it. One of which this holds does not hold up the others, which
    /// may go to other receivers.
    held: [Option<Held>; 3],
    /// So many wait: do not wait between tries.
    pub(super) hurry: u32,
    /// Nothing more will come: end when all is sent.
    pub(super) finish: bool,
    /// The exporter was told to end.
    pub(super) ended: bool,
    pub(super) stop: bool,
    /// When `finish` or `stop`: until when the exporter may go on.
    pub(super) deadline: Option<Instant>,
    pub(super) last_said: Option<Instant>,
}

struct Queued {
    batch: Arc<Batch>,
    since: Instant,
}

/// A signal waits for its next try.
#[derive(Clone, Copy)]
struct Held {
    since: Instant,
    wait: Duration,
}

/// A batch, or several of a signal, on the way out.
pub(super) struct Sending {
    /// What is still to be sent, the next in front.
    pub(super) parts: VecDeque<Arc<Batch>>,
    /// Its number in the spool, if it came from there.
    pub(super) spooled: Option<u64>,
    /// Records of which it is already counted what became of them.
    pub(super) done: u64,
    /// Since when it has waited.
    pub(super) since: Instant,
}

impl Sending {
    /// The part that was sent.
    pub(super) fn take_part(&mut self) -> Option<Arc<Batch>> {
        let part = self.parts.pop_front()?;
        self.done += part.records;
        Some(part)
    }
}

/// How batches are gathered into larger ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathering {
    /// Of spans, of points and of logs.
    signals: [Gather; 3],
    /// With so many bytes in the queue nothing waits for more.
    enough_bytes: usize,
}

/// How many records are sent together, and how long the first waits for them; not at all for what the collector's batches suffice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gather {
    records: u64,
    wait: Duration,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.on_disk.batches == [0; 3]
    }

    /// Whether something waits, or is on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.sending.is_some() || self.moving || !self.is_empty()
    }

    /// Keeps a signal from being sent for so long.
    pub(super) fn hold(&mut self, signal: Signal, wait: Duration) {
        self.held[signal as usize] = Some(Held { since: Instant::now(), wait });
    }

    /// For how much longer a signal is not to be sent; `None` when it may be.
    fn left(&self, signal: Signal, now: Instant) -> Option<Duration> {
        let Held { since, wait } = self.held[signal as usize]?;
        let wait = if self.hurry > 0 { wait.min(HURRIED_WAIT) } else { wait };
        Some(wait.saturating_sub(now.saturating_duration_since(since))).filter(|left| !left.is_zero())
    }

    /// Signals of which something is in the spool that may be sent.
    pub(super) fn ready_on_disk(&self, now: Instant) -> Signals {
        Signals::only(|signal| self.on_disk.batches[signal as usize] > 0 && self.left(signal, now).is_none())
    }

    /// What is to be sent next of what is being sent.
    pub(super) fn next_part(&self) -> Option<Arc<Batch>> {
        self.sending.as_ref()?.parts.front().cloned()
    }

    /// Records of a batch on disk that are sent already, while others of it are not.
    pub(super) fn done_on_disk(&self, signal: Signal) -> u64 {
        let sending = self.sending.as_ref().filter(|sending| sending.spooled.is_some());
        let of_signal = |sending: &&Sending| sending.parts.front().is_some_and(|part| part.signal == signal);
        sending.filter(of_signal).map_or(0, |sending| sending.done)
    }

    pub(super) fn push(&mut self, batch: Arc<Batch>) {
        self.bytes += batch.body.len();
        self.batches.push_back(Queued { batch, since: Instant::now() });
    }

    /// Puts batches back where they were taken.
    pub(super) fn put_back(&mut self, batches: impl DoubleEndedIterator<Item = Arc<Batch>>, since: Instant) {
        for batch in batches.rev() {
            self.bytes += batch.body.len();
            self.batches.push_front(Queued { batch, since });
        }
    }

    /// The oldest.
    pub(super) fn pop(&mut self) -> Option<(Arc<Batch>, Instant)> {
        let Queued { batch, since } = self.batches.pop_front()?;
        self.bytes -= batch.body.len();
        Some((batch, since))
    }

    pub(super) fn take_all(&mut self) -> Vec<Arc<Batch>> {
        self.bytes = 0;
        self.batches.drain(..).map(|queued| queued.batch).collect()
    }

    /// Signal and records of each batch.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (Signal, u64)> {
        self.batches.iter().map(|queued| (queued.batch.signal, queued.batch.records))
    }

    /// What is to be sent now; otherwise how long until then, if anything waits.
    pub(super) fn take(&mut self, gathering: &Gathering, now: Instant) -> Result<Sending, Option<Duration>> {
        let first = self.due(gathering, now)?;
        // There is one: `due` says so.
        let Some((signal, since)) = self.batches.get(first).map(|first| (first.batch.signal, first.since)) else {
            return Err(None);
        };
        let (most, mut records, mut parts) = (gathering.signals[signal as usize].records, 0, VecDeque::new());
        let mut at = first;
        while let Some(next) = self.batches.get(at) {
            if next.batch.signal != signal {
                at += 1;
                continue;
            }
            records += next.batch.records;
            if records > most && !parts.is_empty() {
                break;
            }
            if let Some(next) = self.batches.remove(at) {
                self.bytes -= next.batch.body.len();
                parts.push_back(next.batch);
            }
        }
        Ok(Sending { parts, spooled: None, done: 0, since })
    }

    /// Where the first batch is that need not wait for others, nor for its next try.
    fn due(&self, gathering: &Gathering, now: Instant) -> Result<usize, Option<Duration>> {
        let held = Signals::ALL.map(|signal| self.left(signal, now));
        // What is held on disk is looked at again then as well.
        let on_disk = Signals::ALL.into_iter().filter(|signal| self.on_disk.batches[*signal as usize] > 0);
        let mut soonest = on_disk.filter_map(|signal| held[signal as usize]).min();
        let at_once = self.hurry > 0 || self.bytes >= gathering.enough_bytes;
        let (mut gathered, mut firsts) = ([0; 3], [0; 3]);
        for (at, Queued { batch, since }) in self.batches.iter().enumerate() {
            let (signal, Gather { records, wait }) = (batch.signal as usize, gathering.signals[batch.signal as usize]);
            if let Some(left) = held[signal] {
                soonest = Some(soonest.map_or(left, |soonest| soonest.min(left)));
                continue;
            }
            if gathered[signal] == 0 {
                firsts[signal] = at;
                let left = wait.saturating_sub(now.saturating_duration_since(*since));
                if left.is_zero() || at_once {
                    return Ok(at);
                }
                soonest = Some(soonest.map_or(left, |soonest| soonest.min(left)));
            }
            gathered[signal] += batch.records;
            if gathered[signal] >= records {
                return Ok(firsts[signal]);
            }
        }
        Err(soonest)
    }
}

impl Gathering {
    /// For an output that may want more than the collector gives; `wanted` is what the settings say.
    pub(super) fn new(
        options: &OutputOptions,
        wanted: &[BatchConfig; 2],
        given: &[BatchConfig; 2],
        limit_bytes: usize,
    ) -> Self {
        let mut signals = <[Gather; 3]>::default();
        for (at, signal) in [Signal::Traces, Signal::Logs].into_iter().enumerate() {
            let delay = options.schedule_delay[at].unwrap_or(wanted[at].delay);
            let records = options.max_batch[signal as usize].unwrap_or(wanted[at].max_records);
            if delay > given[at].delay || records > given[at].max_records {
                signals[signal as usize] = Gather { records: records as u64, wait: delay };
            }
        }
        // Long before the oldest would have to go, or would be moved to disk.
        Self { signals, enough_bytes: limit_bytes / 4 }
    }
}
