//! Strings that differ in digits only: ids in hexadecimal digits, UUIDs, `ord-000123`, `/users/123/cart`.
//!
//! What all share is kept once. Decimal digits are numbers; hexadecimal ones take half a byte each, which for random ids is all that
//! can be had, and much faster than to have zstd find it out.
//!
//! ```text
//! 0 · before · behind (texts) · numbers                  the number between is written without leading zeros
//! 1 · length varint · a kind each byte · fixed text · (numbers) for each run of decimal digits · nibbles
//! ```

use super::super::packed::{pack, unpack};
use super::super::{Malformed, ints, tagged, varint};
use super::{MAX_BYTES, Strings};

const NUMBERED: u8 = 0;
const FIXED: u8 = 1;

/// Longer strings are not looked at.
const MAX_LEN: usize = 128;

/// Decimal numbers of so many digits fit into 64 bits.
const MAX_DIGITS: usize = 19;

/// What stands at one place of every string. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The same byte.
    Same = 0,
    /// A decimal digit.
    Decimal = 1,
    /// A hexadecimal digit, letters in lower case.
    Lower = 2,
    /// The same in upper case.
    Upper = 3,
}

/// Appends strings; false, and anything appended, if they have no pattern.
pub(super) fn encode(values: &Strings, out: &mut Vec<u8>) -> bool {
    let Some(first) =
        values.iter().next().filter(|first| values.len() > 1 && !first.is_empty() && first.len() <= MAX_LEN)
    else {
        return false;
    };
    if values.iter().all(|value| value.len() == first.len())
        && let Some(kinds) = kinds(values, first)
    {
        encode_fixed(values, first, &kinds, out);
        return true;
    }
    encode_numbered(values, first, out)
}

/// What stands where; nothing if that is neither the same nor a digit anywhere.
fn kinds(values: &Strings, first: &[u8]) -> Option<Vec<Kind>> {
    // Which classes all bytes of a place belong to, and whether they differ.
    const DECIMAL: u8 = 1;
    const LOWER: u8 = 2;
    const UPPER: u8 = 4;
    const SAME: u8 = 8;
    const CLASSES: [u8; 256] = {
        let mut classes = [SAME; 256];
        let mut byte = 0;
        while byte < 256 {
            classes[byte] |= match byte as u8 {
                b'0'..=b'9' => DECIMAL | LOWER | UPPER,
                b'a'..=b'f' => LOWER,
                b'A'..=b'F' => UPPER,
                _ => 0,
            };
            byte += 1;
        }
        classes
    };
    let mut classes = vec![u8::MAX; first.len()];
    for value in values.iter() {
        for ((class, byte), first) in classes.iter_mut().zip(value).zip(first) {
            *class &= CLASSES[usize::from(*byte)] & if byte == first { u8::MAX } else { !SAME };
        }
        if classes.contains(&0) {
            return None;
        }
    }
    let kind = |class: &u8| match class {
        class if class & SAME != 0 => Kind::Same,
        class if class & DECIMAL != 0 => Kind::Decimal,
        class if class & LOWER != 0 => Kind::Lower,
        _ => Kind::Upper,
    };
    let mut kinds: Vec<Kind> = classes.iter().map(kind).collect();
    // A run of digits is either a number or hexadecimal as a whole.
    for run in kinds.chunk_by_mut(|a, b| (*a == Kind::Same) == (*b == Kind::Same)) {
        let most = run.iter().copied().max().unwrap_or(Kind::Same);
        let hexadecimal = if most == Kind::Decimal && run.len() > MAX_DIGITS { Kind::Lower } else { most };
        if run.contains(&Kind::Lower) && most == Kind::Upper {
            return None;
        }
        run.fill(hexadecimal);
    }
    Some(kinds)
}

/// The places of each run of decimal digits.
fn numbers(kinds: &[Kind]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    kinds.chunk_by(|a, b| a == b).filter_map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        (run[0] == Kind::Decimal).then_some(range)
    })
}

fn is_hexadecimal(kind: Kind) -> bool {
    kind >= Kind::Lower
}

fn encode_fixed(values: &Strings, first: &[u8], kinds: &[Kind], out: &mut Vec<u8>) {
    out.push(FIXED);
    varint::put(kinds.len() as u64, out);
    out.extend(kinds.iter().map(|kind| *kind as u8));
    out.extend(first.iter().zip(kinds).filter(|(_, kind)| **kind == Kind::Same).map(|(byte, _)| byte));
    for range in numbers(kinds) {
        let number =
            |value: &[u8]| value[range.clone()].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        let numbers: Vec<u64> = values.iter().map(number).collect();
        put_column(out, |out| ints::encode(&numbers, out));
    }
    let places: Vec<usize> = (0..kinds.len()).filter(|place| is_hexadecimal(kinds[*place])).collect();
    let mut nibbles = Vec::with_capacity(values.len() * places.len().div_ceil(2));
    for value in values.iter() {
        for pair in places.chunks(2) {
            nibbles.push(pair.iter().fold(0, |byte, place| byte << 4 | nibble(value[*place])));
        }
    }
    pack(&nibbles, out);
}

