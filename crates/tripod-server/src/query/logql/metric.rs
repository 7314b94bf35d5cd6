//! Metrics of lines. The range aggregations are read and evaluated here; what is around them stays text, in which each stands as a
//! selector of its own (`{__range_aggregation__="0"}`) for the PromQL engine.

mod text;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{ERROR, Entry};
use super::filter::Unit;
use super::lexer::Cursor;
use super::parse::{read_selector, read_stages};
use super::stages::{self, Stage};
use super::{Lines, ParseError};

pub(crate) use self::text::LEAF;
pub(super) use self::text::read;
pub(crate) use self::windows::{Grid, Series};

use self::windows::Windows;

/// A metric of lines.
#[derive(Debug, Clone)]
pub(crate) struct Metric {
    /// PromQL, with a selector of the label [`LEAF`] for each range aggregation.
    pub(crate) text: String,
    /// The range aggregations, by number.
    pub(crate) leaves: Vec<RangeAggregation>,
}

/// A range aggregation.
#[derive(Debug, Clone)]
pub(crate) struct RangeAggregation {
    pub(crate) function: Function,
    pub(crate) lines: Lines,
    unwrap: Option<Unwrap>,
    /// Milliseconds before each step that are looked at.
    pub(crate) range: i64,
    /// Milliseconds that it looks further back.
    pub(crate) offset: i64,
    /// By which labels series are told apart.
    pub(crate) grouping: Grouping,
}

/// What makes a line a number.
#[derive(Debug, Clone)]
struct Unwrap {
    label: String,
    unit: Unit,
    /// Stages after it, which filter.
    stages: Vec<Stage>,
}

/// By which labels series are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    By(Vec<String>),
    Without(Vec<String>),
}

/// What is done with the lines, or numbers, of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Function {
    Count,
    Rate,
    Bytes,
    BytesRate,
    Absent,
    Sum,
    Average,
    Min,
    Max,
    First,
    Last,
    StandardDeviation,
    StandardVariance,
    Quantile(f64),
    RateCounter,
}

/// The functions, by name: how they are without and with `unwrap`.
const FUNCTIONS: &[(&str, Option<Function>, Option<Function>)] = &[
    ("count_over_time", Some(Function::Count), Some(Function::Count)),
    // Of numbers, their sum a second.
    ("rate", Some(Function::Rate), Some(Function::Rate)),
    ("bytes_over_time", Some(Function::Bytes), None),
    ("bytes_rate", Some(Function::BytesRate), None),
    ("absent_over_time", Some(Function::Absent), Some(Function::Absent)),
    ("sum_over_time", None, Some(Function::Sum)),
    ("avg_over_time", None, Some(Function::Average)),
    ("min_over_time", None, Some(Function::Min)),
    ("max_over_time", None, Some(Function::Max)),
    ("first_over_time", None, Some(Function::First)),
    ("last_over_time", None, Some(Function::Last)),
    ("stddev_over_time", None, Some(Function::StandardDeviation)),
    ("stdvar_over_time", None, Some(Function::StandardVariance)),
    ("quantile_over_time", None, Some(Function::Quantile(0.0))),
    ("rate_counter", None, Some(Function::RateCounter)),
];

