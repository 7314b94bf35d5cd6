//! Traces (`opentelemetry/proto/trace/v1`).

use super::common::{InstrumentationScope, KeyValue, Resource};
use crate::proto::kind::{Enum, Fixed32, Fixed64, Id, Many, One, Text, Uint32};
use crate::proto::message;
use crate::{SpanId, TraceId};

/// A batch of spans; the same bytes as `ExportTraceServiceRequest`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TracesData {
    /// Spans by resource.
    pub resource_spans: Vec<ResourceSpans>,
}

/// Spans of one resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceSpans {
    /// Who emitted them.
    pub resource: Resource,
    /// Spans by scope.
    pub scope_spans: Vec<ScopeSpans>,
    /// Schema of the resource's attributes.
    pub schema_url: String,
}

/// Spans of one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeSpans {
    /// What emitted them within the resource.
    pub scope: InstrumentationScope,
    /// The spans.
    pub spans: Vec<Span>,
    /// Schema of the spans' attributes.
    pub schema_url: String,
}

/// One operation: when it began and ended, what it was about, and what it was a part of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id, unique in the trace.
    pub span_id: SpanId,
    /// W3C `tracestate` as it came.
    pub trace_state: String,
    /// The span it is a part of; none for a root.
    pub parent_span_id: SpanId,
    /// W3C trace flags (lowest byte) and whether the parent is remote (bits 8 and 9).
    pub flags: u32,
    /// What it does, of low cardinality.
    pub name: String,
    /// Its role in a call.
    pub kind: SpanKind,
    /// Start, nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// End, nanoseconds since the Unix epoch.
    pub end_time_unix_nano: u64,
    /// What it was about.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
    /// What happened during it.
    pub events: Vec<Event>,
    /// How many events the sender left out.
    pub dropped_events_count: u32,
    /// Spans it is related to without being their part.
    pub links: Vec<Link>,
    /// How many links the sender left out.
    pub dropped_links_count: u32,
    /// How it ended.
    pub status: Status,
}

/// A moment in a span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// When, nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// What happened, for example `exception`.
    pub name: String,
    /// What it was about.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
}

/// A pointer to a related span, in this trace or another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Link {
    /// The related span's trace.
    pub trace_id: TraceId,
    /// The related span.
    pub span_id: SpanId,
    /// Its W3C `tracestate`.
    pub trace_state: String,
    /// What the relation is.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
    /// As in [`Span::flags`].
    pub flags: u32,
}

/// How a span ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// Why, for people; only with [`StatusCode::ERROR`].
    pub message: String,
    /// Well, badly, or not said.
    pub code: StatusCode,
}

open_enum! {
    /// A span's role in a call.
    SpanKind {
        /// Not said.
        UNSPECIFIED = 0, "SPAN_KIND_UNSPECIFIED";
        /// Work inside a service.
        INTERNAL = 1, "SPAN_KIND_INTERNAL";
        /// Handles a call from outside.
        SERVER = 2, "SPAN_KIND_SERVER";
        /// Calls another service.
        CLIENT = 3, "SPAN_KIND_CLIENT";
        /// Hands a message to a broker.
        PRODUCER = 4, "SPAN_KIND_PRODUCER";
        /// Takes a message from a broker.
        CONSUMER = 5, "SPAN_KIND_CONSUMER";
    }
}

open_enum! {
    /// Whether a span went well.
    StatusCode {
        /// Not said: no error that the instrumentation knows of.
        UNSET = 0, "STATUS_CODE_UNSET";
        /// Someone declared it a success.
        OK = 1, "STATUS_CODE_OK";
        /// It failed.
        ERROR = 2, "STATUS_CODE_ERROR";
    }
}

message! {
    TracesData {
        1 resource_spans "resourceSpans": Many<ResourceSpans>,
    }
}

message! {
    ResourceSpans {
        1 resource "resource": One<Resource>,
        2 scope_spans "scopeSpans": Many<ScopeSpans>,
        3 schema_url "schemaUrl": Text,
    }
}

message! {
    ScopeSpans {
        1 scope "scope": One<InstrumentationScope>,
        2 spans "spans": Many<Span>,
        3 schema_url "schemaUrl": Text,
    }
}

message! {
    Span {
        1 trace_id "traceId": Id<TraceId>,
        2 span_id "spanId": Id<SpanId>,
        3 trace_state "traceState": Text,
        4 parent_span_id "parentSpanId": Id<SpanId>,
        5 name "name": Text,
        6 kind "kind": Enum<SpanKind>,
        7 start_time_unix_nano "startTimeUnixNano": Fixed64,
        8 end_time_unix_nano "endTimeUnixNano": Fixed64,
        9 attributes "attributes": Many<KeyValue>,
        10 dropped_attributes_count "droppedAttributesCount": Uint32,
        11 events "events": Many<Event>,
        12 dropped_events_count "droppedEventsCount": Uint32,
        13 links "links": Many<Link>,
        14 dropped_links_count "droppedLinksCount": Uint32,
        15 status "status": One<Status>,
        16 flags "flags": Fixed32,
    }
}

message! {
    Event {
        1 time_unix_nano "timeUnixNano": Fixed64,
        2 name "name": Text,
        3 attributes "attributes": Many<KeyValue>,
        4 dropped_attributes_count "droppedAttributesCount": Uint32,
    }
}

message! {
    Link {
        1 trace_id "traceId": Id<TraceId>,
        2 span_id "spanId": Id<SpanId>,
        3 trace_state "traceState": Text,
        4 attributes "attributes": Many<KeyValue>,
        5 dropped_attributes_count "droppedAttributesCount": Uint32,
        6 flags "flags": Fixed32,
    }
}

message! {
    Status {
        2 message "message": Text,
        3 code "code": Enum<StatusCode>,
    }
}
