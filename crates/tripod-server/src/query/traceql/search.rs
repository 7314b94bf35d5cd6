//! A query on all traces: the newest that it finds.
//!
//! The store names traces that satisfy what the plan asks for, newest first; each is evaluated and let go, so that few are held at a
//! time. What was found ends the search, and so do its limits, which is said.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Instant;

use tripod_store::{SpanStore, StoreError, Trace, Window};
use tripod_wire::{SpanId, TraceId};

use super::ast::{Field, Query};
use super::eval::Traced;
use super::plan::plan;
use super::values::Value;

/// The most traces that a search looks at.
const MAX_INSPECTED: usize = 100_000;

/// What is asked for.
pub(crate) struct Asked {
    pub(crate) window: Window,
    /// At most so many traces.
    pub(crate) limit: usize,
    /// At most so many spans are shown of each set.
    pub(crate) spans: usize,
    /// When the search gives up.
    pub(crate) deadline: Instant,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Newest start first.
    pub(crate) traces: Vec<FoundTrace>,
    pub(crate) inspected_traces: usize,
    pub(crate) inspected_spans: usize,
    /// Why there may be more, if not for the limit.
    pub(crate) cut_off: Option<String>,
}

/// A trace with the spans in it that were found.
#[derive(Debug)]
pub(crate) struct FoundTrace {
    pub(crate) id: TraceId,
    pub(crate) root_service: String,
    pub(crate) root_name: String,
    pub(crate) start: u64,
    pub(crate) nanos: u64,
    /// Spans and failed ones by service.
    pub(crate) services: Vec<(String, u64, u64)>,
    pub(crate) sets: Vec<FoundSet>,
}

/// A set of spans that was found.
#[derive(Debug)]
pub(crate) struct FoundSet {
    /// How many there are; some of them are not shown.
    pub(crate) matched: usize,
    pub(crate) by: Vec<(String, Value<'static>)>,
    pub(crate) spans: Vec<FoundSpan>,
}

/// A span that was found.
#[derive(Debug)]
pub(crate) struct FoundSpan {
    pub(crate) id: SpanId,
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) nanos: u64,
    pub(crate) fields: Vec<(String, Value<'static>)>,
}

/// The newest traces in which the query finds spans.
pub(crate) fn search(store: &(impl SpanStore + ?Sized), query: &Query, asked: &Asked) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let fields = query.fields();
    // By trace, as several sets of conditions may lead to it.
    let mut looked_at: HashMap<TraceId, bool, foldhash::fast::RandomState> = HashMap::default();
    for conditions in plan(query) {
        let mut of_these = 0;
        let mut visit = |trace: Trace| {
            if found.inspected_traces >= MAX_INSPECTED {
                found.cut_off =
                    Some(format!("{MAX_INSPECTED} traces were looked at: ask for more conditions or less time"));
                return ControlFlow::Break(());
            }
            if Instant::now() >= asked.deadline {
                found.cut_off = Some("the time of the search is over: ask for more conditions or less time".to_owned());
                return ControlFlow::Break(());
            }
            let is_found = *looked_at.entry(trace.id).or_insert_with(|| {
                found.inspected_traces += 1;
                found.inspected_spans += trace.spans.len();
                let one = look_at(&trace, query, &fields, asked);
                let is_found = one.is_some();
                found.traces.extend(one);
                is_found
            });
            of_these += usize::from(is_found);
            if of_these < asked.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        match conditions.trace {
            Some(id) => {
                if let Some(trace) = store.trace(id)? {
                    let _ = visit(trace);
                }
            }
            None => store.visit_traces(&conditions.query(asked.window, usize::MAX), &mut visit)?,
        }
        if found.cut_off.is_some() {
            break;
        }
    }
    found.traces.sort_by(|a, b| b.start.cmp(&a.start).then(a.id.cmp(&b.id)));
    found.traces.truncate(asked.limit);
    Ok(found)
}

fn look_at(trace: &Trace, query: &Query, fields: &[Field], asked: &Asked) -> Option<FoundTrace> {
    let traced = Traced::new(trace, asked.window);
    let sets = traced.answer(query);
    if sets.is_empty() {
        return None;
    }
    let show = |at: u32| {
        let span = &trace.spans[at as usize].span;
        let values = |field: &Field| {
            let name = field.shown().to_owned();
            let values = traced.shown(field, at as usize);
            values.into_iter().map(move |value| (name.clone(), value.into_owned())).collect::<Vec<_>>()
        };
        FoundSpan {
            id: span.span_id,
            name: span.name.clone(),
            start: span.start_time_unix_nano,
            nanos: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
            fields: fields.iter().flat_map(values).collect(),
        }
    };
    let sets = sets.into_iter().map(|set| FoundSet {
        matched: set.spans.len(),
        by: set.by,
        spans: set.spans.into_iter().take(asked.spans).map(show).collect(),
    });
    let sets = sets.collect();
    let (root_service, root_name) = traced.root();
    let (start, nanos) = traced.times();
    Some(FoundTrace { id: trace.id, root_service, root_name, start, nanos, services: services(trace), sets })
}

fn services(trace: &Trace) -> Vec<(String, u64, u64)> {
    let mut services: Vec<(String, u64, u64)> = Vec::new();
    for stored in &trace.spans {
        let service = stored.resource.service_name();
        let at = services.iter().position(|(name, ..)| name == service).unwrap_or_else(|| {
            services.push((service.to_owned(), 0, 0));
            services.len() - 1
        });
        services[at].1 += 1;
        services[at].2 += u64::from(stored.span.status.code == tripod_wire::otlp::trace::StatusCode::ERROR);
    }
    services
}
