//! The part of a line that names a series: `name{label="value"}`, or `{"name", "label"="value"}` for names of any characters.

use std::borrow::Cow;

use super::{Label, bound, number};
use crate::WireError;
use crate::prometheus::escaping::{is_old_label, is_old_metric};
use crate::prometheus::remote_write::MetricType;

const NAME: &str = "__name__";

/// Where the name of a series ends that begins a line: behind its braces, or behind its name where it has none.
pub(super) fn end_of_metric(line: &str) -> Result<usize, String> {
    let bytes = line.as_bytes();
    let name = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')).count();
    let blank = bytes[name..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if bytes.get(name + blank) != Some(&b'{') {
        return if name == 0 { Err("a line must begin with the name of a metric".to_owned()) } else { Ok(name) };
    }
    end_of_braces(&line[name + blank..]).map(|end| name + blank + end)
}

/// Where the braces end that a text begins with.
pub(super) fn end_of_braces(text: &str) -> Result<usize, String> {
    let bytes = text.as_bytes();
    let mut quoted = false;
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Ok(at + 1),
            _ => {}
        }
        at += 1;
    }
    Err(if quoted { "a label's value has no closing quote" } else { "the labels have no closing brace" }.to_owned())
}

/// The labels of a series.
pub(super) fn of_metric(metric: &str, line: usize, kind: MetricType) -> Result<Vec<Label<'_>>, WireError> {
    let fault = |reason: String| WireError::Page { line, reason };
    let (name, braces) = metric.split_at(metric.find('{').unwrap_or(metric.len()));
    let name = name.trim_end_matches([' ', '\t']);
    let mut labels: Vec<Label<'_>> = Vec::new();
    if !name.is_empty() {
        if !is_old_metric(name) {
            return Err(fault(format!(
                "{name:?} is no name of a metric: others than letters, digits, _ and : need quotes"
            )));
        }
        labels.push((NAME.into(), name.into()));
    }
    pairs(braces, &mut labels).map_err(fault)?;
    match labels.iter().position(|(name, _)| name == NAME) {
        Some(0) => {}
        Some(at) => labels[..=at].rotate_right(1),
        None => return Err(fault("a series must have a name".to_owned())),
    }
    let bounded = match kind {
        MetricType::HISTOGRAM | MetricType::GAUGE_HISTOGRAM => "le",
        MetricType::SUMMARY => "quantile",
        _ => return Ok(labels),
    };
    for (name, value) in &mut labels {
        if name == bounded
            && let Some(parsed) = number(value)
        {
            *value = bound(parsed).into();
        }
    }
    Ok(labels)
}

/// Reads what stands in braces; a name in quotes without a value is that of the metric.
pub(super) fn pairs<'a>(braces: &'a str, labels: &mut Vec<Label<'a>>) -> Result<(), String> {
    let Some(inside) = braces.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return Ok(()) };
    let mut rest = blank(inside);
    while !rest.is_empty() {
        let (name, is_quoted, after) = name(rest)?;
        rest = blank(after);
        if let Some(after) = rest.strip_prefix('=') {
            let (value, after) =
                quoted(blank(after)).ok_or_else(|| format!("the label {name:?} has no value in quotes"))?;
            labels.push((name, value));
            rest = blank(after);
        } else if is_quoted {
            labels.push((NAME.into(), name));
        } else {
            return Err(format!("the label {name:?} has no value"));
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = blank(after),
            None if rest.is_empty() => {}
            None => return Err(format!("between labels must be a comma, not {:?}", first(rest))),
        }
    }
    Ok(())
}

fn name(text: &str) -> Result<(Cow<'_, str>, bool, &str), String> {
    if text.starts_with('"') {
        let (name, rest) = quoted(text).ok_or("a name has no closing quote")?;
        return if name.is_empty() { Err("a name must not be empty".to_owned()) } else { Ok((name, true, rest)) };
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if is_old_label(name) {
        Ok((name.into(), false, rest))
    } else {
        Err(format!("a label must have a name of letters, digits and _, or one in quotes, not {:?}", first(text)))
    }
}

/// A text in quotes, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inside = text.strip_prefix('"')?;
    let (mut at, mut escaped) = (0, false);
    loop {
        match inside.as_bytes().get(at)? {
            b'"' => break,
            b'\\' => (at, escaped) = (at + 2, true),
            _ => at += 1,
        }
    }
    let (content, rest) = (inside.get(..at)?, inside.get(at + 1..)?);
    Some((if escaped { unescape(content, true).into() } else { content.into() }, rest))
}

/// Takes escapes back: `\\`, `\n` and, where there were quotes, `\"`. Others stay as they are.
pub(super) fn unescape(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('\\') => out.push('\\'),
            Some('n') => out.push('\n'),
            Some('"') if quotes => out.push('"'),
            other => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    out
}

pub(super) fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// The beginning of a text, for errors.
pub(super) fn first(text: &str) -> String {
    text.chars().take(32).collect()
}
