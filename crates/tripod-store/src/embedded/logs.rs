//! Log records of a segment in memory: a row each, found by trace, or by service in order of time.
//!
//! About 80 bytes a record; text and attributes are read from the log when they are asked for.

use std::collections::HashMap;

use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::{SpanId, TraceId};

use super::request::{Batch, LogHead};
use super::segment::{Context, Extent};
use super::symbols::{Symbol, Symbols};
use super::timeline::Timeline;

/// No further row.
const NONE: u32 = u32::MAX;

/// The log records of a segment.
#[derive(Debug, Default)]
pub(crate) struct LogRows {
    pub(crate) symbols: Symbols,
    contexts: Vec<Context>,
    rows: Vec<LogRow>,
    /// The record of a trace that came last; each row names the one before it.
    traces: HashMap<TraceId, u32>,
    services: HashMap<Symbol, Timeline>,
}

/// What is known of a log record without reading it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogRow {
    pub(crate) span_id: SpanId,
    pub(crate) time: u64,
    pub(crate) bytes: Extent,
    severity: i32,
    context: u32,
    /// The record of the same trace that came before.
    earlier: u32,
}

impl LogRow {
    pub(crate) fn severity(&self) -> SeverityNumber {
        SeverityNumber(self.severity)
    }
}

impl LogRows {
    /// Takes in the records of a request whose payload begins at `offset`.
    pub(crate) fn insert(&mut self, batch: &Batch<LogHead>, offset: u32) {
        let first = self.contexts.len();
        for context in &batch.contexts {
            self.contexts.push(Context::new(context, offset, &mut self.symbols));
        }
        for record in &batch.records {
            let (head, context) = (&record.head, first + record.context);
            let number = self.rows.len() as u32;
            self.services.entry(self.contexts[context].service).or_default().push((head.time, number));
            let earlier = head.trace_id.is_valid().then(|| self.traces.insert(head.trace_id, number)).flatten();
            self.rows.push(LogRow {
                span_id: head.span_id,
                time: head.time,
                bytes: Extent::new(offset, &record.bytes),
                severity: head.severity,
                context: context as u32,
                earlier: earlier.unwrap_or(NONE),
            });
        }
        for context in &self.contexts[first..] {
            if let Some(timeline) = self.services.get_mut(&context.service) {
                timeline.settle();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(&self, number: u32) -> &LogRow {
        &self.rows[number as usize]
    }

    pub(crate) fn context(&self, row: &LogRow) -> &Context {
        &self.contexts[row.context as usize]
    }

    /// Rows of a trace with their numbers, in no order.
    pub(crate) fn trace(&self, id: TraceId) -> impl Iterator<Item = (u32, &LogRow)> {
        let with_row = |number: u32| (number, self.row(number));
        std::iter::successors(self.traces.get(&id).map(|number| with_row(*number)), move |(_, row)| {
            (row.earlier != NONE).then(|| with_row(row.earlier))
        })
    }

    /// The services, in no order.
    pub(crate) fn services(&self) -> impl Iterator<Item = (Symbol, &Timeline)> {
        self.services.iter().map(|(symbol, timeline)| (*symbol, timeline))
    }

    /// Bytes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<LogRow>()
            + self.contexts.capacity() * size_of::<Context>()
            + self.traces.capacity() * (size_of::<(TraceId, u32)>() + 2)
            + self.services.values().map(|timeline| timeline.bytes() + size_of::<Timeline>()).sum::<usize>()
            + self.symbols.bytes()
    }
}
