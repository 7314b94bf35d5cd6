//! Rates, errors and durations by service, from rows alone.
//!
//! A call is an entry span: of kind server or consumer, or without a parent in the same service. Kinds and roots are seen on the row; for
//! the rest the parent is looked up among all known spans of the trace. Quantiles are exact (nearest rank). Costs a pass over the
//! rows of the window, and some sixty bytes a call while it runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::{SpanId, TraceId};

use super::segment::Segment;
use super::spans::{SpanRow, SpanRows};
use crate::{ServiceStats, Window};

/// A span that may be a call. Two that are equal are one that was sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    start: u64,
    trace_id: TraceId,
    span_id: SpanId,
    duration: u64,
    error: bool,
}

/// A call, unless this parent turns out to be of the same service.
struct Undecided {
    parent: SpanId,
    service: Arc<str>,
    call: Call,
}

/// Statistics of all services that have calls within the window, by name.
pub(crate) fn stats(segments: &[Arc<Segment>], window: Window, steps: usize) -> Vec<ServiceStats> {
    let mut calls: BTreeMap<Arc<str>, Vec<Call>> = BTreeMap::new();
    let mut undecided = Vec::new();
    for segment in segments {
        collect(&segment.spans(), window, &mut calls, &mut undecided);
    }
    for entry in without_local_parent(segments, undecided) {
        calls.entry(entry.service).or_default().push(entry.call);
    }
    calls.values_mut().for_each(each_once);
    let summarised = calls.into_iter().filter(|(_, calls)| !calls.is_empty());
    summarised.map(|(service, calls)| summarise(&service, &calls, window, steps.max(1))).collect()
}

/// Sorts the spans of a segment into calls, others, and those that depend on a parent that is not at hand.
fn collect(rows: &SpanRows, window: Window, calls: &mut BTreeMap<Arc<str>, Vec<Call>>, undecided: &mut Vec<Undecided>) {
    for (symbol, service) in rows.services() {
        let name = rows.symbols.get(symbol);
        let calls = calls.entry(Arc::clone(name)).or_default();
        for (_, number) in service.timeline.within(window) {
            let row = rows.row(*number);
            let call = Call {
                start: row.start,
                trace_id: row.trace_id,
                span_id: row.span_id,
                duration: row.duration(),
                error: row.error,
            };
            if is_entry(row) {
                calls.push(call);
            } else {
                undecided.push(Undecided { parent: row.parent, service: Arc::clone(name), call });
            }
        }
    }
}

fn is_entry(row: &SpanRow) -> bool {
    matches!(row.kind(), SpanKind::SERVER | SpanKind::CONSUMER) || !row.parent.is_valid()
}

/// Those of which no known parent is of the same service. Goes trace by trace, so that each is gathered once.
fn without_local_parent(segments: &[Arc<Segment>], mut undecided: Vec<Undecided>) -> Vec<Undecided> {
    undecided.sort_unstable_by_key(|span| span.call.trace_id);
    let mut trace = None;
    let mut services: HashMap<SpanId, Vec<Arc<str>>> = HashMap::new();
    undecided.retain(|span| {
        if trace != Some(span.call.trace_id) {
            trace = Some(span.call.trace_id);
            services.clear();
            for segment in segments {
                let rows = segment.spans();
                for row in rows.trace(span.call.trace_id) {
                    let service = rows.symbols.get(rows.context(row).service);
                    services.entry(row.span_id).or_default().push(Arc::clone(service));
                }
            }
        }
        services.get(&span.parent).is_none_or(|services| !services.contains(&span.service))
    });
    undecided
}

/// Leaves one of calls that came several times.
fn each_once(calls: &mut Vec<Call>) {
    // Every segment's calls are in order already: a stable sort merges them.
    calls.sort();
    calls.dedup();
}

fn summarise(service: &str, calls: &[Call], window: Window, steps: usize) -> ServiceStats {
    let mut by_step: Vec<Vec<u64>> = vec![Vec::new(); steps];
    let mut errors_by_step = vec![0; steps];
    for call in calls {
        let step = step(call.start, window, steps);
        by_step[step].push(call.duration);
        errors_by_step[step] += u64::from(call.error);
    }
    let mut all: Vec<u64> = calls.iter().map(|call| call.duration).collect();
    ServiceStats {
        service: service.to_owned(),
        calls: calls.len() as u64,
        errors: errors_by_step.iter().sum(),
        p50: quantile(&mut all, 50),
        p95: quantile(&mut all, 95),
        p99: quantile(&mut all, 99),
        calls_by_step: by_step.iter().map(|durations| durations.len() as u64).collect(),
        errors_by_step,
        p95_by_step: by_step.iter_mut().map(|durations| quantile(durations, 95)).collect(),
    }
}

/// Which of `steps` equal parts of the window a time within it falls into.
pub(crate) fn step(time: u64, window: Window, steps: usize) -> usize {
    let width = u128::from(window.end - window.start) + 1;
    (u128::from(time - window.start) * steps as u128 / width) as usize
}

/// The smallest duration that at least `percent` of a hundred do not exceed; zero of none.
fn quantile(durations: &mut [u64], percent: usize) -> Duration {
    let Some(at) = (durations.len() * percent).div_ceil(100).checked_sub(1) else { return Duration::ZERO };
    Duration::from_nanos(*durations.select_nth_unstable(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let nanos = |percent| quantile(&mut (1..=100).rev().collect::<Vec<_>>(), percent).as_nanos();
        assert_eq!((nanos(50), nanos(95), nanos(99)), (50, 95, 99));
        assert_eq!(quantile(&mut [7], 99).as_nanos(), 7);
        assert_eq!(quantile(&mut [], 99), Duration::ZERO);
    }

    #[test]
    fn every_time_of_the_window_falls_into_a_step() {
        let window = Window { start: 10, end: 19 };
        let steps: Vec<usize> = (10..=19).map(|time| step(time, window, 3)).collect();
        assert_eq!(steps, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert_eq!((step(0, Window::ALL, 4), step(u64::MAX, Window::ALL, 4)), (0, 3));
    }
}
