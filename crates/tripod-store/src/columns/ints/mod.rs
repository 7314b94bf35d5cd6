//! Whole numbers: times, durations, sizes, codes of dictionaries.
//!
//! What all numbers share is taken out first: the least of them, a common factor (clocks that tick in micro- or milliseconds), and
//! where it makes them smaller the number before. What is left takes eight bits or fewer and is compressed by zstd, as bytes or as
//! bits; or more, and pco codes it. Numbers of which there are few different ones are codes of a dictionary. The smallest wins;
//! figures are in `docs/decisions/0029-columns-and-indexes.md`.
//!
//! ```text
//! 0 · number varint                                               all the same
//! 1 · least varint · factor varint · residuals                    see `residuals`
//! 2 · how many varint · bytes varint · the different ones · codes  each again a column
//! ```

mod dictionary;
mod residuals;

use self::dictionary::Dictionary;
use super::{Malformed, check_count, keep_smaller, tagged, varint};

const CONSTANT: u8 = 0;
const NUMBERS: u8 = 1;
const DICTIONARY: u8 = 2;

/// Encodes unsigned numbers; signed ones go through their bits.
pub(crate) fn encode(values: &[u64], out: &mut Vec<u8>) {
    encode_some(values, true, out);
}

/// Encodes; a dictionary is tried if there may be one.
fn encode_some(values: &[u64], dictionary: bool, out: &mut Vec<u8>) {
    let Some(form) = Form::of(values) else {
        out.push(CONSTANT);
        varint::put(values.first().copied().unwrap_or_default(), out);
        return;
    };
    let start = out.len();
    out.push(NUMBERS);
    varint::put(form.least, out);
    varint::put(form.factor, out);
    residuals::encode(&form.residuals(values), out);
    if dictionary
        && form.width() > residuals::SMALL
        && let Some(found) = Dictionary::of(values)
    {
        keep_smaller(start, out, |out| {
            out.push(DICTIONARY);
            varint::put(found.values.len() as u64, out);
            let mut values = Vec::new();
            encode_some(&found.values, false, &mut values);
            varint::put(values.len() as u64, out);
            out.append(&mut values);
            encode_some(&found.codes, false, out);
        });
    }
}

/// Decodes `count` numbers.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Vec<u64>, Malformed> {
    decode_some(bytes, count, true)
}

fn decode_some(bytes: &[u8], count: usize, dictionary: bool) -> Result<Vec<u64>, Malformed> {
    check_count(count)?;
    let (tag, mut rest) = tagged(bytes)?;
    match tag {
        CONSTANT => Ok(vec![varint::take(&mut rest)?; count]),
        NUMBERS => {
            let form = Form { least: varint::take(&mut rest)?, factor: varint::take(&mut rest)?, most: 0 };
            let mut values = residuals::decode(rest, count)?;
            form.restore(&mut values);
            Ok(values)
        }
        DICTIONARY if dictionary => decode_dictionary(rest, count),
        _ => Err(Malformed("whole numbers in no known encoding")),
    }
}

fn decode_dictionary(mut bytes: &[u8], count: usize) -> Result<Vec<u64>, Malformed> {
    let distinct = varint::take(&mut bytes)? as usize;
    let len = varint::take(&mut bytes)? as usize;
    let (values, codes) = bytes.split_at_checked(len).ok_or(Malformed("a dictionary is cut off"))?;
    if distinct > count {
        return Err(Malformed("a dictionary has more numbers than values"));
    }
    let values = decode_some(values, distinct, false)?;
    let mut codes = decode_some(codes, count, false)?;
    for code in &mut codes {
        *code = *values.get(*code as usize).ok_or(Malformed("a code is in no dictionary"))?;
    }
    Ok(codes)
}

/// What all numbers share.
#[derive(Debug, Clone, Copy)]
struct Form {
    least: u64,
    factor: u64,
    /// The largest residual.
    most: u64,
}

impl Form {
    /// Nothing where all are the same.
    fn of(values: &[u64]) -> Option<Self> {
        let (mut low, mut high) = (u64::MAX, u64::MIN);
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for value in values {
            (low, high) = (low.min(*value), high.max(*value));
            (least, most) = (least.min(*value as i64), most.max(*value as i64));
        }
        if low >= high {
            return None;
        }
        // Numbers around 0 lie near each other only as signed ones.
        let signed = most.wrapping_sub(least) as u64;
        let (least, span) = if signed < high - low { (least as u64, signed) } else { (low, high - low) };
        let factor = common_factor(values.iter().map(|value| value.wrapping_sub(least)));
        Some(Self { least, factor, most: span / factor })
    }

