//! The server itself: `GET /healthz`, `/metrics`, `/api/status`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use super::{Context, json_response};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/metrics", get(metrics))
        .route("/api/status", get(status))
}

async fn metrics(State(context): State<Arc<Context>>) -> Response {
    let mut text = context.own.text(&context.store.status(), context.in_flight.used(), context.started.elapsed());
    text += &crate::rules::metrics::text(&context.rules);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn status(State(context): State<Arc<Context>>) -> Response {
    let store = context.store.status();
    let addresses = context.addresses;
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": context.started.elapsed().as_secs(),
        "endpoints": {
            "otlp_grpc": addresses.otlp_grpc.to_string(),
            "otlp_http": addresses.otlp_http.to_string(),
            "http": addresses.http.to_string(),
        },
        "store": {
            "spans": store.spans,
            "logs": store.logs,
            "samples": store.samples,
            "series": store.series,
            "exemplars": store.exemplars,
            "memory_bytes": store.memory_bytes,
            "disk_bytes": store.disk_bytes,
            "evicted": store.evicted,
        },
    });
    json_response(StatusCode::OK, &body)
}
