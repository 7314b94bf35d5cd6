//! The registry: every instrument of the process by scope and name.
//!
//! An instrument that can't be had under its name, because the name is another's or not allowed, works all the same: it is kept
//! *apart*, once for each name and kind, and not sent.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tripod_wire::otlp::Metric;

use super::aggregate;
use super::aggregate::Aggregate;
use super::cardinality::Cardinality;
use super::core::Core;
use super::kind::{Identity, InstrumentKind};
use super::name;
use super::observable::Round;
use super::reader::{Reader, Reading};
use super::say::say_once;
use super::view::Views;
use crate::Error;
use crate::export::prometheus::{Family, Samples};
use crate::sync::{ReadGuard, RwLock, WriteGuard};

/// Instruments a process may have, so that names made of data can't use up its memory. Further ones share one a kind, apart.
pub(crate) const MAX_INSTRUMENTS: usize = 10_000;

/// What the registry knows of an instrument.
pub(crate) trait Instrument: Any + Send + Sync {
    fn identity(&self) -> &Identity;
    /// Takes a description and a unit where it has none; answers whether it now has those that are given.
    fn describe(&self, description: &str, unit: &str) -> bool;
    /// Keeps and sends it as these views say from now on.
    fn apply(&self, views: &Views);
    /// Measurements counted in the overflow series so far.
    fn overflowed(&self) -> u64;
    fn cardinality(&self) -> Cardinality;
    /// Its points; `None` when a view drops it.
    fn metric(&self, round: &Round, reading: &mut Reading<'_>) -> Option<Metric>;
    /// Its family on a page for Prometheus; `None` when a view drops it.
    fn family(&self) -> Option<Family>;
    /// Its samples there.
    fn write(&self, round: &Round, samples: &mut Samples<'_>) -> Result<(), NotStraight>;
}

/// What has metrics of its own, kept elsewhere: they are collected with the rest.
#[cfg_attr(not(any(feature = "prometheus", feature = "prometheus-client")), allow(dead_code))] // The bridges' part of the registry.
pub(crate) trait Source: Send + Sync {
    /// The scope under which they are sent.
    fn scope(&self) -> u16;
    /// All metrics at this moment, cumulative. May call the user's code; if it panics, the others are still collected.
    fn metrics(&self) -> Vec<Metric>;
}

static SOURCES: RwLock<Vec<Arc<dyn Source>>> = RwLock::new(Vec::new());

/// Has a source collected from now on.
#[cfg_attr(not(any(feature = "prometheus", feature = "prometheus-client")), allow(dead_code))] // As above.
pub(crate) fn add_source(source: Arc<dyn Source>) {
    SOURCES.write().push(source);
}

/// The samples can't be written straight from the series: they have to be joined first, as [`Instrument::metric`] does.
pub(crate) struct NotStraight;

/// Scope and name, the latter in lower case.
type Key = (u16, String);

struct Registry {
    instruments: BTreeMap<Key, Arc<dyn Instrument>>,
    apart: BTreeMap<(Key, InstrumentKind), Arc<dyn Instrument>>,
    views: Views,
}

static REGISTRY: RwLock<Registry> =
    RwLock::new(Registry { instruments: BTreeMap::new(), apart: BTreeMap::new(), views: Views::NONE });

fn read() -> ReadGuard<'static, Registry> {
    REGISTRY.read()
}

fn write() -> WriteGuard<'static, Registry> {
    REGISTRY.write()
}

/// The instrument that is wanted, made when it is new.
pub(crate) fn get_or_insert<A: Aggregate>(wanted: Identity, shape: A::Shape) -> Result<Arc<Core<A>>, Error> {
    name::check(&wanted.name)?;
    let key = (wanted.scope, name::key(&wanted.name));
    if let Some(known) = read().instruments.get(&key) {
        return fitting(known, &wanted);
    }
    let mut registry = write();
    // Somebody else may have made it meanwhile.
    if let Some(known) = registry.instruments.get(&key) {
        return fitting(known, &wanted);
    }
    if registry.instruments.len() >= MAX_INSTRUMENTS {
        return Err(Error::TooManyMetrics { name: wanted.name, limit: MAX_INSTRUMENTS });
    }
    let made = Arc::new(Core::<A>::new(wanted, shape, &registry.views));
    registry.instruments.insert(key, Arc::clone(&made) as Arc<dyn Instrument>);
    Ok(made)
}

