//! The server's side of a failure; requests themselves are observed by a layer, see `run`.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

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
