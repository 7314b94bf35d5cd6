//! Finding traces: by id, and by what their spans are like.
//!
//! A search walks the rows from the newest to the oldest and stops at the limit. What rows can tell (service, name, duration) is
//! checked on them; for attributes the span is read. The walk holds no lock while it reads.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, RwLockReadGuard};

use tripod_wire::TraceId;

use super::fetch::Fetcher;
use super::matching;
use super::segment::{Context, Extent, Segment};
use super::spans::{SpanRow, SpanRows};
use super::symbols::Symbol;
use super::timeline::{List, Position, walk};
use crate::{AttributeMatch, StoreError, StoredSpan, Trace, TraceQuery};

/// Candidates taken at first; each further part of a search takes twice as many.
const FIRST_PART: usize = 32;
const LARGEST_PART: usize = 4096;

/// Rows looked at before the locks are let go for a moment.
const ROWS_PER_PART: usize = 1 << 16;

/// The trace with this id.
pub(crate) fn trace(
    segments: &[Arc<Segment>],
    id: TraceId,
    fetcher: &mut Fetcher,
) -> Result<Option<Trace>, StoreError> {
    let mut spans = Vec::new();
    // Of a span that was sent twice the first is taken. Length and checksum tell it from another of the same id.
    let mut seen = HashSet::new();
    for segment in segments {
        let mut places: Vec<(Extent, Context)> = {
            let rows = segment.spans();
            rows.trace(id).map(|row| (row.bytes, *rows.context(row))).collect()
        };
        places.sort_unstable_by_key(|(extent, _)| extent.offset);
        for (extent, context) in places {
            let checksum = crc32fast::hash(fetcher.bytes(segment, extent)?);
            let span = fetcher.span(segment, extent)?;
            if seen.insert((span.span_id, extent.len, checksum)) {
                let (resource, scope) = fetcher.context(segment, &context)?;
                spans.push(StoredSpan { resource, scope, span });
            }
        }
    }
    spans.sort_by_key(|stored| stored.span.start_time_unix_nano);
    Ok((!spans.is_empty()).then_some(Trace { id, spans }))
}

/// The newest traces that have a span of which all of the query is true.
pub(crate) fn find(segments: &[Arc<Segment>], query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
    let mut fetcher = Fetcher::default();
    let found = ids(segments, query, query.limit, &mut fetcher)?;
    // One that has been evicted meanwhile is left out.
    found.into_iter().filter_map(|id| trace(segments, id, &mut fetcher).transpose()).collect()
}

/// The ids of the newest `limit` traces that have a span of which all of the query is true.
pub(crate) fn ids(
    segments: &[Arc<Segment>],
    query: &TraceQuery,
    limit: usize,
    fetcher: &mut Fetcher,
) -> Result<Vec<TraceId>, StoreError> {
    let mut found: Vec<TraceId> = Vec::new();
    let mut search = Search { segments, query, seen: HashSet::new(), before: None, part: FIRST_PART };
    while found.len() < limit {
        let Some(candidates) = search.next_part() else { break };
        for id in search.satisfying(&candidates, fetcher)? {
            if found.len() < limit && search.seen.insert(id) {
                found.push(id);
            }
        }
    }
    Ok(found)
}

struct Search<'a> {
    segments: &'a [Arc<Segment>],
    query: &'a TraceQuery,
    /// Traces found already.
    seen: HashSet<TraceId>,
    /// Where the walk has come to.
    before: Option<Position>,
    part: usize,
}

/// A span that satisfies all that its row can tell.
struct Candidate {
    segment: usize,
    trace_id: TraceId,
    error: bool,
    bytes: Extent,
    context: Context,
}

