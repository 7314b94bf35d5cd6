//! Prometheus' HTTP API, as Grafana and every client of Prometheus call it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::json;
use tripod_promql::{Cancel, Engine, Output, QueryError, Value};
use tripod_store::SeriesExemplars;

use super::params::Params;
use super::prometheus_json::Json;
use super::selectors::{self, StoreSource};
use super::time;
use super::{Context, Failure, json_bytes, json_response};
use crate::own_metrics::Api;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/query", get_or_post(query))
        .route("/api/v1/query_range", get_or_post(query_range))
        .route("/api/v1/query_exemplars", get_or_post(query_exemplars))
        .route("/api/v1/format_query", get_or_post(format_query))
        .route("/api/v1/parse_query", get_or_post(parse_query))
}

pub(super) type Answer = Result<Vec<u8>, Failure>;
type Handler = fn(&Context, &Params, &Cancel) -> Answer;

/// What is said of an answer that `limit` cut off.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

/// Prometheus takes parameters in the form of a POST wherever they may get long.
pub(super) fn get_or_post(handler: Handler) -> MethodRouter<Arc<Context>> {
    let run = move |State(context): State<Arc<Context>>, params: Params| async move {
        let query = move |context: &Context, cancel: &Cancel| handler(context, &params, cancel);
        answer(context.run_cancellable(Api::Metrics, query).await)
    };
    get(run).post(run)
}

/// Prometheus' envelope; a success brings its own.
pub(super) fn answer(result: Answer) -> Response {
    match result {
        Ok(bytes) => json_bytes(StatusCode::OK, bytes),
        Err(failure) => {
            let kind = match failure {
                Failure::Bad(_) => "bad_data",
                Failure::NotFound(_) => "not_found",
                Failure::Unprocessable(_) => "execution",
                Failure::Timeout(_) => "timeout",
                Failure::Cancelled => "canceled",
                Failure::Internal(_) => "internal",
            };
            json_response(failure.status(), &json!({ "status": "error", "errorType": kind, "error": failure.reason() }))
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let reason = error.to_string();
        match error {
            QueryError::Parse { .. } => Self::Bad(format!("invalid parameter \"query\": {reason}")),
            QueryError::Timeout(_) => Self::Timeout(reason),
            QueryError::Cancelled => Self::Cancelled,
            QueryError::Source(_) => Self::Internal(reason),
            _ => Self::Unprocessable(reason),
        }
    }
}

fn query(context: &Context, params: &Params, cancel: &Cancel) -> Answer {
    let query = params.required("query")?;
    let at = params.read("time", millis)?.unwrap_or_else(now);
    let limit = limit(params, "limit")?;
    let begin = Instant::now();
    let source = StoreSource::new(context.store.as_ref());
    let mut output = engine(context, params, cancel)?.instant(&source, query, at)?;
    output.warnings.extend(source.warnings());
    Ok(Json::output(&truncated(output, limit), stats(params, begin)))
}

fn query_range(context: &Context, params: &Params, cancel: &Cancel) -> Answer {
    let query = params.required("query")?;
    let time = |name: &str| {
        params.required(name)?;
        params.read(name, millis).map(Option::unwrap_or_default)
    };
    let (start, end) = (time("start")?, time("end")?);
    params.required("step")?;
    let step = params.read("step", time::parse_prometheus_duration)?.unwrap_or_default();
    if end < start {
        return Err(Failure::Bad("invalid parameter \"end\": end timestamp must not be before start time".to_owned()));
    }
    if step <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Failure::Bad(format!("invalid parameter \"step\": {reason}")));
    }
    let limit = limit(params, "limit")?;
    let begin = Instant::now();
    let engine = engine(context, params, cancel)?;
    if end.saturating_sub(start) / step >= engine.limits.max_steps as i64 {
        let max = engine.limits.max_steps;
        let reason = format!(
            "exceeded maximum resolution of {max} points per timeseries. Try decreasing the query resolution (?step=XX)"
        );
        return Err(Failure::Bad(reason));
    }
    let source = StoreSource::new(context.store.as_ref());
    let mut output = engine.range(&source, query, start, end, step)?;
    output.warnings.extend(source.warnings());
    Ok(Json::output(&truncated(output, limit), stats(params, begin)))
}

