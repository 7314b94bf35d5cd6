//! `/api/rules/own`: alerts that are made in the page; `GET` lists them, `PUT /api/rules/own/{name}` keeps one, `DELETE` takes it away.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::IF_NONE_MATCH;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::params::{Segment, body, segment};
use super::{Context, Failure, answer, json_response};
use crate::rules::own::{self, OwnError, OwnRule};

/// The longest rule, as JSON.
const MAX_RULE: usize = 64 << 10;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/rules/own", get(list)).route("/api/rules/own/{name}", get(one).put(keep).delete(remove))
}

impl From<OwnError> for Failure {
    fn from(error: OwnError) -> Self {
        let reason = error.to_string();
        match error {
            OwnError::Wrong(_) | OwnError::Full | OwnError::Exists(_) => Self::Bad(reason),
            OwnError::NotFound(_) => Self::NotFound(reason),
            OwnError::Broken(_) | OwnError::Io { .. } => Self::Internal(reason),
        }
    }
}

async fn list(State(context): State<Arc<Context>>) -> Response {
    answer(context.write(read).await)
}

fn read(context: &Context) -> Result<Value, Failure> {
    let faults = |faults: Vec<crate::rules::RuleFault>| {
        Failure::Internal(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let file = context.rules.own.read().map_err(faults)?;
    let rules: Vec<Value> = file.groups.iter().filter_map(own::json).collect();
    Ok(json!({ "file": file.name, "rules": rules, "yaml": own::yaml(&file.groups) }))
}

async fn one(State(context): State<Arc<Context>>, name: Segment) -> Response {
    let find = async {
        let name = segment(name)?;
        let mut all = context.write(read).await?;
        let rules = all["rules"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let found = rules.into_iter().find(|rule| rule["name"] == name.as_str());
        found.ok_or_else(|| OwnError::NotFound(name).into())
    };
    answer(find.await)
}

/// With `If-None-Match: *` only a rule whose name is not taken.
async fn keep(State(context): State<Arc<Context>>, name: Segment, request: Request) -> Response {
    let new = request.headers().get(IF_NONE_MATCH).is_some_and(|value| value == "*");
    let keep = async {
        let (name, bytes) = (segment(name)?, body(request, MAX_RULE).await?);
        let rule: OwnRule = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::Bad(format!("the body is not a rule in JSON: {error}")))?;
        context
            .write(move |context| match context.rules.put_own(&name, &rule, new) {
                Err(error @ OwnError::Exists(_)) => Ok(Err(error)),
                kept => Ok(Ok(kept?)),
            })
            .await
    };
    match keep.await {
        Ok(Ok(true)) => json_response(StatusCode::CREATED, &json!({})),
        Ok(Ok(false)) => json_response(StatusCode::OK, &json!({})),
        Ok(Err(exists)) => json_response(StatusCode::PRECONDITION_FAILED, &json!({ "error": exists.to_string() })),
        Err(failure) => failure.ours(),
    }
}

async fn remove(State(context): State<Arc<Context>>, name: Segment) -> Response {
    let remove = async {
        let name = segment(name)?;
        context.write(move |context| Ok(context.rules.remove_own(&name)?)).await?;
        Ok(json!({}))
    };
    answer(remove.await)
}
