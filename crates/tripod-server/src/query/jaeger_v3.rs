//! Jaeger's API version 3: traces as OTLP JSON.
//!
//! Parameters are read under the names of the protocol's JSON (`query.serviceName`) and the older ones (`query.service_name`).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{Trace, TraceQuery, TraceSummary, Window};

use super::jaeger::{dependency_links, trace_id};
use super::jaeger_json::kind_name;
use super::params::{Params, Segment, segment};
use super::{Context, Failure, json_bytes, json_response, otlp_traces, time};
use crate::own_metrics::Api;

const DEFAULT_TRACES: usize = 100;
const MAX_TRACES: usize = 1500;
const MAX_SUMMARIES: usize = 5000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(search))
        .route("/api/v3/traces/{id}", get(trace))
        .route("/api/v3/trace-summaries", get(summaries))
        .route("/api/v3/dependencies", get(dependencies))
}

fn refused(failure: &Failure) -> Response {
    let (code, message) = (failure.status(), failure.reason());
    json_response(code, &json!({ "error": { "httpCode": code.as_u16(), "message": message } }))
}

fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(failure) => refused(&failure),
    }
}

/// OTLP JSON, written as it is: as a tree of values large traces would be held once more.
fn answer_traces(result: Result<String, Failure>) -> Response {
    match result {
        Ok(data) => json_bytes(StatusCode::OK, format!(r#"{{"result":{data}}}"#).into_bytes()),
        Err(failure) => refused(&failure),
    }
}

fn found(traces: Vec<Trace>) -> Result<String, Failure> {
    if traces.is_empty() {
        return Err(Failure::NotFound("No traces found".to_owned()));
    }
    Ok(otlp_traces::of(traces).to_json())
}

async fn services(State(context): State<Arc<Context>>) -> Response {
    answer(context.run(Api::Traces, |context| Ok(json!({ "services": context.store.services()? }))).await)
}

async fn operations(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let wanted = first(&params, &["spanKind", "span_kind"]).map(|(_, kind)| kind);
        let named = context.store.operations(params.required("service")?)?.into_iter();
        // Jaeger takes a kind that was not said for this one.
        let named = named.map(|one| (one.name, kind_name(one.kind).unwrap_or("internal")));
        let operations = named.filter(|(_, kind)| wanted.is_none_or(|wanted| wanted == *kind));
        let list: Value = operations.map(|(name, kind)| json!({ "name": name, "spanKind": kind })).collect();
        Ok(json!({ "operations": list }))
    };
    answer(context.run(Api::Traces, query).await)
}

async fn trace(State(context): State<Arc<Context>>, id: Segment) -> Response {
    let query = move |context: &Context| found(context.store.trace(trace_id(&segment(id)?)?)?.into_iter().collect());
    answer_traces(context.run(Api::Traces, query).await)
}

async fn search(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| found(context.store.find_traces(&conditions(&params, MAX_TRACES)?)?);
    answer_traces(context.run(Api::Traces, query).await)
}

async fn summaries(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let found = context.store.summarize_traces(&conditions(&params, MAX_SUMMARIES)?)?;
        Ok(json!({ "summaries": found.summaries.iter().map(summary).collect::<Value>() }))
    };
    answer(context.run(Api::Traces, query).await)
}

/// A summary in the JSON of protobuf, in which 64-bit numbers are texts.
fn summary(of: &TraceSummary) -> Value {
    let end = u64::try_from(of.duration.as_nanos()).map_or(u64::MAX, |nanos| of.start.saturating_add(nanos));
    let services = of
        .services
        .iter()
        .map(|share| json!({ "name": share.service, "spanCount": share.spans, "errorSpanCount": share.errors }));
    json!({
        "traceId": of.id.to_string(),
        "rootServiceName": of.service,
        "rootOperationName": of.operation,
        "minStartTimeUnixNano": of.start.to_string(),
        "maxEndTimeUnixNano": end.to_string(),
        "spanCount": of.spans,
        "errorSpanCount": of.errors,
        "services": services.collect::<Value>(),
    })
}

async fn dependencies(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let times = [&["startTime", "start_time"], &["endTime", "end_time"]];
        let links = dependency_links(context, window(&params, &times)?)?;
        let link = |(parent, child, calls): (String, String, u64)| json!({ "parent": parent, "child": child, "callCount": calls.to_string() });
        Ok(json!({ "dependencies": links.into_iter().map(link).collect::<Value>() }))
    };
    answer(context.run(Api::Traces, query).await)
}

/// The first of these parameters that is there, with its name.
fn first<'a>(params: &'a Params, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, params.get(name)?)))
}

