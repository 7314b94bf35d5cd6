//! Zipkin's API version 2: `POST /api/v2/spans` with JSON or protobuf, plain or compressed.
//!
//! A request is read span by span and written as the OTLP request that it stands for ([`convert`]), which is then taken in as any
//! other: nothing is held but the two. What a field becomes follows OpenTelemetry's mapping.

mod convert;
mod json;
mod protobuf;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tripod_wire::otlp::Signal;

use self::convert::Converter;
use super::refusal::Refusal;
use super::{Format, Ingest, otlp_http};
use crate::own_metrics::Protocol;

/// The most tags and annotations of a span: empty ones take far more memory than they are long.
const MAX_PARTS: usize = 1 << 16;

/// The receiver, for the web page's address.
pub(crate) fn routes(ingest: Arc<Ingest>) -> Router {
    Router::new().route("/api/v2/spans", post(spans)).with_state(ingest)
}

/// The receiver, for an address of its own.
pub(crate) fn router(ingest: Arc<Ingest>) -> Router {
    routes(ingest).fallback(async |request: Request| {
        let text = format!("nothing at {}: send Zipkin's spans to /api/v2/spans\n", request.uri().path());
        (StatusCode::NOT_FOUND, text)
    })
}

async fn spans(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let result = take(&ingest, request).await;
    ingest.own.count_request(Protocol::Zipkin, Signal::Traces, result.as_ref().err().map(|refusal| refusal.kind));
    match result {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refusal) => {
            let code = StatusCode::from_u16(refusal.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (code, refusal.reason).into_response();
            if refusal.kind.is_temporary() {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

async fn take(ingest: &Arc<Ingest>, request: Request) -> Result<(), Refusal> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = match content_type.split(';').next().unwrap_or_default().trim() {
        // What says nothing is JSON, as in Zipkin.
        "" | "application/json" | "text/plain" => Format::Json,
        "application/x-protobuf" | "application/protobuf" => Format::Protobuf,
        other => {
            let allowed = "send application/json or application/x-protobuf";
            return Err(Refusal::unsupported(format!("content-type {other:?} is not spoken here: {allowed}")));
        }
    };
    let (coding, bytes, lease) = otlp_http::read(ingest, request).await?;
    let convert = move |bytes: &[u8]| otlp(format, bytes, crate::query::time::now());
    ingest.accept_spans(coding, bytes, lease, convert).await.map(drop)
}

/// The OTLP request that a Zipkin request stands for; spans without a time began `now`.
pub(crate) fn otlp(format: Format, bytes: &[u8], now: u64) -> Result<Vec<u8>, Refusal> {
    let mut converter = Converter::new(now);
    match format {
        Format::Json => json::read(bytes, &mut converter),
        Format::Protobuf => protobuf::read(bytes, &mut converter),
    }
    .map_err(|reason| Refusal::invalid(format!("not a valid list of Zipkin spans: {reason}")))?;
    Ok(converter.finish())
}