impl Search<'_> {
    /// The next candidates, newest first; `None` when all rows have been visited.
    fn next_part(&mut self) -> Option<Vec<Candidate>> {
        let guards: Vec<RwLockReadGuard<'_, SpanRows>> = self.segments.iter().map(|segment| segment.spans()).collect();
        let filters: Vec<Option<Filter>> = guards.iter().map(|rows| Filter::new(self.query, rows)).collect();
        let (lists, owners) = self.lists(&guards, &filters);
        let (mut candidates, mut visited, mut last) = (Vec::new(), 0, None);
        // Without conditions on attributes one candidate of a trace is enough.
        let mut taken = HashSet::new();
        walk(&lists, self.before, |position, list| {
            let segment = owners[list];
            let row = guards[segment].row(position.2);
            visited += 1;
            last = Some(position);
            let new = || !self.seen.contains(&row.trace_id);
            if filters[segment].as_ref().is_some_and(|filter| filter.accepts(row))
                && new()
                && (!self.query.attributes.is_empty() || taken.insert(row.trace_id))
            {
                let context = *guards[segment].context(row);
                candidates.push(Candidate {
                    segment,
                    trace_id: row.trace_id,
                    error: row.error,
                    bytes: row.bytes,
                    context,
                });
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

    /// The timelines to walk over, and whose each is.
    fn lists<'g>(
        &self,
        guards: &'g [RwLockReadGuard<'_, SpanRows>],
        filters: &[Option<Filter>],
    ) -> (Vec<List<'g>>, Vec<usize>) {
        let (mut lists, mut owners) = (Vec::new(), Vec::new());
        for (at, rows) in guards.iter().enumerate().filter(|(at, _)| filters[*at].is_some()) {
            let wanted = self.query.service.as_ref().map(|service| rows.symbols.find(service));
            for (symbol, service) in rows.services() {
                let entries = service.timeline.within(self.query.window);
                if wanted.is_none_or(|wanted| wanted == Some(symbol)) && !entries.is_empty() {
                    lists.push((self.segments[at].file.id << 32 | u64::from(symbol), entries));
                    owners.push(at);
                }
            }
        }
        (lists, owners)
    }

    /// Traces of the candidates that have the attributes asked for, in the candidates' order.
    fn satisfying(&self, candidates: &[Candidate], fetcher: &mut Fetcher) -> Result<Vec<TraceId>, StoreError> {
        if self.query.attributes.is_empty() {
            return Ok(candidates.iter().map(|candidate| candidate.trace_id).collect());
        }
        // Read in the order of the log, where neighbours share a read.
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_unstable_by_key(|&at| (candidates[at].segment, candidates[at].bytes.offset));
        let mut satisfied = vec![false; candidates.len()];
        for at in order {
            satisfied[at] = self.satisfies(&candidates[at], fetcher)?;
        }
        Ok(candidates.iter().zip(satisfied).filter_map(|(candidate, yes)| yes.then_some(candidate.trace_id)).collect())
    }

    fn satisfies(&self, candidate: &Candidate, fetcher: &mut Fetcher) -> Result<bool, StoreError> {
        let segment = &self.segments[candidate.segment];
        let (resource, scope) = fetcher.context(segment, &candidate.context)?;
        let is_error = |wanted: &AttributeMatch| candidate.error && wanted.key == "error" && wanted.value == "true";
        let conditions = self.query.attributes.iter();
        let open: Vec<_> = conditions
            .filter(|wanted| !is_error(wanted) && !matching::context_has(&resource, &scope, wanted))
            .collect();
        if open.is_empty() {
            return Ok(true);
        }
        // A key stands in the bytes as it is: most spans without it need no decoding.
        let bytes = fetcher.bytes(segment, candidate.bytes)?;
        if open.iter().any(|wanted| memchr::memmem::find(bytes, wanted.key.as_bytes()).is_none()) {
            return Ok(false);
        }
        let span = fetcher.span(segment, candidate.bytes)?;
        Ok(open.iter().all(|wanted| matching::span_has(&span, wanted)))
    }
}

/// What of a query a row can tell.
struct Filter {
    name: Option<Symbol>,
    min: u64,
    max: u64,
}

impl Filter {
    /// `None` when the segment has no span of the name asked for.
    fn new(query: &TraceQuery, rows: &SpanRows) -> Option<Self> {
        let name = match &query.operation {
            Some(name) => Some(rows.symbols.find(name)?),
            None => None,
        };
        let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let (min, max) = (query.min_duration.map_or(0, nanos), query.max_duration.map_or(u64::MAX, nanos));
        Some(Self { name, min, max })
    }

    fn accepts(&self, row: &SpanRow) -> bool {
        self.name.is_none_or(|name| name == row.name) && (self.min..=self.max).contains(&row.duration())
    }
}
