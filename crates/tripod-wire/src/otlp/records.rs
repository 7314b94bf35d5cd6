//! Walks an export request and says where its records lie, without decoding them.
//!
//! The envelopes of traces, metrics and logs have one shape and the same field numbers: a request holds entries by
//! resource (1), each a resource (1) and entries by scope (2), each a scope (1) and records (2). Only the envelope is
//! read: the cost is a tag and a length a record, whatever the record holds.

use std::ops::Range;

use crate::WireError;
use crate::proto::Reader;

/// Where a record, its resource and its scope lie, as offsets in the request.
///
/// Each range holds one message that decodes by itself. A resource or scope that was not sent is an empty range, which
/// decodes as the empty message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRange {
    /// The [`Resource`](super::Resource).
    pub resource: Range<usize>,
    /// The [`InstrumentationScope`](super::InstrumentationScope).
    pub scope: Range<usize>,
    /// The URL of the schema of the resource; text, if the sender is right.
    pub resource_schema_url: Range<usize>,
    /// The URL of the schema of the records.
    pub scope_schema_url: Range<usize>,
    /// The [`Span`](super::Span), [`LogRecord`](super::LogRecord) or [`Metric`](super::Metric).
    pub record: Range<usize>,
}

/// The records of an export request, in the order they came; after an error there are no more.
///
/// Where a sender splits a resource or scope over several fields, the last one counts.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    request: Reader<'a>,
    resource: Level<'a>,
    scope: Level<'a>,
}

/// An entry being walked: the ranges of its head (field 1) and its schema's URL (field 3), and what is left of its fields.
#[derive(Debug, Clone)]
struct Level<'a> {
    head: Range<usize>,
    schema_url: Range<usize>,
    rest: Reader<'a>,
}

/// Walks an export request.
///
/// ```
/// use tripod_wire::otlp::{self, ResourceSpans, ScopeSpans, Span, TracesData};
/// use tripod_wire::proto::Message;
/// let span = Span { name: "GET /".to_owned(), ..Span::default() };
/// let scope = ScopeSpans { spans: vec![span.clone()], ..ScopeSpans::default() };
/// let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
/// let request = TracesData { resource_spans: vec![resource] }.encode_to_vec();
/// for at in otlp::records(&request) {
///     assert_eq!(Span::decode(&request[at?.record])?, span);
/// }
/// # Ok::<(), tripod_wire::WireError>(())
/// ```
pub fn records(request: &[u8]) -> Records<'_> {
    let done = Level { head: 0..0, schema_url: 0..0, rest: Reader::new(&[], "Request") };
    Records { request: Reader::new(request, "Request"), resource: done.clone(), scope: done }
}

impl Records<'_> {
    fn step(&mut self) -> Result<Option<RecordRange>, WireError> {
        loop {
            if let Some(record) = next_record(&mut self.scope.rest)? {
                return Ok(Some(RecordRange {
                    resource: self.resource.head.clone(),
                    scope: self.scope.head.clone(),
                    resource_schema_url: self.resource.schema_url.clone(),
                    scope_schema_url: self.scope.schema_url.clone(),
                    record,
                }));
            }
            if let Some(scope) = next_message(&mut self.resource.rest, 2, "ScopeEntry")? {
                self.scope = Level::new(scope)?;
            } else if let Some(resource) = next_message(&mut self.request, 1, "ResourceEntry")? {
                self.resource = Level::new(resource)?;
            } else {
                return Ok(None);
            }
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<RecordRange, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            *self = records(&[]);
        }
        step
    }
}

/// The next nested message in the field `wanted`; other fields are stepped over.
fn next_message<'a>(reader: &mut Reader<'a>, wanted: u32, name: &'static str) -> Result<Option<Reader<'a>>, WireError> {
    while let Some((number, wire_type)) = reader.next_field()? {
        if number == wanted {
            reader.name_field(name);
            return reader.message(wire_type, name).map(Some);
        }
        reader.skip(number, wire_type)?;
    }
    Ok(None)
}

