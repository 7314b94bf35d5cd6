//! What an alert would have done in the past: its expression is evaluated over a time as a range query, and each step goes through
//! the very code that evaluates rules. It begins as a rule that was made at the start.
//!
//! Labels that are templates are filled in, and may ask queries; annotations are not, as nothing here depends on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tripod_promql::{Cancel, Engine, Labels, Output, QueryError, SampleValue, Value, VectorSample};
use tripod_store::Store;

use super::alert::{State, Surroundings};
use super::file::{GroupConfig, RuleKind};
use super::ground::{Ground, RuleSample};
use super::group::Group;
use super::timeline::Timeline;
use crate::query::selectors::StoreSource;

/// Values of the expression that are gone through, and states of alerts that are looked at.
const MAX_WORK: usize = 5_000_000;
/// How often webhooks are told of what goes on, milliseconds.
const REPEAT: i64 = 4 * 3600 * 1000;

/// What would have been.
#[derive(Debug)]
pub(crate) struct Preview {
    /// Alerts by their labels.
    pub(crate) alerts: BTreeMap<Labels, Timeline>,
    /// Messages about them: beginnings, ends, and what is repeated every four hours.
    pub(crate) notifications: usize,
    pub(crate) warnings: Vec<String>,
}

/// Over which time, in steps of how long; milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreviewError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{0}")]
    Rule(String),
    #[error(
        "the alert has too many values to look at, {MAX_WORK} at most: ask for a shorter time, a longer step, or an expression with fewer series"
    )]
    TooMuch,
}

/// Goes through the past with the one rule of a group.
pub(crate) fn preview(
    store: &dyn Store,
    engine: Engine,
    group: GroupConfig,
    surroundings: &Surroundings,
    course: Course,
    cancel: &Cancel,
) -> Result<Preview, PreviewError> {
    let Course { start, end, step } = course;
    let group = Group::new("preview", without_annotations(group, step), Duration::ZERO, Duration::ZERO);
    group.set_restored();
    let Some(rule) = group.rules.first() else { return Err(PreviewError::Rule("there is no rule".to_owned())) };
    let source = StoreSource::new(store);
    let output = engine.range(&source, &rule.config.expr, start, end, step)?;
    let mut warnings = output.warnings;
    warnings.extend(source.warnings());
    let Value::Matrix(series) = output.value else {
        return Err(PreviewError::Rule("rule result is not a vector or scalar".to_owned()));
    };
    let steps = usize::try_from((end - start) / step + 1).unwrap_or(usize::MAX);
    let mut work = series.len().saturating_mul(steps);
    if work > MAX_WORK {
        return Err(PreviewError::TooMuch);
    }
    let ground = PreviewGround { store, engine, expr: rule.config.expr.clone(), answer: Mutex::default() };
    let mut cursors: Vec<Cursor> = series.into_iter().map(Cursor::new).collect();
    let (mut alerts, mut notifications) = (HashMap::<Labels, Timeline>::new(), 0);
    for at in (start..=end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        if cancel.is_cancelled() {
            return Err(PreviewError::Query(QueryError::Cancelled));
        }
        *ground.answer() = cursors.iter_mut().filter_map(|cursor| cursor.sample(at)).collect();
        group.evaluate(at, &ground, surroundings, &mut |rule| notifications += rule.take_due(at, REPEAT, step).len());
        if let Some(reason) = rule.failure() {
            return Err(PreviewError::Rule(reason));
        }
        work += rule.with_alerts(|current| {
            for (labels, alert) in &current.active {
                let timeline = alerts.entry(labels.clone()).or_default();
                match alert.state {
                    State::Inactive => timeline.end(at),
                    state => timeline.see(at, state, alert.value),
                }
            }
            // A pending alert is forgotten at once.
            for (_, timeline) in alerts.iter_mut().filter(|(labels, _)| !current.active.contains_key(*labels)) {
                timeline.end(at);
            }
            alerts.len()
        });
        if work > 2 * MAX_WORK {
            return Err(PreviewError::TooMuch);
        }
    }
    Ok(Preview { alerts: alerts.into_iter().collect(), notifications, warnings })
}

fn without_annotations(mut group: GroupConfig, step: i64) -> GroupConfig {
    group.interval = u64::try_from(step).ok().map(Duration::from_millis);
    for rule in &mut group.rules {
        if let RuleKind::Alerting { annotations, .. } = &mut rule.kind {
            annotations.clear();
        }
    }
    group
}

/// A series, read step by step.
struct Cursor {
    labels: Labels,
    samples: std::iter::Peekable<std::vec::IntoIter<(i64, SampleValue)>>,
}

impl Cursor {
    fn new(series: tripod_promql::RangeSeries) -> Self {
        let floats = series.floats.into_iter().map(|(time, value)| (time, SampleValue::Float(value)));
        let histograms = series.histograms.into_iter().map(|(time, one)| (time, SampleValue::Histogram(one)));
        let mut samples: Vec<_> = floats.chain(histograms).collect();
        samples.sort_by_key(|(time, _)| *time);
        Self { labels: series.labels, samples: samples.into_iter().peekable() }
    }

    fn sample(&mut self, at: i64) -> Option<VectorSample> {
        let (time, value) = self.samples.next_if(|(time, _)| *time <= at)?;
        Some(VectorSample { labels: self.labels.clone(), time, value })
    }
}

/// Knows the answer to the rule's expression; asks the store what templates ask, and keeps nothing.
struct PreviewGround<'a> {
    store: &'a dyn Store,
    engine: Engine,
    expr: String,
    answer: Mutex<Vec<VectorSample>>,
}

impl PreviewGround<'_> {
    fn answer(&self) -> std::sync::MutexGuard<'_, Vec<VectorSample>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ground for PreviewGround<'_> {
    fn query(&self, query: &str, at: i64) -> Result<Output, QueryError> {
        if query == self.expr {
            let value = Value::Vector(self.answer().clone());
            return Ok(Output { value, warnings: Vec::new(), infos: Vec::new() });
        }
        self.engine.instant(&StoreSource::new(self.store), query, at)
    }

    fn append(&self, _: Vec<RuleSample>) -> Result<(), String> {
        Ok(())
    }

    fn last(&self, _: &Labels) -> Result<Option<(i64, f64)>, String> {
        Ok(None)
    }
}
