//! Answers from documents: queries, what they find, and what comes from the cache.

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::COUNTS;
use crate::clock::Instant;
use crate::labels;

metric_set! {
    /// The metrics of retrieval.
    "rag" {
        queries: Counter = "rag_queries_total" [pipeline] "" "Queries";
        latency: Histogram = "rag_retrieval_latency_seconds" [pipeline] "s" "How long finding documents takes";
        documents: Histogram = "rag_documents_retrieved" [pipeline] "" "Documents found for a query" buckets COUNTS;
        cache_hits: Counter = "rag_cache_hits_total" [pipeline] "" "Queries answered from the cache";
        cache_misses: Counter = "rag_cache_misses_total" [pipeline] "" "Queries whose answer was not in the cache";
    }
}

/// A pipeline that answers queries from documents.
///
/// ```
/// let rag = tripod::catalog::rag::Rag::new("standard");
/// let query = rag.query();
/// query.cache_miss();
/// query.retrieved(12);
/// ```
#[derive(Clone)]
pub struct Rag {
    pipeline: Arc<str>,
    metrics: &'static Metrics,
}

impl Rag {
    /// The pipeline of this name.
    pub fn new(pipeline: impl Into<Arc<str>>) -> Self {
        Self { pipeline: pipeline.into(), metrics: Metrics::get() }
    }

    /// A query comes, and is counted. Only one that ends with [`Query::retrieved`] counts as a retrieval.
    pub fn query(&self) -> Query<'_> {
        self.metrics.queries.inc(labels!(pipeline = *self.pipeline));
        Query { rag: self, started: Instant::calibrated() }
    }
}

/// A query that is answered.
pub struct Query<'a> {
    rag: &'a Rag,
    started: Instant,
}

impl Query<'_> {
    /// The answer was in the cache: nothing is retrieved.
    pub fn cache_hit(self) {
        self.rag.metrics.cache_hits.inc(labels!(pipeline = *self.rag.pipeline));
    }

    /// The answer was not in the cache.
    pub fn cache_miss(&self) {
        self.rag.metrics.cache_misses.inc(labels!(pipeline = *self.rag.pipeline));
    }

    /// So many documents have been found.
    pub fn retrieved(self, documents: usize) {
        let Rag { pipeline, metrics } = self.rag;
        metrics.documents.record(documents as f64, labels!(pipeline = **pipeline));
        metrics.latency.record(self.started.seconds(), labels!(pipeline = **pipeline));
    }
}