    fn width(self) -> u32 {
        64 - self.most.leading_zeros()
    }

    fn residuals(self, values: &[u64]) -> Vec<u64> {
        let Self { least, factor, .. } = self;
        match factor {
            1 => values.iter().map(|value| value.wrapping_sub(least)).collect(),
            _ => values.iter().map(|value| value.wrapping_sub(least) / factor).collect(),
        }
    }

    fn restore(self, values: &mut [u64]) {
        let Self { least, factor, .. } = self;
        match factor {
            1 => values.iter_mut().for_each(|value| *value = value.wrapping_add(least)),
            _ => values.iter_mut().for_each(|value| *value = value.wrapping_mul(factor).wrapping_add(least)),
        }
    }
}

/// The greatest number that divides all of them; numbers without one are soon done.
fn common_factor(values: impl Iterator<Item = u64>) -> u64 {
    let mut factor = 0;
    for value in values {
        if factor != 0 && value % factor == 0 {
            continue;
        }
        let mut rest = value;
        while rest != 0 {
            (factor, rest) = (rest, factor % rest);
        }
        if factor == 1 {
            break;
        }
    }
    factor.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(values: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        bytes
    }

    /// Columns of many kinds: shifted, scaled, ascending, with few distinct numbers.
    fn columns() -> impl Strategy<Value = Vec<u64>> {
        let numbers = prop_oneof![
            proptest::collection::vec(any::<u64>(), 0..200),
            proptest::collection::vec(0u64..3, 0..600),
            proptest::collection::vec(prop_oneof![Just(1u64), Just(1 << 40), Just(u64::MAX)], 0..600),
            proptest::collection::vec(any::<u16>().prop_map(u64::from), 0..2000),
        ];
        (numbers, any::<u64>(), prop_oneof![Just(1u64), Just(1000), any::<u64>()], any::<bool>()).prop_map(
            |(mut numbers, add, times, ascending)| {
                let mut sum = 0u64;
                for number in &mut numbers {
                    sum = sum.wrapping_add(*number);
                    *number = if ascending { sum } else { *number }.wrapping_mul(times).wrapping_add(add);
                }
                numbers
            },
        )
    }

    proptest! {
        #[test]
        fn numbers_come_back(values in columns()) {
            prop_assert_eq!(decode(&encoded(&values), values.len()).unwrap(), values);
        }

        #[test]
        fn any_bytes_are_an_error_or_numbers(
            values in columns(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
            count in 0usize..3000,
        ) {
            let mut bytes = encoded(&values);
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            for (bytes, count) in [(bytes.as_slice(), values.len()), (&bytes, count), (&bytes[..cut.index(bytes.len())], count)] {
                if let Ok(decoded) = decode(bytes, count) {
                    prop_assert_eq!(decoded.len(), count);
                }
            }
        }

        #[test]
        fn random_bytes_are_an_error_or_numbers(bytes in proptest::collection::vec(any::<u8>(), 0..200), count in 0usize..300) {
            if let Ok(decoded) = decode(&bytes, count) {
                prop_assert_eq!(decoded.len(), count);
            }
        }
    }

    fn bytes_a_value(values: impl Iterator<Item = u64>) -> f64 {
        let values: Vec<u64> = values.collect();
        encoded(&values).len() as f64 / values.len() as f64
    }

    #[test]
    fn what_numbers_share_takes_no_room() {
        assert!(encoded(&vec![u64::MAX; 4096]).len() <= 11);
        assert!(bytes_a_value((0..4096).map(|at| 1_795_238_947_000_000_000 + at * 1000)) < 0.02);
        let random = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        assert!(bytes_a_value((0..4096).map(|at| random(at) % 200 * 1_000_000)) < 1.01);
        assert!(bytes_a_value((0..4096).map(|at| (random(at) % 200).wrapping_sub(100))) < 1.01);
        assert!(bytes_a_value((0..4096).map(|at| random(random(at) % 8))) < 0.45);
        assert!(bytes_a_value((0..4096).map(random)) < 4.1);
        assert!(bytes_a_value((0..4096u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15))) < 8.01);
    }
}
