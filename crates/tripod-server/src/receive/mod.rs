//! The receivers: what arrives from outside, checked, bounded and handed to the store.
//!
//! - [`otlp_http`] and [`otlp_grpc`] speak the two protocols; both read bodies through [`body`], and both hand over to [`Ingest`].
//! - [`loki`] takes log lines from what sends to Grafana Loki.
//! - [`remote_write`] takes what Prometheus and its like write.
//! - [`otlp_metrics`] turns metrics into series; spans and log records go to the store as the bytes they came in.
//!
//! A request is answered when its records are on disk. Under load it is refused with "come back in a second": nothing is buffered
//! beyond the bytes of requests that are being answered, and those are bounded over all connections ([`in_flight`]).

pub(crate) mod body;
pub(crate) mod in_flight;
pub(crate) mod loki;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
pub(crate) mod otlp_metrics;
pub(crate) mod pushgateway;
pub(crate) mod refusal;
pub(crate) mod remote_write;
pub(crate) mod statsd;
pub(crate) mod zipkin;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tripod_store::{Appended, Store, StoreError};
use tripod_wire::otlp::{LogsData, MetricsData, Signal, TracesData};
use tripod_wire::proto::Message;

use self::body::Coding;
use self::in_flight::{InFlight, Lease};
use self::otlp_metrics::Translator;
use self::refusal::Refusal;
use crate::own_metrics::OwnMetrics;
use crate::span_metrics::SpanMetrics;

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

/// An export request as it came, with its claim on memory.
pub(crate) struct Export {
    pub(crate) signal: Signal,
    pub(crate) format: Format,
    pub(crate) coding: Coding,
    pub(crate) bytes: Bytes,
    pub(crate) lease: Lease,
}

/// Where all receivers hand over.
pub(crate) struct Ingest {
    store: Arc<dyn Store>,
    translator: Translator,
    span_metrics: Option<Arc<SpanMetrics>>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) own: Arc<OwnMetrics>,
    pub(crate) max_body: usize,
    stopping: AtomicBool,
}

impl Ingest {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        own: Arc<OwnMetrics>,
        in_flight: Arc<InFlight>,
        max_body: usize,
        span_metrics: Option<Arc<SpanMetrics>>,
    ) -> Arc<Self> {
        let translator = Translator::default();
        Arc::new(Self { store, translator, span_metrics, in_flight, own, max_body, stopping: AtomicBool::new(false) })
    }

    /// From now on everything is refused.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// An error when nothing is taken any more.
    pub(crate) fn check_open(&self) -> Result<(), Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Refusal::unavailable("the server is shutting down"));
        }
        Ok(())
    }

    /// Decodes a request and makes it durable.
    pub(crate) async fn accept(self: &Arc<Self>, export: Export) -> Result<Appended, Refusal> {
        self.check_open()?;
        let ingest = Arc::clone(self);
        let signal = export.signal;
        let work = tokio::task::spawn_blocking(move || ingest.accept_blocking(export));
        let appended = work.await.map_err(|_| Refusal::internal("the request could not be worked on"))??;
        self.own.count_records(signal, &appended);
        Ok(appended)
    }

    fn accept_blocking(&self, export: Export) -> Result<Appended, Refusal> {
        let Export { signal, format, coding, bytes, mut lease } = export;
        let bytes = body::decompress(coding, bytes, self.max_body, &mut lease)?;
        let appended = match (signal, format) {
            (Signal::Traces, Format::Protobuf) => self.append_spans(&bytes),
            (Signal::Traces, Format::Json) => self.append_spans(&TracesData::from_json(&bytes)?.encode_to_vec()),
            (Signal::Logs, Format::Protobuf) => self.store.append_logs(&bytes),
            (Signal::Logs, Format::Json) => self.store.append_logs(&LogsData::from_json(&bytes)?.encode_to_vec()),
            (Signal::Metrics, Format::Protobuf) => self.append_metrics(&MetricsData::decode(&bytes)?),
            (Signal::Metrics, Format::Json) => self.append_metrics(&MetricsData::from_json(&bytes)?),
        };
        appended.map_err(Refusal::from)
    }

    /// Makes spans durable that come in another form than OTLP, which `convert` makes of them.
    pub(crate) async fn accept_spans(
        self: &Arc<Self>,
        coding: Coding,
        bytes: Bytes,
        mut lease: Lease,
        convert: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refusal> + Send + 'static,
    ) -> Result<Appended, Refusal> {
        self.check_open()?;
        let ingest = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            let bytes = body::decompress(coding, bytes, ingest.max_body, &mut lease)?;
            ingest.append_spans(&convert(&bytes)?).map_err(Refusal::from)
        });
        let appended = work.await.map_err(|_| Refusal::internal("the request could not be worked on"))??;
        self.own.count_records(Signal::Traces, &appended);
        Ok(appended)
    }

    fn append_spans(&self, request: &[u8]) -> Result<Appended, StoreError> {
        match &self.span_metrics {
            Some(metrics) => metrics.append(self.store.as_ref(), request),
            None => self.store.append_spans(request),
        }
    }

    fn append_metrics(&self, data: &MetricsData) -> Result<Appended, StoreError> {
        let translation = self.translator.translate(data, self.store.as_ref())?;
        let written = self.store.append_series(&translation.writes)?;
        Ok(translation.commit(written))
    }
}
