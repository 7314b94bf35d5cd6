//! Columns of different lengths in one run of bytes, each with how many values it has and how many bytes.

use crate::columns::strings::StringColumn;
use crate::columns::{Malformed, Strings, ints, strings};

/// Appends numbers.
pub(super) fn put_ints(values: &[u64], out: &mut Vec<u8>) {
    put(values.len(), out, |out| ints::encode(values, out));
}

/// Appends strings.
pub(super) fn put_strings(values: &Strings, out: &mut Vec<u8>) {
    put(values.len(), out, |out| strings::encode(values, out));
}

fn put(count: usize, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(out);
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// Takes numbers off the front.
pub(super) fn take_ints(bytes: &mut &[u8]) -> Result<Vec<u64>, Malformed> {
    let (count, piece) = take(bytes)?;
    ints::decode(piece, count)
}

/// Takes strings off the front.
pub(super) fn take_strings(bytes: &mut &[u8]) -> Result<StringColumn, Malformed> {
    let (count, piece) = take(bytes)?;
    strings::decode(piece, count)
}

fn take<'a>(bytes: &mut &'a [u8]) -> Result<(usize, &'a [u8]), Malformed> {
    const SHORT: Malformed = Malformed("a column is cut off");
    let (count, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
    let (len, rest) = rest.split_first_chunk().ok_or(SHORT)?;
    let (piece, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or(SHORT)?;
    *bytes = rest;
    Ok((u32::from_le_bytes(*count) as usize, piece))
}
