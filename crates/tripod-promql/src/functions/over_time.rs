//! Functions of a range vector: each sees one series' window at a step and gives at most one value.

use std::sync::Arc;

use super::math::{Kahan, Mean, Variance, linear_regression, quantile};
use super::rate::{self, Change};
use crate::Histogram;
use crate::eval::{Evaluator, Window};
use crate::histogram::{Combined, IncompatibleSchemas};
use crate::notes::for_metric;

/// What a function gives for a window.
#[derive(Debug)]
pub(crate) enum Computed {
    Float(f64),
    Histogram(Histogram),
}

/// What a function knows besides the window.
pub(crate) struct Scope<'a, 'q> {
    pub(crate) evaluator: &'a Evaluator<'q>,
    /// Where its argument stands.
    pub(crate) position: usize,
    /// The series' metric name.
    pub(crate) name: &'a str,
    /// Scalar arguments at this step.
    pub(crate) params: [f64; 2],
}

/// A function of a window.
pub(crate) type OverTime = fn(&Window<'_>, &Scope<'_, '_>) -> Option<Computed>;

impl Scope<'_, '_> {
    pub(crate) fn warn_mixed(&self) {
        self.warn("encountered a mix of histograms and floats");
    }

    pub(crate) fn warn_mixed_schemas(&self) {
        self.warn("vector contains a mix of histograms with exponential and custom buckets schemas");
    }

    fn warn(&self, text: &str) {
        self.evaluator.warn(self.position, &format!("{text}{}", for_metric(self.name)));
    }

    pub(crate) fn warn_not_counter(&self) {
        self.evaluator.warn(self.position, &format!("this native histogram metric is not a counter: {:?}", self.name));
    }

    pub(crate) fn warn_not_gauge(&self) {
        self.evaluator.warn(self.position, &format!("this native histogram metric is not a gauge: {:?}", self.name));
    }

    fn note_ignored(&self, window: &Window<'_>) {
        if !window.floats.is_empty() && !window.histograms.is_empty() {
            let text =
                format!("ignored histograms in a range containing both floats and histograms{}", for_metric(self.name));
            self.evaluator.info(self.position, &text);
        }
    }

    pub(crate) fn subtract(&self, from: &mut Histogram, what: &Histogram) -> Option<()> {
        self.note_combined(from.subtract(what), "subtraction")
    }

    pub(crate) fn add(&self, to: &mut Histogram, what: &Histogram) -> Option<()> {
        self.note_combined(to.add(what), "addition")
    }

    fn note_combined(&self, combined: Result<Combined, IncompatibleSchemas>, doing: &str) -> Option<()> {
        if let Ok(combined) = combined {
            // Resets within a window are what is looked for: hints that differ are no conflict.
            let combined = Combined { hints_collide: false, ..combined };
            self.evaluator.note_combined(self.position, combined, doing);
            return Some(());
        }
        self.warn_mixed_schemas();
        None
    }
}

/// The function of a name, if it is one of a window.
pub(crate) fn resolve(name: &str) -> Option<OverTime> {
    Some(match name {
        "rate" => |w, s| rate::extrapolated(w, s, Change::Rate),
        "increase" => |w, s| rate::extrapolated(w, s, Change::Increase),
        "delta" => |w, s| rate::extrapolated(w, s, Change::Delta),
        "irate" => |w, s| rate::instant(w, s, true),
        "idelta" => |w, s| rate::instant(w, s, false),
        "resets" => |w, _| transitions(w, |a, b| b < a, |a, b| b.is_reset_since(a)),
        "changes" => |w, _| transitions(w, |a, b| a != b && !(a.is_nan() && b.is_nan()), |a, b| !a.equivalent(b)),
        "sum_over_time" => |w, s| add_up(w, s, false),
        "avg_over_time" => |w, s| add_up(w, s, true),
        "count_over_time" => |w, _| some_float((w.floats.len() + w.histograms.len()) as f64, w),
        "present_over_time" => |w, _| some_float(1.0, w),
        "min_over_time" => |w, s| of_numbers(w, s, |numbers| extreme(numbers, |a, b| a < b)),
        "max_over_time" => |w, s| of_numbers(w, s, |numbers| extreme(numbers, |a, b| a > b)),
        "stddev_over_time" => |w, s| of_numbers(w, s, |numbers| variance(numbers).sqrt()),
        "stdvar_over_time" => |w, s| of_numbers(w, s, variance),
        "mad_over_time" => |w, s| of_numbers(w, s, |numbers| median_deviation(&mut values(numbers))),
        "quantile_over_time" => |w, s| of_numbers(w, s, |numbers| quantile(s.params[0], &mut values(numbers))),
        "last_over_time" => |w, _| newest(w),
        "first_over_time" => |w, _| oldest(w),
        "ts_of_min_over_time" => |w, s| time_of_extreme(w, s, |a, b| a <= b),
        "ts_of_max_over_time" => |w, s| time_of_extreme(w, s, |a, b| a >= b),
        "ts_of_first_over_time" => |w, _| times(w).min().map(|time| Computed::Float(time as f64 / 1000.0)),
        "ts_of_last_over_time" => |w, _| times(w).max().map(|time| Computed::Float(time as f64 / 1000.0)),
        "deriv" => |w, s| {
            s.note_ignored(w);
            (w.floats.len() > 1).then(|| Computed::Float(linear_regression(w.floats, w.floats[0].0).0))
        },
        "predict_linear" => |w, s| {
            s.note_ignored(w);
            let predict = |(slope, intercept)| Computed::Float(slope * s.params[0] + intercept);
            (w.floats.len() > 1).then(|| predict(linear_regression(w.floats, w.time)))
        },
        "double_exponential_smoothing" => smoothing,
        _ => return None,
    })
}

fn some_float(value: f64, window: &Window<'_>) -> Option<Computed> {
    (!window.is_empty()).then_some(Computed::Float(value))
}

/// A function of the numbers of a window, if there are any.
fn of_numbers(
    window: &Window<'_>,
    scope: &Scope<'_, '_>,
    compute: impl FnOnce(&[(i64, f64)]) -> f64,
) -> Option<Computed> {
    scope.note_ignored(window);
    (!window.floats.is_empty()).then(|| Computed::Float(compute(window.floats)))
}

/// Numbers to be sorted.
fn values(numbers: &[(i64, f64)]) -> Vec<f64> {
    numbers.iter().map(|(_, value)| *value).collect()
}

fn extreme(numbers: &[(i64, f64)], better: impl Fn(f64, f64) -> bool) -> f64 {
    let values = numbers.iter().map(|(_, value)| *value);
    values.fold(f64::NAN, |best, value| if better(value, best) || best.is_nan() { value } else { best })
}

fn variance(numbers: &[(i64, f64)]) -> f64 {
    let mut variance = Variance::default();
    numbers.iter().for_each(|(_, value)| variance.add(*value));
    variance.variance()
}

fn time_of_extreme(window: &Window<'_>, scope: &Scope<'_, '_>, better: fn(f64, f64) -> bool) -> Option<Computed> {
    scope.note_ignored(window);
    let best = window
        .floats
        .iter()
        .copied()
        .reduce(|best, sample| if better(sample.1, best.1) || best.1.is_nan() { sample } else { best });
    best.map(|(time, _)| Computed::Float(time as f64 / 1000.0))
}

fn median_deviation(values: &mut [f64]) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let median = quantile(0.5, values);
    let mut deviations: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    quantile(0.5, &mut deviations)
}

