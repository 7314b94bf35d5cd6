//! The server's side: a span a request, part of the caller's trace; how long requests take; how many are being served.

use std::error::Error;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tripod::{Histogram, InSpanExt, SpanBuilder, SpanKind, UpDownCounter, labels, propagation};

#[derive(Clone)]
struct ServerMetrics {
    duration: Histogram,
    active: UpDownCounter,
}

/// The routes, each request observed; and `/healthz`, which is not.
pub(crate) fn instrumented(routes: Router) -> Router {
    let health = Router::new().route("/healthz", get(async || "ok"));
    if !routes.has_routes() {
        return health;
    }
    let metrics = ServerMetrics {
        duration: tripod::histogram("http_server_request_duration_seconds")
            .unit("s")
            .description("How long requests take to be served")
            .build(),
        active: tripod::up_down_counter("http_server_active_requests")
            .description("Requests that are being served")
            .build(),
    };
    routes.route_layer(from_fn_with_state(metrics, observe)).merge(health)
}

async fn observe(State(metrics): State<ServerMetrics>, route: MatchedPath, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let span = SpanBuilder::new(format!("{method} {}", route.as_str()))
        .kind(SpanKind::SERVER)
        .parent(propagation::extract(request.headers()))
        .attribute("http.request.method", method.as_str())
        .attribute("http.route", route.as_str())
        .attribute("url.path", request.uri().path())
        .start();
    let serve = async {
        let started = Instant::now();
        let _active = Active::enter(&metrics.active, method.as_str(), route.as_str());
        let response = next.run(request).await;
        let status = response.status().as_u16();
        tripod::current().set_attribute("http.response.status_code", i64::from(status));
        metrics.duration.record(
            started.elapsed().as_secs_f64(),
            labels!(method = method.as_str(), route = route.as_str(), status_code = status),
        );
        response
    };
    serve.in_span(span).await
}

/// A request being served: counted out when it is dropped, which also happens when the caller hangs up.
struct Active<'a> {
    counter: &'a UpDownCounter,
    method: &'a str,
    route: &'a str,
}

impl<'a> Active<'a> {
    fn enter(counter: &'a UpDownCounter, method: &'a str, route: &'a str) -> Self {
        counter.add(1, labels!(method, route));
        Self { counter, method, route }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.counter.add(-1, labels!(method = self.method, route = self.route));
    }
}

/// Answers a request that failed. What the server is to blame for is recorded on the request's span, with all its causes.
pub(crate) fn failure<E: Error>(status: StatusCode, error: &E) -> Response {
    if status.is_server_error() {
        tripod::current().record_error(error);
        tripod::error!("request failed: {error}", status = status.as_u16(), cause = innermost(error));
    } else {
        tripod::warn!("request refused: {error}", status = status.as_u16());
    }
    (status, Json(serde_json::json!({ "error": error.to_string() }))).into_response()
}

fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
