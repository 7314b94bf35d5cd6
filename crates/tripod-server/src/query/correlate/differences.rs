//! Which attributes differ between a selection of spans and the rest.
//!
//! The selection is some traces, or the spans that satisfy conditions; the rest are the other spans of the same service and operation
//! within the baseline's window. Of each side at most a sample is looked at, each span as likely as any other.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tripod_store::{AttributeMatch, SpanSample, StoredSpan, TraceQuery, Window};
use tripod_wire::TraceId;
use tripod_wire::otlp::trace::StatusCode;

use super::super::params::Params;
use super::super::{Context, Failure, time};
use super::facts::{Facts, Side};
use super::trace_ids;

const DEFAULT_SAMPLE: usize = 2000;
const MAX_SAMPLE: usize = 10_000;
const DEFAULT_ATTRIBUTES: usize = 20;
const MAX_ATTRIBUTES: usize = 1000;
/// The window where none is given.
const RECENT: Duration = Duration::from_secs(3600);

pub(super) fn differences(context: &Context, params: &Params) -> Result<Value, Failure> {
    let sample = params.count("sample", DEFAULT_SAMPLE, MAX_SAMPLE)?;
    let limit = params.count("limit", DEFAULT_ATTRIBUTES, MAX_ATTRIBUTES)?;
    let window = params.recent_window(RECENT)?;
    let selection = Selection::read(params, window, sample)?;
    let baseline = TraceQuery {
        service: selection.query.service.clone(),
        operation: selection.query.operation.clone(),
        ..TraceQuery::within(baseline_window(params, window)?, sample)
    };
    let mut facts = Facts::default();
    let selected = selection.sample(context)?;
    selected.spans.iter().for_each(|span| facts.add(Side::Selection, span));
    let rest = context.store.sample_spans(&baseline)?;
    rest.spans.iter().filter(|span| !selection.has(span)).for_each(|span| facts.add(Side::Baseline, span));
    let counted = [facts.spans(Side::Selection), facts.spans(Side::Baseline)];
    let mut notes = Vec::new();
    if facts.cut_off {
        notes.push("there are too many different values to count each of them");
    }
    if counted.contains(&0) {
        notes.push("one of the two sides has no spans: nothing can be compared");
    }
    let attributes = if counted.contains(&0) { Vec::new() } else { facts.ranked(limit) };
    Ok(json!({
        "selection": { "spans": selected.total, "sampled": counted[0] },
        // Those of the selection are among them until they are sampled.
        "baseline": { "spans": rest.total, "sampled": counted[1] },
        "attributes": attributes,
        "notes": notes,
    }))
}

fn baseline_window(params: &Params, default: Window) -> Result<Window, Failure> {
    let start = params.read("baseline_start", time::parse_time)?.unwrap_or(default.start);
    let end = params.read("baseline_end", time::parse_time)?.unwrap_or(default.end);
    if end < start {
        return Err(Failure::Bad("baseline_end must not be before baseline_start".to_owned()));
    }
    Ok(Window { start, end })
}

/// Which spans are selected.
struct Selection {
    /// Those of these traces, if there are any.
    traces: HashSet<TraceId>,
    /// Those that satisfy all of this.
    query: TraceQuery,
}

impl Selection {
    fn read(params: &Params, window: Window, sample: usize) -> Result<Self, Failure> {
        let traces = trace_ids(params)?;
        let query = TraceQuery {
            service: params.owned("service"),
            operation: params.owned("operation"),
            attributes: params.tags()?,
            min_duration: params.read("minDuration", time::parse_go_duration)?,
            max_duration: params.read("maxDuration", time::parse_go_duration)?,
            ..TraceQuery::within(window, sample)
        };
        let is_all = query.attributes.is_empty() && query.min_duration.is_none() && query.max_duration.is_none();
        let other_baseline = params.get("baseline_start").is_some() || params.get("baseline_end").is_some();
        if traces.is_empty() && is_all && !other_baseline {
            let reason = "nothing is selected: give traceID, tags, minDuration or maxDuration, or baseline_start and baseline_end";
            return Err(Failure::Bad(reason.to_owned()));
        }
        // Traces are wherever they are.
        let window = if traces.is_empty() { query.window } else { Window::ALL };
        Ok(Self { traces, query: TraceQuery { window, ..query } })
    }

    fn sample(&self, context: &Context) -> Result<SpanSample, Failure> {
        if self.traces.is_empty() {
            return Ok(context.store.sample_spans(&self.query)?);
        }
        let mut sample = SpanSample::default();
        for id in &self.traces {
            let spans = context.store.trace(*id)?.into_iter().flat_map(|trace| trace.spans);
            for span in spans.filter(|span| self.has(span)) {
                sample.total += 1;
                if sample.spans.len() < self.query.limit {
                    sample.spans.push(span);
                }
            }
        }
        Ok(sample)
    }

    /// Whether a span is selected.
    fn has(&self, stored: &StoredSpan) -> bool {
        let (query, span) = (&self.query, &stored.span);
        let taken = Duration::from_nanos(span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
        (self.traces.is_empty() || self.traces.contains(&span.trace_id))
            && query.service.as_deref().is_none_or(|service| service == stored.resource.service_name())
            && query.operation.as_ref().is_none_or(|operation| *operation == span.name)
            && query.attributes.iter().all(|wanted| has(stored, wanted))
            && query.min_duration.is_none_or(|least| taken >= least)
            && query.max_duration.is_none_or(|most| taken <= most)
            && query.window.contains(span.start_time_unix_nano)
    }
}

/// As the store has it: an attribute of the span, an event, the scope or the resource, or the status for `error`.
fn has(stored: &StoredSpan, wanted: &AttributeMatch) -> bool {
    let span = &stored.span;
    let of_events = span.events.iter().flat_map(|event| &event.attributes);
    let mut all =
        span.attributes.iter().chain(of_events).chain(&stored.resource.attributes).chain(&stored.scope.attributes);
    all.any(|one| one.key == wanted.key && one.value.to_string() == wanted.value)
        || (wanted.key == "error" && wanted.value == "true" && span.status.code == StatusCode::ERROR)
}
