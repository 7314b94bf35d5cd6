//! Keeps what is recorded in memory: for tests, and for looking at spans while developing.

use std::sync::Arc;

use tripod_wire::TraceId;
use tripod_wire::otlp::{LogRecord, LogsData, Metric, MetricsData, Span, TracesData};
use tripod_wire::proto::Message;

use super::readable::Paint;
use super::tree;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};
use crate::sync::Mutex;

/// Keeps what is recorded; clones share it.
///
/// ```
/// let memory = tripod::MemoryExporter::default();
/// let guard = tripod::init().exporter(memory.clone()).start().unwrap();
/// tripod::span!("work");
/// guard.flush();
/// assert_eq!(memory.spans()[0].name, "work");
/// ```
#[derive(Clone, Default)]
pub struct MemoryExporter {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    traces: Vec<TracesData>,
    metrics: Vec<MetricsData>,
    logs: Vec<LogsData>,
}

impl MemoryExporter {
    /// Requests of spans as they were sent, with resource and scope.
    pub fn traces(&self) -> Vec<TracesData> {
        self.with(|kept| kept.traces.clone())
    }

    /// Requests of metrics as they were sent, with resource and scope.
    pub fn metrics_data(&self) -> Vec<MetricsData> {
        self.with(|kept| kept.metrics.clone())
    }

    /// Requests of log records as they were sent, with resource and scope.
    pub fn logs_data(&self) -> Vec<LogsData> {
        self.with(|kept| kept.logs.clone())
    }

    /// All finished spans, in the order in which they ended on their thread.
    pub fn spans(&self) -> Vec<Span> {
        let scopes = |data: TracesData| data.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.traces().into_iter().flat_map(scopes).flat_map(|scope| scope.spans).collect()
    }

    /// The finished spans of a trace, the first to begin in front.
    pub fn spans_of(&self, trace_id: TraceId) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
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

    /// Prints [`MemoryExporter::tree`] to stdout, where a test's runner captures it.
    pub fn print_tree(&self) {
        println!("{}", self.tree());
    }

    /// All log records.
    pub fn logs(&self) -> Vec<LogRecord> {
        let scopes = |data: LogsData| data.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        self.logs_data().into_iter().flat_map(scopes).flat_map(|scope| scope.log_records).collect()
    }

    /// The metrics of the last collection.
    pub fn metrics(&self) -> Vec<Metric> {
        let last = self.with(|kept| kept.metrics.last().cloned()).unwrap_or_default();
        let scopes = last.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.with(|kept| *kept = Kept::default());
    }

    fn with<R>(&self, work: impl FnOnce(&mut Kept) -> R) -> R {
        work(&mut self.kept.lock())
    }
}

impl Exporter for MemoryExporter {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let permanent = |error: tripod_wire::WireError| ExportError::Permanent { reason: error.to_string() };
        match batch.signal {
            Signal::Traces => {
                let data = TracesData::decode(&batch.body).map_err(permanent)?;
                self.with(|kept| kept.traces.push(data));
            }
            Signal::Metrics => {
                let data = MetricsData::decode(&batch.body).map_err(permanent)?;
                self.with(|kept| kept.metrics.push(data));
            }
            Signal::Logs => {
                let data = LogsData::decode(&batch.body).map_err(permanent)?;
                self.with(|kept| kept.logs.push(data));
            }
        }
        Ok(Exported::default())
    }
}