/// At most `limit` series, and a warning that there are more.
fn truncated(mut output: Output, limit: usize) -> Output {
    let more = match &mut output.value {
        Value::Vector(samples) => {
            let more = samples.len() > limit;
            samples.truncate(limit);
            more
        }
        Value::Matrix(series) => {
            let more = series.len() > limit;
            series.truncate(limit);
            more
        }
        Value::Scalar(..) | Value::String(..) => false,
    };
    if more {
        output.warnings.push(TRUNCATED.to_owned());
    }
    output
}

/// How long a query has run, where the request asks for that.
fn stats(params: &Params, begin: Instant) -> Option<Duration> {
    params.get("stats").map(|_| begin.elapsed())
}

/// The engine with the request's own limits, which can only be narrower.
fn engine(context: &Context, params: &Params, cancel: &Cancel) -> Result<Engine, Failure> {
    let mut engine = Engine { cancel: Some(cancel.clone()), ..context.engine.clone() };
    if let Some(timeout) = params.read("timeout", duration)? {
        engine.limits.timeout = engine.limits.timeout.min(timeout);
    }
    if let Some(lookback) = params.read("lookback_delta", duration)? {
        engine.lookback = lookback;
    }
    Ok(engine)
}

fn format_query(_: &Context, params: &Params, _: &Cancel) -> Answer {
    let text = Engine::format(params.required("query")?)?;
    Ok(Json::success(|json| {
        json.text(&text);
    }))
}

fn parse_query(_: &Context, params: &Params, _: &Cancel) -> Answer {
    let tree = Engine::syntax_tree(params.required("query")?)?;
    Ok(Json::success(|json| {
        json.raw(&tree.to_string());
    }))
}

fn query_exemplars(context: &Context, params: &Params, _: &Cancel) -> Answer {
    let sets = selectors::of_query(&context.engine, params.required("query")?)?;
    let (start, end) = bounds(params)?;
    let mut found: Vec<SeriesExemplars> = Vec::new();
    for matchers in sets {
        found.extend(context.store.exemplars(&matchers, start, end)?);
    }
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    found.dedup_by(|a, b| a.labels == b.labels);
    Ok(Json::success(|json| {
        json.list(&found, |json, series| {
            json.raw(r#"{"seriesLabels":"#).labels(series.labels.iter()).raw(r#","exemplars":"#);
            json.list(&series.exemplars, exemplar).raw("}");
        });
    }))
}

fn exemplar(json: &mut Json, exemplar: &tripod_store::Exemplar) {
    let mut ids = Vec::new();
    if exemplar.trace_id.is_valid() {
        ids.push(("trace_id".to_owned(), exemplar.trace_id.to_string()));
    }
    if exemplar.span_id.is_valid() {
        ids.push(("span_id".to_owned(), exemplar.span_id.to_string()));
    }
    // The ids win over labels of the same name.
    let others = exemplar.labels.iter().filter(|(name, _)| *name != "trace_id" && *name != "span_id");
    let labels = others.chain(ids.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    json.raw(r#"{"labels":"#).labels(labels).raw(r#","value":"#).number(exemplar.value);
    json.raw(r#","timestamp":"#).time(exemplar.time).raw("}");
}

pub(super) fn millis(text: &str) -> Result<i64, String> {
    time::parse(text).map(time::to_millis)
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let millis = time::parse_prometheus_duration(text)?;
    u64::try_from(millis).map(Duration::from_millis).map_err(|_| "must not be negative".to_owned())
}

pub(super) fn now() -> i64 {
    (time::now() / 1_000_000) as i64
}

/// `start` and `end` in milliseconds; without them all of time.
pub(super) fn bounds(params: &Params) -> Result<(i64, i64), Failure> {
    let (start, end) = (params.read("start", millis)?, params.read("end", millis)?);
    let (start, end) = (start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX));
    if end < start {
        return Err(Failure::Bad("end timestamp must not be before start time".to_owned()));
    }
    Ok((start, end))
}

/// A number of rows; 0, as none at all, is no limit.
pub(super) fn limit(params: &Params, name: &str) -> Result<usize, Failure> {
    let read = |text: &str| text.parse::<usize>().map_err(|_| format!("{text:?} is not a whole number"));
    Ok(params.read(name, read)?.filter(|limit| *limit > 0).unwrap_or(usize::MAX))
}
