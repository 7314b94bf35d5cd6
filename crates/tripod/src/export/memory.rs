//! Keeps what is recorded in memory: for tests, and for looking at spans while developing.

use std::collections::VecDeque;
use std::sync::Arc;

use tripod_wire::otlp::common::find;
use tripod_wire::otlp::metrics::{MetricData, NumberDataPoint};
use tripod_wire::otlp::{KeyValue, LogRecord, LogsData, Metric, MetricsData, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{TraceId, WireError};

use super::readable::Paint;
use super::tree;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};
use crate::sync::Mutex;

/// Keeps what is recorded; clones share it.
///
/// # In tests
/// Hand it to [`crate::Builder::exporter`], run what is tested, flush, and look:
///
/// ```
/// let memory = tripod::MemoryExporter::default();
/// let guard = tripod::init().exporter(memory.clone()).start().unwrap();
/// {
///     let _order = tripod::span!("place order", order.id = 17);
///     tripod::span!("charge").end();
///     tripod::info!("order placed");
/// }
/// guard.flush();
///
/// let order = memory.span("place order").unwrap();
/// assert_eq!(memory.children_of(&order)[0].name, "charge");
/// assert_eq!(memory.spans_with("order.id", "17").len(), 1);
/// assert_eq!(memory.logs_of(order.trace_id).len(), 1);
/// assert_eq!(memory.outline(), "\
/// trace  2 spans
/// place order  order.id=17
/// └─ charge
/// ");
/// ```
///
/// [`MemoryExporter::outline`] is the same from run to run, so fit to be compared with a snapshot. Telemetry runs once a process, and a
/// test binary's tests run at the same time: let those that start it share a lock, or put one in a file.
///
/// # While developing
/// Of each signal the latest 100,000 records are kept (metrics by point), unless [`MemoryExporter::with_limit`] says otherwise.
/// [`MemoryExporter::print_tree`] shows what happened, with durations.
#[derive(Clone)]
pub struct MemoryExporter {
    kept: Arc<Mutex<Kept>>,
}

const LIMIT: u64 = 100_000;

impl Default for MemoryExporter {
    fn default() -> Self {
        Self::with_limit(LIMIT)
    }
}

struct Kept {
    traces: Requests<TracesData>,
    metrics: Requests<MetricsData>,
    logs: Requests<LogsData>,
    limit: u64,
}

/// Requests of one signal, each with how many records it has.
struct Requests<T> {
    all: VecDeque<(u64, T)>,
    records: u64,
}

impl<T: Message + Clone> Requests<T> {
    fn new() -> Self {
        Self { all: VecDeque::new(), records: 0 }
    }

    /// The oldest make room; the latest stays, however large it is.
    fn add(&mut self, batch: &Batch, limit: u64) -> Result<(), WireError> {
        self.all.push_back((batch.records, T::decode(&batch.body)?));
        self.records += batch.records;
        while self.records > limit && self.all.len() > 1 {
            self.records -= self.all.pop_front().map_or(0, |(records, _)| records);
        }
        Ok(())
    }

    fn to_vec(&self) -> Vec<T> {
        self.all.iter().map(|(_, request)| request.clone()).collect()
    }
}

impl MemoryExporter {
    /// Keeps at least the latest request of each signal, and older ones up to so many records.
    pub fn with_limit(records: u64) -> Self {
        let (traces, metrics, logs) = (Requests::new(), Requests::new(), Requests::new());
        Self { kept: Arc::new(Mutex::new(Kept { traces, metrics, logs, limit: records })) }
    }

    /// Requests of spans as they were sent, with resource and scope.
    pub fn traces(&self) -> Vec<TracesData> {
        self.kept.lock().traces.to_vec()
    }

    /// Requests of metrics as they were sent, with resource and scope.
    pub fn metrics_data(&self) -> Vec<MetricsData> {
        self.kept.lock().metrics.to_vec()
    }

    /// Requests of log records as they were sent, with resource and scope.
    pub fn logs_data(&self) -> Vec<LogsData> {
        self.kept.lock().logs.to_vec()
    }

    /// All finished spans, in the order in which they ended on their thread.
    pub fn spans(&self) -> Vec<Span> {
        let scopes = |data: TracesData| data.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.traces().into_iter().flat_map(scopes).flat_map(|scope| scope.spans).collect()
    }