/// Strings around a number without leading zeros.
fn encode_numbered(values: &Strings, first: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut before, mut behind) = (first.len(), first.len());
    for value in values.iter() {
        before = first.iter().zip(value).take(before).take_while(|(a, b)| a == b).count();
        behind = first.iter().rev().zip(value.iter().rev()).take(behind).take_while(|(a, b)| a == b).count();
    }
    // Digits that all share belong to the number.
    while before > 0 && first[before - 1].is_ascii_digit() {
        before -= 1;
    }
    while behind > 0 && first[first.len() - behind].is_ascii_digit() {
        behind -= 1;
    }
    let number = |value: &[u8]| {
        let digits = value.get(before..value.len().checked_sub(behind)?)?;
        let canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.len() <= MAX_DIGITS;
        (canonical && digits.iter().all(u8::is_ascii_digit))
            .then(|| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    };
    let Some(numbers) = values.iter().map(number).collect::<Option<Vec<u64>>>() else { return false };
    out.push(NUMBERED);
    for text in [&first[..before], &first[first.len() - behind..]] {
        varint::put(text.len() as u64, out);
        out.extend_from_slice(text);
    }
    ints::encode(&numbers, out);
    true
}

/// Decodes `count` strings.
pub(super) fn decode(bytes: &[u8], count: usize) -> Result<Strings, Malformed> {
    let (tag, rest) = tagged(bytes)?;
    match tag {
        NUMBERED => decode_numbered(rest, count),
        FIXED => decode_fixed(rest, count),
        _ => Err(Malformed("strings in no known pattern")),
    }
}

fn decode_numbered(mut bytes: &[u8], count: usize) -> Result<Strings, Malformed> {
    let mut text = || {
        let len = varint::take(&mut bytes)?;
        take(&mut bytes, len).filter(|text| text.len() <= MAX_LEN).ok_or(Malformed("a pattern is cut off"))
    };
    let (before, behind) = (text()?, text()?);
    let mut strings = Strings::default();
    let mut digits = [0; 20];
    for number in ints::decode(bytes, count)? {
        let start = decimal(number, &mut digits);
        strings.bytes.extend_from_slice(before);
        strings.bytes.extend_from_slice(&digits[start..]);
        strings.push(behind);
    }
    Ok(strings)
}

fn decode_fixed(mut bytes: &[u8], count: usize) -> Result<Strings, Malformed> {
    const CUT_OFF: Malformed = Malformed("a pattern is cut off");
    let len = varint::take(&mut bytes)?;
    if len == 0 || len > MAX_LEN as u64 || count * len as usize > MAX_BYTES {
        return Err(Malformed("a pattern is too long"));
    }
    let len = len as usize;
    let kind = |kind: &u8| match kind {
        0 => Ok(Kind::Same),
        1 => Ok(Kind::Decimal),
        2 => Ok(Kind::Lower),
        3 => Ok(Kind::Upper),
        _ => Err(Malformed("a pattern of unknown kinds")),
    };
    let kinds = take(&mut bytes, len as u64).ok_or(CUT_OFF)?.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
    let same = kinds.iter().filter(|kind| **kind == Kind::Same).count();
    let mut same = take(&mut bytes, same as u64).ok_or(CUT_OFF)?.iter();
    let blank: Vec<u8> = kinds
        .iter()
        .map(|kind| if *kind == Kind::Same { same.next().copied().unwrap_or_default() } else { 0 })
        .collect();
    let mut all = blank.repeat(count);

    for range in numbers(&kinds) {
        let packed = varint::take(&mut bytes)?;
        let numbers = ints::decode(take(&mut bytes, packed).ok_or(CUT_OFF)?, count)?;
        for (value, number) in all.chunks_exact_mut(len).zip(numbers) {
            let mut rest = number;
            for digit in value[range.clone()].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }
    let places: Vec<usize> = (0..len).filter(|place| is_hexadecimal(kinds[*place])).collect();
    let bytes_a_value = places.len().div_ceil(2);
    let nibbles = unpack(bytes, count * bytes_a_value)?;
    if nibbles.len() != count * bytes_a_value {
        return Err(CUT_OFF);
    }
    let letters: Vec<&[u8; 16]> =
        kinds.iter().map(|kind| if *kind == Kind::Upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" }).collect();
    for (value, nibbles) in all.chunks_exact_mut(len).zip(nibbles.chunks_exact(bytes_a_value.max(1))) {
        for (pair, byte) in places.chunks(2).zip(nibbles) {
            // An odd one at the end has the lower half.
            if let [high, low] = pair {
                value[*high] = letters[*high][usize::from(byte >> 4)];
                value[*low] = letters[*low][usize::from(byte & 15)];
            } else {
                value[pair[0]] = letters[pair[0]][usize::from(byte & 15)];
            }
        }
    }
    Ok(Strings { ends: (1..=count).map(|end| (end * len) as u32).collect(), bytes: all })
}

fn nibble(digit: u8) -> u8 {
    // Letters have their value in the lower four bits, from 1 on, and bit 6 set. No branch: digits are random.
    (digit & 15) + 9 * (digit >> 6)
}

/// Writes a number at the end of `digits`; where it begins is returned.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> usize {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return start;
        }
    }
}

fn put_column(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let mut column = Vec::new();
    encode(&mut column);
    varint::put(column.len() as u64, out);
    out.append(&mut column);
}

fn take<'a>(bytes: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}
