//! Callbacks: what is asked for at each collection rather than recorded when it changes.
//!
//! They are called one after the other, without a lock, before anything is read. Label sets that a callback no longer reports are no
//! longer sent. A callback that panics leaves the others alone; it is said once and counted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::aggregate::Aggregate;
use super::core::Core;
use super::registry;
use super::say::say_once;
use super::switch::on;
use crate::Value;
use crate::sync::RwLock;

/// A series, by where it lies.
pub(crate) type SeriesId = usize;

/// One collection: what callbacks have reported in it.
#[derive(Default)]
pub(crate) struct Round {
    reported: RefCell<HashMap<SeriesId, f64>>,
}

impl Round {
    /// Asks all callbacks.
    pub(crate) fn ask() -> Self {
        Self::ask_about(&|_| true)
    }

    /// Asks the callbacks of some instruments, and those that report several.
    pub(crate) fn ask_about(wanted: &dyn Fn(usize) -> bool) -> Self {
        let round = Self::default();
        if !on() {
            return round;
        }
        let callbacks = CALLBACKS.read().clone();
        for Registered { callback, .. } in callbacks.iter().filter(|one| one.instrument.is_none_or(wanted)) {
            // The user's code: if it panics, the others are still asked.
            if catch_unwind(AssertUnwindSafe(|| callback(&round))).is_err() {
                PANICS.fetch_add(1, Ordering::Relaxed);
                say_once(&"a callback of a metric panicked: what it had not reported by then is missing");
            }
        }
        round
    }

    pub(super) fn reported(&self, series: SeriesId) -> Option<f64> {
        self.reported.borrow().get(&series).copied()
    }

    /// Remembers that a series was reported; `adds` where several reports add up.
    pub(super) fn report(&self, series: SeriesId, value: f64, adds: bool) {
        let mut reported = self.reported.borrow_mut();
        let known = reported.entry(series).or_insert(0.0);
        *known = if adds { *known + value } else { value };
    }
}

type Report<'a> = dyn Fn(f64, &[(&str, Value<'_>)]) + 'a;
type Callback = Arc<dyn Fn(&Round) + Send + Sync>;

#[derive(Clone)]
struct Registered {
    id: u64,
    /// The one that it reports; `None`: several.
    instrument: Option<usize>,
    callback: Callback,
}

static CALLBACKS: RwLock<Vec<Registered>> = RwLock::new(Vec::new());
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How often callbacks have panicked in this process.
pub fn callback_panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn register(instrument: Option<usize>, callback: Callback) -> Observation {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    CALLBACKS.write().push(Registered { id, instrument, callback });
    Observation { id }
}

/// A callback that is registered. Dropping this leaves it so; [`Observation::until_dropped`] makes a guard of it.
#[derive(Debug)]
pub struct Observation {
    id: u64,
}

impl Observation {
    /// Asks it no more. A call under way is finished.
    pub fn unregister(self) {
        unregister(self.id);
    }

    /// Has it asked only until the guard is dropped.
    pub fn until_dropped(self) -> ObservationGuard {
        ObservationGuard { id: self.id }
    }
}

/// A callback that is registered until this is dropped.
#[derive(Debug)]
#[must_use = "the callback is asked no more once this is dropped"]
pub struct ObservationGuard {
    id: u64,
}

impl Drop for ObservationGuard {
    fn drop(&mut self) {
        unregister(self.id);
    }
}

fn unregister(id: u64) {
    let mut callbacks = CALLBACKS.write();
    let at = callbacks.iter().position(|known| known.id == id);
    let removed = at.map(|at| callbacks.remove(at));
    drop(callbacks);
    // What the callback owns may do anything when it is dropped, so not under the lock.
    drop(removed);
}

/// What a callback can report to: counters, up-down counters, gauges.
pub trait Observable: sealed::Report {}

pub(crate) mod sealed {
    use super::Round;
    use crate::Value;

    pub trait Report: Clone + Send + Sync + 'static {
        #[doc(hidden)]
        #[allow(private_interfaces, reason = "only this crate implements and calls it")]
        fn report(&self, round: &Round, value: f64, labels: &[(&str, Value<'_>)]);
    }
}

/// Reports values of one instrument from a callback; see [`crate::Gauge::observe`].
pub struct Observer<'a> {
    report: &'a Report<'a>,
}

impl Observer<'_> {
    /// Reports the value of a label set: what it is now, or for a counter the total so far.
    pub fn observe(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        (self.report)(value, labels);
    }
}

/// Reports values of several instruments from one callback; see [`observe_batch`].
pub struct BatchObserver<'a> {
    round: &'a Round,
}

impl BatchObserver<'_> {
    /// Reports the value of an instrument's label set: what it is now, or for a counter the total so far.
    pub fn observe(&self, instrument: &impl Observable, value: f64, labels: &[(&str, Value<'_>)]) {
        instrument.report(self.round, value, labels);
    }
}

/// Has several instruments reported by one callback at each collection, for what is found out together.
///
/// ```
/// let (used, free) = (tripod::gauge("pool_used").build(), tripod::gauge("pool_free").build());
/// tripod::metrics::observe_batch(move |batch| {
///     let (in_use, all) = (3.0, 10.0); // one look at the pool
///     batch.observe(&used, in_use, &[]);
///     batch.observe(&free, all - in_use, &[]);
/// });
/// ```
pub fn observe_batch(callback: impl Fn(&BatchObserver<'_>) + Send + Sync + 'static) -> Observation {
    register(None, Arc::new(move |round| callback(&BatchObserver { round })))
}

/// Has one instrument reported by a callback.
pub(super) fn observe<A: Aggregate>(
    core: &Arc<Core<A>>,
    callback: impl Fn(&Observer<'_>) + Send + Sync + 'static,
) -> Observation {
    let core = Arc::clone(core);
    let instrument = Some(registry::instrument_id(&core));
    let report = move |round: &Round| {
        callback(&Observer { report: &|value, labels| core.observe(round, value, labels) });
    };
    register(instrument, Arc::new(report))
}
