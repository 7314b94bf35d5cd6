//! Parts of one day as one part: full blocks are copied as bytes, small ones that lie side by side are written anew as one.
//!
//! The indexes are written anew with the blocks' new numbers, a page of each part in memory at a time; of blocks that are written
//! anew the rows of traces are gathered, 8 bytes a trace and block.

use std::collections::HashSet;

use super::builder::PartBuilder;
use super::format::{Kind, Range};
use super::head::BlockHead;
use super::index::BlockIndex;
use super::{PartBlock, RecordPart, row_number};
use crate::StoreError;
use crate::engine::{NewPart, PartFile};
use crate::index::{postings, rows};
use crate::records::{ColumnSet, MAX_BLOCK_ROWS};

/// A block with fewer rows is small.
const FULL: u32 = MAX_BLOCK_ROWS as u32 / 4 * 3;

/// A block that takes more memory is not small, however few its rows are, and no more of it is written anew at a time.
const FULL_MEMORY: u64 = 8 << 20;

/// A part to be merged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MergeInput<'a> {
    /// Its file.
    pub(crate) file: &'a PartFile,
    /// The part.
    pub(crate) part: &'a RecordPart,
}

/// A block that takes the place of small ones.
#[derive(Debug)]
pub(crate) struct NewBlock {
    /// Its head; contexts have the merged part's numbers, as [`PartBlock::contexts`] of the small ones has them.
    pub(crate) head: BlockHead,
    /// Its columns.
    pub(crate) columns: ColumnSet,
    /// Its index.
    pub(crate) index: BlockIndex,
}

/// Writes one block with the rows of all these; `None` where that would be more than a block can hold, so they stay as they are.
pub(crate) type Rewrite<'a> = dyn FnMut(&[PartBlock<'_>]) -> Result<Option<NewBlock>, StoreError> + 'a;

/// Writes all parts as one, blocks in the order of their times.
pub(crate) fn merge<'a>(
    inputs: &[MergeInput<'_>],
    into: NewPart<'a>,
    summary: &[u8],
    rewrite: &mut Rewrite<'_>,
) -> Result<NewPart<'a>, StoreError> {
    let mut merge = Merge::new(inputs, into)?;
    let mut order: Vec<Source> = (0..inputs.len())
        .flat_map(|input| (0..inputs[input].part.heads.len() as u32).map(move |block| Source { input, block }))
        .collect();
    order.sort_by_key(|source| inputs[source.input].part.head(source.block).min_time);

    let mut small = Vec::new();
    let (mut rows, mut memory) = (0, 0);
    for source in order {
        let head = inputs[source.input].part.head(source.block);
        if head.rows >= FULL || head.memory >= FULL_MEMORY {
            merge.copy(source)?;
            continue;
        }
        if rows + head.rows > MAX_BLOCK_ROWS as u32 || memory + head.memory > FULL_MEMORY {
            merge.join(&small, rewrite)?;
            small.clear();
            (rows, memory) = (0, 0);
        }
        small.push(source);
        rows += head.rows;
        memory += head.memory;
    }
    merge.join(&small, rewrite)?;
    merge.finish(summary)
}

/// A block of an input.
#[derive(Debug, Clone, Copy)]
struct Source {
    input: usize,
    block: u32,
}

struct Merge<'a, 'b> {
    inputs: &'a [MergeInput<'a>],
    builder: PartBuilder<'b>,
    /// For each input the new numbers of its contexts.
    contexts: Vec<Vec<u32>>,
    /// For each input the new numbers of its blocks.
    blocks: Vec<Vec<u32>>,
    /// New blocks whose traces are known already.
    rewritten: HashSet<u32>,
}

impl<'a, 'b> Merge<'a, 'b> {
    fn new(inputs: &'a [MergeInput<'a>], into: NewPart<'b>) -> Result<Self, StoreError> {
        let mut builder = PartBuilder::new(into)?;
        let contexts = inputs
            .iter()
            .map(|input| input.part.contexts.iter().map(|context| builder.context(context)).collect())
            .collect();
        let blocks = inputs.iter().map(|input| vec![0; input.part.heads.len()]).collect();
        Ok(Self { inputs, builder, contexts, blocks, rewritten: HashSet::new() })
    }

    fn block(&self, source: Source) -> Result<PartBlock<'a>, StoreError> {
        let input = &self.inputs[source.input];
        let mut block = input.part.block(input.file, source.block)?;
        block.renumber(&self.contexts[source.input]);
        Ok(block)
    }

    fn copy(&mut self, source: Source) -> Result<(), StoreError> {
        let block = self.block(source)?;
        let bytes = block.verify()?;
        let (head, place) = &self.inputs[source.input].part.heads[source.block as usize];
        let head = BlockHead { contexts: block.contexts().to_vec(), ..head.clone() };
        self.blocks[source.input][source.block as usize] = self.builder.blocks() as u32;
        self.builder.copy(head, place, &bytes)
    }

    fn join(&mut self, sources: &[Source], rewrite: &mut Rewrite<'_>) -> Result<(), StoreError> {
        match sources {
            [] => return Ok(()),
            [one] => return self.copy(*one),
            _ => {}
        }
        let blocks = sources.iter().map(|source| self.block(*source)).collect::<Result<Vec<_>, _>>()?;
        let Some(mut new) = rewrite(&blocks)? else {
            return sources.iter().try_for_each(|source| self.copy(*source));
        };
        // The postings of the inputs have the pairs of complete keys; all others may be known to filters only.
        let inputs = self.inputs;
        new.index.filter(|key| inputs.iter().all(|input| input.part.postings.is_complete(key)));
        let number = self.builder.blocks() as u32;
        for source in sources {
            self.blocks[source.input][source.block as usize] = number;
        }
        self.rewritten.insert(number);
        self.builder.write(new.head, &new.columns, new.index)
    }

    fn finish(self, summary: &[u8]) -> Result<NewPart<'b>, StoreError> {
        let Self { inputs, builder, blocks, rewritten, .. } = self;
        let places = |kind: Kind| -> Vec<Range<'_>> {
            inputs.iter().map(|input| Range { file: input.file, place: input.part.footer.place(kind) }).collect()
        };
        let (traces, sections) = (places(Kind::Rows), places(Kind::Postings));
        let renamed: Vec<_> = blocks
            .iter()
            .map(|blocks| {
                let rewritten = &rewritten;
                move |row: u32| {
                    let (block, row) = (row / MAX_BLOCK_ROWS as u32, row % MAX_BLOCK_ROWS as u32);
                    let new = blocks.get(block as usize).filter(|new| !rewritten.contains(new))?;
                    Some(row_number(*new, row))
                }
            })
            .collect();
        let rows: Vec<_> = (inputs.iter().zip(&traces).zip(&renamed))
            .map(|((input, section), row)| rows::Input { rows: &input.part.rows, section, row })
            .collect();
        let numbers: Vec<_> =
            blocks.iter().map(|blocks| move |block: u32| blocks.get(block as usize).copied()).collect();
        let inputs: Vec<_> = (inputs.iter().zip(&sections).zip(&numbers))
            .map(|((input, section), block)| postings::Input { postings: &input.part.postings, section, block })
            .collect();
        builder.finish_with(summary, &rows, |sink| postings::merge(&inputs, sink))
    }
}