impl RangeAggregation {
    /// Reads what follows the name of a range aggregation.
    fn read(name: &str, cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let start = cursor.offset();
        cursor.expect("(")?;
        let parameter = if name == "quantile_over_time" { Some(read_quantile(cursor)?) } else { None };
        let matchers = read_selector(cursor)?;
        let mut range = read_range(cursor)?;
        let stages = read_stages(cursor)?;
        let unwrap = read_unwrap(cursor)?;
        if range.is_none() {
            range = read_range(cursor)?;
        }
        let Some(range) = range else { return Err(cursor.unexpected("a range like [5m]")) };
        let offset = read_offset(cursor)?;
        cursor.expect(")")?;
        let function = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        let Some((_, plain, unwrapped)) = function else {
            return Err(cursor.error_at(start, format!("there is no range aggregation {name}")));
        };
        let function = match (if unwrap.is_some() { *unwrapped } else { *plain }, parameter) {
            (Some(Function::Quantile(_)), Some(quantile)) => Function::Quantile(quantile),
            (Some(function), _) => function,
            (None, _) if unwrap.is_some() => {
                return Err(cursor.error_at(start, format!("{name} counts lines and takes no | unwrap")));
            }
            (None, _) => {
                let reason = format!("{name} needs numbers: add | unwrap and the name of a label before the range");
                return Err(cursor.error_at(start, reason));
            }
        };
        let grouping = read_grouping(cursor)?.unwrap_or(Grouping::Without(Vec::new()));
        Ok(Self { function, lines: Lines { matchers, stages }, unwrap, range, offset, grouping })
    }

    /// Whether lines become numbers by a label.
    pub(crate) fn is_unwrapped(&self) -> bool {
        self.unwrap.is_some()
    }

    /// Evaluates over lines, in any order: `feed` calls its argument with each that the selector finds within
    /// [`RangeAggregation::window`].
    pub(crate) fn evaluate<E: From<String>>(
        &self,
        grid: Grid,
        max_series: usize,
        max_numbers: usize,
        feed: impl FnOnce(&mut dyn FnMut(Entry) -> Result<(), E>) -> Result<(), E>,
    ) -> Result<Vec<Series>, E> {
        let shifted = Grid { start: grid.start - self.offset, ..grid };
        let mut windows = Windows::new(self.function, shifted, self.range, self.unwrap.is_some());
        feed(&mut |mut entry| {
            let Some(number) = self.number(&mut entry).map_err(E::from)? else { return Ok(()) };
            let labels = self.labels(&entry);
            windows.add(labels, entry.time, number, max_series, max_numbers).map_err(E::from)
        })?;
        let mut series = windows.finish(&self.absent_labels());
        for one in &mut series {
            one.samples.iter_mut().for_each(|(time, _)| *time += self.offset);
        }
        Ok(series)
    }

    /// The first and the last nanosecond of lines that count.
    pub(crate) fn window(&self, grid: Grid) -> (u64, u64) {
        let nanos = |millis: i64| u64::try_from(i128::from(millis) * 1_000_000).unwrap_or(0);
        // Windows are open to the left.
        (nanos(grid.start - self.offset - self.range) + 1, nanos(grid.end() - self.offset))
    }

    /// The number of a line after all stages; none when it is filtered out.
    fn number(&self, entry: &mut Entry) -> Result<Option<f64>, String> {
        if !stages::run(&self.lines.stages, entry) {
            return Ok(None);
        }
        let mut number = match self.function {
            Function::Bytes | Function::BytesRate => entry.line.len() as f64,
            _ => 1.0,
        };
        if let Some(unwrap) = &self.unwrap {
            let text = entry.get(&unwrap.label).to_owned();
            if text.is_empty() {
                return Ok(None);
            }
            match unwrap.unit.read(&text) {
                Some(read) => number = read,
                None => entry.fail("SampleExtractionErr", &format!("label {}: {text:?} is no number", unwrap.label)),
            }
            if !stages::run(&unwrap.stages, entry) {
                return Ok(None);
            }
        }
        let error = entry.get(ERROR);
        if !error.is_empty() {
            let labels: BTreeMap<_, _> = entry.labels().iter().map(|label| (&label.name, &label.value)).collect();
            return Err(format!(
                "pipeline error: '{error}' for series: '{labels:?}'. Use a label filter to intentionally skip this error \
                 (e.g. | __error__!=\"{error}\"). To skip all potential errors you can match empty errors (e.g. __error__=\"\")"
            ));
        }
        Ok(Some(number))
    }

