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
    let mut search = Search::new(segments, query);
    let mut fetcher = Fetcher::default();
    let mut found = Vec::new();
    while found.len() < query.limit {
        let Some(candidates) = search.next_part() else { break };
        let satisfying = search.satisfying(&candidates, query.limit - found.len(), &mut fetcher)?;
        found.extend(satisfying);
    }
    Ok(found)
}

/// A search under way.
pub(crate) struct Search<'a> {
    segments: &'a [Arc<Segment>],
    query: &'a LogQuery,
    /// In lower case.
    words: Vec<String>,
    /// Where the walk has come to.
    before: Option<Position>,
    part: usize,
}

/// A record that satisfies all that its row can tell.
pub(crate) struct Candidate {
    segment: usize,
    time: u64,
    bytes: Extent,
    context: Context,
}

impl<'a> Search<'a> {
    pub(crate) fn new(segments: &'a [Arc<Segment>], query: &'a LogQuery) -> Self {
        let words = query.text.iter().map(|word| word.to_lowercase()).collect();
        Self { segments, query, words, before: None, part: FIRST_PART }
    }

    /// Whether there are conditions that a row can't tell.
    pub(crate) fn must_read(&self) -> bool {
        !self.words.is_empty() || self.query.regex.is_some() || !self.query.attributes.is_empty()
    }

    /// The next candidates, newest first; `None` when all rows have been visited.
    pub(crate) fn next_part(&mut self) -> Option<Vec<Candidate>> {
        let guards: Vec<RwLockReadGuard<'_, LogRows>> = self.segments.iter().map(|segment| segment.logs()).collect();
        let of_trace: Vec<Vec<Entry>> = guards.iter().map(|rows| self.of_trace(rows)).collect();
        let (lists, owners) = self.lists(&guards, &of_trace);
        let (mut candidates, mut visited, mut last) = (Vec::new(), 0, None);
        walk(&lists, self.before, |position, list| {
            let segment = owners[list];
            let row = guards[segment].row(position.2);
            visited += 1;
            last = Some(position);
            if self.accepts(&guards[segment], row) {
                let context = *guards[segment].context(row);
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
    pub(crate) fn of_trace(&self, rows: &LogRows) -> Vec<Entry> {
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
            lists.extend(self.lists_of(&self.segments[at], rows, &of_trace[at]));
            owners.resize(lists.len(), at);
        }
        (lists, owners)
    }

    /// The timelines of a segment: of the trace asked for, or of the service, or of all services.
    pub(crate) fn lists_of<'g>(&self, segment: &Segment, rows: &'g LogRows, of_trace: &'g [Entry]) -> Vec<List<'g>> {
        let id = segment.file.id << 32;
        if self.query.trace_id.is_some() {
            return vec![(id, of_trace)];
        }
        let wanted = self.query.service.as_ref().map(|service| rows.symbols.find(service));
        let services = rows.services().filter(|(symbol, _)| wanted.is_none_or(|wanted| wanted == Some(*symbol)));
        services.map(|(symbol, timeline)| (id | u64::from(symbol), timeline.within(self.query.window))).collect()
    }

    /// Whether a row of those lists satisfies all that it can tell.
    pub(crate) fn accepts(&self, rows: &LogRows, row: &LogRow) -> bool {
        let of_service = |service: &String| *rows.symbols.get(rows.context(row).service).as_ref() == **service;
        self.query.span_id.is_none_or(|id| id == row.span_id)
            && self.query.severity.as_ref().is_none_or(|wanted| wanted.contains(&row.severity()))
            // Lists of services are of the right one already.
            && (self.query.trace_id.is_none() || self.query.service.as_ref().is_none_or(of_service))
    }

    /// At most `limit` of the candidates that have the words and attributes asked for, in their order.
    pub(crate) fn satisfying(
        &self,
        candidates: &[Candidate],
        limit: usize,
        fetcher: &mut Fetcher,
    ) -> Result<Vec<StoredLog>, StoreError> {
        let candidates = if self.must_read() { candidates } else { &candidates[..limit.min(candidates.len())] };
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
        let matches = self.query.regex.as_ref().is_none_or(|regex| regex.is_match(&record.body.to_string()));
        if !satisfied || !matches || !matching::log_says(&record, &self.words) {
            return Ok(None);
        }
        Ok(Some(StoredLog { resource, scope, time: candidate.time, record }))
    }
}