/// Reads the first of these parameters that is there.
fn read<T>(
    params: &Params,
    names: &[&'static str],
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    let Some((name, text)) = first(params, names) else { return Ok(None) };
    read(text).map(Some).map_err(|reason| Failure::Bad(format!("malformed parameter {name}: {reason}")))
}

fn conditions(params: &Params, max: usize) -> Result<TraceQuery, Failure> {
    let text = |names: &[&'static str]| first(params, names).map(|(_, text)| text.to_owned());
    let duration =
        |names: &[&'static str]| -> Result<Option<Duration>, Failure> { read(params, names, time::parse_go_duration) };
    let depth = |text: &str| match text.parse::<usize>() {
        Ok(depth) if (1..=max).contains(&depth) => Ok(depth),
        _ => Err(format!("{text:?} must be a whole number from 1 to {max}")),
    };
    let times = [&["query.startTimeMin", "query.start_time_min"], &["query.startTimeMax", "query.start_time_max"]];
    Ok(TraceQuery {
        service: text(&["query.serviceName", "query.service_name"]),
        operation: text(&["query.operationName", "query.operation_name"]),
        attributes: params.attributes("query.attributes")?,
        min_duration: duration(&["query.durationMin", "query.duration_min"])?,
        max_duration: duration(&["query.durationMax", "query.duration_max"])?,
        window: window(params, &times)?,
        limit: read(params, &["query.searchDepth", "query.search_depth", "query.num_traces"], depth)?
            .unwrap_or(DEFAULT_TRACES),
    })
}

/// Both ends must be there, and be RFC 3339.
fn window(params: &Params, [start, end]: &[&[&'static str; 2]; 2]) -> Result<Window, Failure> {
    let required = || Failure::Bad(format!("{} and {} are required", start[0], end[0]));
    let nanos = |text: &str| {
        let is_text = text.contains(':');
        time::parse(text)
            .ok()
            .filter(|_| is_text)
            .map(time::clamp_nanos)
            .ok_or_else(|| format!("{text:?} is no RFC 3339 time"))
    };
    let from = read(params, *start, nanos)?.ok_or_else(required)?;
    let to = read(params, *end, nanos)?.ok_or_else(required)?;
    if from >= to {
        return Err(Failure::Bad(format!("{} must be before {}", start[0], end[0])));
    }
    Ok(Window { start: from, end: to })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: &str = "query.startTimeMin=2026-11-21T00:00:00Z&query.startTimeMax=2026-11-22T00:00:00Z";

    #[test]
    fn parameters_are_read_under_their_new_and_their_old_names() {
        let old = "query.service_name=a&query.operation_name=b&query.start_time_min=2026-11-21T00:00:00Z&\
            query.start_time_max=2026-11-22T00:00:00Z&query.duration_min=100ms&query.num_traces=7";
        let new =
            format!("query.serviceName=a&query.operationName=b&{TIMES}&query.durationMin=100ms&query.searchDepth=7");
        let [old, new] = [old, &new].map(|text| conditions(&Params::parse(text.as_bytes()), MAX_TRACES).unwrap());
        assert_eq!(format!("{old:?}"), format!("{new:?}"));
        assert_eq!((old.service.as_deref(), old.operation.as_deref(), old.limit), (Some("a"), Some("b"), 7));
        assert_eq!(old.min_duration, Some(Duration::from_millis(100)));
        assert_eq!(old.window.end - old.window.start, 86_400_000_000_000);
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_said_as_jaeger_says_it() {
        for (text, reason) in [
            ("", "query.startTimeMin and query.startTimeMax are required"),
            (
                "query.start_time_min=yesterday&query.start_time_max=2026-11-22T00:00:00Z",
                "malformed parameter query.start_time_min",
            ),
            ("query.start_time_min=1795238947&query.start_time_max=1795238948", "no RFC 3339 time"),
            ("query.start_time_min=2026-11-22T00:00:00Z&query.start_time_max=2026-11-22T00:00:00Z", "must be before"),
        ] {
            let failure = conditions(&Params::parse(text.as_bytes()), MAX_TRACES).unwrap_err();
            assert!(failure.reason().contains(reason), "{text}: {failure:?}");
        }
        for (more, reason) in [
            ("query.searchDepth=0", "malformed parameter query.searchDepth"),
            ("query.duration_max=long", "malformed parameter query.duration_max"),
            ("query.attributes=5", "query.attributes"),
        ] {
            let failure = conditions(&Params::parse(format!("{TIMES}&{more}").as_bytes()), MAX_TRACES).unwrap_err();
            assert!(failure.reason().contains(reason), "{more}: {failure:?}");
        }
    }
}
