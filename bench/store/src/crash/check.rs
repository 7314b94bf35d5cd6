//! What must hold of a store that was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use tripod_store::{Embedded, LogQuery, LogStore, Matcher, SeriesStore, SpanStore, Store, Window};

use super::units::{self, RECORDS, SERIES, SIGNALS};
use crate::data::Origin;

/// Requests that retention must keep whatever its limit: the newest, that fill only a part of it.
const KEPT: u64 = 40;
/// Requests that may have been begun beyond the last one acknowledged: a thread's each.
const AHEAD: u64 = 8;

/// What is known of a directory.
#[derive(Default)]
pub(super) struct Known {
    origin: Option<Origin>,
    pub(super) limit: Option<u64>,
    /// Acknowledged requests by signal.
    acknowledged: [BTreeSet<u64>; 3],
    /// The first number that the next child uses.
    first: [u64; 3],
    /// Requests behind this have been checked in an earlier round.
    checked: [u64; 3],
    /// Requests that were found missing: they can't come back.
    missing: [BTreeSet<u64>; 3],
}

/// What a check found.
pub(super) struct Found {
    pub(super) unacknowledged: u64,
    pub(super) dropped: u64,
}

impl Known {
    pub(super) fn new(seed: u64, limit: Option<u64>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_nanos() as u64;
        Self { origin: Some(Origin { seed, start: now - 3_600_000_000_000 }), limit, ..Self::default() }
    }

    fn origin(&self) -> Origin {
        self.origin.expect("a life has begun")
    }

    pub(super) fn arguments(&self) -> Vec<String> {
        let Origin { seed, start } = self.origin();
        let mut all = vec![("--seed".to_owned(), seed), ("--start".to_owned(), start)];
        all.extend(self.first.iter().enumerate().map(|(signal, first)| (format!("--first-{signal}"), *first)));
        all.extend(self.limit.map(|limit| ("--limit".to_owned(), limit)));
        all.into_iter().flat_map(|(name, value)| [name, value.to_string()]).collect()
    }

    pub(super) fn acknowledge(&mut self, signal: usize, unit: u64) {
        assert!(self.acknowledged[signal].insert(unit), "{} {unit} was acknowledged twice", SIGNALS[signal]);
    }
}

/// Checks the newest requests, or with `whole` all there ever were. An error says what is wrong.
pub(super) fn check(store: &Embedded, known: &mut Known, whole: bool) -> Result<Found, String> {
    let mut result = Found { unacknowledged: 0, dropped: 0 };
    for (signal, name) in SIGNALS.iter().enumerate() {
        let begun = known.acknowledged[signal].last().map_or(0, |last| last + 1).max(known.first[signal]) + AHEAD;
        let from = if whole { 0 } else { known.checked[signal] };
        let there = match signal {
            0 => spans(store, known, from..begun)?,
            1 => logs(store, known, from..begun)?,
            _ => samples(store, known, from..begun)?,
        };
        let acknowledged = &known.acknowledged[signal];
        // By number, not by time: the newest requests are those with the highest numbers.
        let kept_from = if known.limit.is_some() { begun.saturating_sub(AHEAD + KEPT) } else { 0 };
        for unit in acknowledged.range(from..) {
            if there.contains(unit) {
                if known.missing[signal].contains(unit) {
                    return Err(format!("{} {unit} had been dropped and is back", name));
                }
            } else if *unit >= kept_from {
                return Err(format!("{} {unit} of {begun} was acknowledged and is lost", name));
            } else if known.missing[signal].insert(*unit) {
                result.dropped += 1;
            }
        }
        oldest_first(&there, &known.missing[signal]).map_err(|what| format!("{}: {what}", name))?;
        result.unacknowledged +=
            there.iter().filter(|unit| **unit >= known.first[signal] && !acknowledged.contains(unit)).count() as u64;
        known.first[signal] = begun;
        known.checked[signal] = begun.saturating_sub(KEPT);
    }
    Ok(result)
}

