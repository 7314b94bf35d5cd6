//! Export requests taken apart: what the indexes need of each record, and where its bytes are.
//!
//! The same code runs when a request is appended and when it is read back after a restart, so both keep the same records.

use std::ops::Range;

use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::otlp::{self, InstrumentationScope, LogRecord, Resource, Span};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId, WireError};

use crate::Appended;

/// A request, taken apart.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    /// Who emitted the records.
    pub(crate) contexts: Vec<NewContext>,
    /// The records that can be kept.
    pub(crate) records: Vec<NewRecord<T>>,
    /// How many can't.
    pub(crate) rejected: u64,
    /// Why the first of them can't.
    pub(crate) reason: Option<String>,
}

/// A resource and a scope, by their bytes in the request.
#[derive(Debug, PartialEq)]
pub(crate) struct NewContext {
    pub(crate) resource: Range<usize>,
    pub(crate) scope: Range<usize>,
    pub(crate) service: String,
}

/// A record by its bytes in the request, with what the index needs of it.
#[derive(Debug)]
pub(crate) struct NewRecord<T> {
    pub(crate) bytes: Range<usize>,
    /// Its place in [`Batch::contexts`].
    pub(crate) context: usize,
    pub(crate) head: T,
}

/// What the index needs of a span.
#[derive(Debug)]
pub(crate) struct SpanHead {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) error: bool,
}

/// What the index needs of a log record.
#[derive(Debug)]
pub(crate) struct LogHead {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) time: u64,
    pub(crate) severity: i32,
}

/// Takes a request of spans apart. Every record is decoded once, so that what is kept can be read again.
pub(crate) fn spans(request: &[u8]) -> Result<Batch<SpanHead>, WireError> {
    batch(request, |span: Span| {
        if !span.trace_id.is_valid() {
            return Err(format!("the span {:?} has no valid trace id", span.name));
        }
        if !span.span_id.is_valid() {
            return Err(format!("the span {:?} has no valid span id", span.name));
        }
        Ok(SpanHead {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent: span.parent_span_id,
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
            error: span.status.code == StatusCode::ERROR,
            kind: span.kind,
            name: span.name,
        })
    })
}

/// Takes a request of log records apart.
pub(crate) fn logs(request: &[u8]) -> Result<Batch<LogHead>, WireError> {
    batch(request, |record: LogRecord| {
        let observed = record.observed_time_unix_nano;
        Ok(LogHead {
            trace_id: record.trace_id,
            span_id: record.span_id,
            time: if record.time_unix_nano == 0 { observed } else { record.time_unix_nano },
            severity: record.severity_number.0,
        })
    })
}

fn batch<M: Message, T>(request: &[u8], head: impl Fn(M) -> Result<T, String>) -> Result<Batch<T>, WireError> {
    let mut batch = Batch { contexts: Vec::new(), records: Vec::new(), rejected: 0, reason: None };
    for at in otlp::records(request) {
        let at = at?;
        match head(M::decode(&request[at.record.clone()])?) {
            Ok(head) => {
                let context = batch.context(request, at.resource, at.scope)?;
                batch.records.push(NewRecord { bytes: at.record, context, head });
            }
            Err(reason) => {
                batch.rejected += 1;
                batch.reason.get_or_insert(reason);
            }
        }
    }
    Ok(batch)
}

impl<T> Batch<T> {
    /// What the sender is told.
    pub(crate) fn appended(self) -> Appended {
        Appended { accepted: self.records.len() as u64, rejected: self.rejected, reason: self.reason }
    }

    /// The place of a context. Records come context by context, so only the last one is compared.
    fn context(&mut self, request: &[u8], resource: Range<usize>, scope: Range<usize>) -> Result<usize, WireError> {
        let last = self.contexts.last();
        if last.is_none_or(|last| last.resource != resource || last.scope != scope) {
            InstrumentationScope::decode(&request[scope.clone()])?;
            let service = match last {
                Some(last) if last.resource == resource => last.service.clone(),
                _ => Resource::decode(&request[resource.clone()])?.service_name().to_owned(),
            };
            self.contexts.push(NewContext { resource, scope, service });
        }
        Ok(self.contexts.len() - 1)
    }
}
