//! What others ask of a thread of our own: to look now, to flush, to end. It sleeps in between.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::role;
use crate::Error;

/// The thread as others see it.
#[derive(Default)]
pub(crate) struct Control {
    stop: AtomicBool,
    flushes: Mutex<Flushes>,
    done: Condvar,
    handle: OnceLock<JoinHandle<()>>,
}

#[derive(Clone, Copy, Default)]
struct Flushes {
    asked: u64,
    done: u64,
}

/// What the thread is asked for when it looks.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// To end after this round.
    pub(crate) stop: bool,
    /// To take everything in this round.
    pub(crate) flush: bool,
    flushes: u64,
}

impl Control {
    /// Starts the thread; `work` begins with [`Control::begin`].
    pub(crate) fn start(&self, name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let handle = thread::Builder::new().name(name.to_owned()).spawn(work);
        let handle = handle.map_err(|source| Error::Thread { name, source })?;
        let _ = self.handle.set(handle);
        Ok(())
    }

    pub(crate) fn wake(&self) {
        if let Some(handle) = self.handle.get() {
            handle.thread().unpark();
        }
    }

    /// Waits until a round that began after this has ended. On the thread itself there is nothing to wait for.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        if role::is(self) {
            return false;
        }
        let number = {
            let mut flushes = self.flushes();
            flushes.asked += 1;
            flushes.asked
        };
        self.wake();
        let left = deadline.saturating_duration_since(Instant::now());
        let waiting = |flushes: &mut Flushes| flushes.done < number;
        let flushes = self.done.wait_timeout_while(self.flushes(), left, waiting);
        flushes.unwrap_or_else(PoisonError::into_inner).0.done >= number
    }

    /// Has the thread take what is left and end; waits for it only until the deadline. Answers whether it has ended.
    pub(crate) fn stop(&self, deadline: Instant) -> bool {
        self.stop.store(true, Ordering::Release);
        self.wake();
        let Some(handle) = self.handle.get() else { return true };
        while !handle.is_finished() && !role::is(self) && Instant::now() < deadline {
            thread::sleep(std::time::Duration::from_millis(1));
        }
        handle.is_finished()
    }

    /// The calling thread is this one.
    pub(crate) fn begin(&self) {
        role::set(self);
    }

    /// What is asked of the thread now.
    pub(crate) fn asked(&self) -> Asked {
        let stop = self.stop.load(Ordering::Acquire);
        let Flushes { asked, done } = *self.flushes();
        Asked { stop, flush: stop || asked > done, flushes: asked }
    }

    /// The round is over: who waits for what was asked before it goes on.
    pub(crate) fn done(&self, asked: Asked) {
        self.flushes().done = asked.flushes;
        self.done.notify_all();
    }

    fn flushes(&self) -> MutexGuard<'_, Flushes> {
        self.flushes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