fn fitting<A: Aggregate>(known: &Arc<dyn Instrument>, wanted: &Identity) -> Result<Arc<Core<A>>, Error> {
    let is = known.identity();
    let same_kind: Result<Arc<Core<A>>, _> = (Arc::clone(known) as Arc<dyn Any + Send + Sync>).downcast();
    let fits = same_kind.ok().filter(|_| is.fits(wanted)).ok_or_else(|| Error::MetricConflict {
        name: wanted.name.clone(),
        known: is.shape(),
        wanted: wanted.shape(),
    })?;
    if !known.describe(&wanted.description, &wanted.unit) {
        say_once(&format_args!(
            "the metric {} keeps the description and the unit that it was given first; not {:?} and {:?}",
            is.name, wanted.description, wanted.unit
        ));
    }
    Ok(fits)
}

/// An instrument that is not sent, the same for each name and kind.
pub(crate) fn apart<A: Aggregate>(mut wanted: Identity, shape: A::Shape) -> Arc<Core<A>> {
    let mut registry = write();
    if registry.apart.len() >= MAX_INSTRUMENTS {
        "".clone_into(&mut wanted.name);
    }
    let key = ((wanted.scope, name::key(&wanted.name)), wanted.kind);
    let known = registry.apart.get(&key).cloned();
    let known = known.and_then(|known| (known as Arc<dyn Any + Send + Sync>).downcast().ok());
    known.unwrap_or_else(|| {
        let made = Arc::new(Core::<A>::new(wanted, shape, &registry.views));
        registry.apart.insert(key, Arc::clone(&made) as Arc<dyn Instrument>);
        made
    })
}

/// Keeps and sends all instruments as these views say, those made already and those to come.
pub(crate) fn set_views(views: Views) {
    let mut registry = write();
    for instrument in registry.instruments.values() {
        instrument.apply(&views);
    }
    registry.views = views;
}

/// All instruments, in order of scopes and names.
pub(crate) fn all() -> Vec<Arc<dyn Instrument>> {
    read().instruments.values().cloned().collect()
}

/// The instrument of this name that belongs to no component.
pub(crate) fn find(name: &str) -> Option<Arc<dyn Instrument>> {
    read().instruments.get(&(0, name::key(name))).cloned()
}

/// The metrics of every scope, those without a point left out. Callbacks and sources are asked, and instruments read, outside the lock.
pub(crate) fn collect(reading: &mut Reading<'_>) -> Vec<(u16, Vec<Metric>)> {
    let round = Round::ask();
    let mut scopes: Vec<(u16, Vec<Metric>)> = Vec::new();
    for instrument in all() {
        let metric = instrument.metric(&round, reading).filter(|metric| aggregate::points(metric) > 0);
        let Some(metric) = metric else { continue };
        let scope = instrument.identity().scope;
        match scopes.last_mut() {
            Some((last, metrics)) if *last == scope => metrics.push(metric),
            _ => scopes.push((scope, vec![metric])),
        }
    }
    for (scope, metrics) in from_sources() {
        match scopes.iter_mut().find(|(known, _)| *known == scope) {
            Some((_, same)) => same.extend(metrics),
            None => scopes.push((scope, metrics)),
        }
    }
    scopes
}

/// Some metrics as they stand, with their names in the code. Only their callbacks are asked, and those for several instruments.
pub(crate) fn read_some(wanted: &dyn Fn(&str) -> bool) -> Vec<(String, Metric)> {
    let some: Vec<_> = all().into_iter().filter(|instrument| wanted(&instrument.identity().name)).collect();
    let round = Round::ask_about(&|id| some.iter().any(|instrument| instrument_id(instrument) == id));
    let mut reader = Reader::default();
    let mut reading = reader.reading();
    let read = |instrument: &Arc<dyn Instrument>| {
        instrument.metric(&round, &mut reading).map(|metric| (instrument.identity().name.clone(), metric))
    };
    some.iter().filter_map(read).collect()
}

/// An instrument, by where it lies.
pub(crate) fn instrument_id<I: ?Sized>(instrument: &Arc<I>) -> usize {
    Arc::as_ptr(instrument).cast::<()>().addr()
}

/// What the sources have, by scope.
pub(crate) fn from_sources() -> Vec<(u16, Vec<Metric>)> {
    if !super::switch::on() {
        return Vec::new();
    }
    let sources = SOURCES.read().clone();
    let ask = |source: Arc<dyn Source>| {
        let metrics = catch_unwind(AssertUnwindSafe(|| source.metrics())).unwrap_or_default();
        (source.scope(), metrics)
    };
    sources.into_iter().map(ask).filter(|(_, metrics)| !metrics.is_empty()).collect()
}
