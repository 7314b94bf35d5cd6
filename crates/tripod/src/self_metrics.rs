//! The engine's own metrics, under the names that OpenTelemetry's semantic conventions give an SDK's: `otel.sdk.*`, in the scope
//! `tripod.sdk`.
//!
//! The counts are kept anyway; they become metrics when metrics are collected, so recording a span costs nothing more. What a queue
//! drops counts as processed with an error, what a receiver refuses as exported with an error.

use std::collections::HashMap;

use tripod_wire::otlp::Signal;

use crate::pipeline::Signals;
use crate::stats::{Delivery, DropReason, ExporterStats, RecordStats, StartStats, Stats};
use crate::{Counter, Histogram, Telemetry, UpDownCounter, Value, telemetry};

const COMPONENT_NAME: &str = "otel.component.name";
const COMPONENT_TYPE: &str = "otel.component.type";
const ERROR_TYPE: &str = "error.type";

const STARTED: What<'_> =
    What { name: "otel.sdk.span.started", unit: "{span}", description: "Spans that were started, recorded or not" };
const LIVE: What<'_> =
    What { name: "otel.sdk.span.live", unit: "{span}", description: "Spans that are recorded and have not ended yet" };
const LOGS: What<'_> =
    What { name: "otel.sdk.log.created", unit: "{log_record}", description: "Log records that were written" };

fn scope() -> Telemetry {
    telemetry("tripod.sdk")
}

/// An instrument.
#[derive(Clone, Copy)]
struct What<'a> {
    name: &'a str,
    unit: &'static str,
    description: &'static str,
}

/// The attributes of a series; those that are empty are left out.
type Labels<'a> = [(&'static str, &'a str)];

/// Turns what has been counted since the last collection into metrics.
#[derive(Default)]
pub(crate) struct SelfMetrics {
    /// What was reported of each series, as an engine counts from zero and instruments outlive it.
    reported: HashMap<(String, String), i64>,
}

impl SelfMetrics {
    pub(crate) fn update(&mut self, stats: &Stats) {
        self.started(&stats.started);
        Self::level(LIVE, &[sampling_result(true)], stats.live);
        self.count(LOGS, &[], stats.logs.created);
        self.lost(Signal::Traces, &stats.spans);
        self.lost(Signal::Logs, &stats.logs);
        self.tail(stats.tail.spans_dropped);
        for (at, exporter) in stats.exporters.iter().enumerate() {
            for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
                self.exporter(at, exporter, signal);
            }
        }
    }

    /// After the last collection: what is on its way counts no more, as the instruments outlive the engine.
    pub(crate) fn end(&mut self, mut stats: Stats) {
        stats.live = 0;
        for exporter in &mut stats.exporters {
            for delivery in [&mut exporter.spans, &mut exporter.points, &mut exporter.logs] {
                delivery.queued = 0;
                delivery.offered = delivery.exported + delivery.dropped() + delivery.filtered;
            }
        }
        self.update(&stats);
    }

    fn started(&mut self, started: &StartStats) {
        let by_parent =
            [("none", &started.without_parent), ("local", &started.local_parent), ("remote", &started.remote_parent)];
        for (origin, decisions) in by_parent {
            for (recorded, spans) in [(true, decisions.recorded), (false, decisions.not_recorded)] {
                self.count(STARTED, &[sampling_result(recorded), ("otel.span.parent.origin", origin)], spans);
            }
        }
    }

    /// Records that never reached the collector.
    fn lost(&mut self, signal: Signal, records: &RecordStats) {
        let reasons = [
            (DropReason::QueueFull.as_str(), records.refused),
            ("nested", records.nested),
            ("thread_ended", records.late),
        ];
        for (reason, records) in reasons {
            self.processed(signal, &component("tripod_collector", 0), reason, records);
        }
    }

    /// Spans that a tail policy dropped, which the conventions know as a processor that did not pass them on.
    fn tail(&mut self, dropped: u64) {
        self.processed(Signal::Traces, &component("tail_sampling_processor", 0), "sampled_out", dropped);
    }

    fn exporter(&mut self, at: usize, exporter: &ExporterStats, signal: Signal) {
        let delivery = exporter.of(signal);
        let (word, unit) = words(signal);
        let of = exporter_component(exporter.name, at, signal);
        let name = format!("otel.sdk.exporter.{word}.exported");
        let exported = What { name: &name, unit, description: "Records whose export has finished, well or not" };
        self.count(exported, &labels(&of, ""), delivery.exported);
        let (before, after): (Vec<_>, Vec<_>) =
            DropReason::ALL.into_iter().zip(delivery.dropped_by_reason).partition(|(reason, _)| reason.before_export());
        for (reason, records) in &after {
            self.count(exported, &labels(&of, reason.as_str()), *records);
        }
        let submitted = delivery.offered.saturating_sub(delivery.queued + delivery.filtered + sum(&before));
        let inflight = submitted.saturating_sub(delivery.exported + sum(&after));
        let name = format!("otel.sdk.exporter.{word}.inflight");
        Self::level(
            What { name: &name, unit, description: "Records that are being exported" },
            &labels(&of, ""),
            inflight,
        );
        if signal != Signal::Metrics {
            self.queue(at, signal, delivery, &before, submitted);
        }
    }

    /// The exporter's queue, which the conventions know as a batching processor. It is bounded by bytes, so it has no capacity in
    /// records to tell of.
    fn queue(&mut self, at: usize, signal: Signal, delivery: &Delivery, lost: &[(DropReason, u64)], submitted: u64) {
        let (word, unit) = words(signal);
        let of = component(&format!("batching_{word}_processor"), at);
        self.processed(signal, &of, "", submitted);
        for (reason, records) in lost {
            self.processed(signal, &of, reason.as_str(), *records);
        }
        self.processed(signal, &of, "filtered", delivery.filtered);
        let name = format!("otel.sdk.processor.{word}.queue.size");
        let size = What { name: &name, unit, description: "Records that wait for the exporter" };
        Self::level(size, &labels(&of, ""), delivery.queued);
    }

    fn processed(&mut self, signal: Signal, of: &Component, error: &'static str, total: u64) {
        let (word, unit) = words(signal);
        let description = "Records that were passed on to the exporter, or failed to be";
        let name = format!("otel.sdk.processor.{word}.processed");
        self.count(What { name: &name, unit, description }, &labels(of, error), total);
    }

    fn count(&mut self, what: What<'_>, labels: &Labels<'_>, total: u64) {
        let more = self.change(what.name, labels, total);
        // A series appears with its first record.
        if let Ok(more @ 1..) = u64::try_from(more) {
            let counter = scope().counter(what.name.to_owned()).unit(what.unit).description(what.description);
            let counter: Counter = counter.build();
            counter.add(more, &values(labels));
        }
    }

    fn level(what: What<'_>, labels: &Labels<'_>, now: u64) {
        let level = scope().up_down_counter(what.name.to_owned()).unit(what.unit).description(what.description);
        let level: UpDownCounter = level.build();
        let labels = values(labels);
        // From what it says now, which may be what an engine that has stopped left behind.
        level.add(i64::try_from(now).unwrap_or(i64::MAX) - level.get(&labels) as i64, &labels);
    }

    fn change(&mut self, name: &str, labels: &Labels<'_>, total: u64) -> i64 {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let series: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        total - self.reported.insert((name.to_owned(), series.join("|")), total).unwrap_or(0)
    }
}

