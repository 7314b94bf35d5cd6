//! Metrics defined ahead and recorded by name, for programs that keep the list of their metrics in one place.
//!
//! A name is found once a thread and remembered, so recording by name costs some ten nanoseconds more than by an instrument that is
//! kept. What can't be recorded, as the name is unknown or another kind, is counted and said once.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;

use super::instrument::{BoundHistogram, Counter, Gauge, Histogram, Summary, UpDownCounter};
use super::kind::{Aggregation, Identity, InstrumentKind};
use super::registry::{self, MAX_INSTRUMENTS};
use super::say::say_once;
use super::switch::on;
use crate::sync::RwLock;
use crate::{Error, Value, engine};

/// What a metric is: its name, its kind, and what people and back ends are told of it.
///
/// ```
/// use tripod::metrics::{self, InstrumentKind, MetricDefinition};
/// metrics::define(
///     MetricDefinition::new("custom_business_metric", InstrumentKind::Histogram)
///         .description("Items of an order")
///         .unit("{item}")
///         .labels(["category", "status"])
///         .buckets(&[1.0, 5.0, 10.0, 50.0]),
/// )?;
/// metrics::record("custom_business_metric", 42.0, tripod::labels!(category = "orders", status = "paid"));
/// # Ok::<(), tripod::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricDefinition {
    /// The component that it belongs to; empty for the program's own.
    pub component: String,
    /// The name.
    pub name: String,
    /// What it measures.
    pub kind: InstrumentKind,
    /// What it measures, a sentence.
    pub description: String,
    /// In what unit, by UCUM.
    pub unit: String,
    /// The labels it may have; `None`: any.
    pub labels: Option<Vec<String>>,
    /// The upper bounds of a histogram's buckets; `None`: the defaults.
    pub buckets: Option<Vec<f64>>,
}

impl MetricDefinition {
    /// A metric of this name and kind, about which no more is said yet.
    pub fn new(name: impl Into<String>, kind: InstrumentKind) -> Self {
        let (component, description, unit) = Default::default();
        Self { component, name: name.into(), kind, description, unit, labels: None, buckets: None }
    }

    /// What it measures, a sentence.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// In what unit, by UCUM: `s`, `By`, `{request}`.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// The labels it may have; others are left out and counted.
    #[must_use]
    pub fn labels<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.labels = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// The upper bounds of a histogram's buckets.
    #[must_use]
    pub fn buckets(mut self, bounds: &[f64]) -> Self {
        self.buckets = Some(bounds.to_vec());
        self
    }

    fn of(identity: &Identity) -> Self {
        let buckets = match &identity.aggregation {
            Some(Aggregation::Explicit(bounds)) => Some(bounds.clone()),
            _ => None,
        };
        Self {
            component: engine::scope_name(identity.scope),
            name: identity.name.clone(),
            kind: identity.kind,
            description: identity.description.clone(),
            unit: identity.unit.clone(),
            labels: identity.labels.clone(),
            buckets,
        }
    }

    fn identity(self) -> Result<Identity, Error> {
        let Self { component, name, kind, description, unit, labels, buckets } = self;
        if buckets.is_some() && kind != InstrumentKind::Histogram {
            return Err(Error::Config {
                name: format!("metrics::define: the buckets of {name}"),
                value: format!("{:?}", buckets.unwrap_or_default()),
                allowed: format!("a histogram has buckets, a {kind} has none"),
            });
        }
        let scope = if component.is_empty() { 0 } else { engine::scope_id(&component) };
        let aggregation = buckets.map(Aggregation::Explicit);
        Ok(Identity { scope, name, kind, description, unit, labels, aggregation, max_series: None })
    }
}

/// Defines a metric ahead of its use. Defining it again alike does nothing.
///
/// # Errors
/// [`Error::MetricConflict`] when the name is that of a metric of another kind, or with other labels or buckets;
/// [`Error::MetricName`] when it is no name; [`Error::Config`] when what is no histogram has buckets.
pub fn define(definition: MetricDefinition) -> Result<(), Error> {
    Instrument::make(definition.identity()?).map(drop)
}

