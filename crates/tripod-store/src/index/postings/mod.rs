//! Which blocks of a part have `key = value`: exact for values that are few, with how many rows have them.
//!
//! Values are sorted below their key and lie in pages of about 4 KiB, each with a checksum; a directory at the end, kept in
//! memory, says with which value each page begins, so a look-up is one read. A builder takes only so many values a key and so
//! many bytes in all. What it does not take its caller puts into the filter of the block, and the key then is not *complete*: for
//! its values the blocks are those of the postings and those whose filters say maybe. A complete key needs no filter.
//!
//! ```text
//! pages: (shared with the value before varint · length varint · the rest · rows varint · block set) for each value
//! directory: version u8 · flags u8 · keys varint ·
//!   (key · rows varint · values varint · sketch (256 bytes) unless complete · pages varint · (first value · bytes varint · CRC-32) each)
//! bytes of the directory u32 · its CRC-32 u32
//! ```

mod builder;
mod directory;
mod merge;
mod page;
pub(crate) mod set;
mod sketch;

pub(crate) use self::builder::Builder;
pub(crate) use self::directory::Postings;
pub(crate) use self::merge::{Input, merge};

use crate::StoreError;
use crate::columns::{Malformed, varint};

/// No page takes more values once it has this many bytes.
const PAGE: usize = 4096;

/// No page is larger: one value may come with a large set.
const MAX_PAGE: u64 = 160 << 10;

/// A value that is longer goes to the filters.
const MAX_VALUE: usize = 256;

/// Blocks that a part may have for its postings: a set of them never takes more than 128 KiB.
const MAX_BLOCKS: u32 = 1 << 20;

/// Where bytes go.
pub(crate) type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), StoreError> + 'a;

fn put_text(text: &str, out: &mut Vec<u8>) {
    varint::put(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn take_bytes<'a>(bytes: &mut &'a [u8], len: u64) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(len as usize).ok_or(Malformed("postings are cut off"))?;
    *bytes = rest;
    Ok(taken)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let len = varint::take(bytes)?;
    std::str::from_utf8(take_bytes(bytes, len)?).map_err(|_| Malformed("a key or value is no UTF-8"))
}

#[cfg(test)]
mod tests;
