//! An export request, decoded straight from its protobuf bytes into columns: nothing is allocated for a record.
//!
//! A malformed request is refused whole, as by the decoder of `tripod_wire`, and with its errors. Every record of a request
//! that is not malformed is kept.

use std::borrow::Cow;
use std::ops::Range;

use tripod_wire::otlp::{self, KeyValue};
use tripod_wire::proto::Reader;
use tripod_wire::{SpanId, TraceId, WireError};

use super::block::Block;
use super::rows::Rows;
use crate::Appended;
use crate::records::{KnownContexts, MAX_BLOCK_ROWS, ValueRef};

/// A request, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Its rows, in the order they came.
    pub(super) blocks: Vec<Block>,
}

impl Batch {
    /// Decodes `ExportLogsServiceRequest`.
    pub(super) fn decode(request: &[u8], known: &KnownContexts) -> Result<Self, WireError> {
        let mut batch = Self::default();
        let mut block = Block::default();
        // The resource and scope of the record before, and what they are called in its block.
        let mut last: Option<(Range<usize>, Range<usize>, u32)> = None;
        for at in otlp::records(request) {
            let at = at?;
            if block.rows.len() == MAX_BLOCK_ROWS {
                batch.blocks.push(std::mem::take(&mut block));
                last = None;
            }
            read_record(&request[at.record.clone()], &mut block.rows)?;
            let context = match &last {
                Some((resource, scope, context)) if *resource == at.resource && *scope == at.scope => *context,
                _ => {
                    let (resource, scope) = (&request[at.resource.clone()], &request[at.scope.clone()]);
                    let (of_resource, of_scope) =
                        (text(request, &at.resource_schema_url), text(request, &at.scope_schema_url));
                    let context = block.contexts.intern(known, resource, scope, &of_resource, &of_scope)?;
                    last = Some((at.resource, at.scope, context));
                    context
                }
            };
            block.rows.context.push(context);
        }
        if block.rows.len() > 0 {
            batch.blocks.push(block);
        }
        Ok(batch)
    }

    /// What the sender is told.
    pub(super) fn appended(&self) -> Appended {
        let accepted = self.blocks.iter().map(|block| block.rows.len() as u64).sum();
        Appended { accepted, ..Appended::default() }
    }
}

/// A schema's URL. It is not worth refusing a request for.
fn text<'a>(request: &'a [u8], at: &Range<usize>) -> Cow<'a, str> {
    String::from_utf8_lossy(&request[at.clone()])
}

/// The fields of a record that are not put into columns as they come.
#[derive(Default)]
struct Fields<'a> {
    time: u64,
    observed: u64,
    severity: i32,
    severity_text: &'a str,
    body: Option<(ValueRef<'a>, &'a [u8])>,
    /// The bytes of a body that was sent in several fields, which are one value.
    joined: Vec<u8>,
    attributes: usize,
    dropped: u32,
    flags: u32,
    trace: TraceId,
    span: SpanId,
    event_name: &'a str,
}

/// Reads a record as the next row. After an error the rows are of no use.
#[inline]
pub(super) fn read_record(bytes: &[u8], rows: &mut Rows) -> Result<(), WireError> {
    let mut reader = Reader::new(bytes, "LogRecord");
    let mut record = Fields::default();
    macro_rules! field {
        ($name:literal, $to:expr, $value:expr) => {{
            reader.name_field($name);
            $to = $value;
        }};
    }
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => field!("time_unix_nano", record.time, reader.fixed64(wire_type)?),
            2 => field!("severity_number", record.severity, reader.varint(wire_type)? as i32),
            3 => field!("severity_text", record.severity_text, reader.string(wire_type)?),
            5 => {
                reader.name_field("body");
                let encoded = reader.clone().bytes(wire_type)?;
                let body = ValueRef::read(&mut reader, wire_type)?;
                if let Some((_, before)) = record.body.replace((body, encoded)) {
                    record.joined.extend_from_slice(if record.joined.is_empty() { before } else { &[] });
                    record.joined.extend_from_slice(encoded);
                }
            }
            6 => {
                reader.name_field("attributes");
                rows.attributes.read(&mut reader, wire_type)?;
                record.attributes += 1;
            }
            7 => field!("dropped_attributes_count", record.dropped, reader.varint(wire_type)? as u32),
            8 => field!("flags", record.flags, reader.fixed32(wire_type)?),
            9 => field!("trace_id", record.trace, TraceId::from_bytes(reader.bytes(wire_type)?).unwrap_or_default()),
            10 => field!("span_id", record.span, SpanId::from_bytes(reader.bytes(wire_type)?).unwrap_or_default()),
            11 => field!("observed_time_unix_nano", record.observed, reader.fixed64(wire_type)?),
            12 => field!("event_name", record.event_name, reader.string(wire_type)?),
            _ => reader.skip(number, wire_type)?,
        }
    }
    check_size(bytes.len(), record.attributes)?;
    record.push(rows);
    Ok(())
}

/// Refuses a record of so many empty attributes that, as messages, they would take far more memory than its bytes warrant: the
/// same bound that decoding it as a message has.
#[inline]
fn check_size(len: usize, attributes: usize) -> Result<(), WireError> {
    let limit = len.saturating_mul(32).saturating_add(64 << 10);
    let taken = attributes.saturating_mul(size_of::<KeyValue>());
    if taken > limit { Err(WireError::TooLarge { message: "LogRecord", limit }) } else { Ok(()) }
}

impl Fields<'_> {
    /// Ends the row.
    #[inline]
    fn push(self, rows: &mut Rows) {
        let row = rows.len();
        rows.time.push(if self.time == 0 { self.observed } else { self.time });
        rows.untimed.set(row, self.time == 0);
        rows.observed.push(self.observed);
        rows.severity.push(self.severity);
        rows.severity_text.set(row, self.severity_text.as_bytes());
        match self.body {
            _ if !self.joined.is_empty() => rows.body.push(ValueRef::of(&self.joined), &self.joined),
            Some((body, encoded)) => rows.body.push(body, encoded),
            None => rows.body.push(ValueRef::Other(&[]), &[]),
        }
        rows.attributes.end_row();
        rows.trace.set(row, self.trace);
        rows.span.set(row, self.span);
        rows.flags.set(row, self.flags);
        rows.event_name.set(row, self.event_name.as_bytes());
        rows.dropped.set(row, self.dropped);
    }
}