    /// The first finished span of this name.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.spans().into_iter().find(|span| span.name == name)
    }

    /// The finished spans of a trace, the first to begin in front.
    pub fn spans_of(&self, trace_id: TraceId) -> Vec<Span> {
        self.by_start(|span| span.trace_id == trace_id)
    }

    /// The finished spans directly below this one, the first to begin in front.
    pub fn children_of(&self, span: &Span) -> Vec<Span> {
        self.by_start(|child| (child.trace_id, child.parent_span_id) == (span.trace_id, span.span_id))
    }

    /// The finished spans with this attribute, its value as text; the first to begin in front.
    pub fn spans_with(&self, key: &str, value: &str) -> Vec<Span> {
        self.by_start(|span| has(&span.attributes, key, value))
    }

    /// All traces as text: who called whom, with durations, errors and attributes. A parent that has not ended, or that is recorded
    /// elsewhere, is named on a line of its own.
    ///
    /// ```text
    /// trace 0af7651916cd43dd8448eb211c80319c  2 spans  12.3 ms
    /// place order  12.3 ms  order_id=17
    /// └─ charge  4.50 ms
    /// ```
    pub fn tree(&self) -> String {
        tree::render(&self.spans(), Paint::default())
    }

    /// The same without ids and durations, so that it can be compared from run to run.
    pub fn outline(&self) -> String {
        tree::outline(&self.spans())
    }

    /// Prints [`MemoryExporter::tree`] to stdout, where a test's runner captures it.
    pub fn print_tree(&self) {
        println!("{}", self.tree());
    }

    /// All log records.
    pub fn logs(&self) -> Vec<LogRecord> {
        let scopes = |data: LogsData| data.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        self.logs_data().into_iter().flat_map(scopes).flat_map(|scope| scope.log_records).collect()
    }

    /// The log records that were written in a trace.
    pub fn logs_of(&self, trace_id: TraceId) -> Vec<LogRecord> {
        self.logs().into_iter().filter(|record| record.trace_id == trace_id).collect()
    }

    /// The log records with this attribute, its value as text.
    pub fn logs_with(&self, key: &str, value: &str) -> Vec<LogRecord> {
        self.logs().into_iter().filter(|record| has(&record.attributes, key, value)).collect()
    }

    /// The metrics of the last collection. A flush collects.
    pub fn metrics(&self) -> Vec<Metric> {
        let last = self.kept.lock().metrics.all.back().map(|(_, last)| last.clone()).unwrap_or_default();
        let scopes = last.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect()
    }

    /// The metric of this name in the last collection.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.metrics().into_iter().find(|metric| metric.name == name)
    }

    /// The number of a counter's or gauge's point in the last collection: of the one that has just these labels, their values as text.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let (MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. }) = self.metric(name)?.data else {
            return None;
        };
        let is_meant = |point: &&NumberDataPoint| {
            let attributes = &point.attributes;
            attributes.len() == labels.len() && labels.iter().all(|(key, value)| has(attributes, key, value))
        };
        data_points.iter().find(is_meant).map(|point| point.value.as_f64())
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut kept = self.kept.lock();
        (kept.traces, kept.metrics, kept.logs) = (Requests::new(), Requests::new(), Requests::new());
    }

    fn by_start(&self, wanted: impl Fn(&Span) -> bool) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(wanted);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }
}

fn has(attributes: &[KeyValue], key: &str, value: &str) -> bool {
    find(attributes, key).is_some_and(|found| found.to_string() == value)
}

