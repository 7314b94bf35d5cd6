//! The engine's own metrics, under the names that OpenTelemetry's semantic conventions give an SDK's: `otel.sdk.*`, in the scope
//! `tripod.sdk`.
//!
//! The counts are kept anyway; they become metrics when metrics are collected, so recording a span costs nothing more. What a queue
//! drops counts as processed with an error, what a receiver refuses as exported with an error.

use std::collections::HashMap;

use tripod_wire::otlp::Signal;

use crate::stats::{Delivery, DropReason, ExporterStats, RecordStats, Stats};
use crate::{Counter, Histogram, Telemetry, UpDownCounter, Value, telemetry};

const COMPONENT_NAME: &str = "otel.component.name";
const COMPONENT_TYPE: &str = "otel.component.type";
const ERROR_TYPE: &str = "error.type";

fn scope() -> Telemetry {
    telemetry("tripod.sdk")
}

/// Turns what has been counted since the last collection into metrics.
#[derive(Default)]
pub(crate) struct SelfMetrics {
    /// What was reported of each series, as an engine counts from zero and instruments outlive it.
    reported: HashMap<(String, String, &'static str), i64>,
}

impl SelfMetrics {
    pub(crate) fn update(&mut self, stats: &Stats) {
        self.count(
            "otel.sdk.log.created",
            "{log_record}",
            "Log records that were written",
            "",
            "",
            "",
            stats.logs.created,
        );
        self.refused(Signal::Traces, &stats.spans);
        self.refused(Signal::Logs, &stats.logs);
        self.tail(stats.tail.spans_dropped);
        for (at, exporter) in stats.exporters.iter().enumerate() {
            for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
                self.exporter(at, exporter, signal);
            }
        }
    }

    /// After the last collection: what is on its way counts no more, as the instruments outlive the engine.
    pub(crate) fn end(&mut self, mut stats: Stats) {
        for exporter in &mut stats.exporters {
            for delivery in [&mut exporter.spans, &mut exporter.points, &mut exporter.logs] {
                delivery.queued = 0;
                delivery.offered = delivery.exported + delivery.dropped();
            }
        }
        self.update(&stats);
    }

    fn refused(&mut self, signal: Signal, records: &RecordStats) {
        let (word, unit) = words(signal);
        let name = format!("otel.sdk.processor.{word}.processed");
        let what = "Records that were passed on to the exporter, or failed to be";
        self.count(
            &name,
            unit,
            what,
            "tripod_collector",
            "tripod_collector/0",
            DropReason::QueueFull.as_str(),
            records.refused,
        );
    }

    /// Spans that a tail policy dropped, which the conventions know as a processor that did not pass them on.
    fn tail(&mut self, dropped: u64) {
        let (name, what) =
            ("otel.sdk.processor.span.processed", "Records that were passed on to the exporter, or failed to be");
        let (kind, component) = ("tail_sampling_processor", "tail_sampling_processor/0");
        self.count(name, "{span}", what, kind, component, "sampled_out", dropped);
    }

    fn exporter(&mut self, at: usize, exporter: &ExporterStats, signal: Signal) {
        let delivery = exporter.of(signal);
        let (word, unit) = words(signal);
        let (kind, component) = component(exporter.name, at);
        let exported = format!("otel.sdk.exporter.{word}.exported");
        let what = "Records whose export has finished, well or not";
        self.count(&exported, unit, what, &kind, &component, "", delivery.exported);
        let (before, after): (Vec<_>, Vec<_>) =
            DropReason::ALL.into_iter().zip(delivery.dropped_by_reason).partition(|(reason, _)| reason.before_export());
        for (reason, records) in &after {
            self.count(&exported, unit, what, &kind, &component, reason.as_str(), *records);
        }
        let (lost, failed) = (sum(&before), sum(&after));
        let submitted = delivery.offered.saturating_sub(delivery.queued + lost);
        let inflight = submitted.saturating_sub(delivery.exported + failed);
        let name = format!("otel.sdk.exporter.{word}.inflight");
        Self::level(&name, unit, "Records that are being exported", &kind, &component, inflight);
        if signal != Signal::Metrics {
            self.queue(at, word, unit, delivery, &before, submitted);
        }
    }

