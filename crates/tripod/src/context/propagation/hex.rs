//! Ids as hexadecimal digits, as every format but its separators writes them: eight digits at a time, in one machine word.

use tripod_wire::{SpanId, TraceId};

use crate::context::{SpanContext, TraceFlags};

/// The longest number: a trace id.
const MAX_DIGITS: usize = 32;

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// One to `2 * N` lower-case digits as a big-endian number, padded with zeros on the left.
#[inline]
pub(super) fn number<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    const { assert!(2 * N <= MAX_DIGITS) }
    if text.len() == 2 * N && N.is_multiple_of(4) {
        let mut bytes = [0; N];
        read(text, &mut bytes).then_some(bytes)
    } else {
        padded(text)
    }
}

fn padded<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let (mut digits, mut bytes) = ([b'0'; MAX_DIGITS], [0; MAX_DIGITS / 2]);
    digits[MAX_DIGITS - text.len()..].copy_from_slice(text);
    let valid = read(&digits, &mut bytes);
    bytes[bytes.len() - N..].try_into().ok().filter(|_| valid)
}

/// Reads whole words of digits; answers whether they all were.
#[inline]
fn read(digits: &[u8], out: &mut [u8]) -> bool {
    let mut wrong = 0;
    for (digits, out) in digits.chunks_exact(8).zip(out.chunks_exact_mut(4)) {
        let mut word = [0; 8];
        word.copy_from_slice(digits);
        let word = u64::from_le_bytes(word);
        // A letter has bit 6, and its lower half counts from 1.
        let letters = word >> 6 & ONES;
        let values = (word & (15 * ONES)) + (letters << 3) + letters;
        // What is no digit has a value too large, or another digit's.
        wrong |= values & (0xf0 * ONES) | digits_of(values & (15 * ONES)) ^ word;
        let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
        let pairs = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        out.copy_from_slice(&((pairs | pairs >> 16) as u32).to_le_bytes());
    }
    wrong == 0
}

/// Writes an id, or a part of one that has a multiple of four bytes, as digits.
#[inline]
pub(super) fn write(bytes: &[u8], out: &mut [u8]) {
    for (bytes, out) in bytes.chunks_exact(4).zip(out.chunks_exact_mut(8)) {
        let mut word = [0; 4];
        word.copy_from_slice(bytes);
        let word = u64::from(u32::from_le_bytes(word));
        let spread = (word | word << 16) & 0x0000_ffff_0000_ffff;
        let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
        let values = spread >> 4 & 0x000f_000f_000f_000f | (spread & 0x000f_000f_000f_000f) << 8;
        out.copy_from_slice(&digits_of(values).to_le_bytes());
    }
}

/// The digits of eight values from 0 to 15.
#[inline]
fn digits_of(values: u64) -> u64 {
    // From 10 on, six more reach the next half-byte; letters stand 39 behind the other digits.
    let letters = (values + 6 * ONES) >> 4 & ONES;
    // 39 by shifts, as there is no vector instruction for the product of two words.
    values + ONES * u64::from(b'0') + (letters << 5) + (letters << 3) - letters
}

/// A span elsewhere, if the ids are valid.
#[inline]
pub(super) fn remote(trace_id: [u8; 16], span_id: [u8; 8], flags: TraceFlags) -> Option<SpanContext> {
    let span = SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(span_id), flags, remote: true };
    span.is_valid().then_some(span)
}

/// The digit of the flag that most formats have.
pub(super) fn sampled(span: &SpanContext) -> u8 {
    b'0' + u8::from(span.is_sampled())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_numbers_are_padded_on_the_left_and_others_refused() {
        assert_eq!(number::<2>(b"abc"), Some([0x0a, 0xbc]));
        assert_eq!(number::<2>(b"abcd"), Some([0xab, 0xcd]));
        for refused in ["", "abcde", "AB", "0x", "é", "+1", " 1"] {
            assert_eq!(number::<2>(refused.as_bytes()), None, "{refused}");
        }
    }

    #[test]
    fn of_all_bytes_only_lower_case_digits_are_read_wherever_they_stand() {
        for byte in 0..=255 {
            for at in 0..8 {
                let mut text = *b"01234567";
                text[at] = byte;
                let expected = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                assert_eq!(number::<4>(&text).is_some(), expected, "{byte:#x} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn ids_are_written_as_the_standard_librarys_digits_and_read_back(trace_id: [u8; 16], span_id: [u8; 8]) {
            let (mut trace_digits, mut span_digits) = ([0; 32], [0; 16]);
            write(&trace_id, &mut trace_digits);
            write(&span_id, &mut span_digits);
            let theirs = [format!("{:032x}", u128::from_be_bytes(trace_id)), format!("{:016x}", u64::from_be_bytes(span_id))];
            prop_assert_eq!([&trace_digits[..], &span_digits[..]], theirs.each_ref().map(String::as_bytes));
            prop_assert_eq!((number(&trace_digits), number(&span_digits)), (Some(trace_id), Some(span_id)));
        }
    }
}
