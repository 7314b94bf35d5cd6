//! OpenMetrics 1.0: times in seconds, units, exemplars, and an end that says that nothing is missing.

use super::labels::{blank, end_of_braces, end_of_metric, first, pairs, unescape};
use super::text::family;
use super::{Entry, Exemplar, Form, Series, Value, number, utf8};
use crate::WireError;
use crate::prometheus::remote_write::MetricType;

const TYPES: [(&str, MetricType); 8] = [
    ("counter", MetricType::COUNTER),
    ("gauge", MetricType::GAUGE),
    ("histogram", MetricType::HISTOGRAM),
    ("gaugehistogram", MetricType::GAUGE_HISTOGRAM),
    ("summary", MetricType::SUMMARY),
    ("info", MetricType::INFO),
    ("stateset", MetricType::STATE_SET),
    ("unknown", MetricType::UNKNOWN),
];

/// Reads a page and hands over what it says.
///
/// # Errors
/// The first that `sink` has, or what is wrong with the page and in which line; a page that does not end with `# EOF` is not whole.
pub fn open_metrics<E: From<WireError>>(
    page: &[u8],
    mut sink: impl FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut kind = MetricType::UNKNOWN;
    let text = utf8(page)?;
    let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n').enumerate();
    for (at, line) in lines.by_ref() {
        let number = at + 1;
        let fault = |reason: String| E::from(WireError::Page { line: number, reason });
        if line == "# EOF" {
            return match lines.find(|(_, line)| !line.is_empty()) {
                None => Ok(()),
                Some((at, _)) => {
                    Err(E::from(WireError::Page { line: at + 1, reason: "a line behind # EOF".to_owned() }))
                }
            };
        }
        let entry = match line.strip_prefix("# ") {
            Some(rest) => about(rest),
            None => series(line, number, kind),
        };
        let entry = entry.map_err(fault)?;
        if let Entry::Kind { kind: next, .. } = &entry {
            kind = *next;
        }
        sink(entry)?;
    }
    Err(E::from(WireError::Page { line: super::lines(page), reason: "the page does not end with # EOF".to_owned() }))
}

/// A type, a unit or a help.
fn about(line: &str) -> Result<Entry<'_>, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if !matches!(word, "TYPE" | "UNIT" | "HELP") {
        return Err(format!("{:?} must be TYPE, UNIT, HELP or EOF", first(word)));
    }
    let (family, rest) = family(rest)?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match word {
        "TYPE" => {
            let kind = TYPES.iter().find(|(name, _)| *name == rest).ok_or_else(|| {
                let names = TYPES.map(|(name, _)| name).join(", ");
                format!("{:?} is no type: {names} are", first(rest))
            })?;
            Ok(Entry::Kind { family, kind: kind.1 })
        }
        "UNIT" => {
            let fits = rest.is_empty() || family.strip_suffix(rest).is_some_and(|name| name.ends_with('_'));
            if !fits {
                return Err(format!("the name {family:?} does not end with its unit {:?}", first(rest)));
            }
            Ok(Entry::Unit { family, unit: rest })
        }
        _ => {
            let help = if rest.contains('\\') { unescape(rest, true).into() } else { rest.into() };
            Ok(Entry::Help { family, help })
        }
    }
}

fn series(line: &str, number_of_line: usize, kind: MetricType) -> Result<Entry<'_>, String> {
    let (metric, rest) = line.split_at(end_of_metric(line)?);
    let (value, time, rest) = sample(rest)?;
    let exemplars = match rest.strip_prefix('#') {
        Some(rest) => vec![exemplar(blank(rest))?],
        None if rest.is_empty() => Vec::new(),
        None => return Err(format!("{:?} stands behind value and time", first(rest))),
    };
    Ok(Entry::Series(Series {
        key: metric.as_bytes(),
        form: Form::Text { metric, line: number_of_line, kind },
        value: Value::Float(value),
        time,
        exemplars,
    }))
}

/// A value, a time if there is one, and what follows.
fn sample(text: &str) -> Result<(f64, Option<i64>, &str), String> {
    let word = |text| {
        let text = blank(text);
        text.split_at(text.find([' ', '\t']).unwrap_or(text.len()))
    };
    let (value, rest) = word(text);
    if value.is_empty() {
        return Err("there must be a value".to_owned());
    }
    let value = number(value).ok_or_else(|| format!("{:?} is no number", first(value)))?;
    let rest = blank(rest);
    if rest.is_empty() || rest.starts_with('#') {
        return Ok((value, None, rest));
    }
    let (time, rest) = word(rest);
    let millis = time.parse::<f64>().ok().map(|seconds| seconds * 1000.0).filter(|millis| millis.abs() < 9.2e18);
    let millis = millis.ok_or_else(|| format!("{:?} is no time: a number of seconds is", first(time)))?;
    Ok((value, Some(millis as i64), blank(rest)))
}

fn exemplar(text: &str) -> Result<Exemplar<'_>, String> {
    if !text.starts_with('{') {
        return Err("an exemplar must begin with its labels in braces".to_owned());
    }
    let (braces, rest) = text.split_at(end_of_braces(text)?);
    let mut labels = Vec::new();
    pairs(braces, &mut labels)?;
    let (value, time, rest) = sample(rest)?;
    if rest.is_empty() { Ok(Exemplar { labels, value, time }) } else { Err("something follows an exemplar".to_owned()) }
}
