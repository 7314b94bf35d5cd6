//! `GET /api/attributes` and `/api/attributes/values`: the attributes that there are, for what completes them while they are typed.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{AttributeKey, AttributeValue, LogStore, SpanStore};

use super::params::Params;
use super::{Context, Failure, answer};
use crate::own_metrics::Api;

const DEFAULT_KEYS: usize = 1000;
const MAX_KEYS: usize = 10_000;
const DEFAULT_VALUES: usize = 100;
const MAX_VALUES: usize = 1000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/attributes", get(keys)).route("/api/attributes/values", get(values))
}

/// The API whose records are asked about.
fn signal(params: &Params) -> Result<Api, Failure> {
    match params.required("signal")? {
        "spans" => Ok(Api::Traces),
        "logs" => Ok(Api::Logs),
        other => Err(Failure::Bad(format!("invalid parameter \"signal\": {other:?} is not one of spans, logs"))),
    }
}

async fn keys(State(context): State<Arc<Context>>, params: Params) -> Response {
    let signal = match signal(&params) {
        Ok(signal) => signal,
        Err(failure) => return failure.ours(),
    };
    let query = move |context: &Context| {
        let limit = params.count("limit", DEFAULT_KEYS, MAX_KEYS)?;
        let prefix = params.get("prefix").unwrap_or_default();
        let store = context.store.as_ref();
        let found = match signal {
            Api::Logs => LogStore::attribute_keys(store)?,
            _ => SpanStore::attribute_keys(store)?,
        };
        let found = found.iter().filter(|one| one.key.starts_with(prefix)).take(limit);
        Ok(json!({ "keys": found.map(key).collect::<Value>() }))
    };
    answer(context.run(signal, query).await)
}

async fn values(State(context): State<Arc<Context>>, params: Params) -> Response {
    let signal = match signal(&params) {
        Ok(signal) => signal,
        Err(failure) => return failure.ours(),
    };
    let query = move |context: &Context| {
        let limit = params.count("limit", DEFAULT_VALUES, MAX_VALUES)?;
        let (key, prefix) = (params.required("key")?, params.get("prefix").unwrap_or_default());
        let store = context.store.as_ref();
        let found = match signal {
            Api::Logs => LogStore::attribute_values(store, key, prefix, limit)?,
            _ => SpanStore::attribute_values(store, key, prefix, limit)?,
        };
        Ok(json!({ "values": found.iter().map(value).collect::<Value>() }))
    };
    answer(context.run(signal, query).await)
}

/// A key as it is listed.
pub(super) fn key(of: &AttributeKey) -> Value {
    json!({ "key": of.key, "rows": of.rows, "values": of.values })
}

fn value(of: &AttributeValue) -> Value {
    json!({ "value": of.value, "rows": of.rows })
}
