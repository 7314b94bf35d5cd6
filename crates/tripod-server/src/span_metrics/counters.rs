//! What the metrics of spans say about themselves.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tripod_wire::prometheus::text::{Exposition, Family, FamilyKind, Sample};

/// Counters of the server's own metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    series: AtomicUsize,
    overflow: AtomicU64,
    pairs: AtomicU64,
    unpaired: AtomicU64,
    failures: AtomicU64,
}

impl Counters {
    /// How many series there are.
    pub(super) fn set_series(&self, series: usize) {
        self.series.store(series, Ordering::Relaxed);
    }

    /// Spans and calls that were counted with all others, as there are too many groups.
    pub(super) fn overflow(&self, more: u64) {
        self.overflow.fetch_add(more, Ordering::Relaxed);
    }

    /// Calls between services that became whole.
    pub(super) fn pairs(&self, more: u64) {
        self.pairs.fetch_add(more, Ordering::Relaxed);
    }

    /// Spans of one side of a call whose other side did not come.
    pub(super) fn unpaired(&self, more: u64) {
        self.unpaired.fetch_add(more, Ordering::Relaxed);
    }

    /// A write failed.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn overflown(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }

    /// Adds all of it to a page.
    pub(crate) fn text(&self, page: &mut Exposition) {
        let series = self.series.load(Ordering::Relaxed) as u64;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            ("tripod_span_metrics_series", FamilyKind::Gauge, "Series of the metrics of spans.", series),
            (
                "tripod_span_metrics_overflow_total",
                FamilyKind::Counter,
                "Spans and calls that are in no series of their own, as there are too many.",
                of(&self.overflow),
            ),
            (
                "tripod_span_metrics_calls_total",
                FamilyKind::Counter,
                "Calls between services of which both sides came.",
                of(&self.pairs),
            ),
            (
                "tripod_span_metrics_unpaired_total",
                FamilyKind::Counter,
                "Spans of one side of a call whose other side did not come in time.",
                of(&self.unpaired),
            ),
            (
                "tripod_span_metrics_failures_total",
                FamilyKind::Counter,
                "Writes of the metrics of spans that failed and were tried again.",
                of(&self.failures),
            ),
        ] {
            let mut family = page.family(&Family { name, kind, help, unit: "" });
            family.sample(&Sample { value: value as f64, ..Sample::default() });
        }
    }
}
