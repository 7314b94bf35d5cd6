//! Summaries of traces, from a few columns of their rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tripod_wire::{SpanId, TraceId};

use super::{Spans, fetch, search};
use crate::engine::View;
use crate::records::Context;
use crate::{ServiceShare, StoreError, TraceQuery, TraceSummaries, TraceSummary};

/// Summaries of the newest traces that have a span of which all of the query is true.
pub(super) fn find(view: &View<Spans>, query: &TraceQuery) -> Result<TraceSummaries, StoreError> {
    let mut ids = search::newest(view, query, query.limit.saturating_add(1))?;
    let complete = ids.len() <= query.limit;
    ids.truncate(query.limit);
    let members = members(view, &ids)?;
    let mut summaries: Vec<TraceSummary> =
        ids.iter().zip(members).filter_map(|(id, members)| summarize(*id, &members)).collect();
    summaries.sort_by_key(|summary| std::cmp::Reverse(summary.start));
    Ok(TraceSummaries { summaries, complete })
}

/// A span of a trace that is being summarised.
struct Member {
    start: u64,
    span: SpanId,
    end: u64,
    parent: SpanId,
    kind: i32,
    context: Arc<Context>,
    name: Box<[u8]>,
    /// What it says of its failure, if it failed.
    error: Option<String>,
}

impl Member {
    /// What tells it from others; a span that was sent twice has it twice.
    fn identity(&self) -> impl Ord + '_ {
        let (service, name) = (&self.context.service, &self.name);
        (self.start, self.span, self.end, self.parent, self.kind, self.error.as_deref(), service, name)
    }
}

/// The spans of each trace in order of their start, each once however often it was sent.
fn members(view: &View<Spans>, ids: &[TraceId]) -> Result<Vec<Vec<Member>>, StoreError> {
    let mut all: Vec<Vec<Member>> = ids.iter().map(|_| Vec::new()).collect();
    fetch::rows(view, ids, &mut |which, block, row| {
        all[which].push(Member {
            start: block.start()?[row],
            span: block.span()?[row],
            end: block.end()?[row],
            parent: block.parent_id(row)?,
            kind: block.kind()?.get(row),
            context: Arc::clone(block.context_of(block.context()?[row])),
            name: block.name()?.get(row).into(),
            error: if block.failed(row)? { Some(block.error_of(row)?) } else { None },
        });
        Ok(())
    })?;
    for members in &mut all {
        members.sort_by(|a, b| a.identity().cmp(&b.identity()));
        members.dedup_by(|a, b| a.identity() == b.identity());
    }
    Ok(all)
}

fn summarize(id: TraceId, members: &[Member]) -> Option<TraceSummary> {
    let start = members.first()?.start;
    let end = members.iter().map(|member| member.end).max()?;
    let root = members.iter().min_by_key(|member| member.parent.is_valid())?;
    Some(TraceSummary {
        id,
        service: root.context.service.clone(),
        operation: String::from_utf8_lossy(&root.name).into_owned(),
        start,
        duration: Duration::from_nanos(end.saturating_sub(start)),
        spans: members.len() as u64,
        errors: members.iter().filter(|member| member.error.is_some()).count() as u64,
        services: services(members),
        error: nearest_failure(members).and_then(|failed| failed.error.clone()).unwrap_or_default(),
    })
}

fn services(members: &[Member]) -> Vec<ServiceShare> {
    let mut shares: HashMap<&str, ServiceShare> = HashMap::new();
    for member in members {
        let service = &member.context.service;
        let new = || ServiceShare { service: service.clone(), spans: 0, errors: 0 };
        let share = shares.entry(service).or_insert_with(new);
        share.spans += 1;
        share.errors += u64::from(member.error.is_some());
    }
    let mut shares: Vec<ServiceShare> = shares.into_values().collect();
    shares.sort_unstable_by(|a, b| b.spans.cmp(&a.spans).then_with(|| a.service.cmp(&b.service)));
    shares
}

/// The failed span that the fewest parents separate from the root, of several the earliest. Goes down from the spans without a known
/// parent, a generation at a time.
fn nearest_failure(members: &[Member]) -> Option<&Member> {
    // In a trace whose parents go round in a circle nothing is below a root.
    let earliest = members.iter().find(|member| member.error.is_some())?;
    let known: HashSet<SpanId> = members.iter().map(|member| member.span).collect();
    let mut children: HashMap<SpanId, Vec<&Member>> = HashMap::new();
    let mut generation = Vec::new();
    for member in members {
        if known.contains(&member.parent) {
            children.entry(member.parent).or_default().push(member);
        } else {
            generation.push(member);
        }
    }
    while !generation.is_empty() {
        let failed = generation.iter().filter(|member| member.error.is_some()).min_by_key(|member| member.start);
        if let Some(failed) = failed {
            return Some(failed);
        }
        generation = generation.iter().filter_map(|member| children.remove(&member.span)).flatten().collect();
    }
    Some(earliest)
}
