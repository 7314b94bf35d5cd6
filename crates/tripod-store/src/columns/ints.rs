//! Whole numbers: times, durations, counts, codes of dictionaries.

use super::{Malformed, check_count, pack, tagged, unpack, varint};

const CONSTANT: u8 = 0;
/// Each number's difference to the one before.
const DELTAS: u8 = 1;
const PLAIN: u8 = 2;

/// Encodes unsigned numbers; signed ones go through their bits.
pub(crate) fn encode(values: &[u64], out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or_default();
    if values.iter().all(|value| *value == first) {
        out.push(CONSTANT);
        varint::put(first, out);
        return;
    }
    let (mut plain, mut deltas) = (Vec::new(), Vec::new());
    let mut before = 0;
    for value in values {
        varint::put(*value, &mut plain);
        varint::put(varint::zigzag(value.wrapping_sub(before) as i64), &mut deltas);
        before = *value;
    }
    let by_deltas = deltas.len() < plain.len();
    out.push(if by_deltas { DELTAS } else { PLAIN });
    pack(if by_deltas { &deltas } else { &plain }, out);
}

/// Decodes `count` numbers.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Vec<u64>, Malformed> {
    check_count(count)?;
    let (tag, mut rest) = tagged(bytes)?;
    if tag == CONSTANT {
        return Ok(vec![varint::take(&mut rest)?; count]);
    }
    let raw = unpack(rest, count * 10)?;
    let mut rest = raw.as_slice();
    let mut before = 0u64;
    let mut next = || {
        let number = varint::take(&mut rest)?;
        before = match tag {
            DELTAS => before.wrapping_add(varint::unzigzag(number) as u64),
            PLAIN => number,
            _ => return Err(Malformed("whole numbers in no known encoding")),
        };
        Ok(before)
    };
    (0..count).map(|_| next()).collect()
}
