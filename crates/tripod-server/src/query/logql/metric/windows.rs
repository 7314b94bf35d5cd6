//! Lines as numbers in sliding windows. What adds up (counts, sums, rates) is kept as one sum a step; what needs each number
//! (quantiles, extremes, deviations) keeps them, within a limit.

use std::collections::HashMap;
use std::sync::Arc;

use super::Function;

/// The steps of a query, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) fn end(self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    fn time(self, i: usize) -> i64 {
        self.start + self.step * i as i64
    }
}

/// A series that was calculated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Sorted by name.
    pub(crate) labels: Vec<(Arc<str>, Arc<str>)>,
    /// Milliseconds since the Unix epoch, and values.
    pub(crate) samples: Vec<(i64, f64)>,
}

type Labels = Vec<(Arc<str>, Arc<str>)>;

/// What comes together of each series.
pub(super) struct Windows {
    function: Function,
    grid: Grid,
    range: i64,
    unwrapped: bool,
    series: HashMap<Labels, Kept>,
    numbers: usize,
}

enum Kept {
    /// How the sum and the count change at each step; the last one is behind the end.
    Changes(Vec<(f64, i64)>),
    Numbers(Vec<(u64, f64)>),
}

impl Windows {
    pub(super) fn new(function: Function, grid: Grid, range: i64, unwrapped: bool) -> Self {
        Self { function, grid, range, unwrapped, series: HashMap::new(), numbers: 0 }
    }

    /// Whether sums of changes suffice. Sums of numbers with fractions would not come back to zero, so those are kept.
    fn adds_up(&self) -> bool {
        !self.unwrapped && !matches!(self.function, Function::Absent)
    }

    pub(super) fn add(
        &mut self,
        labels: Labels,
        time: u64,
        number: f64,
        max_series: usize,
        max_numbers: usize,
    ) -> Result<(), String> {
        let labels = if self.function == Function::Absent { Labels::new() } else { labels };
        let Some((first, behind)) = self.steps(time) else { return Ok(()) };
        let adds_up = self.adds_up();
        if self.series.len() >= max_series && !self.series.contains_key(&labels) {
            return Err(format!(
                "maximum of series ({max_series}) reached for a single query: aggregate with sum by (...), or drop labels"
            ));
        }
        let count = self.grid.count;
        let kept = self.series.entry(labels).or_insert_with(|| {
            if adds_up { Kept::Changes(vec![(0.0, 0); count + 1]) } else { Kept::Numbers(Vec::new()) }
        });
        match kept {
            Kept::Changes(changes) => {
                let add = |(sum, lines): &mut (f64, i64), sign: i64| {
                    *sum += number * sign as f64;
                    *lines += sign;
                };
                add(&mut changes[first], 1);
                add(&mut changes[behind], -1);
            }
            Kept::Numbers(numbers) => {
                self.numbers += 1;
                if self.numbers > max_numbers {
                    return Err(format!(
                        "the query would hold more than {max_numbers} numbers; narrow its selector or its time"
                    ));
                }
                numbers.push((time, number));
            }
        }
        Ok(())
    }

    /// The first step whose window holds a time, and the first one after that whose window does not.
    fn steps(&self, time: u64) -> Option<(usize, usize)> {
        // A window holds (step - range, step]: in whole milliseconds, a time counts as the next one.
        let millis = i64::try_from(time.div_ceil(1_000_000)).ok()?;
        let Grid { start, step, count } = self.grid;
        let first = (millis - start).max(0).saturating_add(step - 1) / step;
        // The last nanosecond that still counts at step t is t - range + 1.
        let last = i64::try_from(time.saturating_sub(1) / 1_000_000).ok()? + self.range - start;
        if last < 0 || first >= count as i64 {
            return None;
        }
        let behind = (last / step + 1).min(count as i64);
        (first < behind).then_some((first as usize, behind as usize))
    }

