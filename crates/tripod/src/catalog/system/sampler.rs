//! The thread that looks, and the numbers it leaves for whoever collects.
//!
//! There is one a process, for as long as anybody holds a [`Sampling`]. A forked child has no such thread: the first collection there
//! starts one of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::machine::{Machine, Sample};
use crate::Error;
use crate::metrics::{BatchObserver, ObservationGuard, observe_batch, say_once};
use crate::sync::{Mutex, fork};

const THREAD: &str = "tripod-system";

/// Shares of processor time mean little over less.
const SHORTEST: Duration = Duration::from_millis(250);

/// What is older than so many intervals is no longer reported: the thread hangs, perhaps in a disk that does not answer.
const STALE_AFTER: u32 = 4;

/// The machine and the process are sampled until this, and all others of it, are dropped.
#[must_use = "sampling ends when this is dropped"]
pub struct Sampling {
    _sampler: Option<Arc<Sampler>>,
}

struct Sampler {
    /// In nanoseconds.
    interval: AtomicU64,
    latest: Mutex<Option<Arc<Sample>>>,
    running: Mutex<Option<Running>>,
    _observation: ObservationGuard,
}

struct Running {
    thread: Thread,
    /// [`fork::count`] when it was started.
    forks: u32,
}

/// Has the machine and the process sampled in the background, this often, though at most four times a second; 15 seconds are usual. If they
/// are already, the shorter interval holds for both.
///
/// ```
/// # use std::time::Duration;
/// # fn main() -> Result<(), tripod::Error> {
/// let _sampling = tripod::catalog::system::start(Duration::from_secs(15))?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Thread`] when the system gives no thread.
pub fn start(interval: Duration) -> Result<Sampling, Error> {
    static CURRENT: Mutex<Weak<Sampler>> = Mutex::new(Weak::new());
    if crate::OFF {
        return Ok(Sampling { _sampler: None });
    }
    fork::handle();
    let mut current = CURRENT.lock();
    if let Some(sampler) = current.upgrade() {
        sampler.shorten(interval);
        return Ok(Sampling { _sampler: Some(sampler) });
    }
    let sampler = Arc::new_cyclic(|sampler: &Weak<Sampler>| Sampler::new(interval, sampler.clone()));
    *sampler.running.lock() = Some(run(&sampler)?);
    *current = Arc::downgrade(&sampler);
    Ok(Sampling { _sampler: Some(sampler) })
}

impl Sampler {
    fn new(interval: Duration, own: Weak<Self>) -> Self {
        let observation = observe_batch(move |batch| {
            if let Some(sampler) = own.upgrade() {
                sampler.report(batch);
            }
        });
        Self {
            interval: AtomicU64::new(nanos(interval)),
            latest: Mutex::new(None),
            running: Mutex::new(None),
            _observation: observation.until_dropped(),
        }
    }

    fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval.load(Ordering::Relaxed))
    }

    fn shorten(&self, interval: Duration) {
        if self.interval.fetch_min(nanos(interval), Ordering::Relaxed) > nanos(interval) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(running) = &*self.running.lock() {
            running.thread.unpark();
        }
    }

    /// Called by whoever collects.
    fn report(self: &Arc<Self>, batch: &BatchObserver<'_>) {
        let latest = self.latest.lock().clone();
        let own = latest.filter(|sample| sample.forks == fork::count());
        match own.filter(|sample| sample.at.elapsed() < self.interval() * STALE_AFTER + SHORTEST) {
            Some(sample) => sample.report(batch),
            None => self.run_in_child(),
        }
    }

    /// Starts the thread anew where it is the parent's.
    fn run_in_child(self: &Arc<Self>) {
        let mut running = self.running.lock();
        if running.as_ref().is_some_and(|running| running.forks != fork::count()) {
            match run(self) {
                Ok(anew) => *running = Some(anew),
                Err(error) => say_once(&format_args!("{error}: the system's metrics are missing in this process")),
            }
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.wake();
    }
}

fn nanos(interval: Duration) -> u64 {
    u64::try_from(interval.max(SHORTEST).as_nanos()).unwrap_or(u64::MAX)
}

fn run(sampler: &Arc<Sampler>) -> Result<Running, Error> {
    let weak = Arc::downgrade(sampler);
    let work = move || {
        let mut machine = Machine::new();
        let mut last = machine.look().at;
        let mut wait = SHORTEST;
        while wait_until(&weak, last, wait) {
            let sample = machine.look();
            last = sample.at;
            let Some(sampler) = weak.upgrade() else { return };
            wait = sampler.interval();
            *sampler.latest.lock() = Some(Arc::new(sample));
        }
    };
    let thread = thread::Builder::new().name(THREAD.to_owned()).spawn(work);
    let thread = thread.map_err(|source| Error::Thread { name: THREAD, source })?.thread().clone();
    Ok(Running { thread, forks: fork::count() })
}

/// Sleeps until so long after a moment, less where the interval has become shorter meanwhile. `false`: nobody wants to know any more.
fn wait_until(sampler: &Weak<Sampler>, since: Instant, wait: Duration) -> bool {
    loop {
        let Some(interval) = sampler.upgrade().map(|sampler| sampler.interval()) else { return false };
        match wait.min(interval).checked_sub(since.elapsed()) {
            Some(left) if !left.is_zero() => thread::park_timeout(left),
            _ => return true,
        }
    }
}
