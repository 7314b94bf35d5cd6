//! A trace as a tree: a line a span, with its duration and a bar that shows when it was at work; what it said of its failure, and
//! what was logged meanwhile, below it.
//!
//! Nothing recurses and a line is made from a bounded part of its ancestors, so that a chain of 100,000 spans is linear.

use std::collections::HashMap;

use tripod_wire::SpanId;

use super::style::{Painter, Style};
use super::text::{cut, fill, plain, width};
use super::units;
use crate::traces::trace::{Span, Trace};

/// Levels that are drawn; of what is deeper, the number.
const LEVELS: usize = 24;
/// Columns of the longest duration, and the gaps around it.
const DURATION: usize = 7;
const GAPS: usize = 4;
const LEAST_BAR: usize = 12;
const BAR_IN_A_PIPE: usize = 40;

/// A line that was logged during a span.
pub(crate) struct LogLine {
    pub(crate) span: SpanId,
    pub(crate) time: u64,
    pub(crate) severity: String,
    pub(crate) severity_number: i64,
    pub(crate) text: String,
}

/// A text in pieces of a style each.
type Pieces<'a> = Vec<(Style, std::borrow::Cow<'a, str>)>;

enum Item {
    Span(usize),
    Log(usize),
}

/// Draws it in lines of at most so many columns.
pub(crate) fn tree(trace: &Trace, logs: &[LogLine], limit: Option<usize>, painter: Painter) -> String {
    let colors: HashMap<String, usize> =
        trace.services().into_iter().enumerate().map(|(at, share)| (share.service, at)).collect();
    let mut by_span: HashMap<SpanId, Vec<usize>> = HashMap::new();
    for (at, log) in logs.iter().enumerate() {
        by_span.entry(log.span).or_default().push(at);
    }
    let widest = trace.spans.iter().map(label_width).max().unwrap_or(0);
    let bar = match limit {
        None => BAR_IN_A_PIPE,
        Some(limit) => limit.saturating_sub(widest + DURATION + GAPS).max(limit * 3 / 10).max(LEAST_BAR),
    };
    let label = limit.map_or(widest, |limit| limit.saturating_sub(bar + DURATION + GAPS));
    let draw = Draw { trace, logs, colors, label, bar, limit: limit.unwrap_or(usize::MAX), painter };
    draw.all(by_span)
}

struct Draw<'a> {
    trace: &'a Trace,
    logs: &'a [LogLine],
    colors: HashMap<String, usize>,
    label: usize,
    bar: usize,
    limit: usize,
    painter: Painter,
}

