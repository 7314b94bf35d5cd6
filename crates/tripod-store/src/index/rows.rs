//! From an id's hash to rows, with two short reads.
//!
//! Of a hash 32 bits are kept: a part of a million ids then gives a wrong row once in 4,000 look-ups, and whoever asks compares
//! the id itself anyway. Entries lie in buckets of about [`BUCKET`] by the hash's first bits, which therefore are not stored;
//! the rest and the row take just as many bits as they need, sorted by hash. A directory says where each bucket begins and what
//! its checksum is. A million ids in 10 million rows take 5.5 bytes each, 8 while they are gathered. Indexes are joined a bucket
//! at a time, for they are sorted.
//!
//! ```text
//! version u8 · bucket bits u8 · row bits u8 · 0u8 · entries u32
//! (bucket's first byte u64 · its CRC-32 u32) for each bucket · end u64
//! buckets, each of whole bytes: (rest of hash, row) bit by bit, lowest first
//! ```

use std::iter::Peekable;

use super::postings::Sink;
use super::{Section, fetch, fetch_checked};
use crate::StoreError;
use crate::columns::{Malformed, bits};

const VERSION: u8 = 1;
const HEADER: u64 = 8;
const DIRECTORY_ENTRY: u64 = 12;

/// Entries that a bucket has on average, at most.
const BUCKET: usize = 256;

/// An entry is never shorter than a byte, so that the padding of a bucket holds none.
const MAX_BUCKET_BITS: u32 = 24;

/// Gathers rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Builder {
    /// The hash's 32 bits above the row's.
    entries: Vec<u64>,
}

/// An index whose entries another one gets.
pub(crate) struct Input<'a> {
    /// The index.
    pub(crate) rows: &'a Rows,
    /// Where it is.
    pub(crate) section: &'a dyn Section,
    /// What a row is called in the other one; none where it is not to be in it.
    pub(crate) row: &'a dyn Fn(u32) -> Option<u32>,
}

/// Gets a bucket, and how many entries it has.
type Visit<'a> = dyn FnMut(&[u8], usize) -> Result<(), StoreError> + 'a;

impl Builder {
    /// Adds a row; one hash may have many.
    pub(crate) fn push(&mut self, hash: u64, row: u32) {
        self.entries.push(hash & !0xffff_ffff | u64::from(row));
    }

