//! Spans of the embedded store.

use std::ops::ControlFlow;

use tripod_wire::TraceId;

use super::Embedded;
use crate::engine::RecordKind;
use crate::{
    Appended, AttributeKey, AttributeValue, Dependency, Operation, ServiceStats, SpanOutline, SpanSample, SpanStore,
    StoreError, Trace, TraceQuery, TraceSummaries, Window,
};

impl SpanStore for Embedded {
    fn append_spans(&self, request: &[u8]) -> Result<Appended, StoreError> {
        self.engine.append(&self.spans, RecordKind::Spans, request)
    }

    fn append_spans_seen(&self, request: &[u8], see: &mut dyn FnMut(&SpanOutline<'_>)) -> Result<Appended, StoreError> {
        self.engine.append_seen(&self.spans, RecordKind::Spans, request, |batch| batch.each_outline(see))
    }

    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StoreError> {
        self.spans.signal.trace(&self.spans.view(), id)
    }

    fn find_traces(&self, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
        self.spans.signal.find_traces(&self.spans.view(), query)
    }

    fn visit_traces(
        &self,
        query: &TraceQuery,
        visit: &mut dyn FnMut(Trace) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.spans.signal.visit_traces(&self.spans.view(), query, visit)
    }

    fn sample_spans(&self, query: &TraceQuery) -> Result<SpanSample, StoreError> {
        self.spans.signal.sample_spans(&self.spans.view(), query)
    }

    fn summarize_traces(&self, query: &TraceQuery) -> Result<TraceSummaries, StoreError> {
        self.spans.signal.summarize_traces(&self.spans.view(), query)
    }

    fn services(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.spans.signal.services(&self.spans.view()))
    }

    fn operations(&self, service: &str) -> Result<Vec<Operation>, StoreError> {
        Ok(self.spans.signal.operations(&self.spans.view(), service))
    }

    fn service_stats(&self, window: Window, steps: usize) -> Result<Vec<ServiceStats>, StoreError> {
        self.spans.signal.service_stats(&self.spans.view(), window, steps)
    }

    fn dependencies(&self, window: Window) -> Result<Vec<Dependency>, StoreError> {
        self.spans.signal.dependencies(&self.spans.view(), window)
    }

    fn attribute_keys(&self) -> Result<Vec<AttributeKey>, StoreError> {
        Ok(self.spans.signal.attribute_keys(&self.spans.view()))
    }

    fn resource_keys(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.spans.signal.resource_keys(&self.spans.view()))
    }

    fn attribute_values(&self, key: &str, prefix: &str, limit: usize) -> Result<Vec<AttributeValue>, StoreError> {
        self.spans.signal.attribute_values(&self.spans.view(), key, prefix, limit)
    }
}
