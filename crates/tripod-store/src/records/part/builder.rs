//! Writes a part, block after block.
//!
//! What it holds beside the block at hand: contexts, a head a block, the postings' values (bounded, the rest goes to the
//! block's filter), and 8 bytes a trace and block.

use std::io;
use std::sync::Arc;

use super::block::encode_directory;
use super::format::{Footer, Kind, begin};
use super::head::{self, BlockHead, BlockPlace};
use super::index::BlockIndex;
use super::row_number;
use crate::StoreError;
use crate::engine::NewPart;
use crate::index::{postings, rows};
use crate::records::{ColumnSet, Context, Contexts, MAX_BLOCK_ROWS};

/// The most blocks of a part: a row's number has 32 bits.
pub(super) const MAX_BLOCKS: usize = 1 << 20;

/// A part that is being written.
#[derive(Debug)]
pub(crate) struct PartBuilder<'a> {
    part: NewPart<'a>,
    contexts: Contexts,
    heads: Vec<(BlockHead, BlockPlace)>,
    postings: postings::Builder,
    rows: rows::Builder,
}

impl<'a> PartBuilder<'a> {
    /// Begins with an empty file.
    pub(crate) fn new(mut part: NewPart<'a>) -> Result<Self, StoreError> {
        begin(&mut part)?;
        Ok(Self {
            part,
            contexts: Contexts::default(),
            heads: Vec::new(),
            postings: postings::Builder::default(),
            rows: rows::Builder::default(),
        })
    }

    /// The number of a context in this part, for [`BlockHead::contexts`].
    pub(crate) fn context(&mut self, context: &Arc<Context>) -> u32 {
        self.contexts.intern_context(context)
    }

    /// Adds a block.
    pub(crate) fn block(
        &mut self,
        head: BlockHead,
        columns: &ColumnSet,
        mut index: BlockIndex,
    ) -> Result<(), StoreError> {
        let number = self.heads.len() as u32;
        index.list(number, &mut self.postings);
        self.write(head, columns, index)
    }

    /// Adds a block whose pairs are all in its index's filter or in other postings than ours.
    pub(super) fn write(&mut self, head: BlockHead, columns: &ColumnSet, index: BlockIndex) -> Result<(), StoreError> {
        let number = self.next_block(&head)?;
        for (hash, row) in &index.traces {
            self.rows.push(*hash, row_number(number, *row));
        }
        let directory = encode_directory(columns);
        let filter = index.filter.finish();
        let place = BlockPlace {
            offset: self.part.offset(),
            directory: directory.len() as u32,
            columns: columns.len() as u32,
            filter: filter.len() as u32,
            directory_checksum: crc32fast::hash(&directory),
            filter_checksum: crc32fast::hash(&filter),
        };
        self.part.write(&directory)?;
        for (_, bytes) in columns.iter() {
            self.part.write(bytes)?;
        }
        self.part.write(&filter)?;
        self.heads.push((head, place));
        Ok(())
    }

    /// Adds a block as it is in another part.
    pub(super) fn copy(&mut self, head: BlockHead, place: &BlockPlace, bytes: &[u8]) -> Result<(), StoreError> {
        self.next_block(&head)?;
        let place = BlockPlace { offset: self.part.offset(), ..*place };
        self.part.write(bytes)?;
        self.heads.push((head, place));
        Ok(())
    }

    fn next_block(&mut self, head: &BlockHead) -> Result<u32, StoreError> {
        debug_assert!(head.rows as usize <= MAX_BLOCK_ROWS, "a block of {} rows", head.rows);
        if self.heads.len() >= MAX_BLOCKS {
            let full = io::Error::other(format!("a part has at most {MAX_BLOCKS} blocks"));
            return Err(StoreError::io("cannot write", &self.part.meta.path(), full));
        }
        self.part.count(head.rows.into(), head.min_time, head.max_time);
        Ok(self.heads.len() as u32)
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.heads.len()
    }

    /// Writes what is known of all blocks, and `summary`, which is whatever the signal wants to know of the part.
    pub(crate) fn finish(mut self, summary: &[u8]) -> Result<NewPart<'a>, StoreError> {
        let postings = std::mem::take(&mut self.postings);
        self.finish_with(summary, &[], |sink| postings.finish(sink))
    }

    /// Ends the part with postings that come from elsewhere, and rows of traces that do.
    pub(super) fn finish_with(
        mut self,
        summary: &[u8],
        rows: &[rows::Input<'_>],
        postings: impl FnOnce(&mut postings::Sink<'_>) -> Result<(), StoreError>,
    ) -> Result<NewPart<'a>, StoreError> {
        let part = &mut self.part;
        let mut footer = Footer::default();
        footer.section(Kind::Postings, part, postings)?;
        let numbers = (self.heads.len() * MAX_BLOCK_ROWS) as u64;
        footer.section(Kind::Rows, part, |sink| self.rows.finish(rows, numbers, sink))?;
        let mut contexts = (self.contexts.len() as u32).to_le_bytes().to_vec();
        self.contexts.encode(&mut contexts);
        footer.section(Kind::Contexts, part, |sink| sink(&contexts))?;
        footer.section(Kind::Heads, part, |sink| sink(&head::encode(&self.heads)))?;
        footer.section(Kind::Summary, part, |sink| sink(summary))?;
        footer.write(part)?;
        Ok(self.part)
    }
}
