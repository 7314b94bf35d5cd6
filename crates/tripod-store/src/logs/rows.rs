//! Log records in columns: how they are in a batch, in a memory table and, decoded, in a block of a part.
//!
//! A record takes about 90 bytes beside its body and attributes. Columns that mostly hold their default end with the last row
//! that holds something else.

use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{KeyValue, LogRecord};
use tripod_wire::{SpanId, TraceId};

use crate::columns::Strings;
use crate::records::{Attributes, Coded, Picks, Rare, ValueRef};

/// Rows of log records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    /// When each happened, or was observed where the source does not say.
    pub(crate) time: Vec<u64>,
    /// Whether the source does not say.
    pub(crate) untimed: Rare<bool>,
    /// When it was observed.
    pub(crate) observed: Vec<u64>,
    pub(crate) severity: Vec<i32>,
    pub(crate) severity_text: Coded,
    pub(crate) body: Bodies,
    pub(crate) attributes: Attributes,
    pub(crate) trace: Rare<TraceId>,
    pub(crate) span: Rare<SpanId>,
    pub(crate) flags: Rare<u32>,
    pub(crate) event_name: Coded,
    pub(crate) dropped: Rare<u32>,
    /// Who emitted it: a number in the contexts of whoever has the rows.
    pub(crate) context: Vec<u32>,
}

/// Rows to be taken, and for each of their contexts its number where they go.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) contexts: Vec<u32>,
}

/// What records say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bodies {
    /// Texts, and bodies of other types as `AnyValue`s in protobuf.
    pub(crate) bytes: Strings,
    /// Whether it is of another type.
    pub(crate) other: Rare<bool>,
}

impl Bodies {
    /// Adds one, with its bytes as an `AnyValue`.
    #[inline]
    pub(crate) fn push(&mut self, body: ValueRef<'_>, encoded: &[u8]) {
        let row = self.bytes.len();
        if let ValueRef::Str(text) = body {
            self.bytes.push(text.as_bytes());
        } else {
            self.bytes.push(encoded);
            // One that is not there is an empty one in protobuf.
            self.other.set(row, true);
        }
    }

    /// The one of a row.
    pub(crate) fn get(&self, row: usize) -> ValueRef<'_> {
        let bytes = self.bytes.get(row);
        if self.other.get(row) {
            ValueRef::of(bytes)
        } else {
            ValueRef::Str(std::str::from_utf8(bytes).unwrap_or_default())
        }
    }
}

impl Rows {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.time.len()
    }

    /// Adds rows of others, their contexts by the numbers that their sources say.
    pub(crate) fn gather(&mut self, from: Picks<'_, Source<'_>>) {
        let at = self.len();
        self.time.extend(from.values(|source| &source.rows.time));
        self.untimed.gather(at, from, |source| &source.rows.untimed);
        self.observed.extend(from.values(|source| &source.rows.observed));
        self.severity.extend(from.values(|source| &source.rows.severity));
        self.severity_text.gather(at, from, |source| &source.rows.severity_text);
        from.iter().for_each(|(source, row)| self.body.bytes.push(source.rows.body.bytes.get(row)));
        self.body.other.gather(at, from, |source| &source.rows.body.other);
        self.attributes.push_rows(from, |source| &source.rows.attributes);
        self.trace.gather(at, from, |source| &source.rows.trace);
        self.span.gather(at, from, |source| &source.rows.span);
        self.flags.gather(at, from, |source| &source.rows.flags);
        self.event_name.gather(at, from, |source| &source.rows.event_name);
        self.dropped.gather(at, from, |source| &source.rows.dropped);
        self.context.extend(from.iter().map(|(source, row)| source.contexts[source.rows.context[row] as usize]));
    }

    /// The record of a row.
    pub(crate) fn record(&self, row: usize) -> LogRecord {
        let attribute = |(key, value): (&str, ValueRef<'_>)| KeyValue { key: key.to_owned(), value: value.to_any() };
        LogRecord {
            time_unix_nano: if self.untimed.get(row) { 0 } else { self.time[row] },
            observed_time_unix_nano: self.observed[row],
            severity_number: SeverityNumber(self.severity[row]),
            severity_text: self.severity_text.text(row),
            body: self.body.get(row).to_any(),
            attributes: self.attributes.row(row).map(attribute).collect(),
            dropped_attributes_count: self.dropped.get(row),
            flags: self.flags.get(row),
            trace_id: self.trace.get(row),
            span_id: self.span.get(row),
            event_name: self.event_name.text(row),
        }
    }

    /// Bytes of a row, roughly: what differs much from row to row.
    pub(crate) fn bytes_of(&self, row: usize) -> usize {
        let of_value = |(_, value): (&str, ValueRef<'_>)| match value {
            ValueRef::Str(text) => text.len(),
            ValueRef::Other(bytes) => bytes.len(),
            _ => size_of::<u64>(),
        };
        self.body.bytes.get(row).len() + self.attributes.row(row).map(of_value).sum::<usize>()
    }

    /// Bytes in memory, roughly; cheap.
    pub(crate) fn memory(&self) -> usize {
        let fixed = 2 * size_of::<u64>() + size_of::<i32>() + size_of::<u32>();
        self.time.capacity() * fixed
            + self.untimed.memory()
            + self.severity_text.memory()
            + self.body.bytes.memory()
            + self.body.other.memory()
            + self.attributes.memory()
            + self.trace.memory()
            + self.span.memory()
            + self.flags.memory()
            + self.event_name.memory()
            + self.dropped.memory()
    }
}
