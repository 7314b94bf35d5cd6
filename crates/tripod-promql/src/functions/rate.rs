//! `rate` and its kin: change of counters and gauges over a window, extrapolated to its ends as Prometheus does.

use std::sync::Arc;

use super::over_time::{Computed, Scope};
use crate::eval::{RangeColumn, Slider, Window};
use crate::{Histogram, ResetHint};

/// Which change is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Rate,
    Increase,
    Delta,
}

impl Change {
    /// The change that a function gives, if it is one of these.
    pub(crate) fn of(function: &str) -> Option<Self> {
        match function {
            "rate" => Some(Self::Rate),
            "increase" => Some(Self::Increase),
            "delta" => Some(Self::Delta),
            _ => None,
        }
    }

    /// Whether values that fall have begun again from zero.
    fn is_of_counter(self) -> bool {
        self != Self::Delta
    }
}

/// The change of a series without histograms at every step. What a counter lost in a window is found without a look at the
/// samples between the first and the last: it began again at few of them.
pub(crate) fn of_floats(series: &RangeColumn<'_>, change: Change, values: &mut [f64]) {
    let (floats, windows) = (series.floats, series.windows);
    let falls = (1..floats.len()).filter(|at| floats[*at].1 < floats[at - 1].1);
    let resets: Vec<usize> = falls.take(if change.is_of_counter() { usize::MAX } else { 0 }).collect();
    let (mut slider, mut reset) = (Slider::default(), 0);
    for (i, value) in values.iter_mut().enumerate() {
        let end = windows.end(i);
        let start = end - windows.range;
        let (from, to) = slider.advance(floats, start, end);
        if to - from < 2 {
            continue;
        }
        while resets.get(reset).is_some_and(|at| *at <= from) {
            reset += 1;
        }
        let lost = resets[reset..].iter().take_while(|at| **at < to).map(|at| floats[at - 1].1);
        *value = of_numbers((start, end), floats[from], floats[to - 1], to - from, lost, change);
    }
}

/// The change from the first to the last number of a window, in which a counter lost these values when it began again from zero.
fn of_numbers(
    window: (i64, i64),
    first: (i64, f64),
    last: (i64, f64),
    count: usize,
    lost: impl Iterator<Item = f64>,
    change: Change,
) -> f64 {
    let total = lost.fold(last.1 - first.1, |total, value| total + value);
    let zero = (change.is_of_counter() && total > 0.0 && first.1 >= 0.0).then(|| first.1 / total);
    total * extrapolation(window, (first.0, last.0), count, zero, change)
}

/// `rate`, `increase`, `delta` of one window of a series that has histograms; for others there is [`of_floats`].
pub(crate) fn extrapolated(window: &Window<'_>, scope: &Scope<'_, '_>, change: Change) -> Option<Computed> {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        scope.warn_mixed();
        return None;
    }
    let bounds = (window.start, window.end);
    if let [first, .., last] = window.floats {
        let falls = window.floats.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1);
        let lost = falls.take(if change.is_of_counter() { usize::MAX } else { 0 });
        return Some(Computed::Float(of_numbers(bounds, *first, *last, window.floats.len(), lost, change)));
    }
    let [first, .., last] = window.histograms else { return None };
    let mut total = histogram_change(window.histograms, scope, change.is_of_counter())?;
    let grows = change.is_of_counter() && total.count > 0.0 && first.1.count >= 0.0;
    let zero = grows.then(|| first.1.count / total.count);
    total.scale(extrapolation(bounds, (first.0, last.0), window.histograms.len(), zero, change));
    Some(Computed::Histogram(total))
}

