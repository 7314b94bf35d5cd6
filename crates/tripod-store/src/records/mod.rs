//! What spans and logs share: attributes in columns, contexts, blocks of columns, and the part file that blocks are in.
//!
//! A part is a sequence of blocks. A block holds at most [`MAX_BLOCK_ROWS`] rows as named columns and needs nothing outside
//! of it to be read, except that its rows' contexts are numbers that its head translates into those of the part. So a merge
//! copies blocks as bytes. What the columns mean is the signal's business; attributes are columns that both have.

mod attributes;
mod block;
mod coded;
mod contexts;
mod interner;
mod part;
mod picks;
mod pieces;
mod value;

pub(crate) use self::attributes::Attributes;
pub(crate) use self::block::{ColumnSet, ColumnSource};
pub(crate) use self::coded::{Coded, Rare};
pub(crate) use self::contexts::{Context, Contexts, KnownContexts};
pub(crate) use self::part::{BlockHead, BlockIndex, MergeInput, NewBlock, PartBlock, PartBuilder, RecordPart, merge};
pub(crate) use self::picks::{Pick, Picks};
pub(crate) use self::value::ValueRef;
#[cfg(test)]
pub(crate) use self::value::tests::any_value;

/// The most rows of a block in a part.
pub(crate) const MAX_BLOCK_ROWS: usize = 4096;
