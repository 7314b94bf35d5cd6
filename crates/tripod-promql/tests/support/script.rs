//! Prometheus' test scripts: parsing and running them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tripod_promql::notation::{Item, number, parse_series};
use tripod_promql::{CUSTOM_BUCKETS, Engine, Histogram, Labels, METRIC_NAME, Memory, ResetHint, Series, is_stale};

use super::check::{Expectation, check};

/// How a script went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) total: usize,
    /// Line and reason.
    pub(crate) failures: Vec<String>,
}

/// One `eval`.
#[derive(Debug)]
pub(crate) struct Eval {
    pub(crate) query: String,
    pub(crate) times: Times,
    pub(crate) expectation: Expectation,
}

/// When it is evaluated, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// Runs a script file.
pub(crate) fn run_file(path: &Path) -> Outcome {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    run(&name, &String::from_utf8_lossy(&bytes))
}

/// Runs a script.
pub(crate) fn run(name: &str, text: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let mut memory = Memory::default();
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut at = 0;
    while at < lines.len() {
        let (line, number) = (lines[at], at + 1);
        at += 1;
        if line.is_empty() {
            continue;
        }
        let first = at;
        while at < lines.len() && !lines[at].is_empty() {
            at += 1;
        }
        let block = &lines[first..at];
        let result = match line.split_whitespace().next().unwrap_or("") {
            "clear" => {
                memory = Memory::default();
                at = first;
                Ok(())
            }
            "load" => load(&mut memory, line, block, false),
            "load_with_nhcb" => load(&mut memory, line, block, true),
            command if command.starts_with("eval") => {
                outcome.total += 1;
                let result = parse_eval(line, block).and_then(|eval| evaluate(&memory, &eval));
                outcome.passed += usize::from(result.is_ok());
                result
            }
            other => Err(format!("unknown command {other}")),
        };
        if let Err(reason) = result {
            outcome.failures.push(format!("{name}:{number}: {line}: {reason}"));
        }
    }
    outcome
}

fn load(memory: &mut Memory, line: &str, block: &[&str], custom_buckets: bool) -> Result<(), String> {
    let step = duration(line.split_whitespace().nth(1).ok_or("load needs a step")?)?;
    let mut all = Vec::new();
    for line in block {
        let (labels, items) = parse_series(line)?;
        let mut series = Series { labels, floats: Vec::new(), histograms: Vec::new() };
        for (i, item) in items.into_iter().enumerate() {
            let time = step * i as i64;
            match item {
                Item::Nothing => {}
                Item::Float(value) => series.floats.push((time, value)),
                Item::Histogram(histogram, _) => series.histograms.push((time, histogram)),
            }
        }
        hint_resets(&mut series.histograms);
        all.push(series);
    }
    if custom_buckets {
        native_from_classic(&all).into_iter().for_each(|series| memory.add(series));
    }
    all.into_iter().for_each(|series| memory.add(series));
    Ok(())
}

/// What Prometheus' storage tells of counter resets where nothing is written down: within a chunk there is none, and a reset starts
/// a new one.
fn hint_resets(histograms: &mut [(i64, Arc<Histogram>)]) {
    let mut before: Option<Arc<Histogram>> = None;
    for (_, histogram) in histograms {
        let unhinted = Arc::clone(histogram);
        if let Some(before) = before.filter(|before| before.reset_hint == ResetHint::Unknown)
            && histogram.reset_hint == ResetHint::Unknown
            && !unhinted.is_reset_since(&before)
            && before.schema == unhinted.schema
            && !is_stale(unhinted.sum)
        {
            Arc::make_mut(histogram).reset_hint = ResetHint::NotReset;
        }
        before = Some(unhinted);
    }
}

/// One native histogram with custom buckets for each classic one.
fn native_from_classic(all: &[Series]) -> Vec<Series> {
    type Bounds = BTreeMap<u64, (f64, f64)>;
    let mut families: BTreeMap<(Labels, i64), (Bounds, f64)> = BTreeMap::new();
    for series in all {
        let name = series.labels.name();
        let family = |suffix: &str| Some(series.labels.with(METRIC_NAME, name.strip_suffix(suffix)?).with("le", ""));
        if let Some(labels) = family("_bucket") {
            let bound = number(series.labels.get("le").trim_start_matches('+')).unwrap_or(f64::NAN);
            for (time, value) in &series.floats {
                // Ordered as numbers: the bits of the sign are flipped.
                let order = if bound < 0.0 { !bound.to_bits() } else { bound.to_bits() | 1 << 63 };
                families.entry((labels.clone(), *time)).or_default().0.insert(order, (bound, *value));
            }
        } else if let Some(labels) = family("_sum") {
            for (time, value) in &series.floats {
                families.entry((labels.clone(), *time)).or_default().1 = *value;
            }
        }
    }
    let natives =
        families.into_iter().filter(|(_, (bounds, _))| !bounds.is_empty()).map(|((labels, time), (bounds, sum))| {
            let mut below = 0.0;
            let counts =
                bounds.values().map(|(_, cumulated)| cumulated - std::mem::replace(&mut below, *cumulated)).collect();
            let count = bounds.values().last().map_or(0.0, |(_, cumulated)| *cumulated);
            let custom_values = bounds.values().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).collect();
            let histogram = Histogram {
                schema: CUSTOM_BUCKETS,
                count,
                sum,
                positive: (0, counts),
                custom_values,
                ..Histogram::default()
            };
            Series { labels, floats: Vec::new(), histograms: vec![(time, Arc::new(histogram))] }
        });
    natives.collect()
}

fn parse_eval(line: &str, block: &[&str]) -> Result<Eval, String> {
    let (command, rest) = line.split_once(char::is_whitespace).ok_or("eval needs a kind")?;
    let (kind, rest) = rest.trim_start().split_once(char::is_whitespace).ok_or("eval needs a time")?;
    let mut rest = rest.trim_start();
    let times = if kind == "instant" {
        Times::Instant(keyword(&mut rest, "at")?)
    } else {
        let (start, end) = (keyword(&mut rest, "from")?, keyword(&mut rest, "to")?);
        Times::Range { start, end, step: keyword(&mut rest, "step")? }
    };
    let expectation = Expectation::parse(command, block, times)?;
    Ok(Eval { query: rest.to_owned(), times, expectation })
}

fn keyword(rest: &mut &str, name: &str) -> Result<i64, String> {
    let mut words = rest.splitn(3, char::is_whitespace);
    if words.next() != Some(name) {
        return Err(format!("expected {name:?}: {rest}"));
    }
    let value = duration(words.next().unwrap_or(""))?;
    *rest = words.next().unwrap_or("").trim_start();
    Ok(value)
}

/// Milliseconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    if let Some(positive) = text.strip_prefix('-') {
        return duration(positive).map(|value| -value);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0).round() as i64);
    }
    let mut total = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| format!("bad duration {text}"))?;
        let after = &rest[digits..];
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let factor = match &after[..unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return Err(format!("bad duration {text}")),
        };
        total += rest[..digits].parse::<i64>().map_err(|_| format!("bad duration {text}"))? * factor;
        rest = &after[unit..];
    }
    Ok(total)
}

fn evaluate(memory: &Memory, eval: &Eval) -> Result<(), String> {
    let engine = Engine { delayed_name_removal: true, ..Engine::default() };
    let result = match eval.times {
        Times::Instant(time) => engine.instant(memory, &eval.query, time),
        Times::Range { start, end, step } => engine.range(memory, &eval.query, start, end, step),
    };
    check(result, eval)
}
