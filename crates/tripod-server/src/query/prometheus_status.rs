//! What Prometheus says of itself: version, settings, what the store is made of, health.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Map, Value, json};
use tripod_store::StatisticsRow;

use super::params::Params;
use super::prometheus::answer;
use super::{Context, Failure, json_response, time};
use crate::own_metrics::Api;

/// The version of Prometheus whose API this is; clients decide by it what they may ask.
const PROMETHEUS_VERSION: &str = "3.5.0";
const DEFAULT_ROWS: usize = 10;
const MAX_ROWS: usize = 10_000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/status/buildinfo", get(buildinfo))
        .route("/api/v1/status/runtimeinfo", get(runtimeinfo))
        .route("/api/v1/status/flags", get(flags))
        .route("/api/v1/status/tsdb", get(tsdb))
        .route("/api/v1/status/walreplay", get(walreplay))
        .route("/api/v1/notifications", get(notifications))
        .route("/-/healthy", get(async || "Tripod is healthy.\n"))
        .route("/-/ready", get(async || "Tripod is ready.\n"))
        .route("/-/reload", any(reload))
        .route("/-/quit", any(quit))
}

fn success(data: &Value) -> Response {
    json_response(StatusCode::OK, &json!({ "status": "success", "data": data }))
}

async fn buildinfo() -> Response {
    success(&json!({
        "version": PROMETHEUS_VERSION, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        "application": format!("tripod {}", env!("CARGO_PKG_VERSION")),
    }))
}

async fn runtimeinfo(State(context): State<Arc<Context>>) -> Response {
    let query = |context: &Context| {
        let now = time::now();
        let up = u64::try_from(context.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let start = time::format_rfc3339(now.saturating_sub(up));
        let damaged: usize = context.store.status().signals.iter().map(|signal| signal.damaged.len()).sum();
        let retention = context.settings.iter().filter(|(name, _)| *name == "keep").map(|(_, value)| value.as_str());
        let data = json!({
            "startTime": start,
            "serverTime": time::format_rfc3339(now),
            "reloadConfigSuccess": true,
            "lastConfigTime": start,
            "corruptionCount": damaged,
            "storageRetention": retention.collect::<Vec<_>>().join(" "),
        });
        envelope(&data)
    };
    answer(context.run(Api::Status, query).await)
}

fn envelope(data: &Value) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(&json!({ "status": "success", "data": data }))
        .map_err(|error| Failure::Internal(error.to_string()))
}

/// The settings by the names of their flags.
async fn flags(State(context): State<Arc<Context>>) -> Response {
    let mut flags = Map::new();
    for (name, value) in &context.settings {
        let all = flags.entry(*name).or_insert_with(|| Value::String(String::new()));
        let joined = match all.as_str() {
            Some(earlier) if !earlier.is_empty() => format!("{earlier} {value}"),
            _ => value.clone(),
        };
        *all = Value::String(joined);
    }
    success(&Value::Object(flags))
}

async fn tsdb(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let limit = params.count("limit", DEFAULT_ROWS, MAX_ROWS)?;
        let statistics = context.store.series_statistics(limit)?;
        let status = context.store.status();
        let samples = status.signals.iter().find(|signal| signal.signal == "samples");
        let millis = |time: Option<u64>| time.map_or(0, |nanos| nanos / 1_000_000);
        let data = json!({
            "headStats": {
                "numSeries": statistics.series,
                "numLabelPairs": statistics.label_pairs,
                "minTime": millis(samples.and_then(|samples| samples.oldest)),
                "maxTime": millis(samples.and_then(|samples| samples.newest)),
            },
            "seriesCountByMetricName": rows(&statistics.series_by_metric),
            "labelValueCountByLabelName": rows(&statistics.values_by_label),
            "memoryInBytesByLabelName": rows(&statistics.bytes_by_label),
            "seriesCountByLabelValuePair": rows(&statistics.series_by_label_pair),
        });
        envelope(&data)
    };
    answer(context.run(Api::Status, query).await)
}

fn rows(of: &[StatisticsRow]) -> Value {
    of.iter().map(|row| json!({ "name": row.name, "value": row.count })).collect()
}

/// Who can ask is answered after the log was read.
async fn walreplay() -> Response {
    success(&json!({ "min": 0, "max": 0, "current": 0, "state": "done" }))
}

async fn notifications() -> Response {
    success(&json!([]))
}

/// Why a method changes nothing here.
fn wrong_method(method: &Method) -> Option<Response> {
    let right = method == Method::POST || method == Method::PUT;
    (!right).then(|| (StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed\n").into_response())
}

/// The words of a Prometheus that was not told to let this be done over HTTP.
fn not_enabled() -> Response {
    (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.\n").into_response()
}

async fn reload(State(context): State<Arc<Context>>, method: Method) -> Response {
    if let Some(refused) = wrong_method(&method) {
        return refused;
    }
    let Some(reload) = context.reload.clone() else { return not_enabled() };
    match tokio::task::spawn_blocking(move || reload()).await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(error)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed to reload config\n").into_response(),
    }
}

/// Nothing ends the server over HTTP.
async fn quit(method: Method) -> Response {
    wrong_method(&method).unwrap_or_else(not_enabled)
}
