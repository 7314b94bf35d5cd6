//! Metrics of lines: each range aggregation is evaluated over its lines, and what stands around them by the PromQL engine. Where the
//! store can count by itself, no line is read.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Value, json};
use tripod_promql::{Engine, Labels, Matcher, Selection, SeriesRef, SeriesSource, SourceError, Visit};
use tripod_store::{LogQuery, LogStore, Window};

use super::select::{self, Next, Order, Plan};
use super::stream::{LEVEL, level_name};
use super::{Answer, success};
use crate::query::logql::metric::{Function, Grid, Grouping, LEAF, Metric, RangeAggregation, Series as Calculated};
use crate::query::prometheus_json::Json;
use crate::query::{Context, Failure};

/// Series of one range aggregation.
const MAX_SERIES: usize = 10_000;
/// Numbers that one range aggregation may hold.
const MAX_NUMBERS: usize = 5_000_000;
/// Steps that the store counts at once.
const MAX_COUNTED: i64 = 50_000;

/// The value of a metric at one time.
pub(super) fn instant(context: &Context, metric: &Metric, grid: Grid) -> Answer {
    let source = Source { context, metric, grid, failure: RefCell::new(None) };
    let output = engine(context).instant(&source, &metric.text, grid.start);
    source.answer(output)
}

/// The values of a metric over a range.
pub(super) fn range(context: &Context, metric: &Metric, grid: Grid) -> Answer {
    let source = Source { context, metric, grid, failure: RefCell::new(None) };
    let output = engine(context).range(&source, &metric.text, grid.start, grid.end(), grid.step);
    source.answer(output)
}

/// Values are calculated for the very steps: nothing is looked for before them.
fn engine(context: &Context) -> Engine {
    Engine { lookback: Duration::from_millis(1), ..context.engine.clone() }
}

struct Source<'a> {
    context: &'a Context,
    metric: &'a Metric,
    grid: Grid,
    /// Why a range aggregation could not be evaluated; the engine knows but texts.
    failure: RefCell<Option<Failure>>,
}

impl Source<'_> {
    fn answer(self, output: Result<tripod_promql::Output, tripod_promql::QueryError>) -> Answer {
        let output = match (output, self.failure.into_inner()) {
            (_, Some(failure)) => return Err(failure),
            (Err(error), None) => return Err(Failure::Bad(without_ours(&error.to_string()))),
            (Ok(output), None) => output,
        };
        // Loki's values are Prometheus', in the same envelope.
        let answer: Value = serde_json::from_slice(&Json::output(&output, None))
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let mut data = answer["data"].clone();
        data["stats"] = json!({});
        Ok(success(data))
    }

    fn evaluate(&self, matchers: &[Matcher]) -> Result<Vec<Calculated>, Failure> {
        let number =
            matchers.iter().find(|matcher| matcher.name == LEAF).and_then(|matcher| matcher.value.parse().ok());
        let leaf = number.and_then(|number: usize| self.metric.leaves.get(number)).ok_or_else(|| {
            let name = matchers.first().map_or("", |matcher| matcher.value.as_str());
            Failure::Bad(format!(
                "{name:?} is no range aggregation like count_over_time({{...}}[5m]), and LogQL has no metrics by name"
            ))
        })?;
        match counted(self.context, leaf, self.grid)? {
            Some(calculated) => Ok(calculated),
            None => self.read(leaf),
        }
    }

    fn read(&self, leaf: &RangeAggregation) -> Result<Vec<Calculated>, Failure> {
        let (start, end) = leaf.window(self.grid);
        leaf.evaluate(self.grid, MAX_SERIES, MAX_NUMBERS, |add| {
            select::each(self.context, &leaf.lines, Window { start, end }, Order::NewestFirst, &mut |entry| {
                add(entry)?;
                Ok(Next::More)
            })
        })
    }
}

impl SeriesSource for Source<'_> {
    fn select(&self, selection: &Selection<'_>, visit: &mut Visit<'_>) -> Result<(), SourceError> {
        let calculated = self.evaluate(selection.matchers).map_err(|failure| {
            let reason = failure.reason().to_owned();
            *self.failure.borrow_mut() = Some(failure);
            SourceError(reason)
        })?;
        for Calculated { labels, samples } in calculated {
            let labels = Labels::from_shared(labels.into());
            if visit(SeriesRef { labels: &labels, floats: &samples, histograms: &[] }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Bad(reason)
    }
}

/// An error in what is around range aggregations, without the selectors that stand for them.
fn without_ours(error: &str) -> String {
    error.replace(&format!("{{{LEAF}=\""), "<range aggregation ").replace("\"}", ">")
}

/// Counts lines by level without reading any, where the query asks for nothing else: what draws the volume above a list of logs.
fn counted(context: &Context, leaf: &RangeAggregation, grid: Grid) -> Result<Option<Vec<Calculated>>, Failure> {
    let Grouping::By(names) = &leaf.grouping else { return Ok(None) };
    let is_count = matches!(leaf.function, Function::Count | Function::Rate);
    if !is_count || leaf.is_unwrapped() || names.iter().any(|name| name != LEVEL && name != "level") {
        return Ok(None);
    }
    let plan = Plan::new(context.store.as_ref(), &leaf.lines.matchers, &leaf.lines.stages)?;
    // Windows are put together of parts that both the step and the range are made of.
    let part = gcd(leaf.range, grid.step);
    let span = leaf.range + grid.step * (grid.count as i64 - 1);
    if !plan.is_exact || plan.is_empty || span / part > MAX_COUNTED {
        return Ok(None);
    }
    // A `level` that is an attribute would be another one than that of the record.
    let keys = context.store.as_ref();
    if names.iter().any(|name| name == "level")
        && LogStore::attribute_keys(keys)?.iter().any(|known| known.key == "level")
    {
        return Ok(None);
    }
    let (start, end) = leaf.window(grid);
    let parts = (span / part) as usize;
    let query = LogQuery { window: Window { start, end }, limit: usize::MAX, ..plan.query };
    let volume = context.store.log_volume(&query, parts)?;
    let by_level = names.iter().any(|name| name == LEVEL);
    let mut all: Vec<(Option<String>, Vec<u64>)> = Vec::new();
    for (level, counts) in volume.levels {
        let name = by_level.then(|| level_name(level));
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => sum.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count),
            None => all.push((name, counts)),
        }
    }
    all.sort();
    let per = if leaf.function == Function::Rate { leaf.range as f64 / 1000.0 } else { 1.0 };
    let (width, stride) = ((leaf.range / part) as usize, (grid.step / part) as usize);
    let calculate = |(level, counts): (Option<String>, Vec<u64>)| {
        let labels = level.map(|level| (LEVEL.into(), level.as_str().into())).into_iter().collect();
        let step = |i: usize| {
            let sum: u64 = counts[i * stride..i * stride + width].iter().sum();
            (sum > 0).then_some((grid.start + grid.step * i as i64, sum as f64 / per))
        };
        Calculated { labels, samples: (0..grid.count).filter_map(step).collect() }
    };
    Ok(Some(all.into_iter().map(calculate).filter(|series| !series.samples.is_empty()).collect()))
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_do_not_show_what_stands_for_a_range_aggregation() {
        let error = without_ours(r#"unexpected {__range_aggregation__="0"} here"#);
        assert_eq!(error, "unexpected <range aggregation 0> here");
    }

    #[test]
    fn the_parts_of_windows_divide_step_and_range() {
        assert_eq!((gcd(300, 60), gcd(45, 30), gcd(5, 1)), (60, 15, 1));
    }
}
