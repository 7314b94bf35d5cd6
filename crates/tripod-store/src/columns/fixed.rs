//! Values of a fixed number of bytes: ids.

use super::{Malformed, check_count, pack, unpack};

/// Encodes values.
pub(crate) fn encode<const N: usize>(values: &[[u8; N]], out: &mut Vec<u8>) {
    pack(values.as_flattened(), out);
}

/// Decodes `count` values.
pub(crate) fn decode<const N: usize>(bytes: &[u8], count: usize) -> Result<Vec<[u8; N]>, Malformed> {
    check_count(count)?;
    let raw = unpack(bytes, count * N)?;
    let (chunks, rest) = raw.as_chunks::<N>();
    if chunks.len() != count || !rest.is_empty() {
        return Err(Malformed("a column of ids of another length"));
    }
    Ok(chunks.to_vec())
}
