//! OTLP: batches are OTLP requests in protobuf already, so they are sent as they are, compressed if that is asked for; over HTTP, as
//! JSON too, or by gRPC. Each protocol that is in use has an exporter, and so a queue and a thread, of its own.

mod compress;
#[cfg(feature = "otlp-grpc")]
mod grpc;
#[cfg(feature = "otlp-http")]
mod http;

use tripod_wire::otlp::ExportResponse;

use crate::Error;
use crate::config::{Config, Destination, OtlpProtocol, OtlpTarget};
use crate::pipeline::{Exported, Output, Signals};

/// As the specification asks: who sends, in which language, of which version.
const USER_AGENT: &str = concat!("Tripod-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));

/// An exporter for each protocol that a signal is sent by.
///
/// # Errors
/// [`Error::Config`] of a setting that it can't use.
pub(super) fn outputs(config: &Config) -> Result<Vec<Output>, Error> {
    let mut outputs: Vec<Output> = Vec::new();
    let to_otlp = config.signals_to(Destination::Otlp);
    let is_grpc = |target: &OtlpTarget| target.protocol == OtlpProtocol::Grpc;
    let by =
        |grpc: bool| Signals::only(|signal| to_otlp.contains(signal) && is_grpc(&config.otlp[signal as usize]) == grpc);
    #[cfg(feature = "otlp-http")]
    if !by(false).is_empty() {
        outputs.push(http::OtlpHttp::new(config, by(false))?.into());
    }
    #[cfg(feature = "otlp-grpc")]
    if !by(true).is_empty() {
        outputs.push(grpc::OtlpGrpc::new(config, by(true))?.into());
    }
    Ok(outputs)
}

/// What the receiver says of a batch that it took.
fn exported(response: ExportResponse) -> Exported {
    let partial = response.partial_success.unwrap_or_default();
    Exported { rejected: u64::try_from(partial.rejected).unwrap_or(0), reason: partial.error_message }
}
