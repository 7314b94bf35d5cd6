//! The frame around each record of a segment: `len u32 | crc u32 | kind u8 | payload`, little-endian, where `len` counts the
//! payload and `crc` (CRC-32) covers kind and payload. Nine bytes a record.

use crate::engine::RecordKind;

/// Bytes of a frame before its payload.
pub(crate) const HEADER: usize = 9;

/// The largest payload that is written: far above what a receiver lets in.
pub(crate) const MAX_PAYLOAD: usize = 256 << 20;

/// The header of a payload of at most [`MAX_PAYLOAD`] bytes.
pub(crate) fn header(kind: RecordKind, payload: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[4..8].copy_from_slice(&checksum(kind as u8, payload).to_le_bytes());
    header[8] = kind as u8;
    header
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// What stands at an offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A whole record; the next one begins at `next`.
    Record { kind: RecordKind, payload: &'a [u8], next: usize },
    /// The bytes end here.
    End,
    /// The bytes end inside a frame.
    Torn,
    /// Not what was written; if its length can be trusted, the next frame begins at `next`.
    Damaged { next: usize },
}

/// Reads the frame at `at`.
pub(crate) fn parse(bytes: &[u8], at: usize) -> Frame<'_> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return Frame::End;
    }
    let Some((header, rest)) = rest.split_at_checked(HEADER) else { return Frame::Torn };
    let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let crc = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let Some(payload) = rest.get(..len) else { return Frame::Torn };
    let next = at + HEADER + len;
    match RecordKind::from_byte(header[8]) {
        Some(kind) if checksum(header[8], payload) == crc => Frame::Record { kind, payload, next },
        _ => Frame::Damaged { next },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        [header(RecordKind::Logs, payload).as_slice(), payload].concat()
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let bytes = framed(b"hello");
        assert_eq!(parse(&bytes, 0), Frame::Record { kind: RecordKind::Logs, payload: b"hello", next: bytes.len() });
        assert_eq!(parse(&bytes, bytes.len()), Frame::End);
    }

    #[test]
    fn a_flipped_bit_anywhere_behind_the_length_is_damage() {
        let bytes = framed(b"hello");
        for bit in 32..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bytes, 0), Frame::Damaged { next: bytes.len() }, "bit {bit}");
        }
    }

    #[test]
    fn a_cut_anywhere_is_a_torn_frame() {
        let bytes = framed(b"hello");
        for end in 1..bytes.len() {
            assert_eq!(parse(&bytes[..end], 0), Frame::Torn, "cut at {end}");
        }
    }
}
