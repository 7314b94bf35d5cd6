//! Tempo's HTTP API, as Grafana's Tempo data source calls it: TraceQL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{SpanStore, TraceQuery, Window};
use tripod_wire::otlp::TracesData;
use tripod_wire::proto::{Message, put_len_delimited};

use super::jaeger::trace_id;
use super::params::{Params, Segment, segment};
use super::tempo_json::found;
use super::traceql::{self, Asked};
use super::{Context, Failure, json_bytes, json_response, otlp_traces, time};
use crate::own_metrics::Api;

const DEFAULT_TRACES: usize = 20;
const MAX_TRACES: usize = 1500;
const DEFAULT_SPANS: usize = 3;
const MAX_SPANS: usize = 1000;
const MAX_VALUES: usize = 1000;
/// Spans that the values of a key are taken from where the store's indexes have none.
const SAMPLE: usize = 2000;
/// What is left of a query's time when the search ends, so that there is an answer.
const RESERVE: Duration = Duration::from_millis(500);

const PROTOBUF: &str = "application/protobuf";

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/echo", get(|| async { "echo" }))
        .route("/api/search", get(search))
        .route("/api/search/tags", get(tags))
        .route("/api/v2/search/tags", get(scoped_tags))
        .route("/api/search/tag/{tag}/values", get(values))
        .route("/api/v2/search/tag/{tag}/values", get(typed_values))
        .route("/api/v2/traces/{id}", get(trace_v2))
}

/// Whether Tempo's protobuf is asked for: its clients and Jaeger's ask for traces under the same path.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let accepts = |value: &axum::http::HeaderValue| value.to_str().is_ok_and(|value| value.contains(PROTOBUF));
    headers.get_all(ACCEPT).iter().any(accepts)
}

/// Tempo says what is wrong in plain text.
fn refused(failure: &Failure) -> Response {
    (failure.status(), failure.reason().to_owned()).into_response()
}

fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(failure) => refused(&failure),
    }
}

async fn load(context: &Arc<Context>, id: Segment) -> Result<TracesData, Failure> {
    let query = move |context: &Context| {
        let trace = context.store.trace(trace_id(&segment(id)?)?)?;
        let trace = trace.ok_or_else(|| Failure::NotFound("trace not found".to_owned()))?;
        Ok(otlp_traces::of(vec![trace]))
    };
    context.run(Api::Traces, query).await
}

/// `/api/traces/{id}` for those who ask for protobuf: the bytes are those of OTLP.
pub(super) async fn trace_v1(context: &Arc<Context>, id: Segment) -> Response {
    match load(context, id).await {
        Ok(data) => protobuf(data.encode_to_vec()),
        Err(failure) => refused(&failure),
    }
}

async fn trace_v2(State(context): State<Arc<Context>>, id: Segment, request: Request) -> Response {
    let wants_protobuf = is_asked(request.headers());
    match load(&context, id).await {
        Ok(data) if wants_protobuf => {
            let mut bytes = Vec::new();
            put_len_delimited(&mut bytes, 1, |out| data.encode(out));
            protobuf(bytes)
        }
        Ok(data) => json_bytes(StatusCode::OK, format!(r#"{{"trace":{}}}"#, data.to_json()).into_bytes()),
        Err(failure) => refused(&failure),
    }
}

fn protobuf(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, PROTOBUF)], Body::from(bytes)).into_response()
}

/// `q` is TraceQL; before it there was `tags`, `key=value` pairs in logfmt, with durations of their own.
async fn search(State(context): State<Arc<Context>>, params: Params) -> Response {
    let asked_at = Instant::now();
    let query = move |context: &Context| {
        let (text, window) = (query_text(&params)?, window(&params)?);
        let query = traceql::parse(&text).map_err(|error| Failure::Bad(format!("invalid TraceQL query: {error}")))?;
        let asked = Asked {
            window,
            limit: params.count("limit", DEFAULT_TRACES, MAX_TRACES)?,
            spans: params.count("spss", DEFAULT_SPANS, MAX_SPANS)?,
            deadline: asked_at + context.timeout.saturating_sub(RESERVE.min(context.timeout / 2)),
        };
        Ok(found(&traceql::search(context.store.as_ref(), &query, &asked)?))
    };
    answer(context.run(Api::Traces, query).await)
}

fn query_text(params: &Params) -> Result<String, Failure> {
    if let Some(text) = params.get("q") {
        return Ok(text.to_owned());
    }
    let mut conditions = Vec::new();
    for pair in params.get("tags").unwrap_or_default().split_whitespace() {
        let wrong = || Failure::Bad(format!("invalid parameter \"tags\": {pair:?} is not key=value"));
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let value = value.trim_matches('"');
        conditions.push(match key {
            "status" | "kind" => format!("{key} = {value}"),
            "name" => format!("name = {value:?}"),
            _ => format!(".{key:?} =~ {:?}", regex::escape(value)),
        });
    }
    for (name, op) in [("minDuration", ">="), ("maxDuration", "<=")] {
        conditions.extend(params.get(name).map(|value| format!("traceDuration {op} {value}")));
    }
    Ok(format!("{{ {} }}", conditions.join(" && ")))
}

/// `start` and `end`: whole seconds, the last of which belongs to the window.
fn window(params: &Params) -> Result<Window, Failure> {
    let window = params.window()?;
    let is_seconds = params.get("end").is_some_and(|end| end.len() <= 11 && end.bytes().all(|c| c.is_ascii_digit()));
    Ok(Window { end: window.end.saturating_add(if is_seconds { 999_999_999 } else { 0 }), ..window })
}

