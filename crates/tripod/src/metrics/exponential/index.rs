//! In which exponential bucket a value lies: from the float's bits, without a logarithm at the scales that are usual.
//!
//! At scale `s` bucket `i` holds the values above `base^i` up to `base^(i+1)`, where `base = 2^(2^-s)`. A power of two is exactly where
//! it belongs, at every scale; other bounds are irrational, and right to the last bit of a float. Two tables, 12 KiB, made once.

use std::sync::LazyLock;

/// The finest scale, the specification's default.
pub(crate) const MAX_SCALE: i32 = 20;
/// The coarsest: two buckets hold every float.
pub(crate) const MIN_SCALE: i32 = -10;

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const BIAS: i32 = 1023;

/// Up to this scale the tables say it.
const TABLE_SCALE: u32 = 10;
const BUCKETS: usize = 1 << TABLE_SCALE;
/// Equal steps of the mantissa, narrow enough that at most one bound lies in each.
const STEPS: usize = 2 * BUCKETS;
const STEP_BITS: u32 = MANTISSA_BITS - TABLE_SCALE - 1;

struct Tables {
    /// The mantissa of each bucket's upper bound.
    upper: [u64; BUCKETS],
    /// The bucket in which each step begins.
    first: [u16; STEPS],
}

static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| {
    let mut tables = Box::new(Tables { upper: [u64::MAX; BUCKETS], first: [0; STEPS] });
    for at in 1..BUCKETS {
        tables.upper[at - 1] = (at as f64 / BUCKETS as f64).exp2().to_bits() & MANTISSA;
    }
    let Tables { upper, first } = &mut *tables;
    for (step, first) in first.iter_mut().enumerate() {
        let begin = (step as u64) << STEP_BITS;
        *first = upper.partition_point(|upper| *upper < begin) as u16;
    }
    tables
});

/// The bucket of a value, which is finite and above zero.
#[inline]
pub(crate) fn index(value: f64, scale: i32) -> i32 {
    let (exponent, mantissa) = split(value);
    if mantissa == 0 {
        // A power of two is the upper bound of the bucket before.
        return if scale > 0 { (exponent << scale) - 1 } else { (exponent - 1) >> -scale };
    }
    match scale {
        ..=0 => exponent >> -scale,
        1..=10 => {
            let tables = &**TABLES;
            let first = usize::from(tables.first[(mantissa >> STEP_BITS) as usize & (STEPS - 1)]) & (BUCKETS - 1);
            let within = first as i32 + i32::from(tables.upper[first] < mantissa);
            ((exponent << TABLE_SCALE) + within) >> (TABLE_SCALE as i32 - scale)
        }
        _ => {
            let significand = f64::from_bits(mantissa | (BIAS as u64) << MANTISSA_BITS);
            let buckets = 1_i64 << scale;
            let within = (significand.log2() * buckets as f64).ceil() as i64 - 1;
            (exponent << scale) + within.clamp(0, buckets - 1) as i32
        }
    }
}

/// Exponent and mantissa. What is too small for a float of full precision counts as the smallest that is not, as is allowed.
#[inline]
fn split(value: f64) -> (i32, u64) {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    ((bits >> MANTISSA_BITS) as i32 - BIAS, bits & MANTISSA)
}

/// The lower bound of a bucket, not part of it.
pub(crate) fn lower_bound(index: i32, scale: i32) -> f64 {
    if scale > 0 {
        (f64::from(index) / f64::from(1 << scale)).exp2()
    } else {
        (f64::from(index) * f64::from(1 << -scale)).exp2()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn powers_of_two_are_the_upper_bounds_of_their_buckets() {
        for exponent in -1022..=1023 {
            let value = 2_f64.powi(exponent);
            assert_eq!(index(value, 0), exponent - 1);
            assert_eq!(index(value, 3), exponent * 8 - 1);
            assert_eq!(index(value, MAX_SCALE), (exponent << 20) - 1);
            assert_eq!(index(value, -1), (exponent - 1) >> 1);
        }
    }

    proptest! {
        #[test]
        fn a_value_lies_above_its_buckets_lower_bound_and_up_to_the_next(
            value in any::<f64>().prop_filter("above zero", |value| value.is_normal() && *value > 0.0),
            scale in MIN_SCALE..=MAX_SCALE,
        ) {
            let at = index(value, scale);
            // The bounds computed here are themselves rounded.
            let ulps = 1.0 + 1e-12;
            prop_assert!(value * ulps >= lower_bound(at, scale), "{value} in {at} at {scale}");
            prop_assert!(value <= lower_bound(at + 1, scale) * ulps, "{value} in {at} at {scale}");
        }

        #[test]
        fn a_coarser_scale_joins_neighbours(
            mantissa in 1.0_f64..2.0, exponent in -300..300_i32, scale in MIN_SCALE + 1..=10,
        ) {
            let value = mantissa * 2_f64.powi(exponent);
            prop_assert_eq!(index(value, scale) >> 1, index(value, scale - 1));
        }
    }
}
