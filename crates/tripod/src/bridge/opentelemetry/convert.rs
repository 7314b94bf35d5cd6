//! Values, identities and attributes of the crate `opentelemetry`, borrowed as Tripod's, and back.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::opentelemetry::baggage::Baggage as OtelBaggage;
use ::opentelemetry::logs::AnyValue;
use ::opentelemetry::trace::{SpanContext as OtelSpanContext, SpanKind as OtelSpanKind, Status, TraceState};
use ::opentelemetry::{Array, KeyValue, StringValue, TraceFlags as OtelFlags, Value as OtelValue};

use crate::bridge::slice::as_slice;
use crate::context::{Baggage, SpanContext, SpanId, TraceFlags, TraceId};
use crate::{SpanKind, StatusCode, ToValue, Value, resource};

impl ToValue for StringValue {
    fn to_value(&self) -> Value<'_> {
        Value::Str(self.as_str())
    }
}

impl ToValue for OtelValue {
    fn to_value(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::Int(*value),
            Self::F64(value) => Value::Double(*value),
            Self::String(value) => Value::Str(value.as_str()),
            Self::Array(Array::Bool(values)) => Value::List(values),
            Self::Array(Array::I64(values)) => Value::List(values),
            Self::Array(Array::F64(values)) => Value::List(values),
            Self::Array(Array::String(values)) => Value::List(values),
            other => Value::Display(other),
        }
    }
}

impl ToValue for AnyValue {
    fn to_value(&self) -> Value<'_> {
        match self {
            Self::Int(value) => Value::Int(*value),
            Self::Double(value) => Value::Double(*value),
            Self::String(value) => Value::Str(value.as_str()),
            Self::Boolean(value) => Value::Bool(*value),
            Self::Bytes(value) => Value::Bytes(value),
            Self::ListAny(values) => Value::List(&**values),
            Self::Map(pairs) => Value::Map(&**pairs),
            other => Value::Debug(other),
        }
    }
}

