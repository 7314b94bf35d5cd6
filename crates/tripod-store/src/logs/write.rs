//! A memory table, written as parts; parts, merged.
//!
//! Rows stand in the order of time: a block then covers a short time, which is what searches and counts ask for, and rows of one
//! trace are neighbours.

use std::sync::Arc;

use super::Logs;
use super::block::{Block, Reading};
use super::build::build;
use super::memory::Memory;
use crate::StoreError;
use crate::engine::{Part, PartMeta, PartSink};
use crate::records::{self, Contexts, MAX_BLOCK_ROWS, MergeInput, NewBlock, PartBlock, PartBuilder, Pick, Picks};

/// The most parts that a table becomes: rows of other days than these are put with the nearest.
const MAX_DAYS: usize = 4;

/// A day of less than this share of the rows, one in so many, has no part of its own.
const STRAYS: usize = 64;

/// A block of more bytes in memory than this is not filled up.
const MAX_BLOCK_BYTES: usize = 4 << 20;

/// Where a row is, by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: u64,
    block: u32,
    row: u32,
}

/// Writes a part for each day on which records of the table were written.
pub(super) fn write(memory: &Memory, sink: &mut PartSink<'_>) -> Result<(), StoreError> {
    let blocks = memory.blocks();
    let sources: Vec<&Block> = blocks.iter().map(AsRef::as_ref).collect();
    let keys = sorted(&sources);
    for (day, keys) in by_day(&keys) {
        let mut builder = PartBuilder::new(sink.create("", day)?)?;
        for keys in keys.chunks(MAX_BLOCK_ROWS) {
            gather(&sources, keys, &mut |block| {
                let mut new = build(block);
                new.head.contexts = block.contexts.iter().map(|context| builder.context(context)).collect();
                builder.block(new.head, &new.columns, new.index)
            })?;
        }
        sink.finish(builder.finish(&[])?)?;
    }
    Ok(())
}

/// All rows in the order of their times.
fn sorted(blocks: &[&Block]) -> Vec<Key> {
    let keys = |(block, of): (u32, &&Block)| {
        of.rows.time.iter().zip(0..).map(|(time, row)| Key { time: *time, block, row }).collect::<Vec<_>>()
    };
    let mut keys: Vec<Key> = (0..).zip(blocks).flat_map(keys).collect();
    keys.sort_unstable();
    keys
}

/// Rows by day; those of days that are not worth a part are with a neighbour.
fn by_day(keys: &[Key]) -> Vec<(u64, &[Key])> {
    let days: Vec<&[Key]> = keys.chunk_by(|a, b| PartMeta::day_of(a.time) == PartMeta::day_of(b.time)).collect();
    let mut sizes: Vec<usize> = days.iter().map(|day| day.len()).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let largest = sizes.first().copied().unwrap_or_default();
    let least = sizes.get(MAX_DAYS - 1).copied().unwrap_or_default().max(keys.len() / STRAYS).min(largest);
    let mut parts: Vec<(u64, usize)> = Vec::new();
    let mut before = 0;
    for day in days {
        let is_worth = day.len() >= least && parts.len() < MAX_DAYS;
        match parts.last_mut() {
            // A day that is not worth a part is with the one before, or, where there is none, with the one behind.
            Some((_, len)) if !is_worth => *len += day.len(),
            _ if !is_worth => before += day.len(),
            _ => parts.push((PartMeta::day_of(day[0].time), std::mem::take(&mut before) + day.len())),
        }
    }
    let mut rest = keys;
    let cut = |(day, len): (u64, usize)| {
        let (keys, behind) = rest.split_at(len);
        rest = behind;
        (day, keys)
    };
    parts.into_iter().map(cut).collect()
}

/// Hands on the rows in blocks, one unless their bytes are too many.
fn gather(
    blocks: &[&Block],
    mut keys: &[Key],
    take: &mut dyn FnMut(&Block) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    while !keys.is_empty() {
        let mut bytes = 0;
        let size = |key: &Key| blocks[key.block as usize].rows.bytes_of(key.row as usize);
        let len = keys
            .iter()
            .take_while(|key| {
                bytes += size(key);
                bytes <= MAX_BLOCK_BYTES
            })
            .count();
        let (of_block, behind) = keys.split_at(len.max(1));
        keys = behind;
        take(&join(blocks, of_block))?;
    }
    Ok(())
}

/// The rows as one block, in this order.
fn join(blocks: &[&Block], keys: &[Key]) -> Block {
    // Of many blocks there are rows of few; each one's contexts are taken.
    let mut used: Vec<&Block> = Vec::new();
    let mut places = vec![None; blocks.len()];
    let pick = |key: &Key| {
        let source = *places[key.block as usize].get_or_insert_with(|| {
            used.push(blocks[key.block as usize]);
            used.len() as u32 - 1
        });
        Pick { source, row: key.row }
    };
    let picks: Vec<Pick> = keys.iter().map(pick).collect();
    let mut joined = Block::default();
    joined.gather(Picks { sources: &used, picks: &picks });
    joined
}

/// Writes parts of one day as one: full blocks are copied as they are, small ones are sorted into new ones.
pub(super) fn merge(parts: &[Arc<Part<Logs>>], sink: &mut PartSink<'_>) -> Result<(), StoreError> {
    let Some(first) = parts.first() else { return Ok(()) };
    let inputs: Vec<MergeInput<'_>> =
        parts.iter().map(|part| MergeInput { file: &part.file, part: &part.inner }).collect();
    let into = sink.create("", first.file.meta.day)?;
    let merged = records::merge(&inputs, into, &[], &mut rewrite)?;
    sink.finish(merged)
}

/// Makes one block of small ones.
fn rewrite(blocks: &[PartBlock<'_>]) -> Result<Option<NewBlock>, StoreError> {
    let mut numbers: Vec<u32> = Vec::new();
    let mut all = Contexts::default();
    let mut sources = Vec::with_capacity(blocks.len());
    for block in blocks {
        let mut contexts = Contexts::default();
        for (local, number) in (0..).zip(block.contexts()) {
            let Some(context) = block.context(local) else { continue };
            contexts.intern_context(context);
            if all.intern_context(context) as usize == numbers.len() {
                numbers.push(*number);
            }
        }
        let loaded = block.load()?;
        let rows = Reading::Disk(&loaded, block.rows(), contexts.len()).rows()?.into_owned();
        sources.push(Block { contexts, rows });
    }
    let sources: Vec<&Block> = sources.iter().collect();
    let joined = join(&sources, &sorted(&sources));
    let mut new = build(&joined);
    new.head.contexts = joined.contexts.iter().map(|context| numbers[all.intern_context(context) as usize]).collect();
    Ok(Some(new))
}
