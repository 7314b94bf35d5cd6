use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { size: 160, max_scale: MAX_SCALE };

fn counted(distribution: &Exponential, limits: Limits) -> Counted {
    distribution.counted(limits, &CellReader::new())
}

/// Values straight into buckets at a given scale.
fn oracle(values: &[f64], scale: i32) -> Buckets {
    let mut buckets = Buckets::default();
    values.iter().for_each(|value| buckets.add(index::index(*value, scale), 1));
    buckets
}

fn without_empty_ends(mut buckets: Buckets) -> Buckets {
    while buckets.counts.last() == Some(&0) {
        buckets.counts.pop();
    }
    while buckets.counts.first() == Some(&0) {
        buckets.counts.remove(0);
        buckets.offset += 1;
    }
    buckets
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = (1.0_f64..2.0, -40_i32..40).prop_map(|(mantissa, exponent)| mantissa * 2_f64.powi(exponent));
    proptest::collection::vec(value, 1..60)
}

#[test]
fn zero_and_negative_values_are_counted_apart_and_what_is_no_number_is_left_out() {
    let distribution = Exponential::default();
    for value in [0.0, -0.0, 1.0, 1.5, -2.0, f64::NAN, f64::INFINITY] {
        distribution.record(LIMITS, value);
    }
    let counted = counted(&distribution, LIMITS);
    assert_eq!((counted.count(), counted.zero), (5, 2));
    assert_eq!((counted.positive.count(), counted.negative.count()), (2, 1));
    assert_eq!((counted.sum, counted.extremes), (0.5, Some((-2.0, 1.5))));
}

#[test]
fn every_float_fits_whatever_the_scale() {
    let distribution = Exponential::default();
    for value in [5e-324, f64::MIN_POSITIVE, 1.0, f64::MAX] {
        distribution.record(Limits { size: 2, max_scale: MAX_SCALE }, value);
    }
    let counted = counted(&distribution, LIMITS);
    assert_eq!((counted.count(), counted.scale), (4, index::MIN_SCALE));
}

#[test]
fn threads_that_record_at_once_lose_nothing() {
    let distribution = Exponential::default();
    let records = if cfg!(miri) { 20 } else { 5000 };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let distribution = &distribution;
            scope.spawn(move || {
                for n in 0..records {
                    distribution.record(LIMITS, f64::from(n * 4 + thread + 1));
                }
            });
        }
    });
    let counted = counted(&distribution, LIMITS);
    let all: Vec<f64> = (1..=records * 4).map(f64::from).collect();
    assert_eq!(without_empty_ends(counted.positive), oracle(&all, counted.scale));
}

proptest! {
    #[test]
    fn counts_equal_those_of_the_oracle_at_the_finest_scale_that_fits(values in values()) {
        let distribution = Exponential::default();
        values.iter().for_each(|value| distribution.record(LIMITS, *value));
        let counted = counted(&distribution, LIMITS);
        prop_assert_eq!(without_empty_ends(counted.positive), oracle(&values, counted.scale));
        prop_assert!(oracle(&values, counted.scale).counts.len() <= 160);
        if counted.scale < MAX_SCALE {
            prop_assert!(oracle(&values, counted.scale + 1).counts.len() > 160);
        }
    }

    #[test]
    fn what_came_since_and_what_was_before_make_all(before in values(), after in values()) {
        let distribution = Exponential::default();
        before.iter().for_each(|value| distribution.record(LIMITS, *value));
        let first = counted(&distribution, LIMITS);
        after.iter().for_each(|value| distribution.record(LIMITS, *value));
        let second = counted(&distribution, LIMITS);
        let since = second.since(&first).unwrap();
        prop_assert_eq!(since.count(), after.len() as u64);
        prop_assert_eq!(without_empty_ends(since.positive), oracle(&after, second.scale));
        prop_assert_eq!(second.since(&second), None);
    }

    #[test]
    fn a_quantile_is_within_the_relative_error(
        mut values in proptest::collection::vec((1.0_f64..2.0, -10_i32..20, any::<bool>()), 1..200),
        quantile in 0.0..=1.0_f64,
        error in 0.001..0.2_f64,
    ) {
        let limits = sketch_limits(error);
        let distribution = Exponential::default();
        let mut values: Vec<f64> = values
            .drain(..)
            .map(|(mantissa, exponent, negative)| {
                let value = mantissa * 2_f64.powi(exponent);
                if negative { -value } else { value }
            })
            .collect();
        values.iter().for_each(|value| distribution.record(limits, *value));
        values.sort_by(f64::total_cmp);
        let exact = values[(quantile * (values.len() - 1) as f64) as usize];
        let found = counted(&distribution, limits).quantile(quantile).unwrap();
        prop_assert!((found - exact).abs() <= error * exact.abs() * (1.0 + 1e-9), "{found} for {exact}");
    }
}
