//! What a script expects of a query, and whether it came.

use std::sync::Arc;

use tripod_promql::notation::{Item, number, parse_items, parse_labels, quoted};
use tripod_promql::{Histogram, Labels, Output, QueryError, SampleValue, Value};

use super::script::{Eval, Times, duration};

/// What a script expects.
#[derive(Debug, Default)]
pub(crate) struct Expectation {
    fail: Option<Text>,
    warn: Vec<Text>,
    info: Vec<Text>,
    no_warn: bool,
    no_info: bool,
    ordered: bool,
    scalar: Option<f64>,
    string: Option<String>,
    /// The times of a range vector that an instant query gives.
    grid: Option<(i64, i64)>,
    series: Vec<(Labels, Vec<Item>)>,
}

/// A text that is expected.
#[derive(Debug)]
enum Text {
    Any,
    Equal(String),
    Matching(regex::Regex),
}

impl Text {
    fn parse(rest: &str) -> Result<Self, String> {
        let rest = rest.trim();
        if let Some(text) = rest.strip_prefix("msg:") {
            Ok(Self::Equal(text.trim().to_owned()))
        } else if let Some(pattern) = rest.strip_prefix("regex:") {
            regex::Regex::new(pattern.trim()).map(Self::Matching).map_err(|error| error.to_string())
        } else {
            Ok(Self::Any)
        }
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(wanted) => text == wanted || without_place(text) == wanted,
            Self::Matching(regex) => regex.is_match(text),
        }
    }
}

/// A note without the ` (line:column)` at its end, which scripts do not write.
fn without_place(note: &str) -> &str {
    let place = note.strip_suffix(')').and_then(|note| note.rsplit_once(" ("));
    match place {
        Some((text, place)) if place.chars().all(|c| c.is_ascii_digit() || c == ':') => text,
        _ => note,
    }
}

impl Expectation {
    pub(crate) fn parse(command: &str, block: &[&str], times: Times) -> Result<Self, String> {
        let mut expected = Self::default();
        match command {
            "eval_fail" => expected.fail = Some(Text::Any),
            "eval_warn" => expected.warn.push(Text::Any),
            "eval_info" => expected.info.push(Text::Any),
            "eval_ordered" => expected.ordered = true,
            _ => {}
        }
        if let Times::Range { start, step, .. } = times {
            expected.grid = Some((start, step));
        }
        for line in block {
            expected.line(line)?;
        }
        Ok(expected)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("expect ") {
            let (what, rest) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
            match what {
                "fail" => self.fail = Some(Text::parse(rest)?),
                "warn" => self.warn.push(Text::parse(rest)?),
                "info" => self.info.push(Text::parse(rest)?),
                "no_warn" => self.no_warn = true,
                "no_info" => self.no_info = true,
                "ordered" => self.ordered = true,
                "string" => self.string = Some(quoted(rest.trim())?.0),
                "range" => {
                    let words: Vec<&str> = rest.split_whitespace().collect();
                    let ["vector", "from", start, "to", _, "step", step] = words[..] else {
                        return Err(format!("cannot read {line}"));
                    };
                    self.grid = Some((duration(start)?, duration(step)?));
                }
                _ => return Err(format!("cannot read {line}")),
            }
        } else if let Some(message) = line.strip_prefix("expected_fail_message") {
            self.fail = Some(Text::Equal(message.trim().to_owned()));
        } else if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            self.fail = Some(Text::parse(&format!("regex:{pattern}"))?);
        } else if let Ok(value) = number(line) {
            self.scalar = Some(value);
        } else {
            let (labels, rest) = parse_labels(line)?;
            self.series.push((labels, parse_items(rest)?));
        }
        Ok(())
    }
}

/// Whether a query gave what its script expects; if not, why.
pub(crate) fn check(result: Result<Output, QueryError>, eval: &Eval) -> Result<(), String> {
    let expected = &eval.expectation;
    let output = match (result, &expected.fail) {
        (Ok(output), None) => output,
        (Ok(output), Some(_)) => return Err(format!("expected failure, got {:?}", output.value)),
        (Err(error), None) => return Err(error.to_string()),
        (Err(error), Some(text)) if text.accepts(&error.to_string()) => return Ok(()),
        (Err(error), Some(text)) => return Err(format!("expected failure {text:?}, got {error}")),
    };
    check_notes("warning", &output.warnings, &expected.warn, expected.no_warn)?;
    check_notes("info", &output.infos, &expected.info, expected.no_info)?;
    match &output.value {
        Value::Scalar(_, value) => match expected.scalar {
            Some(wanted) if close(wanted, *value) => Ok(()),
            wanted => Err(format!("expected scalar {wanted:?}, got {value}")),
        },
        Value::String(_, text) => match &expected.string {
            Some(wanted) if **wanted == **text => Ok(()),
            wanted => Err(format!("expected string {wanted:?}, got {text:?}")),
        },
        Value::Vector(samples) => {
            let got = samples.iter().map(|sample| (sample.labels.clone(), vec![(0, sample.value.clone())]));
            check_series(&got.collect::<Vec<_>>(), &expected.series, expected.ordered, (0, 1))
        }
        Value::Matrix(series) => {
            let got = series.iter().map(|one| {
                let floats = one.floats.iter().map(|(time, value)| (*time, SampleValue::Float(*value)));
                let histograms = one.histograms.iter().map(|(time, h)| (*time, SampleValue::Histogram(Arc::clone(h))));
                let mut samples: Vec<_> = floats.chain(histograms).collect();
                samples.sort_by_key(|(time, _)| *time);
                (one.labels.clone(), samples)
            });
            let grid = expected.grid.ok_or("range vector, but no \"expect range vector\"")?;
            check_series(&got.collect::<Vec<_>>(), &expected.series, expected.ordered, grid)
        }
    }
}