    /// Writes the index of what was pushed and of what the inputs have. Their rows get numbers below `rows`, of at most 32 bits.
    ///
    /// The inputs are read twice, a bucket at a time: the directory, which comes first, says where buckets end. It is kept in memory,
    /// 12 bytes for each 256 entries.
    pub(crate) fn finish(mut self, inputs: &[Input<'_>], rows: u64, sink: &mut Sink<'_>) -> Result<(), StoreError> {
        self.entries.sort_unstable();
        let most = self.entries.iter().map(|entry| *entry as u32).max().unwrap_or_default();
        let most = most.max(u32::try_from(rows.saturating_sub(1)).unwrap_or(u32::MAX));
        let count = inputs.iter().fold(self.entries.len() as u64, |count, input| count + u64::from(input.rows.count));
        let bucket_bits =
            (count.div_ceil(BUCKET as u64).max(1)).next_power_of_two().trailing_zeros().min(MAX_BUCKET_BITS);
        let shape = Shape { bucket_bits, row_bits: 32 - most.leading_zeros() };

        let mut directory = Vec::new();
        let mut place = shape.directory_len() + HEADER;
        let mut count = 0u32;
        self.buckets(shape, inputs, &mut |bucket, entries| {
            directory.extend_from_slice(&place.to_le_bytes());
            directory.extend_from_slice(&crc32fast::hash(bucket).to_le_bytes());
            place += bucket.len() as u64;
            count = count.saturating_add(entries as u32);
            Ok(())
        })?;
        directory.extend_from_slice(&place.to_le_bytes());
        sink(&[VERSION, bucket_bits as u8, shape.row_bits as u8, 0])?;
        sink(&count.to_le_bytes())?;
        sink(&directory)?;
        self.buckets(shape, inputs, &mut |bucket, _| sink(bucket))
    }

    /// Hands out one bucket after the other, with how many entries it has.
    fn buckets(&self, shape: Shape, inputs: &[Input<'_>], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut pushed = self.entries.as_slice();
        let mut cursors: Vec<_> = inputs.iter().map(|input| input.rows.entries(input.section).peekable()).collect();
        let (mut entries, mut bytes) = (Vec::new(), Vec::new());
        for bucket in 0..shape.buckets() {
            let here = pushed.partition_point(|entry| shape.bucket(*entry >> 32) == bucket);
            entries.extend_from_slice(&pushed[..here]);
            pushed = &pushed[here..];
            for (input, cursor) in inputs.iter().zip(&mut cursors) {
                take(
                    cursor,
                    |entry| shape.bucket(entry >> 32) == bucket,
                    |entry| {
                        let row = (input.row)(entry as u32);
                        entries.extend(row.map(|row| entry & !0xffff_ffff | u64::from(row)));
                    },
                )?;
            }
            entries.sort_unstable();
            entries.dedup();
            let mut writer = bits::Writer::new(&mut bytes);
            for entry in &entries {
                writer.put(entry >> 32 & bits::mask(shape.rest_bits()), shape.rest_bits());
                writer.put(entry & 0xffff_ffff, shape.row_bits);
            }
            writer.finish();
            visit(&bytes, entries.len())?;
            entries.clear();
            bytes.clear();
        }
        // What was in no bucket's turn.
        for (input, mut cursor) in inputs.iter().zip(cursors) {
            if let Some(entry) = cursor.next() {
                entry?;
                return Err(input.section.damaged(0, Malformed("entries are not in order")));
            }
        }
        Ok(())
    }
}

/// Takes entries as long as they are wanted.
fn take(
    entries: &mut Peekable<impl Iterator<Item = Result<u64, StoreError>>>,
    wanted: impl Fn(u64) -> bool,
    mut visit: impl FnMut(u64),
) -> Result<(), StoreError> {
    while let Some(entry) = entries.next_if(|entry| entry.as_ref().map_or(true, |entry| wanted(*entry))) {
        visit(entry?);
    }
    Ok(())
}

/// An index that is open: what its header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    shape: Shape,
    /// Entries, as the header says.
    count: u32,
}

impl Rows {
    /// Reads the header.
    pub(crate) fn open(section: &dyn Section) -> Result<Self, StoreError> {
        let header = fetch(section, 0, HEADER)?;
        let shape = Shape { bucket_bits: header[1].into(), row_bits: header[2].into() };
        if header[0] != VERSION || header[3] != 0 || shape.bucket_bits > MAX_BUCKET_BITS || shape.row_bits > 32 {
            return Err(section.damaged(0, Malformed("an index of rows in no known encoding")));
        }
        if HEADER + shape.directory_len() > section.len() {
            return Err(section.damaged(0, Malformed("an index of rows is cut off")));
        }
        let count = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        // None is shorter than a byte.
        if u64::from(count) > section.len() {
            return Err(section.damaged(0, Malformed("an index of rows has fewer than it says")));
        }
        Ok(Self { shape, count })
    }

    /// The rows of a hash, in order. Now and then there is one of another hash among them.
    pub(crate) fn find(&self, section: &dyn Section, hash: u64) -> Result<Vec<u32>, StoreError> {
        let hash = hash >> 32;
        let bucket = Self::bucket(section, self.shape.bucket(hash))?;
        let wanted = hash & bits::mask(self.shape.rest_bits());
        let first = partition_point(self.shape.count(&bucket), |at| self.shape.entry(&bucket, at).0 < wanted);
        Ok((first..self.shape.count(&bucket))
            .map(|at| self.shape.entry(&bucket, at))
            .take_while(|(rest, _)| *rest == wanted)
            .map(|(_, row)| row)
            .collect())
    }

    /// All entries in order, a bucket in memory at a time: the 32 bits of a hash that are kept above those of the row.
    pub(crate) fn entries<'a>(&self, section: &'a dyn Section) -> Entries<'a> {
        Entries { shape: self.shape, section, next: 0, bucket: Vec::new(), at: 0 }
    }

    fn bucket(section: &dyn Section, number: u64) -> Result<Vec<u8>, StoreError> {
        let place = HEADER + number * DIRECTORY_ENTRY;
        let entry = fetch(section, place, DIRECTORY_ENTRY + 8)?;
        let (start, checksum, end) =
            (long(&entry[..8]), u32::from_le_bytes([entry[8], entry[9], entry[10], entry[11]]), long(&entry[12..]));
        let Some(len) = end.checked_sub(start) else {
            return Err(section.damaged(place, Malformed("a bucket ends before it begins")));
        };
        fetch_checked(section, start, len, checksum)
    }
}

