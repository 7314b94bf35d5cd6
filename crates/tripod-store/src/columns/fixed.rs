//! Values of a fixed number of bytes: ids.
//!
//! Random ones stay as they are. Ids that share bytes (a time, a machine) are compressed byte by byte: all first bytes, then all
//! second ones; ids that come again are compressed as they stand. Flags, of one byte, are numbers.

use super::packed::{pack, unpack};
use super::{Malformed, check_count, ints, tagged};

const ROWS: u8 = 0;
/// The first byte of all, then the second of all, …
const PLANES: u8 = 1;

/// Encodes values.
pub(crate) fn encode<const N: usize>(values: &[[u8; N]], out: &mut Vec<u8>) {
    if N == 1 {
        let values: Vec<u64> = values.as_flattened().iter().copied().map(u64::from).collect();
        return ints::encode(&values, out);
    }
    let start = out.len();
    out.push(ROWS);
    pack(values.as_flattened(), out);
    if (0..N).all(|plane| is_random(values, plane)) {
        return;
    }
    let mut planes = Vec::with_capacity(values.len() * N);
    (0..N).for_each(|plane| planes.extend(values.iter().map(|value| value[plane])));
    super::keep_smaller(start, out, |out| {
        out.push(PLANES);
        pack(&planes, out);
    });
}

/// So many values show whether a byte of theirs is random.
const SAMPLE: usize = 256;

/// Whether a byte differs as much from value to value as a random one: of 256 of those some 162 differ. Such a one does not compress.
fn is_random<const N: usize>(values: &[[u8; N]], plane: usize) -> bool {
    let mut seen = [false; 256];
    // From all over them: ids may count up.
    values.iter().step_by((values.len() / SAMPLE).max(1)).take(SAMPLE).for_each(|value| {
        seen[usize::from(value[plane])] = true;
    });
    values.len() >= SAMPLE && seen.iter().filter(|seen| **seen).count() > SAMPLE / 2
}

/// Decodes `count` values.
pub(crate) fn decode<const N: usize>(bytes: &[u8], count: usize) -> Result<Vec<[u8; N]>, Malformed> {
    check_count(count)?;
    if N == 1 {
        return Ok(ints::decode(bytes, count)?.into_iter().map(|value| [value as u8; N]).collect());
    }
    let (tag, packed) = tagged(bytes)?;
    let raw = unpack(packed, count * N)?;
    if raw.len() != count * N {
        return Err(Malformed("a column of ids of another length"));
    }
    match tag {
        ROWS => Ok(raw.as_chunks::<N>().0.to_vec()),
        PLANES => {
            let mut values = vec![[0; N]; count];
            for (plane, bytes) in raw.chunks_exact(count.max(1)).enumerate() {
                values.iter_mut().zip(bytes).for_each(|(value, byte)| value[plane] = *byte);
            }
            Ok(values)
        }
        _ => Err(Malformed("ids in no known encoding")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded<const N: usize>(values: &[[u8; N]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        bytes
    }

    fn check<const N: usize>(values: &[[u8; N]], change: (prop::sample::Index, u8)) -> Result<(), TestCaseError> {
        let mut bytes = encoded(values);
        prop_assert_eq!(decode::<N>(&bytes, values.len()).unwrap(), values);
        let place = change.0.index(bytes.len());
        bytes[place] = change.1;
        let _ = decode::<N>(&bytes, values.len());
        bytes.truncate(place);
        let _ = decode::<N>(&bytes, values.len());
        Ok(())
    }

    proptest! {
        #[test]
        fn ids_come_back(
            random in proptest::collection::vec(any::<[u8; 16]>(), 0..100),
            alike in proptest::collection::vec(any::<[u8; 2]>().prop_map(|[a, b]| [7, 7, 7, 7, 7, 7, a, b]), 0..300),
            flags in proptest::collection::vec(any::<bool>().prop_map(|flag| [u8::from(flag)]), 0..300),
            change in any::<(prop::sample::Index, u8)>(),
        ) {
            check(&random, change)?;
            check(&alike, change)?;
            check(&flags, change)?;
        }
    }

    #[test]
    fn ids_that_begin_with_a_time_take_the_rest() {
        let random = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(at | 1).to_le_bytes();
        let id = |at: u64| {
            let [a, b, c, d, ..] = random(at);
            [0x69, 0x20, 0x11, (at / 100) as u8, a, b, c, d]
        };
        let ids: Vec<_> = (0..4000).map(id).collect();
        assert!(encoded(&ids).len() < 4000 * 41 / 10 + 200, "{}", encoded(&ids).len());
        let random: Vec<_> = (0..4000).map(random).collect();
        assert!(encoded(&random).len() <= 4000 * 8 + 2);
    }
}
