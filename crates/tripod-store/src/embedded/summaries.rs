//! Summaries of traces, from rows alone; of a trace that failed one span is read, for what it says.
//!
//! Costs a look-up a segment and a few hundred nanoseconds a span.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tripod_wire::otlp::Span;
use tripod_wire::{SpanId, TraceId};

use super::fetch::Fetcher;
use super::segment::Segment;
use super::spans::SpanRow;
use super::traces;
use crate::{ServiceShare, StoreError, TraceQuery, TraceSummaries, TraceSummary};

/// Summaries of the newest traces that have a span of which all of the query is true.
pub(crate) fn find(segments: &[Arc<Segment>], query: &TraceQuery) -> Result<TraceSummaries, StoreError> {
    let mut fetcher = Fetcher::default();
    let mut ids = traces::ids(segments, query, query.limit.saturating_add(1), &mut fetcher)?;
    let complete = ids.len() <= query.limit;
    ids.truncate(query.limit);
    let mut summaries = Vec::with_capacity(ids.len());
    for id in ids {
        let members = members(segments, id);
        // One that has been evicted meanwhile is left out.
        let Some(mut summary) = summarize(id, &members) else { continue };
        if let Some(failed) = nearest_failure(&members) {
            summary.error = message(fetcher.span(&segments[failed.segment], failed.row.bytes)?);
        }
        summaries.push(summary);
    }
    summaries.sort_by_key(|summary| std::cmp::Reverse(summary.start));
    Ok(TraceSummaries { summaries, complete })
}

/// A span of the trace being summarised.
struct Member {
    segment: usize,
    row: SpanRow,
    service: Arc<str>,
    name: Arc<str>,
}

/// The trace's spans in order of their start, each once however often it was sent.
fn members(segments: &[Arc<Segment>], id: TraceId) -> Vec<Member> {
    let mut members = Vec::new();
    for (segment, rows) in segments.iter().map(|segment| segment.spans()).enumerate() {
        members.extend(rows.trace(id).map(|row| Member {
            segment,
            row: *row,
            service: Arc::clone(rows.symbols.get(rows.context(row).service)),
            name: Arc::clone(rows.symbols.get(row.name)),
        }));
    }
    let identity = |member: &Member| {
        let row = &member.row;
        (row.start, row.span_id, row.end, row.bytes.len, row.parent, row.kind(), row.error)
    };
    members.sort_by_key(identity);
    members.dedup_by_key(|member| identity(member));
    members
}

fn summarize(id: TraceId, members: &[Member]) -> Option<TraceSummary> {
    let start = members.first()?.row.start;
    let end = members.iter().map(|member| member.row.end).max()?;
    let root = members.iter().min_by_key(|member| member.row.parent.is_valid())?;
    Some(TraceSummary {
        id,
        service: root.service.to_string(),
        operation: root.name.to_string(),
        start,
        duration: Duration::from_nanos(end.saturating_sub(start)),
        spans: members.len() as u64,
        errors: members.iter().filter(|member| member.row.error).count() as u64,
        services: services(members),
        error: String::new(),
    })
}

fn services(members: &[Member]) -> Vec<ServiceShare> {
    let mut shares: HashMap<&str, ServiceShare> = HashMap::new();
    for member in members {
        let new = || ServiceShare { service: member.service.to_string(), spans: 0, errors: 0 };
        let share = shares.entry(&member.service).or_insert_with(new);
        share.spans += 1;
        share.errors += u64::from(member.row.error);
    }
    let mut shares: Vec<ServiceShare> = shares.into_values().collect();
    shares.sort_unstable_by(|a, b| b.spans.cmp(&a.spans).then_with(|| a.service.cmp(&b.service)));
    shares
}

/// The failed span that the fewest parents separate from the root, of several the earliest. Goes down from the spans without a known
/// parent, a generation at a time.
fn nearest_failure(members: &[Member]) -> Option<&Member> {
    // In a trace whose parents go round in a circle nothing is below a root.
    let earliest = members.iter().find(|member| member.row.error)?;
    let known: HashSet<SpanId> = members.iter().map(|member| member.row.span_id).collect();
    let mut children: HashMap<SpanId, Vec<&Member>> = HashMap::new();
    let mut generation = Vec::new();
    for member in members {
        if known.contains(&member.row.parent) {
            children.entry(member.row.parent).or_default().push(member);
        } else {
            generation.push(member);
        }
    }
    while !generation.is_empty() {
        let failed = generation.iter().filter(|member| member.row.error).min_by_key(|member| member.row.start);
        if let Some(failed) = failed {
            return Some(failed);
        }
        generation = generation.iter().filter_map(|member| children.remove(&member.row.span_id)).flatten().collect();
    }
    Some(earliest)
}

/// What a failed span says of it.
fn message(span: Span) -> String {
    if !span.status.message.is_empty() {
        return span.status.message;
    }
    let mut attributes = span.events.iter().flat_map(|event| &event.attributes);
    attributes.find(|one| one.key == "exception.message").map(|one| one.value.to_string()).unwrap_or_default()
}
