//! Encodings of one column of a block: values in, bytes out, and back.
//!
//! An encoder tries what may fit and keeps the smallest, named by its first byte. A decoder is told how many values there
//! must be, survives any bytes, and allocates no more than that many values. Columns know nothing of rows, blocks or files.

pub(crate) mod bits;
pub(crate) mod fixed;
pub(crate) mod floats;
pub(crate) mod ints;
pub(crate) mod strings;
pub(crate) mod varint;

pub(crate) use self::strings::Strings;

/// The most values that a column may hold: a decoder refuses more.
pub(crate) const MAX_VALUES: usize = 1 << 22;

/// Why bytes are no column: they were not written by an encoder, or changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// zstd's level for columns; higher ones gain nothing on them.
const LEVEL: i32 = 1;

/// Appends `raw` compressed where that is smaller, after a byte that says whether it is.
fn pack(raw: &[u8], out: &mut Vec<u8>) {
    let packed = zstd::bulk::compress(raw, LEVEL).unwrap_or_default();
    if !packed.is_empty() && packed.len() + varint::len(raw.len() as u64) < raw.len() {
        out.push(1);
        varint::put(raw.len() as u64, out);
        out.extend_from_slice(&packed);
    } else {
        out.push(0);
        out.extend_from_slice(raw);
    }
}

/// What [`pack`] was given, if it is at most `limit` bytes.
fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Malformed> {
    match bytes.split_first() {
        Some((0, raw)) if raw.len() <= limit => Ok(raw.to_vec()),
        Some((1, mut rest)) => {
            let len = varint::take(&mut rest)? as usize;
            if len > limit {
                return Err(Malformed("a column is larger than its values can be"));
            }
            zstd::bulk::decompress(rest, len).map_err(|_| Malformed("a column does not decompress"))
        }
        _ => Err(Malformed("a column is packed in no known way")),
    }
}

/// The first byte, which says how the rest is encoded.
fn tagged(bytes: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    bytes.split_first().map(|(tag, rest)| (*tag, rest)).ok_or(Malformed("a column is empty"))
}

fn check_count(count: usize) -> Result<(), Malformed> {
    if count > MAX_VALUES { Err(Malformed("a column of too many values")) } else { Ok(()) }
}
