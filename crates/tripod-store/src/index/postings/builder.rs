//! Gathers the postings of a part that is being written.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use roaring::RoaringBitmap;

use super::super::hash::KeyHash;
use super::page::Writer;
use super::sketch::Sketch;
use super::{MAX_BLOCKS, MAX_VALUE, Sink};
use crate::StoreError;

/// Values a key that postings take. A part with more is one of many values a block, where filters serve as well.
const MAX_VALUES: usize = 1024;

/// Bytes in memory that a builder takes, roughly.
const MAX_BYTES: usize = 8 << 20;

/// What a value takes in memory beside its text, roughly.
const OVERHEAD: usize = 96;

/// Gathers pairs, block after block.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    keys: HashMap<Box<str>, Key, RandomState>,
    bytes: usize,
    lost_keys: bool,
}

#[derive(Debug)]
struct Key {
    hash: KeyHash,
    rows: u64,
    /// By the value's text.
    values: HashMap<Box<[u8]>, Value, RandomState>,
    /// All values, once there are some that the postings do not have.
    sketch: Option<Box<Sketch>>,
}

#[derive(Debug)]
struct Value {
    rows: u64,
    /// First and last block of each run; a block comes after those before it.
    runs: Vec<(u32, u32)>,
}

impl Builder {
    /// Adds a pair that `rows` rows of a block have, blocks in ascending order. Says whether it was taken; otherwise the pair belongs into the
    /// block's filter.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn add(&mut self, block: u32, key: &str, value: &str, rows: u64) -> bool {
        let mut taken = true;
        self.add_all(block, key, KeyHash::new(key), [(value.as_bytes(), rows)], |_| taken = false);
        taken
    }

    /// Adds the values of a key in a block, UTF-8 all, with how many rows have each. `filter` gets the hashes of pairs that are not taken. The key is
    /// looked up once, so a value costs a look-up and, if it is not taken, one hash more.
    pub(crate) fn add_all<'a>(
        &mut self,
        block: u32,
        key: &str,
        hash: KeyHash,
        values: impl IntoIterator<Item = (&'a [u8], u64)>,
        mut filter: impl FnMut(u64),
    ) {
        let Some(of_key) = key_of(&mut self.keys, &mut self.bytes, key, hash) else {
            self.lost_keys = true;
            return values.into_iter().for_each(|(value, _)| filter(hash.value(value)));
        };
        for (value, rows) in values {
            if !of_key.add(block, value, rows, &mut self.bytes) {
                filter(of_key.give_up(value));
            }
        }
    }

    /// Writes the postings.
    pub(crate) fn finish(self, sink: &mut Sink<'_>) -> Result<(), StoreError> {
        let mut writer = Writer::new(sink);
        let mut keys: Vec<_> = self.keys.into_iter().collect();
        keys.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (name, key) in keys {
            let mut values: Vec<_> = key.values.into_iter().collect();
            values.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            for (value, of_value) in values {
                let value = std::str::from_utf8(&value).unwrap_or_default();
                writer.value(value, of_value.rows, &of_value.blocks())?;
            }
            writer.end_key(&name, key.rows, key.sketch.as_deref())?;
        }
        writer.finish(!self.lost_keys)
    }
}

/// The key, if there is room for it.
fn key_of<'a>(
    keys: &'a mut HashMap<Box<str>, Key, RandomState>,
    bytes: &mut usize,
    key: &str,
    hash: KeyHash,
) -> Option<&'a mut Key> {
    if !keys.contains_key(key) {
        let more = size_of::<Key>() + key.len() + OVERHEAD;
        if *bytes + more > MAX_BYTES {
            return None;
        }
        *bytes += more;
        keys.insert(key.into(), Key { hash, rows: 0, values: HashMap::default(), sketch: None });
    }
    keys.get_mut(key)
}

impl Key {
    /// Takes a value of a block, if it can.
    fn add(&mut self, block: u32, value: &[u8], rows: u64, bytes: &mut usize) -> bool {
        self.rows = self.rows.saturating_add(rows);
        if let Some(known) = self.values.get_mut(value) {
            return known.add(block, rows, bytes);
        }
        let more = value.len() + OVERHEAD;
        let full = self.values.len() >= MAX_VALUES || *bytes + more > MAX_BYTES;
        if full || value.len() > MAX_VALUE || block >= MAX_BLOCKS {
            return false;
        }
        *bytes += more;
        if let Some(sketch) = &mut self.sketch {
            sketch.add(self.hash.value(value));
        }
        self.values.insert(value.into(), Value { rows, runs: vec![(block, block)] });
        true
    }

    /// Remembers that a value is elsewhere; the pair's hash is returned.
    fn give_up(&mut self, value: &[u8]) -> u64 {
        let sketch = self.sketch.get_or_insert_with(|| {
            let mut sketch = Sketch::new();
            self.values.keys().for_each(|value| sketch.add(self.hash.value(value)));
            Box::new(sketch)
        });
        let hash = self.hash.value(value);
        sketch.add(hash);
        hash
    }
}

impl Value {
    fn add(&mut self, block: u32, rows: u64, bytes: &mut usize) -> bool {
        match self.runs.last_mut() {
            Some((_, last)) if *last == block => {}
            Some((_, last)) if *last + 1 == block && block < MAX_BLOCKS => *last = block,
            _ if *bytes + size_of::<(u32, u32)>() > MAX_BYTES || block >= MAX_BLOCKS => return false,
            _ => {
                *bytes += size_of::<(u32, u32)>();
                self.runs.push((block, block));
            }
        }
        self.rows = self.rows.saturating_add(rows);
        true
    }

    fn blocks(&self) -> RoaringBitmap {
        let mut blocks = RoaringBitmap::new();
        for (first, last) in &self.runs {
            blocks.insert_range(*first..=*last);
        }
        blocks
    }
}
