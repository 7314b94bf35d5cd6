//! Patterns of lines. A body's template is in its column already (see [`body`](super::body)), so lines are counted by the templates' numbers,
//! without putting one together; a template becomes a [`pattern`](normal), and patterns that differ in words only, as names do, are
//! [merged](merge). What pattern a line has depends on the records asked for, never on their order or where they lie.
//!
//! At most [`MAX_PATTERNS`] are counted; lines of others are counted together.

mod merge;
mod normal;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use tripod_wire::otlp::logs::SeverityNumber;

use self::merge::merge;
use self::normal::pattern_of;
use super::Logs;
use super::block::Reading;
use super::find::{self, Hit};
use super::sample::sample;
use super::search::Search;
use super::units::{Unit, units};
use super::volume::{fitted, step};
use crate::engine::View;
use crate::{LogPattern, LogPatterns, LogQuery, StoreError, SummaryLimits, Window};

/// Patterns that are told apart.
const MAX_PATTERNS: usize = 2_000;

/// Counts the patterns of all records of which the query is true.
pub(crate) fn patterns(
    view: &View<Logs>,
    query: &LogQuery,
    steps: usize,
    limits: SummaryLimits,
) -> Result<LogPatterns, StoreError> {
    let window = fitted(view, query)?;
    let search = Search::new(query);
    let units = units(view, &search, window)?;
    let (taken, mut looked) = sample(&units, limits.rows);
    let mut counts =
        Counts { window, steps, samples: limits.each, numbers: HashMap::new(), tallies: Vec::new(), is_full: false };
    for number in taken {
        let unit = &units[number];
        let rows = counts.add_unit(number, unit, &search)?;
        looked.records += rows;
    }
    let mut found = merge(counts.into_patterns());
    let answered = found.len().min(limits.entries);
    let others = counts_of(&found[answered..]) + looked.records - counts_of(&found);
    found.truncate(answered);
    let patterns: Result<_, StoreError> =
        found.into_iter().map(|(pattern, tally)| tally.into_pattern(pattern, &units)).collect();
    Ok(LogPatterns { looked, window, patterns: patterns?, others })
}

fn counts_of(patterns: &[(String, Tally)]) -> u64 {
    patterns.iter().map(|(_, tally)| tally.count).sum()
}

/// What is counted of a pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    count: u64,
    levels: BTreeMap<&'static str, u64>,
    volume: Vec<u64>,
    /// The newest ones, in order.
    newest: Vec<Hit>,
    /// Patterns that were merged into it.
    members: u64,
}

struct Counts {
    window: Window,
    steps: usize,
    samples: usize,
    numbers: HashMap<String, usize>,
    tallies: Vec<Tally>,
    /// What is new is not told apart any more.
    is_full: bool,
}

impl Counts {
    /// Counts a block; says how many of its records satisfy the query.
    fn add_unit(&mut self, number: usize, unit: &Unit<'_>, search: &Search<'_>) -> Result<u64, StoreError> {
        let rows: Vec<u32> = if unit.is_whole(search, self.window) {
            (0..unit.len() as u32).collect()
        } else if unit.may_say(search)? {
            search.rows(unit, self.window)?
        } else {
            Vec::new()
        };
        if !rows.is_empty() {
            unit.read(|block, _| self.add_rows(number, block, &rows))?;
        }
        Ok(rows.len() as u64)
    }

    fn add_rows(&mut self, unit: usize, block: Reading<'_>, rows: &[u32]) -> Result<(), StoreError> {
        let templates = block.templates(rows)?;
        let (time, severity) = (block.time()?, block.severity()?);
        let tallies: Vec<Option<usize>> =
            templates.distinct.iter().map(|template| self.tally_of(pattern_of(template))).collect();
        for (row, template) in rows.iter().zip(&templates.codes) {
            let Some(tally) = tallies[*template as usize] else { continue };
            let at = time[*row as usize];
            let tally = &mut self.tallies[tally];
            tally.count += 1;
            *tally.levels.entry(SeverityNumber(severity[*row as usize]).level()).or_default() += 1;
            tally.volume[step(self.window, self.steps, at)] += 1;
            tally.add_sample(Hit { time: at, unit, row: *row }, self.samples);
        }
        Ok(())
    }

    /// The number of a pattern's tally; `None` where there are too many patterns.
    fn tally_of(&mut self, pattern: String) -> Option<usize> {
        if let Some(number) = self.numbers.get(&pattern) {
            return Some(*number);
        }
        if self.is_full {
            return None;
        }
        let number = self.tallies.len();
        self.tallies.push(Tally { volume: vec![0; self.steps], members: 1, ..Tally::default() });
        self.numbers.insert(pattern, number);
        self.is_full = self.tallies.len() >= MAX_PATTERNS;
        Some(number)
    }

    fn into_patterns(self) -> Vec<(String, Tally)> {
        let Self { numbers, mut tallies, .. } = self;
        let take = |(pattern, number): (String, usize)| (pattern, std::mem::take(&mut tallies[number]));
        numbers.into_iter().map(take).filter(|(_, tally)| tally.count > 0).collect()
    }
}

impl Tally {
    fn add_sample(&mut self, hit: Hit, samples: usize) {
        let is_newer = |other: &Hit| Reverse(*other) < Reverse(hit);
        let at = self.newest.partition_point(is_newer);
        if at < samples {
            self.newest.insert(at, hit);
            self.newest.truncate(samples);
        }
    }

    /// Adds what was counted of another pattern.
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.members += other.members;
        other.levels.iter().for_each(|(level, count)| *self.levels.entry(level).or_default() += count);
        self.volume.iter_mut().zip(&other.volume).for_each(|(sum, count)| *sum += count);
        let samples = self.newest.len().max(other.newest.len());
        self.newest.extend(&other.newest);
        self.newest.sort_unstable_by_key(|hit| Reverse(*hit));
        self.newest.truncate(samples);
    }

    fn into_pattern(self, pattern: String, units: &[Unit<'_>]) -> Result<LogPattern, StoreError> {
        let samples = find::read(units, &self.newest)?;
        let Self { count, levels, volume, .. } = self;
        Ok(LogPattern { pattern, count, levels, volume, samples })
    }
}
