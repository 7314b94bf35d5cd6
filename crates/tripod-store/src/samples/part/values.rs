//! The values of a chunk, bit by bit: a constant, whole numbers of a power of ten, or the bits of floats as whole numbers.
//!
//! Most values are whole numbers or have a few digits behind the point; as multiples of 1, 0.1, 0.01, … they are small whole
//! numbers, and dividing gives back exactly the float that they came from, or they are not stored that way. A few values that
//! fit nowhere (markers of staleness, infinities) stand apart, each with its place. Other floats rise with their bits when
//! they are taken as whole numbers, so neighbours in value are neighbours there too.

use super::ints;
use super::small::STALE;
use crate::columns::Malformed;
use crate::columns::varint;

/// The first byte: a constant; the bits of floats; or this plus a power of ten.
const CONSTANT: u8 = 0;
const RAW: u8 = 1;
const DECIMAL: u8 = 2;

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Whole numbers below this are exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// One value in so many may stand apart.
const APART: usize = 16;
/// How many values are looked at to guess the power of ten.
const LOOKS: usize = 24;

/// Encodes values; the decoder must be told how many they are.
pub(crate) fn encode(values: &[f64], out: &mut Vec<u8>) {
    let Some(first) = values.first() else { return };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        out.push(CONSTANT);
        return put_value(*first, out);
    }
    // Values that were not looked at may have more digits.
    let powers = guess_power(values).map_or(0..0, |power| power..POWERS.len().min(power + 3));
    if powers.into_iter().find_map(|power| encode_decimal(values, power, out)).is_none() {
        out.push(RAW);
        let ordered: Vec<i64> = values.iter().map(|value| ordered(value.to_bits())).collect();
        ints::encode(&ordered, out);
    }
}

/// A single value: a number of a few digits in as few bytes as possible.
fn put_value(value: f64, out: &mut Vec<u8>) {
    match (0..POWERS.len()).find_map(|power| Some((power, scale(value, power)?))) {
        Some((power, whole)) => {
            out.push(power as u8);
            varint::put(varint::zigzag(whole), out);
        }
        None if value.to_bits() == STALE => out.push(0xfe),
        None => {
            out.push(0xff);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
}

fn take_value(bytes: &mut &[u8]) -> Result<f64, Malformed> {
    const CUT: Malformed = Malformed("a value is cut off");
    let (power, rest) = bytes.split_first().ok_or(CUT)?;
    *bytes = rest;
    Ok(match power {
        0xfe => f64::from_bits(STALE),
        0xff => {
            let (bits, rest) = bytes.split_first_chunk().ok_or(CUT)?;
            *bytes = rest;
            f64::from_bits(u64::from_le_bytes(*bits))
        }
        _ => {
            let power = POWERS.get(usize::from(*power)).ok_or(Malformed("a value of no known power"))?;
            varint::unzigzag(varint::take(bytes)?) as f64 / power
        }
    })
}

/// The whole number that gives exactly this value when it is divided by a power of ten.
#[inline]
pub(super) fn scale(value: f64, power: usize) -> Option<i64> {
    let scaled = value * POWERS[power];
    if scaled.is_nan() || scaled.abs() >= EXACT {
        return None;
    }
    // Rounds to the nearest: half is added away from zero, and the rest cut off.
    let whole = (scaled + f64::copysign(0.5, scaled)) as i64;
    ((whole as f64 / POWERS[power]).to_bits() == value.to_bits()).then_some(whole)
}

/// Values as whole numbers of a power of ten, with those that are none apart; nothing where these are too many.
fn encode_decimal(values: &[f64], power: usize, out: &mut Vec<u8>) -> Option<()> {
    let most_apart = values.len() / APART + 1;
    let mut apart = Vec::new();
    let mut before = None;
    let mut whole = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let scaled = scale(*value, power);
        if scaled.is_none() {
            apart.push(at);
            if apart.len() > most_apart {
                return None;
            }
        }
        // One that stands apart repeats the one before, which costs least.
        let scaled = scaled.or(before);
        whole.push(scaled);
        before = scaled;
    }
    let first = whole.iter().flatten().next().copied()?;
    let whole: Vec<i64> = whole.into_iter().map(|whole| whole.unwrap_or(first)).collect();
    out.push(DECIMAL + power as u8);
    varint::put(apart.len() as u64, out);
    let mut next = 0;
    for at in apart {
        varint::put((at - next) as u64, out);
        put_value(values[at], out);
        next = at + 1;
    }
    ints::encode(&whole, out);
    Some(())
}

/// The smallest power of ten that makes whole numbers of nearly all of a few values.
fn guess_power(values: &[f64]) -> Option<usize> {
    let step = (values.len() / LOOKS).max(1);
    let (mut power, mut misses) = (0, 0);
    let looked = values.len().div_ceil(step);
    for value in values.iter().step_by(step) {
        if let Some(larger) = (power..POWERS.len()).find(|power| scale(*value, *power).is_some()) {
            power = larger;
        } else {
            misses += 1;
            if misses > looked / 4 {
                return None;
            }
        }
    }
    Some(power)
}

/// The bits of a float as a number that rises with it.
fn ordered(bits: u64) -> i64 {
    (bits ^ (((bits as i64 >> 63) as u64) >> 1)) as i64
}

/// The other way round: the same, as it leaves the sign alone.
fn unordered(number: i64) -> u64 {
    ordered(number as u64) as u64
}

/// Room to decode in, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    numbers: Vec<u64>,
}

