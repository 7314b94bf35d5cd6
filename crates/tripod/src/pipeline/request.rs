//! An OTLP request taken apart into its records and put together again from some of them, by walking the bytes: nothing is decoded, and
//! what is kept is copied once.
//!
//! A record is a span, a log record or a point of a metric. What is around it (resource, scope, the metric's name) is written anew for
//! every request that has records below it; what is left without records goes.

use tripod_wire::WireError;
use tripod_wire::proto::{Reader, WireType, put_len_delimited};

use super::{Batch, Signal};

/// Messages around a record, at most: resource, scope, metric, data.
const MAX_DEPTH: usize = 4;

/// A request's records, and what is around them.
pub(super) struct Request<'a> {
    signal: Signal,
    /// What is around records; the first is the request itself.
    nodes: Vec<Node<'a>>,
    pub(super) records: Vec<Record<'a>>,
}

/// A message that holds records, or messages that do.
pub(super) struct Node<'a> {
    /// Its field in the message around it.
    number: u32,
    /// Its own fields, with tags, besides those that hold records.
    fields: Vec<&'a [u8]>,
}

/// A record where it lies.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    /// The nodes around it, outermost first.
    path: [u32; MAX_DEPTH],
    /// With its tag and length.
    field: &'a [u8],
    /// Without.
    pub(super) body: &'a [u8],
}

/// What a field of a message on the way to the records holds.
enum Child {
    Node,
    Record,
    Other,
}

/// How many nodes are around a record.
fn depth_of(signal: Signal) -> usize {
    if signal == Signal::Metrics { MAX_DEPTH } else { 2 }
}

/// Of a message that is so deep: 0 is the request, 1 a resource, 2 a scope, 3 a metric, 4 its data.
fn child(signal: Signal, depth: usize, number: u32) -> Child {
    match (depth, number) {
        (0, 1) | (1, 2) | (3, 5 | 7 | 9 | 10 | 11) => Child::Node,
        (2, 2) if signal == Signal::Metrics => Child::Node,
        (2, 2) | (4, 1) => Child::Record,
        _ => Child::Other,
    }
}

impl<'a> Request<'a> {
    /// `None` when the body is not a request with as many records as the batch says.
    pub(super) fn read(batch: &'a Batch) -> Option<Self> {
        let root = Node { number: 0, fields: Vec::new() };
        let records = Vec::with_capacity(usize::try_from(batch.records).ok()?.min(batch.body.len()));
        let mut request = Self { signal: batch.signal, nodes: vec![root], records };
        request.walk(&batch.body, 0, 0, [0; MAX_DEPTH]).ok()?;
        (request.records.len() as u64 == batch.records).then_some(request)
    }

    fn walk(&mut self, message: &'a [u8], depth: usize, node: usize, path: [u32; MAX_DEPTH]) -> Result<(), WireError> {
        let mut reader = Reader::new(message, "request");
        loop {
            let start = reader.offset();
            let Some((number, wire_type)) = reader.next_field()? else { return Ok(()) };
            let child = if wire_type == WireType::Len { child(self.signal, depth, number) } else { Child::Other };
            match child {
                Child::Node => {
                    let (inner, at) = (reader.bytes(wire_type)?, self.nodes.len());
                    self.nodes.push(Node { number, fields: Vec::new() });
                    let mut path = path;
                    path[depth] = at as u32;
                    self.walk(inner, depth + 1, at, path)?;
                }
                Child::Record => {
                    let body = reader.bytes(wire_type)?;
                    self.records.push(Record { path, field: &message[start..reader.offset()], body });
                }
                Child::Other => {
                    reader.skip(number, wire_type)?;
                    self.nodes[node].fields.push(&message[start..reader.offset()]);
                }
            }
        }
    }

    /// The nodes around a record, outermost first.
    pub(super) fn around(&self, record: &Record<'a>) -> impl Iterator<Item = &Node<'a>> {
        record.path[..depth_of(self.signal)].iter().map(|node| &self.nodes[*node as usize])
    }

    /// A request of these of its records.
    pub(super) fn batch(&self, records: &[Record<'a>]) -> Batch {
        let bytes: usize = records.iter().map(|record| record.field.len()).sum();
        let mut body = Vec::with_capacity(bytes + bytes / 8 + 256);
        self.write(&self.nodes[0], records, 0, &mut body);
        Batch { signal: self.signal, records: records.len() as u64, body }
    }

    /// Writes what is in a node: its own fields, and of the records below it these.
    fn write(&self, node: &Node<'a>, records: &[Record<'a>], depth: usize, out: &mut Vec<u8>) {
        node.fields.iter().for_each(|field| out.extend_from_slice(field));
        if depth == depth_of(self.signal) {
            return records.iter().for_each(|record| out.extend_from_slice(record.field));
        }
        for below in records.chunk_by(|a, b| a.path[depth] == b.path[depth]) {
            let node = &self.nodes[below[0].path[depth] as usize];
            put_len_delimited(out, node.number, |out| self.write(node, below, depth + 1, out));
        }
    }
}

impl Record<'_> {
    /// Tells whether two have the same around them.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl<'a> Node<'a> {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Its own fields, with tags.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().copied()
    }
}

#[cfg(test)]
pub(super) mod tests;
