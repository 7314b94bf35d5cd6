//! How background threads are woken and stopped, and at what pace a merge works.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::wal::lock;

/// Wakes one background thread.
#[derive(Debug, Default)]
pub(crate) struct Work {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: bool,
    stopped: bool,
}

impl Work {
    /// There is something to do.
    pub(crate) fn wake(&self) {
        lock(&self.state).waiting = true;
        self.changed.notify_all();
    }

    /// There will be nothing to do any more.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }

    /// Waits until there is something to do, or for so long: false when it was stopped.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let idle = |state: &mut State| !state.waiting && !state.stopped;
        let waited = self.changed.wait_timeout_while(lock(&self.state), at_most, idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting = false;
        !state.stopped
    }

    /// Sleeps so long, whatever there is to do: false when it was stopped.
    pub(crate) fn sleep(&self, duration: Duration) -> bool {
        let slept = self.changed.wait_timeout_while(lock(&self.state), duration, |state| !state.stopped);
        let (state, _) = slept.unwrap_or_else(PoisonError::into_inner);
        !state.stopped
    }
}

/// Lets work take only a share of a core: after each piece of it, it rests in proportion.
#[derive(Debug)]
pub(crate) struct Pace {
    share: f64,
    work: Arc<Work>,
    since: Mutex<Instant>,
}

impl Pace {
    /// A pace of a share of one core, above 0 up to 1. Stopping `work` ends what goes at this pace with an error.
    pub(crate) fn new(share: f64, work: Arc<Work>) -> Self {
        Self { share: share.clamp(0.01, 1.0), work, since: Mutex::new(Instant::now()) }
    }

    /// A piece of work begins.
    pub(crate) fn begin(&self) {
        *lock(&self.since) = Instant::now();
    }

    /// A piece of work, of the file of this path, is done.
    pub(crate) fn rest(&self, path: &Path) -> Result<(), StoreError> {
        let took = lock(&self.since).elapsed();
        let goes_on = self.work.sleep(took.mul_f64((1.0 - self.share) / self.share));
        self.begin();
        if goes_on {
            return Ok(());
        }
        let stopped = io::Error::new(io::ErrorKind::Interrupted, "the store is being closed");
        Err(StoreError::io("cannot merge into", path, stopped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_woken_before_waiting_does_not_wait_and_who_is_stopped_never_waits_again() {
        let work = Work::default();
        work.wake();
        assert!(work.wait(Duration::from_secs(3600)));
        work.stop();
        assert!(!work.wait(Duration::from_secs(3600)) && !work.sleep(Duration::from_secs(3600)));
    }

    #[test]
    fn a_pace_ends_with_an_error_when_its_work_is_stopped() {
        let work = Arc::new(Work::default());
        let pace = Pace::new(0.5, Arc::clone(&work));
        pace.rest(Path::new("part")).unwrap();
        work.stop();
        assert!(pace.rest(Path::new("part")).unwrap_err().to_string().contains("closed"));
    }
}
