//! OTLP over gRPC: the `Export` call of the three collector services.
//!
//! A unary call is one HTTP/2 POST whose body is a five-byte head and a message, answered by the same and a status in the trailers:
//! little enough to be spoken here. So both protocols share the reading of bodies, their bounds and their decompression, and
//! the message reaches the store as the bytes it came in.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Full};
use tripod_store::Appended;
use tripod_wire::otlp::{RpcStatus, Signal};
use tripod_wire::proto::Message;

use super::body::{self, Coding};
use super::otlp_http::export_response;
use super::refusal::{Kind, Refusal};
use super::{Export, Format, Ingest};
use crate::own_metrics::Protocol;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Compressed flag (1 byte) and length (4 bytes) before each message.
const HEAD: usize = 5;

/// The routes of the receiver.
pub(crate) fn router(ingest: Arc<Ingest>) -> Router {
    let export = |signal: Signal| {
        post(move |State(ingest): State<Arc<Ingest>>, request: Request| async move {
            export(&ingest, signal, request).await
        })
    };
    Router::new()
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", export(Signal::Traces))
        .route("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", export(Signal::Metrics))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", export(Signal::Logs))
        .fallback(unknown)
        .with_state(ingest)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        value == b"application/grpc"
            || value.starts_with(b"application/grpc+proto")
            || value.starts_with(b"application/grpc;")
    })
}

async fn unknown(request: Request) -> Response {
    if is_grpc(request.headers()) {
        return refused(&Refusal::unsupported(format!("{} is not served here", request.uri().path())));
    }
    not_grpc()
}

fn not_grpc() -> Response {
    let text = "this is the address for OTLP over gRPC; OTLP over HTTP has its own, usually port 4318\n";
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response()
}

async fn export(ingest: &Arc<Ingest>, signal: Signal, request: Request) -> Response {
    if !is_grpc(request.headers()) {
        return not_grpc();
    }
    let result = take(ingest, signal, request).await;
    ingest.own.count_request(Protocol::Grpc, signal, result.as_ref().err().map(|refusal| refusal.kind));
    match result {
        Ok(appended) => accepted(appended),
        Err(refusal) => refused(&refusal),
    }
}

async fn take(ingest: &Arc<Ingest>, signal: Signal, request: Request) -> Result<Appended, Refusal> {
    ingest.check_open()?;
    let encoding = coding_of(request.headers())?;
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut lease = ingest.in_flight.lease();
    let framed = body::read(request.into_body(), announced, ingest.max_body + HEAD, &mut lease).await?;
    let (coding, bytes) = unframe(framed, encoding)?;
    ingest.accept(Export { signal, format: Format::Protobuf, coding, bytes, lease }).await
}

fn coding_of(headers: &HeaderMap) -> Result<Coding, Refusal> {
    let Some(value) = headers.get(ENCODING) else { return Ok(Coding::Identity) };
    let name = value.to_str().unwrap_or("not readable");
    Coding::from_name(name).ok_or_else(|| {
        Refusal::unsupported(format!("grpc-encoding {name:?} is not spoken here: send gzip, zstd or identity"))
    })
}

/// Takes the message out of its frame, and says how it is compressed.
fn unframe(mut framed: Bytes, encoding: Coding) -> Result<(Coding, Bytes), Refusal> {
    if framed.len() < HEAD {
        return Err(Refusal::invalid(format!("{} bytes are too few for a gRPC message", framed.len())));
    }
    let flag = framed.get_u8();
    let length = framed.get_u32() as usize;
    if length != framed.len() {
        let reason =
            format!("the gRPC message says it has {length} bytes, {} came: send one whole message", framed.len());
        return Err(Refusal::invalid(reason));
    }
    match (flag, encoding) {
        (0, _) => Ok((Coding::Identity, framed)),
        (1, Coding::Identity) => {
            Err(Refusal::invalid("the message is marked as compressed, but grpc-encoding does not say how"))
        }
        (1, coding) => Ok((coding, framed)),
        _ => Err(Refusal::invalid(format!("{flag} is not a flag of a gRPC message"))),
    }
}

fn accepted(appended: Appended) -> Response {
    let message = export_response(appended).encode_to_vec();
    let mut framed = Vec::with_capacity(HEAD + message.len());
    framed.push(0);
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(&message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::from(framed).with_trailers(std::future::ready(Some(Ok(trailers))));
    ([(CONTENT_TYPE, GRPC)], Body::new(body)).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let code = refusal.kind.grpc_code();
    let mut response = ([(CONTENT_TYPE, GRPC)], Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(code));
    if let Ok(message) = HeaderValue::from_str(&percent_encode(&refusal.reason)) {
        headers.insert(MESSAGE, message);
    }
    if refusal.kind == Kind::Unsupported {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd"));
    }
    if refusal.kind.is_temporary()
        && let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(with_retry_info(code, &refusal.reason)))
    {
        headers.insert(DETAILS, details);
    }
    response
}

/// `google.rpc.Status` with a `google.rpc.RetryInfo` of one second: what makes RESOURCE_EXHAUSTED worth another try.
fn with_retry_info(code: i32, reason: &str) -> Vec<u8> {
    /// `RetryInfo { retry_delay: Duration { seconds: 1 } }`.
    const RETRY_INFO: &[u8] = &[0x0a, 0x02, 0x08, 0x01];
    const TYPE_URL: &str = "type.googleapis.com/google.rpc.RetryInfo";
    let mut any = vec![0x0a, TYPE_URL.len() as u8];
    any.extend_from_slice(TYPE_URL.as_bytes());
    any.extend_from_slice(&[0x12, RETRY_INFO.len() as u8]);
    any.extend_from_slice(RETRY_INFO);
    let mut status = RpcStatus { code, message: reason.to_owned() }.encode_to_vec();
    status.extend_from_slice(&[0x1a, any.len() as u8]);
    status.extend_from_slice(&any);
    status
}

/// gRPC's percent-encoding: everything but printable ASCII, and the percent sign.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..=0x7e).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(flag: u8, length: u32, message: &[u8]) -> Bytes {
        let mut framed = vec![flag];
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(message);
        framed.into()
    }

    #[test]
    fn a_frame_gives_its_message_and_how_it_is_compressed() {
        assert_eq!(unframe(frame(0, 2, b"ab"), Coding::Gzip).unwrap(), (Coding::Identity, Bytes::from_static(b"ab")));
        assert_eq!(unframe(frame(1, 2, b"ab"), Coding::Zstd).unwrap(), (Coding::Zstd, Bytes::from_static(b"ab")));
    }

    #[test]
    fn a_frame_that_lies_is_refused_with_a_reason() {
        for (framed, reason) in [
            (frame(0, 3, b"ab"), "says it has 3 bytes, 2 came"),
            (frame(0, 1, b"ab"), "says it has 1 bytes, 2 came"),
            (frame(1, 2, b"ab"), "does not say how"),
            (frame(7, 2, b"ab"), "7 is not a flag"),
            (Bytes::from_static(b"abc"), "too few"),
        ] {
            let refusal = unframe(framed, Coding::Identity).unwrap_err();
            assert!(refusal.reason.contains(reason), "{refusal:?}");
        }
    }

    #[test]
    fn a_status_message_is_ascii() {
        assert_eq!(percent_encode("50% für\n"), "50%25 f%C3%BCr%0A");
    }
}
