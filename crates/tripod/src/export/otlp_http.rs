//! OTLP over HTTP, in protobuf: a POST a batch, with blocking I/O on the exporter's own thread, so no async runtime is needed.

use std::borrow::Cow;
use std::io::Write;

use flate2::write::GzEncoder;
use tripod_wire::otlp::ExportResponse;
use tripod_wire::proto::Message;

use super::http::HttpClient;
use crate::Error;
use crate::config::{Compression, Config, Destination as To, OtlpTarget};
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};

/// Posts batches to the URL of their signal.
pub(crate) struct OtlpHttp {
    destinations: [Destination; 3],
    signals: Signals,
    temporality: Temporality,
}

/// Where one signal goes.
struct Destination {
    client: HttpClient,
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
                return Ok(Destination { client: first.client.clone(), target: target.clone() });
            }
            Destination::new(target)
        };
        let (metrics, logs) = (shared(metrics)?, shared(logs)?);
        let signals = config.signals_to(To::Otlp);
        Ok(Self { destinations: [first, metrics, logs], signals, temporality: config.temporality })
    }
}

impl Destination {
    fn new(target: &OtlpTarget) -> Result<Self, Error> {
        Ok(Self { client: HttpClient::new(target.timeout, &target.tls)?, target: target.clone() })
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
        let (body, encoding) = destination.compressed(&batch.body);
        let mut headers = vec![("content-type", "application/x-protobuf")];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        headers.extend(destination.target.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        // The statuses that the specification calls retryable.
        let may_retry = |status| matches!(status, 429 | 502 | 503 | 504);
        let answer = destination.client.send("POST", url, &headers, &body)?.success(url, may_retry)?;
        Ok(partial_success(&answer.body))
    }
}

fn partial_success(answer: &[u8]) -> Exported {
    let partial = ExportResponse::decode(answer).ok().and_then(|response| response.partial_success).unwrap_or_default();
    Exported { rejected: u64::try_from(partial.rejected).unwrap_or(0), reason: partial.error_message }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

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
