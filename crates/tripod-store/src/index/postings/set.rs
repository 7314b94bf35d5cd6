//! Sets of blocks (or of what else a part counts), as runs or as bits, whichever is smaller.
//!
//! Most values are in one block, in all of them, or in a few that lie together: runs. What is spread is bits, never more than one
//! a block. Roaring's own serialization spends 18 bytes on a set of one block where this takes 3; in memory sets are its bitmaps.

use roaring::RoaringBitmap;

use super::take_bytes;
use crate::columns::{Malformed, varint};

/// Appends a set.
pub(crate) fn put(blocks: &RoaringBitmap, out: &mut Vec<u8>) {
    let mut runs = 0;
    let mut bytes = Vec::new();
    let mut end = 0;
    let mut run: Option<(u32, u32)> = None;
    let mut put_run = |(first, last): (u32, u32)| {
        varint::put(u64::from(first - end), &mut bytes);
        varint::put(u64::from(last - first), &mut bytes);
        end = last + 1;
        runs += 1;
    };
    for block in blocks {
        match &mut run {
            Some((_, last)) if *last + 1 == block => *last = block,
            _ => {
                run.replace((block, block)).into_iter().for_each(&mut put_run);
            }
        }
    }
    run.into_iter().for_each(&mut put_run);

    let (first, last) = (blocks.min().unwrap_or_default(), blocks.max().unwrap_or_default());
    let bits = ((last - first) / 8 + 1) as usize;
    if bytes.len() <= bits + 2 {
        varint::put(runs << 1, out);
        out.extend_from_slice(&bytes);
        return;
    }
    varint::put((bits as u64) << 1 | 1, out);
    varint::put(first.into(), out);
    let start = out.len();
    out.resize(start + bits, 0);
    for block in blocks {
        let at = block - first;
        out[start + at as usize / 8] |= 1 << (at % 8);
    }
}

/// Steps over a set, and gives its bytes.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let before = *bytes;
    let head = varint::take(bytes)?;
    if head & 1 == 1 {
        varint::take(bytes)?;
        take_bytes(bytes, head >> 1)?;
    } else {
        for _ in 0..head >> 1 {
            varint::take(bytes)?;
            varint::take(bytes)?;
        }
    }
    Ok(&before[..before.len() - bytes.len()])
}

/// Decodes a set of numbers below a bound.
pub(crate) fn decode(mut bytes: &[u8], below: u32) -> Result<RoaringBitmap, Malformed> {
    let beyond = Malformed("a set names what no part has");
    let head = varint::take(&mut bytes)?;
    if head & 1 == 1 {
        let first = varint::take(&mut bytes)?;
        let bits = take_bytes(&mut bytes, head >> 1)?;
        if first.saturating_add(bits.len() as u64 * 8) > u64::from(below) + 8 {
            return Err(beyond);
        }
        let blocks = (0..bits.len() * 8).filter(|at| bits[at / 8] >> (at % 8) & 1 == 1).map(|at| first + at as u64);
        return Ok(blocks.filter(|block| *block < u64::from(below)).map(|block| block as u32).collect());
    }
    let mut blocks = RoaringBitmap::new();
    let mut end = 0u64;
    for _ in 0..head >> 1 {
        let first = end.checked_add(varint::take(&mut bytes)?).ok_or(beyond)?;
        end = varint::take(&mut bytes)?.checked_add(1).and_then(|len| first.checked_add(len)).ok_or(beyond)?;
        if end > u64::from(below) {
            return Err(beyond);
        }
        blocks.insert_range(first as u32..end as u32);
    }
    Ok(blocks)
}
