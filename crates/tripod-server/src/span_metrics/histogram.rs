//! Durations in buckets, with an example of each bucket now and then.

use tripod_wire::{SpanId, TraceId};

/// Upper bounds of the buckets, in nanoseconds: those of the connectors.
const BOUNDS: [u64; 16] = [
    2_000_000,
    4_000_000,
    6_000_000,
    8_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    400_000_000,
    800_000_000,
    1_000_000_000,
    1_400_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
    15_000_000_000,
];

/// Buckets: one a bound, and one for what is beyond.
pub(super) const BUCKETS: usize = BOUNDS.len() + 1;

/// The bounds as `le`, in milliseconds and in seconds.
pub(super) const MILLISECONDS: [&str; BUCKETS] = [
    "2", "4", "6", "8", "10", "50", "100", "200", "400", "800", "1000", "1400", "2000", "5000", "10000", "15000",
    "+Inf",
];
pub(super) const SECONDS: [&str; BUCKETS] = [
    "0.002", "0.004", "0.006", "0.008", "0.01", "0.05", "0.1", "0.2", "0.4", "0.8", "1", "1.4", "2", "5", "10", "15",
    "+Inf",
];

/// The bucket of a duration.
pub(super) fn bucket(nanos: u64) -> usize {
    BOUNDS.partition_point(|bound| *bound < nanos)
}

/// How many durations there were of each bucket (not cumulated), and all of them together.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Histogram {
    pub(super) buckets: [u64; BUCKETS],
    pub(super) nanos: u128,
}

impl Histogram {
    pub(super) fn add(&mut self, nanos: u64) {
        self.buckets[bucket(nanos)] += 1;
        self.nanos += u128::from(nanos);
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(count, more)| *count += more);
        self.nanos += other.nanos;
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// A span that stands for its bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) nanos: u64,
    /// When it ended, milliseconds since the Unix epoch.
    pub(super) time: i64,
}

/// The last span of each bucket.
pub(super) type Examples = [Option<Example>; BUCKETS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let buckets = [0, 2_000_000, 2_000_001, 15_000_000_000, 15_000_000_001, u64::MAX].map(bucket);
        assert_eq!(buckets, [0, 0, 1, 15, 16, 16]);
    }

    #[test]
    fn bounds_are_written_as_they_are() {
        for (at, bound) in BOUNDS.iter().enumerate() {
            assert_eq!(MILLISECONDS[at].parse(), Ok(*bound as f64 / 1e6));
            assert_eq!(SECONDS[at].parse(), Ok(*bound as f64 / 1e9));
        }
    }
}
