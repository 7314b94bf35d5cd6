//! From an id's hash to rows, with two short reads.
//!
//! Of a hash 32 bits are kept: a part of a million ids then gives a wrong row once in 4,000 look-ups, and whoever asks compares
//! the id itself anyway. Entries lie in buckets of about [`BUCKET`] by the hash's first bits, which therefore are not stored;
//! the rest and the row take just as many bits as they need, sorted by hash. A directory says where each bucket begins and what
//! its checksum is. A million ids in 10 million rows take 5.5 bytes each, 8 while they are gathered.
//!
//! ```text
//! version u8 · bucket bits u8 · row bits u8 · 0u8 · entries u32
//! (bucket's first byte u64 · its CRC-32 u32) for each bucket · end u64
//! buckets, each of whole bytes: (rest of hash, row) bit by bit, lowest first
//! ```

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

impl Builder {
    /// Adds a row; one hash may have many.
    pub(crate) fn push(&mut self, hash: u64, row: u32) {
        self.entries.push(hash & !0xffff_ffff | u64::from(row));
    }

    /// The index.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entries.sort_unstable();
        self.entries.dedup();
        let count = self.entries.len();
        let bucket_bits =
            (count.div_ceil(BUCKET).max(1) as u32).next_power_of_two().trailing_zeros().min(MAX_BUCKET_BITS);
        let max_row = self.entries.iter().map(|entry| *entry as u32).max().unwrap_or_default();
        let shape = Shape { bucket_bits, row_bits: 32 - max_row.leading_zeros() };

        let mut out = vec![VERSION, bucket_bits as u8, shape.row_bits as u8, 0];
        out.extend_from_slice(&(count as u32).to_le_bytes());
        let mut place = shape.directory_len() + HEADER;
        let mut buckets = Vec::with_capacity(count * 6);
        let mut rest = self.entries.as_slice();
        for bucket in 0..shape.buckets() {
            let here = rest.partition_point(|entry| shape.bucket(*entry >> 32) == bucket);
            let (entries, behind) = rest.split_at(here);
            rest = behind;
            let start = buckets.len();
            let mut writer = bits::Writer::new(&mut buckets);
            for entry in entries {
                writer.put(entry >> 32 & bits::mask(shape.rest_bits()), shape.rest_bits());
                writer.put(entry & 0xffff_ffff, shape.row_bits);
            }
            writer.finish();
            out.extend_from_slice(&place.to_le_bytes());
            out.extend_from_slice(&crc32fast::hash(&buckets[start..]).to_le_bytes());
            place += (buckets.len() - start) as u64;
        }
        out.extend_from_slice(&place.to_le_bytes());
        out.append(&mut buckets);
        out
    }
}

/// An index that is open: what its header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    shape: Shape,
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
        Ok(Self { shape })
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

    /// All hashes (of which the upper 32 bits are left) with their rows, to write them into another index.
    pub(crate) fn for_each(&self, section: &dyn Section, mut visit: impl FnMut(u64, u32)) -> Result<(), StoreError> {
        for number in 0..self.shape.buckets() {
            let bucket = Self::bucket(section, number)?;
            for at in 0..self.shape.count(&bucket) {
                let (rest, row) = self.shape.entry(&bucket, at);
                visit((number << self.shape.rest_bits() | rest) << 32, row);
            }
        }
        Ok(())
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
        Memory::new(builder.finish())
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
            let mut all: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
            rows.for_each(&section, |hash, row| all.entry(hash >> 32).or_default().push(row)).unwrap();
            prop_assert_eq!(all, model);
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
                    let _ = rows.for_each(&section, |_, _| ());
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
