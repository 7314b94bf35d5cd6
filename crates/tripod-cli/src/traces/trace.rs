//! A trace as a tree: parents, depth and the critical path, out of the spans as they came, in any order and perhaps not all of them.
//!
//! Nothing here recurses, since a trace may be a chain of ten thousand spans; all is linear but for sorting siblings.

use std::collections::HashMap;

use tripod_wire::otlp::trace::StatusCode;
use tripod_wire::otlp::{AnyValue, Span as WireSpan, TracesData};
use tripod_wire::{SpanId, TraceId};

/// A span and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Span {
    pub(crate) id: SpanId,
    pub(crate) service: String,
    pub(crate) name: String,
    /// Nanoseconds since the Unix epoch.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) failed: bool,
    /// What it says of its failure.
    pub(crate) said: String,
    pub(crate) parent: Option<usize>,
    /// By their start.
    pub(crate) children: Vec<usize>,
    pub(crate) depth: usize,
    /// It names a parent that is not there.
    pub(crate) orphan: bool,
    /// It starts before its parent, which mostly is a clock that is off.
    pub(crate) skewed: bool,
    /// The parts of it that the trace's duration is made of.
    pub(crate) critical: Vec<(u64, u64)>,
}

impl Span {
    pub(crate) fn duration(&self) -> u64 {
        self.end - self.start
    }
}

/// A service's part in a trace.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) service: String,
    pub(crate) spans: usize,
    pub(crate) failed: usize,
}

/// Spans of one trace.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    /// At least one.
    pub(crate) spans: Vec<Span>,
    /// Those without a parent that is there, by their start.
    pub(crate) roots: Vec<usize>,
    /// The root one means: the one with the most below it.
    pub(crate) main: usize,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Trace {
    /// The tree of these spans; none when there are none.
    pub(crate) fn of(data: &TracesData) -> Option<Self> {
        let mut spans = Vec::new();
        let mut parents = Vec::new();
        let mut id = TraceId::NONE;
        for of_resource in &data.resource_spans {
            let service = of_resource.resource.service_name();
            for span in of_resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                id = span.trace_id;
                parents.push(span.parent_span_id);
                spans.push(read(span, service));
            }
        }
        let roots = link(&mut spans, &parents);
        let order = order(&mut spans, roots);
        let mut below = vec![0_usize; spans.len()];
        for at in order.iter().rev() {
            if let Some(parent) = spans[*at].parent {
                below[parent] += below[*at] + 1;
            }
        }
        let mut roots: Vec<usize> = order.iter().copied().filter(|at| spans[*at].parent.is_none()).collect();
        roots.sort_by_key(|at| (spans[*at].start, *at));
        // Of those with as much below them, the first.
        let main = roots.iter().copied().rev().max_by_key(|at| (!spans[*at].orphan, below[*at]))?;
        mark_critical(&mut spans, main, &order);
        let start = spans.iter().map(|span| span.start).min()?;
        let end = spans.iter().map(|span| span.end).max()?;
        Some(Self { id, spans, roots, main, start, end })
    }

    /// How many spans failed.
    pub(crate) fn failed(&self) -> usize {
        self.spans.iter().filter(|span| span.failed).count()
    }

    /// The services, the one with most spans first.
    pub(crate) fn services(&self) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for span in &self.spans {
            let at = *known.entry(&span.service).or_insert_with(|| {
                shares.push(Share { service: span.service.clone(), spans: 0, failed: 0 });
                shares.len() - 1
            });
            shares[at].spans += 1;
            shares[at].failed += usize::from(span.failed);
        }
        shares.sort_by(|a, b| b.spans.cmp(&a.spans).then_with(|| a.service.cmp(&b.service)));
        shares
    }
}

fn read(span: &WireSpan, service: &str) -> Span {
    let exception = span.events.iter().rev().find(|event| event.name == "exception");
    let text = |key: &str| {
        let attribute = exception.and_then(|event| event.attributes.iter().find(|one| one.key == key));
        match attribute.map(|one| &one.value) {
            Some(AnyValue::String(text)) => text.clone(),
            _ => String::new(),
        }
    };
    let texts = [span.status.message.clone(), text("exception.message"), text("exception.type")];
    let failed = span.status.code == StatusCode::ERROR;
    Span {
        id: span.span_id,
        service: service.to_owned(),
        name: span.name.clone(),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano.max(span.start_time_unix_nano),
        failed,
        said: if failed { texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default() } else { String::new() },
        ..Span::default()
    }
}

