//! OTLP by gRPC: a unary call a batch, over HTTP/2 (decision 0017). The batch is the message as it is.
//!
//! The async runtime that HTTP/2 needs lives on the exporter's own thread and runs only while a batch is sent; it has no thread of its own
//! but for looking up names. What a call may take is told to the receiver and kept here too, from connecting to the last byte.

mod channel;
mod status;
#[cfg(feature = "tls")]
mod tls;

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::runtime::{Builder, Runtime};
use tripod_wire::otlp::ExportResponse;
use tripod_wire::proto::Message;

use self::channel::{Answer, Channel};
use super::compress::compress;
use super::{USER_AGENT, exported};
use crate::Error;
use crate::config::env::invalid;
use crate::config::{Compression, Config, OtlpTarget};
use crate::grpc::Code;
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};
use crate::say::say;

/// The longest time that can be told, of eight digits.
const MAX_TOLD_MILLIS: u128 = 99_999_999;

/// Calls the service of each signal.
pub(super) struct OtlpGrpc {
    /// Made with the first batch, on the thread that sends.
    runtime: Option<Runtime>,
    /// Signals that go to one receiver share its connection.
    channels: Vec<(OtlpTarget, Channel)>,
    /// By signal; `None` where it is not sent by gRPC.
    destinations: [Option<Destination>; 3],
    temporality: Temporality,
}

/// Where one signal goes, and how.
struct Destination {
    /// Which of the channels.
    channel: usize,
    url: String,
    path: &'static str,
    /// Of every call.
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
}

impl OtlpGrpc {
    /// # Errors
    /// [`Error::Config`] of an address, a header or a certificate that is none.
    pub(super) fn new(config: &Config, signals: Signals) -> Result<Self, Error> {
        let mut channels: Vec<(OtlpTarget, Channel)> = Vec::new();
        let mut destinations: [Option<Destination>; 3] = Default::default();
        for signal in Signals::ALL.into_iter().filter(|signal| signals.contains(*signal)) {
            let target = &config.otlp[signal as usize];
            let alike = |(other, _): &(OtlpTarget, Channel)| (&other.url, &other.tls) == (&target.url, &target.tls);
            let channel = channels.iter().position(alike).unwrap_or(channels.len());
            if channel == channels.len() {
                channels.push((target.clone(), Channel::new(target)?));
            }
            destinations[signal as usize] = Some(Destination::new(signal, target, channel)?);
        }
        Ok(Self { runtime: None, channels, destinations, temporality: config.temporality })
    }
}

impl Destination {
    fn new(signal: Signal, target: &OtlpTarget, channel: usize) -> Result<Self, Error> {
        let path = match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        for (name, value) in &target.headers {
            let wrong = |why: &str| invalid("OTEL_EXPORTER_OTLP_HEADERS", name, why);
            let key = HeaderName::try_from(name.as_str()).map_err(|_| wrong("is no name of a header"))?;
            let value =
                HeaderValue::try_from(value.as_str()).map_err(|_| wrong("has a value that no header can have"))?;
            headers.insert(key, value);
        }
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if !target.timeout.is_zero() {
            let millis = target.timeout.as_millis().clamp(1, MAX_TOLD_MILLIS);
            let told = HeaderValue::try_from(format!("{millis}m"))
                .map_err(|error| invalid("OTEL_EXPORTER_OTLP_TIMEOUT", &millis.to_string(), error))?;
            headers.insert("grpc-timeout", told);
        }
        let (compression, timeout) = (target.compression, target.timeout);
        Ok(Self { channel, url: target.url.clone(), path, headers, compression, timeout })
    }

