//! Strings one by one: in a pattern if all have one, else their lengths and, compressed, their bytes.

use super::super::packed::{pack, unpack};
use super::super::{Malformed, ints, tagged, varint};
use super::{MAX_BYTES, Strings, pattern};

const TEXT: u8 = 0;
const PATTERN: u8 = 1;

/// Appends strings.
pub(super) fn encode(values: &Strings, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(PATTERN);
    if pattern::encode(values, out) {
        return;
    }
    out.truncate(start);
    out.push(TEXT);
    let lengths: Vec<u64> = values.iter().map(|value| value.len() as u64).collect();
    let mut packed = Vec::new();
    ints::encode(&lengths, &mut packed);
    varint::put(packed.len() as u64, out);
    out.extend_from_slice(&packed);
    pack(&values.bytes, out);
}

/// Decodes `count` strings.
pub(super) fn decode(bytes: &[u8], count: usize) -> Result<Strings, Malformed> {
    let (tag, mut rest) = tagged(bytes)?;
    match tag {
        TEXT => {
            let len = varint::take(&mut rest)? as usize;
            let (lengths, packed) = rest.split_at_checked(len).ok_or(Malformed("lengths of strings are cut off"))?;
            let mut end = 0usize;
            let mut ends = Vec::with_capacity(count);
            for length in ints::decode(lengths, count)? {
                end = end.saturating_add(length as usize);
                if end > MAX_BYTES {
                    return Err(Malformed("strings are too long"));
                }
                ends.push(end as u32);
            }
            let bytes = unpack(packed, end)?;
            if bytes.len() == end { Ok(Strings { bytes, ends }) } else { Err(Malformed("strings of another length")) }
        }
        PATTERN => pattern::decode(rest, count),
        _ => Err(Malformed("strings in no known encoding")),
    }
}
