//! The rows of traces, wherever they are: found by comparing ids in memory, by the index of rows in parts.
//!
//! Traces that are asked for together share the reading of a block.

use std::collections::{BTreeMap, HashMap};

use tripod_wire::TraceId;

use super::blocks::{Block, Stored};
use super::{Spans, memory};
use crate::StoreError;
use crate::engine::View;

/// Calls `visit` for each row of these traces, with the trace's place in the list; in no order. An id must not be there twice.
pub(super) fn rows(
    view: &View<Spans>,
    ids: &[TraceId],
    visit: &mut dyn FnMut(usize, &Block<'_>, usize) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    in_memory(view, ids, visit)?;
    in_parts(view, ids, visit)
}

/// Those of them that are in parts.
pub(super) fn in_parts(
    view: &View<Spans>,
    ids: &[TraceId],
    visit: &mut dyn FnMut(usize, &Block<'_>, usize) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for part in &view.parts {
        let mut places: BTreeMap<u32, Vec<(u32, usize)>> = BTreeMap::new();
        for (which, id) in ids.iter().enumerate() {
            for (block, row) in part.inner.records.trace_rows(&part.file, *id)? {
                places.entry(block).or_default().push((row, which));
            }
        }
        for (number, mut places) in places {
            let block = Stored::open(part, number)?;
            let traces = block.trace()?;
            places.sort_unstable();
            places.dedup();
            for (first, which) in places {
                let rows = (first as usize..).zip(traces.iter().skip(first as usize));
                for (row, _) in rows.take_while(|(_, id)| **id == ids[which]) {
                    visit(which, &block, row)?;
                }
            }
        }
    }
    Ok(())
}

fn in_memory(
    view: &View<Spans>,
    ids: &[TraceId],
    visit: &mut dyn FnMut(usize, &Block<'_>, usize) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let places: HashMap<TraceId, usize, foldhash::fast::RandomState> =
        ids.iter().enumerate().map(|(which, id)| (*id, which)).collect();
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        let block = memory::read(&block);
        let traces = &block.rows.trace;
        match ids {
            [one] => {
                for row in (0..traces.len()).filter(|row| traces[*row] == *one) {
                    visit(0, &Block::Memory(&block), row)?;
                }
            }
            _ => {
                for (row, trace) in traces.iter().enumerate() {
                    if let Some(which) = places.get(trace) {
                        visit(*which, &Block::Memory(&block), row)?;
                    }
                }
            }
        }
    }
    Ok(())
}
