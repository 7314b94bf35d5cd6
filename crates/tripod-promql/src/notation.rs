//! The notation of series and samples in Prometheus' test scripts and unit tests of rules:
//! `name{label="value"} 0+10x5 _ stale {{schema:0 count:1}}`.

use std::sync::Arc;

use crate::{Histogram, Labels, METRIC_NAME, ResetHint, STALE_NAN};

/// Samples that one line may stand for: a year of minutes, and more.
const MAX_ITEMS: usize = 1_000_000;

/// What stands at one time.
#[derive(Debug, Clone)]
pub enum Item {
    /// `_`: no sample.
    Nothing,
    /// A number, or the staleness marker.
    Float(f64),
    /// A histogram, and whether its reset hint was written down.
    Histogram(Arc<Histogram>, bool),
}

/// A series description: labels and samples.
pub fn parse_series(line: &str) -> Result<(Labels, Vec<Item>), String> {
    let (labels, rest) = parse_labels(line)?;
    Ok((labels, parse_items(rest)?))
}

/// Labels at the start of a line, and what follows them.
pub fn parse_labels(line: &str) -> Result<(Labels, &str), String> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push((METRIC_NAME.to_owned(), name.to_owned()));
    }
    if !rest.starts_with('{') {
        return Ok((Labels::new(pairs), rest));
    }
    rest = rest[1..].trim_start();
    while !rest.starts_with('}') {
        let (name, after) = if rest.starts_with('"') || rest.starts_with('\'') {
            quoted(rest)?
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).ok_or("labels are not closed")?;
            if end == 0 {
                return Err(format!("expected the name of a label, `}}` or text in quotes: {rest}"));
            }
            (rest[..end].to_owned(), &rest[end..])
        };
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            let (value, after) = quoted(after.trim_start())?;
            pairs.push((name, value));
            rest = after.trim_start();
        } else {
            pairs.push((METRIC_NAME.to_owned(), name));
        }
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        if rest.is_empty() {
            return Err("labels are not closed".to_owned());
        }
    }
    Ok((Labels::new(pairs), &rest[1..]))
}

/// A quoted text at the start, and what follows it.
pub fn quoted(text: &str) -> Result<(String, &str), String> {
    let quote = text
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))
        .ok_or_else(|| format!("expected text: {text}"))?;
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quote != '`' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(c) => value.push(c),
                None => break,
            },
            c if c == quote => return Ok((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    Err(format!("text is not closed: {text}"))
}

/// Samples.
pub fn parse_items(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        rest = if rest.starts_with("{{") { histograms(rest, &mut items)? } else { floats(rest, &mut items)? };
        rest = rest.trim_start();
    }
    Ok(items)
}

fn floats<'a>(rest: &'a str, items: &mut Vec<Item>) -> Result<&'a str, String> {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (token, rest) = rest.split_at(end);
    let (value, times) = match token.rsplit_once('x') {
        Some((value, times)) => (value, times.parse::<usize>().map_err(|_| format!("bad repetition: {token}"))?),
        None => (token, 0),
    };
    check_room(items, times)?;
    match value {
        "_" => items.extend(std::iter::repeat_n(Item::Nothing, times.max(1))),
        "stale" => items.extend(std::iter::repeat_n(Item::Float(STALE_NAN), times + 1)),
        _ => {
            let (base, step) = base_and_step(value)?;
            // Steps add up, so that rounding is that of the scripts' own expectations.
            let mut current = base;
            for _ in 0..=times {
                items.push(Item::Float(current));
                current += step;
            }
        }
    }
    Ok(rest)
}

fn base_and_step(text: &str) -> Result<(f64, f64), String> {
    let signs =
        text.char_indices().skip(1).filter(|(at, c)| matches!(c, '+' | '-') && !text[..*at].ends_with(['e', 'E']));
    for (at, _) in signs {
        if let (Ok(base), Ok(step)) = (number(&text[..at]), number(&text[at..])) {
            return Ok((base, step));
        }
    }
    Ok((number(text)?, 0.0))
}

/// A number as in PromQL.
pub fn number(text: &str) -> Result<f64, String> {
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).map(|value| value as f64).map_err(|_| format!("not a number: {text}"));
    }
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn histograms<'a>(rest: &'a str, items: &mut Vec<Item>) -> Result<&'a str, String> {
    let (mut current, mut hinted, mut rest) = histogram(rest)?;
    let mut step = None;
    if rest.starts_with("+{{") || rest.starts_with("-{{") {
        let (mut by, by_hinted, after) = histogram(&rest[1..])?;
        if rest.starts_with('-') {
            negate(&mut by);
        }
        hinted |= by_hinted;
        step = Some(by);
        rest = after;
    }
    let mut times = 0;
    if let Some(after) = rest.strip_prefix('x') {
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        times = after[..end].parse().map_err(|_| format!("bad repetition: {after}"))?;
        rest = &after[end..];
    }
    check_room(items, times)?;
    for i in 0..=times {
        items.push(Item::Histogram(Arc::new(current.clone()), hinted));
        if let Some(step) = step.as_ref().filter(|_| i < times) {
            add(&mut current, step)?;
        }
    }
    Ok(rest)
}

