//! Traces as trees, for people: who called whom, how long it took, what failed.
//!
//! A span whose parent is not among the spans stands below a line that names the missing one: it may be open still, not sampled, or
//! recorded elsewhere.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use tripod_wire::otlp::common::find;
use tripod_wire::otlp::trace::StatusCode;
use tripod_wire::otlp::{KeyValue, Span};
use tripod_wire::{SpanId, TraceId};

use super::readable::{Paint, clean, duration, field};

/// Bit 9 of a span's flags, where bit 8 says that it is meant: the parent is in another process.
pub(crate) const REMOTE_PARENT: u32 = 0x300;

/// How a tree is shown.
#[derive(Clone, Copy)]
struct Look {
    paint: Paint,
    /// With what differs from run to run: ids and durations.
    exact: bool,
}

/// All traces among the spans, the one that began first at the top.
pub(crate) fn render(spans: &[Span], paint: Paint) -> String {
    render_all(spans, Look { paint, exact: true })
}

/// The same without ids and durations.
pub(crate) fn outline(spans: &[Span]) -> String {
    render_all(spans, Look { paint: Paint::default(), exact: false })
}

fn render_all(spans: &[Span], look: Look) -> String {
    let mut traces: HashMap<TraceId, Vec<&Span>> = HashMap::new();
    for span in spans {
        traces.entry(span.trace_id).or_default().push(span);
    }
    let mut traces: Vec<Vec<&Span>> = traces.into_values().collect();
    for trace in &mut traces {
        trace.sort_by_key(|span| (span.start_time_unix_nano, span.span_id.0));
    }
    traces.sort_by_key(|trace| trace.first().map(|span| (span.start_time_unix_nano, span.trace_id.0)));
    let trees: Vec<String> = traces.iter().map(|trace| render_trace(trace, look)).collect();
    trees.join("\n")
}

/// A line of the tree.
#[derive(Clone, Copy)]
enum Node<'a> {
    Span(&'a Span),
    /// A parent that is not among the spans.
    Missing {
        id: SpanId,
        remote: bool,
    },
}

/// A line about to be written, with what stands before it.
struct Pending<'a> {
    node: Node<'a>,
    /// What stands before the lines of its descendants, without its own branch.
    indent: String,
    place: Place,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Top,
    Middle,
    Last,
}

/// `spans` are those of one trace, by their start.
fn render_trace(spans: &[&Span], look: Look) -> String {
    let paint = look.paint;
    let known: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let mut children: HashMap<SpanId, Vec<&Span>> = HashMap::new();
    let mut tops: Vec<Node<'_>> = Vec::new();
    let mut missing: HashSet<SpanId> = HashSet::new();
    for span in spans {
        let parent = span.parent_span_id;
        if !parent.is_valid() {
            tops.push(Node::Span(span));
            continue;
        }
        if !known.contains(&parent) && missing.insert(parent) {
            tops.push(Node::Missing { id: parent, remote: span.flags & REMOTE_PARENT == REMOTE_PARENT });
        }
        children.entry(parent).or_default().push(span);
    }
    let mut out = headline(spans, look);
    // Spans may be nested without limit, so not by recursion.
    let mut pending: Vec<Pending<'_>> =
        tops.into_iter().rev().map(|node| Pending { node, indent: String::new(), place: Place::Top }).collect();
    while let Some(Pending { node, indent, place }) = pending.pop() {
        let (branch, below) = match place {
            Place::Top => ("", ""),
            Place::Middle => ("├─ ", "│  "),
            Place::Last => ("└─ ", "   "),
        };
        let _ = writeln!(out, "{}{}", paint.dim(&format!("{indent}{branch}")), line(node, look));
        let below = indent + below;
        let id = match node {
            Node::Span(span) => span.span_id,
            Node::Missing { id, .. } => id,
        };
        let own = children.remove(&id).unwrap_or_default();
        if let Node::Span(span) = node {
            let bar = if own.is_empty() { "   " } else { "│  " };
            causes(&mut out, span, &format!("{below}{bar}"), paint);
        }
        for (at, child) in own.into_iter().rev().enumerate() {
            let place = if at == 0 { Place::Last } else { Place::Middle };
            pending.push(Pending { node: Node::Span(child), indent: below.clone(), place });
        }
    }
    out
}

fn headline(spans: &[&Span], look: Look) -> String {
    let start = spans.iter().map(|span| span.start_time_unix_nano).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.end_time_unix_nano).max().unwrap_or(0);
    let errors = spans.iter().filter(|span| failed(span)).count();
    let id = spans.first().map(|span| span.trace_id.to_string()).unwrap_or_default();
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let count = plural(spans.len(), "span");
    let mut line = if look.exact {
        format!("trace {id}  {count}  {}", duration(end.saturating_sub(start)))
    } else {
        format!("trace  {count}")
    };
    if errors > 0 {
        let _ = write!(line, "  {}", look.paint.red(&plural(errors, "error")));
    }
    line + "\n"
}

fn failed(span: &Span) -> bool {
    span.status.code == StatusCode::ERROR
}

fn line(node: Node<'_>, Look { paint, exact }: Look) -> String {
    let span = match node {
        Node::Span(span) => span,
        Node::Missing { id, remote } => {
            let why = if remote { "parent in another process" } else { "parent missing" };
            return paint.dim(&if exact { format!("({why}: {id})") } else { format!("({why})") });
        }
    };
    let name = one_line(&span.name);
    let name = if failed(span) { paint.red(&name) } else { paint.bold(&name) };
    let mut line = name;
    if exact {
        let _ = write!(line, "  {}", duration(span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano)));
    }
    if failed(span) {
        let message = one_line(&span.status.message);
        let mark = if message.is_empty() { "✗".to_owned() } else { format!("✗ {message}") };
        let _ = write!(line, "  {}", paint.red(&mark));
    }
    for attribute in &span.attributes {
        let _ = write!(line, "  {}", paint.dim(&one_line(&field(attribute))));
    }
    line
}

/// The errors recorded on the span, with what caused them.
fn causes(out: &mut String, span: &Span, indent: &str, paint: Paint) {
    for event in span.events.iter().filter(|event| event.name == "exception") {
        for text in exception(&event.attributes) {
            for text in clean(&text).lines() {
                let _ = writeln!(out, "{}{}", paint.dim(indent), paint.red(text));
            }
        }
    }
}

/// An error by the semantic conventions' attributes: `type: message`, then the chain of its causes.
pub(crate) fn exception(attributes: &[KeyValue]) -> Vec<String> {
    let text = |key: &str| find(attributes, key).map(ToString::to_string).filter(|text| !text.is_empty());
    let head = match (text("exception.type"), text("exception.message")) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (kind, message) => kind.or(message),
    };
    head.into_iter().chain(text("exception.stacktrace")).collect()
}

fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}
