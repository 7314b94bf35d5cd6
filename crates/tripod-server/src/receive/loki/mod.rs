//! Loki's push API: `POST /loki/api/v1/push`, in JSON or in protobuf compressed by snappy.
//!
//! A stream becomes a resource whose attributes are the labels ([`translate`]), its lines become log records, so that they are found,
//! kept and shown as those that came by OTLP.

mod json;
mod level;
mod translate;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use tripod_store::Appended;
use tripod_wire::loki::PushRequest;
use tripod_wire::otlp::Signal;
use tripod_wire::proto::Message;

use super::body::{self, Coding};
use super::in_flight::Lease;
use super::refusal::{Kind, Refusal};
use super::{Format, Ingest};
use crate::own_metrics::Protocol;

/// The route of the receiver.
pub(crate) fn router(ingest: Arc<Ingest>) -> Router {
    Router::new().route("/loki/api/v1/push", post(push)).with_state(ingest)
}

async fn push(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let result = take(&ingest, request).await;
    let refused = match &result {
        Ok(appended) if appended.rejected > 0 => Some(Kind::Invalid),
        Ok(_) => None,
        Err(refusal) => Some(refusal.kind),
    };
    ingest.own.count_request(Protocol::Loki, Signal::Logs, refused);
    match result {
        Ok(Appended { rejected: 0, .. }) => StatusCode::NO_CONTENT.into_response(),
        Ok(Appended { accepted, rejected, reason, .. }) => {
            let reason = reason.as_deref().unwrap_or("not valid");
            let text = format!("{reason}; {accepted} of {} lines were kept\n", accepted + rejected);
            (StatusCode::BAD_REQUEST, text).into_response()
        }
        Err(refusal) => {
            let mut response = (refusal.status(), format!("{}\n", refusal.reason)).into_response();
            if refusal.kind.is_temporary() {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

/// The format by the content type; without one it is protobuf, as in Loki.
fn format_of(headers: &HeaderMap) -> Result<Format, Refusal> {
    let text = headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("not readable"));
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Format::Json),
        "" | "application/x-protobuf" => Ok(Format::Protobuf),
        _ => Err(Refusal::unsupported(format!(
            "content-type {text:?} is not spoken here: send application/json or application/x-protobuf"
        ))),
    }
}

async fn take(ingest: &Arc<Ingest>, request: Request) -> Result<Appended, Refusal> {
    ingest.check_open()?;
    let format = format_of(request.headers())?;
    let encoding =
        request.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("not readable").to_owned());
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut lease = ingest.in_flight.lease();
    let bytes = body::read(request.into_body(), announced, ingest.max_body, &mut lease).await?;
    let work = {
        let ingest = Arc::clone(ingest);
        move || append(&ingest, format, encoding.as_deref(), bytes, &mut lease)
    };
    let appended = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::internal("the request could not be worked on"))??;
    ingest.own.count_records(Signal::Logs, &appended);
    Ok(appended)
}

fn append(
    ingest: &Ingest,
    format: Format,
    encoding: Option<&str>,
    bytes: Bytes,
    lease: &mut Lease,
) -> Result<Appended, Refusal> {
    let coding = |name: &str| {
        Coding::from_name(name).ok_or_else(|| {
            Refusal::unsupported(format!("content-encoding {name:?} is not spoken here: send gzip, snappy or identity"))
        })
    };
    let plain = match (format, encoding) {
        // Protobuf is always compressed by snappy, whether or not a header says so.
        (Format::Protobuf, None | Some("snappy" | "")) | (_, Some("snappy")) => {
            body::claim_snappy(&bytes, ingest.max_body, lease)?;
            body::unsnap(&bytes)?.into()
        }
        (_, encoding) => body::decompress(coding(encoding.unwrap_or_default())?, bytes, ingest.max_body, lease)?,
    };
    let request = match format {
        Format::Protobuf => PushRequest::decode(&plain)?,
        Format::Json => json::read(&plain).map_err(Refusal::invalid)?,
    };
    let logs = translate::to_otlp(request).map_err(Refusal::invalid)?.encode_to_vec();
    lease.grow(logs.len())?;
    Ok(ingest.store.append_logs(&logs)?)
}

/// Reads a body and, if it is a request, looks whether it becomes one of OTLP with all its lines.
#[cfg(feature = "fuzzing")]
pub(crate) fn try_out(format: Format, bytes: &[u8]) {
    use tripod_wire::otlp::LogsData;

    let request = match format {
        Format::Protobuf => PushRequest::decode(bytes).ok(),
        Format::Json => json::read(bytes).ok(),
    };
    let Some(request) = request else { return };
    let lines: usize = request.streams.iter().map(|stream| stream.entries.len()).sum();
    let Ok(logs) = translate::to_otlp(request) else { return };
    let scopes = logs.resource_logs.iter().flat_map(|one| &one.scope_logs);
    assert_eq!(scopes.map(|scope| scope.log_records.len()).sum::<usize>(), lines);
    let again = LogsData::decode(&logs.encode_to_vec()).unwrap_or_else(|error| panic!("not OTLP: {error}"));
    assert_eq!(again, logs);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_tells_the_format() {
        let format =
            |text: &'static str| format_of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]));
        assert_eq!(format("application/json; charset=utf-8"), Ok(Format::Json));
        assert_eq!(format("application/x-protobuf"), Ok(Format::Protobuf));
        assert_eq!(format("text/plain").unwrap_err().kind, Kind::Unsupported);
        assert_eq!(format_of(&HeaderMap::new()), Ok(Format::Protobuf));
    }
}