impl Draw<'_> {
    fn all(&self, mut by_span: HashMap<SpanId, Vec<usize>>) -> String {
        let mut out = self.scale();
        // By depth, whether more of that depth follow under the same parent.
        let mut more: Vec<bool> = Vec::new();
        let mut stack: Vec<(Item, usize, bool)> =
            self.trace.roots.iter().rev().map(|root| (Item::Span(*root), 0, false)).collect();
        while let Some((item, depth, follows)) = stack.pop() {
            more.resize(depth + 1, false);
            more[depth] = follows;
            match item {
                Item::Log(at) => self.log(&mut out, &more, &self.logs[at]),
                Item::Span(at) => {
                    let span = &self.trace.spans[at];
                    self.span(&mut out, &more, span);
                    let mut items: Vec<Item> = span.children.iter().copied().map(Item::Span).collect();
                    // Spans may share an id; what was logged is shown once.
                    items.extend(by_span.remove(&span.id).unwrap_or_default().into_iter().map(Item::Log));
                    items.sort_by_key(|item| self.time(item));
                    let mut spans_follow = false;
                    for item in items.into_iter().rev() {
                        let is_span = matches!(item, Item::Span(_));
                        stack.push((item, depth + 1, spans_follow));
                        spans_follow |= is_span;
                    }
                    if !span.said.is_empty() {
                        more.push(!span.children.is_empty());
                        let said: Pieces<'_> = vec![(Style::Bad, plain(&span.said))];
                        self.note(&mut out, &more, said);
                    }
                }
            }
        }
        self.elsewhere(&mut out, by_span);
        out
    }

    fn time(&self, item: &Item) -> u64 {
        match item {
            Item::Span(at) => self.trace.spans[*at].start,
            Item::Log(at) => self.logs[*at].time,
        }
    }

    /// What was logged outside the spans that are there.
    fn elsewhere(&self, out: &mut String, by_span: HashMap<SpanId, Vec<usize>>) {
        let mut rest: Vec<usize> = by_span.into_values().flatten().collect();
        if rest.is_empty() {
            return;
        }
        rest.sort_by_key(|at| self.logs[*at].time);
        *out += &self.painter.paint(Style::Dim, "logged outside these spans");
        out.push('\n');
        for at in rest {
            self.log(out, &[false, false], &self.logs[at]);
        }
    }

    /// Above the bars: when they begin, and when the last ends.
    fn scale(&self) -> String {
        let total = units::duration(self.trace.end - self.trace.start);
        let half = units::duration((self.trace.end - self.trace.start) / 2);
        let mut line = String::from("0");
        if self.bar >= 30 {
            let at = (self.bar / 2).saturating_sub(width(&half) / 2);
            line = format!("{line}{}{half}", " ".repeat(at.saturating_sub(1)));
        }
        line += &" ".repeat(self.bar.saturating_sub(width(&line) + width(&total)).max(1));
        line += &total;
        let before = " ".repeat(self.label + DURATION + GAPS);
        before + &self.painter.paint(Style::Dim, &line) + "\n"
    }

    fn span(&self, out: &mut String, more: &[bool], span: &Span) {
        let color = Style::Nth(self.colors.get(&span.service).copied().unwrap_or(0));
        let mut label: Pieces<'_> = vec![(Style::Dim, branches(more, true).into())];
        if span.failed {
            label.push((Style::Bad, "✗ ".into()));
        }
        label.push((color, plain(&span.service)));
        label.push((if span.failed { Style::Bad } else { Style::Plain }, format!(" {}", plain(&span.name)).into()));
        label.push((Style::Dim, remark(span).into()));
        let (text, columns) = self.cut(label, self.label);
        let duration = units::duration(span.duration());
        *out += &text;
        *out += &" ".repeat(self.label.saturating_sub(columns) + GAPS / 2);
        *out += &fill(&duration, DURATION);
        *out += &duration;
        *out += "  ";
        let (before, bar) = self.bar(span);
        *out += &before;
        *out += &self.painter.paint(if span.failed { Style::Bad } else { color }, &bar);
        out.push('\n');
    }

    /// When a span was at work, in half columns: heavy where it is on the critical path.
    fn bar(&self, span: &Span) -> (String, String) {
        let total = (self.trace.end - self.trace.start).max(1);
        let halves = self.bar as u128 * 2;
        let half = |time: u64| u128::from(time - self.trace.start) * halves / u128::from(total);
        let first = half(span.start).min(halves - 1) as usize;
        let last = (half(span.end).min(halves) as usize).max(first + 1);
        let critical = |at: usize| {
            let edge = |at: usize| self.trace.start + (u128::from(total) * at as u128 / self.bar as u128) as u64;
            let (from, to) = (edge(at), edge(at + 1).max(edge(at) + 1));
            span.critical.iter().any(|(start, end)| *start < to && *end > from)
        };
        let letters = (first / 2..last.div_ceil(2)).map(|at| {
            let (left, right) = (at * 2 >= first, at * 2 + 1 < last);
            match (critical(at), left, right) {
                (true, true, true) => '━',
                (true, true, false) => '╸',
                (true, false, _) => '╺',
                (false, true, true) => '─',
                (false, true, false) => '╴',
                (false, false, _) => '╶',
            }
        });
        (" ".repeat(first / 2), letters.collect())
    }

    fn log(&self, out: &mut String, more: &[bool], log: &LogLine) {
        let offset = match log.time.checked_sub(self.trace.start) {
            Some(after) => format!("+{}", units::duration(after)),
            None => format!("-{}", units::duration(self.trace.start - log.time)),
        };
        let pieces = vec![
            (Style::Dim, format!("{offset} ").into()),
            (Style::of_severity(log.severity_number), format!("{} ", plain(&log.severity)).into()),
            (Style::Plain, plain(&log.text)),
        ];
        self.note(out, more, pieces);
    }

    /// A line that is no span's own.
    fn note(&self, out: &mut String, more: &[bool], pieces: Pieces<'_>) {
        let mut line: Pieces<'_> = vec![(Style::Dim, branches(more, false).into())];
        line.extend(pieces);
        *out += &self.cut(line, self.limit).0;
        out.push('\n');
    }

    /// Pieces within so many columns, and how many they take.
    fn cut(&self, pieces: Pieces<'_>, columns: usize) -> (String, usize) {
        let all: usize = pieces.iter().map(|(_, text)| width(text)).sum();
        let (mut out, mut taken) = (String::new(), 0);
        // The last column is for the sign that something is missing.
        let room = if all > columns { columns.saturating_sub(1) } else { columns };
        for (style, text) in pieces {
            let left = room.saturating_sub(taken);
            if width(&text) <= left {
                taken += width(&text);
                out += &self.painter.paint(style, &text);
                continue;
            }
            // With a column more, in which `cut` writes its sign.
            let part = cut(&text, left + 1);
            taken += width(&part);
            out += &self.painter.paint(style, &part);
            break;
        }
        (out, taken)
    }
}

