//! The front door: an engine holds the settings, and answers instant and range queries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::ast::{Kind, Selector, TimeShift, ValueType};
use crate::eval::{Evaluator, Grid};
use crate::parse::Times;
use crate::{Matcher, Output, QueryError, SeriesSource, Value, parse, syntax};

/// Evaluates queries. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    /// How far back a selector looks for the newest sample.
    pub lookback: Duration,
    /// The step of a subquery that names none.
    pub subquery_step: Duration,
    /// Drop metric names at the end of a query instead of at each function, so that labels derived from `__name__` on the way
    /// can still see it. Off in Prometheus unless asked for.
    pub delayed_name_removal: bool,
    /// What a query may use.
    pub limits: Limits,
    /// Ends queries from outside, if given.
    pub cancel: Option<Cancel>,
}

/// What one query may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Samples it may hold at once: those of the one series that it reads, and a value a step of each series that it has made and
    /// not folded into a group. Samples that it has read and forgotten do not count; they cost time.
    pub max_samples: usize,
    /// Steps of a range query.
    pub max_steps: usize,
    /// How long it may run.
    pub timeout: Duration,
}

/// A flag that ends running queries.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends the queries of every engine that holds this flag, now and later.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_samples: 50_000_000, max_steps: 11_000, timeout: Duration::from_secs(120) }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            subquery_step: Duration::from_secs(60),
            delayed_name_removal: false,
            limits: Limits::default(),
            cancel: None,
        }
    }
}

/// Times beyond this many milliseconds from 1970 are refused, so that no sum of a time and a duration overflows.
const MAX_TIME: i64 = i64::MAX / 16;

impl Engine {
    /// Evaluates a query at one time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn instant(&self, source: &dyn SeriesSource, query: &str, time_ms: i64) -> Result<Output, QueryError> {
        check_time(time_ms)?;
        let expr = parse::parse(query, Times { step: 0, range: 0 })?;
        let evaluator = Evaluator::new(self, source, query, Grid { start: time_ms, step: 1, count: 1 }, 0);
        let value = evaluator.instant(&expr)?;
        Ok(evaluator.output(value))
    }

    /// Evaluates a query at `start_ms` and every `step_ms` after it up to `end_ms`.
    ///
    /// # Errors
    /// See [`QueryError`]; a step that is not positive and an end before the start are refused.
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Output, QueryError> {
        check_time(start_ms)?;
        check_time(end_ms)?;
        check_time(step_ms)?;
        if step_ms <= 0 {
            let message = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(QueryError::execution(message));
        }
        if end_ms < start_ms {
            return Err(QueryError::execution("end timestamp must not be before start time"));
        }
        let steps = (end_ms - start_ms) / step_ms + 1;
        if steps > i64::try_from(self.limits.max_steps).unwrap_or(i64::MAX) {
            let max = self.limits.max_steps;
            let message = format!(
                "exceeded maximum resolution of {max} points per timeseries. Try decreasing the query resolution (?step=XX)"
            );
            return Err(QueryError::TooMuch(message));
        }
        let expr = parse::parse(query, Times { step: step_ms, range: end_ms - start_ms })?;
        parse::check_range_type(query, &expr)?;
        let grid = Grid { start: start_ms, step: step_ms, count: steps as usize };
        let evaluator = Evaluator::new(self, source, query, grid, end_ms - start_ms);
        let value = Value::Matrix(evaluator.matrix(&expr)?);
        Ok(evaluator.output(value))
    }

    /// The matchers of a plain selector, such as an API's `match[]` takes.
    ///
    /// # Errors
    /// [`QueryError::Parse`], also when the text is a query but more than a selector.
    pub fn selector(text: &str) -> Result<Vec<Matcher>, QueryError> {
        let expr = parse::parse(text, Times::NOMINAL)?;
        match expr.kind {
            Kind::Vector(Selector { matchers, shift: TimeShift { at: None, offset: 0 }, extended: None, .. }) => {
                Ok(matchers)
            }
            _ => Err(QueryError::parse(text, expr.position, "only a series selector is allowed here")),
        }
    }

    /// The query as a well-kept rule file would have it: one way of spacing, long ones over several lines.
    ///
    /// # Errors
    /// [`QueryError::Parse`].
    pub fn format(query: &str) -> Result<String, QueryError> {
        Ok(syntax::pretty(&parse::checked(query)?))
    }

    /// The query's tree as JSON, in the shape of Prometheus' `/api/v1/parse_query`.
    ///
    /// # Errors
    /// [`QueryError::Parse`].
    pub fn syntax_tree(query: &str) -> Result<serde_json::Value, QueryError> {
        Ok(syntax::to_json(&parse::checked(query)?, Times::NOMINAL))
    }

    /// Checks a query without evaluating it; the name of its value's type (`scalar`, `string`, `instant vector`, `range vector`).
    ///
    /// # Errors
    /// [`QueryError::Parse`].
    pub fn check(query: &str) -> Result<&'static str, QueryError> {
        parse::parse(query, Times::NOMINAL).map(|expr| ValueType::name(expr.value_type()))
    }
}

fn check_time(time: i64) -> Result<(), QueryError> {
    if time.checked_abs().is_some_and(|time| time < MAX_TIME) {
        return Ok(());
    }
    Err(QueryError::execution(format!("time or step {time} ms is out of range")))
}