/// All metrics of the process, defined or made by code, in order of their components and names.
pub fn definitions() -> Vec<MetricDefinition> {
    registry::all().iter().map(|instrument| MetricDefinition::of(instrument.identity())).collect()
}

/// An instrument of whatever kind.
#[derive(Clone)]
#[non_exhaustive]
pub enum Instrument {
    /// A counter.
    Counter(Counter),
    /// An up-down counter.
    UpDownCounter(UpDownCounter),
    /// A gauge.
    Gauge(Gauge),
    /// A histogram.
    Histogram(Histogram),
    /// A summary.
    Summary(Summary),
}

/// The instrument of this name, for who does not know its kind. `Counter::try_from` and the like give what its kind offers.
///
/// # Errors
/// [`Error::UnknownMetric`] when nothing of this name was defined or made.
pub fn instrument(name: &str) -> Result<Instrument, Error> {
    let unknown = || Error::UnknownMetric { name: name.to_owned() };
    registry::find(name).ok_or_else(unknown).and_then(|known| Instrument::make(known.identity().clone()))
}

impl Instrument {
    fn make(identity: Identity) -> Result<Self, Error> {
        Ok(match identity.kind {
            InstrumentKind::Counter => Self::Counter(Counter::from_identity(identity)?),
            InstrumentKind::UpDownCounter => Self::UpDownCounter(UpDownCounter::from_identity(identity)?),
            InstrumentKind::Gauge => Self::Gauge(Gauge::from_identity(identity)?),
            InstrumentKind::Histogram => Self::Histogram(Histogram::from_identity(identity)?),
            InstrumentKind::Summary => Self::Summary(Summary::from_identity(identity)?),
        })
    }

    /// What it measures.
    pub fn kind(&self) -> InstrumentKind {
        match self {
            Self::Counter(_) => InstrumentKind::Counter,
            Self::UpDownCounter(_) => InstrumentKind::UpDownCounter,
            Self::Gauge(_) => InstrumentKind::Gauge,
            Self::Histogram(_) => InstrumentKind::Histogram,
            Self::Summary(_) => InstrumentKind::Summary,
        }
    }

    /// Does with a value what its kind does: adds it to a counter, sets a gauge to it, records it in a histogram or a summary.
    pub fn record(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        match self {
            Self::Counter(counter) => match whole(value) {
                Some(value @ 0..) => counter.add(value as u64, labels),
                _ => counter.add_f64(value, labels),
            },
            Self::UpDownCounter(counter) => match whole(value) {
                Some(value) => counter.add(value, labels),
                None => counter.add_f64(value, labels),
            },
            Self::Gauge(gauge) => gauge.set(value, labels),
            Self::Histogram(histogram) => histogram.record(value, labels),
            Self::Summary(summary) => summary.record(value, labels),
        }
    }
}

/// A number without a fraction, where a float is exact.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < (1_i64 << 53) as f64).then_some(value as i64)
}

macro_rules! try_from {
    ($($kind:ident)*) => {
        $(impl TryFrom<Instrument> for $kind {
            type Error = Error;

            fn try_from(instrument: Instrument) -> Result<Self, Error> {
                match instrument {
                    Instrument::$kind(known) => Ok(known),
                    other => {
                        let known = other.identity();
                        let wanted = Identity { kind: InstrumentKind::$kind, labels: None, aggregation: None, ..known.clone() };
                        Err(Error::MetricConflict { name: known.name.clone(), known: known.shape(), wanted: wanted.shape() })
                    }
                }
            }
        })*

        impl Instrument {
            fn identity(&self) -> &Identity {
                match self {
                    $(Self::$kind(known) => known.identity(),)*
                }
            }
        }
    };
}
try_from!(Counter UpDownCounter Gauge Histogram Summary);