/// The lines of a tree before what stands at the last of these depths.
fn branches(more: &[bool], is_span: bool) -> String {
    // What has no parent has nothing before it.
    let Some((last, above)) = more.get(1..).and_then(|below| below.split_last()) else { return String::new() };
    let skipped = above.len().saturating_sub(LEVELS);
    let mut out = if skipped > 0 { format!("⋯{skipped} ") } else { String::new() };
    for follows in &above[skipped..] {
        out += if *follows { "│  " } else { "   " };
    }
    out + match (is_span, last) {
        (true, true) => "├─ ",
        (true, false) => "└─ ",
        (false, true) => "│  ",
        (false, false) => "   ",
    }
}

fn remark(span: &Span) -> &'static str {
    match span {
        Span { orphan: true, .. } => " (its parent is missing)",
        Span { skewed: true, .. } => " (starts before its parent)",
        _ => "",
    }
}

fn label_width(span: &Span) -> usize {
    let levels = span.depth.min(LEVELS + 1) * 3 + if span.depth > LEVELS + 1 { 8 } else { 0 };
    let texts = width(&plain(&span.service)) + 1 + width(&plain(&span.name)) + width(remark(span));
    levels + texts + if span.failed { 2 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::trace::tests::{data, failed, span};

    fn trace() -> Trace {
        let gateway = vec![span(1, 0, "POST /orders", 0, 420)];
        let shop = vec![
            span(2, 1, "place order", 12, 400),
            span(3, 2, "check stock", 20, 60),
            failed("duplicate key value\nin \x1b[31morders", span(4, 2, "INSERT orders", 80, 390)),
            span(5, 4, "wait for lock", 85, 380),
        ];
        let mail = vec![span(6, 2, "注文確認メールを送る", 61, 300), span(7, 99, "render", 70, 71)];
        Trace::of(&data(vec![("gateway", gateway), ("shop", shop), ("mail", mail)])).expect("there are spans")
    }

    fn logs(trace: &Trace) -> Vec<LogLine> {
        let line = |span: u64, millis: u64, severity: &str, number, text: &str| LogLine {
            span: SpanId(span.to_be_bytes()),
            time: trace.start + millis * 1_000_000,
            severity: severity.to_owned(),
            severity_number: number,
            text: text.to_owned(),
        };
        vec![
            line(2, 15, "INFO", 9, "order received id=4711"),
            line(2, 62, "INFO", 9, "stock is there"),
            line(4, 389, "ERROR", 17, "insert failed\tconstraint=orders_pkey"),
            line(0, 5, "DEBUG", 5, "about the trace alone"),
        ]
    }

    #[test]
    fn a_trace_is_drawn_at_any_width() {
        let trace = trace();
        insta::assert_snapshot!("a_trace_in_a_pipe", tree(&trace, &[], None, Painter(false)));
        for columns in [120, 80, 50] {
            let text = tree(&trace, &logs(&trace), Some(columns), Painter(false));
            assert!(text.lines().all(|line| width(line) <= columns), "{text}");
            insta::assert_snapshot!(format!("a_trace_of_{columns}_columns"), text);
        }
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        let trace = trace();
        let colored = tree(&trace, &logs(&trace), Some(80), Painter(true));
        let mut bare = String::new();
        let mut parts = colored.split('\x1b');
        bare += parts.next().unwrap_or_default();
        parts.for_each(|part| bare += part.split_once('m').map_or("", |(_, text)| text));
        assert_eq!(bare, tree(&trace, &logs(&trace), Some(80), Painter(false)));
        assert!(colored.contains("\x1b[31m✗ "), "{colored}");
    }

    #[test]
    fn a_deep_chain_is_numbered() {
        let chain = (1..=20_000).map(|at| span(at, at - 1, "step", 0, 5)).collect();
        let trace = Trace::of(&data(vec![("a", chain)])).expect("there are spans");
        let text = tree(&trace, &[], Some(100), Painter(false));
        assert!(text.lines().all(|line| width(line) <= 100));
        let last = text.lines().last().unwrap_or_default();
        assert!(last.starts_with("⋯19974 "), "{last}");
    }
}
