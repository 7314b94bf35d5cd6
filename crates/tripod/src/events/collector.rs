//! The collector as its users hold it, and what its threads share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::aggregated::Aggregated;
use super::config::CollectorConfig;
use super::counts::{CollectorStats, Counts};
use super::encoded::{Encoded, Text};
use super::event::Event;
use super::intake::Intake;
use super::journal::Journal;
use super::lanes;
use super::recorded::Recorded;
use super::threshold::Watched;
use super::windows::Windows;
use super::worker::Worker;
use crate::Error;
use crate::clock::{self, Clock, stamp};
use crate::context::stack;
use crate::engine::control::Control;
use crate::engine::lane::{self, Budget, SharedBudget, Writer};
use crate::engine::{deadline, exit};
use crate::say::say;
use crate::sync::{Mutex, RwLock, fork};

const NAME: &str = "tripod-events";

/// What lanes may hold beside their first chunks.
const LANE_BYTES: usize = 256 * 1024;

/// How long a reader waits for what was recorded just before.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Collects events, in the background; made by [`CollectorConfig`]. Its clones are the same collector, which is closed when the last
/// is dropped, and at the end of the process.
#[derive(Clone)]
pub struct Collector {
    owner: Arc<Owner>,
}

/// Closes the collector when it is dropped.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.close();
        let run = Arc::clone(&self.shared.run.read());
        if run.forks == fork::count() {
            // Threads that have recorded hold it for as long as they live.
            run.intake.lock().clear();
            *run.windows.lock() = Windows::new(self.shared.config.shape.clone());
        }
    }
}

/// What the handles and the threads that record share.
pub(super) struct Shared {
    pub(super) config: CollectorConfig,
    pub(super) counts: Counts,
    pub(super) thresholds: Mutex<Vec<Arc<Watched>>>,
    /// That of this process; a forked child finds its parent's and makes its own.
    run: RwLock<Arc<Run>>,
}

/// A collector at work in one process.
pub(super) struct Run {
    /// [`fork::count`] of the process.
    pub(super) forks: u32,
    pub(super) control: Control,
    pub(super) intake: Mutex<Intake>,
    pub(super) windows: Mutex<Windows>,
    pub(super) closed: AtomicBool,
    /// From which windows count time.
    started: u64,
    budget: SharedBudget,
}

impl Collector {
    pub(super) fn start(config: CollectorConfig) -> Result<Self, Error> {
        fork::handle();
        exit::handle();
        clock::calibrate();
        let run = Arc::new(Run::new(&config));
        let journal = journal(&config, false)?;
        let (counts, thresholds) = Default::default();
        let shared = Arc::new(Shared { config, counts, thresholds, run: RwLock::new(Arc::clone(&run)) });
        start_thread(&shared, &run, journal)?;
        let mut open = OPEN.lock();
        open.retain(|shared| shared.strong_count() > 0);
        open.push(Arc::downgrade(&shared));
        drop(open);
        Ok(Self { owner: Arc::new(Owner { shared }) })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// Records an event, now and in the current span. Takes no lock, makes no system call and, once the thread has recorded one,
    /// allocates nothing.
    #[inline]
    pub fn record<'a>(&self, event: impl Into<Event<'a>>) {
        if !crate::OFF {
            self.record_event(&event.into());
        }
    }

    fn record_event(&self, event: &Event<'_>) {
        let shared = self.shared();
        if !shared.config.filters.keep(event, &shared.counts.filter_panics.0) {
            shared.counts.filtered.add(1);
            return;
        }
        let span = stack::with(|local| local.span_context()).filter(|span| span.trace_id.is_valid());
        if !lanes::push(shared, &Encoded::of(event, stamp(), span, &mut Text::new())) {
            shared.counts.dropped.add(1);
        }
    }

    /// What the windows hold now, with everything that was recorded before. Waits for that a second at most.
    pub fn aggregated(&self) -> Aggregated {
        let run = self.shared().run();
        run.control.flush(deadline(READ_WITHIN));
        run.aggregated()
    }

    /// The last events, at most so many, the oldest first.
    pub fn recent(&self, events: usize) -> Vec<Recorded> {
        let run = self.shared().run();
        let times = Times::now();
        let mut intake = run.intake.lock();
        intake.take(&self.shared().counts);
        let skipped = intake.recent.len().saturating_sub(events);
        let recent = intake.recent.iter().skip(skipped).filter_map(Encoded::read);
        recent.map(|event| Recorded::of(&event, times.unix_nanos_of(event.stamp))).collect()
    }

    /// Waits until everything recorded before is counted in the windows, written to the file, and handed on as log records. Answers
    /// whether that is so: not when it takes longer than closing may, or when it is called from a callback of the collector's.
    pub fn flush(&self) -> bool {
        let Shared { config, counts, .. } = &**self.shared();
        let lost = counts.write_errors.get();
        self.shared().run().control.flush(deadline(config.close_timeout)) && counts.write_errors.get() == lost
    }

    /// Takes no more events, does with what was recorded what [`Collector::flush`] does, and ends the thread. Answers whether all that
    /// was done in time. What is recorded afterwards counts as dropped; the windows can still be read.
    pub fn close(&self) -> bool {
        self.shared().close()
    }

