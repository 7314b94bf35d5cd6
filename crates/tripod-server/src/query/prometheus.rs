//! Prometheus' HTTP API, as Grafana and every client of Prometheus call it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::json;
use tripod_promql::{Engine, QueryError};
use tripod_store::{Labels, Matcher, SeriesExemplars};

use super::params::{Params, Segment, segment};
use super::prometheus_json::Json;
use super::selectors::{self, StoreSource};
use super::time;
use super::{Context, Failure, json_bytes, json_response};
use crate::own_metrics::Api;

/// The version of Prometheus whose API this is; clients decide by it what they may ask.
const PROMETHEUS_VERSION: &str = "3.5.0";

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/query", get_or_post(query))
        .route("/api/v1/query_range", get_or_post(query_range))
        .route("/api/v1/query_exemplars", get_or_post(query_exemplars))
        .route("/api/v1/series", get_or_post(series))
        .route("/api/v1/labels", get_or_post(labels))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/metadata", get(metadata))
        .route("/api/v1/status/buildinfo", get(buildinfo))
}

type Answer = Result<Vec<u8>, Failure>;
type Handler = fn(&Context, &Params) -> Answer;

fn get_or_post(handler: Handler) -> MethodRouter<Arc<Context>> {
    let run = move |State(context): State<Arc<Context>>, params: Params| async move {
        answer(context.run(Api::Metrics, move |context| handler(context, &params)).await)
    };
    get(run).post(run)
}

