//! What is recorded, on stderr: text for people or JSON for machines.
//!
//! It runs on the exporter's own thread, so a slow terminal costs the callers nothing. As text, a log record is a line, and a trace
//! is shown as a tree once the span that began it here has ended. Until then its spans are held, up to a limit; what is pushed out
//! is shown as far as it is known.

mod json;
mod text;

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};

use tripod_wire::TraceId;
use tripod_wire::otlp::{LogsData, MetricsData, Span, TracesData};

use super::readable::Paint;
use super::tree;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal, Signals};

/// Spans of unfinished traces that are held, at most.
const MAX_HELD_SPANS: usize = 10_000;

/// How the console shows what is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Console {
    /// For people: a line a log record, a tree a trace. In colour on a terminal, unless `NO_COLOR` is set.
    #[default]
    Text,
    /// For machines: a line of JSON a log record, span and metric point.
    Json,
}

/// Writes to stderr.
pub(crate) struct ConsoleExporter {
    format: Console,
    signals: Signals,
    paint: Paint,
    out: Box<dyn Write + Send>,
    held: Held,
}

impl ConsoleExporter {
    pub(crate) fn stderr(format: Console, signals: Signals) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let paint = Paint { on: !no_color && io::stderr().is_terminal() };
        Self::new(format, signals, paint, Box::new(io::stderr()))
    }

    fn new(format: Console, signals: Signals, paint: Paint, out: Box<dyn Write + Send>) -> Self {
        Self { format, signals, paint, out, held: Held::default() }
    }

    fn spans(&mut self, data: TracesData) -> String {
        let scopes = data.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        if self.format == Console::Json {
            let scopes = scopes
                .map(|scope| scope.spans.iter().map(|span| json::span(&scope.scope.name, span)).collect::<String>());
            return scopes.collect();
        }
        let finished = self.held.add(scopes.flat_map(|scope| scope.spans));
        tree::render(&finished, self.paint)
    }

    fn logs(&self, data: &LogsData) -> String {
        let scopes = data.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let records = scopes.flat_map(|scope| scope.log_records.iter().map(|record| (&scope.scope.name, record)));
        let shown = records.map(|(scope, record)| match self.format {
            Console::Text => text::log(scope, record, self.paint),
            Console::Json => json::log(scope, record),
        });
        shown.collect()
    }

    fn metrics(&self, data: &MetricsData) -> String {
        let scopes = data.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        let metrics = scopes.flat_map(|scope| scope.metrics.iter().map(|metric| (&scope.scope.name, metric)));
        let shown = metrics.map(|(scope, metric)| match self.format {
            Console::Text => text::metric(scope, metric),
            Console::Json => json::metric(scope, metric),
        });
        shown.collect()
    }

    /// In one piece, so that lines of other threads do not come between.
    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Exporter for ConsoleExporter {
    fn name(&self) -> &'static str {
        "console"
    }

    fn accepts(&self, signal: Signal) -> bool {
        self.signals.contains(signal)
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let text = match batch.signal {
            Signal::Traces => self.spans(batch.decode::<TracesData>()?),
            Signal::Logs => self.logs(&batch.decode::<LogsData>()?),
            Signal::Metrics => self.metrics(&batch.decode::<MetricsData>()?),
        };
        self.write(&text).map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
        Ok(Exported::default())
    }
}

impl Drop for ConsoleExporter {
    fn drop(&mut self) {
        let rest: Vec<Span> = self.held.traces.drain(..).flat_map(|(_, spans)| spans).collect();
        // Nobody is left to be told of an error.
        let _ = self.write(&tree::render(&rest, self.paint));
    }
}

/// Spans of traces whose first span of this process has not ended, the oldest trace in front.
#[derive(Default)]
struct Held {
    traces: VecDeque<(TraceId, Vec<Span>)>,
    spans: usize,
}

impl Held {
    /// Takes spans; gives those of traces that are complete now, or that there is no room for.
    fn add(&mut self, spans: impl Iterator<Item = Span>) -> Vec<Span> {
        let mut complete = Vec::new();
        for span in spans {
            if begins_here(&span) {
                complete.push(span.trace_id);
            }
            self.spans += 1;
            match self.traces.iter_mut().rev().find(|(id, _)| *id == span.trace_id) {
                Some((_, held)) => held.push(span),
                None => self.traces.push_back((span.trace_id, vec![span])),
            }
        }
        let mut out = Vec::new();
        // Only after the whole batch: it may hold spans of other threads that ended before.
        for id in complete {
            if let Some(at) = self.traces.iter().position(|(held, _)| *held == id) {
                out.extend(self.traces.remove(at).into_iter().flat_map(|(_, spans)| spans));
            }
        }
        self.spans -= out.len();
        while self.spans > MAX_HELD_SPANS {
            let Some((_, oldest)) = self.traces.pop_front() else { break };
            self.spans -= oldest.len();
            out.extend(oldest);
        }
        out
    }
}

/// Whether it is the first span of its trace in this process.
fn begins_here(span: &Span) -> bool {
    !span.parent_span_id.is_valid() || span.flags & tree::REMOTE_PARENT == tree::REMOTE_PARENT
}

#[cfg(test)]
mod tests;