    /// What became of the events so far.
    pub fn stats(&self) -> CollectorStats {
        let Shared { counts, .. } = &**self.shared();
        let run = self.shared().run();
        let mut intake = run.intake.lock();
        intake.take(counts);
        counts.overflowed.set(run.windows.lock().overflowed());
        counts.stats(intake.recent.waiting() as u64)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collector").field(&self.shared().config).finish()
    }
}

impl Shared {
    /// What is at work in this process; in a forked child it is started now.
    pub(super) fn run(self: &Arc<Self>) -> Arc<Run> {
        let run = Arc::clone(&self.run.read());
        if run.forks == fork::count() { run } else { self.revive() }
    }

    /// What was waiting is the parent's, and so is what it has seen: the child begins with nothing.
    #[cold]
    fn revive(self: &Arc<Self>) -> Arc<Run> {
        let run = Arc::new(Run::new(&self.config));
        {
            let mut current = self.run.write();
            if current.forks == run.forks {
                return Arc::clone(&current);
            }
            // Its locks may be held by threads that are not here, so nothing of it may be touched, nor dropped.
            let parents = std::mem::replace(&mut *current, Arc::clone(&run));
            run.closed.store(parents.closed.load(Ordering::Relaxed), Ordering::Relaxed);
            std::mem::forget(parents);
        }
        self.counts.reset();
        self.thresholds.lock().iter().for_each(|watched| watched.forget());
        if run.closed.load(Ordering::Relaxed) {
            return run;
        }
        let started = journal(&self.config, true).and_then(|journal| start_thread(self, &run, journal));
        if let Err(error) = started {
            run.closed.store(true, Ordering::Relaxed);
            say(format_args!("no events in process {}, which was forked: {error}", std::process::id()));
        }
        run
    }

    fn close(&self) -> bool {
        let run = Arc::clone(&self.run.read());
        // The parent's is the parent's to close.
        if run.forks != fork::count() {
            return true;
        }
        run.closed.store(true, Ordering::Relaxed);
        let ended = run.control.stop(deadline(self.config.close_timeout));
        ended && self.counts.unwritten.get() == 0
    }
}

impl Run {
    fn new(config: &CollectorConfig) -> Self {
        Self {
            forks: fork::count(),
            control: Control::default(),
            intake: Mutex::new(Intake::new(config.max_events)),
            windows: Mutex::new(Windows::new(config.shape.clone())),
            closed: AtomicBool::new(false),
            started: stamp(),
            budget: Budget::new(LANE_BYTES),
        }
    }

    pub(super) fn new_lane(&self) -> Writer {
        let (writer, reader) = lane::lane(&self.budget);
        self.intake.lock().add_lane(reader);
        writer
    }

    pub(super) fn wake(&self) {
        self.control.wake();
    }

    /// Moves what waits in the lanes; not when somebody else is about it, as nobody is to wait.
    pub(super) fn make_room(&self, counts: &Counts) -> bool {
        self.intake.try_lock().map(|mut intake| intake.take(counts)).is_some()
    }

    /// A time as the windows count it.
    pub(super) fn at(&self, stamp: u64) -> u64 {
        clock::nanos_between(self.started, stamp)
    }

    /// What the windows hold now.
    pub(super) fn aggregated(&self) -> Aggregated {
        let now = self.at(stamp());
        let mut all = self.windows.lock().summary(now);
        for (at, window) in all.windows.iter_mut().enumerate() {
            // One after the other, so that the collector never waits for all.
            let mut place = 0;
            while place < self.windows.lock().len() {
                window.series.extend(self.windows.lock().series(place, at, now));
                place += 1;
            }
            window.series.sort_by(|a, b| (a.kind, &a.name, &a.provider).cmp(&(b.kind, &b.name, &b.provider)));
        }
        all
    }
}

/// Turns stamps into the time of day.
#[derive(Clone, Copy)]
pub(super) struct Times {
    stamp: u64,
    unix_nanos: u64,
}

impl Times {
    pub(super) fn now() -> Self {
        Self { stamp: stamp(), unix_nanos: Clock::default().now().unix_nanos }
    }

    pub(super) fn unix_nanos_of(self, stamp: u64) -> u64 {
        let later = clock::nanos_between(self.stamp, stamp);
        self.unix_nanos.saturating_sub(clock::nanos_between(stamp, self.stamp)) + later
    }
}

/// The file of this process, if there is to be one.
fn journal(config: &CollectorConfig, in_child: bool) -> Result<Option<Journal>, Error> {
    let open = |place| Journal::open(place, config.rotation, config.max_events, in_child);
    let path = || config.file.clone().unwrap_or_default();
    config.place().map(open).transpose().map_err(|source| Error::EventsFile { path: path(), source })
}

fn start_thread(shared: &Arc<Shared>, run: &Arc<Run>, journal: Option<Journal>) -> Result<(), Error> {
    let worker = Worker::new(Arc::clone(shared), Arc::clone(run), journal);
    run.control.start(NAME, move || worker.run())
}

/// Collectors that are open, for the end of the process.
static OPEN: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// The process ends: what was recorded is written, as long as closing may take.
pub(crate) fn close_at_exit() {
    let open: Vec<_> = OPEN.lock().iter().filter_map(Weak::upgrade).collect();
    for shared in open {
        shared.close();
    }
}
