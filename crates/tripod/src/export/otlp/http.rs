//! OTLP over HTTP: a POST a batch, in protobuf or JSON, with blocking I/O on the exporter's own thread, so no async runtime is needed.

use tripod_wire::otlp::ExportResponse;
use tripod_wire::proto::Message;

use super::compress::compress;
use super::{USER_AGENT, exported};
use crate::Error;
#[cfg(feature = "otlp-json")]
use crate::config::OtlpProtocol;
use crate::config::{Config, OtlpTarget};
use crate::export::http::HttpClient;
#[cfg(feature = "otlp-json")]
use crate::export::json::to_json;
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};

/// Posts batches to the URL of their signal.
pub(super) struct OtlpHttp {
    /// By signal; `None` where it is not sent over HTTP.
    destinations: [Option<Destination>; 3],
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
    pub(super) fn new(config: &Config, signals: Signals) -> Result<Self, Error> {
        let mut destinations: [Option<Destination>; 3] = Default::default();
        for signal in Signals::ALL.into_iter().filter(|signal| signals.contains(*signal)) {
            let target = config.otlp[signal as usize].clone();
            // Signals that are sent alike share their connections.
            let alike =
                |other: &&Destination| (other.target.timeout, &other.target.tls) == (target.timeout, &target.tls);
            let client = match destinations.iter().flatten().find(alike) {
                Some(other) => other.client.clone(),
                None => HttpClient::new(target.timeout, &target.tls)?,
            };
            destinations[signal as usize] = Some(Destination { client, target });
        }
        Ok(Self { destinations, temporality: config.temporality })
    }
}

impl Destination {
    fn send(&self, batch: &Batch) -> Result<Exported, ExportError> {
        #[cfg(feature = "otlp-json")]
        if self.target.protocol == OtlpProtocol::HttpJson {
            let json = to_json(batch).map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
            return self.post(json.as_bytes(), "application/json", |answer| ExportResponse::from_json(answer).ok());
        }
        self.post(&batch.body, "application/x-protobuf", |answer| ExportResponse::decode(answer).ok())
    }

    fn post(
        &self,
        body: &[u8],
        content_type: &str,
        read: fn(&[u8]) -> Option<ExportResponse>,
    ) -> Result<Exported, ExportError> {
        let target = &self.target;
        let (body, encoding) = compress(body, target.compression);
        let mut headers = vec![("content-type", content_type)];
        if !target.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            headers.push(("user-agent", USER_AGENT));
        }
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        headers.extend(target.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        // The statuses that the specification calls retryable.
        let may_retry = |status| matches!(status, 429 | 502 | 503 | 504);
        let answer = self.client.send("POST", &target.url, &headers, &body)?.success(&target.url, may_retry)?;
        // An answer that can't be read is still one of success.
        Ok(exported(read(&answer.body).unwrap_or_default()))
    }
}

impl Exporter for OtlpHttp {
    fn name(&self) -> &'static str {
        "otlp-http"
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.destinations[signal as usize].is_some()
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        match &self.destinations[batch.signal as usize] {
            Some(destination) => destination.send(batch),
            None => Err(ExportError::Permanent { reason: "this signal is not sent over HTTP".to_owned() }),
        }
    }
}
