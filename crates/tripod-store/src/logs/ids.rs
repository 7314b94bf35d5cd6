//! A column of ids that some rows have. Rows of one trace stand near each other: an id that came before is told by how many
//! distinct ones ago that was, one byte or less, so that only distinct ids take their own bytes.

use std::collections::HashMap;

use crate::columns::{Malformed, fixed, ints, varint};

const NONE: u64 = 0;
/// The next of the distinct ids.
const NEXT: u64 = 1;

/// Encodes ids, of which those of zeros alone are absent.
pub(crate) fn encode<const N: usize>(ids: &[[u8; N]], out: &mut Vec<u8>) {
    let mut numbers: HashMap<[u8; N], usize, foldhash::fast::RandomState> = HashMap::default();
    let (mut distinct, mut codes) = (Vec::new(), Vec::with_capacity(ids.len()));
    for id in ids {
        codes.push(if *id == [0; N] {
            NONE
        } else if let Some(number) = numbers.get(id) {
            NEXT + (distinct.len() - number) as u64
        } else {
            numbers.insert(*id, distinct.len());
            distinct.push(*id);
            NEXT
        });
    }
    varint::put(distinct.len() as u64, out);
    let mut packed = Vec::new();
    ints::encode(&codes, &mut packed);
    varint::put(packed.len() as u64, out);
    out.extend_from_slice(&packed);
    fixed::encode(&distinct, out);
}

/// Decodes the ids of `count` rows.
pub(crate) fn decode<const N: usize>(mut bytes: &[u8], count: usize) -> Result<Vec<[u8; N]>, Malformed> {
    let distinct = varint::take(&mut bytes)? as usize;
    if distinct > count {
        return Err(Malformed("there are more distinct ids than rows"));
    }
    let len = varint::take(&mut bytes)? as usize;
    let (codes, rest) = bytes.split_at_checked(len).ok_or(Malformed("codes of ids are cut off"))?;
    let distinct = fixed::decode::<N>(rest, distinct)?;
    let mut next = 0usize;
    let id = |code: u64| {
        let number = match code {
            NONE => return Ok([0; N]),
            NEXT => {
                next += 1;
                Some(next - 1)
            }
            back => usize::try_from(back - NEXT).ok().and_then(|back| next.checked_sub(back)),
        };
        number.and_then(|number| distinct.get(number)).copied().ok_or(Malformed("a code is of no id"))
    };
    ints::decode(codes, count)?.into_iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_survive_and_damage_is_no_panic(
            numbers in prop::collection::vec(0u8..20, 0..300),
            damage in any::<(prop::sample::Index, u8)>(),
        ) {
            let ids: Vec<[u8; 8]> = numbers.iter().map(|number| u64::from(*number).to_be_bytes()).collect();
            let mut bytes = Vec::new();
            encode(&ids, &mut bytes);
            prop_assert_eq!(decode::<8>(&bytes, ids.len()).unwrap(), ids);
            let at = damage.0.index(bytes.len());
            bytes[at] = damage.1;
            let _ = decode::<8>(&bytes, numbers.len());
        }
    }

    #[test]
    fn runs_of_one_id_take_its_bytes_once() {
        let ids: Vec<[u8; 16]> =
            (0..4000u128).map(|row| (row / 8).wrapping_mul(u128::MAX / 7919).to_be_bytes()).collect();
        let mut bytes = Vec::new();
        encode(&ids, &mut bytes);
        assert!(bytes.len() < 500 * 16 + 1000, "{} bytes", bytes.len());
    }
}
