//! Spans: from a request's bytes to columns, to parts, and back as traces, lists and numbers.
//!
//! A request is decoded straight into columns ([`decode`]), which are its block in the memory table ([`memory`]). A table is written as
//! blocks of rows sorted by trace ([`build`], [`block`]), traces by their first start. All queries look at blocks in one way
//! ([`blocks`]), wherever they are, and decode the columns that they need.

mod attributes;
mod block;
mod blocks;
mod build;
mod children;
mod decode;
mod dependencies;
mod fetch;
mod matching;
mod memory;
mod merge;
mod once;
mod operations;
mod outline;
mod parents;
mod rows;
mod sample;
#[cfg(test)]
mod samples;
mod search;
mod stats;
mod summaries;
#[cfg(test)]
mod tests;
mod traces;
mod write;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use tripod_wire::TraceId;

use self::decode::Batch;
use self::memory::Memory;
use self::operations::Operations;
use crate::engine::{Part, PartFile, PartSink, RecordKind, Signal, View};
use crate::records::{KnownContexts, RecordPart};
use crate::{
    Appended, AttributeKey, AttributeValue, Dependency, Operation, ServiceStats, SpanSample, StoreError, Trace,
    TraceQuery, TraceSummaries, Window,
};

/// The spans' side of the engine, and what they answer.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    /// How many parts have each operation.
    known: RwLock<Operations>,
    /// Who emitted what came lately.
    contexts: KnownContexts,
}

/// What is kept in memory of a part.
#[derive(Debug)]
pub(crate) struct SpanPart {
    records: RecordPart,
    operations: Operations,
}

impl SpanPart {
    /// Bytes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.records.memory() + self.operations.memory()
    }
}

impl Signal for Spans {
    const NAME: &'static str = "spans";

    type Batch = Batch;
    type Memory = Memory;
    type Part = SpanPart;

    fn decode(&self, _kind: RecordKind, payload: &[u8]) -> Result<Batch, StoreError> {
        Ok(Batch::decode(payload, &self.contexts)?)
    }

    fn takes(kind: RecordKind) -> bool {
        kind == RecordKind::Spans
    }

    fn appended(&self, batch: &Batch) -> Appended {
        batch.appended()
    }

    fn apply(&self, memory: &Memory, batch: Batch) {
        memory.apply(batch);
    }

    fn bytes(&self, memory: &Memory) -> usize {
        memory.bytes()
    }

    fn rows(&self, memory: &Memory) -> u64 {
        memory.rows()
    }

    fn write(&self, memory: &Memory, parts: &mut PartSink<'_>) -> Result<(), StoreError> {
        write::write(memory, parts)
    }

    fn open(&self, file: &PartFile) -> Result<SpanPart, StoreError> {
        let records = RecordPart::open(file)?;
        let operations = Operations::decode(records.summary())
            .map_err(|reason| file.damaged(0, format!("the list of operations: {reason}")))?;
        Ok(SpanPart { records, operations })
    }

    fn merge(&self, parts: &[Arc<Part<Self>>], merged: &mut PartSink<'_>) -> Result<(), StoreError> {
        merge::merge(parts, merged)
    }

    fn verify(&self, part: &Part<Self>) -> Result<(), StoreError> {
        part.inner.records.verify(&part.file)
    }

    fn part_bytes(&self, part: &SpanPart) -> usize {
        part.memory()
    }

    fn changed(&self, added: &[Arc<Part<Self>>], removed: &[Arc<Part<Self>>]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        added.iter().for_each(|part| known.add_all(&part.inner.operations));
        removed.iter().for_each(|part| known.remove_all(&part.inner.operations));
    }
}

/// What the store's contract asks; each answer is about the rows of one view.
#[expect(clippy::unused_self, reason = "all that is asked of spans is asked of the signal")]
impl Spans {
    /// See [`SpanStore::trace`](crate::SpanStore::trace).
    pub(crate) fn trace(&self, view: &View<Self>, id: TraceId) -> Result<Option<Trace>, StoreError> {
        traces::trace(view, id)
    }

    /// See [`SpanStore::find_traces`](crate::SpanStore::find_traces).
    pub(crate) fn find_traces(&self, view: &View<Self>, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
        traces::find(view, query)
    }

    /// See [`SpanStore::visit_traces`](crate::SpanStore::visit_traces).
    pub(crate) fn visit_traces(
        &self,
        view: &View<Self>,
        query: &TraceQuery,
        visit: &mut dyn FnMut(Trace) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        traces::visit(view, query, visit)
    }

    /// See [`SpanStore::sample_spans`](crate::SpanStore::sample_spans).
    pub(crate) fn sample_spans(&self, view: &View<Self>, query: &TraceQuery) -> Result<SpanSample, StoreError> {
        sample::sample(view, query)
    }

    /// See [`SpanStore::summarize_traces`](crate::SpanStore::summarize_traces).
    pub(crate) fn summarize_traces(&self, view: &View<Self>, query: &TraceQuery) -> Result<TraceSummaries, StoreError> {
        summaries::find(view, query)
    }

    /// See [`SpanStore::services`](crate::SpanStore::services).
    pub(crate) fn services(&self, view: &View<Self>) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut services: BTreeSet<String> = known.services().map(str::to_owned).collect();
        for memory in &view.memories {
            services.extend(memory.operations().services().map(str::to_owned));
        }
        services.into_iter().collect()
    }

    /// See [`SpanStore::operations`](crate::SpanStore::operations).
    pub(crate) fn operations(&self, view: &View<Self>, service: &str) -> Vec<Operation> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut operations: BTreeSet<Operation> = known.of(service).cloned().collect();
        for memory in &view.memories {
            operations.extend(memory.operations().of(service).cloned());
        }
        operations.into_iter().collect()
    }

    /// See [`SpanStore::service_stats`](crate::SpanStore::service_stats).
    pub(crate) fn service_stats(
        &self,
        view: &View<Self>,
        window: Window,
        steps: usize,
    ) -> Result<Vec<ServiceStats>, StoreError> {
        stats::stats(view, window, steps)
    }

    /// Which service calls which within a window, see [`Dependency`].
    pub(crate) fn dependencies(&self, view: &View<Self>, window: Window) -> Result<Vec<Dependency>, StoreError> {
        dependencies::dependencies(view, window)
    }

    /// The keys of attributes that spans, their events, resources and scopes have, sorted.
    pub(crate) fn attribute_keys(&self, view: &View<Self>) -> Vec<AttributeKey> {
        attributes::keys(view)
    }

    /// The keys of attributes that resources have, sorted.
    pub(crate) fn resource_keys(&self, view: &View<Self>) -> Vec<String> {
        attributes::of_resources(view)
    }

    /// The values of a key that begin with `prefix`, those that most spans have first. Of a key with very many values some are
    /// not among them.
    pub(crate) fn attribute_values(
        &self,
        view: &View<Self>,
        key: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<AttributeValue>, StoreError> {
        attributes::values(view, key, prefix, limit)
    }
}
