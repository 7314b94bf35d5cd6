//! A part of spans or logs: one file of blocks, and what finds the right ones.
//!
//! Open, a part takes some 150 bytes a block, its contexts and the directory of its postings. All else is read when it is
//! asked for, and verified then; only filters are not, since a probe reads 32 bytes of them ([`RecordPart::verify`] does).

mod block;
mod builder;
mod format;
mod head;
mod index;
mod merge;

use std::sync::Arc;

use roaring::RoaringBitmap;
use tripod_wire::TraceId;

pub(crate) use self::block::PartBlock;
pub(crate) use self::builder::PartBuilder;
pub(crate) use self::head::BlockHead;
pub(crate) use self::index::BlockIndex;
pub(crate) use self::merge::{MergeInput, NewBlock, merge};

use self::format::{Footer, Kind, Range};
use self::head::BlockPlace;
use super::{Context, Contexts, MAX_BLOCK_ROWS};
use crate::StoreError;
use crate::columns::Malformed;
use crate::engine::PartFile;
use crate::index::postings::Postings;
use crate::index::rows::Rows;
use crate::index::{filter, hash};

/// What is kept in memory of an open part.
#[derive(Debug)]
pub(crate) struct RecordPart {
    footer: Footer,
    heads: Vec<(BlockHead, BlockPlace)>,
    contexts: Contexts,
    postings: Postings,
    rows: Rows,
    summary: Vec<u8>,
}

/// What is known of a key of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyStats {
    /// The key.
    pub(crate) key: String,
    /// Rows that have it; one that has it twice counts twice.
    pub(crate) rows: u64,
    /// How many different values it has, roughly.
    pub(crate) values: u64,
}

/// The number of a row in a part.
fn row_number(block: u32, row: u32) -> u32 {
    block * MAX_BLOCK_ROWS as u32 + row
}

impl RecordPart {
    /// Reads what is kept in memory.
    pub(crate) fn open(file: &PartFile) -> Result<Self, StoreError> {
        let footer = Footer::read(file)?;
        let damaged = |what: &str| {
            let what = what.to_owned();
            move |reason: Malformed| file.damaged(0, format!("{what}: {reason}"))
        };
        let bytes = footer.load(Kind::Contexts, file)?;
        let (count, encoded) = bytes.split_first_chunk().ok_or(Malformed("cut off")).map_err(damaged("contexts"))?;
        let count = u32::from_le_bytes(*count) as usize;
        let contexts = Contexts::decode(encoded, count).map_err(damaged("contexts"))?;
        let heads = footer.load(Kind::Heads, file)?;
        let heads = head::decode(&heads, file.len(), contexts.len()).map_err(damaged("heads of blocks"))?;
        Ok(Self {
            heads,
            contexts,
            postings: Postings::open(&Range { file, place: footer.place(Kind::Postings) })?,
            rows: Rows::open(&Range { file, place: footer.place(Kind::Rows) })?,
            summary: footer.load(Kind::Summary, file)?,
            footer,
        })
    }

    /// What is known of each block, in order.
    pub(crate) fn heads(&self) -> impl ExactSizeIterator<Item = &BlockHead> + Clone {
        self.heads.iter().map(|(head, _)| head)
    }

    /// What is known of a block; must be below the number of blocks.
    pub(crate) fn head(&self, block: u32) -> &BlockHead {
        &self.heads[block as usize].0
    }

    /// A context of this part.
    pub(crate) fn context(&self, number: u32) -> &Arc<Context> {
        self.contexts.get(number)
    }

    /// All contexts of this part, in the order of their numbers.
    pub(crate) fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// What the signal wrote of the part.
    pub(crate) fn summary(&self) -> &[u8] {
        &self.summary
    }

    /// A block; must be below the number of blocks. Reads its directory.
    pub(crate) fn block<'a>(&'a self, file: &'a PartFile, number: u32) -> Result<PartBlock<'a>, StoreError> {
        PartBlock::read(self, file, number)
    }

    /// Which of these blocks may have rows with `key` = `value`. Others have none.
    pub(crate) fn candidates(
        &self,
        file: &PartFile,
        key: &str,
        value: &str,
        among: &RoaringBitmap,
    ) -> Result<RoaringBitmap, StoreError> {
        let section = Range { file, place: self.footer.place(Kind::Postings) };
        let listed = self.postings.blocks(&section, key, value)? & among;
        if self.postings.is_complete(key) {
            return Ok(listed);
        }
        Ok(self.filtered(file, hash::pair(key, value), &(among - &listed))? | listed)
    }

    /// Which of these blocks may have a token. Others have not.
    pub(crate) fn token_candidates(
        &self,
        file: &PartFile,
        token: &[u8],
        among: &RoaringBitmap,
    ) -> Result<RoaringBitmap, StoreError> {
        self.filtered(file, hash::token(token), among)
    }

    fn filtered(&self, file: &PartFile, hash: u64, among: &RoaringBitmap) -> Result<RoaringBitmap, StoreError> {
        let mut candidates = RoaringBitmap::new();
        for block in among {
            let Some((_, place)) = self.heads.get(block as usize) else { continue };
            let Some(probed) = filter::place(place.filter as usize, hash) else { continue };
            let bytes = file.read(place.filter_offset() + probed.start as u64, probed.len())?;
            if filter::probe(&bytes, hash) {
                candidates.insert(block);
            }
        }
        Ok(candidates)
    }

    /// Blocks and rows at which rows of a trace begin; now and then those of another trace are among them.
    pub(crate) fn trace_rows(&self, file: &PartFile, id: TraceId) -> Result<Vec<(u32, u32)>, StoreError> {
        let section = Range { file, place: self.footer.place(Kind::Rows) };
        let place = |row| (row / MAX_BLOCK_ROWS as u32, row % MAX_BLOCK_ROWS as u32);
        let rows = self.rows.find(&section, hash::id(&id.0))?.into_iter().map(place);
        Ok(rows
            .filter(|(block, row)| self.heads.get(*block as usize).is_some_and(|(head, _)| *row < head.rows))
            .collect())
    }

    /// The keys of attributes, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = KeyStats> {
        self.postings.keys().iter().map(|key| KeyStats {
            key: key.name.clone(),
            rows: key.rows,
            values: key.distinct(),
        })
    }

    /// Values of a key that begin with `prefix`, in order, with how many rows have each. A key with many values has most of them
    /// in no list, so they are not among these.
    pub(crate) fn values(
        &self,
        file: &PartFile,
        key: &str,
        prefix: &str,
        visit: &mut dyn FnMut(String, u64),
    ) -> Result<(), StoreError> {
        let section = Range { file, place: self.footer.place(Kind::Postings) };
        for entry in self.postings.entries(&section, key, prefix) {
            let entry = entry?;
            visit(entry.value, entry.rows);
        }
        Ok(())
    }

    /// Reads everything and compares every checksum.
    pub(crate) fn verify(&self, file: &PartFile) -> Result<(), StoreError> {
        for number in 0..self.heads.len() as u32 {
            self.block(file, number)?.verify()?;
        }
        self.footer.verify(file)
    }

    /// Bytes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        let of_head = |(head, _): &(BlockHead, BlockPlace)| head.contexts.capacity() * 4 + head.extra.capacity();
        self.heads.capacity() * size_of::<(BlockHead, BlockPlace)>()
            + self.heads.iter().map(of_head).sum::<usize>()
            + self.contexts.memory()
            + self.postings.memory()
            + self.summary.capacity()
    }
}

#[cfg(test)]
mod tests;
