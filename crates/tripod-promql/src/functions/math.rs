//! Arithmetic over lists of numbers, with the rounding and the special cases of Prometheus.

/// A sum that keeps what rounding loses (Kahan and Neumaier).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kahan {
    sum: f64,
    lost: f64,
}

impl Kahan {
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    pub(crate) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }

    pub(crate) fn sum(values: &[f64]) -> f64 {
        let mut total = Self::default();
        values.iter().for_each(|value| total.add(*value));
        total.total()
    }
}

/// The mean, also when the sum is too large for a number.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let total = Kahan::sum(values);
    if total.is_finite() || values.iter().any(|value| !value.is_finite()) {
        return total / values.len() as f64;
    }
    let parts: Vec<f64> = values.iter().map(|value| value / values.len() as f64).collect();
    Kahan::sum(&parts)
}

/// The population variance (Welford).
pub(crate) fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares, mut count) = (Kahan::default(), Kahan::default(), 0.0);
    for value in values {
        count += 1.0;
        let before = value - mean.total();
        mean.add(before / count);
        squares.add(before * (value - mean.total()));
    }
    squares.total() / count
}

/// The `q`-quantile by linear interpolation; sorts the values, NaN first.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)));
    let last = values.len() - 1;
    let rank = q * last as f64;
    let below = (rank.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let weight = rank - rank.floor();
    values[below] * (1.0 - weight) + values[above] * weight
}

/// Slope a second and value at `origin` of the line through samples by least squares.
pub(crate) fn linear_regression(samples: &[(i64, f64)], origin: i64) -> (f64, f64) {
    let first = samples[0].1;
    if samples.iter().all(|(_, value)| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let [mut sum_x, mut sum_y, mut sum_xy, mut sum_x2] = [Kahan::default(); 4];
    for (time, y) in samples {
        let x = (time - origin) as f64 / 1000.0;
        sum_x.add(x);
        sum_y.add(*y);
        sum_xy.add(x * y);
        sum_x2.add(x * x);
    }
    let n = samples.len() as f64;
    let covariance = sum_xy.total() - sum_x.total() * sum_y.total() / n;
    let variance = sum_x2.total() - sum_x.total() * sum_x.total() / n;
    let slope = covariance / variance;
    (slope, sum_y.total() / n - slope * sum_x.total() / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_small_parts_beside_large_ones() {
        assert_eq!(Kahan::sum(&[1e100, 1.0, -1e100]), 1.0);
    }

    #[test]
    fn a_mean_of_huge_numbers_does_not_overflow() {
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0]), 2.0);
        assert!(quantile(f64::NAN, &mut [3.0]).is_nan());
        assert_eq!(quantile(1.5, &mut [3.0]), f64::INFINITY);
    }
}