    /// The series, sorted by labels.
    pub(super) fn finish(self, absent: &Labels) -> Vec<Series> {
        let (function, grid, range, unwrapped) = (self.function, self.grid, self.range, self.unwrapped);
        if function == Function::Absent {
            let mut numbers = self.series.into_values().next().map_or_else(Vec::new, numbers_of);
            numbers.sort_by_key(|(time, _)| *time);
            let samples =
                steps(grid, range, &numbers).filter(|(_, window)| window.is_empty()).map(|(time, _)| (time, 1.0));
            let samples: Vec<_> = samples.collect();
            return if samples.is_empty() { Vec::new() } else { vec![Series { labels: absent.clone(), samples }] };
        }
        let calculate = |(labels, kept): (Labels, Kept)| {
            let samples = match kept {
                Kept::Changes(changes) => of_changes(function, grid, range, &changes),
                Kept::Numbers(mut numbers) => {
                    numbers.sort_by_key(|(time, _)| *time);
                    let value = |window: &[(u64, f64)]| of_window(function, range, unwrapped, window);
                    let filled = steps(grid, range, &numbers).filter(|(_, window)| !window.is_empty());
                    filled.map(|(time, window)| (time, value(window))).collect()
                }
            };
            Series { labels, samples }
        };
        let mut all: Vec<Series> =
            self.series.into_iter().map(calculate).filter(|series| !series.samples.is_empty()).collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    }
}

fn numbers_of(kept: Kept) -> Vec<(u64, f64)> {
    match kept {
        Kept::Numbers(numbers) => numbers,
        Kept::Changes(_) => Vec::new(),
    }
}

fn of_changes(function: Function, grid: Grid, range: i64, changes: &[(f64, i64)]) -> Vec<(i64, f64)> {
    let seconds = range as f64 / 1000.0;
    let (mut sum, mut lines) = (0.0, 0);
    let mut samples = Vec::new();
    for (i, (by, more)) in changes.iter().take(grid.count).enumerate() {
        sum += by;
        lines += more;
        if lines > 0 {
            let per_second = matches!(function, Function::Rate | Function::BytesRate);
            samples.push((grid.time(i), if per_second { sum / seconds } else { sum }));
        }
    }
    samples
}

/// The steps with the numbers of their windows, which are in order of time.
fn steps(grid: Grid, range: i64, numbers: &[(u64, f64)]) -> impl Iterator<Item = (i64, &[(u64, f64)])> {
    let (mut from, mut to) = (0, 0);
    (0..grid.count).map(move |i| {
        let time = grid.time(i);
        let nanos = |millis: i64| i128::from(millis) * 1_000_000;
        while to < numbers.len() && i128::from(numbers[to].0) <= nanos(time) {
            to += 1;
        }
        while from < to && i128::from(numbers[from].0) <= nanos(time - range) {
            from += 1;
        }
        (time, &numbers[from..to])
    })
}

fn of_window(function: Function, range: i64, unwrapped: bool, window: &[(u64, f64)]) -> f64 {
    let numbers = window.iter().map(|(_, number)| *number);
    let count = window.len() as f64;
    let seconds = range as f64 / 1000.0;
    let mean = || numbers.clone().sum::<f64>() / count;
    let variance = || {
        let mean = mean();
        numbers.clone().map(|number| (number - mean) * (number - mean)).sum::<f64>() / count
    };
    match function {
        Function::Count => count,
        Function::Rate if unwrapped => numbers.sum::<f64>() / seconds,
        Function::Rate => count / seconds,
        Function::Bytes | Function::Sum => numbers.sum(),
        Function::BytesRate => numbers.sum::<f64>() / seconds,
        Function::Absent => 1.0,
        Function::Average => mean(),
        Function::Min => numbers.fold(f64::NAN, f64::min),
        Function::Max => numbers.fold(f64::NAN, f64::max),
        Function::First => window.first().map_or(f64::NAN, |(_, number)| *number),
        Function::Last => window.last().map_or(f64::NAN, |(_, number)| *number),
        Function::StandardDeviation => variance().sqrt(),
        Function::StandardVariance => variance(),
        Function::Quantile(quantile) => of_quantile(quantile, numbers.collect()),
        Function::RateCounter => increase(window) / seconds,
    }
}

