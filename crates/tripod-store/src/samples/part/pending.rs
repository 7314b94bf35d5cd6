//! Series of a part that is being written, before the places of their label pairs are known.

use super::entries::{self, Chunk};
use crate::columns::varint;

/// Series, encoded: their labels as numbers of the interner, their chunks.
#[derive(Default)]
pub(super) struct Entries {
    bytes: Vec<u8>,
    /// How many there are.
    pub(super) series: u32,
    /// The labels of the last one.
    pub(super) before: Vec<u32>,
    expected: u64,
}

impl Entries {
    /// Adds a series.
    pub(super) fn push(&mut self, labels: &[u32], chunks: &[Chunk]) {
        let shared = self.before.iter().zip(labels).take_while(|(before, label)| before == label).count();
        varint::put(shared as u64, &mut self.bytes);
        varint::put((labels.len() - shared) as u64, &mut self.bytes);
        labels[shared..].iter().for_each(|label| varint::put((*label).into(), &mut self.bytes));
        labels.clone_into(&mut self.before);
        varint::put(chunks.len() as u64, &mut self.bytes);
        chunks.iter().for_each(|chunk| entries::put_chunk(chunk, &mut self.expected, &mut self.bytes));
        self.series += 1;
    }

    /// Reads them from the first on.
    pub(super) fn read(&self) -> EntriesReader<'_> {
        EntriesReader { rest: &self.bytes, labels: Vec::new(), chunks: Vec::new(), expected: 0 }
    }
}

/// One series at a time.
pub(super) struct EntriesReader<'a> {
    rest: &'a [u8],
    pub(super) labels: Vec<u32>,
    pub(super) chunks: Vec<Chunk>,
    expected: u64,
}

impl EntriesReader<'_> {
    /// Goes to the next series. What is read here was written here.
    pub(super) fn next(&mut self) {
        let mut number = || varint::take(&mut self.rest).unwrap_or_default();
        let (shared, rest) = (number() as usize, number());
        self.labels.truncate(shared);
        for _ in 0..rest {
            self.labels.push(number() as u32);
        }
        let chunks = number();
        self.chunks.clear();
        self.chunks.extend((0..chunks).map_while(|_| entries::take_chunk(&mut self.expected, &mut self.rest).ok()));
    }
}
