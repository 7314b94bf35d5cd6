//! Distinct byte strings, numbered from 0 on in the order they came.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::columns::Strings;

/// Distinct strings. One that is there already is found without an allocation, and mostly with one comparison.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    strings: Strings,
    /// Open addressed by the lower half of hashes; none before a string is looked for.
    slots: Vec<Slot>,
    hasher: RandomState,
}

/// A string's place.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The upper half of its hash.
    tag: u32,
    /// Its number and one; 0 where the slot is free.
    number: u32,
}

impl Interner {
    /// The number of a string, a new one if need be.
    #[inline]
    pub(crate) fn number(&mut self, string: &[u8]) -> u32 {
        self.number_if(string, |_| true).unwrap_or_default()
    }

    /// The number of a string, a new one only if it is accepted.
    #[inline]
    pub(crate) fn number_if(&mut self, string: &[u8], accept: impl FnOnce(&[u8]) -> bool) -> Option<u32> {
        if self.strings.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = self.hasher.hash_one(string);
        let at = self.slot(hash, string);
        match self.slots[at].number {
            0 if !accept(string) => None,
            0 => {
                let number = self.strings.len() as u32;
                self.slots[at] = Slot { tag: (hash >> 32) as u32, number: number + 1 };
                self.strings.push(string);
                Some(number)
            }
            number => Some(number - 1),
        }
    }

    /// The number of a string that is there.
    pub(crate) fn find(&self, string: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return self.strings.iter().position(|other| other == string).map(|at| at as u32);
        }
        self.slots[self.slot(self.hasher.hash_one(string), string)].number.checked_sub(1)
    }

    /// The string of a number.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &[u8] {
        self.strings.get(number as usize)
    }

    /// All strings, in the order of their numbers.
    pub(crate) fn strings(&self) -> &Strings {
        &self.strings
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.strings.len()
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.strings.memory() + self.slots.capacity() * size_of::<Slot>()
    }

    /// The slot that a string is in, or the free one that it would be in.
    #[inline]
    fn slot(&self, hash: u64, string: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.number == 0 || slot.tag == (hash >> 32) as u32 && self.get(slot.number - 1) == string {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.slots = vec![Slot::default(); (self.strings.len() * 4).next_power_of_two().max(16)];
        for at in 0..self.strings.len() {
            let string = self.strings.get(at);
            let hash = self.hasher.hash_one(string);
            let slot = self.slot(hash, string);
            self.slots[slot] = Slot { tag: (hash >> 32) as u32, number: at as u32 + 1 };
        }
    }
}

/// Numbered as they stand. Of one that is there twice either number may be found.
impl From<Strings> for Interner {
    fn from(strings: Strings) -> Self {
        Self { strings, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_string_has_one_number(strings in prop::collection::vec("[ab]{0,6}", 0..300), known in 0usize..300) {
            let mut model: Vec<&str> = Vec::new();
            let mut interner = Interner::default();
            for (at, string) in strings.iter().enumerate() {
                if at == known {
                    interner = Interner::from(interner.strings().clone());
                }
                let expected = model.iter().position(|other| other == string);
                prop_assert_eq!(interner.find(string.as_bytes()), expected.map(|at| at as u32));
                prop_assert_eq!(interner.number_if(string.as_bytes(), |_| false), expected.map(|at| at as u32));
                let number = interner.number(string.as_bytes());
                prop_assert_eq!(number as usize, expected.unwrap_or(model.len()));
                if expected.is_none() {
                    model.push(string);
                }
                prop_assert_eq!(interner.get(number), string.as_bytes());
                prop_assert_eq!(interner.len(), model.len());
            }
        }
    }
}
