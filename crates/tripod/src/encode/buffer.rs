//! A byte buffer that is written at the end, in protobuf's form.
//!
//! Its memory is initialised once and reused, so that a write is a bounds check and a store of known size; short texts are
//! copied by words rather than by a call.

use std::fmt;

/// Bytes written so far, and room for more.
#[derive(Default)]
pub(crate) struct Buffer {
    /// All of it initialised; what lies beyond `len` is room.
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Gives memory back that a large record took.
    pub(crate) fn shrink_to(&mut self, kept: usize) {
        if self.bytes.len() > kept {
            self.bytes.truncate(kept.max(self.len));
            self.bytes.shrink_to_fit();
        }
    }

    /// Takes out what stands in a range.
    pub(crate) fn remove(&mut self, start: usize, end: usize) {
        self.bytes.copy_within(end..self.len, start);
        self.len -= end - start;
    }

    /// At least so many bytes to write into, of which [`Buffer::advance`] then says how many were written.
    #[inline]
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.bytes.len() - self.len < bytes {
            self.grow(bytes);
        }
        &mut self.bytes[self.len..]
    }

    #[inline]
    pub(crate) fn advance(&mut self, written: usize) {
        self.len += written;
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        let needed = self.len + bytes;
        self.bytes.resize(needed.max(2 * self.bytes.len()).max(256), 0);
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        copy(self.room(bytes.len()), bytes);
        self.advance(bytes.len());
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.room(1)[0] = byte;
        self.advance(1);
    }

    #[inline]
    pub(crate) fn varint(&mut self, value: u64) {
        let written = varint(self.room(10), value);
        self.advance(written);
    }

    /// A varint field; all field numbers here have tags of one byte, but `flags`.
    #[inline]
    pub(crate) fn varint_field(&mut self, field: u32, value: u64) {
        self.byte((field << 3) as u8);
        self.varint(value);
    }

    /// A field of bytes or text.
    #[inline]
    pub(crate) fn bytes_field(&mut self, field: u32, bytes: &[u8]) {
        self.byte((field << 3) as u8 | 2);
        self.varint(bytes.len() as u64);
        self.put(bytes);
    }

    /// A `fixed64` field.
    #[inline]
    pub(crate) fn fixed64_field(&mut self, field: u32, value: u64) {
        let out = self.room(9);
        out[0] = (field << 3) as u8 | 1;
        out[1..9].copy_from_slice(&value.to_le_bytes());
        self.advance(9);
    }

    /// A `fixed32` field.
    #[inline]
    pub(crate) fn fixed32_field(&mut self, field: u32, value: u32) {
        let out = self.room(5);
        out[0] = (field << 3) as u8 | 5;
        out[1..5].copy_from_slice(&value.to_le_bytes());
        self.advance(5);
    }

    /// A field whose bytes `write` appends. One byte is kept free for the length; a longer body is moved by what its length takes.
    #[inline]
    pub(crate) fn nested(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.byte((field << 3) as u8 | 2);
        let start = self.len;
        self.byte(0);
        write(self);
        let len = self.len - start - 1;
        if len < 0x80 {
            self.bytes[start] = len as u8;
        } else {
            self.widen(start, len);
        }
    }

    #[cold]
    fn widen(&mut self, start: usize, len: usize) {
        let mut prefix = [0; 10];
        let width = varint(&mut prefix, len as u64);
        self.room(width - 1);
        self.bytes.copy_within(start + 1..self.len, start + width);
        self.bytes[start..start + width].copy_from_slice(&prefix[..width]);
        self.advance(width - 1);
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Writes a varint to the front; answers its length.
#[inline]
pub(crate) fn varint(out: &mut [u8], mut value: u64) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        at += 1;
        value >>= 7;
    }
    out[at] = value as u8;
    at + 1
}

/// Copies to the front: up to 32 bytes by two overlapping words of one size, without a call.
#[inline]
pub(crate) fn copy(out: &mut [u8], from: &[u8]) {
    macro_rules! by_two_words {
        ($size:literal, $out:ident) => {
            if let (Some(head), Some(tail)) = (from.first_chunk::<$size>(), from.last_chunk::<$size>()) {
                if let Some(out) = $out.first_chunk_mut::<$size>() {
                    *out = *head;
                }
                if let Some(out) = $out.last_chunk_mut::<$size>() {
                    *out = *tail;
                }
                return;
            }
        };
    }
    let out = &mut out[..from.len()];
    if from.len() > 32 {
        out.copy_from_slice(from);
        return;
    }
    by_two_words!(16, out);
    by_two_words!(8, out);
    by_two_words!(4, out);
    by_two_words!(2, out);
    by_two_words!(1, out);
}

#[cfg(test)]
mod tests {
    use tripod_wire::proto::WireType;
    use tripod_wire::proto::{put_bytes, put_fixed32, put_fixed64, put_len_delimited, put_tag, put_varint};

    use super::*;

    #[test]
    fn texts_of_every_length_are_copied_whole_and_nothing_beyond_is_touched() {
        let from: Vec<u8> = (1..=100).collect();
        for len in 0..=from.len() {
            let mut out = [0; 110];
            copy(&mut out, &from[..len]);
            assert_eq!(out[..len], from[..len]);
            assert!(out[len..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn fields_are_written_as_the_wire_crate_writes_them() {
        for len in [0, 1, 100, 127, 128, 16_383, 16_384, 70_000] {
            let text = vec![7; len];
            let (mut ours, mut theirs) = (Buffer::default(), Vec::new());
            ours.nested(5, |out| {
                out.bytes_field(1, &text);
                out.varint_field(3, len as u64);
                out.fixed64_field(4, 8);
                out.fixed32_field(6, 9);
            });
            put_len_delimited(&mut theirs, 5, |out| {
                put_bytes(out, 1, &text);
                put_tag(out, 3, WireType::Varint);
                put_varint(out, len as u64);
                put_fixed64(out, 4, 8);
                put_fixed32(out, 6, 9);
            });
            assert_eq!(ours.as_slice(), theirs);
        }
    }

    #[test]
    fn what_is_removed_closes_up() {
        let mut buffer = Buffer::default();
        buffer.put(b"one two three");
        buffer.remove(3, 7);
        assert_eq!(buffer.as_slice(), b"one three");
        buffer.shrink_to(0);
        assert_eq!(buffer.as_slice(), b"one three");
    }
}
