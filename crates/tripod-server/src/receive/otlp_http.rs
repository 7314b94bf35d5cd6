//! OTLP over HTTP: `POST /v1/traces`, `/v1/metrics`, `/v1/logs` with protobuf or JSON, plain or compressed with gzip or zstd.
//! Answers are in the request's format: the export response with its partial success, or `google.rpc.Status`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use tripod_store::Appended;
use tripod_wire::otlp::{ExportResponse, PartialSuccess, RpcStatus, Signal};
use tripod_wire::proto::Message;

use super::body::{self, Coding};
use super::in_flight::Lease;
use super::refusal::Refusal;
use super::{Export, Format, Ingest, remote_write};
use crate::auth::is_local_page;
use crate::own_metrics::Protocol;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The routes of the receiver. With `browsers`, web pages from this machine may send too.
pub(crate) fn router(ingest: Arc<Ingest>, browsers: bool) -> Router {
    let export = |signal: Signal| {
        post(move |State(ingest): State<Arc<Ingest>>, request: Request| async move {
            export(&ingest, signal, request).await
        })
    };
    let router = Router::new()
        .route("/v1/traces", export(Signal::Traces))
        .route("/v1/metrics", export(Signal::Metrics))
        .route("/v1/logs", export(Signal::Logs))
        .fallback(unknown)
        .with_state(Arc::clone(&ingest))
        .merge(remote_write::router(ingest));
    if browsers { router.layer(axum::middleware::from_fn(allow_local_pages)) } else { router }
}

async fn unknown(request: Request) -> Response {
    let path = request.uri().path();
    let text = if content_type(request.headers()).starts_with("application/grpc") {
        "this is the address for OTLP over HTTP; OTLP over gRPC has its own, usually port 4317\n".to_owned()
    } else {
        format!(
            "nothing at {path}: send OTLP to /v1/traces, /v1/metrics or /v1/logs; the web page has its own address, usually port 4319\n"
        )
    };
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn export(ingest: &Arc<Ingest>, signal: Signal, request: Request) -> Response {
    let format = format_of(request.headers());
    let result = match format {
        Ok(format) => take(ingest, signal, format, request).await,
        Err(ref refusal) => Err(refusal.clone()),
    };
    let format = format.unwrap_or(Format::Json);
    let protocol = match format {
        Format::Protobuf => Protocol::HttpProtobuf,
        Format::Json => Protocol::HttpJson,
    };
    ingest.own.count_request(protocol, signal, result.as_ref().err().map(|refusal| refusal.kind));
    match result {
        Ok(appended) => accepted(signal, format, appended),
        Err(refusal) => refused(format, &refusal),
    }
}

async fn take(ingest: &Arc<Ingest>, signal: Signal, format: Format, request: Request) -> Result<Appended, Refusal> {
    let (coding, bytes, lease) = read(ingest, request).await?;
    ingest.accept(Export { signal, format, coding, bytes, lease }).await
}

/// A request's body as it came, with its claim on memory.
pub(super) async fn read(ingest: &Arc<Ingest>, request: Request) -> Result<(Coding, Bytes, Lease), Refusal> {
    ingest.check_open()?;
    let coding = coding_of(request.headers())?;
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut lease = ingest.in_flight.lease();
    let bytes = body::read(request.into_body(), announced, ingest.max_body, &mut lease).await?;
    Ok((coding, bytes, lease))
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

fn format_of(headers: &HeaderMap) -> Result<Format, Refusal> {
    match content_type(headers).to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Format::Protobuf),
        "application/json" => Ok(Format::Json),
        other => Err(Refusal::unsupported(format!(
            "content-type {other:?} is not spoken here: send application/x-protobuf or application/json"
        ))),
    }
}

fn coding_of(headers: &HeaderMap) -> Result<Coding, Refusal> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Coding::Identity) };
    let name = value.to_str().unwrap_or("not readable");
    Coding::from_name(name).ok_or_else(|| {
        Refusal::unsupported(format!("content-encoding {name:?} is not spoken here: send gzip, zstd or identity"))
    })
}

fn accepted(signal: Signal, format: Format, appended: Appended) -> Response {
    let response = export_response(appended);
    answer(StatusCode::OK, format, || response.encode_to_vec(), || response.to_json(signal))
}

/// The answer to a request of which at least a part was kept.
pub(super) fn export_response(appended: Appended) -> ExportResponse {
    let partial_success = (appended.rejected > 0).then(|| PartialSuccess {
        rejected: i64::try_from(appended.rejected).unwrap_or(i64::MAX),
        error_message: appended.reason.unwrap_or_default(),
    });
    ExportResponse { partial_success }
}

fn refused(format: Format, refusal: &Refusal) -> Response {
    let status = RpcStatus { code: refusal.kind.grpc_code(), message: refusal.reason.clone() };
    let mut response = answer(refusal.status(), format, || status.encode_to_vec(), || status.to_json());
    if refusal.kind.is_temporary() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn answer(
    code: StatusCode,
    format: Format,
    protobuf: impl FnOnce() -> Vec<u8>,
    json: impl FnOnce() -> String,
) -> Response {
    let (content_type, body) = match format {
        Format::Protobuf => (PROTOBUF, Body::from(protobuf())),
        Format::Json => (JSON, Body::from(json())),
    };
    (code, [(CONTENT_TYPE, content_type)], body).into_response()
}

/// Answers preflights and marks answers for pages whose origin is this machine.
async fn allow_local_pages(request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).filter(|origin| is_local_page(origin)).cloned();
    let Some(origin) = origin else { return next.run(request).await };
    let mut response = if request.method() == axum::http::Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let allow: [(HeaderName, HeaderValue); 4] = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, content-encoding")),
        (VARY, HeaderValue::from_static("origin")),
    ];
    response.headers_mut().extend(allow);
    response
}
