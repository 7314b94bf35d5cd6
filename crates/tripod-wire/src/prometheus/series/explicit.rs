//! Histograms over explicit buckets.

use super::MAX_PARTS;
use crate::otlp::metrics::HistogramDataPoint;

/// A histogram over explicit buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct Explicit {
    /// Upper bounds, inclusive, ascending; the last bucket has none.
    pub bounds: Vec<f64>,
    /// Measurements a bucket, one more than bounds, not cumulated.
    pub buckets: Vec<u64>,
    /// The sum of what was measured.
    pub sum: Option<f64>,
    /// How many were measured.
    pub count: u64,
}

impl Explicit {
    /// What a point says; without buckets, all is in the one without a bound.
    pub(super) fn of(point: &HistogramDataPoint) -> Self {
        let buckets = if point.bucket_counts.is_empty() { vec![point.count] } else { point.bucket_counts.clone() };
        Self { bounds: point.explicit_bounds.clone(), buckets, sum: point.sum, count: point.count }
    }

    /// Measurements up to each bound; all of them at the last.
    pub(super) fn cumulated(&self) -> Vec<f64> {
        let mut below = 0_u64;
        let mut cumulated: Vec<f64> = Vec::with_capacity(self.buckets.len());
        for count in &self.buckets {
            below = below.saturating_add(*count);
            cumulated.push(below as f64);
        }
        if let Some(last) = cumulated.last_mut() {
            *last = self.count as f64;
        }
        cumulated
    }

    /// Adds what another one counted, of the same bounds.
    pub fn add(&mut self, delta: &Self) {
        for (total, more) in self.buckets.iter_mut().zip(&delta.buckets) {
            *total = total.saturating_add(*more);
        }
        self.count = self.count.saturating_add(delta.count);
        self.sum = self.sum.zip(delta.sum).map(|(a, b)| a + b);
    }
}

/// Refuses what is no histogram.
pub(super) fn check(point: &HistogramDataPoint, stale: bool) -> Result<(), String> {
    let (counts, bounds) = (point.bucket_counts.len(), point.explicit_bounds.len());
    if counts > MAX_PARTS || bounds > MAX_PARTS {
        return Err(format!("{} buckets are more than {MAX_PARTS}", counts.max(bounds)));
    }
    if counts != bounds + 1 && counts + bounds != 0 && !stale {
        return Err(format!("{counts} bucket counts do not fit {bounds} bounds: there must be one more"));
    }
    let ascending = point.explicit_bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || !point.explicit_bounds.iter().all(|bound| bound.is_finite()) {
        return Err("bucket bounds must be finite and ascending".to_owned());
    }
    Ok(())
}
