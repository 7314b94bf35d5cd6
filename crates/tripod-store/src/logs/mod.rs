//! Log records: how they are decoded, kept in memory and in parts, and found again.
//!
//! A request becomes blocks of columns ([`decode`]), those lie in a memory table as they came ([`memory`]), and are written in
//! the order of time as blocks of a part ([`write`], [`build`]). Bodies are templates and values ([`body`]); what finds a text
//! are terms in the block's filter ([`terms`], [`needs`]). Queries see memory and parts alike ([`units`], [`search`]).
//! What many records have in common is counted by column: [`volume`], [`facets`], [`patterns`].

mod block;
mod body;
mod build;
mod conditions;
mod decode;
mod facets;
mod find;
mod ids;
mod levels;
mod memory;
mod needs;
mod patterns;
mod rows;
mod sample;
mod search;
mod terms;
#[cfg(test)]
mod tests;
mod text;
mod units;
mod values;
mod volume;
mod write;

use std::sync::Arc;

pub(crate) use self::facets::facets;
pub(crate) use self::find::find;
pub(crate) use self::patterns::patterns;
pub(crate) use self::values::{attribute_keys, attribute_values};
pub(crate) use self::volume::volume;

use self::decode::Batch;
use self::memory::Memory;
use crate::engine::{Part, PartFile, PartSink, RecordKind, Signal};
use crate::records::{KnownContexts, RecordPart};
use crate::{Appended, StoreError};

/// The signal of log records.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// Who emitted what came lately.
    contexts: KnownContexts,
}

impl Signal for Logs {
    const NAME: &'static str = "logs";

    type Batch = Batch;
    type Memory = Memory;
    type Part = RecordPart;

    fn decode(&self, _: RecordKind, payload: &[u8]) -> Result<Batch, StoreError> {
        Ok(Batch::decode(payload, &self.contexts)?)
    }

    fn takes(kind: RecordKind) -> bool {
        kind == RecordKind::Logs
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

    fn open(&self, file: &PartFile) -> Result<RecordPart, StoreError> {
        RecordPart::open(file)
    }

    fn merge(&self, parts: &[Arc<Part<Self>>], merged: &mut PartSink<'_>) -> Result<(), StoreError> {
        write::merge(parts, merged)
    }

    fn part_bytes(&self, part: &RecordPart) -> usize {
        part.memory()
    }

    fn verify(&self, part: &Part<Self>) -> Result<(), StoreError> {
        part.inner.verify(&part.file)
    }
}