fn negate(histogram: &mut Histogram) {
    for value in [&mut histogram.count, &mut histogram.sum, &mut histogram.zero_count] {
        *value = -*value;
    }
    for value in histogram.positive.1.iter_mut().chain(&mut histogram.negative.1) {
        *value = -*value;
    }
}

fn check_room(items: &[Item], times: usize) -> Result<(), String> {
    if times >= MAX_ITEMS - items.len().min(MAX_ITEMS) {
        return Err(format!("more than {MAX_ITEMS} samples in a series"));
    }
    Ok(())
}

/// Adds what a step adds; the hint that is written first stays.
fn add(to: &mut Histogram, by: &Histogram) -> Result<(), String> {
    if by.schema < to.schema {
        return Err("what is added to a histogram must have its schema or a finer one".to_owned());
    }
    let hint = to.reset_hint;
    to.add(by).map_err(|_| "exponential and custom buckets cannot be added".to_owned())?;
    to.reset_hint = hint;
    Ok(())
}

/// One `{{…}}`, whether it names a reset hint, and what follows it.
fn histogram(text: &str) -> Result<(Histogram, bool, &str), String> {
    let end = text.find("}}").ok_or("histogram is not closed")?;
    let mut rest = text[2..end].trim();
    let mut histogram = Histogram::default();
    let mut hinted = false;
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| format!("bad histogram: {rest}"))?;
        let (value, after) = if let Some(list) = after.strip_prefix('[') {
            list.split_once(']').ok_or("list is not closed")?
        } else {
            after.split_once(' ').unwrap_or((after, ""))
        };
        let list = || value.split_whitespace().map(number).collect::<Result<Vec<_>, _>>();
        match key {
            "schema" => histogram.schema = number(value)? as i32,
            "sum" => histogram.sum = number(value)?,
            "count" => histogram.count = number(value)?,
            "z_bucket" => histogram.zero_count = number(value)?,
            "z_bucket_w" => histogram.zero_threshold = number(value)?,
            "buckets" => histogram.positive.1 = list()?,
            "offset" => histogram.positive.0 = number(value)? as i32,
            "n_buckets" => histogram.negative.1 = list()?,
            "n_offset" => histogram.negative.0 = number(value)? as i32,
            "custom_values" => histogram.custom_values = list()?.into(),
            "counter_reset_hint" => {
                hinted = true;
                histogram.reset_hint = match value {
                    "gauge" => ResetHint::Gauge,
                    "reset" => ResetHint::Reset,
                    "not_reset" => ResetHint::NotReset,
                    _ => ResetHint::Unknown,
                };
            }
            _ => return Err(format!("unknown histogram field: {key}")),
        }
        rest = after.trim_start();
    }
    if !histogram.is_sound() {
        return Err(format!("a histogram can't be laid out like that: {}", &text[..end + 2]));
    }
    Ok((histogram, hinted, &text[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats_of(text: &str) -> Vec<Option<f64>> {
        let float = |item| match item {
            Item::Float(value) => Some(value),
            _ => None,
        };
        parse_items(text).unwrap().into_iter().map(float).collect()
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for line in ["{{", "up{=\"a\"}", "up{a=\"b\",,}", "up{-", "up{a=\"b\" -}"] {
            assert!(parse_series(line).unwrap_err().starts_with("expected the name of a label"), "{line}");
        }
        assert_eq!(parse_labels("up{}").unwrap().1, "");
    }

    #[test]
    fn steps_gaps_and_repetitions_are_written_out() {
        assert_eq!(
            floats_of("1+2x2 _x2 5 3-1x1 7x1"),
            [1.0, 3.0, 5.0]
                .map(Some)
                .into_iter()
                .chain([None, None])
                .chain([5.0, 3.0, 2.0, 7.0, 7.0].map(Some))
                .collect::<Vec<_>>()
        );
        assert_eq!(floats_of("stale")[0].map(f64::to_bits), Some(STALE_NAN.to_bits()));
    }

    #[test]
    fn what_would_fill_the_memory_or_can_not_be_laid_out_is_refused() {
        for text in [
            "1x1000000",
            "_x999999999999",
            "{{count:1}}x99999999",
            "{{schema:77}}",
            "{{offset:9e9 buckets:[1]}}",
            "{{",
            "1x",
        ] {
            assert!(parse_items(text).is_err(), "{text}");
        }
        assert!(parse_items("{{schema:2}}+{{schema:1}}x3").is_err());
        assert!(parse_series("a{b=\"c").is_err() && parse_labels("a{").is_err());
    }
}
