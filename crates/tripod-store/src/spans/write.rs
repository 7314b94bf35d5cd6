//! A memory table, written as parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::build::{Key, build, by_start, cut, first_start, sorted};
use super::memory::{self, Memory};
use super::operations::Operations;
use super::rows::Source;
use crate::StoreError;
use crate::engine::{PartMeta, PartSink};
use crate::records::{Context, Contexts, PartBuilder};

/// The most parts that a table becomes: spans of other days than these are put with the nearest.
const MAX_DAYS: usize = 4;

/// A day of less than this share of the rows, one in so many, has no part of its own.
const STRAYS: usize = 64;

/// Writes a part for each day on which traces of the table began.
pub(super) fn write(memory: &Memory, sink: &mut PartSink<'_>) -> Result<(), StoreError> {
    let blocks = memory.blocks();
    let blocks: Vec<_> = blocks.iter().map(|block| memory::read(block)).collect();
    let mut contexts = Contexts::default();
    let sources: Vec<Source<'_>> = blocks
        .iter()
        .map(|block| Source {
            rows: &block.rows,
            contexts: block.contexts.iter().map(|context| contexts.intern_context(context)).collect(),
        })
        .collect();
    let keys = sorted(&sources);
    let mut days: BTreeMap<u64, Vec<&[Key]>> = BTreeMap::new();
    for trace in by_start(&keys) {
        days.entry(PartMeta::day_of(first_start(trace))).or_default().push(trace);
    }
    let all = keys.len();
    for (day, traces) in without_strays(days, all) {
        write_day(day, &traces, &sources, &contexts, sink)?;
    }
    Ok(())
}

/// Moves the traces of days that are not worth a part to the nearest that is.
fn without_strays(days: BTreeMap<u64, Vec<&[Key]>>, rows: usize) -> BTreeMap<u64, Vec<&[Key]>> {
    let mut sizes: Vec<(usize, u64)> =
        days.iter().map(|(day, traces)| (traces.iter().map(|trace| trace.len()).sum(), *day)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let worth = sizes.iter().take(MAX_DAYS).enumerate().filter(|(at, (size, _))| *at == 0 || size * STRAYS >= rows);
    let kept: Vec<u64> = worth.map(|(_, (_, day))| *day).collect();
    let mut gathered: BTreeMap<u64, Vec<&[Key]>> = BTreeMap::new();
    for (day, traces) in days {
        let nearest = kept.iter().copied().min_by_key(|kept| kept.abs_diff(day)).unwrap_or(day);
        // Days come in order, so traces stay in the order of their starts.
        gathered.entry(nearest).or_default().extend(traces);
    }
    gathered
}

fn write_day(
    day: u64,
    traces: &[&[Key]],
    sources: &[Source<'_>],
    contexts: &Contexts,
    sink: &mut PartSink<'_>,
) -> Result<(), StoreError> {
    let mut builder = PartBuilder::new(sink.create("", day)?)?;
    let mut operations = Operations::default();
    let context = |number: u32| -> Arc<Context> { Arc::clone(contexts.get(number)) };
    cut(sources, traces, |rows| {
        let mut block = build(sources, rows, &context, &mut operations);
        block.head.contexts.iter_mut().for_each(|number| *number = builder.context(contexts.get(*number)));
        builder.block(block.head, &block.columns, block.index)
    })?;
    sink.finish(builder.finish(&operations.encode())?)
}
