//! An exporter of the user's, lent to the outlet that sends with it: should the process fork, the child sends with it as well.
//!
//! The lock is the outlet's alone but for a fork, which waits a little for a batch to be sent, so that the child finds the exporter
//! between two batches. Where it can't wait as long, the child goes without that exporter, and says so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Batch, ExportError, Exported, Exporter, Signal, Signals};
use crate::metrics::Temporality;

/// An exporter that a forked child has as well.
#[derive(Clone)]
pub(crate) struct Lent {
    name: &'static str,
    accepts: Signals,
    temporality: Temporality,
    metric_interval: Option<Duration>,
    exporter: Arc<Mutex<Box<dyn Exporter>>>,
}

pub(crate) type LentGuard<'a> = MutexGuard<'a, Box<dyn Exporter>>;

impl Lent {
    /// How long a fork waits for the exporters that are just sending, together.
    pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(100);

    pub(crate) fn new(exporter: Box<dyn Exporter>) -> Self {
        let accepts = Signals::only(|signal| exporter.accepts(signal));
        let (name, temporality, metric_interval) =
            (exporter.name(), exporter.temporality(), exporter.metric_interval());
        Self { name, accepts, temporality, metric_interval, exporter: Arc::new(Mutex::new(exporter)) }
    }

    /// Keeps it from sending while the guard lives; `None` when it is still sending then.
    pub(crate) fn hold(&self, until: Instant) -> Option<LentGuard<'_>> {
        loop {
            match self.exporter.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_micros(100)),
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }

    /// Readies it for a forked child; `None` when it was sending as the process forked, or can't go on.
    pub(crate) fn in_child(&self) -> Option<Self> {
        let mut exporter = self.hold(Instant::now())?;
        catch_unwind(AssertUnwindSafe(|| exporter.after_fork())).ok()?;
        Some(self.clone())
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

impl Exporter for Lent {
    fn name(&self) -> &'static str {
        self.name
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.accepts.contains(signal)
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }

    fn metric_interval(&self) -> Option<Duration> {
        self.metric_interval
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        self.exporter.lock().unwrap_or_else(PoisonError::into_inner).export(batch)
    }

    fn close(&mut self, deadline: Instant) {
        self.exporter.lock().unwrap_or_else(PoisonError::into_inner).close(deadline);
    }
}
