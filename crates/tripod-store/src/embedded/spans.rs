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
        self.spans.ask(self.ground(), |spans, view| spans.trace(view, id))
    }

    fn find_traces(&self, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
        self.spans.ask(self.ground(), |spans, view| spans.find_traces(view, query))
    }

    fn visit_traces(
        &self,
        query: &TraceQuery,
        visit: &mut dyn FnMut(Trace) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut begun = false;
        loop {
            let view = self.spans.view();
            let visited = self.spans.signal.visit_traces(&view, query, &mut |trace| {
                begun = true;
                visit(trace)
            });
            match visited {
                // What was visited can't be taken back: then it is an error, and who asks again is answered.
                Err(error) if self.spans.set_aside_culprit(self.ground(), &view, &error)? && !begun => {}
                visited => return visited,
            }
        }
    }

    fn sample_spans(&self, query: &TraceQuery) -> Result<SpanSample, StoreError> {
        self.spans.ask(self.ground(), |spans, view| spans.sample_spans(view, query))
    }

    fn summarize_traces(&self, query: &TraceQuery) -> Result<TraceSummaries, StoreError> {
        self.spans.ask(self.ground(), |spans, view| spans.summarize_traces(view, query))
    }

    fn services(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.spans.signal.services(&self.spans.view()))
    }

    fn operations(&self, service: &str) -> Result<Vec<Operation>, StoreError> {
        Ok(self.spans.signal.operations(&self.spans.view(), service))
    }

    fn service_stats(&self, window: Window, steps: usize) -> Result<Vec<ServiceStats>, StoreError> {
        self.spans.ask(self.ground(), |spans, view| spans.service_stats(view, window, steps))
    }

    fn dependencies(&self, window: Window) -> Result<Vec<Dependency>, StoreError> {
        self.spans.ask(self.ground(), |spans, view| spans.dependencies(view, window))
    }

    fn attribute_keys(&self) -> Result<Vec<AttributeKey>, StoreError> {
        Ok(self.spans.signal.attribute_keys(&self.spans.view()))
    }

    fn resource_keys(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.spans.signal.resource_keys(&self.spans.view()))
    }

    fn attribute_values(&self, key: &str, prefix: &str, limit: usize) -> Result<Vec<AttributeValue>, StoreError> {
        self.spans.ask(self.ground(), |spans, view| spans.attribute_values(view, key, prefix, limit))
    }
}