/// Retention drops whole parts, whose times overlap a little: what is missing lies before nearly all that is there.
fn oldest_first(there: &BTreeSet<u64>, missing: &BTreeSet<u64>) -> Result<(), String> {
    let Some(newest_missing) = missing.last() else { return Ok(()) };
    let before = there.range(..newest_missing).count();
    if before > there.len() / 2 && there.len() as u64 > KEPT {
        return Err(format!("{newest_missing} was dropped, though {before} of {} requests are older", there.len()));
    }
    Ok(())
}

// A request is there as a whole or not at all. With retention it may be there in part: it was flushed into several parts, of which
// some were dropped. Then it counts as dropped.

/// Requests of which all traces are there, whole.
fn spans(store: &Embedded, known: &Known, range: Range<u64>) -> Result<BTreeSet<u64>, String> {
    let origin = known.origin();
    let (mut there, mut found_spans) = (BTreeSet::new(), 0);
    let all = range.start == 0;
    for unit in range {
        let mut found = 0;
        for trace in units::traces(origin, unit) {
            let Some(stored) = store.trace(trace.id()).map_err(|error| error.to_string())? else { continue };
            if stored.spans.len() != trace.len() {
                return Err(format!(
                    "trace {} of spans {unit} has {} of {} spans",
                    trace.id(),
                    stored.spans.len(),
                    trace.len()
                ));
            }
            found += 1;
            found_spans += stored.spans.len() as u64;
        }
        match found {
            0 => {}
            units::TRACES => _ = there.insert(unit),
            _ if known.limit.is_some() => {}
            _ => return Err(format!("spans {unit} has {found} of {} traces", units::TRACES)),
        }
    }
    // A trace's answer leaves out what is there twice; the count does not.
    let counted = store.status().spans;
    if all && counted != found_spans {
        return Err(format!("{counted} spans are counted, {found_spans} are found"));
    }
    Ok(there)
}

/// Requests of which all records are there, once.
fn logs(store: &Embedded, known: &Known, range: Range<u64>) -> Result<BTreeSet<u64>, String> {
    let origin = known.origin();
    let query =
        LogQuery::within(Window { start: units::time(origin, range.start) * 1_000_000, end: u64::MAX }, usize::MAX);
    let mut found: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for log in store.find_logs(&query).map_err(|error| error.to_string())? {
        let nanos = log.time - origin.start / 1_000_000 * 1_000_000;
        let (unit, at) = (nanos / 1_000_000 / units::STEP, nanos % 1_000_000);
        if log.record.body.to_string() != units::body(unit, at) {
            return Err(format!("log records {unit}, record {at} is {:?}", log.record.body));
        }
        if !found.entry(unit).or_default().insert(at) {
            return Err(format!("log records {unit}, record {at} is there twice"));
        }
    }
    whole(known, found.into_iter().map(|(unit, records)| (unit, records.len() as u64)), RECORDS)
}

/// Requests of which all samples are there, once.
fn samples(store: &Embedded, known: &Known, range: Range<u64>) -> Result<BTreeSet<u64>, String> {
    let origin = known.origin();
    let start = units::time(origin, range.start) as i64;
    let selected =
        store.select(&[Matcher::equal("__name__", "killed")], start, i64::MAX).map_err(|error| error.to_string())?;
    let mut found: BTreeMap<u64, u64> = BTreeMap::new();
    for series in &selected {
        if let Some(pair) = series.samples.floats.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(format!("samples of {:?} are not in order of time: {pair:?}", series.labels));
        }
        for (time, value) in &series.samples.floats {
            let unit = (*time as u64 - origin.start / 1_000_000) / units::STEP;
            if *value != unit as f64 {
                return Err(format!("samples {unit} have the value {value}"));
            }
            *found.entry(unit).or_default() += 1;
        }
    }
    whole(known, found, SERIES)
}

/// The requests that are there with all their records.
fn whole(known: &Known, found: impl IntoIterator<Item = (u64, u64)>, records: u64) -> Result<BTreeSet<u64>, String> {
    let mut there = BTreeSet::new();
    for (unit, found) in found {
        if found == records {
            there.insert(unit);
        } else if known.limit.is_none() {
            return Err(format!("request {unit} has {found} of {records} records"));
        }
    }
    Ok(there)
}