fn values<'a>(labels: &Labels<'a>) -> Vec<(&'static str, Value<'a>)> {
    let given = labels.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(key, value)| (*key, Value::Str(value))).collect()
}

fn labels<'a>(of: &'a Component, error: &'a str) -> [(&'static str, &'a str); 3] {
    [(COMPONENT_TYPE, &of.kind), (COMPONENT_NAME, &of.name), (ERROR_TYPE, error)]
}

fn sampling_result(recorded: bool) -> (&'static str, &'static str) {
    ("otel.span.sampling_result", if recorded { "RECORD_AND_SAMPLE" } else { "DROP" })
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

/// A part of the SDK: its type, and its name, which tells it from others of the type.
struct Component {
    kind: String,
    name: String,
}

fn component(kind: &str, at: usize) -> Component {
    Component { kind: kind.to_owned(), name: format!("{kind}/{at}") }
}

/// An exporter's part for one signal: `otlp_http_span_exporter`, `otlp_http_span_exporter/0`.
fn exporter_component(exporter: &str, at: usize, signal: Signal) -> Component {
    let signal = match signal {
        Signal::Traces => "span",
        Signal::Metrics => "metric",
        Signal::Logs => "log",
    };
    component(&format!("{}_{signal}_exporter", exporter.replace('-', "_")), at)
}

/// Times what an exporter does.
pub(crate) struct ExportTimer {
    histogram: Histogram,
    /// By signal.
    components: [Component; 3],
}

impl ExportTimer {
    pub(crate) fn new(exporter: &str, at: usize) -> Self {
        let histogram = scope().histogram("otel.sdk.exporter.operation.duration").unit("s");
        let components = Signals::ALL.map(|signal| exporter_component(exporter, at, signal));
        Self { histogram: histogram.description("How long exporting a batch takes").build(), components }
    }

    pub(crate) fn record(&self, signal: Signal, seconds: f64, error: &'static str) {
        self.histogram.record(seconds, &values(&labels(&self.components[signal as usize], error)));
    }
}

/// How long collecting the metrics took.
pub(crate) fn record_collection(seconds: f64) {
    let histogram = scope().histogram("otel.sdk.metric_reader.collection.duration").unit("s");
    let histogram = histogram.description("How long collecting the metrics takes").build();
    histogram.record(seconds, &values(&labels(&component("periodic_metric_reader", 0), "")));
}
