//! Prometheus' own text format, version 0.0.4, with names of any characters in quotes (1.0.0).

use super::labels::{blank, end_of_metric, first, quoted, unescape};
use super::{Entry, Form, Series, Value, number, utf8};
use crate::WireError;
use crate::prometheus::remote_write::MetricType;

/// Reads a page and hands over what it says.
///
/// # Errors
/// The first that `sink` has, or what is wrong with the page and in which line.
///
/// ```
/// use tripod_wire::prometheus::exposition::{self, Entry};
/// let mut seen = Vec::new();
/// exposition::text(b"up{job=\"a\"} 1\n", |entry| {
///     if let Entry::Series(series) = entry {
///         seen.push((series.labels()?.len(), series.value));
///     }
///     Ok::<(), tripod_wire::WireError>(())
/// })?;
/// assert_eq!(seen, [(2, exposition::Value::Float(1.0))]);
/// # Ok::<(), tripod_wire::WireError>(())
/// ```
pub fn text<E: From<WireError>>(page: &[u8], mut sink: impl FnMut(Entry<'_>) -> Result<(), E>) -> Result<(), E> {
    let mut kind = MetricType::UNKNOWN;
    for (at, line) in utf8(page)?.split('\n').enumerate() {
        let number = at + 1;
        let entry = match blank(line) {
            "" => continue,
            rest if rest.starts_with('#') => comment(&rest[1..]),
            rest => series(rest, number, kind).map(Some),
        };
        let entry = entry.map_err(|reason| WireError::Page { line: number, reason })?;
        if let Some(Entry::Kind { kind: next, .. }) = &entry {
            kind = *next;
        }
        if let Some(entry) = entry {
            sink(entry)?;
        }
    }
    Ok(())
}

/// What follows `#`: a type or a help; anything else is for people.
fn comment(text: &str) -> Result<Option<Entry<'_>>, String> {
    let rest = blank(text);
    let word = |word: &str| rest.strip_prefix(word).filter(|after| after.starts_with([' ', '\t'])).map(blank);
    if rest.len() == text.len() {
        return Ok(None);
    }
    if let Some(rest) = word("TYPE") {
        let (family, rest) = family(rest)?;
        let kind = match blank(rest).trim_end_matches([' ', '\t']) {
            "counter" => MetricType::COUNTER,
            "gauge" => MetricType::GAUGE,
            "histogram" => MetricType::HISTOGRAM,
            "summary" => MetricType::SUMMARY,
            "untyped" => MetricType::UNKNOWN,
            other => {
                let other = first(other);
                return Err(format!("{other:?} is no type: counter, gauge, histogram, summary and untyped are"));
            }
        };
        return Ok(Some(Entry::Kind { family, kind }));
    }
    let Some(rest) = word("HELP") else { return Ok(None) };
    let (family, rest) = family(rest)?;
    let help = rest.strip_prefix([' ', '\t']).unwrap_or(rest);
    let help = if help.contains('\\') { unescape(help, false).into() } else { help.into() };
    Ok(Some(Entry::Help { family, help }))
}

/// The name of a family, and what follows it.
pub(super) fn family(text: &str) -> Result<(std::borrow::Cow<'_, str>, &str), String> {
    if text.starts_with('"') {
        return quoted(text).ok_or_else(|| "the name of a family has no closing quote".to_owned());
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | ':')).unwrap_or(text.len());
    match text.split_at(end) {
        ("", rest) => Err(format!("there must be the name of a family, not {:?}", first(rest))),
        (name, rest) => Ok((name.into(), rest)),
    }
}

fn series(line: &str, number_of_line: usize, kind: MetricType) -> Result<Entry<'_>, String> {
    let (metric, rest) = line.split_at(end_of_metric(line)?);
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = words.next().ok_or("a series must have a value")?;
    let value = number(value).ok_or_else(|| format!("{:?} is no number", first(value)))?;
    let time = words.next().map(|time| {
        time.parse().map_err(|_| format!("{:?} is no time: a whole number of milliseconds is", first(time)))
    });
    if let Some(further) = words.next() {
        return Err(format!("{:?} stands behind value and time", first(further)));
    }
    Ok(Entry::Series(Series {
        key: metric.as_bytes(),
        form: Form::Text { metric, line: number_of_line, kind },
        value: Value::Float(value),
        time: time.transpose()?,
        exemplars: Vec::new(),
    }))
}
