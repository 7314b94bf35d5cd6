//! Jaeger's HTTP API, as Grafana's Jaeger data source and Jaeger's own page call it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use serde_json::json;
use tripod_store::{AttributeMatch, TraceQuery, Window};
use tripod_wire::TraceId;

use super::jaeger_json::{JaegerTrace, kind_name};
use super::params::{Params, Segment, segment};
use super::{Context, Failure, json_response, tempo, time};
use crate::own_metrics::Api;

const DEFAULT_TRACES: usize = 20;
const MAX_TRACES: usize = 1500;
/// How far `/api/dependencies` looks back where it is not told.
const DEPENDENCIES_LOOKBACK: Duration = Duration::from_secs(86_400);

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operations))
        .route("/api/operations", get(operations_with_kind))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(trace))
        .route("/api/dependencies", get(dependencies))
}

/// What Jaeger puts around an answer. Written as it is: as a tree of JSON values, a large trace would be held once more.
#[derive(Serialize)]
struct Envelope<T> {
    data: Vec<T>,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<Vec<Missing>>,
}

/// A trace that was asked for by its id and is not there.
#[derive(Serialize)]
struct Missing {
    code: u16,
    msg: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
}

const NOT_FOUND: &str = "trace not found";

fn answer<T: Serialize>(result: Result<Vec<T>, Failure>) -> Response {
    answer_partly(result.map(|data| (data, Vec::new())))
}

fn answer_partly<T: Serialize>(result: Result<(Vec<T>, Vec<Missing>), Failure>) -> Response {
    match result {
        Ok((data, missing)) => {
            let errors = (!missing.is_empty()).then_some(missing);
            json_response(StatusCode::OK, &Envelope { total: data.len(), data, limit: 0, offset: 0, errors })
        }
        Err(failure) => {
            let errors = json!([{ "code": failure.status().as_u16(), "msg": failure.reason() }]);
            let body = json!({ "data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors });
            json_response(failure.status(), &body)
        }
    }
}

async fn services(State(context): State<Arc<Context>>) -> Response {
    answer(context.run(Api::Traces, |context| Ok(context.store.services()?)).await)
}

async fn operations(State(context): State<Arc<Context>>, service: Segment) -> Response {
    let query = move |context: &Context| {
        let mut names: Vec<String> =
            context.store.operations(&segment(service)?)?.into_iter().map(|one| one.name).collect();
        names.dedup();
        Ok(names)
    };
    answer(context.run(Api::Traces, query).await)
}

async fn operations_with_kind(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let operations = context.store.operations(params.required("service")?)?;
        let named = operations.into_iter().map(|one| (one.name, kind_name(one.kind).unwrap_or_default()));
        let wanted = named.filter(|(_, kind)| params.get("spanKind").is_none_or(|wanted| wanted == *kind));
        Ok(wanted.map(|(name, kind)| json!({ "name": name, "spanKind": kind })).collect())
    };
    answer(context.run(Api::Traces, query).await)
}

/// Tempo has its traces under the same path.
async fn trace(State(context): State<Arc<Context>>, id: Segment, headers: HeaderMap) -> Response {
    if tempo::is_asked(&headers) {
        return tempo::trace_v1(&context, id).await;
    }
    let query = move |context: &Context| {
        let id = trace_id(&segment(id)?)?;
        let trace = context.store.trace(id)?.ok_or_else(|| Failure::NotFound(NOT_FOUND.to_owned()))?;
        Ok(vec![JaegerTrace::from(&trace)])
    };
    answer(context.run(Api::Traces, query).await)
}

async fn search(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let (traces, missing) = if params.get("traceID").is_some() {
            by_ids(context, &params)?
        } else {
            (context.store.find_traces(&conditions(&params, DEFAULT_TRACES, MAX_TRACES)?)?, Vec::new())
        };
        Ok((traces.iter().map(JaegerTrace::from).collect(), missing))
    };
    answer_partly(context.run(Api::Traces, query).await)
}

fn by_ids(context: &Context, params: &Params) -> Result<(Vec<tripod_store::Trace>, Vec<Missing>), Failure> {
    let (mut traces, mut missing) = (Vec::new(), Vec::new());
    for id in params.all("traceID").take(MAX_TRACES) {
        match context.store.trace(trace_id(id)?)? {
            Some(trace) => traces.push(trace),
            None => missing.push(Missing { code: 404, msg: NOT_FOUND, trace_id: id.to_owned() }),
        }
    }
    Ok((traces, missing))
}

