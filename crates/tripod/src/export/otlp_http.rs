//! OTLP over HTTP, in protobuf: a POST a batch, with blocking I/O on the exporter's own thread, so no async runtime is needed.

use std::time::Duration;

use tripod_wire::otlp::ExportResponse;
use tripod_wire::proto::Message;
use ureq::Agent;
use ureq::http::{Response, header};

use crate::config::Config;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};

/// The longest answer that is read; a receiver's partial success is far shorter.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Posts batches to `<endpoint>/v1/{traces,metrics,logs}`.
pub(crate) struct OtlpHttp {
    agent: Agent,
    endpoint: String,
    headers: Vec<(String, String)>,
    signals: Signals,
}

impl OtlpHttp {
    pub(crate) fn new(config: &Config) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(config.export_timeout))
            .http_status_as_error(false)
            .user_agent(concat!("tripod/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let endpoint = config.endpoint.trim_end_matches('/').to_owned();
        Self { agent, endpoint, headers: config.headers.clone(), signals: config.otlp_signals }
    }

    fn url(&self, signal: Signal) -> String {
        format!("{}/v1/{}", self.endpoint, signal.as_str())
    }
}

impl Exporter for OtlpHttp {
    fn name(&self) -> &'static str {
        "otlp-http"
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.signals.contains(signal)
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let mut request =
            self.agent.post(self.url(batch.signal)).header(header::CONTENT_TYPE, "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let retry = |after, reason| ExportError::Retry { after, reason };
        let mut response =
            request.send(&batch.body).map_err(|error| retry(None, format!("{}: {error}", self.endpoint)))?;
        let status = response.status().as_u16();
        let answer = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().unwrap_or_default();
        match status {
            200..=299 => Ok(partial_success(&answer)),
            // The statuses that the specification calls retryable.
            429 | 502 | 503 | 504 => Err(retry(retry_after(&response), format!("{}: HTTP {status}", self.endpoint))),
            _ => Err(ExportError::Permanent { reason: format!("{}: HTTP {status}", self.url(batch.signal)) }),
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
