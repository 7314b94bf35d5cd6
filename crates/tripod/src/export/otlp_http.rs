//! OTLP over HTTP, in protobuf: a POST a batch, with blocking I/O on the exporter's own thread, so no async runtime is needed.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use flate2::write::GzEncoder;
use tripod_wire::otlp::ExportResponse;
use tripod_wire::proto::Message;
use ureq::Agent;
use ureq::http::{Response, header};

use crate::Error;
use crate::config::{Compression, Config, OtlpTarget};
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};

/// The longest answer that is read; a receiver's partial success is far shorter.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Posts batches to the URL of their signal.
pub(crate) struct OtlpHttp {
    destinations: [Destination; 3],
    signals: Signals,
    temporality: Temporality,
}

/// Where one signal goes.
struct Destination {
    agent: Agent,
    target: OtlpTarget,
}

impl OtlpHttp {
    /// # Errors
    /// [`Error::Config`] of a certificate that is none.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let [traces, metrics, logs] = &config.otlp;
        let first = Destination::new(traces)?;
        // Signals that are sent alike share their connections.
        let shared = |target: &OtlpTarget| {
            if (target.timeout, &target.tls) == (traces.timeout, &traces.tls) {
                return Ok(Destination { agent: first.agent.clone(), target: target.clone() });
            }
            Destination::new(target)
        };
        let (metrics, logs) = (shared(metrics)?, shared(logs)?);
        Ok(Self { destinations: [first, metrics, logs], signals: config.otlp_signals, temporality: config.temporality })
    }
}

impl Destination {
    #[cfg_attr(not(feature = "tls"), expect(clippy::unnecessary_wraps, reason = "only certificates can be wrong"))]
    fn new(target: &OtlpTarget) -> Result<Self, Error> {
        let builder = Agent::config_builder()
            .timeout_global(Some(target.timeout).filter(|timeout| !timeout.is_zero()))
            .http_status_as_error(false)
            .user_agent(concat!("tripod/", env!("CARGO_PKG_VERSION")));
        #[cfg(feature = "tls")]
        let builder = builder.tls_config(tls::config(&target.tls)?);
        Ok(Self { agent: builder.build().into(), target: target.clone() })
    }

    /// The body as it is sent, and what says so.
    fn compressed<'a>(&self, body: &'a [u8]) -> (Cow<'a, [u8]>, Option<&'static str>) {
        match self.target.compression {
            Compression::None => (Cow::Borrowed(body), None),
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
                // Writing into memory does not fail; if it did, the body goes as it is.
                match encoder.write_all(body).and_then(|()| encoder.finish()) {
                    Ok(compressed) => (Cow::Owned(compressed), Some("gzip")),
                    Err(_) => (Cow::Borrowed(body), None),
                }
            }
        }
    }
}

impl Exporter for OtlpHttp {
    fn name(&self) -> &'static str {
        "otlp-http"
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.signals.contains(signal)
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let destination = &self.destinations[batch.signal as usize];
        let url = &destination.target.url;
        let mut request = destination.agent.post(url).header(header::CONTENT_TYPE, "application/x-protobuf");
        let (body, encoding) = destination.compressed(&batch.body);
        if let Some(encoding) = encoding {
            request = request.header(header::CONTENT_ENCODING, encoding);
        }
        for (name, value) in &destination.target.headers {
            request = request.header(name, value);
        }
        let retry = |after, reason| ExportError::Retry { after, reason };
        let mut response = request.send(&*body).map_err(|error| retry(None, format!("{url}: {error}")))?;
        let status = response.status().as_u16();
        let answer = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().unwrap_or_default();
        match status {
            200..=299 => Ok(partial_success(&answer)),
            // The statuses that the specification calls retryable.
            429 | 502 | 503 | 504 => Err(retry(retry_after(&response), format!("{url}: HTTP {status}"))),
            _ => Err(ExportError::Permanent { reason: format!("{url}: HTTP {status}") }),
        }
    }
}

fn partial_success(answer: &[u8]) -> Exported {
    let partial = ExportResponse::decode(answer).ok().and_then(|response| response.partial_success).unwrap_or_default();
    Exported { rejected: u64::try_from(partial.rejected).unwrap_or(0), reason: partial.error_message }
}

/// `Retry-After` in seconds; its other form, a date, is rare and left to the back-off.
fn retry_after<T>(response: &Response<T>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Certificates of the user's own.
#[cfg(feature = "tls")]
mod tls {
    use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

    use crate::Error;
    use crate::config::Tls;
    use crate::config::env::invalid;

    pub(super) fn config(tls: &Tls) -> Result<TlsConfig, Error> {
        let mut builder = TlsConfig::builder();
        if !tls.authorities.is_empty() {
            builder = builder.root_certs(RootCerts::from(certificates(&tls.authorities)?));
        }
        if let Some((certificate, key)) = &tls.client {
            let key = PrivateKey::from_pem(key).map_err(|error| wrong("the client's key", error))?;
            builder = builder.client_cert(Some(ClientCert::new_with_certs(&certificates(certificate)?, key)));
        }
        Ok(builder.build())
    }

    fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
        let mut found = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| wrong("a certificate", error))? {
                found.push(certificate);
            }
        }
        if found.is_empty() {
            return Err(wrong("a certificate", "there is none in the file"));
        }
        Ok(found)
    }

    fn wrong(what: &str, why: impl std::fmt::Display) -> Error {
        invalid("OTEL_EXPORTER_OTLP_CERTIFICATE", what, format!("must be in PEM: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn gzip_is_undone_by_gunzip() {
        let target = OtlpTarget {
            url: String::new(),
            headers: Vec::new(),
            compression: Compression::Gzip,
            timeout: Duration::ZERO,
            tls: crate::config::Tls::default(),
        };
        let body = b"spans and spans and spans and spans".repeat(50);
        let destination = Destination::new(&target).unwrap();
        let (sent, encoding) = destination.compressed(&body);
        assert_eq!(encoding, Some("gzip"));
        assert!(sent.len() * 10 < body.len(), "{} of {}", sent.len(), body.len());
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*sent).read_to_end(&mut back).unwrap();
        assert_eq!(back, body);
    }
}