    /// What tells the line's series apart.
    fn labels(&self, entry: &Entry) -> Vec<(Arc<str>, Arc<str>)> {
        let unwrapped = self.unwrap.as_ref().map(|unwrap| unwrap.label.as_str());
        let mut labels: Vec<_> = entry
            .labels()
            .iter()
            .filter(|label| {
                !label.value.is_empty()
                    && match &self.grouping {
                        Grouping::By(names) => names.iter().any(|name| **name == *label.name),
                        Grouping::Without(names) => {
                            !names.iter().any(|name| **name == *label.name) && unwrapped != Some(&*label.name)
                        }
                    }
            })
            .map(|label| (Arc::clone(&label.name), Arc::clone(&label.value)))
            .collect();
        labels.sort();
        labels
    }

    /// What the selector says of a series that is not there.
    fn absent_labels(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let equal = self.lines.matchers.iter().filter_map(|matcher| match &matcher.test {
            super::Test::Equal(value) => Some((matcher.name.as_str().into(), value.as_str().into())),
            _ => None,
        });
        equal.collect::<BTreeMap<_, _>>().into_iter().collect()
    }
}

fn read_quantile(cursor: &mut Cursor<'_>) -> Result<f64, ParseError> {
    let quantile = cursor.number_with_unit().and_then(|text| text.parse().ok());
    let quantile = quantile.ok_or_else(|| cursor.unexpected("a quantile like 0.99"))?;
    cursor.expect(",")?;
    Ok(quantile)
}

/// `[5m]`, if it comes next.
fn read_range(cursor: &mut Cursor<'_>) -> Result<Option<i64>, ParseError> {
    if !cursor.take("[") {
        return Ok(None);
    }
    let range = read_duration(cursor)?;
    if range <= 0 {
        return Err(cursor.error("a range must be at least one millisecond"));
    }
    cursor.expect("]")?;
    Ok(Some(range))
}

fn read_offset(cursor: &mut Cursor<'_>) -> Result<i64, ParseError> {
    if cursor.take_word("offset") { read_duration(cursor) } else { Ok(0) }
}

/// A duration in milliseconds; at most a hundred years.
fn read_duration(cursor: &mut Cursor<'_>) -> Result<i64, ParseError> {
    let seconds = cursor.number_with_unit().and_then(super::units::duration);
    let seconds = seconds.ok_or_else(|| cursor.unexpected("a duration like 5m"))?;
    let millis = (seconds * 1000.0).round();
    if millis.abs() > 3.2e12 {
        return Err(cursor.error("this duration is longer than a hundred years"));
    }
    Ok(millis as i64)
}

fn read_unwrap(cursor: &mut Cursor<'_>) -> Result<Option<Unwrap>, ParseError> {
    if !cursor.take("|") {
        return Ok(None);
    }
    if !cursor.take_word("unwrap") {
        return Err(cursor.unexpected("unwrap"));
    }
    let before = cursor.clone();
    let name = cursor.name()?;
    let unit = match name.as_str() {
        "duration" | "duration_seconds" => Unit::Duration,
        "bytes" => Unit::Bytes,
        _ => Unit::Plain,
    };
    let (label, unit) = if unit != Unit::Plain && cursor.take("(") {
        let label = cursor.name()?;
        cursor.expect(")")?;
        (label, unit)
    } else {
        *cursor = before;
        (cursor.name()?, Unit::Plain)
    };
    Ok(Some(Unwrap { label, unit, stages: read_stages(cursor)? }))
}

/// `by (a, b)` or `without (a)`, if it comes next.
fn read_grouping(cursor: &mut Cursor<'_>) -> Result<Option<Grouping>, ParseError> {
    let by = if cursor.take_word("by") {
        true
    } else if cursor.take_word("without") {
        false
    } else {
        return Ok(None);
    };
    cursor.expect("(")?;
    let mut names = Vec::new();
    while !cursor.take(")") {
        names.push(cursor.name()?);
        if !cursor.take(",") && cursor.peek() != Some(')') {
            return Err(cursor.unexpected("\",\" or \")\""));
        }
    }
    Ok(Some(if by { Grouping::By(names) } else { Grouping::Without(names) }))
}
