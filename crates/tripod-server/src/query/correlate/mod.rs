//! `/api/correlate`: from a point of a metric to its traces and their logs; `/api/correlate/differences`: which attributes differ
//! between some spans and the rest; `/api/correlate/attributes`: how many of some traces have each value of each.
//!
//! All answer GET with parameters and POST with a form or a JSON object of the same names.

mod attributes;
mod differences;
mod facts;
mod point;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::Value;
use tripod_wire::TraceId;

use super::params::{Params, body};
use super::{Context, Failure, answer, jaeger};
use crate::own_metrics::Api;

/// The longest JSON object that is read.
const MAX_BODY: usize = 1 << 20;
/// The most traces that are selected by their ids.
const MAX_TRACES: usize = 1000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/correlate", asked(point::correlate))
        .route("/api/correlate/differences", asked(differences::differences))
        .route("/api/correlate/attributes", asked(attributes::attributes))
}

type Query = fn(&Context, &Params) -> Result<Value, Failure>;

fn asked(query: Query) -> MethodRouter<Arc<Context>> {
    let run = move |State(context): State<Arc<Context>>, request: Request| async move {
        let params = match read(request).await {
            Ok(params) => params,
            Err(failure) => return failure.ours(),
        };
        let result: Result<Value, Failure> = context.run(Api::Traces, move |context| query(context, &params)).await;
        let response: Response = answer(result);
        response
    };
    get(run).post(run)
}

/// The traces that `traceID`, repeated, names.
fn trace_ids(params: &Params) -> Result<HashSet<TraceId>, Failure> {
    let ids = params.all("traceID").map(jaeger::trace_id).collect::<Result<HashSet<_>, _>>()?;
    if ids.len() > MAX_TRACES {
        return Err(Failure::Bad(format!("{} traces are selected, at most {MAX_TRACES} may be", ids.len())));
    }
    Ok(ids)
}

/// Parameters, from wherever they come.
async fn read(request: Request) -> Result<Params, Failure> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Params::from_request(request, &()).await.map_err(|never| match never {});
    }
    let object: serde_json::Map<String, Value> = serde_json::from_slice(&body(request, MAX_BODY).await?)
        .map_err(|error| Failure::Bad(format!("the body is not a JSON object: {error}")))?;
    let mut pairs = Vec::new();
    for (name, value) in object {
        match value {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    pairs.push((name.clone(), text(&name, value)?));
                }
            }
            value => pairs.push((name.clone(), text(&name, value)?)),
        }
    }
    Ok(pairs.into_iter().collect())
}

fn text(name: &str, value: Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        // As in a query: an object of tags.
        Value::Object(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) => {
            Err(Failure::Bad(format!("invalid parameter {name:?}: a list of lists or nulls")))
        }
    }
}