async fn dependencies(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let millis = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a number of milliseconds"));
        let end = params.read("endTs", millis)?.map_or_else(time::now, |end| end.saturating_mul(1_000_000));
        let lookback = params.read("lookback", millis)?.map_or(DEPENDENCIES_LOOKBACK, Duration::from_millis);
        let lookback = u64::try_from(lookback.as_nanos()).unwrap_or(u64::MAX);
        let links = dependency_links(context, Window { start: end.saturating_sub(lookback), end })?;
        let link = |(parent, child, calls)| json!({ "parent": parent, "child": child, "callCount": calls });
        Ok(links.into_iter().map(link).collect())
    };
    answer(context.run(Api::Traces, query).await)
}

/// Which service calls which how often.
pub(super) fn dependency_links(context: &Context, window: Window) -> Result<Vec<(String, String, u64)>, Failure> {
    let links = context.store.dependencies(window)?.into_iter();
    Ok(links.map(|one| (one.parent, one.child, one.calls)).collect())
}

/// Jaeger leaves out leading zeros.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Failure> {
    let bad = || Failure::Bad(format!("{text:?} is not a trace id: up to 32 hex digits, not all zero"));
    let id: TraceId = format!("{text:0>32}").parse().map_err(|_| bad())?;
    if id.is_valid() { Ok(id) } else { Err(bad()) }
}

/// A search's conditions, as `/api/traces` and `/api/trace-summaries` take them.
pub(super) fn conditions(params: &Params, default_limit: usize, max_limit: usize) -> Result<TraceQuery, Failure> {
    let all = |value: &String| value != "all";
    Ok(TraceQuery {
        service: params.owned("service"),
        operation: params.owned("operation").filter(all),
        attributes: tags(params)?,
        min_duration: params.read("minDuration", time::parse_go_duration)?,
        max_duration: params.read("maxDuration", time::parse_go_duration)?,
        window: window(params)?,
        limit: params.count("limit", default_limit, max_limit)?,
    })
}

/// `tags`, a JSON object, and `tag`, `key:value`, which may be repeated.
fn tags(params: &Params) -> Result<Vec<AttributeMatch>, Failure> {
    let mut tags = params.tags()?;
    for text in params.all("tag") {
        let wrong = || Failure::Bad(format!("malformed 'tag' parameter, expecting key:value, received: {text}"));
        let (key, value) = text.split_once(':').ok_or_else(wrong)?;
        tags.push(AttributeMatch { key: key.to_owned(), value: value.to_owned() });
    }
    Ok(tags)
}

/// `start` and `end` in microseconds; `lookback` counts back from the end where no start is given; without any, all of time.
fn window(params: &Params) -> Result<Window, Failure> {
    let micros = |text: &str| {
        let micros = text.parse::<i64>().map_err(|_| format!("{text:?} is not a number of microseconds"))?;
        Ok(u64::try_from(micros).unwrap_or(0).saturating_mul(1000))
    };
    let end = params.read("end", micros)?;
    // The end is a whole microsecond: all its nanoseconds belong to it.
    let last = end.map_or(u64::MAX, |end| end.saturating_add(999));
    let start = params.read("start", micros)?;
    let lookback = params.get("lookback").and_then(|text| time::parse_go_duration(text).ok());
    let back = |lookback: Duration| end.unwrap_or_else(time::now).saturating_sub(lookback.as_nanos() as u64);
    let start = start.or_else(|| lookback.map(back)).unwrap_or(0);
    if last < start {
        return Err(Failure::Bad("end must not be before start".to_owned()));
    }
    Ok(Window { start, end: last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_read_as_jaeger_writes_it() {
        let text =
            b"service=a&operation=all&tags=%7B%22error%22%3A%22true%22%7D&minDuration=100ms&start=5&end=7&limit=3";
        let query = conditions(&Params::parse(text), DEFAULT_TRACES, MAX_TRACES).unwrap();
        assert_eq!((query.service.as_deref(), query.operation), (Some("a"), None));
        assert_eq!(query.attributes[0].key, "error");
        assert_eq!(query.min_duration, Some(Duration::from_millis(100)));
        assert_eq!((query.window, query.limit), (Window { start: 5000, end: 7999 }, 3));
    }

    #[test]
    fn tags_come_as_an_object_and_one_by_one() {
        let query = |text: &[u8]| conditions(&Params::parse(text), DEFAULT_TRACES, MAX_TRACES);
        let tags = query(br#"tags={"a":"1"}&tag=b:2&tag=url:http://x"#).unwrap().attributes;
        let pairs: Vec<(&str, &str)> = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("b", "2"), ("url", "http://x")]);
        assert!(query(b"tag=b").unwrap_err().reason().contains("key:value"));
    }

    #[test]
    fn a_short_trace_id_is_filled_up_and_a_wrong_one_refused() {
        assert_eq!(trace_id("ab").unwrap().0[15], 0xab);
        for wrong in ["", "0", "xyz", "123456789012345678901234567890123"] {
            assert!(trace_id(wrong).is_err(), "{wrong}");
        }
    }
}
