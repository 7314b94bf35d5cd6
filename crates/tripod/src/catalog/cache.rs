//! Caches: what is found in them and what is not.

use std::sync::Arc;

use super::set::metric_set;
use crate::labels;

metric_set! {
    /// The metrics of caches.
    "cache" {
        hits: Counter = "cache_hits_total" [cache_name] "" "What was found in a cache";
        misses: Counter = "cache_misses_total" [cache_name] "" "What was not found in a cache";
    }
}

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

    /// Something was found.
    pub fn hit(&self) {
        self.metrics.hits.inc(labels!(cache_name = *self.name));
    }

    /// Something was not found.
    pub fn miss(&self) {
        self.metrics.misses.inc(labels!(cache_name = *self.name));
    }
}
