//! The instruments: what the caller holds to record with.

use std::borrow::Cow;
use std::sync::Arc;

use super::builder::{self, InstrumentBuilder, Strict};
use super::core::{Core, Stream};
use super::distribution::Distribution;
use super::kind::{Identity, InstrumentKind};
use super::last::Last;
use super::observable::{self, Observable, Observation, Observer, Round, sealed};
use super::registry::Instrument as _;
use super::series::Series;
use super::sum::{Sum, SumShape};
use super::summary::Sketch;
use super::switch::on;
use crate::{Error, Value};

macro_rules! instrument {
    ($(#[$doc:meta])* $name:ident, $(#[$bound_doc:meta])* $bound:ident, $(#[$make_doc:meta])* $make:ident, $aggregate:ty, |$identity:ident| $shape:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            core: Arc<Core<$aggregate>>,
        }

        $(#[$bound_doc])*
        #[derive(Clone)]
        pub struct $bound {
            core: Arc<Core<$aggregate>>,
            /// What the series was made under: views may have made another since.
            stream: &'static Stream<$aggregate>,
            series: &'static Series<$aggregate>,
        }

        impl $name {
            /// Finds the series of a label set once, for who records into it often.
            pub fn bind(&self, labels: &[(&str, Value<'_>)]) -> $bound {
                let stream = self.core.stream();
                $bound { core: Arc::clone(&self.core), stream, series: stream.series(labels) }
            }

            /// Records into the series of a label set, while metrics are recorded at all.
            #[inline(always)]
            #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
            fn with(&self, labels: &[(&str, Value<'_>)], record: impl FnOnce(&Stream<$aggregate>, &Series<$aggregate>)) {
                if on() {
                    let stream = self.core.stream();
                    record(stream, stream.series(labels));
                }
            }

            pub(crate) fn builder(scope: u16, name: Cow<'static, str>) -> InstrumentBuilder<Self> {
                InstrumentBuilder::new(scope, name, InstrumentKind::$name, Self::make)
            }

            fn make($identity: Identity, strict: Strict) -> Result<Self, Error> {
                let shape = $shape;
                builder::make($identity, shape, strict).map(|core| Self { core })
            }

            pub(super) fn from_identity(identity: Identity) -> Result<Self, Error> {
                Self::make(identity, true)
            }

            pub(super) fn identity(&self) -> &Identity {
                self.core.identity()
            }
        }

        impl $bound {
            /// Records into its series, while metrics are recorded at all.
            #[inline]
            fn with(&self, record: impl FnOnce(&Stream<$aggregate>, &Series<$aggregate>)) {
                if on() {
                    record(self.stream, self.series);
                } else {
                    // Said to the compiler, or a loop jumps once more at each call: half of what setting a gauge takes.
                    std::hint::cold_path();
                }
            }

            /// The instrument it belongs to.
            pub fn instrument(&self) -> $name {
                $name { core: Arc::clone(&self.core) }
            }
        }

        $(#[$make_doc])*
        pub fn $make(name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<$name> {
            $name::builder(0, name.into())
        }
    };
}

macro_rules! observable {
    ($($name:ident)*) => {
        $(impl sealed::Report for $name {
            #[allow(private_interfaces, reason = "only this crate calls it")]
            fn report(&self, round: &Round, value: f64, labels: &[(&str, Value<'_>)]) {
                self.core.observe(round, value, labels);
            }
        }

        impl Observable for $name {})*
    };
}
observable!(Counter UpDownCounter Gauge);

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
    counter, Sum, |identity| SumShape { monotonic: true }
}

instrument! {
    /// Adds up what comes and goes: open connections, queued jobs.
    UpDownCounter,
    /// An up-down counter's series.
    BoundUpDownCounter,
    /// An up-down counter of this name.
    up_down_counter, Sum, |identity| SumShape { monotonic: false }
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
    gauge, Last, |_identity| ()
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
    histogram, Distribution, |identity| builder::histogram_shape(&identity)
}

instrument! {
    /// Tells quantiles of values, computed in the process: where a back end can't compute them from a histogram.
    ///
    /// A quantile is of everything since the start, within the relative error that was asked for.
    ///
    /// ```
    /// let size = tripod::metrics::summary("message_size").unit("By").quantiles(&[0.5, 0.99]).relative_error(0.01).build();
    /// (1..=1000).for_each(|bytes| size.record(f64::from(bytes), &[]));
    /// let median = size.quantile(0.5, &[]).unwrap();
    /// assert!((495.0..=505.0).contains(&median));
    /// ```
    Summary,
    /// A summary's series.
    BoundSummary,
    /// A summary of this name.
    summary, Sketch, |identity| builder::summary_shape(&identity)
}

impl Counter {
    /// Adds one.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn inc(&self, labels: &[(&str, Value<'_>)]) {
        self.add(1, labels);
    }

    /// Adds a whole number.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn add(&self, value: u64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |_, series| add_whole(series, value));
    }

    /// Adds a fraction; what is negative or no number is left out.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn add_f64(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |_, series| add_fraction(series, value));
    }

    /// The current total of a label set.
    pub fn get(&self, labels: &[(&str, Value<'_>)]) -> f64 {
        self.core.series(labels).numbers.get()
    }

    /// Has a total that is counted elsewhere reported at each collection, from the thread that collects.
    pub fn observe(&self, callback: impl Fn(&Observer<'_>) + Send + Sync + 'static) -> Observation {
        observable::observe(&self.core, callback)
    }
}

impl BoundCounter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds a whole number.
    #[inline]
    pub fn add(&self, value: u64) {
        self.with(|_, series| add_whole(series, value));
    }

    /// Adds a fraction; what is negative or no number is left out.
    #[inline]
    pub fn add_f64(&self, value: f64) {
        self.with(|_, series| add_fraction(series, value));
    }

    /// The current total.
    pub fn get(&self) -> f64 {
        self.series.numbers.get()
    }
}

#[inline]
fn add_whole(series: &Series<Sum>, value: u64) {
    series.numbers.add_whole(i64::try_from(value).unwrap_or(i64::MAX));
    series.numbers.offer_exemplar(value as f64);
}

#[inline]
fn add_fraction(series: &Series<Sum>, value: f64) {
    if value >= 0.0 && value.is_finite() {
        series.numbers.add(value);
        series.numbers.offer_exemplar(value);
    }
}

impl UpDownCounter {
    /// Adds a whole number, which may be negative.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn add(&self, value: i64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |_, series| series.numbers.add_whole(value));
    }

    /// Adds a fraction, which may be negative; what is no number is left out.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn add_f64(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        if value.is_finite() {
            self.with(labels, |_, series| series.numbers.add(value));
        }
    }

    /// The current total of a label set.
    pub fn get(&self, labels: &[(&str, Value<'_>)]) -> f64 {
        self.core.series(labels).numbers.get()
    }

    /// Has a total that is counted elsewhere reported at each collection, from the thread that collects.
    pub fn observe(&self, callback: impl Fn(&Observer<'_>) + Send + Sync + 'static) -> Observation {
        observable::observe(&self.core, callback)
    }
}

impl BoundUpDownCounter {
    /// Adds a whole number, which may be negative.
    #[inline]
    pub fn add(&self, value: i64) {
        self.with(|_, series| series.numbers.add_whole(value));
    }

    /// Adds a fraction, which may be negative; what is no number is left out.
    #[inline]
    pub fn add_f64(&self, value: f64) {
        if value.is_finite() {
            self.with(|_, series| series.numbers.add(value));
        }
    }

    /// The current total.
    pub fn get(&self) -> f64 {
        self.series.numbers.get()
    }
}

impl Gauge {
    /// Sets the value.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn set(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |_, series| series.numbers.set(value));
    }

    /// Adds one.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn inc(&self, labels: &[(&str, Value<'_>)]) {
        self.add(1.0, labels);
    }

    /// Takes one off.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn dec(&self, labels: &[(&str, Value<'_>)]) {
        self.add(-1.0, labels);
    }

    /// Adds to the value.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn add(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |_, series| series.numbers.add(value));
    }

    /// The current value of a label set.
    pub fn get(&self, labels: &[(&str, Value<'_>)]) -> f64 {
        self.core.series(labels).numbers.get()
    }

    /// Has the value asked for at each collection, from the thread that collects. Label sets that are not reported are not sent.
    ///
    /// ```
    /// let depth = tripod::gauge("queue_depth").build();
    /// let observation = depth.observe(|queue| queue.observe(17.0, tripod::labels!(name = "mail")));
    /// observation.unregister(); // or it is asked for as long as the process lives
    /// ```
    pub fn observe(&self, callback: impl Fn(&Observer<'_>) + Send + Sync + 'static) -> Observation {
        observable::observe(&self.core, callback)
    }
}

impl BoundGauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.with(|_, series| series.numbers.set(value));
    }

    /// Adds to the value.
    #[inline]
    pub fn add(&self, value: f64) {
        self.with(|_, series| series.numbers.add(value));
    }

    /// The current value.
    pub fn get(&self) -> f64 {
        self.series.numbers.get()
    }
}

impl Histogram {
    /// Records a measurement; what is no number is left out.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn record(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |stream, series| series.numbers.record(&stream.shape, value));
    }
}

impl BoundHistogram {
    /// Records a measurement; what is no number is left out.
    #[inline]
    pub fn record(&self, value: f64) {
        self.with(|stream, series| series.numbers.record(&stream.shape, value));
    }
}

impl Summary {
    /// Records a measurement; what is infinite or no number is left out.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the keys of the labels are constants where they are looked up")]
    pub fn record(&self, value: f64, labels: &[(&str, Value<'_>)]) {
        self.with(labels, |stream, series| series.numbers.record(&stream.shape, value));
    }

    /// The value that a share of the measurements of a label set does not exceed; `None` before the first.
    pub fn quantile(&self, quantile: f64, labels: &[(&str, Value<'_>)]) -> Option<f64> {
        let stream = self.core.stream();
        stream.series(labels).numbers.quantile(&stream.shape, quantile)
    }
}

impl BoundSummary {
    /// Records a measurement; what is infinite or no number is left out.
    #[inline]
    pub fn record(&self, value: f64) {
        self.with(|stream, series| series.numbers.record(&stream.shape, value));
    }
}
