//! What makes instruments.

use std::borrow::Cow;
use std::sync::Arc;

use super::aggregate::Aggregate;
use super::core::Core;
use super::distribution::Buckets;
use super::histogram::Bounds;
use super::instrument::Summary;
use super::kind::{Aggregation, Identity, InstrumentKind};
use super::say::say_once;
use super::summary::Quantiles;
use super::{Histogram, registry};
use crate::Error;

/// Describes an instrument about to be made.
#[must_use = "an instrument is made by `build`"]
pub struct InstrumentBuilder<I> {
    identity: Identity,
    make: fn(Identity, Strict) -> Result<I, Error>,
}

/// Whether an instrument that can't be had under its name is an error, or kept apart.
pub(crate) type Strict = bool;

impl<I> InstrumentBuilder<I> {
    pub(crate) fn new(
        scope: u16,
        name: Cow<'static, str>,
        kind: InstrumentKind,
        make: fn(Identity, Strict) -> Result<I, Error>,
    ) -> Self {
        let (name, description, unit) = (name.into_owned(), String::new(), String::new());
        let identity =
            Identity { scope, name, kind, description, unit, labels: None, aggregation: None, max_series: None };
        Self { identity, make }
    }

    /// What it measures, a sentence.
    pub fn description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.identity.description = description.into().into_owned();
        self
    }

    /// In what unit, by UCUM: `s`, `By`, `{request}`.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.identity.unit = unit.into().into_owned();
        self
    }

    /// The labels it may have; any without this. Others are left out, and counted in [`super::cardinality`].
    pub fn labels<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.identity.labels = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Label sets it keeps apart, unless a view says otherwise; [`super::MAX_SERIES`] by default.
    pub fn max_series(mut self, series: usize) -> Self {
        self.identity.max_series = Some(series);
        self
    }

    /// Makes the instrument, or gives the one that has this name already.
    ///
    /// This never fails: if that one is another kind, or has other labels or buckets, or if the name is not allowed, the new one works
    /// but is not sent, and a line on stderr says so once. If only description or unit differ, those given first
    /// stay; what was left open may come later.
    pub fn build(self) -> I {
        (self.make)(self.identity, false).unwrap_or_else(|_| unreachable!("only strict making fails"))
    }

    /// As [`InstrumentBuilder::build`], for who wants to know.
    ///
    /// # Errors
    /// [`Error::MetricName`] says what names are allowed, [`Error::MetricConflict`] what has this name already,
    /// [`Error::TooManyMetrics`] how many there may be.
    pub fn try_build(self) -> Result<I, Error> {
        (self.make)(self.identity, true)
    }
}

/// The instrument's inside, from the registry, or apart where it can't be and `strict` does not forbid it.
pub(crate) fn make<A: Aggregate>(identity: Identity, shape: A::Shape, strict: Strict) -> Result<Arc<Core<A>>, Error> {
    match registry::get_or_insert(identity.clone(), shape.clone()) {
        Err(error) if !strict => {
            say_once(&format_args!("{error}; it is not sent"));
            Ok(registry::apart(identity, shape))
        }
        made => made,
    }
}

impl InstrumentBuilder<Histogram> {
    /// The upper bounds of the buckets, each belonging to the bucket below it. Without them: seconds' bounds (0.005 to 10) when the
    /// unit is `s` or the name ends in `_seconds`, else milliseconds' (5 to 10,000).
    pub fn buckets(mut self, bounds: &[f64]) -> Self {
        self.identity.aggregation = Some(Aggregation::Explicit(bounds.to_vec()));
        self
    }

    /// Exponential buckets, which find their own bounds: at most `max_size` for positive values and as many for negative ones, at the
    /// finest scale at which they fit. The specification's default is 160.
    pub fn exponential_buckets(mut self, max_size: u32) -> Self {
        self.identity.aggregation = Some(Aggregation::Exponential { max_size });
        self
    }
}

/// How a histogram's series are kept, as the code says it.
pub(crate) fn histogram_shape(identity: &Identity) -> Buckets {
    identity.aggregation.as_ref().and_then(Buckets::of).unwrap_or_else(|| {
        let seconds = identity.unit == "s" || identity.name.ends_with("_seconds");
        Buckets::Explicit(Bounds::new(if seconds { &Bounds::SECONDS } else { &Bounds::MILLIS }))
    })
}

impl InstrumentBuilder<Summary> {
    /// The quantiles that are reported, from 0 to 1; the median, 0.9 and 0.99 without this.
    pub fn quantiles(self, wanted: &[f64]) -> Self {
        self.sketch(|quantiles, _| *quantiles = wanted.to_vec())
    }

    /// How far a quantile's value may be from the exact one, as a share of that: from 0.001 to 0.3; 0.01 without this. It holds for as
    /// long as the largest magnitude is at most 2^32 times the smallest.
    pub fn relative_error(self, wanted: f64) -> Self {
        self.sketch(|_, relative_error| *relative_error = wanted)
    }

    fn sketch(mut self, change: impl FnOnce(&mut Vec<f64>, &mut f64)) -> Self {
        let (mut quantiles, mut relative_error) = match self.identity.aggregation {
            Some(Aggregation::Quantiles { quantiles, relative_error }) => (quantiles, relative_error),
            _ => (Quantiles::DEFAULT.to_vec(), Quantiles::DEFAULT_ERROR),
        };
        change(&mut quantiles, &mut relative_error);
        self.identity.aggregation = Some(Aggregation::Quantiles { quantiles, relative_error });
        self
    }
}

/// What a summary's series keep, as the code says it.
pub(crate) fn summary_shape(identity: &Identity) -> Quantiles {
    match &identity.aggregation {
        Some(Aggregation::Quantiles { quantiles, relative_error }) => Quantiles::new(quantiles, *relative_error),
        _ => Quantiles::new(&Quantiles::DEFAULT, Quantiles::DEFAULT_ERROR),
    }
}