/// Where the next record lies; other fields are stepped over.
fn next_record(reader: &mut Reader<'_>) -> Result<Option<Range<usize>>, WireError> {
    while let Some((number, wire_type)) = reader.next_field()? {
        if number == 2 {
            reader.name_field("Record");
            let len = reader.bytes(wire_type)?.len();
            return Ok(Some(reader.offset() - len..reader.offset()));
        }
        reader.skip(number, wire_type)?;
    }
    Ok(None)
}

impl<'a> Level<'a> {
    /// An entry, with what may come after its records looked up.
    fn new(entry: Reader<'a>) -> Result<Self, WireError> {
        let mut reader = entry.clone();
        let (mut head, mut schema_url) = (entry.offset()..entry.offset(), 0..0);
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                1 => {
                    reader.name_field("Head");
                    head = range(&reader.message(wire_type, "Head")?);
                }
                3 => {
                    reader.name_field("schema_url");
                    schema_url = range(&reader.packed(wire_type)?);
                }
                _ => reader.skip(number, wire_type)?,
            }
        }
        Ok(Self { head, schema_url, rest: entry })
    }
}

fn range(message: &Reader<'_>) -> Range<usize> {
    message.offset()..message.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{InstrumentationScope, KeyValue, Resource, Span};
    use crate::proto::{Message, put_len_delimited};

    fn resource(name: &str) -> Resource {
        Resource { attributes: vec![KeyValue::new("service.name", name)], ..Resource::default() }
    }

    fn scope(name: &str) -> InstrumentationScope {
        InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() }
    }

    fn span(name: &str) -> Span {
        Span { name: name.to_owned(), ..Span::default() }
    }

    /// A request whose heads come after what they belong to, with unknown fields in between.
    fn heads_last() -> Vec<u8> {
        let mut out = Vec::new();
        put_len_delimited(&mut out, 1, |out| {
            put_len_delimited(out, 2, |out| {
                put_len_delimited(out, 2, |out| span("a").encode(out));
                put_len_delimited(out, 77, |out| out.extend_from_slice(b"unknown"));
                put_len_delimited(out, 2, |out| span("b").encode(out));
                put_len_delimited(out, 1, |out| scope("late").encode(out));
                put_len_delimited(out, 3, |out| out.extend_from_slice(b"of scope"));
            });
            put_len_delimited(out, 2, |out| put_len_delimited(out, 2, |out| span("c").encode(out)));
            put_len_delimited(out, 1, |out| resource("backend").encode(out));
            put_len_delimited(out, 3, |out| out.extend_from_slice(b"of resource"));
        });
        out
    }

    #[test]
    fn heads_are_found_even_after_the_records() {
        let request = heads_last();
        let found: Vec<_> = records(&request)
            .map(|at| {
                let at = at.unwrap();
                assert_eq!(Resource::decode(&request[at.resource]).unwrap(), resource("backend"));
                assert_eq!(&request[at.resource_schema_url], b"of resource");
                let scope = InstrumentationScope::decode(&request[at.scope]).unwrap();
                let url = String::from_utf8(request[at.scope_schema_url].to_vec()).unwrap();
                (scope.name, url, Span::decode(&request[at.record]).unwrap().name)
            })
            .collect();
        let expected = [("late", "of scope", "a"), ("late", "of scope", "b"), ("", "", "c")]
            .map(|(scope, url, span)| (scope.to_owned(), url.to_owned(), span.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_truncated_request_is_one_error_and_then_the_end() {
        let request = heads_last();
        for len in 1..request.len() {
            let found: Vec<_> = records(&request[..len]).collect();
            assert!(matches!(found.as_slice(), [.., Err(_)]), "cut after {len} bytes: {found:?}");
            assert_eq!(found.iter().filter(|at| at.is_err()).count(), 1);
        }
    }
}
