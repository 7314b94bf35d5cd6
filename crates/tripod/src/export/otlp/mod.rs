//! OTLP: batches are OTLP requests in protobuf already, so they are sent as they are, compressed if that is asked for; over HTTP, as
//! JSON too, or by gRPC. Each receiver has an exporter, and so a queue and a thread, of its own.

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

/// An exporter for each receiver, so that one that is away holds up none of the signals that go to another.
///
/// # Errors
/// [`Error::Config`] of a setting that it can't use.
pub(super) fn outputs(config: &Config) -> Result<Vec<Output>, Error> {
    let to_otlp = config.signals_to(Destination::Otlp);
    let mut receivers: Vec<((bool, &str), Signals)> = Vec::new();
    for signal in Signals::ALL.into_iter().filter(|signal| to_otlp.contains(*signal)) {
        let target = &config.otlp[signal as usize];
        let receiver = (target.protocol == OtlpProtocol::Grpc, origin(target));
        match receivers.iter_mut().find(|(known, _)| *known == receiver) {
            Some((_, signals)) => *signals = signals.with(signal),
            None => receivers.push((receiver, Signals::default().with(signal))),
        }
    }
    let outputs = receivers.into_iter().map(|((grpc, _), signals)| output(config, grpc, signals));
    outputs.filter_map(Result::transpose).collect()
}

/// `None` where the protocol is not built in.
fn output(config: &Config, grpc: bool, signals: Signals) -> Result<Option<Output>, Error> {
    #[cfg(feature = "otlp-grpc")]
    if grpc {
        return Ok(Some(grpc::OtlpGrpc::new(config, signals)?.into()));
    }
    #[cfg(feature = "otlp-http")]
    if !grpc {
        return Ok(Some(http::OtlpHttp::new(config, signals)?.into()));
    }
    Ok(None)
}

/// Scheme, host and port; of a socket its path.
fn origin(target: &OtlpTarget) -> &str {
    let host = target.url.find("://").map_or(0, |at| at + 3);
    match target.url[host..].find('/') {
        Some(end) if host > 0 => &target.url[..host + end],
        _ => &target.url,
    }
}

/// What the receiver says of a batch that it took.
fn exported(response: ExportResponse) -> Exported {
    let partial = response.partial_success.unwrap_or_default();
    Exported { rejected: u64::try_from(partial.rejected).unwrap_or(0), reason: partial.error_message }
}
