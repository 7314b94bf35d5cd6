//! Rates, errors and durations by service.
//!
//! A call is an entry span: of kind server or consumer, or without a parent in the same service. Blocks of parts know of each row
//! whether it is one, except where the parent is elsewhere. Quantiles are exact (nearest rank). Costs a pass over starts,
//! durations, ids and three columns of hardly any bytes, and 40 bytes a call while it runs.

use std::time::Duration;

use super::block::Call;
use super::blocks::{Block, Stored};
use super::matching::is_error;
use super::once::each_once;
use super::parents::{self, Ids, Services};
use super::rows::duration;
use super::{Spans, memory};
use crate::engine::View;
use crate::{ServiceStats, StoreError, Window};

/// A call. Two that are equal are one that was sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Entry {
    /// Of trace and span.
    id: u64,
    start: u64,
    duration: u64,
    error: bool,
}

/// Statistics of all services that have calls within the window, by name.
pub(super) fn stats(view: &View<Spans>, window: Window, steps: usize) -> Result<Vec<ServiceStats>, StoreError> {
    let mut found = Found::default();
    each_block(view, window, &mut |block| found.look_at(block, window))?;
    let wanted = found.undecided.iter().map(|(parent, service, _)| (*parent, *service));
    let decided = |known: &[u32], service| known.contains(&service);
    let parents = parents::services(view, wanted, window, &mut found.services, decided)?;
    for (parent, service, entry) in std::mem::take(&mut found.undecided) {
        if !parents[&parent].contains(&service) {
            found.push(service, entry);
        }
    }
    let calls = found.services.names.into_iter().zip(found.calls);
    let mut stats: Vec<ServiceStats> = calls
        .filter(|(_, calls)| !calls.is_empty())
        .map(|(service, mut calls)| {
            each_once(&mut calls, |call| call.id.wrapping_add(call.start).wrapping_mul(MIX));
            summarise(service, &calls, window, steps.max(1))
        })
        .collect();
    stats.sort_unstable_by(|a, b| a.service.cmp(&b.service));
    Ok(stats)
}

/// Calls `visit` for each block that may have rows that start within the window.
pub(super) fn each_block(
    view: &View<Spans>,
    window: Window,
    visit: &mut dyn FnMut(&Block<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        visit(&Block::Memory(&memory::read(&block)))?;
    }
    for part in &view.parts {
        for (number, head) in (0..).zip(part.inner.records.heads()) {
            if head.min_time <= window.end && head.max_time >= window.start {
                visit(&Stored::open(part, number)?)?;
            }
        }
    }
    Ok(())
}

/// Spreads bits: an odd number near the golden ratio of 2^64.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number for a span; another span has another, unless someone chose the ids for it.
pub(super) fn mixed((trace, span): Ids) -> u64 {
    let trace = u128::from_be_bytes(trace.0);
    let parts = [(trace >> 64) as u64, trace as u64, u64::from_be_bytes(span.0)];
    parts.into_iter().fold(0, |mixed: u64, part| (mixed.rotate_left(29) ^ part).wrapping_mul(MIX))
}

#[derive(Debug, Default)]
struct Found {
    services: Services,
    /// Calls by the number of their service.
    calls: Vec<Vec<Entry>>,
    /// Calls, unless this parent turns out to be of this service.
    undecided: Vec<(Ids, u32, Entry)>,
}

impl Found {
    fn look_at(&mut self, block: &Block<'_>, window: Window) -> Result<(), StoreError> {
        let services = self.services.of(block);
        let (starts, ends) = (block.start()?, block.end()?);
        let (traces, spans, contexts) = (block.trace()?, block.span()?, block.context()?);
        let (calls, status) = (block.calls()?, block.status()?);
        for row in (0..block.len()).filter(|row| window.contains(starts[*row])) {
            let call = calls[row];
            if call == Call::No {
                continue;
            }
            let entry = Entry {
                id: mixed((traces[row], spans[row])),
                start: starts[row],
                duration: duration(starts[row], ends[row]),
                error: is_error(status.get(row)),
            };
            let service = services[contexts[row] as usize];
            if call == Call::Yes {
                self.push(service, entry);
            } else {
                self.undecided.push(((traces[row], block.parent_id(row)?), service, entry));
            }
        }
        Ok(())
    }

    fn push(&mut self, service: u32, entry: Entry) {
        if self.calls.len() < self.services.names.len() {
            self.calls.resize_with(self.services.names.len(), Vec::new);
        }
        self.calls[service as usize].push(entry);
    }
}

fn summarise(service: String, calls: &[Entry], window: Window, steps: usize) -> ServiceStats {
    let mut by_step: Vec<Vec<u64>> = vec![Vec::new(); steps];
    let mut errors_by_step = vec![0; steps];
    for call in calls {
        let step = step(call.start, window, steps);
        by_step[step].push(call.duration);
        errors_by_step[step] += u64::from(call.error);
    }
    let mut all: Vec<u64> = calls.iter().map(|call| call.duration).collect();
    ServiceStats {
        service,
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
fn step(time: u64, window: Window, steps: usize) -> usize {
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
