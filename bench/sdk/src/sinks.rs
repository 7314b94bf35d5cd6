//! Exporters that count what arrives and throw it away: one for each peer's interface.

use std::fmt::Write;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fastrace::collector::{Reporter, SpanRecord};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message;
use tripod::{Batch, ExportError, Exported, Exporter, Signal};

/// What may arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Span,
    Log,
    Event,
    SpanAttribute,
    LogAttribute,
    LogInTrace,
}

const WORDS: [&str; 6] = ["span", "log", "event", "span attr", "log attr", "log in trace"];

static ARRIVED: [AtomicU64; WORDS.len()] = [const { AtomicU64::new(0) }; WORDS.len()];
/// Whether attributes are looked at too.
static DETAIL: AtomicBool = AtomicBool::new(false);

pub fn arrived(kind: Kind) -> u64 {
    ARRIVED[kind as usize].load(Ordering::Relaxed)
}

/// What arrives of what `work` records, in words: shows that the peers do the same work.
pub fn look_at(work: impl FnOnce()) -> String {
    let before = ARRIVED.each_ref().map(|count| count.load(Ordering::Relaxed));
    DETAIL.store(true, Ordering::SeqCst);
    work();
    DETAIL.store(false, Ordering::SeqCst);
    let mut words = String::new();
    for ((word, count), before) in WORDS.iter().zip(&ARRIVED).zip(before) {
        let came = count.load(Ordering::Relaxed) - before;
        if came > 0 {
            let comma = if words.is_empty() { "" } else { ", " };
            write!(words, "{comma}{came} {word}").expect("a string takes everything");
        }
    }
    words
}

fn count(kind: Kind, records: usize) {
    ARRIVED[kind as usize].fetch_add(records as u64, Ordering::Relaxed);
}

/// How many of each item there are, if details are wanted.
fn count_details<T>(items: impl Iterator<Item = T>, details: impl Fn(T) -> [(Kind, usize); 2]) {
    if DETAIL.load(Ordering::Relaxed) {
        items.flat_map(details).for_each(|(kind, number)| count(kind, number));
    }
}

/// Takes everything and does nothing with it.
#[derive(Debug)]
pub struct Nowhere;

impl Exporter for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        match batch.signal {
            Signal::Traces => {
                count(Kind::Span, batch.records as usize);
                count_details(spans(&batch.body).into_iter(), |span| {
                    [(Kind::SpanAttribute, span.attributes.len()), (Kind::Event, span.events.len())]
                });
            }
            Signal::Logs => {
                count(Kind::Log, batch.records as usize);
                count_details(logs(&batch.body).into_iter(), |log| {
                    [(Kind::LogAttribute, log.attributes.len()), (Kind::LogInTrace, (log.trace_id.len() == 16).into())]
                });
            }
            Signal::Metrics => {}
        }
        black_box(&batch.body);
        Ok(Exported::default())
    }
}

fn spans(body: &[u8]) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    if !DETAIL.load(Ordering::Relaxed) {
        return Vec::new();
    }
    let request = ExportTraceServiceRequest::decode(body).expect("an OTLP request of spans");
    request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn logs(body: &[u8]) -> Vec<opentelemetry_proto::tonic::logs::v1::LogRecord> {
    if !DETAIL.load(Ordering::Relaxed) {
        return Vec::new();
    }
    let request = ExportLogsServiceRequest::decode(body).expect("an OTLP request of logs");
    request
        .resource_logs
        .into_iter()
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records)
        .collect()
}

impl SpanExporter for Nowhere {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        count(Kind::Span, batch.len());
        count_details(batch.iter(), |span| {
            [(Kind::SpanAttribute, span.attributes.len()), (Kind::Event, span.events.len())]
        });
        black_box(batch);
        Ok(())
    }
}

impl LogExporter for Nowhere {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let mut records = 0;
        for (record, _) in batch.iter() {
            records += 1;
            count_details(std::iter::once(record), |log| {
                let in_trace = log.trace_context().is_some();
                [(Kind::LogAttribute, log.attributes_iter().count()), (Kind::LogInTrace, in_trace.into())]
            });
            black_box(record);
        }
        count(Kind::Log, records);
        Ok(())
    }
}

impl Reporter for Nowhere {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        count(Kind::Span, spans.len());
        // fastrace's stand-in for a log line is an event.
        count(Kind::Event, spans.iter().map(|span| span.events.len()).sum());
        count_details(spans.iter(), |span| {
            let of_events = span.events.iter().map(|event| event.properties.len()).sum();
            [(Kind::SpanAttribute, span.properties.len()), (Kind::LogAttribute, of_events)]
        });
        black_box(spans);
    }
}
