//! The instruments: what the caller holds to record with.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use tripod_wire::otlp::Metric;

use super::aggregate::{Aggregate, Bounds, Distribution, Last, Sum, SumShape, Times};
use super::cells::CellReader;
use super::registry;
use super::series::{Series, SeriesMap};
use super::switch::on;
use crate::Value;

type Report<'a> = dyn Fn(f64, &[(&str, Value<'_>)]) + 'a;
type Callback = Box<dyn Fn(&Observer<'_>) + Send + Sync>;

/// An instrument: its description and its series.
pub(crate) struct Definition<A: Aggregate> {
    name: Cow<'static, str>,
    description: Cow<'static, str>,
    unit: Cow<'static, str>,
    shape: A::Shape,
    start: u64,
    series: SeriesMap<A>,
    callbacks: RwLock<Vec<Callback>>,
}

impl<A: Aggregate> Definition<A> {
    fn series(&self, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        self.series.get(&self.shape, labels)
    }
}

impl<A: Aggregate> registry::Instrument for Definition<A> {
    fn metric(&self) -> Metric {
        let report = |value: f64, labels: &[(&str, Value<'_>)]| self.series(labels).numbers.observe(value);
        let callbacks = self.callbacks.read().unwrap_or_else(PoisonError::into_inner);
        for callback in callbacks.iter().filter(|_| on()) {
            // The user's code: if it panics, the other instruments are still collected.
            let _ = catch_unwind(AssertUnwindSafe(|| callback(&Observer { report: &report })));
        }
        let times = Times { start: self.start, now: unix_nanos_now() };
        let all = self.series.all();
        let cells = CellReader::new();
        let point =
            |series: &'static Series<A>| series.numbers.point(&self.shape, series.attributes.clone(), times, &cells);
        Metric {
            name: self.name.to_string(),
            description: self.description.to_string(),
            unit: self.unit.to_string(),
            data: A::data(&self.shape, all.into_iter().map(point).collect()),
            metadata: Vec::new(),
        }
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn unix_nanos_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// Describes an instrument about to be made.
#[must_use = "an instrument is made by `build`"]
pub struct InstrumentBuilder<I> {
    name: Cow<'static, str>,
    description: Cow<'static, str>,
    unit: Cow<'static, str>,
    bounds: Option<Bounds>,
    scope: u16,
    make: fn(Self) -> I,
}

impl<I> InstrumentBuilder<I> {
    pub(crate) fn new(scope: u16, name: Cow<'static, str>, make: fn(Self) -> I) -> Self {
        Self { name, description: Cow::Borrowed(""), unit: Cow::Borrowed(""), bounds: None, scope, make }
    }

    /// What it measures, a sentence.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// In what unit, by UCUM: `s`, `By`, `{request}`.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Makes the instrument, or gives the one that has this name already.
    ///
    /// If that one is of another kind, the new one works but is not sent, and a line on stderr says so.
    pub fn build(self) -> I {
        (self.make)(self)
    }

    fn define<A: Aggregate>(self, shape: A::Shape) -> Arc<Definition<A>> {
        let Self { name, description, unit, scope, .. } = self;
        let start = unix_nanos_now();
        let wanted = shape.clone();
        let (series, callbacks) = (SeriesMap::new(), RwLock::default());
        let own = Definition { name: name.clone(), description, unit, shape, start, series, callbacks };
        let mut own = Some(own);
        let fits = |known: &Definition<A>| known.shape == wanted;
        // `make` is called at most once; if it is not, what was made here stays apart.
        let known = registry::get_or_insert(scope, &name, fits, || own.take().expect("made once"));
        known.unwrap_or_else(|| {
            eprintln!("tripod: the metric {name} is defined twice in different ways; the second one is not sent");
            Arc::new(own.take().expect("not registered, so still here"))
        })
    }
}

impl InstrumentBuilder<Histogram> {
    /// The upper bounds of the buckets, each belonging to the bucket below it. Without them: seconds' bounds (0.005 to 10) when the
    /// unit is `s` or the name ends in `_seconds`, else milliseconds' (5 to 10,000).
    pub fn buckets(mut self, bounds: &[f64]) -> Self {
        self.bounds = Some(Bounds::new(bounds));
        self
    }

    fn bounds_or_default(&self) -> Bounds {
        self.bounds.clone().unwrap_or_else(|| {
            let seconds = self.unit == "s" || self.name.ends_with("_seconds");
            Bounds::new(if seconds { &Bounds::SECONDS } else { &Bounds::MILLIS })
        })
    }
}

/// Reports values from a callback; see [`Gauge::observe`].
pub struct Observer<'a> {
    report: &'a Report<'a>,
}

impl Observer<'_> {
    /// Reports the value of a label set: what it is now, or for a counter the total so far.
    pub fn observe(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        (self.report)(value, labels);
    }
}

macro_rules! instrument {
    ($(#[$doc:meta])* $name:ident, $(#[$bound_doc:meta])* $bound:ident, $(#[$make_doc:meta])* $make:ident, $aggregate:ty, |$builder:ident| $shape:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            definition: Arc<Definition<$aggregate>>,
        }

        $(#[$bound_doc])*
        #[derive(Clone)]
        pub struct $bound {
            definition: Arc<Definition<$aggregate>>,
            series: &'static Series<$aggregate>,
        }

        impl $name {
            /// Finds the series of a label set once, for who records into it often.
            pub fn bind(&self, labels: &[(&str, Value<'_>)]) -> $bound {
                $bound { definition: Arc::clone(&self.definition), series: self.definition.series(labels) }
            }

            pub(crate) fn builder(scope: u16, name: Cow<'static, str>) -> InstrumentBuilder<Self> {
                InstrumentBuilder::new(scope, name, |$builder| {
                    let shape = $shape;
                    Self { definition: $builder.define(shape) }
                })
            }
        }

        impl $bound {
            /// The instrument it belongs to.
            pub fn instrument(&self) -> $name {
                $name { definition: Arc::clone(&self.definition) }
            }
        }

        $(#[$make_doc])*
        pub fn $make(name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<$name> {
            $name::builder(0, name.into())
        }
    };
}

instrument! {
    /// Counts what only grows: requests, errors, bytes.
    ///
    /// ```
    /// let requests = tripod::counter("http_requests_total").description("Requests served").build();
    /// requests.inc(tripod::labels!(method = "GET", status = 200));
    /// let get = requests.bind(tripod::labels!(method = "GET", status = 200));
    /// get.add(2);
    /// assert_eq!(get.get(), 3.0);
    /// ```
    Counter,
    /// A counter's series.
    BoundCounter,
    /// A counter of this name.
    counter, Sum, |builder| SumShape { monotonic: true }
}

instrument! {
    /// Adds up what comes and goes: open connections, queued jobs.
    UpDownCounter,
    /// An up-down counter's series.
    BoundUpDownCounter,
    /// An up-down counter of this name.
    up_down_counter, Sum, |builder| SumShape { monotonic: false }
}

instrument! {
    /// Holds a current value: a temperature, a lag, a share.
    ///
    /// ```
    /// let lag = tripod::gauge("kafka_consumer_lag_seconds").unit("s").build();
    /// lag.set(0.3, tripod::labels!(topic = "signals"));
    /// ```
    Gauge,
    /// A gauge's series.
    BoundGauge,
    /// A gauge of this name.
    gauge, Last, |builder| ()
}

instrument! {
    /// Shows how values are distributed: durations, sizes.
    ///
    /// ```
    /// let duration = tripod::histogram("request_duration_seconds").unit("s").build();
    /// duration.record(0.125, tripod::labels!(endpoint = "/api/users"));
    /// ```
    Histogram,
    /// A histogram's series.
    BoundHistogram,
    /// A histogram of this name.
    histogram, Distribution, |builder| builder.bounds_or_default()
}

impl Counter {
    /// Adds one.
    pub fn inc(&self, labels: &[(&str, Value<'_>)]) {
        self.add(1, labels);
    }

    /// Adds a whole number.
    pub fn add(&self, value: u64, labels: &[(&str, Value<'_>)]) {
        if !on() {
            return;
        }
        add_whole(self.definition.series(labels), value);
    }

    /// Adds a fraction; what is negative or no number is left out.
    pub fn add_f64(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        if !on() {
            return;
        }
        add_fraction(self.definition.series(labels), value);
    }

    /// The current total of a label set.
    pub fn get(&self, labels: &[(&str, Value<'_>)]) -> f64 {
        self.definition.series(labels).numbers.get()
    }

    /// Has a total that is counted elsewhere reported at each collection, from the collector's thread.
    pub fn observe(&self, callback: impl Fn(&Observer<'_>) + Send + Sync + 'static) {
        self.definition.callbacks.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(callback));
    }
}

impl BoundCounter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds a whole number.
    pub fn add(&self, value: u64) {
        if !on() {
            return;
        }
        add_whole(self.series, value);
    }

    /// Adds a fraction; what is negative or no number is left out.
    pub fn add_f64(&self, value: f64) {
        if !on() {
            return;
        }
        add_fraction(self.series, value);
    }

    /// The current total.
    pub fn get(&self) -> f64 {
        self.series.numbers.get()
    }
}

fn add_whole(series: &Series<Sum>, value: u64) {
    series.numbers.add_whole(i64::try_from(value).unwrap_or(i64::MAX));
    series.numbers.offer_exemplar(value as f64);
}

fn add_fraction(series: &Series<Sum>, value: f64) {
    if value >= 0.0 && value.is_finite() {
        series.numbers.add(value);
        series.numbers.offer_exemplar(value);
    }
}

impl UpDownCounter {
    /// Adds a whole number, which may be negative.
    pub fn add(&self, value: i64, labels: &[(&str, Value<'_>)]) {
        if !on() {
            return;
        }
        self.definition.series(labels).numbers.add_whole(value);
    }

    /// The current total of a label set.
    pub fn get(&self, labels: &[(&str, Value<'_>)]) -> f64 {
        self.definition.series(labels).numbers.get()
    }
}

impl BoundUpDownCounter {
    /// Adds a whole number, which may be negative.
    pub fn add(&self, value: i64) {
        if !on() {
            return;
        }
        self.series.numbers.add_whole(value);
    }

    /// The current total.
    pub fn get(&self) -> f64 {
        self.series.numbers.get()
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        if !on() {
            return;
        }
        self.definition.series(labels).numbers.set(value);
    }

    /// Adds one.
    pub fn inc(&self, labels: &[(&str, Value<'_>)]) {
        self.add(1.0, labels);
    }

    /// Takes one off.
    pub fn dec(&self, labels: &[(&str, Value<'_>)]) {
        self.add(-1.0, labels);
    }

    /// Adds to the value.
    pub fn add(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        if !on() {
            return;
        }
        self.definition.series(labels).numbers.add(value);
    }

    /// The current value of a label set.
    pub fn get(&self, labels: &[(&str, Value<'_>)]) -> f64 {
        self.definition.series(labels).numbers.get()
    }

    /// Has the value asked for at each collection, from the collector's thread.
    ///
    /// ```
    /// tripod::gauge("queue_depth").build().observe(|queue| queue.observe(17.0, tripod::labels!(name = "mail")));
    /// ```
    pub fn observe(&self, callback: impl Fn(&Observer<'_>) + Send + Sync + 'static) {
        self.definition.callbacks.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(callback));
    }
}

impl BoundGauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        if !on() {
            return;
        }
        self.series.numbers.set(value);
    }

    /// Adds to the value.
    pub fn add(&self, value: f64) {
        if !on() {
            return;
        }
        self.series.numbers.add(value);
    }

    /// The current value.
    pub fn get(&self) -> f64 {
        self.series.numbers.get()
    }
}

impl Histogram {
    /// Records a measurement; what is no number is left out.
    pub fn record(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        if !on() {
            return;
        }
        self.definition.series(labels).numbers.record(&self.definition.shape, value);
    }
}

impl BoundHistogram {
    /// Records a measurement; what is no number is left out.
    pub fn record(&self, value: f64) {
        if !on() {
            return;
        }
        self.series.numbers.record(&self.definition.shape, value);
    }
}
