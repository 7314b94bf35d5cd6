//! Strings by number: each once, one behind the other. A string takes its bytes and about 20 more.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// The most bytes of strings: what 32 bits can point into.
const MAX_BYTES: usize = u32::MAX as usize;

/// A string's number.
pub(super) type Symbol = u32;

#[derive(Debug, Default)]
pub(super) struct Symbols {
    hasher: RandomState,
    by_text: HashTable<Symbol>,
    entries: Vec<Entry>,
    free: Vec<Symbol>,
    text: String,
    /// Bytes of `text` that nothing points to.
    garbage: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Entry {
    offset: u32,
    len: u32,
    /// How many hold it; nothing of it is left when none does.
    holders: u32,
}

impl Symbols {
    /// The string of a number that is held.
    pub(super) fn get(&self, symbol: Symbol) -> &str {
        let entry = self.entries[symbol as usize];
        &self.text[entry.offset as usize..][..entry.len as usize]
    }

    pub(super) fn find(&self, text: &str) -> Option<Symbol> {
        self.by_text.find(self.hasher.hash_one(text), |symbol| self.get(*symbol) == text).copied()
    }

    /// The number of a string, for one more holder; none when there is no more room.
    pub(super) fn hold(&mut self, text: &str) -> Option<Symbol> {
        let hash = self.hasher.hash_one(text);
        if let Some(symbol) = self.by_text.find(hash, |symbol| self.get(*symbol) == text).copied() {
            self.entries[symbol as usize].holders += 1;
            return Some(symbol);
        }
        if self.text.len() + text.len() > MAX_BYTES {
            return None;
        }
        let entry = Entry { offset: self.text.len() as u32, len: text.len() as u32, holders: 1 };
        self.text.push_str(text);
        let symbol = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            self.entries.len() as u32 - 1
        });
        self.entries[symbol as usize] = entry;
        let (hasher, entries, text) = (&self.hasher, &self.entries, &self.text);
        let hash_of = |symbol: &Symbol| {
            let entry = entries[*symbol as usize];
            hasher.hash_one(&text[entry.offset as usize..][..entry.len as usize])
        };
        self.by_text.insert_unique(hash, symbol, hash_of);
        Some(symbol)
    }

    /// One holder less.
    pub(super) fn release(&mut self, symbol: Symbol) {
        let entry = &mut self.entries[symbol as usize];
        entry.holders -= 1;
        if entry.holders > 0 {
            return;
        }
        self.garbage += entry.len as usize;
        let hash = self.hasher.hash_one(self.get(symbol));
        if let Ok(found) = self.by_text.find_entry(hash, |known| *known == symbol) {
            found.remove();
        }
        self.entries[symbol as usize] = Entry::default();
        self.free.push(symbol);
        if self.garbage > (64 << 10) + self.text.len() / 2 {
            self.compact();
        }
    }

    /// Copies what is held together.
    fn compact(&mut self) {
        let mut text = String::with_capacity(self.text.len() - self.garbage);
        for entry in self.entries.iter_mut().filter(|entry| entry.holders > 0) {
            let offset = text.len() as u32;
            text.push_str(&self.text[entry.offset as usize..][..entry.len as usize]);
            entry.offset = offset;
        }
        self.text = text;
        self.garbage = 0;
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.text.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * size_of::<Symbol>()
            + self.by_text.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_is_there_as_long_as_it_is_held(steps in prop::collection::vec(("[a-c]{0,2}", any::<bool>()), 0..200)) {
            let mut symbols = Symbols::default();
            let mut held: BTreeMap<String, Vec<Symbol>> = BTreeMap::new();
            for (text, hold) in steps {
                if hold {
                    held.entry(text.clone()).or_default().push(symbols.hold(&text).unwrap());
                } else if let Some(symbol) = held.get_mut(&text).and_then(Vec::pop) {
                    symbols.release(symbol);
                }
                held.retain(|_, numbers| !numbers.is_empty());
                symbols.compact();
                for (text, numbers) in &held {
                    prop_assert!(numbers.iter().all(|symbol| symbols.get(*symbol) == text));
                    prop_assert_eq!(symbols.find(text), Some(numbers[0]));
                }
                prop_assert_eq!(symbols.by_text.len(), held.len());
                prop_assert_eq!(symbols.text.len(), held.keys().map(String::len).sum::<usize>());
            }
        }
    }
}
