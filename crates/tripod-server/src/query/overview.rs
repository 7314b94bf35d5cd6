//! `GET /api/overview`: rate, errors and durations of every service.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{ServiceStats, Window};

use super::params::Params;
use super::{Context, answer};
use crate::own_metrics::Api;

const DEFAULT_WINDOW: Duration = Duration::from_secs(15 * 60);
const DEFAULT_STEPS: usize = 30;
const MAX_STEPS: usize = 1000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/overview", get(overview))
}

async fn overview(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let window = params.recent_window(DEFAULT_WINDOW)?;
        let steps = params.count("steps", DEFAULT_STEPS, MAX_STEPS)?;
        let stats = context.store.service_stats(window, steps)?;
        Ok(json!({
            "start_unix_nano": window.start.to_string(),
            "end_unix_nano": window.end.to_string(),
            "steps": steps,
            "services": stats.iter().map(|one| service(one, window)).collect::<Value>(),
        }))
    };
    answer(context.run(Api::Overview, query).await)
}

fn service(stats: &ServiceStats, window: Window) -> Value {
    let seconds = Duration::from_nanos((window.end - window.start).max(1)).as_secs_f64();
    let calls = stats.calls as f64;
    json!({
        "service": stats.service,
        "calls": stats.calls,
        "errors": stats.errors,
        "rate": calls / seconds,
        "error_ratio": if stats.calls == 0 { 0.0 } else { stats.errors as f64 / calls },
        "p50_ms": millis(stats.p50),
        "p95_ms": millis(stats.p95),
        "p99_ms": millis(stats.p99),
        "calls_by_step": stats.calls_by_step,
        "errors_by_step": stats.errors_by_step,
        "p95_ms_by_step": stats.p95_by_step.iter().copied().map(millis).collect::<Vec<_>>(),
    })
}

fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}
