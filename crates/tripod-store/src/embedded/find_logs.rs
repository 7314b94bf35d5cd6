//! Finding log records, newest first, up to a limit.

use std::ops::ControlFlow;
use std::sync::{Arc, RwLockReadGuard};

use super::fetch::Fetcher;
use super::logs::{LogRow, LogRows};
use super::matching;
use super::segment::{Context, Extent, Segment};
use super::timeline::{Entry, List, Position, walk};
use crate::{LogQuery, StoreError, StoredLog};

/// Candidates taken at first; each further part of a search takes twice as many.
const FIRST_PART: usize = 128;
const LARGEST_PART: usize = 4096;

/// Rows looked at before the locks are let go for a moment.
const ROWS_PER_PART: usize = 1 << 16;

/// The newest records of which all of the query is true.
pub(crate) fn find(segments: &[Arc<Segment>], query: &LogQuery) -> Result<Vec<StoredLog>, StoreError> {
    let words = query.text.iter().map(|word| word.to_lowercase()).collect();
    let mut search = Search { segments, query, words, before: None, part: FIRST_PART };
    let mut fetcher = Fetcher::default();
    let mut found = Vec::new();
    while found.len() < query.limit {
        let Some(candidates) = search.next_part() else { break };
        let satisfying = search.satisfying(&candidates, query.limit - found.len(), &mut fetcher)?;
        found.extend(satisfying);
    }
    Ok(found)
}

struct Search<'a> {
    segments: &'a [Arc<Segment>],
    query: &'a LogQuery,
    /// In lower case.
    words: Vec<String>,
    /// Where the walk has come to.
    before: Option<Position>,
    part: usize,
}

/// A record that satisfies all that its row can tell.
struct Candidate {
    segment: usize,
    time: u64,
    bytes: Extent,
    context: Context,
}

impl Search<'_> {
    /// The next candidates, newest first; `None` when all rows have been visited.
    fn next_part(&mut self) -> Option<Vec<Candidate>> {
        let guards: Vec<RwLockReadGuard<'_, LogRows>> = self.segments.iter().map(|segment| segment.logs()).collect();
        let of_trace: Vec<Vec<Entry>> = guards.iter().map(|rows| self.of_trace(rows)).collect();
        let (lists, owners) = self.lists(&guards, &of_trace);
        let services: Vec<_> =
            guards.iter().map(|rows| self.query.service.as_ref().map(|service| rows.symbols.find(service))).collect();
        let (mut candidates, mut visited, mut last) = (Vec::new(), 0, None);
        walk(&lists, self.before, |position, list| {
            let segment = owners[list];
            let row = guards[segment].row(position.2);
            let context = *guards[segment].context(row);
            visited += 1;
            last = Some(position);
            if services[segment].is_none_or(|service| service == Some(context.service)) && self.accepts(row) {
                candidates.push(Candidate { segment, time: row.time, bytes: row.bytes, context });
            }
            if candidates.len() == self.part || visited == ROWS_PER_PART {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        self.before = Some(last?);
        self.part = LARGEST_PART.min(self.part * 2);
        Some(candidates)
    }

    /// Rows of the trace asked for, in order of time.
    fn of_trace(&self, rows: &LogRows) -> Vec<Entry> {
        let Some(id) = self.query.trace_id else { return Vec::new() };
        let within = rows.trace(id).filter(|(_, row)| self.query.window.contains(row.time));
        let mut entries: Vec<Entry> = within.map(|(number, row)| (row.time, number)).collect();
        entries.sort_unstable();
        entries
    }

    /// The timelines to walk over, and whose each is.
    fn lists<'g>(
        &self,
        guards: &'g [RwLockReadGuard<'_, LogRows>],
        of_trace: &'g [Vec<Entry>],
    ) -> (Vec<List<'g>>, Vec<usize>) {
        let (mut lists, mut owners) = (Vec::new(), Vec::new());
        for (at, rows) in guards.iter().enumerate() {
            let id = self.segments[at].file.id << 32;
            if self.query.trace_id.is_some() {
                lists.push((id, of_trace[at].as_slice()));
                owners.push(at);
                continue;
            }
            let wanted = self.query.service.as_ref().map(|service| rows.symbols.find(service));
            for (symbol, timeline) in rows.services() {
                if wanted.is_none_or(|wanted| wanted == Some(symbol)) {
                    lists.push((id | u64::from(symbol), timeline.within(self.query.window)));
                    owners.push(at);
                }
            }
        }
        (lists, owners)
    }

    fn accepts(&self, row: &LogRow) -> bool {
        self.query.span_id.is_none_or(|id| id == row.span_id)
            && self.query.severity.as_ref().is_none_or(|wanted| wanted.contains(&row.severity()))
    }

    /// At most `limit` of the candidates that have the words and attributes asked for, in their order.
    fn satisfying(
        &self,
        candidates: &[Candidate],
        limit: usize,
        fetcher: &mut Fetcher,
    ) -> Result<Vec<StoredLog>, StoreError> {
        let selective = !self.words.is_empty() || !self.query.attributes.is_empty();
        let candidates = if selective { candidates } else { &candidates[..limit.min(candidates.len())] };
        // Read in the order of the log, where neighbours share a read.
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_unstable_by_key(|&at| (candidates[at].segment, candidates[at].bytes.offset));
        let mut found: Vec<(usize, StoredLog)> = Vec::new();
        for at in order {
            if let Some(log) = self.read(&candidates[at], fetcher)? {
                found.push((at, log));
            }
        }
        found.sort_unstable_by_key(|(at, _)| *at);
        Ok(found.into_iter().take(limit).map(|(_, log)| log).collect())
    }

    /// The candidate's record, if it satisfies the query.
    fn read(&self, candidate: &Candidate, fetcher: &mut Fetcher) -> Result<Option<StoredLog>, StoreError> {
        let segment = &self.segments[candidate.segment];
        let (resource, scope) = fetcher.context(segment, &candidate.context)?;
        let record = fetcher.log(segment, candidate.bytes)?;
        let mut conditions = self.query.attributes.iter();
        let satisfied = conditions.all(|wanted| {
            matching::has(&record.attributes, wanted) || matching::context_has(&resource, &scope, wanted)
        });
        if !satisfied || !matching::log_says(&record, &self.words) {
            return Ok(None);
        }
        Ok(Some(StoredLog { resource, scope, time: candidate.time, record }))
    }
}
