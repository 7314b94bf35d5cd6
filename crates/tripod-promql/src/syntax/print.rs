//! A tree as text: on one line, or over several where it is longer than a line is wide.

use std::fmt::{self, Write as _};

use super::{Duration, MatchingNode, Node, NodeKind, SelectorNode, ShiftNode};
use crate::ast::{At, Cardinality};
use crate::format::{format_duration, format_float, quote, quote_bytes};
use crate::labels::{METRIC_NAME, is_plain_label_name, is_plain_metric_name};
use crate::{MatchOp, Matcher};

/// Longer expressions are split, in characters of their text on one line.
const WIDTH: usize = 100;

/// The query over as many lines as it needs.
pub(crate) fn pretty(node: &Node) -> String {
    laid_out(node, 0)
}

fn laid_out(node: &Node, level: usize) -> String {
    let indent = "  ".repeat(level);
    let line = node.to_string();
    if line.len() <= WIDTH {
        // A subquery stands where its parent put it.
        let bare = matches!(node.kind, NodeKind::Subquery { .. });
        return if bare { line } else { format!("{indent}{line}") };
    }
    match &node.kind {
        NodeKind::Aggregate { param, expr, .. } => {
            let param = param.as_ref().map(|param| format!("{},\n", laid_out(param, level + 1))).unwrap_or_default();
            let (head, inner) = (aggregate_head(node), laid_out(expr, level + 1));
            format!("{indent}{head}(\n{param}{inner}\n{indent})")
        }
        NodeKind::Binary { op, left, right, matching, .. } => {
            let (left, right) = (laid_out(left, level + 1), laid_out(right, level + 1));
            format!("{left}\n{indent}{}{matching}\n{right}", op.symbol())
        }
        NodeKind::Call { function, args } => {
            let args: Vec<_> = args.iter().map(|arg| laid_out(arg, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", function.name, args.join(",\n"))
        }
        NodeKind::Paren(inner) => format!("{indent}(\n{}\n{indent})", laid_out(inner, level + 1)),
        NodeKind::Subquery { expr, range, step, shift } => {
            format!("{}{}", laid_out(expr, level), subquery_suffix(range, step.as_deref(), shift))
        }
        NodeKind::Unary { negative, expr } => {
            format!("{indent}{}{}", if *negative { '-' } else { '+' }, laid_out(expr, level).trim())
        }
        _ => format!("{indent}{line}"),
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Number { value, as_duration: true } => {
                f.write_str(&format_duration((value * 1000.0).round() as i64))
            }
            NodeKind::Number { value, .. } => f.write_str(&format_float(*value)),
            NodeKind::Text(bytes) => f.write_str(&quote_bytes(bytes)),
            NodeKind::Paren(inner) => write!(f, "({inner})"),
            NodeKind::Unary { negative, expr } => write!(f, "{}{expr}", if *negative { '-' } else { '+' }),
            NodeKind::Vector(selector) => {
                write!(f, "{}{}{}", named(selector), extended(selector), selector.shift)
            }
            NodeKind::Matrix { selector, range } => {
                write!(f, "{}[{}]{}{}", named(selector), length(range), extended(selector), selector.shift)
            }
            NodeKind::Subquery { expr, range, step, shift } => {
                write!(f, "{expr}{}", subquery_suffix(range, step.as_deref(), shift))
            }
            NodeKind::Call { function, args } => write!(f, "{}({})", function.name, joined(args, ", ")),
            NodeKind::Aggregate { param, expr, .. } => {
                let param = param.as_ref().map(|param| format!("{param}, ")).unwrap_or_default();
                write!(f, "{}({param}{expr})", aggregate_head(self))
            }
            NodeKind::Binary { op, left, right, matching, .. } => {
                write!(f, "{left} {}{matching} {right}", op.symbol())
            }
        }
    }
}

impl fmt::Display for ShiftNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            None => {}
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            Some(At::Time(time)) => write!(f, " @ {:.3}", time as f64 / 1000.0)?,
        }
        match &self.offset {
            None => Ok(()),
            Some(offset) => match offset.constant().map(|seconds| (seconds * 1000.0).round() as i64) {
                Some(0) => Ok(()),
                Some(milliseconds) => write!(f, " offset {}", format_duration(milliseconds)),
                None => write!(f, " offset {offset}"),
            },
        }
    }
}

impl fmt::Display for MatchingNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.return_bool {
            f.write_str(" bool")?;
        }
        if !self.labels.is_empty() || self.on == Some(true) || self.cardinality != Cardinality::OneToOne {
            let keyword = if self.on == Some(true) { "on" } else { "ignoring" };
            write!(f, " {keyword} ({})", label_list(&self.labels))?;
        }
        match self.cardinality {
            Cardinality::OneToOne => {}
            Cardinality::ManyToOne => write!(f, " group_left ({})", label_list(&self.include))?,
            Cardinality::OneToMany => write!(f, " group_right ({})", label_list(&self.include))?,
        }
        let (left, right) = (self.fill_left, self.fill_right);
        if let (Some(left), Some(right)) = (left, right)
            && left.to_bits() == right.to_bits()
        {
            return write!(f, " fill ({})", format_float(left));
        }
        left.map_or(Ok(()), |value| write!(f, " fill_left ({})", format_float(value)))?;
        right.map_or(Ok(()), |value| write!(f, " fill_right ({})", format_float(value)))
    }
}

fn aggregate_head(node: &Node) -> String {
    let NodeKind::Aggregate { op, without, grouping, .. } = &node.kind else { return String::new() };
    match (without, grouping.is_empty()) {
        (true, _) => format!("{} without ({}) ", op.name(), label_list(grouping)),
        (false, false) => format!("{} by ({}) ", op.name(), label_list(grouping)),
        (false, true) => op.name().to_owned(),
    }
}

fn subquery_suffix(range: &Duration, step: Option<&Duration>, shift: &ShiftNode) -> String {
    let step = step.map(length).unwrap_or_default();
    format!("[{}:{step}]{shift}", length(range))
}

/// Plain numbers as durations, too.
fn length(duration: &Duration) -> String {
    duration
        .constant()
        .map_or_else(|| duration.to_string(), |seconds| format_duration((seconds * 1000.0).round() as i64))
}

fn extended(selector: &SelectorNode) -> String {
    selector.extended.map(|extended| format!(" {}", extended.name())).unwrap_or_default()
}

fn named(selector: &SelectorNode) -> String {
    let is_name = |matcher: &Matcher| {
        matcher.name == METRIC_NAME
            && matcher.op == MatchOp::Equal
            && matcher.value == selector.name
            && !matcher.value.is_empty()
    };
    let mut conditions: Vec<String> =
        selector.matchers.iter().filter(|matcher| !is_name(matcher)).map(condition).collect();
    conditions.sort();
    let mut text = selector.name.clone();
    if !conditions.is_empty() {
        let _ = write!(text, "{{{}}}", conditions.join(","));
    }
    text
}

fn condition(matcher: &Matcher) -> String {
    let Matcher { name, op, value } = matcher;
    let name = if is_plain_label_name(name) { name.clone() } else { quote(name) };
    format!("{name}{}{}", op.symbol(), quote(value))
}

fn label_list(labels: &[String]) -> String {
    let shown = |label: &String| if is_plain_metric_name(label) { label.clone() } else { quote(label) };
    labels.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn joined(nodes: &[Node], separator: &str) -> String {
    nodes.iter().map(Node::to_string).collect::<Vec<_>>().join(separator)
}
