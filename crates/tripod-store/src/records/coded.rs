//! Short text that repeats, in memory: each distinct string once, and four bytes a row.
//!
//! The empty string is code 0 and takes no room at the end of a column: one that is never set costs nothing.

use super::interner::Interner;
use super::picks::{Picks, Renumbering};
use crate::columns::Malformed;
use crate::columns::strings::{self, StringColumn};

/// Distinct strings, numbered in the order they came; the empty one is number 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dictionary {
    /// All but the empty one, each by the number before its own.
    others: Interner,
}

impl Dictionary {
    /// The number of a string, a new one if need be.
    pub(crate) fn code(&mut self, string: &[u8]) -> u32 {
        if string.is_empty() { 0 } else { self.others.number(string) + 1 }
    }

    /// The number of a string that is there.
    pub(crate) fn find(&self, string: &[u8]) -> Option<u32> {
        if string.is_empty() { Some(0) } else { self.others.find(string).map(|number| number + 1) }
    }

    /// The string of a number.
    #[inline]
    pub(crate) fn get(&self, code: u32) -> &[u8] {
        if code == 0 { &[] } else { self.others.get(code - 1) }
    }

    /// How many there are, the empty one too.
    pub(crate) fn len(&self) -> usize {
        self.others.len() + 1
    }

    /// Bytes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.others.memory()
    }
}

/// A column of such strings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coded {
    pub(crate) dictionary: Dictionary,
    pub(crate) codes: Rare<u32>,
}

impl Coded {
    /// Sets the value of `row`, which follows the rows that were set before.
    #[inline]
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

    /// Adds rows of other columns from row `at` on.
    pub(crate) fn gather<S>(&mut self, at: usize, from: Picks<'_, S>, column: impl Fn(&S) -> &Self) {
        if from.all(|source| column(source).codes.is_empty()) {
            return;
        }
        let mut known = vec![Renumbering::default(); from.sources.len()];
        for (row, pick) in from.picks.iter().enumerate() {
            let source = column(from.sources[pick.source as usize]);
            let code = source.codes.get(pick.row as usize);
            if code != 0 {
                let (known, dictionary) = (&mut known[pick.source as usize], &source.dictionary);
                let code = known.get(code, dictionary.len(), || self.dictionary.code(dictionary.get(code)));
                self.codes.set(at + row, code);
            }
        }
    }

    /// Encodes the values of `rows` rows.
    pub(crate) fn encode(&self, rows: usize, out: &mut Vec<u8>) {
        let text = |code| self.dictionary.get(code);
        strings::encode_coded(self.dictionary.len(), text, (0..rows).map(|row| self.codes.get(row)), out);
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

    /// Adds rows of other columns from row `at` on.
    pub(crate) fn gather<S>(&mut self, at: usize, from: Picks<'_, S>, column: impl Fn(&S) -> &Self) {
        if !from.all(|source| column(source).is_empty()) {
            let values = from.iter().map(|(source, row)| column(source).get(row));
            values.enumerate().for_each(|(row, value)| self.set(at + row, value));
        }
    }

    /// Makes room for so many rows more.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.values.reserve_exact(rows);
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

    use super::super::picks::Pick;
    use super::*;

    proptest! {
        #[test]
        fn a_column_gives_back_what_was_set_gathered_and_encoded(
            values in prop::collection::vec("[ab]{0,3}", 0..80), others in prop::collection::vec("[bc]{0,3}", 0..80),
            order in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..80),
        ) {
            let mut column = Coded::default();
            values.iter().enumerate().for_each(|(row, value)| column.set(row, value.as_bytes()));
            values.iter().enumerate().for_each(|(row, value)| assert_eq!(column.text(row), *value));
            let mut bytes = Vec::new();
            column.encode(values.len(), &mut bytes);
            let decoded = Coded::decode(&bytes, values.len()).unwrap();
            values.iter().enumerate().for_each(|(row, value)| assert_eq!(decoded.text(row), *value));
            let mut other = Coded::default();
            others.iter().enumerate().for_each(|(row, value)| other.set(row, value.as_bytes()));
            let sources = [&values, &others];
            let order: Vec<Pick> = order
                .into_iter()
                .filter(|(source, _)| !sources[usize::from(*source)].is_empty())
                .map(|(source, at)| {
                    let row = at.index(sources[usize::from(source)].len()) as u32;
                    Pick { source: source.into(), row }
                })
                .collect();
            let mut gathered = Coded::default();
            gathered.set(0, b"first");
            gathered.gather(1, Picks { sources: &[&column, &other], picks: &order }, |column| column);
            for (row, pick) in order.iter().enumerate() {
                assert_eq!(gathered.text(row + 1), sources[pick.source as usize][pick.row as usize]);
            }
            prop_assert!(values.iter().all(|value| column.dictionary.find(value.as_bytes()).is_some()));
            prop_assert_eq!(column.dictionary.find(b"none"), None);
        }
    }
}
