//! Encodings of one column of a block: values in, bytes out, and back.
//!
//! An encoder tries what may fit and keeps the smallest, named by its first byte. A decoder is told how many values there
//! must be, survives any bytes, and allocates no more than that many values. Columns know nothing of rows, blocks or files.

pub(crate) mod bits;
pub(crate) mod entropy;
pub(crate) mod fixed;
pub(crate) mod floats;
pub(crate) mod ints;
#[cfg(test)]
mod measure;
mod packed;
pub(crate) mod strings;
pub(crate) mod varint;

pub(crate) use self::strings::Strings;

/// The most values that a column may hold: a decoder refuses more.
pub(crate) const MAX_VALUES: usize = 1 << 22;

/// Why bytes are no column: they were not written by an encoder, or changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Encodes again, and keeps what is smaller of this and what was appended from `start` on.
fn keep_smaller(start: usize, out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let middle = out.len();
    encode(out);
    if out.len() - middle < middle - start {
        out.drain(start..middle);
    } else {
        out.truncate(middle);
    }
}

/// The first byte, which says how the rest is encoded.
fn tagged(bytes: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    bytes.split_first().map(|(tag, rest)| (*tag, rest)).ok_or(Malformed("a column is empty"))
}

fn check_count(count: usize) -> Result<(), Malformed> {
    if count > MAX_VALUES { Err(Malformed("a column of too many values")) } else { Ok(()) }
}