/// Decodes `count` values, in place of what is in `out`. The caller bounds the count.
pub(crate) fn decode(bytes: &[u8], count: usize, scratch: &mut Scratch, out: &mut Vec<f64>) -> Result<(), Malformed> {
    out.clear();
    let Some((head, mut rest)) = bytes.split_first() else {
        return if count == 0 { Ok(()) } else { Err(Malformed("a chunk without values")) };
    };
    match *head {
        CONSTANT => out.resize(count, take_value(&mut rest)?),
        RAW => {
            ints::decode(rest, count, &mut scratch.numbers)?;
            out.extend(scratch.numbers.iter().map(|number| f64::from_bits(unordered(*number as i64))));
        }
        power => {
            let power = *POWERS.get(usize::from(power - DECIMAL)).ok_or(Malformed("values of no known power"))?;
            let mut apart = rest;
            let aparts = varint::take(&mut apart)?;
            let mut behind = apart;
            for _ in 0..aparts {
                varint::take(&mut behind)?;
                take_value(&mut behind)?;
            }
            ints::decode(behind, count, &mut scratch.numbers)?;
            if power == 1.0 {
                out.extend(scratch.numbers.iter().map(|number| *number as i64 as f64));
            } else {
                out.extend(scratch.numbers.iter().map(|number| *number as i64 as f64 / power));
            }
            let mut next = 0usize;
            for _ in 0..aparts {
                let at = next.saturating_add(varint::take(&mut apart)? as usize);
                *out.get_mut(at).ok_or(Malformed("a value has no place"))? = take_value(&mut apart)?;
                next = at + 1;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(values: &[f64]) -> (usize, Vec<u64>) {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        let mut out = Vec::new();
        decode(&bytes, values.len(), &mut Scratch::default(), &mut out).unwrap();
        (bytes.len(), out.iter().map(|value| value.to_bits()).collect())
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn markers_of_staleness_and_infinities_do_not_spoil_a_counter() {
        let mut values: Vec<f64> = (0..480).map(|at| f64::from(at * 3)).collect();
        let plain = there_and_back(&values).0;
        values[100] = f64::from_bits(STALE);
        values[200] = f64::INFINITY;
        values[300] = -0.0;
        let (len, back) = there_and_back(&values);
        assert_eq!(back, bits(&values));
        assert!(len <= plain + 100, "{len} bytes instead of {plain}");
    }

    #[test]
    fn temperatures_are_stored_as_tenths() {
        let values: Vec<f64> =
            (0..1000).map(|at| 20.0 + f64::from(at * 7 % 31) / 10.0).map(|v| (v * 10.0).round() / 10.0).collect();
        let (len, back) = there_and_back(&values);
        assert_eq!(back, bits(&values));
        assert!(len < 1000 * 5 / 8 + 20, "{len} bytes");
    }

    #[test]
    fn the_order_of_floats_is_the_order_of_their_numbers() {
        let values = [f64::NEG_INFINITY, -1e300, -1.0, -1e-300, -0.0, 0.0, 1e-300, 1.0, 1e300, f64::INFINITY];
        assert!(values.windows(2).all(|pair| ordered(pair[0].to_bits()) < ordered(pair[1].to_bits())));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            any::<i64>().prop_map(|value| value as f64),
            (-100_000_000i64..100_000_000, 0i32..12).prop_map(|(value, power)| value as f64 / 10f64.powi(power)),
            (0i64..100).prop_map(|value| value as f64),
            Just(f64::from_bits(STALE)),
            Just(-0.0),
        ]
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop_oneof![
            prop::collection::vec(value(), 0..300),
            (0i32..12, prop::collection::vec((any::<i32>(), 0u8..40, value()), 0..400)).prop_map(|(power, values)| {
                let value = |(whole, rare, other)| if rare == 0 { other } else { f64::from(whole) / 10f64.powi(power) };
                values.into_iter().map(value).collect()
            }),
        ]
    }

    proptest! {
        #[test]
        fn values_come_back_bit_by_bit(values in values()) {
            prop_assert_eq!(there_and_back(&values).1, bits(&values));
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(
            head in 0u8..20, bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..500,
        ) {
            let bytes: Vec<u8> = std::iter::once(head).chain(bytes).collect();
            let _ = decode(&bytes, count, &mut Scratch::default(), &mut Vec::new());
        }
    }
}