    /// Sends the batch, once more without compression if the receiver seems not to know that.
    async fn export(&mut self, channel: &mut Channel, batch: &Batch) -> Result<Exported, ExportError> {
        let answer = self.call(channel, batch, self.compression).await?;
        if answer.status.code != Code::UNIMPLEMENTED || self.compression == Compression::None {
            return self.read(answer);
        }
        let plain = self.call(channel, batch, Compression::None).await?;
        if plain.status.code != Code::OK {
            return self.read(answer);
        }
        say(format_args!("{}: it takes nothing that is compressed, so nothing is from now on", self.url));
        self.compression = Compression::None;
        self.read(plain)
    }

    async fn call(&self, channel: &mut Channel, batch: &Batch, how: Compression) -> Result<Answer, ExportError> {
        let (body, encoding) = compress(&batch.body, how);
        let mut headers = self.headers.clone();
        if let Some(encoding) = encoding {
            headers.insert("grpc-encoding", HeaderValue::from_static(encoding));
        }
        let Some(message) = framed(&body, encoding.is_some()) else {
            return Err(ExportError::TooLarge { reason: format!("{}: no message may be that long", self.url) });
        };
        let call = channel.call(self.path, headers, message);
        let answer = if self.timeout.is_zero() {
            call.await
        } else {
            let late = |_| Err(format!("no answer within {:?}", self.timeout));
            tokio::time::timeout(self.timeout, call).await.unwrap_or_else(late)
        };
        answer.map_err(|why| ExportError::Retry { after: None, reason: format!("{}: {why}", self.url) })
    }

    fn read(&self, answer: Answer) -> Result<Exported, ExportError> {
        answer.status.success(&self.url)?;
        // An answer that can't be read is still one of success.
        let response = unframed(&answer.body).and_then(|message| ExportResponse::decode(message).ok());
        Ok(exported(response.unwrap_or_default()))
    }
}

/// The message behind a byte that says whether it is compressed, and its length; `None` if that can't be written.
fn framed(message: &[u8], compressed: bool) -> Option<Bytes> {
    let length = u32::try_from(message.len()).ok()?;
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(compressed.into());
    frame.put_u32(length);
    frame.put_slice(message);
    Some(frame.freeze())
}

/// The message of an answer; `None` if it is compressed, which nobody asked for, or not whole.
fn unframed(answer: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = answer.split_first_chunk::<5>()?;
    let [0, length @ ..] = *prefix else { return None };
    message.get(..u32::from_be_bytes(length) as usize)
}

impl Exporter for OtlpGrpc {
    fn name(&self) -> &'static str {
        "otlp-grpc"
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.destinations[signal as usize].is_some()
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let Some(destination) = &mut self.destinations[batch.signal as usize] else {
            return Err(ExportError::Permanent { reason: "this signal is not sent by gRPC".to_owned() });
        };
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            none => {
                let made = Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| {
                    let reason = format!("{}: the async runtime can't be made: {error}", destination.url);
                    ExportError::Retry { after: None, reason }
                })?;
                none.insert(made)
            }
        };
        let channel = &mut self.channels[destination.channel].1;
        runtime.block_on(async {
            let result = destination.export(channel, batch).await;
            // Connections that were given up are closed now, not with the next batch.
            tokio::task::yield_now().await;
            result
        })
    }

    /// The parent goes on with what the two share: nothing of it is ended here, but left where it is.
    fn after_fork(&mut self) {
        std::mem::forget(self.runtime.take());
        self.channels.iter_mut().for_each(|(_, channel)| channel.forget());
    }
}

impl Drop for OtlpGrpc {
    fn drop(&mut self) {
        // Not even for a name that is still looked up is waited.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_framed_and_unframed() {
        let frame = framed(b"message", true).unwrap();
        assert_eq!(&frame[..], b"\x01\0\0\0\x07message");
        assert_eq!(unframed(b"\0\0\0\0\x02okmore"), Some(&b"ok"[..]));
        assert_eq!(unframed(b"\0\0\0\0\0"), Some(&b""[..]));
        for broken in [&b""[..], b"\0\0\0\0\x07short", b"\x01\0\0\0\x02ok"] {
            assert_eq!(unframed(broken), None);
        }
    }
}