/// The entries of an index, from the first to the last; after an error there are no more.
pub(crate) struct Entries<'a> {
    shape: Shape,
    section: &'a dyn Section,
    /// The bucket that comes next.
    next: u64,
    /// The bucket at hand, and how many entries of it were handed out.
    bucket: Vec<u8>,
    at: usize,
}

impl Iterator for Entries<'_> {
    type Item = Result<u64, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at == self.shape.count(&self.bucket) {
            if self.next == self.shape.buckets() {
                return None;
            }
            match Rows::bucket(self.section, self.next) {
                Ok(bucket) => (self.bucket, self.at) = (bucket, 0),
                Err(error) => {
                    self.next = self.shape.buckets();
                    return Some(Err(error));
                }
            }
            self.next += 1;
        }
        let (rest, row) = self.shape.entry(&self.bucket, self.at);
        self.at += 1;
        Some(Ok(((self.next - 1) << self.shape.rest_bits() | rest) << 32 | u64::from(row)))
    }
}

/// How entries are laid out.
#[derive(Debug, Clone, Copy)]
struct Shape {
    bucket_bits: u32,
    row_bits: u32,
}

impl Shape {
    fn buckets(self) -> u64 {
        1 << self.bucket_bits
    }

    fn directory_len(self) -> u64 {
        self.buckets() * DIRECTORY_ENTRY + 8
    }

    /// Bits of a hash that its bucket does not say.
    fn rest_bits(self) -> u32 {
        32 - self.bucket_bits
    }

    fn bucket(self, hash: u64) -> u64 {
        hash >> self.rest_bits()
    }

    fn entry_bits(self) -> u32 {
        self.rest_bits() + self.row_bits
    }

    /// Entries in a bucket.
    fn count(self, bucket: &[u8]) -> usize {
        bucket.len() * 8 / self.entry_bits() as usize
    }

    /// The rest of the hash, and the row.
    fn entry(self, bucket: &[u8], at: usize) -> (u64, u32) {
        let start = at * self.entry_bits() as usize;
        let row = bits::get(bucket, start + self.rest_bits() as usize, self.row_bits);
        (bits::get(bucket, start, self.rest_bits()), row as u32)
    }
}