/// The quantile as Prometheus has it: between the two nearest numbers.
fn of_quantile(quantile: f64, mut numbers: Vec<f64>) -> f64 {
    if quantile.is_nan() || numbers.is_empty() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    numbers.sort_by(f64::total_cmp);
    let rank = quantile * (numbers.len() - 1) as f64;
    let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
    let weight = rank - rank.floor();
    numbers[low] * (1.0 - weight) + numbers[high] * weight
}

/// How much a counter grew, resets left out.
fn increase(window: &[(u64, f64)]) -> f64 {
    window.windows(2).map(|pair| if pair[1].1 < pair[0].1 { pair[1].1 } else { pair[1].1 - pair[0].1 }).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: Grid = Grid { start: 10_000, step: 5_000, count: 4 };

    fn calculated(function: Function, range: i64, unwrapped: bool, numbers: &[(u64, f64)]) -> Vec<(i64, f64)> {
        let mut windows = Windows::new(function, GRID, range, unwrapped);
        for (millis, number) in numbers {
            windows.add(Labels::new(), millis * 1_000_000, *number, 10, 1000).unwrap();
        }
        windows.finish(&Labels::new()).pop().map_or_else(Vec::new, |series| series.samples)
    }

    #[test]
    fn windows_are_open_to_the_left_and_closed_to_the_right() {
        let lines = [(5_000, 1.0), (5_001, 1.0), (10_000, 1.0), (10_001, 1.0)];
        assert_eq!(calculated(Function::Count, 5_000, false, &lines), [(10_000, 2.0), (15_000, 1.0)]);
    }

    #[test]
    fn numbers_are_calculated_with() {
        let numbers = [(11_000, 1.0), (12_000, 4.0), (13_000, 2.0), (14_000, 5.0)];
        for (function, value) in [
            (Function::Sum, 12.0),
            (Function::Average, 3.0),
            (Function::Min, 1.0),
            (Function::Max, 5.0),
            (Function::First, 1.0),
            (Function::Last, 5.0),
            (Function::StandardVariance, 2.5),
            (Function::Quantile(0.5), 3.0),
            (Function::Rate, 2.4),
            (Function::RateCounter, 1.6),
            (Function::Count, 4.0),
        ] {
            assert_eq!(calculated(function, 5_000, true, &numbers), [(15_000, value)], "{function:?}");
        }
    }

    #[test]
    fn absence_is_a_series() {
        let samples = calculated(Function::Absent, 5_000, false, &[(11_000, 1.0)]);
        assert_eq!(samples, [(10_000, 1.0), (20_000, 1.0), (25_000, 1.0)]);
    }

    #[test]
    fn too_many_series_or_numbers_are_an_error_that_says_what_to_do() {
        let mut windows = Windows::new(Function::Sum, GRID, 5_000, true);
        let label = |value: &str| vec![("a".into(), value.into())];
        windows.add(label("1"), 11_000_000_000, 1.0, 1, 1).unwrap();
        assert!(windows.add(label("2"), 11_000_000_000, 1.0, 1, 9).unwrap_err().contains("sum by"));
        assert!(windows.add(label("1"), 11_000_000_000, 1.0, 1, 1).unwrap_err().contains("more than 1 numbers"));
    }

    proptest! {
        #[test]
        fn sums_of_changes_are_what_counting_each_window_gives(
            times in prop::collection::vec(0_u64..40_000_000_000, 0..60),
            range in 1_i64..20_000,
        ) {
            let mut windows = Windows::new(Function::Count, GRID, range, false);
            for time in &times {
                windows.add(Labels::new(), *time, 1.0, 10, 1000).unwrap();
            }
            let samples = windows.finish(&Labels::new()).pop().map_or_else(Vec::new, |series| series.samples);
            let mut expected = Vec::new();
            for i in 0..GRID.count {
                let (from, to) = ((GRID.time(i) - range) * 1_000_000, GRID.time(i) * 1_000_000);
                let count = times.iter().filter(|time| (**time as i64) > from && (**time as i64) <= to).count();
                if count > 0 {
                    expected.push((GRID.time(i), count as f64));
                }
            }
            prop_assert_eq!(samples, expected);
        }
    }
}
