//! Counting records by level and time.
//!
//! A block that lies within one step is counted by its head alone; at the borders of steps two columns are read.

use std::collections::BTreeMap;

use tripod_wire::otlp::logs::SeverityNumber;

use super::Logs;
use super::search::Search;
use super::units::{Unit, units};
use crate::engine::View;
use crate::{LogQuery, LogVolume, StoreError, Window};

/// Counts all records of which all of the query is true.
pub(crate) fn volume(view: &View<Logs>, query: &LogQuery, steps: usize) -> Result<LogVolume, StoreError> {
    let window = fitted(view, query)?;
    let search = Search::new(query);
    let mut counts = Counts { window, steps: steps.max(1), levels: BTreeMap::new() };
    for unit in units(view, &search, window)? {
        counts.add_unit(&unit, &search)?;
    }
    Ok(LogVolume { window, levels: counts.levels })
}

/// Which of the window's equal parts a time within it falls into.
pub(crate) fn step(window: Window, steps: usize, time: u64) -> usize {
    let width = u128::from(window.end - window.start) + 1;
    (u128::from(time - window.start) * steps as u128 / width) as usize
}

/// The query's window; an end left open is put where the records of the service or trace asked for end.
pub(crate) fn fitted(view: &View<Logs>, query: &LogQuery) -> Result<Window, StoreError> {
    let Window { start, end } = query.window;
    let (open_start, open_end) = (start == Window::ALL.start, end == Window::ALL.end);
    if !open_start && !open_end {
        return Ok(query.window);
    }
    let ends = LogQuery {
        service: query.service.clone(),
        trace_id: query.trace_id,
        ..LogQuery::within(query.window, query.limit)
    };
    let search = Search::new(&ends);
    let units = units(view, &search, query.window)?;
    let (mut oldest, mut newest) = (u64::MAX, 0);
    // Blocks that can't move an end any further are not read: of a service that is in all blocks, a few are.
    let mut by_start: Vec<&Unit<'_>> = units.iter().collect();
    by_start.sort_by_key(|unit| unit.known.min_time);
    for unit in &by_start {
        if unit.known.min_time >= oldest {
            break;
        }
        if let Some((first, last)) = ends_of(unit, &search)? {
            (oldest, newest) = (oldest.min(first), newest.max(last));
        }
    }
    by_start.sort_by_key(|unit| std::cmp::Reverse(unit.known.max_time));
    for unit in by_start {
        if unit.known.max_time <= newest {
            break;
        }
        if let Some((_, last)) = ends_of(unit, &search)? {
            newest = newest.max(last);
        }
    }
    let start = if open_start { oldest.min(newest) } else { start };
    Ok(Window { start, end: if open_end { newest.max(start) } else { end } })
}

/// When the first and the last row happened that satisfies the query.
fn ends_of(unit: &Unit<'_>, search: &Search<'_>) -> Result<Option<(u64, u64)>, StoreError> {
    let (known, window) = (&unit.known, search.query.window);
    let is_within = window.contains(known.min_time) && window.contains(known.max_time);
    if is_within && unit.is_wanted() && !search.must_read() {
        return Ok(Some((known.min_time, known.max_time)));
    }
    let rows = search.rows(unit, window)?;
    if rows.is_empty() {
        return Ok(None);
    }
    unit.read(|block, _| {
        let time = block.time()?;
        let times = rows.iter().map(|row| time[*row as usize]);
        Ok(times.clone().min().zip(times.max()))
    })
}

struct Counts {
    window: Window,
    steps: usize,
    levels: BTreeMap<&'static str, Vec<u64>>,
}

impl Counts {
    fn add_unit(&mut self, unit: &Unit<'_>, search: &Search<'_>) -> Result<(), StoreError> {
        let (known, window) = (&unit.known, self.window);
        let is_within = window.contains(known.min_time) && window.contains(known.max_time);
        if !search.must_read()
            && is_within
            && unit.is_wanted()
            && self.step(known.min_time) == self.step(known.max_time)
            && let Some(counts) = known.levels.as_ref().and_then(|levels| levels.within(search.query.severity.as_ref()))
        {
            for (level, count) in counts.filter(|(level, _)| search.wants_level(level)) {
                self.add(level, known.min_time, count.into());
            }
            return Ok(());
        }
        if !unit.may_say(search)? {
            return Ok(());
        }
        let rows = search.rows(unit, window)?;
        if rows.is_empty() {
            return Ok(());
        }
        unit.read(|block, _| {
            let (time, severity) = (block.time()?, block.severity()?);
            for row in rows {
                self.add(SeverityNumber(severity[row as usize]).level(), time[row as usize], 1);
            }
            Ok(())
        })
    }

    fn add(&mut self, level: &'static str, time: u64, count: u64) {
        if count > 0 {
            let step = self.step(time);
            self.levels.entry(level).or_insert_with(|| vec![0; self.steps])[step] += count;
        }
    }

    fn step(&self, time: u64) -> usize {
        step(self.window, self.steps, time)
    }
}
