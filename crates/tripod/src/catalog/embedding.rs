//! Embeddings: how many are made, and how long that takes.

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::{SECONDS_TO_MINUTES, UnderWay};
use crate::labels;

metric_set! {
    /// The metrics of embeddings.
    "embedding" {
        generated: Counter = "embeddings_generated_total" [provider, model] "" "Embeddings made";
        duration: Histogram = "embedding_generation_duration_seconds" [provider, model] "s" "How long making embeddings takes"
            buckets SECONDS_TO_MINUTES;
    }
}

/// A model that makes embeddings.
///
/// ```
/// let small = tripod::catalog::embedding::Embedding::new("openai", "text-embedding-3-small");
/// small.generation().generated(64);
/// ```
#[derive(Clone)]
pub struct Embedding {
    provider: Arc<str>,
    model: Arc<str>,
    metrics: &'static Metrics,
}

impl Embedding {
    /// This model of this provider.
    pub fn new(provider: impl Into<Arc<str>>, model: impl Into<Arc<str>>) -> Self {
        Self { provider: provider.into(), model: model.into(), metrics: Metrics::get() }
    }

    /// A call begins that makes some. Dropped, it has made none; the time it took is recorded.
    pub fn generation(&self) -> Generation<'_> {
        Generation { embedding: self, under_way: UnderWay::now() }
    }
}

/// A call that makes embeddings.
#[must_use = "a call that is dropped has made none"]
pub struct Generation<'a> {
    embedding: &'a Embedding,
    under_way: UnderWay,
}

impl Generation<'_> {
    /// It has made so many.
    pub fn generated(mut self, embeddings: u64) {
        self.end(embeddings);
    }

    fn end(&mut self, embeddings: u64) {
        let Some(took) = self.under_way.end() else { return };
        let Embedding { provider, model, metrics } = self.embedding;
        metrics.generated.add(embeddings, labels!(provider = **provider, model = **model));
        metrics.duration.record(took.as_secs_f64(), labels!(provider = **provider, model = **model));
    }
}

impl Drop for Generation<'_> {
    fn drop(&mut self) {
        self.end(0);
    }
}
