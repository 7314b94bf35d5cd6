//! Which measurements may become exemplars: a flag for the process.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::context::stack;

/// Which measurements may become exemplars; the names are those of `OTEL_METRICS_EXEMPLAR_FILTER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ExemplarFilter {
    /// `trace_based`: those taken in a sampled span.
    #[default]
    TraceBased,
    /// `always_on`: all.
    AlwaysOn,
    /// `always_off`: none.
    AlwaysOff,
}

static FILTER: AtomicU8 = AtomicU8::new(ExemplarFilter::TraceBased as u8);

impl ExemplarFilter {
    pub(crate) const ALLOWED: &str = "must be trace_based, always_on or always_off";

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "trace_based" => Some(Self::TraceBased),
            "always_on" => Some(Self::AlwaysOn),
            "always_off" => Some(Self::AlwaysOff),
            _ => None,
        }
    }

    /// Makes it the filter of all measurements from now on.
    pub(crate) fn put_in_force(self) {
        FILTER.store(self as u8, Ordering::Relaxed);
    }

    /// Whether also those outside of any span may.
    pub(super) fn takes_all() -> bool {
        FILTER.load(Ordering::Relaxed) == Self::AlwaysOn as u8
    }

    /// Whether a measurement taken now may become one.
    #[inline]
    pub(super) fn lets_through() -> bool {
        const TRACE_BASED: u8 = ExemplarFilter::TraceBased as u8;
        match FILTER.load(Ordering::Relaxed) {
            TRACE_BASED => stack::is_sampled(),
            filter => filter == Self::AlwaysOn as u8,
        }
    }
}
