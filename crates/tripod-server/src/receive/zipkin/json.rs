//! Zipkin's JSON: a list of spans, each of which is converted before the next one is read.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::{SpanId, TraceId};

use super::MAX_PARTS;
use super::convert::{Annotation, Converter, Endpoint, ZipkinSpan};

/// Reads a list of spans.
pub(super) fn read(bytes: &[u8], to: &mut Converter) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    reader.deserialize_seq(Spans(to)).and_then(|()| reader.end()).map_err(|error| error.to_string())
}

struct Spans<'a>(&'a mut Converter);

impl<'de> Visitor<'de> for Spans<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut spans: A) -> Result<(), A::Error> {
        while let Some(span) = spans.next_element::<JsonSpan>()? {
            self.0.add(convert(span).map_err(A::Error::custom)?);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonSpan {
    trace_id: String,
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    timestamp: Option<u64>,
    #[serde(default)]
    duration: Option<u64>,
    #[serde(default)]
    local_endpoint: Option<JsonEndpoint>,
    #[serde(default)]
    remote_endpoint: Option<JsonEndpoint>,
    #[serde(default)]
    annotations: Option<Vec<JsonAnnotation>>,
    #[serde(default)]
    tags: Option<Tags>,
    #[serde(default)]
    debug: Option<bool>,
    #[serde(default)]
    shared: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonEndpoint {
    #[serde(default)]
    service_name: Option<String>,
    #[serde(default)]
    ipv4: Option<String>,
    #[serde(default)]
    ipv6: Option<String>,
    #[serde(default)]
    port: Option<u32>,
}

/// Both are required: a list of nothing would take far more memory than it is long.
#[derive(Deserialize)]
struct JsonAnnotation {
    timestamp: u64,
    value: String,
}

/// Texts by name, in the order they came.
struct Tags(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Tags;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
                let mut tags = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    tags.push((key, map.next_value_seed(Text(PhantomData))?));
                    if tags.len() > MAX_PARTS {
                        return Err(A::Error::custom(format!("more than {MAX_PARTS} tags in a span")));
                    }
                }
                Ok(Tags(tags))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// A text; what is a number or a truth value is written as one, and what is null is empty.
struct Text(PhantomData<()>);

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Err(A::Error::custom("a tag's value is an object, must be a text"))
    }
}

fn convert(span: JsonSpan) -> Result<ZipkinSpan, String> {
    let parent_id = match span.parent_id.as_deref() {
        None | Some("") => SpanId::NONE,
        Some(id) => span_id("parentId", id)?,
    };
    let annotations = span.annotations.unwrap_or_default().into_iter();
    Ok(ZipkinSpan {
        trace_id: trace_id(&span.trace_id)?,
        id: span_id("id", &span.id)?,
        parent_id,
        kind: kind(span.kind.as_deref().unwrap_or_default())?,
        name: span.name.unwrap_or_default(),
        timestamp: span.timestamp.unwrap_or_default(),
        duration: span.duration.unwrap_or_default(),
        local: endpoint(span.local_endpoint),
        remote: endpoint(span.remote_endpoint),
        annotations: annotations.map(|one| Annotation { timestamp: one.timestamp, value: one.value }).collect(),
        tags: span.tags.map(|Tags(tags)| tags).unwrap_or_default(),
        debug: span.debug.unwrap_or_default(),
        shared: span.shared.unwrap_or_default(),
    })
}

/// 16 or 32 digits; senders may leave out leading zeros.
fn trace_id(text: &str) -> Result<TraceId, String> {
    let id = if text.is_empty() { None } else { format!("{text:0>32}").parse().ok() };
    id.filter(|id: &TraceId| id.is_valid())
        .ok_or_else(|| format!("traceId {text:?} must be up to 32 hex digits, not all zero"))
}

fn span_id(name: &str, text: &str) -> Result<SpanId, String> {
    let id = if text.is_empty() { None } else { format!("{text:0>16}").parse().ok() };
    id.filter(|id: &SpanId| id.is_valid())
        .ok_or_else(|| format!("{name} {text:?} must be up to 16 hex digits, not all zero"))
}

fn kind(text: &str) -> Result<SpanKind, String> {
    match text {
        "" => Ok(SpanKind::UNSPECIFIED),
        "CLIENT" => Ok(SpanKind::CLIENT),
        "SERVER" => Ok(SpanKind::SERVER),
        "PRODUCER" => Ok(SpanKind::PRODUCER),
        "CONSUMER" => Ok(SpanKind::CONSUMER),
        other => Err(format!("kind {other:?} must be one of CLIENT, SERVER, PRODUCER, CONSUMER, or absent")),
    }
}

/// An address that is none is left out: it is not worth refusing a span for.
fn endpoint(of: Option<JsonEndpoint>) -> Endpoint {
    let Some(of) = of else { return Endpoint::default() };
    let ip = |text: Option<String>| text.and_then(|text| text.parse::<IpAddr>().ok());
    Endpoint {
        service: of.service_name.unwrap_or_default(),
        ipv4: ip(of.ipv4),
        ipv6: ip(of.ipv6),
        port: of.port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
    }
}
