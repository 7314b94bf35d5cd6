//! The spans of one trace that wait for its decision, one after the other in one piece of memory.

use super::view::SpanView;
use crate::engine::lane::Tag;

/// What stands before each record: its length and scope.
const HEADER_BYTES: usize = 6;

/// Records of spans.
#[derive(Default)]
pub(super) struct Spans {
    bytes: Vec<u8>,
    pub(super) count: u64,
}

impl Spans {
    pub(super) fn push(&mut self, tag: Tag, record: &[u8]) {
        self.bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&tag.scope.to_le_bytes());
        self.bytes.extend_from_slice(record);
        self.count += 1;
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = (Tag, &[u8])> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (header, after) = rest.split_at_checked(HEADER_BYTES)?;
            let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
            let (record, after) = after.split_at_checked(len as usize)?;
            rest = after;
            Some((crate::engine::span_tag(u16::from_le_bytes([header[4], header[5]])), record))
        })
    }

    pub(super) fn views(&self) -> impl Iterator<Item = SpanView<'_>> {
        self.records().filter_map(|(_, record)| SpanView::read(record))
    }
}
