//! Leaves one of records that are equal, in a list of many of which few are.

use std::collections::HashSet;
use std::hash::Hash;

/// Bits a record in the filter that finds what may be there twice: one record in some thirty is looked at again.
const BITS: usize = 16;

/// Takes copies out, in no order. `hash` is the same for equal ones, and spreads well.
pub(super) fn each_once<T: Copy + Eq + Hash>(records: &mut Vec<T>, hash: impl Fn(&T) -> u64) {
    let bits = (records.len() * BITS).next_power_of_two().max(64);
    let mut seen = vec![0u64; bits / 64];
    let mut suspects: HashSet<u64, foldhash::fast::RandomState> = HashSet::default();
    for record in records.iter() {
        let hash = hash(record);
        let bit = (hash >> (64 - bits.trailing_zeros())) as usize;
        if seen[bit / 64] & 1 << (bit % 64) != 0 {
            suspects.insert(hash);
        }
        seen[bit / 64] |= 1 << (bit % 64);
    }
    if !suspects.is_empty() {
        let mut kept: HashSet<T, foldhash::fast::RandomState> = HashSet::default();
        records.retain(|record| !suspects.contains(&hash(record)) || kept.insert(*record));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_is_each_record_once(mut records in prop::collection::vec(0u64..200, 0..300)) {
            let mut expected = records.clone();
            expected.sort_unstable();
            expected.dedup();
            each_once(&mut records, |record| record.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            records.sort_unstable();
            prop_assert_eq!(records, expected);
        }
    }
}
