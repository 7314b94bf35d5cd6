//! Prometheus remote write: `POST /api/v1/write`, versions 1.0 and 2.0.
//!
//! A request of version 1.0 reaches the store as the bytes it came in; one of version 2.0 is translated on the way ([`to_version_1`]).
//! A sample that can't be kept makes the answer a 400 that says why and how much was kept, as Prometheus does: its senders drop
//! what such an answer is about, and try again only on 5xx and 429.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use tripod_store::Appended;
use tripod_wire::otlp::Signal;
use tripod_wire::prometheus::remote_write::translate::to_version_1;

use super::in_flight::Lease;
use super::refusal::{Kind, Refusal};
use super::{Ingest, body};
use crate::own_metrics::Protocol;

const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// The version of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `prometheus.WriteRequest`
    One,
    /// `io.prometheus.write.v2.Request`
    Two,
}

impl Version {
    fn protocol(self) -> Protocol {
        match self {
            Self::One => Protocol::RemoteWrite1,
            Self::Two => Protocol::RemoteWrite2,
        }
    }
}

/// The route of the receiver.
pub(crate) fn router(ingest: Arc<Ingest>) -> Router {
    Router::new().route("/api/v1/write", post(write)).with_state(ingest)
}

async fn write(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let version = version_of(request.headers());
    let result = match version {
        Ok(version) => take(&ingest, version, request).await,
        Err(ref refusal) => Err(refusal.clone()),
    };
    let refused = match &result {
        Ok(appended) if appended.rejected > 0 => Some(Kind::Invalid),
        Ok(_) => None,
        Err(refusal) => Some(refusal.kind),
    };
    ingest.own.count_request(version.unwrap_or(Version::One).protocol(), Signal::Metrics, refused);
    match result {
        Ok(appended) => written(&appended),
        Err(refusal) => {
            let mut response = (refusal.status(), format!("{}\n", refusal.reason)).into_response();
            if refusal.kind.is_temporary() {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
    }
}

/// The version by the content type; one without the parameter `proto` is 1.0, as is none at all.
fn version_of(headers: &HeaderMap) -> Result<Version, Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Version::One) };
    let text = value.to_str().unwrap_or("not readable");
    let refused = || {
        Refusal::unsupported(format!(
            "content-type {text:?} is not spoken here: send application/x-protobuf, of version 2.0 with ;proto=io.prometheus.write.v2.Request"
        ))
    };
    let mut parts = text.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case("application/x-protobuf") {
        return Err(refused());
    }
    let proto =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("proto"));
    match proto.map(|(_, value)| value.trim().trim_matches('"')) {
        None | Some("prometheus.WriteRequest") => Ok(Version::One),
        Some("io.prometheus.write.v2.Request") => Ok(Version::Two),
        Some(_) => Err(refused()),
    }
}

/// Senders older than the header compress all the same.
fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let name = headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("not readable"));
    match name {
        Some(name) if !name.trim().eq_ignore_ascii_case("snappy") => {
            Err(Refusal::unsupported(format!("content-encoding {name:?} is not spoken here: send snappy")))
        }
        _ => Ok(()),
    }
}

async fn take(ingest: &Arc<Ingest>, version: Version, request: Request) -> Result<Appended, Refusal> {
    ingest.check_open()?;
    check_encoding(request.headers())?;
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut lease = ingest.in_flight.lease();
    let bytes = body::read(request.into_body(), announced, ingest.max_body, &mut lease).await?;
    let work = {
        let ingest = Arc::clone(ingest);
        move || append(&ingest, version, bytes, &mut lease)
    };
    let appended = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::internal("the request could not be worked on"))??;
    ingest.own.count_records(Signal::Metrics, &appended);
    Ok(appended)
}

fn append(ingest: &Ingest, version: Version, bytes: Bytes, lease: &mut Lease) -> Result<Appended, Refusal> {
    let limit = ingest.max_body;
    // The store decompresses: what it is going to take is counted, and bounded, here.
    body::claim_snappy(&bytes, limit, lease)?;
    let request = match version {
        Version::One => bytes,
        Version::Two => {
            let plain = body::unsnap(&bytes)?;
            let translated = to_version_1(&plain, limit)?;
            lease.grow(translated.len())?;
            snap::raw::Encoder::new().compress_vec(&translated).map_err(|error| body::invalid_snappy(&error))?.into()
        }
    };
    Ok(ingest.store.append_remote_write(&request)?)
}

/// What was kept stands in headers; senders of version 2.0 count by them.
fn written(appended: &Appended) -> Response {
    let Appended { accepted, histograms, exemplars, rejected, reason } = appended;
    let counts = [(SAMPLES, accepted - histograms), (HISTOGRAMS, *histograms), (EXEMPLARS, *exemplars)];
    let headers = counts.map(|(name, count)| (name, count.to_string()));
    if *rejected == 0 {
        return (StatusCode::NO_CONTENT, headers).into_response();
    }
    let all = accepted + rejected;
    let text = format!("{}; {accepted} of {all} samples were kept\n", reason.as_deref().unwrap_or("not valid"));
    (StatusCode::BAD_REQUEST, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(content_type: &'static str) -> Option<Version> {
        version_of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])).ok()
    }

    #[test]
    fn the_content_type_tells_the_version() {
        for (text, expected) in [
            ("application/x-protobuf", Some(Version::One)),
            ("application/x-protobuf;proto=prometheus.WriteRequest", Some(Version::One)),
            ("Application/X-Protobuf; charset=x; proto=\"io.prometheus.write.v2.Request\"", Some(Version::Two)),
            ("application/x-protobuf;proto=io.prometheus.write.v3.Request", None),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
        assert_eq!(version_of(&HeaderMap::new()), Ok(Version::One));
    }
}
