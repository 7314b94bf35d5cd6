//! What the bridges share that gather the metrics of another crate.

use std::time::SystemTime;

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::HistogramDataPoint;

/// Since when numbers are known, and when they were read.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// They may be older: Prometheus' crates do not say.
    pub(super) start: u64,
    pub(super) now: u64,
}

impl Times {
    pub(super) fn since(start: u64) -> Self {
        Self { start, now: unix_nanos_now() }
    }
}

pub(super) fn unix_nanos_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// A histogram's point. Prometheus's buckets count what is below them too, OTLP's do not; OTLP's last one has no bound.
pub(super) fn histogram_point(
    attributes: Vec<KeyValue>,
    buckets: impl IntoIterator<Item = (f64, u64)>,
    count: u64,
    sum: f64,
    times: Times,
) -> HistogramDataPoint {
    let (mut explicit_bounds, mut bucket_counts, mut below) = (Vec::new(), Vec::new(), 0);
    for (bound, cumulative) in buckets.into_iter().filter(|(bound, _)| bound.is_finite()) {
        explicit_bounds.push(bound);
        bucket_counts.push(cumulative.saturating_sub(below));
        below = cumulative;
    }
    bucket_counts.push(count.saturating_sub(below));
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count: bucket_counts.iter().sum(),
        sum: Some(sum),
        bucket_counts,
        explicit_bounds,
        ..Default::default()
    }
}
