//! `rate` and its kin: change of counters and gauges over a window, extrapolated to its ends as Prometheus does.

use std::sync::Arc;

use super::over_time::{Computed, Scope};
use crate::eval::Window;
use crate::{Histogram, ResetHint};

/// Which change is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Rate,
    Increase,
    Delta,
}

/// `rate`, `increase`, `delta`.
pub(crate) fn extrapolated(window: &Window<'_>, scope: &Scope<'_, '_>, change: Change) -> Option<Computed> {
    let counter = change != Change::Delta;
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        scope.warn_mixed();
        return None;
    }
    let count = window.floats.len().max(window.histograms.len());
    if count < 2 {
        return None;
    }
    if window.histograms.is_empty() {
        let (first, last) = (window.floats[0], window.floats[count - 1]);
        let mut total = last.1 - first.1;
        if counter {
            // `before` stands for what the counter lost when it started again from zero.
            total += window.floats.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum::<f64>();
        }
        let zero = (counter && total > 0.0 && first.1 >= 0.0).then(|| first.1 / total);
        let factor = extrapolation(window, first.0, last.0, count, zero, change);
        return Some(Computed::Float(total * factor));
    }
    let (first, last) = (&window.histograms[0], &window.histograms[count - 1]);
    let mut total = histogram_change(window.histograms, scope, counter)?;
    let zero = (counter && total.count > 0.0 && first.1.count >= 0.0).then(|| first.1.count / total.count);
    total.scale(extrapolation(window, first.0, last.0, count, zero, change));
    Some(Computed::Histogram(total))
}

/// By what the change between the samples is to be multiplied. `zero` is how far back, in sampled intervals, a counter of this
/// slope was zero: it is not extrapolated beyond that.
fn extrapolation(window: &Window<'_>, first: i64, last: i64, count: usize, zero: Option<f64>, change: Change) -> f64 {
    let sampled = (last - first) as f64 / 1000.0;
    let average = sampled / (count - 1) as f64;
    let threshold = average * 1.1;
    let limit = |gap: i64| {
        let gap = gap as f64 / 1000.0;
        if gap >= threshold { average / 2.0 } else { gap }
    };
    let mut to_start = limit(first - window.start);
    if let Some(zero) = zero {
        to_start = to_start.min(sampled * zero);
    }
    let to_end = limit(window.end - last);
    let factor = (sampled + to_start + to_end) / sampled;
    if change == Change::Rate { factor / ((window.end - window.start) as f64 / 1000.0) } else { factor }
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