    /// The exporter's queue, which the conventions know as a batching processor.
    fn queue(
        &mut self,
        at: usize,
        word: &str,
        unit: &'static str,
        delivery: &Delivery,
        lost: &[(DropReason, u64)],
        submitted: u64,
    ) {
        let kind = format!("batching_{}_processor", if word == "span" { "span" } else { "log" });
        let component = format!("{kind}/{at}");
        let name = format!("otel.sdk.processor.{word}.processed");
        let what = "Records that were passed on to the exporter, or failed to be";
        self.count(&name, unit, what, &kind, &component, "", submitted);
        for (reason, records) in lost {
            self.count(&name, unit, what, &kind, &component, reason.as_str(), *records);
        }
        let name = format!("otel.sdk.processor.{word}.queue.size");
        Self::level(&name, unit, "Records that wait for the exporter", &kind, &component, delivery.queued);
    }

    #[expect(clippy::too_many_arguments, reason = "an instrument's description and one point of it")]
    fn count(
        &mut self,
        name: &str,
        unit: &'static str,
        what: &'static str,
        kind: &str,
        component: &str,
        error: &'static str,
        total: u64,
    ) {
        let more = self.change(name, component, error, total);
        // A series appears with its first record.
        if let Ok(more @ 1..) = u64::try_from(more) {
            let counter: Counter = scope().counter(name.to_owned()).unit(unit).description(what).build();
            counter.add(more, &labels(kind, component, error));
        }
    }

    fn level(name: &str, unit: &'static str, what: &'static str, kind: &str, component: &str, now: u64) {
        let level: UpDownCounter = scope().up_down_counter(name.to_owned()).unit(unit).description(what).build();
        let labels = labels(kind, component, "");
        // From what it says now, which may be what an engine that has stopped left behind.
        level.add(i64::try_from(now).unwrap_or(i64::MAX) - level.get(&labels) as i64, &labels);
    }

    fn change(&mut self, name: &str, component: &str, error: &'static str, total: u64) -> i64 {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        total - self.reported.insert((name.to_owned(), component.to_owned(), error), total).unwrap_or(0)
    }
}

fn labels<'a>(kind: &'a str, component: &'a str, error: &'a str) -> Vec<(&'static str, Value<'a>)> {
    let all = [(COMPONENT_TYPE, kind), (COMPONENT_NAME, component), (ERROR_TYPE, error)];
    all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, Value::Str(value))).collect()
}

fn sum(lost: &[(DropReason, u64)]) -> u64 {
    lost.iter().map(|(_, records)| records).sum()
}

/// The signal's part of a metric's name, and its unit.
fn words(signal: Signal) -> (&'static str, &'static str) {
    match signal {
        Signal::Traces => ("span", "{span}"),
        Signal::Metrics => ("metric_data_point", "{data_point}"),
        Signal::Logs => ("log", "{log_record}"),
    }
}

/// Type and name of an exporter: `otlp_http_exporter`, `otlp_http_exporter/0`.
fn component(exporter: &str, at: usize) -> (String, String) {
    let kind = format!("{}_exporter", exporter.replace('-', "_"));
    let name = format!("{kind}/{at}");
    (kind, name)
}

/// Times what an exporter does.
pub(crate) struct ExportTimer {
    histogram: Histogram,
    kind: String,
    component: String,
}

impl ExportTimer {
    pub(crate) fn new(exporter: &str, at: usize) -> Self {
        let (kind, component) = component(exporter, at);
        let histogram = scope().histogram("otel.sdk.exporter.operation.duration").unit("s");
        Self { histogram: histogram.description("How long exporting a batch takes").build(), kind, component }
    }

    pub(crate) fn record(&self, seconds: f64, error: &'static str) {
        self.histogram.record(seconds, &labels(&self.kind, &self.component, error));
    }
}

/// How long collecting the metrics took.
pub(crate) fn record_collection(seconds: f64) {
    let histogram = scope().histogram("otel.sdk.metric_reader.collection.duration").unit("s");
    let histogram = histogram.description("How long collecting the metrics takes").build();
    histogram.record(seconds, &labels("periodic_metric_reader", "periodic_metric_reader/0", ""));
}
