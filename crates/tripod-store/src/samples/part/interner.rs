//! Numbers for the label pairs of a part that is being written.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::pairs;

/// Label pairs, each once, by numbers in order of their coming.
#[derive(Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: RandomState,
    key: Vec<u8>,
}

impl Interner {
    /// The number of a pair; `near` is one that it may well be.
    pub(super) fn intern(&mut self, name: &str, value: &str, near: Option<u32>) -> u32 {
        let mut key = std::mem::take(&mut self.key);
        pairs::key(name, value, &mut key);
        let number = match near {
            Some(near) if self.key(near) == key => near,
            _ => self.number(&key),
        };
        self.key = key;
        number
    }

    fn number(&mut self, key: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(key);
        if let Some(number) = self.table.find(hash, |number| self.key(*number) == key) {
            return *number;
        }
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        self.table.insert_unique(hash, number, |number| hasher.hash_one(text(bytes, ends, *number)));
        number
    }

    /// The key that a number stands for.
    pub(super) fn key(&self, number: u32) -> &[u8] {
        text(&self.bytes, &self.ends, number)
    }

    /// All numbers, sorted by what they stand for.
    pub(super) fn order(&mut self) -> Vec<u32> {
        self.table = HashTable::new();
        let mut order: Vec<u32> = (0..self.ends.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.key(*a).cmp(self.key(*b)));
        order
    }
}

fn text<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let at = number as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &bytes[start..ends[at]]
}
