//! Caches: what is found in them and what is not.

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::Timer;
use crate::labels;

metric_set! {
    /// The metrics of caches.
    "cache" {
        hits: Counter = "cache_hits_total" [cache_name] "" "What was found in a cache";
        misses: Counter = "cache_misses_total" [cache_name] "" "What was not found in a cache";
        duration: Histogram = "cache_lookup_duration_seconds" [cache_name] "s" "How long looking something up takes, found or not" buckets LOOKUP;
    }
}

/// Bounds in seconds for caches in memory and for those behind a network.
const LOOKUP: [f64; 10] = [0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// A cache.
///
/// ```
/// let embeddings = tripod::catalog::cache::Cache::new("embedding_cache");
/// # let found = Some(1);
/// match found {
///     Some(_) => embeddings.hit(),
///     None => embeddings.miss(),
/// }
/// ```
#[derive(Clone)]
pub struct Cache {
    name: Arc<str>,
    metrics: &'static Metrics,
}

impl Cache {
    /// The cache of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), metrics: Metrics::get() }
    }

    /// Something is looked up, until the timer is stopped or dropped.
    pub fn lookup(&self) -> Timer<'_> {
        Timer::start(&self.metrics.duration, Some(("cache_name", &*self.name)))
    }

    /// Something was found.
    pub fn hit(&self) {
        self.metrics.hits.inc(labels!(cache_name = *self.name));
    }

    /// Something was not found.
    pub fn miss(&self) {
        self.metrics.misses.inc(labels!(cache_name = *self.name));
    }
}