/// Hangs children on their parents and returns those without one.
fn link(spans: &mut [Span], parents: &[SpanId]) -> Vec<usize> {
    let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
    for (at, span) in spans.iter().enumerate() {
        by_id.entry(span.id).or_insert(at);
    }
    let mut roots = Vec::new();
    for (at, id) in parents.iter().enumerate() {
        let parent = by_id.get(id).copied().filter(|parent| id.is_valid() && *parent != at);
        if let Some(parent) = parent {
            spans[at].parent = Some(parent);
            spans[at].skewed = spans[at].start < spans[parent].start;
            spans[parent].children.push(at);
        } else {
            spans[at].orphan = id.is_valid();
            roots.push(at);
        }
    }
    let keys: Vec<(u64, u64)> = spans.iter().map(|span| (span.start, u64::MAX - span.end)).collect();
    for span in spans.iter_mut() {
        span.children.sort_by_key(|child| (keys[*child], *child));
    }
    roots.sort_by_key(|root| (keys[*root], *root));
    roots
}

/// All spans, parents before children. Spans that are each other's ancestors hang on no root: the first of them becomes one.
fn order(spans: &mut [Span], roots: Vec<usize>) -> Vec<usize> {
    let mut seen = vec![false; spans.len()];
    let mut ordered = Vec::with_capacity(spans.len());
    for root in roots.into_iter().chain(0..spans.len()) {
        if seen[root] {
            continue;
        }
        if let Some(parent) = spans[root].parent.take() {
            spans[parent].children.retain(|child| *child != root);
            spans[root].orphan = true;
        }
        let mut stack = vec![root];
        while let Some(at) = stack.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            spans[at].depth = spans[at].parent.map_or(0, |parent| spans[parent].depth + 1);
            ordered.push(at);
            stack.extend(spans[at].children.iter().rev());
        }
    }
    ordered
}