/// Records a value under a name, as the metric's kind has it: see [`Instrument::record`].
pub fn record(name: &str, value: f64, labels: &[(&str, Value<'_>)]) {
    by_name(name, None, |instrument| instrument.record(value, labels));
}

/// Adds to the counter of this name.
pub fn increment(name: &str, by: u64, labels: &[(&str, Value<'_>)]) {
    by_name(name, Some(InstrumentKind::Counter), |instrument| {
        if let Instrument::Counter(counter) = instrument {
            counter.add(by, labels);
        }
    });
}

/// Sets the gauge of this name.
pub fn set(name: &str, value: f64, labels: &[(&str, Value<'_>)]) {
    by_name(name, Some(InstrumentKind::Gauge), |instrument| instrument.record(value, labels));
}

/// Records a measurement in the histogram of this name.
pub fn observe(name: &str, value: f64, labels: &[(&str, Value<'_>)]) {
    by_name(name, Some(InstrumentKind::Histogram), |instrument| instrument.record(value, labels));
}

/// How many measurements were lost in this process because nothing of their name was defined, or another kind.
pub fn lost_by_name() -> u64 {
    LOST.load(Ordering::Relaxed)
}

static LOST: AtomicU64 = AtomicU64::new(0);

/// An instrument that was asked for by this name.
struct Named {
    name: Box<str>,
    instrument: Instrument,
}

/// What a thread remembers: as many names as a program uses in one place.
const SLOTS: usize = 64;

thread_local! {
    static REMEMBERED: [Cell<Option<&'static Named>>; SLOTS] = const { [const { Cell::new(None) }; SLOTS] };
}

fn by_name(name: &str, kind: Option<InstrumentKind>, then: impl FnOnce(&Instrument)) {
    if !on() {
        return;
    }
    match find(name) {
        Ok(known) if kind.is_none_or(|kind| kind == known.instrument.kind()) => then(&known.instrument),
        Ok(known) => lose(&format_args!(
            "the metric {name} is a {}: it can't be recorded as another kind",
            known.instrument.kind()
        )),
        Err(error) => lose(&error),
    }
}

fn find(name: &str) -> Result<&'static Named, Error> {
    let slot = FixedState::default().hash_one(name) as usize % SLOTS;
    let remembered = REMEMBERED.try_with(|slots| slots[slot].get()).ok().flatten();
    match remembered.filter(|known| *known.name == *name) {
        Some(known) => Ok(known),
        None => look_up(name).inspect(|known| {
            let _ = REMEMBERED.try_with(|slots| slots[slot].set(Some(known)));
        }),
    }
}

/// A series of the histogram of this name, which is made, in seconds, if there is none; `None` while metrics are off, and where the name
/// is that of another kind.
pub(crate) fn bind_histogram(name: &str, labels: &[(&str, Value<'_>)]) -> Option<BoundHistogram> {
    if on() && matches!(find(name), Err(Error::UnknownMetric { .. })) {
        super::histogram(name.to_owned()).unit("s").build();
    }
    let mut bound = None;
    by_name(name, Some(InstrumentKind::Histogram), |instrument| {
        if let Instrument::Histogram(histogram) = instrument {
            bound = Some(histogram.bind(labels));
        }
    });
    bound
}

#[cold]
fn lose(why: &dyn std::fmt::Display) {
    LOST.fetch_add(1, Ordering::Relaxed);
    say_once(&format_args!("{why}; what is recorded so is lost"));
}

/// Names live as long as the process, as their instruments do, and no more of them than there may be instruments.
#[cold]
fn look_up(name: &str) -> Result<&'static Named, Error> {
    static NAMED: RwLock<Option<HashMap<&'static str, &'static Named>>> = RwLock::new(None);
    if let Some(known) = NAMED.read().as_ref().and_then(|named| named.get(name).copied()) {
        return Ok(known);
    }
    let instrument = instrument(name)?;
    let mut named = NAMED.write();
    let named = named.get_or_insert_default();
    if named.len() >= MAX_INSTRUMENTS {
        return Err(Error::TooManyMetrics { name: name.to_owned(), limit: MAX_INSTRUMENTS });
    }
    let made: &'static Named = Box::leak(Box::new(Named { name: name.into(), instrument }));
    Ok(named.entry(&made.name).or_insert(made))
}
