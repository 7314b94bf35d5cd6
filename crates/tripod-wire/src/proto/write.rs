//! Writes protobuf by appending to a `Vec<u8>`: one pass, no allocation while the vector has room.

use super::WireType;

/// Appends a varint: seven bits a byte, lowest first.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`put_varint`] appends for this value.
#[inline]
pub const fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a field's tag.
#[inline]
pub fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: WireType) {
    put_varint(out, u64::from(number << 3 | wire_type as u32));
}

/// Appends a field of bytes or text.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, WireType::Len);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a `fixed32` field.
#[inline]
pub fn put_fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    put_tag(out, number, WireType::Fixed32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a `fixed64` field.
#[inline]
pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, WireType::Fixed64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field whose bytes `write` appends: a nested message, packed numbers.
///
/// One byte is kept free for the length. A body of 128 bytes or more is moved by the one to four bytes that its length
/// needs more: a `memmove` a level of nesting, far cheaper than computing every length beforehand.
///
/// ```
/// use tripod_wire::proto::{put_bytes, put_len_delimited};
/// let mut out = Vec::new();
/// put_len_delimited(&mut out, 9, |out| put_bytes(out, 1, b"key"));
/// assert_eq!(out, b"\x4a\x05\x0a\x03key");
/// ```
#[inline]
pub fn put_len_delimited(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    put_tag(out, number, WireType::Len);
    let start = out.len();
    out.push(0);
    write(out);
    let len = out.len() - start - 1;
    if len < 0x80 {
        out[start] = len as u8;
    } else {
        widen_length(out, start, len);
    }
}

fn widen_length(out: &mut Vec<u8>, start: usize, len: usize) {
    let width = varint_len(len as u64);
    out.resize(out.len() + width - 1, 0);
    out.copy_within(start + 1..start + 1 + len, start + width);
    let mut rest = len;
    for byte in &mut out[start..start + width - 1] {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    out[start + width - 1] = rest as u8;
}

/// As [`put_len_delimited`], but appends nothing at all when `write` appends nothing.
#[inline]
pub(crate) fn put_len_delimited_unless_empty(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    let mut empty = true;
    put_len_delimited(out, number, |out| {
        let body = out.len();
        write(out);
        empty = out.len() == body;
    });
    if empty {
        out.truncate(start);
    }
}

/// Maps small negative and positive numbers to small varints (`sint32`, `sint64`).
#[inline]
pub const fn zigzag_encode(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag_encode`].
#[inline]
pub const fn zigzag_decode(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Reader;

    #[test]
    fn a_varint_is_as_long_as_foretold_and_reads_back() {
        for value in (0..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit]).chain([u64::MAX]) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value));
            assert_eq!(Reader::new(&out, "Test").varint(WireType::Varint), Ok(value));
        }
    }

    #[test]
    fn bodies_of_every_length_width_read_back() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let body: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let mut out = vec![0xee];
            put_len_delimited(&mut out, 1, |out| out.extend_from_slice(&body));
            let mut reader = Reader::new(&out[1..], "Test");
            let (_, wire_type) = reader.next_field().unwrap().unwrap();
            assert_eq!(reader.bytes(wire_type).unwrap(), body);
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn zigzag_survives_the_way_back_and_small_magnitudes_stay_small() {
        assert_eq!([0, -1, 1, -2].map(zigzag_encode), [0, 1, 2, 3]);
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(zigzag_decode(zigzag_encode(value)), value);
        }
    }
}
