//! Floating-point numbers, bit by bit.
//!
//! Most are decimal numbers of few places (prices, percentages, counts): whole numbers and how many places. The rest is coded by
//! its bits, in an order in which near numbers have near bits.

use super::{Malformed, check_count, ints, tagged};

const BITS: u8 = 0;
/// Whole numbers, to be divided by a power of ten.
const DECIMAL: u8 = 1;

/// Powers of ten that a decimal number may be divided by.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Whole numbers below this have floating-point numbers of their own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Encodes numbers.
pub(crate) fn encode(values: &[f64], out: &mut Vec<u8>) {
    if let Some((places, whole)) = decimal(values) {
        out.extend_from_slice(&[DECIMAL, places as u8]);
        return ints::encode(&whole, out);
    }
    out.push(BITS);
    let ordered: Vec<u64> = values.iter().map(|value| order(value.to_bits())).collect();
    ints::encode(&ordered, out);
}

/// Decodes `count` numbers.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Vec<f64>, Malformed> {
    check_count(count)?;
    let (tag, rest) = tagged(bytes)?;
    match tag {
        BITS => Ok(ints::decode(rest, count)?.into_iter().map(|bits| f64::from_bits(disorder(bits))).collect()),
        DECIMAL => {
            let (places, rest) = tagged(rest)?;
            let power = POWERS.get(usize::from(places)).ok_or(Malformed("a decimal number of too many places"))?;
            Ok(ints::decode(rest, count)?.into_iter().map(|whole| whole as i64 as f64 / power).collect())
        }
        _ => Err(Malformed("floating-point numbers in no known encoding")),
    }
}

/// The numbers as whole ones, and how many decimal places were moved, if that loses no bit of any.
fn decimal(values: &[f64]) -> Option<(usize, Vec<u64>)> {
    let mut places = 0;
    for value in values {
        while whole(*value, places).is_none() {
            places += 1;
            if places == POWERS.len() {
                return None;
            }
        }
    }
    // What was whole with fewer places need not be with more.
    let whole = values.iter().map(|value| whole(*value, places)).collect::<Option<_>>()?;
    Some((places, whole))
}

fn whole(value: f64, places: usize) -> Option<u64> {
    let whole = (value * POWERS[places]).round() as i64;
    let exact = (whole as f64).abs() < EXACT && (whole as f64 / POWERS[places]).to_bits() == value.to_bits();
    exact.then_some(whole as u64)
}

/// Bits in the order of the numbers: negative ones, largest first, stand before the others.
fn order(bits: u64) -> u64 {
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn disorder(bits: u64) -> u64 {
    if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(values: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        bytes
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn every_bit_comes_back(
            values in prop_oneof![
                proptest::collection::vec(any::<u64>().prop_map(f64::from_bits), 0..200),
                proptest::collection::vec((-10_000i32..10_000, 0i32..4).prop_map(|(whole, places)| f64::from(whole) / 10f64.powi(places)), 0..400),
                proptest::collection::vec(prop_oneof![Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1.5)], 0..100),
                proptest::collection::vec(any::<f32>().prop_map(f64::from), 0..200),
            ],
            change in any::<(prop::sample::Index, u8)>(),
        ) {
            let mut bytes = encoded(&values);
            prop_assert_eq!(bits(&decode(&bytes, values.len()).unwrap()), bits(&values));
            let place = change.0.index(bytes.len());
            bytes[place] = change.1;
            let _ = decode(&bytes, values.len());
            bytes.truncate(place);
            let _ = decode(&bytes, values.len());
        }
    }

    #[test]
    fn decimal_numbers_take_what_their_digits_take() {
        let prices: Vec<f64> =
            (0..4096u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as f64 / 100.0).collect();
        assert!(encoded(&prices).len() < 4096 * 15 / 8, "{}", encoded(&prices).len());
        let singles: Vec<f64> = prices.iter().map(|price| f64::from((price / 3.0) as f32)).collect();
        assert!(encoded(&singles).len() < 4096 * 4, "{}", encoded(&singles).len());
    }
}