fn add_up(window: &Window<'_>, scope: &Scope<'_, '_>, average: bool) -> Option<Computed> {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        scope.warn_mixed();
        return None;
    }
    if window.histograms.is_empty() {
        let values = window.floats.iter().map(|(_, value)| *value);
        if !average {
            return some_float(Kahan::sum(values), window);
        }
        let mut mean = Mean::default();
        values.for_each(|value| mean.add(value));
        return some_float(mean.mean(), window);
    }
    let all: Vec<&Histogram> = window.histograms.iter().map(|(_, histogram)| histogram.as_ref()).collect();
    let mut total = scope.evaluator.sum_histograms(scope.position, &all, scope.name)?;
    if average {
        total.divide(all.len() as f64);
    }
    Some(Computed::Histogram(total))
}

fn times<'a>(window: &Window<'a>) -> impl Iterator<Item = i64> + 'a {
    window.floats.iter().map(|(time, _)| *time).chain(window.histograms.iter().map(|(time, _)| *time))
}

fn newest(window: &Window<'_>) -> Option<Computed> {
    match (window.floats.last(), window.histograms.last()) {
        (Some((time, value)), histogram) if histogram.is_none_or(|(other, _)| other < time) => {
            Some(Computed::Float(*value))
        }
        (_, histogram) => histogram.map(|(_, histogram)| Computed::Histogram(histogram.as_ref().clone())),
    }
}

fn oldest(window: &Window<'_>) -> Option<Computed> {
    match (window.floats.first(), window.histograms.first()) {
        (Some((time, value)), histogram) if histogram.is_none_or(|(other, _)| other > time) => {
            Some(Computed::Float(*value))
        }
        (_, histogram) => histogram.map(|(_, histogram)| Computed::Histogram(histogram.as_ref().clone())),
    }
}

/// Counts neighbours that differ; between a number and a histogram there always is a difference.
fn transitions(
    window: &Window<'_>,
    floats: impl Fn(f64, f64) -> bool,
    histograms: impl Fn(&Histogram, &Histogram) -> bool,
) -> Option<Computed> {
    enum Either<'a> {
        Float(f64),
        Histogram(&'a Arc<Histogram>),
    }
    let mut all: Vec<_> = window.floats.iter().map(|(time, value)| (*time, Either::Float(*value))).collect();
    all.extend(window.histograms.iter().map(|(time, histogram)| (*time, Either::Histogram(histogram))));
    if !window.histograms.is_empty() {
        all.sort_by_key(|(time, _)| *time);
    }
    let differ = |pair: &&[(i64, Either<'_>)]| match (&pair[0].1, &pair[1].1) {
        (Either::Float(a), Either::Float(b)) => floats(*a, *b),
        (Either::Histogram(a), Either::Histogram(b)) => histograms(a, b),
        _ => true,
    };
    some_float(all.windows(2).filter(differ).count() as f64, window)
}

fn smoothing(window: &Window<'_>, scope: &Scope<'_, '_>) -> Option<Computed> {
    scope.note_ignored(window);
    if window.floats.len() < 2 {
        return None;
    }
    let [smoothing, trend_factor] = scope.params;
    let mut previous = 0.0;
    let mut level = window.floats[0].1;
    let mut trend = window.floats[1].1 - level;
    for (i, (_, value)) in window.floats.iter().enumerate().skip(1) {
        if i > 1 {
            trend = trend_factor * (level - previous) + (1.0 - trend_factor) * trend;
        }
        previous = level;
        level = smoothing * value + (1.0 - smoothing) * (level + trend);
    }
    Some(Computed::Float(level))
}
