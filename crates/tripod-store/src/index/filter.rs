//! Split-block Bloom filters: what a block has for certain not, in 32 bytes read.
//!
//! A filter is a row of 256-bit blocks. A hash's upper half chooses one block, its lower half one bit in each of the block's
//! eight words, so a probe looks at one place only (Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters").
//! At [`BITS`] bits a hash about one probe in 150 says *maybe* where it should say *no*.

use std::ops::Range;

/// Bytes of a block, and so of a probe.
pub(crate) const BLOCK: usize = 32;

/// Bits a distinct hash.
const BITS: usize = 11;

/// Odd numbers that spread the lower half over eight words; they are part of the format.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Gathers hashes for the filter of a block.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilterBuilder {
    hashes: Vec<u64>,
}

impl FilterBuilder {
    /// Adds a hash; once or often is the same.
    pub(crate) fn insert(&mut self, hash: u64) {
        if self.hashes.last() != Some(&hash) {
            self.hashes.push(hash);
        }
    }

    /// The filter, sized by how many hashes are distinct; no bytes where there are none.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        let blocks = (self.hashes.len() * BITS).div_ceil(BLOCK * 8);
        let mut words = vec![[0u32; 8]; blocks];
        for hash in self.hashes {
            let block = &mut words[block_of(hash, blocks)];
            for (word, bit) in block.iter_mut().zip(bits_of(hash)) {
                *word |= bit;
            }
        }
        words.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// Which bytes of a filter of `len` bytes say whether it may have a hash; none where it has nothing.
pub(crate) fn place(len: usize, hash: u64) -> Option<Range<usize>> {
    let blocks = len / BLOCK;
    (blocks > 0).then(|| {
        let start = block_of(hash, blocks) * BLOCK;
        start..start + BLOCK
    })
}

/// Whether the bytes at [`place`] have a hash: *no* is certain.
pub(crate) fn probe(block: &[u8], hash: u64) -> bool {
    let (words, _) = block.as_chunks::<4>();
    words.iter().zip(bits_of(hash)).all(|(word, bit)| u32::from_le_bytes(*word) & bit != 0)
}

/// Whether a filter has a hash: *no* is certain.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn contains(filter: &[u8], hash: u64) -> bool {
    place(filter.len(), hash).is_some_and(|place| probe(&filter[place], hash))
}

fn block_of(hash: u64, blocks: usize) -> usize {
    (((hash >> 32) * blocks as u64) >> 32) as usize
}

fn bits_of(hash: u64) -> impl Iterator<Item = u32> {
    SALTS.into_iter().map(move |salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hash;
    use super::*;

    fn filter(hashes: &[u64]) -> Vec<u8> {
        let mut builder = FilterBuilder::default();
        hashes.iter().for_each(|hash| builder.insert(*hash));
        builder.finish()
    }

    proptest! {
        #[test]
        fn what_went_in_is_found(hashes in proptest::collection::vec(any::<u64>(), 0..3000)) {
            let filter = filter(&hashes);
            prop_assert!(hashes.iter().all(|hash| contains(&filter, *hash)));
        }

        #[test]
        fn any_bytes_are_a_filter(bytes in proptest::collection::vec(any::<u8>(), 0..200), hash in any::<u64>()) {
            contains(&bytes, hash);
        }

        /// Texts that differ little: what spreads them is the hash.
        #[test]
        fn few_that_did_not_go_in_are_found(distinct in 500usize..6000, seed in any::<u32>()) {
            let name = |number: usize| hash::pair("key", &format!("value-{seed}-{number}"));
            let filter = filter(&(0..distinct).map(name).collect::<Vec<_>>());
            let wrong = (distinct..distinct + 20_000).filter(|number| contains(&filter, name(*number))).count();
            prop_assert!(wrong < 20_000 * 3 / 200, "{wrong} of 20,000");
        }
    }

    #[test]
    fn size_follows_the_number_of_distinct_hashes() {
        let hashes: Vec<u64> = (0..4096).map(|number: u64| hash::id(&number.to_le_bytes())).collect();
        let twice: Vec<u64> = hashes.iter().chain(&hashes).copied().collect();
        assert_eq!(filter(&hashes), filter(&twice));
        assert_eq!(filter(&hashes).len(), 4096 * BITS / 8);
        assert!(filter(&[]).is_empty());
        assert!(!contains(&filter(&[]), 1));
    }
}
