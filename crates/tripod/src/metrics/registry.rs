//! The registry: every instrument of the process by scope and name.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tripod_wire::otlp::Metric;

/// What the registry knows of an instrument.
pub(crate) trait Instrument: Any + Send + Sync {
    fn metric(&self) -> Metric;
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

type Key = (u16, String);

static INSTRUMENTS: RwLock<BTreeMap<Key, Arc<dyn Instrument>>> = RwLock::new(BTreeMap::new());

/// The instrument of this name, made when it is new. `None` when there is one that `fits` not.
pub(crate) fn get_or_insert<I: Instrument>(
    scope: u16,
    name: &str,
    fits: impl Fn(&I) -> bool,
    make: impl FnOnce() -> I,
) -> Option<Arc<I>> {
    let mut instruments = INSTRUMENTS.write().unwrap_or_else(PoisonError::into_inner);
    let key = (scope, name.to_owned());
    if let Some(known) = instruments.get(&key) {
        return Arc::clone(known).as_any().downcast::<I>().ok().filter(|known| fits(known));
    }
    let made = Arc::new(make());
    instruments.insert(key, Arc::clone(&made) as Arc<dyn Instrument>);
    Some(made)
}

/// The metrics of every scope. Instruments are asked outside the lock, as some call the user's code.
pub(crate) fn collect() -> Vec<(u16, Vec<Metric>)> {
    let instruments: Vec<(u16, Arc<dyn Instrument>)> = {
        let known = INSTRUMENTS.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|((scope, _), instrument)| (*scope, Arc::clone(instrument))).collect()
    };
    let mut scopes: Vec<(u16, Vec<Metric>)> = Vec::new();
    for (scope, instrument) in instruments {
        let metric = instrument.metric();
        match scopes.last_mut() {
            Some((last, metrics)) if *last == scope => metrics.push(metric),
            _ => scopes.push((scope, vec![metric])),
        }
    }
    scopes
}
