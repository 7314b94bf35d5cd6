//! A finished span as policies look at it: read from its record, nothing copied.

use tripod_wire::TraceId;
use tripod_wire::otlp::trace::StatusCode;

use crate::Value;
use crate::decode::{Field, Fields, key_value};
use crate::encode::field;

/// Bits 8 and 9 of a span's flags: it is known whether the parent is in another process, and it is.
const REMOTE_PARENT: u64 = 0x300;

/// What stands at the front of a span's record, and the rest to look at when a policy asks.
pub(super) struct SpanView<'a> {
    pub(super) trace_id: TraceId,
    pub(super) name: &'a str,
    pub(super) start: u64,
    pub(super) end: u64,
    /// Whether the trace, or this process's part of it, began with this span.
    pub(super) is_local_root: bool,
    record: &'a [u8],
}

impl<'a> SpanView<'a> {
    /// `None` when the record is no span.
    pub(super) fn read(record: &'a [u8]) -> Option<Self> {
        let mut view = Self { trace_id: TraceId::NONE, name: "", start: 0, end: 0, is_local_root: true, record };
        for (number, field) in Fields::new(record) {
            match number {
                1 => view.trace_id = TraceId::from_bytes(field.bytes()?).ok()?,
                4 => view.is_local_root = field.bytes().is_none_or(|id| id.iter().all(|byte| *byte == 0)),
                5 => view.name = field.text(),
                7 => view.start = field.number(),
                8 => view.end = field.number(),
                16 => {
                    view.is_local_root |= field.number() & REMOTE_PARENT == REMOTE_PARENT;
                    // The last of what all spans have: attributes and the like follow.
                    break;
                }
                _ => {}
            }
        }
        view.trace_id.is_valid().then_some(view)
    }

    pub(super) fn duration_nanos(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it ended with an error.
    pub(super) fn failed(&self) -> bool {
        let is_error = |status: &[u8]| {
            Fields::new(status).any(|(number, code)| number == 3 && code.number() == StatusCode::ERROR.0 as u64)
        };
        self.fields(field::SPAN_STATUS).any(is_error)
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.fields(field::SPAN_ATTRIBUTES).map(key_value)
    }

    fn fields(&self, wanted: u32) -> impl Iterator<Item = &'a [u8]> {
        let messages = |field: Field<'a>| field.bytes();
        Fields::new(self.record)
            .filter(move |(number, _)| *number == wanted)
            .filter_map(move |(_, field)| messages(field))
    }
}
