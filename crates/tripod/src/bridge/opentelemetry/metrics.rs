//! Metrics: OpenTelemetry's instruments, which are Tripod's.
//!
//! A measurement is one dynamic call and then that of Tripod's own instrument; attributes are borrowed.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use ::opentelemetry::metrics::{
    self as api, AsyncInstrument, AsyncInstrumentBuilder, Callback, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, Meter, ObservableCounter, ObservableGauge, ObservableUpDownCounter, SyncInstrument,
};
use ::opentelemetry::{InstrumentationScope, KeyValue};

use super::convert::with_attributes;
use crate::context::otel;
use crate::metrics::Observer;
use crate::{Counter, Gauge, Histogram, UpDownCounter, metrics};

/// Makes meters; [`super::init`] makes it the global one.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MeterProvider {}

impl MeterProvider {
    /// A provider of meters. All are the same: what is recorded goes to the telemetry that runs.
    pub fn new() -> Self {
        otel::install();
        Self {}
    }
}

impl api::MeterProvider for MeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(Instruments { scope: super::scope_number(&scope) }))
    }
}

struct Instruments {
    scope: u16,
}

/// What describes an instrument, whatever its kind.
struct Described {
    name: Cow<'static, str>,
    description: Option<Cow<'static, str>>,
    unit: Option<Cow<'static, str>>,
}

impl Described {
    fn apply<I>(self, make: fn(u16, Cow<'static, str>) -> metrics::InstrumentBuilder<I>, scope: u16) -> Builder<I> {
        let builder = make(scope, self.name);
        builder.description(self.description.unwrap_or_default()).unit(self.unit.unwrap_or_default())
    }
}

type Builder<I> = metrics::InstrumentBuilder<I>;

macro_rules! described {
    ($builder:expr) => {
        Described { name: $builder.name, description: $builder.description, unit: $builder.unit }
    };
}

impl Instruments {
    fn counter(&self, of: Described) -> Counter {
        of.apply(Counter::builder, self.scope).build()
    }

    fn up_down_counter(&self, of: Described) -> UpDownCounter {
        of.apply(UpDownCounter::builder, self.scope).build()
    }

    fn gauge(&self, of: Described) -> Gauge {
        of.apply(Gauge::builder, self.scope).build()
    }

    fn histogram(&self, of: Described, boundaries: Option<Vec<f64>>) -> Histogram {
        let builder = of.apply(Histogram::builder, self.scope);
        match boundaries {
            Some(bounds) => builder.buckets(&bounds).build(),
            None => builder.build(),
        }
    }
}

/// One of Tripod's instruments as one of OpenTelemetry's.
struct Instrument<I>(I);

macro_rules! measure {
    ($($instrument:ty, $number:ty, |$to:ident, $value:ident, $labels:ident| $record:expr;)*) => {
        $(impl SyncInstrument<$number> for Instrument<$instrument> {
            fn measure(&self, $value: $number, attributes: &[KeyValue]) {
                let $to = &self.0;
                with_attributes(attributes, |$labels| $record);
            }
        })*
    };
}

measure! {
    Counter, u64, |to, value, labels| to.add(value, labels);
    Counter, f64, |to, value, labels| to.add_f64(value, labels);
    UpDownCounter, i64, |to, value, labels| to.add(value, labels);
    UpDownCounter, f64, |to, value, labels| to.add_f64(value, labels);
    Gauge, u64, |to, value, labels| to.set(value as f64, labels);
    Gauge, i64, |to, value, labels| to.set(value as f64, labels);
    Gauge, f64, |to, value, labels| to.set(value, labels);
    Histogram, u64, |to, value, labels| to.record(value as f64, labels);
    Histogram, f64, |to, value, labels| to.record(value, labels);
}

/// What one callback reported. Its interface may be called from any thread, Tripod's observer only from its own.
struct Reported<T>(Mutex<Vec<(T, Vec<KeyValue>)>>);

impl<T: Send> AsyncInstrument<T> for Reported<T> {
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((measurement, attributes.to_vec()));
    }
}

/// OpenTelemetry's callback as one of Tripod's.
fn observed<T: Send + 'static>(
    callback: Callback<T>,
    to_f64: fn(T) -> f64,
) -> impl Fn(&Observer<'_>) + Send + Sync + 'static {
    move |observer| {
        let reported = Reported(Mutex::default());
        callback(&reported);
        for (value, attributes) in reported.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            with_attributes(&attributes, |labels| observer.observe(to_f64(value), labels));
        }
    }
}

macro_rules! sync_instruments {
    ($($method:ident: $instrument:ident<$number:ty> as $made:ident;)*) => {
        $(fn $method(&self, builder: InstrumentBuilder<'_, api::$instrument<$number>>) -> api::$instrument<$number> {
            api::$instrument::new(Arc::new(Instrument(self.$made(described!(builder)))))
        })*
    };
}

macro_rules! observable_instruments {
    ($($method:ident: $instrument:ident<$number:ty> as $made:ident;)*) => {
        $(fn $method(
            &self,
            builder: AsyncInstrumentBuilder<'_, $instrument<$number>, $number>,
        ) -> $instrument<$number> {
            let made = self.$made(described!(builder));
            for callback in builder.callbacks {
                made.observe(observed(callback, |value| value as f64));
            }
            $instrument::new()
        })*
    };
}

macro_rules! histograms {
    ($($method:ident: $number:ty;)*) => {
        $(fn $method(&self, builder: HistogramBuilder<'_, api::Histogram<$number>>) -> api::Histogram<$number> {
            let boundaries = builder.boundaries;
            api::Histogram::new(Arc::new(Instrument(self.histogram(described!(builder), boundaries))))
        })*
    };
}

impl InstrumentProvider for Instruments {
    sync_instruments! {
        u64_counter: Counter<u64> as counter;
        f64_counter: Counter<f64> as counter;
        i64_up_down_counter: UpDownCounter<i64> as up_down_counter;
        f64_up_down_counter: UpDownCounter<f64> as up_down_counter;
        u64_gauge: Gauge<u64> as gauge;
        i64_gauge: Gauge<i64> as gauge;
        f64_gauge: Gauge<f64> as gauge;
    }

    observable_instruments! {
        u64_observable_counter: ObservableCounter<u64> as counter;
        f64_observable_counter: ObservableCounter<f64> as counter;
        i64_observable_up_down_counter: ObservableUpDownCounter<i64> as up_down_counter;
        f64_observable_up_down_counter: ObservableUpDownCounter<f64> as up_down_counter;
        u64_observable_gauge: ObservableGauge<u64> as gauge;
        i64_observable_gauge: ObservableGauge<i64> as gauge;
        f64_observable_gauge: ObservableGauge<f64> as gauge;
    }

    histograms! {
        u64_histogram: u64;
        f64_histogram: f64;
    }
}
