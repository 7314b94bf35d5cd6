//! Parts of one day, written as one: full blocks are copied as they are, small ones are sorted into new ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::build::{Key, build, by_start, sorted};
use super::operations::Operations;
use super::rows::{MAX_WEIGHT, Source};
use super::{Spans, block};
use crate::StoreError;
use crate::engine::{Part, PartSink};
use crate::records::{self, Context, MergeInput, NewBlock, PartBlock};

/// Writes parts as one.
pub(super) fn merge(parts: &[Arc<Part<Spans>>], sink: &mut PartSink<'_>) -> Result<(), StoreError> {
    let Some(first) = parts.first() else { return Ok(()) };
    let mut operations = Operations::default();
    parts.iter().for_each(|part| operations.add_counts(&part.inner.operations));
    let inputs: Vec<MergeInput<'_>> =
        parts.iter().map(|part| MergeInput { file: &part.file, part: &part.inner.records }).collect();
    let into = sink.create("", first.file.meta.day)?;
    let merged = records::merge(&inputs, into, &operations.encode(), &mut rewrite)?;
    sink.finish(merged)
}

/// Makes one block of small ones, unless they are small in rows only.
fn rewrite(blocks: &[PartBlock<'_>]) -> Result<Option<NewBlock>, StoreError> {
    let mut rows = Vec::with_capacity(blocks.len());
    let mut weight = 0;
    for block in blocks {
        let loaded = block.load()?;
        let contexts = block.contexts().len() as u32;
        let decoded = block::decode(block::Reading { source: &loaded, rows: block.rows(), contexts })?;
        weight += decoded.total_weight();
        if weight > MAX_WEIGHT {
            return Ok(None);
        }
        rows.push(decoded);
    }
    let sources: Vec<Source<'_>> =
        rows.iter().zip(blocks).map(|(rows, block)| Source { rows, contexts: block.contexts().to_vec() }).collect();
    let keys = sorted(&sources);
    let keys: Vec<Key> = by_start(&keys).concat();
    let mut contexts: BTreeMap<u32, Arc<Context>> = BTreeMap::new();
    for block in blocks {
        for (local, number) in (0..).zip(block.contexts()) {
            contexts.extend(block.context(local).map(|context| (*number, Arc::clone(context))));
        }
    }
    let context = |number: u32| Arc::clone(&contexts[&number]);
    Ok(Some(build(&sources, &keys, &context, &mut Operations::default())))
}