fn check_notes(kind: &str, got: &[String], wanted: &[Text], none: bool) -> Result<(), String> {
    if none && !got.is_empty() {
        return Err(format!("unexpected {kind}: {got:?}"));
    }
    for text in wanted {
        if !got.iter().any(|note| text.accepts(note)) {
            return Err(format!("expected {kind} {text:?}, got {got:?}"));
        }
    }
    let exact = wanted.iter().all(|text| !matches!(text, Text::Any)) && !wanted.is_empty();
    match got.iter().find(|note| exact && !wanted.iter().any(|text| text.accepts(note))) {
        Some(note) => Err(format!("unexpected {kind}: {note}")),
        None => Ok(()),
    }
}

type Got = (Labels, Vec<(i64, SampleValue)>);

fn check_series(got: &[Got], wanted: &[(Labels, Vec<Item>)], ordered: bool, grid: (i64, i64)) -> Result<(), String> {
    for (i, (labels, items)) in wanted.iter().enumerate() {
        let position = got.iter().position(|(other, _)| other == labels);
        let position = position.ok_or_else(|| format!("{labels} is missing; got {}", names(got)))?;
        if ordered && position != i {
            return Err(format!("{labels} stands at {position}, expected {i}"));
        }
        check_samples(&got[position].1, items, grid).map_err(|reason| format!("{labels}: {reason}"))?;
    }
    match got.iter().find(|(labels, _)| !wanted.iter().any(|(other, _)| other == labels)) {
        Some((labels, samples)) => Err(format!("unexpected {labels} {samples:?}")),
        None if got.len() != wanted.len() => Err(format!("{} series, expected {}", got.len(), wanted.len())),
        None => Ok(()),
    }
}

fn names(got: &[Got]) -> String {
    got.iter().map(|(labels, _)| labels.to_string()).collect::<Vec<_>>().join(" ")
}

fn check_samples(got: &[(i64, SampleValue)], wanted: &[Item], (start, step): (i64, i64)) -> Result<(), String> {
    let mut rest = got.iter();
    for (i, item) in wanted.iter().enumerate() {
        let time = start + step * i as i64;
        if matches!(item, Item::Nothing) {
            continue;
        }
        let Some((at, value)) = rest.next() else { return Err(format!("nothing at {time} ms, expected {item:?}")) };
        let fits = match (item, value) {
            (Item::Float(wanted), SampleValue::Float(value)) => close(*wanted, *value),
            (Item::Histogram(wanted, hinted), SampleValue::Histogram(value)) => same(wanted, value, *hinted),
            _ => false,
        };
        if *at != time || !fits {
            return Err(format!("at {at} ms {value:?}, expected at {time} ms {item:?}"));
        }
    }
    rest.next().map_or(Ok(()), |sample| Err(format!("unexpected {sample:?}")))
}

/// Equal but for rounding.
fn close(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() || a.is_infinite() || b.is_infinite() {
        return a == b || a.is_nan() && b.is_nan();
    }
    (a - b).abs() <= 1e-6 * (a.abs() + b.abs()).max(f64::MIN_POSITIVE)
}

fn same(a: &Histogram, b: &Histogram, hinted: bool) -> bool {
    let (mut a, mut b) = (trimmed(a), trimmed(b));
    let bounds = |h: &Histogram| h.custom_values.clone();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (h, values) in [(&mut a, &mut left), (&mut b, &mut right)] {
        values.extend([h.zero_threshold, h.zero_count, h.count, h.sum]);
        values.extend(h.positive.1.iter().chain(&h.negative.1));
    }
    a.schema == b.schema
        && bounds(&a) == bounds(&b)
        && (a.positive.0, a.negative.0) == (b.positive.0, b.negative.0)
        && (a.positive.1.len(), a.negative.1.len()) == (b.positive.1.len(), b.negative.1.len())
        && left.iter().zip(&right).all(|(a, b)| close(*a, *b))
        && (!hinted || a.reset_hint == b.reset_hint)
}

/// Without empty buckets at the ends.
fn trimmed(histogram: &Histogram) -> Histogram {
    let mut histogram = histogram.clone();
    for side in [&mut histogram.positive, &mut histogram.negative] {
        while side.1.last() == Some(&0.0) {
            side.1.pop();
        }
        let empty = side.1.iter().take_while(|count| **count == 0.0).count();
        side.1.drain(..empty);
        side.0 = if side.1.is_empty() { 0 } else { side.0 + empty as i32 };
    }
    histogram
}
