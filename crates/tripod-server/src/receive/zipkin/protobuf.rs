//! Zipkin's protobuf: `zipkin.proto3.ListOfSpans`, read as it lies.

use std::net::IpAddr;

use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::proto::{Reader, WireType};
use tripod_wire::{SpanId, TraceId, WireError};

use super::MAX_PARTS;
use super::convert::{Annotation, Converter, Endpoint, ZipkinSpan};

/// Reads a list of spans.
pub(super) fn read(bytes: &[u8], to: &mut Converter) -> Result<(), String> {
    let mut reader = Reader::new(bytes, "ListOfSpans");
    let mut next = || -> Result<Option<ZipkinSpan>, WireError> {
        while let Some((number, wire_type)) = reader.next_field()? {
            if number == 1 {
                reader.name_field("spans");
                return reader.nested(wire_type, "Span", span).map(Some);
            }
            reader.skip(number, wire_type)?;
        }
        Ok(None)
    };
    while let Some(span) = next().map_err(|error| error.to_string())? {
        if !span.trace_id.is_valid() || !span.id.is_valid() {
            return Err(format!("the span {:?} has no trace_id or no id", span.name));
        }
        to.add(span);
    }
    Ok(())
}

fn span(reader: &mut Reader<'_>) -> Result<ZipkinSpan, WireError> {
    let mut span = ZipkinSpan::default();
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => span.trace_id = TraceId(id(reader, wire_type, "trace_id")?),
            2 => span.parent_id = SpanId(id(reader, wire_type, "parent_id")?),
            3 => span.id = SpanId(id(reader, wire_type, "id")?),
            4 => span.kind = kind(reader.varint(wire_type)?),
            5 => span.name = text(reader, wire_type, "name")?,
            6 => span.timestamp = reader.fixed64(wire_type)?,
            7 => span.duration = reader.varint(wire_type)?,
            8 => span.local = reader.nested(wire_type, "Endpoint", endpoint)?,
            9 => span.remote = reader.nested(wire_type, "Endpoint", endpoint)?,
            10 => span.annotations.push(reader.nested(wire_type, "Annotation", annotation)?),
            11 => span.tags.push(reader.nested(wire_type, "Tag", tag)?),
            12 => span.debug = reader.varint(wire_type)? != 0,
            13 => span.shared = reader.varint(wire_type)? != 0,
            _ => reader.skip(number, wire_type)?,
        }
        if span.annotations.len() + span.tags.len() > MAX_PARTS {
            return Err(reader.invalid(format!("more than {MAX_PARTS} annotations and tags in a span")));
        }
    }
    Ok(span)
}

/// An id of at most `N` bytes: 64-bit trace ids come as eight.
fn id<const N: usize>(reader: &mut Reader<'_>, wire_type: WireType, name: &'static str) -> Result<[u8; N], WireError> {
    reader.name_field(name);
    let bytes = reader.bytes(wire_type)?;
    if bytes.len() > N {
        return Err(reader.invalid(format!("{} bytes, must be at most {N}", bytes.len())));
    }
    let mut id = [0; N];
    id[N - bytes.len()..].copy_from_slice(bytes);
    Ok(id)
}

fn text(reader: &mut Reader<'_>, wire_type: WireType, name: &'static str) -> Result<String, WireError> {
    reader.name_field(name);
    reader.string(wire_type).map(str::to_owned)
}

fn kind(number: u64) -> SpanKind {
    match number {
        1 => SpanKind::CLIENT,
        2 => SpanKind::SERVER,
        3 => SpanKind::PRODUCER,
        4 => SpanKind::CONSUMER,
        _ => SpanKind::UNSPECIFIED,
    }
}

fn endpoint(reader: &mut Reader<'_>) -> Result<Endpoint, WireError> {
    let mut endpoint = Endpoint::default();
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => endpoint.service = text(reader, wire_type, "service_name")?,
            2 => endpoint.ipv4 = address::<4>(reader.bytes(wire_type)?),
            3 => endpoint.ipv6 = address::<16>(reader.bytes(wire_type)?),
            4 => endpoint.port = u16::try_from(reader.varint(wire_type)?).unwrap_or_default(),
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok(endpoint)
}

/// An address of another length is none.
fn address<const N: usize>(bytes: &[u8]) -> Option<IpAddr>
where
    IpAddr: From<[u8; N]>,
{
    <[u8; N]>::try_from(bytes).ok().map(IpAddr::from)
}

fn annotation(reader: &mut Reader<'_>) -> Result<Annotation, WireError> {
    let mut annotation = Annotation { timestamp: 0, value: String::new() };
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => annotation.timestamp = reader.fixed64(wire_type)?,
            2 => annotation.value = text(reader, wire_type, "value")?,
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok(annotation)
}

fn tag(reader: &mut Reader<'_>) -> Result<(String, String), WireError> {
    let (mut key, mut value) = (String::new(), String::new());
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => key = text(reader, wire_type, "key")?,
            2 => value = text(reader, wire_type, "value")?,
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok((key, value))
}
