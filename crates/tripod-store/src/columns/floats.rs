//! Floating-point numbers, bit by bit.

use super::{Malformed, check_count, pack, unpack};

/// Encodes numbers.
pub(crate) fn encode(values: &[f64], out: &mut Vec<u8>) {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    pack(&raw, out);
}

/// Decodes `count` numbers.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Vec<f64>, Malformed> {
    check_count(count)?;
    let raw = unpack(bytes, count * 8)?;
    let (chunks, rest) = raw.as_chunks::<8>();
    if chunks.len() != count || !rest.is_empty() {
        return Err(Malformed("a column of floating-point numbers of another length"));
    }
    Ok(chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect())
}
