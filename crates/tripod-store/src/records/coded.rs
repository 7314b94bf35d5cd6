//! Short text that repeats, in memory: each distinct string once, and four bytes a row.
//!
//! The empty string is code 0 and takes no room at the end of a column: one that is never set costs nothing.

use std::hash::BuildHasher;

use crate::columns::strings::{self, StringColumn};
use crate::columns::{Malformed, Strings};

/// Distinct strings, numbered in the order they came; the empty one is number 0.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    values: Strings,
    /// Numbers, open addressed by the hash of their strings; 0 is a free slot.
    slots: Vec<u32>,
}

impl Default for Dictionary {
    fn default() -> Self {
        let mut values = Strings::default();
        values.push(b"");
        Self { values, slots: Vec::new() }
    }
}

impl Dictionary {
    /// The number of a string, a new one if need be.
    pub(crate) fn code(&mut self, string: &[u8]) -> u32 {
        if string.is_empty() {
            return 0;
        }
        if self.values.len() * 2 > self.slots.len() {
            self.grow();
        }
        let slot = self.slot(string);
        if self.slots[slot] == 0 {
            self.slots[slot] = self.values.len() as u32;
            self.values.push(string);
        }
        self.slots[slot]
    }

    /// The number of a string that is there.
    pub(crate) fn find(&self, string: &[u8]) -> Option<u32> {
        if string.is_empty() {
            return Some(0);
        }
        let code = self.slots.get(if self.slots.is_empty() { 0 } else { self.slot(string) })?;
        (*code != 0).then_some(*code)
    }

    /// The string of a number.
    pub(crate) fn get(&self, code: u32) -> &[u8] {
        self.values.get(code as usize)
    }

    /// How many there are, the empty one too.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.values.memory() + self.slots.capacity() * size_of::<u32>()
    }

    /// The slot that a string is in, or the free one that it would be in.
    fn slot(&self, string: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(string) as usize & mask;
        while self.slots[slot] != 0 && self.get(self.slots[slot]) != string {
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[cold]
    fn grow(&mut self) {
        self.slots = vec![0; (self.values.len() * 4).next_power_of_two().max(16)];
        for code in 1..self.values.len() {
            let slot = self.slot(self.values.get(code));
            self.slots[slot] = code as u32;
        }
    }
}

/// Only ever compared within one process.
fn hash(string: &[u8]) -> u64 {
    foldhash::fast::FixedState::default().hash_one(string)
}

/// A column of such strings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coded {
    pub(crate) dictionary: Dictionary,
    pub(crate) codes: Rare<u32>,
}

impl Coded {
    /// Sets the value of `row`, which follows the rows that were set before.
    pub(crate) fn set(&mut self, row: usize, string: &[u8]) {
        if string.is_empty() {
            return;
        }
        // Senders report what happens often in a row: the last one is tried first.
        let last = self.codes.last();
        let code = if self.dictionary.get(last) == string { last } else { self.dictionary.code(string) };
        self.codes.set(row, code);
    }

    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        self.dictionary.get(self.codes.get(row))
    }

    /// The value of a row as text.
    pub(crate) fn text(&self, row: usize) -> String {
        String::from_utf8_lossy(self.get(row)).into_owned()
    }

    /// Adds rows of another column from row `at` on; `codes` translates what has been met before.
    pub(crate) fn gather(&mut self, at: usize, from: &Self, rows: impl Iterator<Item = usize>) {
        if from.codes.is_empty() {
            return;
        }
        let mut known = vec![u32::MAX; from.dictionary.len()];
        known[0] = 0;
        for (row, source) in rows.enumerate() {
            let code = from.codes.get(source);
            if code != 0 {
                if known[code as usize] == u32::MAX {
                    known[code as usize] = self.dictionary.code(from.dictionary.get(code));
                }
                self.codes.set(at + row, known[code as usize]);
            }
        }
    }

    /// Encodes the values of `rows` rows.
    pub(crate) fn encode(&self, rows: usize, out: &mut Vec<u8>) {
        strings::encode_coded(&self.dictionary.values, (0..rows).map(|row| self.codes.get(row)), out);
    }

    /// What [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8], rows: usize) -> Result<Self, Malformed> {
        let mut column = Self::default();
        match strings::decode(bytes, rows)? {
            StringColumn::Plain(values) => values.iter().enumerate().for_each(|(row, value)| column.set(row, value)),
            StringColumn::Dictionary { values, codes } => {
                let known: Vec<u32> = values.iter().map(|value| column.dictionary.code(value)).collect();
                column.codes = Rare { values: codes.into_iter().map(|code| known[code as usize]).collect() };
            }
        }
        Ok(column)
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.dictionary.memory() + self.codes.memory()
    }
}

/// A column whose rows mostly hold the default: it is as long as the last row that holds something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rare<T> {
    values: Vec<T>,
}

impl<T: Copy + Default + PartialEq> Rare<T> {
    /// Sets the value of `row`, which follows the rows that were set before.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: T) {
        if value != T::default() {
            self.values.resize(row, T::default());
            self.values.push(value);
        }
    }

    /// The value of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> T {
        self.values.get(row).copied().unwrap_or_default()
    }

    /// The last value that was set.
    fn last(&self) -> T {
        self.values.last().copied().unwrap_or_default()
    }

    /// Whether all rows hold the default.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds rows of another column from row `at` on.
    pub(crate) fn gather(&mut self, at: usize, from: &Self, rows: impl Iterator<Item = usize>) {
        if !from.is_empty() {
            rows.enumerate().for_each(|(row, source)| self.set(at + row, from.get(source)));
        }
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.values.capacity() * size_of::<T>()
    }
}

impl<T> From<Vec<T>> for Rare<T> {
    fn from(values: Vec<T>) -> Self {
        Self { values }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_column_gives_back_what_was_set_gathered_and_encoded(
            values in prop::collection::vec("[ab]{0,3}", 0..80), order in prop::collection::vec(0usize..80, 0..80),
        ) {
            let mut column = Coded::default();
            values.iter().enumerate().for_each(|(row, value)| column.set(row, value.as_bytes()));
            values.iter().enumerate().for_each(|(row, value)| assert_eq!(column.text(row), *value));
            let mut bytes = Vec::new();
            column.encode(values.len(), &mut bytes);
            let decoded = Coded::decode(&bytes, values.len()).unwrap();
            values.iter().enumerate().for_each(|(row, value)| assert_eq!(decoded.text(row), *value));
            let order: Vec<usize> = order.into_iter().filter(|row| *row < values.len()).collect();
            let mut gathered = Coded::default();
            gathered.set(0, b"first");
            gathered.gather(1, &column, order.iter().copied());
            order.iter().enumerate().for_each(|(row, from)| assert_eq!(gathered.text(row + 1), values[*from]));
            prop_assert!(values.iter().all(|value| column.dictionary.find(value.as_bytes()).is_some()));
            prop_assert_eq!(column.dictionary.find(b"none"), None);
        }
    }
}