/// Calls `work` with attributes as Tripod takes them. A handful, as metrics have, costs a few words on the stack.
#[inline]
pub(super) fn with_attributes<R>(attributes: &[KeyValue], work: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R {
    const HANDFUL: usize = 4;
    if attributes.len() > HANDFUL {
        return as_slice(attributes.iter().map(pair), work);
    }
    let mut few = [("", Value::Empty); HANDFUL];
    for (place, attribute) in few.iter_mut().zip(attributes) {
        *place = pair(attribute);
    }
    work(&few[..attributes.len()])
}

pub(super) fn pair(attribute: &KeyValue) -> (&str, Value<'_>) {
    (attribute.key.as_str(), attribute.value.to_value())
}

pub(super) fn owned(attribute: &KeyValue) -> tripod_wire::otlp::KeyValue {
    tripod_wire::otlp::KeyValue::new(attribute.key.as_str(), resource::owned(attribute.value.to_value()))
}

pub(crate) fn to_key_value(key: &str, value: Value<'_>) -> KeyValue {
    let value = match value {
        Value::Bool(value) => OtelValue::Bool(value),
        Value::Int(value) => OtelValue::I64(value),
        Value::Double(value) => OtelValue::F64(value),
        // Its lists have values of one kind each; what does not fit is text.
        shown => OtelValue::String(shown.to_string().into()),
    };
    KeyValue::new(key.to_owned(), value)
}

pub(crate) fn to_key_values(attributes: &[(&str, Value<'_>)]) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| to_key_value(key, *value)).collect()
}

pub(crate) fn span_context(span: &OtelSpanContext) -> SpanContext {
    SpanContext {
        trace_id: TraceId(span.trace_id().to_bytes()),
        span_id: SpanId(span.span_id().to_bytes()),
        flags: TraceFlags::from_w3c(span.trace_flags().to_u8()),
        remote: span.is_remote(),
    }
}

pub(crate) fn trace_state(span: &OtelSpanContext) -> Option<Arc<str>> {
    if *span.trace_state() == TraceState::NONE {
        return None;
    }
    Some(span.trace_state().header().into())
}

pub(crate) fn span_id(span: &SpanContext) -> ::opentelemetry::SpanId {
    ::opentelemetry::SpanId::from_bytes(span.span_id.0)
}

pub(crate) fn to_span_context(span: &SpanContext, trace_state: Option<&str>) -> OtelSpanContext {
    let flags = OtelFlags::new(span.flags.to_w3c());
    // A state that is not to its taste is left out: the trace goes on without.
    let state = trace_state.and_then(|state| state.parse().ok()).unwrap_or_default();
    let trace_id = ::opentelemetry::TraceId::from_bytes(span.trace_id.0);
    OtelSpanContext::new(trace_id, span_id(span), flags, span.remote, state)
}

pub(crate) fn add_baggage(from: &OtelBaggage, to: &mut Option<Arc<Baggage>>) {
    if from.is_empty() {
        return;
    }
    let to = Arc::make_mut(to.get_or_insert_default());
    for (key, (value, metadata)) in from {
        to.set_with_metadata(key.as_str(), value.as_str(), metadata.as_str());
    }
}

pub(crate) fn to_status(code: StatusCode, message: &str) -> Status {
    match code {
        StatusCode::OK => Status::Ok,
        StatusCode::ERROR => Status::error(message.to_owned()),
        _ => Status::Unset,
    }
}

pub(super) fn kind(kind: &OtelSpanKind) -> SpanKind {
    match kind {
        OtelSpanKind::Client => SpanKind::CLIENT,
        OtelSpanKind::Server => SpanKind::SERVER,
        OtelSpanKind::Producer => SpanKind::PRODUCER,
        OtelSpanKind::Consumer => SpanKind::CONSUMER,
        OtelSpanKind::Internal => SpanKind::INTERNAL,
    }
}

/// Nanoseconds since the Unix epoch; 0 for what lies before.
pub(super) fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_every_kind_is_borrowed_as_what_it_is() {
        let shown = |value: OtelValue| format!("{:?}", value.to_value());
        assert_eq!(shown(true.into()), "true");
        assert_eq!(shown((-7_i64).into()), "-7");
        assert_eq!(shown(0.5.into()), "0.5");
        assert_eq!(shown("text".into()), "\"text\"");
        assert_eq!(shown(OtelValue::Array(vec![1_i64, 2].into())), "[1,2]");
        assert_eq!(shown(OtelValue::Array(vec![StringValue::from("a")].into())), "[a]");
        let map = AnyValue::from_iter([("list", AnyValue::from_iter([1, 2]))]);
        assert_eq!(format!("{:?}", map.to_value()), "{list:[1,2]}");
    }

    #[test]
    fn an_identity_is_the_same_there_and_back() {
        let span = SpanContext {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            flags: TraceFlags::SAMPLED,
            remote: true,
        };
        let there = to_span_context(&span, Some("vendor=1,other=2"));
        assert_eq!(span_context(&there), span);
        assert_eq!(trace_state(&there).as_deref(), Some("vendor=1,other=2"));
        assert_eq!(trace_state(&to_span_context(&span, None)), None);
        assert_eq!(trace_state(&to_span_context(&span, Some("no state"))), None);
    }

    #[test]
    fn attributes_keep_their_order_however_many_there_are() {
        for count in [0, 1, 4, 5, 40] {
            let attributes: Vec<KeyValue> = (0..count).map(|n| KeyValue::new(format!("key{n}"), n)).collect();
            with_attributes(&attributes, |slice| {
                assert_eq!(slice.len(), count as usize);
                assert!(slice.iter().zip(0..).all(|((key, value), n)| {
                    *key == format!("key{n}") && matches!(value, Value::Int(int) if *int == n)
                }));
            });
        }
    }
}