fn long(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The first place below `len` where `before` does not hold; it holds for places up to there.
fn partition_point(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::hash;
    use super::super::tests::Memory;
    use super::*;

    fn index(entries: &[(u64, u32)]) -> Memory {
        let mut builder = Builder::default();
        entries.iter().for_each(|(hash, row)| builder.push(*hash, *row));
        finish(builder, &[], 0).unwrap()
    }

    fn finish(builder: Builder, inputs: &[Input<'_>], rows: u64) -> Result<Memory, StoreError> {
        let mut bytes = Vec::new();
        builder.finish(inputs, rows, &mut |more| {
            bytes.extend_from_slice(more);
            Ok(())
        })?;
        Ok(Memory::new(bytes))
    }

    /// All entries: the hashes' upper halves and rows.
    fn entries(section: &Memory) -> Result<Vec<(u64, u32)>, StoreError> {
        let entries = Rows::open(section)?.entries(section);
        entries.map(|entry| entry.map(|entry| (entry >> 32, entry as u32))).collect()
    }

    proptest! {
        #[test]
        fn rows_are_found_by_their_hash(
            entries in proptest::collection::vec((any::<u64>(), any::<u32>()), 0..2000),
            shift in 0u32..32,
            other in any::<u64>(),
        ) {
            // The fewer bits, the more rows a hash has.
            let entries: Vec<_> = entries.into_iter().map(|(hash, row)| (hash >> shift << shift.min(20), row >> shift)).collect();
            let mut model: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
            entries.iter().for_each(|(hash, row)| model.entry(hash >> 32).or_default().push(*row));
            for rows in model.values_mut() {
                rows.sort_unstable();
                rows.dedup();
            }
            let section = index(&entries);
            let rows = Rows::open(&section).unwrap();
            for (hash, expected) in &model {
                prop_assert_eq!(&rows.find(&section, hash << 32).unwrap(), expected);
            }
            prop_assert_eq!(rows.find(&section, other).unwrap(), model.get(&(other >> 32)).cloned().unwrap_or_default());
            let all: Vec<(u64, u32)> =
                model.iter().flat_map(|(hash, rows)| rows.iter().map(|row| (*hash, *row))).collect();
            prop_assert_eq!(self::entries(&section).unwrap(), all);
        }

        #[test]
        fn an_index_of_several_has_what_they_have_by_new_names(
            several in proptest::collection::vec(proptest::collection::vec((any::<u64>(), 0u32..1 << 20), 0..900), 0..4),
            pushed in proptest::collection::vec((any::<u64>(), 0u32..1 << 20), 0..300),
            gone in 1u32..9,
        ) {
            let row = |input: u32, row: u32| (row % 9 != gone).then_some(row ^ input << 18);
            let sections: Vec<Memory> = several.iter().map(|entries| index(entries)).collect();
            let opened: Vec<Rows> = sections.iter().map(|section| Rows::open(section).unwrap()).collect();
            let names: Vec<_> = (0..).zip(&several).map(|(input, _)| move |old: u32| row(input, old)).collect();
            let inputs: Vec<Input<'_>> = (opened.iter().zip(&sections).zip(&names))
                .map(|((rows, section), row)| Input { rows, section, row })
                .collect();
            let mut builder = Builder::default();
            pushed.iter().for_each(|(hash, row)| builder.push(*hash, *row));
            let merged = finish(builder, &inputs, 1 << 20).unwrap();
            let of_inputs = (0..).zip(&several).flat_map(|(input, entries)| {
                entries.iter().filter_map(move |(hash, old)| Some((hash >> 32, row(input, *old)?)))
            });
            let mut model: Vec<(u64, u32)> =
                of_inputs.chain(pushed.iter().map(|(hash, row)| (hash >> 32, *row))).collect();
            model.sort_unstable();
            model.dedup();
            prop_assert_eq!(entries(&merged).unwrap(), model);
        }

        #[test]
        fn any_bytes_are_an_error_or_rows(
            entries in proptest::collection::vec((any::<u64>(), any::<u32>()), 0..600),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut section = index(&entries);
            for (place, byte) in changes {
                let place = place.index(section.bytes.len());
                section.bytes[place] = byte;
            }
            let whole = Memory::new(section.bytes.clone());
            section.bytes.truncate(cut.index(section.bytes.len()));
            for section in [section, whole] {
                if let Ok(rows) = Rows::open(&section) {
                    for (hash, _) in &entries {
                        let _ = rows.find(&section, *hash);
                    }
                    let _ = self::entries(&section);
                    let _ = finish(Builder::default(), &[Input { rows: &rows, section: &section, row: &Some }], 1 << 32);
                }
            }
        }
    }

    #[test]
    fn a_changed_bucket_is_damage_and_the_others_serve() {
        let entries: Vec<_> = (0..10_000u32).map(|row| (hash::id(&row.to_le_bytes()), row)).collect();
        let mut section = index(&entries);
        let last = section.bytes.len() - 1;
        section.bytes[last] ^= 0x80;
        let rows = Rows::open(&section).unwrap();
        let damaged = entries.iter().filter(|(hash, _)| rows.find(&section, *hash).is_err()).count();
        assert!((1..1000).contains(&damaged), "{damaged}");
    }

    #[test]
    fn a_look_up_reads_twice_and_an_entry_takes_six_bytes() {
        let entries: Vec<_> = (0..100_000u32).map(|trace| (hash::id(&trace.to_le_bytes()), trace * 10)).collect();
        let section = index(&entries);
        let rows = Rows::open(&section).unwrap();
        assert!(section.bytes.len() <= 6 * entries.len(), "{}", section.bytes.len());
        section.reads.set(0);
        assert_eq!(rows.find(&section, entries[4321].0).unwrap(), [43210]);
        assert_eq!(section.reads.get(), 2);
    }
}
