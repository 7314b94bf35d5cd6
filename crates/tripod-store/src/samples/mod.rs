//! Samples and exemplars by series: batches out of a request's bytes, memory tables, parts, queries.
//!
//! Memory tables name a series by a number of the registry, which holds its labels; parts have their labels in them. A query
//! asks memory tables and parts with the same [`Selector`] and lets their answers come together by labels, samples as a stream
//! ([`scan`]), the rest at once ([`gather`]): the oldest source first, so that of equal times what was written later stays. Of parts the order is that of their data: a part
//! merged of others stands where its newest input stood.
//!
//! A day has up to two parts, of kinds [`SAMPLES`] and [`EXEMPLARS`]; metadata of metric families stands in parts of samples.

mod batch;
pub(crate) mod codec;
mod flush;
pub(crate) mod gather;
mod limits;
pub(crate) mod matchers;
mod memory;
pub(crate) mod part;
mod query;
mod registry;
mod remote_write;
mod scan;
mod signal;

use std::sync::Arc;

pub(crate) use self::gather::Gathered;
pub(crate) use self::limits::Limits;
pub(crate) use self::matchers::{LabelMatcher, Selector, Values};
pub(crate) use self::signal::Samples;
use crate::engine::PartMeta;
use crate::{Exemplar, MetricKind, NativeHistogram};

/// The kinds of metrics by their number on disk.
pub(crate) const METRIC_KINDS: [MetricKind; 6] = [
    MetricKind::Unknown,
    MetricKind::Counter,
    MetricKind::Gauge,
    MetricKind::Histogram,
    MetricKind::Summary,
    MetricKind::Info,
];

/// The kind of a part with samples and metadata.
pub(crate) const SAMPLES: &str = "samples";
/// The kind of a part with exemplars.
pub(crate) const EXEMPLARS: &str = "exemplars";

/// So many exemplars of a series are kept in a memory table or part: the newest ones.
pub(crate) const EXEMPLARS_PER_SERIES: usize = 64;

/// A series on its way into a part: within one day, sorted by time, each time once. Series come sorted by labels, as
/// [`Labels`](crate::Labels) are compared: pair by pair, name before value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeriesRows<'a> {
    /// Sorted by name.
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) floats: &'a [(i64, f64)],
    pub(crate) histograms: &'a [(i64, Arc<NativeHistogram>)],
}

/// Exemplars of a series on their way into a part: within one day, sorted by time, each once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExemplarRows<'a> {
    /// Sorted by name.
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) exemplars: &'a [Exemplar],
}

/// Milliseconds since the Unix epoch as the engine counts time: what is earlier than the epoch counts as it, what is later
/// than nanoseconds can say as the last one.
pub(crate) fn nanos(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
}

/// The day of a time in milliseconds, as parts are cut.
pub(crate) fn day(millis: i64) -> u64 {
    PartMeta::day_of(nanos(millis))
}

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
