//! Label sets as types: a struct whose fields are the labels, so that a call can neither forget nor misspell one.

use std::marker::PhantomData;

use super::{
    BoundCounter, BoundGauge, BoundHistogram, BoundSummary, BoundUpDownCounter, Counter, Gauge, Histogram, Summary,
    UpDownCounter,
};
use crate::Value;

/// A label set as a struct; derive it by [`macro@crate::Labels`].
///
/// ```
/// use tripod::{LabelValue, Labels, metrics::Typed};
///
/// #[derive(LabelValue)]
/// enum Method { Get, Post }
///
/// #[derive(Labels)]
/// struct HttpLabels<'a> {
///     method: Method,
///     #[label(rename = "http.route")]
///     route: &'a str,
///     status: u16,
///     user: Option<&'a str>, // left out when it is None
/// }
///
/// let requests: Typed<_, HttpLabels> = tripod::counter("typed_requests_total").build().typed();
/// let route = String::from("/orders");
/// requests.add(1, &HttpLabels { method: Method::Post, route: &route, status: 201, user: None });
/// # let same = tripod::labels!("http.route" = "/orders", method = "post", status = 201);
/// # assert_eq!(tripod::counter("typed_requests_total").build().get(same), 1.0);
/// # let _ = Method::Get;
/// ```
pub trait Labels {
    /// This type, its references living as long as `'a`: a handle kept in a static takes labels that are borrowed for a moment.
    type Of<'a>: Labels;

    /// The keys of its labels, in order.
    const KEYS: &'static [&'static str];

    /// Calls `then` with the labels.
    fn with<R>(&self, then: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R;
}

/// An instrument whose label sets are `L`s; made by `typed` of the instrument. It costs what the instrument costs.
pub struct Typed<I, L> {
    instrument: I,
    labels: PhantomData<fn(L)>,
}

impl<I: Clone, L> Clone for Typed<I, L> {
    fn clone(&self) -> Self {
        Self { instrument: self.instrument.clone(), labels: PhantomData }
    }
}

impl<I, L> Typed<I, L> {
    /// The instrument, for what has labels of no type.
    pub fn instrument(&self) -> &I {
        &self.instrument
    }
}

macro_rules! typed {
    ($($instrument:ident $bound:ident { $($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty)?) $(-> $result:ty)?;)* })*) => {
        $(impl $instrument {
            /// The same instrument for labels of a type.
            pub fn typed<L: Labels>(&self) -> Typed<Self, L> {
                Typed { instrument: self.clone(), labels: PhantomData }
            }
        }

        impl<L: Labels> Typed<$instrument, L> {
            $($(#[$doc])*
            #[inline]
            pub fn $name(&self, $($argument: $type,)? labels: &L::Of<'_>) $(-> $result)? {
                labels.with(|labels| self.instrument.$name($($argument,)? labels))
            })*

            /// Finds the series of a label set once, for who records into it often.
            pub fn bind(&self, labels: &L::Of<'_>) -> $bound {
                labels.with(|labels| self.instrument.bind(labels))
            }
        })*
    };
}

typed! {
    Counter BoundCounter {
        /// Adds one.
        fn inc();
        /// Adds a whole number.
        fn add(value: u64);
        /// Adds a fraction; what is negative or no number is left out.
        fn add_f64(value: f64);
        /// The current total of a label set.
        fn get() -> f64;
    }
    UpDownCounter BoundUpDownCounter {
        /// Adds a whole number, which may be negative.
        fn add(value: i64);
        /// Adds a fraction, which may be negative; what is no number is left out.
        fn add_f64(value: f64);
        /// The current total of a label set.
        fn get() -> f64;
    }
    Gauge BoundGauge {
        /// Sets the value.
        fn set(value: f64);
        /// Adds one.
        fn inc();
        /// Takes one off.
        fn dec();
        /// Adds to the value.
        fn add(value: f64);
        /// The current value of a label set.
        fn get() -> f64;
    }
    Histogram BoundHistogram {
        /// Records a measurement; what is no number is left out.
        fn record(value: f64);
    }
    Summary BoundSummary {
        /// Records a measurement; what is no number is left out.
        fn record(value: f64);
    }
}
