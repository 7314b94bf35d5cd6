//! `GET /api/trace-summaries`: what a list of many traces shows of each, without their spans.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{ServiceShare, TraceSummary};

use super::params::Params;
use super::{Context, answer, incomplete, jaeger};
use crate::own_metrics::Api;

const DEFAULT_SUMMARIES: usize = 200;
const MAX_SUMMARIES: usize = 5000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/trace-summaries", get(summaries))
}

async fn summaries(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let conditions = jaeger::conditions(&params, DEFAULT_SUMMARIES, MAX_SUMMARIES)?;
        let found = context.store.summarize_traces(&conditions)?;
        let mut answer =
            json!({ "summaries": found.summaries.iter().map(summary).collect::<Value>(), "complete": found.complete });
        incomplete::add_to(&mut answer, context.store.as_ref(), "spans", conditions.window);
        Ok(answer)
    };
    answer(context.run(Api::Traces, query).await)
}

fn summary(of: &TraceSummary) -> Value {
    json!({
        "traceID": of.id.to_string(),
        "service": of.service,
        "operation": of.operation,
        "start_unix_nano": of.start.to_string(),
        "duration_ns": of.duration.as_nanos().to_string(),
        "spans": of.spans,
        "errors": of.errors,
        "services": of.services.iter().map(share).collect::<Value>(),
        "error": of.error,
    })
}

fn share(of: &ServiceShare) -> Value {
    json!({ "name": of.service, "spans": of.spans, "errors": of.errors })
}