impl Exporter for MemoryExporter {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let mut kept = self.kept.lock();
        let limit = kept.limit;
        let added = match batch.signal {
            Signal::Traces => kept.traces.add(batch, limit),
            Signal::Metrics => kept.metrics.add(batch, limit),
            Signal::Logs => kept.logs.add(batch, limit),
        };
        match added {
            Ok(()) => Ok(Exported::default()),
            Err(error) => Err(ExportError::Permanent { reason: error.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use tripod_wire::SpanId;
    use tripod_wire::otlp::metrics::{NumberValue, ResourceMetrics, ScopeMetrics};
    use tripod_wire::otlp::trace::{Event, ResourceSpans, ScopeSpans, Status, StatusCode};

    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    fn span(id: u8, parent: u8, name: &str, start: u64, end: u64) -> Span {
        Span {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([id; 8]),
            parent_span_id: SpanId([parent; 8]),
            name: name.to_owned(),
            start_time_unix_nano: start * MILLISECOND,
            end_time_unix_nano: end * MILLISECOND,
            ..Span::default()
        }
    }

    fn batch(spans: Vec<Span>) -> Batch {
        let (records, scope) = (spans.len() as u64, ScopeSpans { spans, ..ScopeSpans::default() });
        let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
        let body = TracesData { resource_spans: vec![resource] }.encode_to_vec();
        Batch { signal: Signal::Traces, records, body }
    }

    fn order() -> Vec<Span> {
        let mut order = span(1, 0, "place order", 100, 112);
        order.attributes = vec![KeyValue::new("order.id", "17")];
        let mut charge = span(2, 1, "charge", 105, 111);
        charge.status = Status { code: StatusCode::ERROR, message: "no funds".to_owned() };
        let exception = [("exception.type", "Declined"), ("exception.message", "no funds")];
        let attributes = exception.map(|(key, value)| KeyValue::new(key, value)).to_vec();
        charge.events = vec![Event { name: "exception".to_owned(), attributes, ..Event::default() }];
        vec![charge, span(3, 1, "look up", 101, 104), order, span(5, 4, "late", 120, 121)]
    }

    #[test]
    fn the_tree_shows_durations_errors_attributes_and_missing_parents() {
        let mut memory = MemoryExporter::default();
        memory.export(&batch(order())).unwrap();
        assert_snapshot!(memory.tree(), @"
        trace 01010101010101010101010101010101  4 spans  21.0 ms  1 error
        place order  12.0 ms  order.id=17
        ├─ look up  3.00 ms
        └─ charge  6.00 ms  ✗ no funds
              Declined: no funds
        (parent missing: 0404040404040404)
        └─ late  1.00 ms
        ");
        assert_snapshot!(memory.outline(), @"
        trace  4 spans  1 error
        place order  order.id=17
        ├─ look up
        └─ charge  ✗ no funds
              Declined: no funds
        (parent missing)
        └─ late
        ");
    }

    #[test]
    fn spans_are_found_by_name_attribute_trace_and_parent() {
        let mut memory = MemoryExporter::default();
        memory.export(&batch(order())).unwrap();
        let order = memory.span("place order").unwrap();
        let names = |spans: Vec<Span>| spans.into_iter().map(|span| span.name).collect::<Vec<_>>();
        assert_eq!(names(memory.children_of(&order)), ["look up", "charge"]);
        assert_eq!(names(memory.spans_with("order.id", "17")), ["place order"]);
        assert!(memory.spans_with("order.id", "18").is_empty() && memory.span("other").is_none());
        assert_eq!(memory.spans_of(order.trace_id).len(), 4);
        memory.clear();
        assert!(memory.spans().is_empty());
    }

    #[test]
    fn the_value_of_a_point_is_found_by_all_its_labels() {
        let point = |labels: &[(&str, &str)], value| NumberDataPoint {
            attributes: labels.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect(),
            value: NumberValue::Int(value),
            ..NumberDataPoint::default()
        };
        let data_points = vec![point(&[], 1), point(&[("a", "x"), ("b", "y")], 2), point(&[("a", "x")], 3)];
        let metric = Metric { name: "n".to_owned(), data: MetricData::Gauge { data_points }, ..Metric::default() };
        let scope = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
        let resource = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
        let body = MetricsData { resource_metrics: vec![resource] }.encode_to_vec();
        let mut memory = MemoryExporter::default();
        memory.export(&Batch { signal: Signal::Metrics, records: 3, body }).unwrap();
        assert_eq!(memory.value("n", &[]), Some(1.0));
        assert_eq!(memory.value("n", &[("b", "y"), ("a", "x")]), Some(2.0));
        assert_eq!(memory.value("n", &[("a", "x")]), Some(3.0));
        assert_eq!((memory.value("n", &[("b", "y")]), memory.value("m", &[])), (None, None));
    }

    #[test]
    fn beyond_the_limit_the_oldest_requests_are_forgotten() {
        let mut memory = MemoryExporter::with_limit(10);
        for name in ["first", "second", "third"] {
            memory.export(&batch(vec![span(1, 0, name, 0, 1); 5])).unwrap();
        }
        assert_eq!((memory.spans().len(), memory.span("first")), (10, None));
        memory.export(&batch(vec![span(1, 0, "large", 0, 1); 50])).unwrap();
        assert_eq!(memory.spans().len(), 50, "the latest request stays");
    }

    #[test]
    fn what_is_no_request_is_refused_for_good() {
        let batch = Batch { signal: Signal::Logs, records: 1, body: vec![0xff; 3] };
        assert!(matches!(MemoryExporter::default().export(&batch), Err(ExportError::Permanent { .. })));
    }
}
