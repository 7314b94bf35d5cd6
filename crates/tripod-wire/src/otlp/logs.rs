//! Logs (`opentelemetry/proto/logs/v1`).

use super::common::{AnyValue, InstrumentationScope, KeyValue, Resource};
use crate::proto::kind::{Enum, Fixed32, Fixed64, Id, Many, One, Text, Uint32};
use crate::proto::message;
use crate::{SpanId, TraceId};

/// A batch of log records; the same bytes as `ExportLogsServiceRequest`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogsData {
    /// Records by resource.
    pub resource_logs: Vec<ResourceLogs>,
}

/// Log records of one resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceLogs {
    /// Who emitted them.
    pub resource: Resource,
    /// Records by scope.
    pub scope_logs: Vec<ScopeLogs>,
    /// Schema of the resource's attributes.
    pub schema_url: String,
}

/// Log records of one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeLogs {
    /// What emitted them within the resource.
    pub scope: InstrumentationScope,
    /// The records.
    pub log_records: Vec<LogRecord>,
    /// Schema of the records' attributes.
    pub schema_url: String,
}

/// One log record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogRecord {
    /// When it happened, nanoseconds since the Unix epoch; 0 when the source does not say.
    pub time_unix_nano: u64,
    /// When the telemetry system saw it, nanoseconds since the Unix epoch.
    pub observed_time_unix_nano: u64,
    /// How grave it is, 1 (TRACE) to 24 (FATAL4); 0 when not said.
    pub severity_number: SeverityNumber,
    /// The same in the source's own words, for example `WARN`.
    pub severity_text: String,
    /// The message: text, or a structure.
    pub body: AnyValue,
    /// What it is about.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
    /// W3C trace flags in the lowest byte.
    pub flags: u32,
    /// The trace during which it was written, if any.
    pub trace_id: TraceId,
    /// The span during which it was written, if any.
    pub span_id: SpanId,
    /// Makes the record an event of this name.
    pub event_name: String,
}

open_enum! {
    /// How grave a log record is; of each level the first of four numbers is the usual one.
    SeverityNumber {
        /// Not said.
        UNSPECIFIED = 0, "SEVERITY_NUMBER_UNSPECIFIED";
        /// Finest detail.
        TRACE = 1, "SEVERITY_NUMBER_TRACE";
        /// TRACE, graver.
        TRACE2 = 2, "SEVERITY_NUMBER_TRACE2";
        /// TRACE, graver.
        TRACE3 = 3, "SEVERITY_NUMBER_TRACE3";
        /// TRACE, gravest.
        TRACE4 = 4, "SEVERITY_NUMBER_TRACE4";
        /// For debugging.
        DEBUG = 5, "SEVERITY_NUMBER_DEBUG";
        /// DEBUG, graver.
        DEBUG2 = 6, "SEVERITY_NUMBER_DEBUG2";
        /// DEBUG, graver.
        DEBUG3 = 7, "SEVERITY_NUMBER_DEBUG3";
        /// DEBUG, gravest.
        DEBUG4 = 8, "SEVERITY_NUMBER_DEBUG4";
        /// As it should be.
        INFO = 9, "SEVERITY_NUMBER_INFO";
        /// INFO, graver.
        INFO2 = 10, "SEVERITY_NUMBER_INFO2";
        /// INFO, graver.
        INFO3 = 11, "SEVERITY_NUMBER_INFO3";
        /// INFO, gravest.
        INFO4 = 12, "SEVERITY_NUMBER_INFO4";
        /// Not yet an error.
        WARN = 13, "SEVERITY_NUMBER_WARN";
        /// WARN, graver.
        WARN2 = 14, "SEVERITY_NUMBER_WARN2";
        /// WARN, graver.
        WARN3 = 15, "SEVERITY_NUMBER_WARN3";
        /// WARN, gravest.
        WARN4 = 16, "SEVERITY_NUMBER_WARN4";
        /// Something failed.
        ERROR = 17, "SEVERITY_NUMBER_ERROR";
        /// ERROR, graver.
        ERROR2 = 18, "SEVERITY_NUMBER_ERROR2";
        /// ERROR, graver.
        ERROR3 = 19, "SEVERITY_NUMBER_ERROR3";
        /// ERROR, gravest.
        ERROR4 = 20, "SEVERITY_NUMBER_ERROR4";
        /// The program cannot go on.
        FATAL = 21, "SEVERITY_NUMBER_FATAL";
        /// FATAL, graver.
        FATAL2 = 22, "SEVERITY_NUMBER_FATAL2";
        /// FATAL, graver.
        FATAL3 = 23, "SEVERITY_NUMBER_FATAL3";
        /// FATAL, gravest.
        FATAL4 = 24, "SEVERITY_NUMBER_FATAL4";
    }
}

impl SeverityNumber {
    /// The level's name without its grade: `TRACE` … `FATAL`, or the empty string when not said.
    pub fn level(self) -> &'static str {
        match self.0 {
            1..=4 => "TRACE",
            5..=8 => "DEBUG",
            9..=12 => "INFO",
            13..=16 => "WARN",
            17..=20 => "ERROR",
            21..=24 => "FATAL",
            _ => "",
        }
    }
}

message! {
    LogsData {
        1 resource_logs "resourceLogs": Many<ResourceLogs>,
    }
}

message! {
    ResourceLogs {
        1 resource "resource": One<Resource>,
        2 scope_logs "scopeLogs": Many<ScopeLogs>,
        3 schema_url "schemaUrl": Text,
    }
}

message! {
    ScopeLogs {
        1 scope "scope": One<InstrumentationScope>,
        2 log_records "logRecords": Many<LogRecord>,
        3 schema_url "schemaUrl": Text,
    }
}

message! {
    LogRecord {
        1 time_unix_nano "timeUnixNano": Fixed64,
        2 severity_number "severityNumber": Enum<SeverityNumber>,
        3 severity_text "severityText": Text,
        5 body "body": One<AnyValue>,
        6 attributes "attributes": Many<KeyValue>,
        7 dropped_attributes_count "droppedAttributesCount": Uint32,
        8 flags "flags": Fixed32,
        9 trace_id "traceId": Id<TraceId>,
        10 span_id "spanId": Id<SpanId>,
        11 observed_time_unix_nano "observedTimeUnixNano": Fixed64,
        12 event_name "eventName": Text,
    }
}