/// By what the change between the samples is to be multiplied. `window` is its start and end, `sampled` the times of its first and
/// last sample; `zero` is how far back, in sampled intervals, a counter of this slope was zero: it is not extrapolated beyond that.
fn extrapolation(window: (i64, i64), sampled: (i64, i64), count: usize, zero: Option<f64>, change: Change) -> f64 {
    let ((start, end), (first, last)) = (window, sampled);
    let sampled = (last - first) as f64 / 1000.0;
    let average = sampled / (count - 1) as f64;
    let threshold = average * 1.1;
    let limit = |gap: i64| {
        let gap = gap as f64 / 1000.0;
        if gap >= threshold { average / 2.0 } else { gap }
    };
    let mut to_start = limit(first - start);
    if let Some(zero) = zero {
        to_start = to_start.min(sampled * zero);
    }
    let to_end = limit(end - last);
    let factor = (sampled + to_start + to_end) / sampled;
    if change == Change::Rate { factor / ((end - start) as f64 / 1000.0) } else { factor }
}

fn histogram_change(samples: &[(i64, Arc<Histogram>)], scope: &Scope<'_, '_>, counter: bool) -> Option<Histogram> {
    let gauge = |sample: &(i64, Arc<Histogram>)| sample.1.reset_hint == ResetHint::Gauge;
    let (first, last) = (&samples[0].1, &samples[samples.len() - 1].1);
    if counter && samples.iter().any(gauge) {
        scope.warn_not_counter();
    }
    // A reset right after the first sample makes it worthless: what counts starts from zero.
    let ignore_first = counter && samples[1].1.is_reset_since(first);
    let compared = if ignore_first { &samples[1..] } else { samples };
    if compared.iter().any(|(_, histogram)| histogram.has_custom_buckets() != last.has_custom_buckets()) {
        scope.warn_mixed_schemas();
        return None;
    }
    let schema = compared.iter().map(|(_, histogram)| histogram.schema).min().unwrap_or(last.schema);
    let mut total = last.as_ref().clone();
    total.reduce_to_schema(schema);
    if !ignore_first {
        scope.subtract(&mut total, first)?;
    }
    if counter {
        let resets = samples.windows(2).skip(usize::from(ignore_first));
        for pair in resets.filter(|pair| pair[1].1.is_reset_since(&pair[0].1)) {
            scope.add(&mut total, &pair[0].1)?;
        }
    } else if !gauge(&samples[0]) || !gauge(&samples[samples.len() - 1]) {
        scope.warn_not_gauge();
    }
    total.reset_hint = ResetHint::Gauge;
    total.compact();
    Some(total)
}

/// `irate` and `idelta`: only the two newest samples.
pub(crate) fn instant(window: &Window<'_>, scope: &Scope<'_, '_>, per_second: bool) -> Option<Computed> {
    enum Either<'a> {
        Float(f64),
        Histogram(&'a Arc<Histogram>),
    }
    let floats = window.floats.iter().rev().take(2).map(|(time, value)| (*time, Either::Float(*value)));
    let histograms = window.histograms.iter().rev().take(2).map(|(time, value)| (*time, Either::Histogram(value)));
    let mut newest: Vec<_> = floats.chain(histograms).collect();
    newest.sort_by_key(|(time, _)| -*time);
    let mut newest = newest.into_iter();
    let ((last_time, last), (previous_time, previous)) = (newest.next()?, newest.next()?);
    let seconds = (last_time - previous_time) as f64 / 1000.0;
    if seconds <= 0.0 {
        return None;
    }
    match (last, previous) {
        (Either::Float(last), Either::Float(previous)) => {
            let change = if per_second && last < previous { last } else { last - previous };
            Some(Computed::Float(if per_second { change / seconds } else { change }))
        }
        (Either::Histogram(last), Either::Histogram(previous)) => {
            let gauges = [last, previous].into_iter().filter(|h| h.reset_hint == ResetHint::Gauge).count();
            if per_second && gauges > 0 {
                scope.warn_not_counter();
            }
            if !per_second && gauges < 2 {
                scope.warn_not_gauge();
            }
            let mut change = last.as_ref().clone();
            if !per_second || !last.is_reset_since(previous) {
                scope.subtract(&mut change, previous)?;
            }
            change.reset_hint = ResetHint::Gauge;
            change.compact();
            if per_second {
                change.divide(seconds);
            }
            Some(Computed::Histogram(change))
        }
        _ => {
            scope.warn_mixed();
            None
        }
    }
}
