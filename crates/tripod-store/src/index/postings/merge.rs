//! Postings of several parts as those of one, a page of each in memory at a time.

use roaring::RoaringBitmap;

use super::super::Section;
use super::super::hash::KeyHash;
use super::directory::{Entries, Key, Postings};
use super::page::{Entry, Writer};
use super::sketch::Sketch;
use super::{MAX_BLOCKS, Sink};
use crate::StoreError;
use crate::columns::Malformed;

/// A part whose postings are merged.
pub(crate) struct Input<'a> {
    /// Its postings.
    pub(crate) postings: &'a Postings,
    /// Where they are.
    pub(crate) section: &'a dyn Section,
    /// Which block of the new part has the rows of a block; several may become one. None where the rows are no more.
    pub(crate) block: &'a dyn Fn(u32) -> Option<u32>,
}

/// Writes the postings of all inputs as one. A key stays complete where it is in every input: if a block is written anew, pairs of
/// keys that are not belong into its filter again.
pub(crate) fn merge(inputs: &[Input<'_>], sink: &mut Sink<'_>) -> Result<(), StoreError> {
    let mut names: Vec<&str> =
        inputs.iter().flat_map(|input| input.postings.keys()).map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut writer = Writer::new(sink);
    for name in names {
        merge_key(inputs, name, &mut writer)?;
    }
    writer.finish(inputs.iter().all(|input| input.postings.has_all_keys()))
}

fn merge_key(inputs: &[Input<'_>], name: &str, writer: &mut Writer<'_, '_>) -> Result<(), StoreError> {
    let hash = KeyHash::new(name);
    let keys: Vec<&Key> = inputs.iter().filter_map(|input| input.postings.key(name)).collect();
    let rows = keys.iter().fold(0u64, |rows, key| rows.saturating_add(key.rows));
    let mut sketch = (!inputs.iter().all(|input| input.postings.is_complete(name))).then(Sketch::new);
    if let Some(sketch) = &mut sketch {
        keys.iter().filter_map(|key| key.sketch.as_deref()).for_each(|of_key| sketch.union(of_key));
    }
    let mut cursors = inputs.iter().map(|input| Cursor::new(input, name)).collect::<Result<Vec<_>, _>>()?;
    while let Some(value) = cursors.iter().filter_map(Cursor::value).min().map(str::to_owned) {
        let (mut rows, mut blocks) = (0u64, RoaringBitmap::new());
        for cursor in cursors.iter_mut().filter(|cursor| cursor.value() == Some(&value)) {
            rows = rows.saturating_add(cursor.take(&mut blocks)?);
        }
        if let Some(sketch) = &mut sketch {
            sketch.add(hash.value(value.as_bytes()));
        }
        if !blocks.is_empty() {
            writer.value(&value, rows, &blocks)?;
        }
    }
    writer.end_key(name, rows, sketch.as_ref())
}

/// The values of one input.
struct Cursor<'a, 'b> {
    input: &'b Input<'a>,
    entries: Entries<'b>,
    current: Option<Entry>,
}

impl<'a, 'b> Cursor<'a, 'b> {
    fn new(input: &'b Input<'a>, key: &str) -> Result<Self, StoreError> {
        let mut entries = input.postings.entries(input.section, key, "");
        let current = entries.next().transpose()?;
        Ok(Self { input, entries, current })
    }

    fn value(&self) -> Option<&str> {
        self.current.as_ref().map(|entry| entry.value.as_str())
    }

    /// Adds the blocks of the current value, steps to the next one, and says how many rows it had.
    fn take(&mut self, blocks: &mut RoaringBitmap) -> Result<u64, StoreError> {
        let Some(entry) = self.current.take() else { return Ok(0) };
        let old = entry.blocks().map_err(|what| self.input.section.damaged(0, what))?;
        for block in old.iter().filter_map(self.input.block) {
            if block >= MAX_BLOCKS {
                return Err(self.input.section.damaged(0, Malformed("a part of too many blocks")));
            }
            blocks.insert(block);
        }
        self.current = self.entries.next().transpose()?;
        if self.value().is_some_and(|next| next <= entry.value.as_str()) {
            return Err(self.input.section.damaged(0, Malformed("values are not in order")));
        }
        Ok(entry.rows)
    }
}
