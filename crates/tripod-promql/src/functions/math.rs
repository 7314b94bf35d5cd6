//! Arithmetic over lists of numbers, with the rounding and the special cases of Prometheus.

/// A sum that keeps what rounding loses (Kahan and Neumaier).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kahan {
    sum: f64,
    lost: f64,
}

impl Kahan {
    #[inline]
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

    pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
        let mut total = Self::default();
        values.into_iter().for_each(|value| total.add(value));
        total.total()
    }

    fn scaled(self, by: f64) -> Self {
        Self { sum: self.sum * by, lost: self.lost * by }
    }
}

/// A mean of numbers that come one by one. Where their sum leaves what a number can hold, it goes on as a mean that each number
/// moves a little.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    /// The sum, or the mean itself.
    total: Kahan,
    count: f64,
    moves: bool,
}

impl Mean {
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.total.sum = value;
            return;
        }
        if !self.moves {
            let mut total = self.total;
            total.add(value);
            if !total.sum.is_infinite() {
                self.total = total;
                return;
            }
            self.moves = true;
            self.total = self.total.scaled(1.0 / (self.count - 1.0));
        }
        self.total = self.total.scaled((self.count - 1.0) / self.count);
        self.total.add(value / self.count);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.moves {
            return self.total.sum + self.total.lost;
        }
        self.total.sum / self.count + self.total.lost / self.count
    }
}

/// The population variance of numbers that come one by one (Welford).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    mean: Kahan,
    squares: Kahan,
    count: f64,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean.total();
        self.mean.add(before / self.count);
        self.squares.add(before * (value - self.mean.total()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    pub(crate) fn variance(&self) -> f64 {
        self.squares.total() / self.count
    }
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
        assert_eq!(Kahan::sum([1e100, 1.0, -1e100]), 1.0);
    }

    #[test]
    fn a_mean_of_huge_numbers_does_not_overflow() {
        let mean = |values: &[f64]| {
            let mut mean = Mean::default();
            values.iter().for_each(|value| mean.add(*value));
            mean.mean()
        };
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert!(mean(&[f64::MAX, f64::MAX, -f64::MAX, -f64::MAX]).abs() < 1e-10 * f64::MAX);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0]), 2.0);
        assert!(quantile(f64::NAN, &mut [3.0]).is_nan());
        assert_eq!(quantile(1.5, &mut [3.0]), f64::INFINITY);
    }
}
