//! Pages of values, and what writes them.

use roaring::RoaringBitmap;

use super::sketch::Sketch;
use super::{MAX_BLOCKS, MAX_VALUE, PAGE, Sink, directory, put_text, set, take_bytes};
use crate::StoreError;
use crate::columns::{Malformed, varint};

/// A value, how many rows have it, and in which blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The value.
    pub(crate) value: String,
    /// Rows that have it.
    pub(crate) rows: u64,
    pub(super) set: Vec<u8>,
}

impl Entry {
    /// The blocks that have it.
    pub(crate) fn blocks(&self) -> Result<RoaringBitmap, Malformed> {
        set::decode(&self.set, MAX_BLOCKS)
    }
}

/// The entries of a page.
pub(super) fn decode(mut bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let mut entries: Vec<Entry> = Vec::new();
    while !bytes.is_empty() {
        let shared = varint::take(&mut bytes)? as usize;
        let len = varint::take(&mut bytes)?;
        let rest = std::str::from_utf8(take_bytes(&mut bytes, len)?).map_err(|_| Malformed("a value is no UTF-8"))?;
        let before = entries.last().map_or("", |entry| entry.value.as_str());
        // A value may share any much with the one before, so a page of few bytes could mean many.
        let prefix = before
            .get(..shared)
            .filter(|_| shared <= MAX_VALUE)
            .ok_or(Malformed("a value shares more than there is"))?;
        let value = [prefix, rest].concat();
        let rows = varint::take(&mut bytes)?;
        entries.push(Entry { value, rows, set: set::take(&mut bytes)?.to_vec() });
    }
    Ok(entries)
}

/// Writes postings front to back: keys in order, their values in order.
pub(super) struct Writer<'a, 'b> {
    sink: &'a mut Sink<'b>,
    page: Vec<u8>,
    before: String,
    first: String,
    /// Of the key that is being written: how many pages, their entries in the directory, how many values.
    pages: u64,
    of_pages: Vec<u8>,
    values: u64,
    keys: u64,
    of_keys: Vec<u8>,
}

impl<'a, 'b> Writer<'a, 'b> {
    pub(super) fn new(sink: &'a mut Sink<'b>) -> Self {
        Self {
            sink,
            page: Vec::new(),
            before: String::new(),
            first: String::new(),
            pages: 0,
            of_pages: Vec::new(),
            values: 0,
            keys: 0,
            of_keys: Vec::new(),
        }
    }

    /// Adds a value of the key that [`Self::end_key`] will name.
    pub(super) fn value(&mut self, value: &str, rows: u64, blocks: &RoaringBitmap) -> Result<(), StoreError> {
        if self.page.len() >= PAGE {
            self.end_page()?;
        }
        if self.page.is_empty() {
            value.clone_into(&mut self.first);
            self.before.clear();
        }
        let shared = value.bytes().zip(self.before.bytes()).take_while(|(byte, before)| byte == before).count();
        let shared = value.floor_char_boundary(shared.min(MAX_VALUE));
        varint::put(shared as u64, &mut self.page);
        put_text(&value[shared..], &mut self.page);
        varint::put(rows, &mut self.page);
        set::put(blocks, &mut self.page);
        value.clone_into(&mut self.before);
        self.values += 1;
        Ok(())
    }

    /// Ends a key: `sketch` unless it is complete.
    pub(super) fn end_key(&mut self, key: &str, rows: u64, sketch: Option<&Sketch>) -> Result<(), StoreError> {
        self.end_page()?;
        put_text(key, &mut self.of_keys);
        varint::put(rows, &mut self.of_keys);
        varint::put(self.values, &mut self.of_keys);
        self.of_keys.push(sketch.is_none().into());
        if let Some(sketch) = sketch {
            self.of_keys.extend_from_slice(sketch.as_bytes());
        }
        varint::put(self.pages, &mut self.of_keys);
        self.of_keys.append(&mut self.of_pages);
        self.keys += 1;
        (self.pages, self.values) = (0, 0);
        Ok(())
    }

    /// Ends it all: `all_keys` if a key that was not written has no value in a filter either.
    pub(super) fn finish(self, all_keys: bool) -> Result<(), StoreError> {
        let mut directory = vec![directory::VERSION, all_keys.into()];
        varint::put(self.keys, &mut directory);
        directory.extend_from_slice(&self.of_keys);
        let mut tail = [0; directory::TAIL];
        tail[..4].copy_from_slice(&(directory.len() as u32).to_le_bytes());
        tail[4..].copy_from_slice(&crc32fast::hash(&directory).to_le_bytes());
        (self.sink)(&directory)?;
        (self.sink)(&tail)
    }

    fn end_page(&mut self) -> Result<(), StoreError> {
        if self.page.is_empty() {
            return Ok(());
        }
        put_text(&self.first, &mut self.of_pages);
        varint::put(self.page.len() as u64, &mut self.of_pages);
        self.of_pages.extend_from_slice(&crc32fast::hash(&self.page).to_le_bytes());
        self.pages += 1;
        (self.sink)(&self.page)?;
        self.page.clear();
        Ok(())
    }
}
