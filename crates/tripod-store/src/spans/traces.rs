//! Whole traces: by id, and by what their spans are like.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::ControlFlow;

use tripod_wire::TraceId;
use tripod_wire::proto::Message;

use super::{Spans, fetch, search};
use crate::engine::View;
use crate::{StoreError, StoredSpan, Trace, TraceQuery};

/// The trace with this id.
pub(super) fn trace(view: &View<Spans>, id: TraceId) -> Result<Option<Trace>, StoreError> {
    Ok(traces(view, &[id])?.pop())
}

/// The newest traces that have a span of which all of the query is true.
pub(super) fn find(view: &View<Spans>, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
    traces(view, &search::newest(view, query, query.limit)?)
}

/// Traces of the first search of a visit; each further one is for twice as many, up to the last.
const FIRST_SEARCH: usize = if cfg!(test) { 2 } else { 32 };
const LAST_SEARCH: usize = 1024;

/// So many spans are held at a time, if traces are not larger.
const HELD_SPANS: usize = 10_000;

/// Calls `visit` with the newest traces that have a span of which all of the query is true, until it breaks.
pub(super) fn visit(
    view: &View<Spans>,
    query: &TraceQuery,
    visit: &mut dyn FnMut(Trace) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut seen = search::Ids::default();
    let (mut page, mut width) = (FIRST_SEARCH, FIRST_SEARCH);
    let mut query = query.clone();
    while seen.len() < query.limit {
        let limit = page.min(query.limit - seen.len());
        let found = search::newest_but(view, &query, limit, &seen)?;
        let mut ids: Vec<TraceId> = found.iter().map(|(id, _)| *id).collect();
        seen.extend(&ids);
        while !ids.is_empty() {
            let rest = ids.split_off(width.min(ids.len()));
            let traces = traces(view, &ids)?;
            let spans = traces.iter().map(|trace| trace.spans.len()).sum::<usize>().max(1);
            width = (ids.len() * HELD_SPANS / spans).clamp(1, 4 * width);
            for trace in traces {
                if visit(trace).is_break() {
                    return Ok(());
                }
            }
            ids = rest;
        }
        let Some((_, oldest)) = found.last().filter(|_| found.len() == limit) else { return Ok(()) };
        // Others may have started in the same nanosecond.
        query.window.end = *oldest;
        page = (page * 2).min(LAST_SEARCH);
    }
    Ok(())
}

/// These traces, without those of which nothing is known.
fn traces(view: &View<Spans>, ids: &[TraceId]) -> Result<Vec<Trace>, StoreError> {
    let mut traces: Vec<Trace> = ids.iter().map(|id| Trace { id: *id, spans: Vec::new() }).collect();
    fetch::rows(view, ids, &mut |which, block, row| {
        traces[which].spans.push(block.stored_span(row)?);
        Ok(())
    })?;
    traces.retain(|trace| !trace.spans.is_empty());
    traces.iter_mut().for_each(|trace| order(&mut trace.spans));
    Ok(traces)
}

/// Sorts spans by start and leaves each once, however often it was sent.
fn order(spans: &mut Vec<StoredSpan>) {
    let key = |stored: &StoredSpan| {
        let span = &stored.span;
        (span.start_time_unix_nano, Reverse(span.end_time_unix_nano), span.span_id)
    };
    spans.sort_by_key(key);
    let mut last = None;
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let twins: Vec<bool> = spans.windows(2).map(|pair| key(&pair[0]) == key(&pair[1])).collect();
    let mut at = 0;
    spans.retain(|stored| {
        let (before, after) = (at > 0 && twins[at - 1], twins.get(at) == Some(&true));
        at += 1;
        if last != Some(key(stored)) {
            seen.clear();
            last = Some(key(stored));
        }
        // Only those that share all three are compared byte by byte.
        !(before || after) || seen.insert(stored.span.encode_to_vec())
    });
}