/// Walks back from the moment all was done: whoever ended last before the moment looked at was what one waited for; what lies between
/// is the parent's own time. A child counts with all below it, as work handed to a queue ends long after the span that sent it.
fn mark_critical(spans: &mut [Span], root: usize, order: &[usize]) {
    let mut ends: Vec<u64> = spans.iter().map(|span| span.end).collect();
    for at in order.iter().rev() {
        if let Some(parent) = spans[*at].parent {
            ends[parent] = ends[parent].max(ends[*at]);
        }
    }
    let mut stack = vec![root];
    while let Some(at) = stack.pop() {
        let (start, end) = (spans[at].start, spans[at].end);
        let mut own = Vec::new();
        let mut add = |from: u64, to: u64| {
            let (from, to) = (from.max(start), to.min(end));
            if to > from {
                own.push((from, to));
            }
        };
        let mut cursor = ends[at];
        let mut children = spans[at].children.clone();
        children.sort_by_key(|child| std::cmp::Reverse(ends[*child]));
        for child in children {
            let (begin, done) = (spans[child].start, ends[child]);
            if done > cursor || done <= begin || begin < start {
                continue;
            }
            add(done, cursor);
            stack.push(child);
            cursor = begin;
        }
        add(start, cursor);
        spans[at].critical = own;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use tripod_wire::otlp::trace::{Event, Status};
    use tripod_wire::otlp::{KeyValue, Resource, ResourceSpans, ScopeSpans};

    use super::*;

    /// A span as it comes: number, parent's number, start and end in milliseconds.
    pub(crate) fn span(number: u64, parent: u64, name: &str, start: u64, end: u64) -> WireSpan {
        const START: u64 = 1_795_238_947_000_000_000;
        WireSpan {
            trace_id: TraceId([7; 16]),
            span_id: SpanId(number.to_be_bytes()),
            parent_span_id: SpanId(parent.to_be_bytes()),
            name: name.to_owned(),
            start_time_unix_nano: START + start * 1_000_000,
            end_time_unix_nano: START + end * 1_000_000,
            ..WireSpan::default()
        }
    }

    pub(crate) fn failed(message: &str, span: WireSpan) -> WireSpan {
        WireSpan { status: Status { code: StatusCode::ERROR, message: message.to_owned() }, ..span }
    }

    pub(crate) fn data(services: Vec<(&str, Vec<WireSpan>)>) -> TracesData {
        let of_service = |(service, spans): (&str, Vec<WireSpan>)| ResourceSpans {
            resource: Resource { attributes: vec![KeyValue::new("service.name", service)], ..Resource::default() },
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        };
        TracesData { resource_spans: services.into_iter().map(of_service).collect() }
    }

    fn tree(spans: Vec<WireSpan>) -> Trace {
        Trace::of(&data(vec![("shop", spans)])).expect("there are spans")
    }

    #[test]
    fn children_stand_below_their_parents_by_start() {
        let trace = tree(vec![
            span(3, 1, "late", 6, 9),
            span(2, 1, "early", 1, 5),
            span(1, 0, "root", 0, 10),
            span(4, 2, "inner", 2, 3),
        ]);
        let names =
            |at: usize| trace.spans[at].children.iter().map(|child| &*trace.spans[*child].name).collect::<Vec<_>>();
        assert_eq!((trace.roots.as_slice(), trace.main, names(2)), (&[2][..], 2, vec!["early", "late"]));
        assert_eq!(trace.spans.iter().map(|span| span.depth).collect::<Vec<_>>(), [1, 1, 0, 2]);
    }

    #[test]
    fn a_span_without_its_parent_is_a_root_and_so_is_one_of_a_circle() {
        let trace =
            tree(vec![span(2, 9, "lost", 1, 2), span(3, 4, "a", 3, 4), span(4, 3, "b", 3, 4), span(5, 5, "own", 0, 1)]);
        let orphans: Vec<_> = trace.spans.iter().map(|span| span.orphan).collect();
        assert_eq!((trace.roots.len(), orphans), (3, vec![true, true, false, true]));
        assert!(Trace::of(&TracesData::default()).is_none());
    }

    #[test]
    fn the_main_root_is_the_one_with_most_below_it() {
        let trace = tree(vec![
            span(1, 0, "lone", 0, 1),
            span(2, 0, "root", 1, 9),
            span(3, 2, "child", 2, 3),
            span(4, 77, "lost", 0, 9),
            span(5, 4, "x", 1, 2),
            span(6, 4, "y", 1, 2),
        ]);
        assert_eq!(trace.spans[trace.main].name, "root");
    }

    #[test]
    fn the_critical_path_is_what_one_waited_for() {
        let trace = tree(vec![
            span(1, 0, "root", 0, 100),
            span(2, 1, "fast", 10, 30),
            span(3, 1, "slow", 12, 80),
            span(4, 3, "query", 20, 70),
        ]);
        let millis = |at: usize| {
            trace.spans[at]
                .critical
                .iter()
                .map(|(from, to)| (from / 1_000_000 % 1000, to / 1_000_000 % 1000))
                .collect::<Vec<_>>()
        };
        assert_eq!(millis(0), [(80, 100), (0, 12)]);
        assert_eq!(millis(1), []);
        assert_eq!(millis(2), [(70, 80), (12, 20)]);
        assert_eq!(millis(3), [(20, 70)]);
        let all: u64 = trace.spans.iter().flat_map(|span| &span.critical).map(|(from, to)| to - from).sum();
        assert_eq!(all, trace.end - trace.start);
    }

    #[test]
    fn a_failure_says_why() {
        let thrown = |span: WireSpan| WireSpan {
            events: vec![Event {
                name: "exception".to_owned(),
                attributes: vec![KeyValue::new("exception.message", "no rows")],
                ..Event::default()
            }],
            ..span
        };
        let trace = tree(vec![
            failed("timed out", thrown(span(1, 0, "a", 0, 1))),
            failed("", thrown(span(2, 1, "b", 0, 1))),
            thrown(span(3, 1, "c", 0, 1)),
        ]);
        let said: Vec<_> = trace.spans.iter().map(|span| (span.failed, span.said.as_str())).collect();
        assert_eq!(said, [(true, "timed out"), (true, "no rows"), (false, "")]);
        assert_eq!((trace.failed(), trace.services()[0].failed), (2, 2));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_spans_is_no_trouble() {
        let chain = (1..=100_000).map(|at| span(at, at - 1, "x", 0, 5)).collect();
        let trace = tree(chain);
        assert_eq!((trace.spans[99_999].depth, trace.roots.len()), (99_999, 1));
    }
}
