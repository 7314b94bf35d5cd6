//! What is left of numbers when what they share is gone, as bytes: of the layouts that may be the smallest the one that is.

use super::super::packed::{pack, unpack};
use super::super::{Malformed, bits, entropy, keep_smaller, tagged, varint};

/// Numbers of so many bits are compressed as bytes.
pub(super) const SMALL: u32 = 8;

/// Of numbers of so many bits, four or more fit into a byte.
const TINY: u32 = 2;

/// Fewer numbers do not outweigh what pco says of them.
const FEW: usize = 32;

// First byte of residuals.
/// How many bits each has, then the bits.
const BITS: u8 = 1;
/// The same, the bits compressed.
const PACKED_BITS: u8 = 2;
/// A byte each, compressed.
const BYTES: u8 = 3;
/// Coded as 32-bit numbers.
const CODED_32: u8 = 4;
/// Coded as 64-bit numbers.
const CODED_64: u8 = 5;
/// Differences to the number before, 0 before the first; they are residuals again.
const DIFFERENCES: u8 = 6;

/// Appends residuals.
pub(super) fn encode(residuals: &[u64], out: &mut Vec<u8>) {
    let differences = differences(residuals);
    let by_differences = bits_of_all(&differences) < bits_of_all(residuals);
    let (width, width_of_differences) = (width(residuals), width(&differences));
    let by_small_differences = by_differences && width_of_differences <= SMALL;
    if by_small_differences && width > SMALL {
        out.push(DIFFERENCES);
        return put_small(&differences, width_of_differences, out);
    }
    let start = out.len();
    if width <= SMALL {
        put_small(residuals, width, out);
    } else if residuals.len() >= FEW {
        put_coded(residuals, width, by_differences, out);
        bits_if_smaller(start, residuals, width, out);
    } else {
        put_bits(BITS, residuals, width, out);
    }
    if by_small_differences {
        keep_smaller(start, out, |out| {
            out.push(DIFFERENCES);
            put_small(&differences, width_of_differences, out);
        });
    }
}

fn put_coded(residuals: &[u64], width: u32, by_differences: bool, out: &mut Vec<u8>) {
    if width > 32 {
        out.push(CODED_64);
        return entropy::encode(residuals, by_differences, out);
    }
    out.push(CODED_32);
    let residuals: Vec<u32> = residuals.iter().map(|residual| *residual as u32).collect();
    entropy::encode(&residuals, by_differences, out);
}

/// Appends residuals of at most [`SMALL`] bits. Of one byte zstd makes no less than a bit, so the smallest are compressed as bits.
fn put_small(residuals: &[u64], width: u32, out: &mut Vec<u8>) {
    let start = out.len();
    if width <= TINY {
        put_bits(PACKED_BITS, residuals, width, out);
    } else {
        out.push(BYTES);
        let bytes: Vec<u8> = residuals.iter().map(|residual| *residual as u8).collect();
        pack(&bytes, out);
    }
    bits_if_smaller(start, residuals, width, out);
}

/// Puts bits in the place of what was appended from `start` on, if they are fewer.
fn bits_if_smaller(start: usize, residuals: &[u64], width: u32, out: &mut Vec<u8>) {
    if out.len() - start > 2 + (residuals.len() * width as usize).div_ceil(8) {
        out.truncate(start);
        put_bits(BITS, residuals, width, out);
    }
}

fn put_bits(tag: u8, residuals: &[u64], width: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[tag, width as u8]);
    let mut packed = Vec::new();
    let bits = if tag == PACKED_BITS { &mut packed } else { &mut *out };
    let mut writer = bits::Writer::new(bits);
    residuals.iter().for_each(|residual| writer.put(*residual, width));
    writer.finish();
    if tag == PACKED_BITS {
        pack(&packed, out);
    }
}

/// Decodes `count` residuals.
pub(super) fn decode(bytes: &[u8], count: usize) -> Result<Vec<u64>, Malformed> {
    let (tag, rest) = tagged(bytes)?;
    if tag != DIFFERENCES {
        return decode_plain(tag, rest, count);
    }
    let (tag, rest) = tagged(rest)?;
    let mut residuals = decode_plain(tag, rest, count)?;
    let mut before = 0u64;
    for residual in &mut residuals {
        before = before.wrapping_add(varint::unzigzag(*residual) as u64);
        *residual = before;
    }
    Ok(residuals)
}

fn decode_plain(tag: u8, rest: &[u8], count: usize) -> Result<Vec<u64>, Malformed> {
    match tag {
        BITS | PACKED_BITS => {
            let (width, rest) = tagged(rest)?;
            let len = (count * usize::from(width)).div_ceil(8);
            let unpacked = if tag == PACKED_BITS { unpack(rest, len)? } else { Vec::new() };
            get_bits(if tag == PACKED_BITS { &unpacked } else { rest }, width.into(), count)
        }
        BYTES => {
            let bytes = unpack(rest, count)?;
            if bytes.len() != count {
                return Err(Malformed("a column of another length"));
            }
            Ok(bytes.into_iter().map(u64::from).collect())
        }
        CODED_32 => Ok(entropy::decode::<u32>(rest, count)?.into_iter().map(u64::from).collect()),
        CODED_64 => entropy::decode(rest, count),
        _ => Err(Malformed("whole numbers in no known encoding")),
    }
}

fn get_bits(bytes: &[u8], width: u32, count: usize) -> Result<Vec<u64>, Malformed> {
    if width > 64 || bytes.len() != (count * width as usize).div_ceil(8) {
        return Err(Malformed("a column of another length"));
    }
    let low = width.min(32);
    let get = |at: usize| {
        let at = at * width as usize;
        bits::get(bytes, at, low) | bits::get(bytes, at + low as usize, width - low).wrapping_shl(low)
    };
    Ok((0..count).map(|at| if width <= 32 { bits::get(bytes, at * width as usize, width) } else { get(at) }).collect())
}

/// Each number's difference to the one before; small for both signs.
fn differences(residuals: &[u64]) -> Vec<u64> {
    let mut before = 0;
    let difference = |residual: &u64| {
        let difference = residual.wrapping_sub(before) as i64;
        before = *residual;
        varint::zigzag(difference)
    };
    residuals.iter().map(difference).collect()
}

/// Bits of the largest number.
fn width(residuals: &[u64]) -> u32 {
    64 - residuals.iter().fold(0, |all, residual| all | residual).leading_zeros()
}

/// Bits of all numbers, each taken for itself: what decides whether differences are smaller.
fn bits_of_all(residuals: &[u64]) -> u64 {
    residuals.iter().map(|residual| u64::from(64 - residual.leading_zeros())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_that_were_chosen_before_are_read() {
        let tiny: Vec<u64> = (0..500).map(|at| at * at % 4).collect();
        let mut as_bytes = vec![BYTES];
        pack(&tiny.iter().map(|number| *number as u8).collect::<Vec<_>>(), &mut as_bytes);
        assert_eq!(decode(&as_bytes, tiny.len()).unwrap(), tiny);

        let small: Vec<u64> = (0..500).map(|at| at % 7 + at % 9).collect();
        let mut as_bits = Vec::new();
        put_bits(PACKED_BITS, &small, 4, &mut as_bits);
        assert_eq!(decode(&as_bits, small.len()).unwrap(), small);

        let ascending: Vec<u64> = (0..2000).map(|at| at / 3).collect();
        let mut coded = Vec::new();
        put_coded(&ascending, width(&ascending), true, &mut coded);
        assert_eq!(decode(&coded, ascending.len()).unwrap(), ascending);
    }
}