/// Prometheus' envelope; a success brings its own.
fn answer(result: Answer) -> Response {
    match result {
        Ok(bytes) => json_bytes(StatusCode::OK, bytes),
        Err(failure) => {
            let kind = match failure {
                Failure::Bad(_) => "bad_data",
                Failure::NotFound(_) => "not_found",
                Failure::Unprocessable(_) => "execution",
                Failure::Timeout(_) => "timeout",
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
            QueryError::Timeout(_) | QueryError::Cancelled => Self::Timeout(reason),
            QueryError::Source(_) => Self::Internal(reason),
            _ => Self::Unprocessable(reason),
        }
    }
}

fn query(context: &Context, params: &Params) -> Answer {
    let query = params.required("query")?;
    let at = params.read("time", millis)?.unwrap_or_else(now);
    let source = StoreSource::new(context.store.as_ref());
    let mut output = engine(context, params)?.instant(&source, query, at)?;
    output.warnings.extend(source.warnings());
    Ok(Json::output(&output))
}

fn query_range(context: &Context, params: &Params) -> Answer {
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
    let engine = engine(context, params)?;
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
    Ok(Json::output(&output))
}

/// The engine with the request's own limits, which can only be narrower.
fn engine(context: &Context, params: &Params) -> Result<Engine, Failure> {
    let mut engine = context.engine.clone();
    if let Some(timeout) = params.read("timeout", duration)? {
        engine.limits.timeout = engine.limits.timeout.min(timeout);
    }
    if let Some(lookback) = params.read("lookback_delta", duration)? {
        engine.lookback = lookback;
    }
    Ok(engine)
}

fn query_exemplars(context: &Context, params: &Params) -> Answer {
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

fn series(context: &Context, params: &Params) -> Answer {
    if params.get("match[]").is_none() {
        return Err(Failure::Bad("no match[] parameter provided".to_owned()));
    }
    let found = matched(context, params)?;
    limited(params, &found, |json, labels: &Labels| {
        json.labels(labels.iter());
    })
}

fn labels(context: &Context, params: &Params) -> Answer {
    let mut names = BTreeSet::new();
    for labels in matched(context, params)? {
        for (name, _) in labels.iter() {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    }
    texts(params, names)
}

async fn label_values(State(context): State<Arc<Context>>, name: Segment, params: Params) -> Response {
    let query = move |context: &Context| {
        // A name that is not of the old alphabet comes escaped: `U__http_2e_method`.
        let name = unescape(&segment(name)?);
        let mut values = BTreeSet::new();
        for labels in matched(context, &params)? {
            let value = labels.get(&name);
            if !value.is_empty() && !values.contains(value) {
                values.insert(value.to_owned());
            }
        }
        texts(&params, values)
    };
    answer(context.run(Api::Metrics, query).await)
}

/// Undoes Prometheus' "values" escaping of names; a name that is not escaped, or not well, stays as it is.
fn unescape(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('_') {
            out.push('_');
            rest = tail;
            continue;
        }
        let code = rest
            .split_once('_')
            .and_then(|(hex, tail)| Some((u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)?, tail)));
        let Some((c, tail)) = code else { return name.to_owned() };
        out.push(c);
        rest = tail;
    }
    out + rest
}

/// Series that satisfy one of the `match[]` parameters within `start` and `end`.
fn matched(context: &Context, params: &Params) -> Result<Vec<Labels>, Failure> {
    let selectors = params.all("match[]").map(|text| selectors::of_selector(&context.engine, text));
    let sets: Vec<Vec<Matcher>> = selectors.collect::<Result<_, _>>()?;
    let (start, end) = bounds(params)?;
    Ok(context.store.series(&sets, start, end)?)
}

fn texts(params: &Params, texts: BTreeSet<String>) -> Answer {
    let texts: Vec<String> = texts.into_iter().collect();
    limited(params, &texts, |json, text| {
        json.text(text);
    })
}

/// A list of at most `limit` items; 0 is no limit.
fn limited<T>(params: &Params, items: &[T], write: impl FnMut(&mut Json, &T)) -> Answer {
    let limit = limit(params, "limit")?;
    let items = &items[..limit.min(items.len())];
    Ok(Json::success(|json| {
        json.list(items, write);
    }))
}

fn limit(params: &Params, name: &str) -> Result<usize, Failure> {
    let read = |text: &str| text.parse::<usize>().map_err(|_| format!("{text:?} is not a whole number"));
    Ok(params.read(name, read)?.filter(|limit| *limit > 0).unwrap_or(usize::MAX))
}

async fn metadata(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let limit = limit(&params, "limit")?;
        let wanted = params.get("metric");
        let all = context.store.metadata()?;
        let some: Vec<_> =
            all.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name)).take(limit).collect();
        Ok(Json::success(|json| {
            json.raw("{");
            for (i, (name, metadata)) in some.into_iter().enumerate() {
                json.raw(if i > 0 { "," } else { "" }).text(name).raw(r#":[{"type":"#).text(metadata.kind.as_str());
                json.raw(r#","help":"#).text(&metadata.help).raw(r#","unit":"#).text(&metadata.unit).raw("}]");
            }
            json.raw("}");
        }))
    };
    answer(context.run(Api::Metrics, query).await)
}

async fn buildinfo() -> Response {
    let data = json!({
        "version": PROMETHEUS_VERSION, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        "application": format!("tripod {}", env!("CARGO_PKG_VERSION")),
    });
    json_response(StatusCode::OK, &json!({ "status": "success", "data": data }))
}

fn millis(text: &str) -> Result<i64, String> {
    time::parse(text).map(time::to_millis)
}

fn duration(text: &str) -> Result<Duration, String> {
    let millis = time::parse_prometheus_duration(text)?;
    u64::try_from(millis).map(Duration::from_millis).map_err(|_| "must not be negative".to_owned())
}

fn now() -> i64 {
    (time::now() / 1_000_000) as i64
}

/// `start` and `end` in milliseconds; without them all of time.
fn bounds(params: &Params) -> Result<(i64, i64), Failure> {
    let (start, end) = (params.read("start", millis)?, params.read("end", millis)?);
    let (start, end) = (start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX));
    if end < start {
        return Err(Failure::Bad("end timestamp must not be before start time".to_owned()));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_label_name_is_read_back() {
        assert_eq!(unescape("U__http_2e_method__x"), "http.method_x");
        assert_eq!(unescape("job"), "job");
        assert_eq!(unescape("U__broken_zz"), "U__broken_zz");
    }
}