/// Keys of attributes of resources and of spans.
fn keys(context: &Context) -> Result<(Vec<String>, Vec<String>), Failure> {
    let store: &dyn SpanStore = context.store.as_ref();
    let of_resources = store.resource_keys()?;
    let all = store.attribute_keys()?.into_iter().map(|one| one.key);
    let of_spans = all.filter(|key| of_resources.binary_search(key).is_err()).collect();
    Ok((of_resources, of_spans))
}

async fn tags(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let scope = scope(&params)?;
        let (resource, span) = keys(context)?;
        let names = [("resource", resource), ("span", span), ("intrinsic", intrinsics())];
        let wanted = names.into_iter().filter(|(name, _)| scope.as_deref().is_none_or(|scope| scope == *name));
        let mut names: Vec<String> = wanted.flat_map(|(_, names)| names).collect();
        names.sort_unstable();
        names.dedup();
        Ok(json!({ "tagNames": names }))
    };
    answer(context.run(Api::Traces, query).await)
}

async fn scoped_tags(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let scope = scope(&params)?;
        let (resource, span) = keys(context)?;
        let scopes = [("resource", resource), ("span", span), ("intrinsic", intrinsics())];
        let wanted = scopes.into_iter().filter(|(name, _)| scope.as_deref().is_none_or(|scope| scope == *name));
        let list: Value = wanted.map(|(name, tags)| json!({ "name": name, "tags": tags })).collect();
        Ok(json!({ "scopes": list }))
    };
    answer(context.run(Api::Traces, query).await)
}

fn scope(params: &Params) -> Result<Option<String>, Failure> {
    let known = ["resource", "span", "intrinsic", "event", "link", "instrumentation"];
    let read = |text: &str| match text {
        "none" => Ok(None),
        text if known.contains(&text) => Ok(Some(text.to_owned())),
        other => Err(format!("{other:?} is not one of none, {}", known.join(", "))),
    };
    Ok(params.read("scope", read)?.flatten())
}

fn intrinsics() -> Vec<String> {
    traceql::intrinsics().map(str::to_owned).collect()
}

async fn values(State(context): State<Arc<Context>>, tag: Segment, params: Params) -> Response {
    let query = move |context: &Context| {
        let values = values_of(context, &segment(tag)?, &params)?;
        Ok(json!({ "tagValues": values.into_iter().map(|(_, value)| value).collect::<Value>() }))
    };
    answer(context.run(Api::Traces, query).await)
}

async fn typed_values(State(context): State<Arc<Context>>, tag: Segment, params: Params) -> Response {
    let query = move |context: &Context| {
        let values = values_of(context, &segment(tag)?, &params)?;
        let list: Value = values.into_iter().map(|(kind, value)| json!({ "type": kind, "value": value })).collect();
        Ok(json!({ "tagValues": list }))
    };
    answer(context.run(Api::Traces, query).await)
}

/// Values of a field with their types: those of intrinsics by what they are, those of attributes from the store's indexes; of
/// other intrinsics from some of the spans.
fn values_of(context: &Context, tag: &str, params: &Params) -> Result<Vec<(&'static str, String)>, Failure> {
    let limit = params.count("limit", MAX_VALUES, MAX_VALUES)?;
    let store: &dyn SpanStore = context.store.as_ref();
    let texts = |texts: Vec<String>| texts.into_iter().take(limit).map(|text| ("string", text)).collect();
    let words = |words: &[&str]| words.iter().map(|word| ("keyword", (*word).to_owned())).collect();
    Ok(match tag {
        "status" | "span:status" => words(&traceql::STATUSES),
        "kind" | "span:kind" => words(&traceql::KINDS),
        "resource.service.name" | ".service.name" | "service.name" | "rootServiceName" | "trace:rootService" => {
            texts(store.services()?)
        }
        "name" | "span:name" | "rootName" | "trace:rootName" => {
            let mut names = Vec::new();
            for service in store.services()? {
                names.extend(store.operations(&service)?.into_iter().map(|one| one.name));
            }
            names.sort_unstable();
            names.dedup();
            texts(names)
        }
        tag => {
            let field = traceql::field(tag);
            if let Some(key) = field.as_ref().and_then(traceql::Field::attribute_key) {
                let found = store.attribute_values(key, "", limit)?;
                return Ok(found.into_iter().map(|one| (type_of(&one.value), one.value)).collect());
            }
            let Some(field) = field else {
                // Without a scope, as version 1 has it.
                let found = store.attribute_values(tag, "", limit)?;
                return Ok(found.into_iter().map(|one| (type_of(&one.value), one.value)).collect());
            };
            let sample = store.sample_spans(&TraceQuery::within(recent(params)?, SAMPLE))?;
            traceql::distinct(sample.spans, &field, limit).into_iter().map(|text| ("string", text)).collect()
        }
    })
}

fn recent(params: &Params) -> Result<Window, Failure> {
    match (params.get("start"), params.get("end")) {
        (None, None) => Ok(Window { start: time::now().saturating_sub(3_600_000_000_000), end: u64::MAX }),
        _ => window(params),
    }
}

/// Values are indexed as texts: what a text looks like is its type.
fn type_of(text: &str) -> &'static str {
    if text == "true" || text == "false" {
        "bool"
    } else if text.parse::<i64>().is_ok() {
        "int"
    } else if text.parse::<f64>().is_ok_and(f64::is_finite) {
        "float"
    } else {
        "string"
    }
}
