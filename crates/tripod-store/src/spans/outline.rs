//! A look at the spans of a request on their way in: a walk over columns that are there anyway.

use tripod_wire::otlp::trace::{SpanKind, StatusCode};

use super::decode::Batch;
use crate::SpanOutline;

impl Batch {
    /// Calls `see` with each span that is kept.
    pub(crate) fn each_outline(&self, see: &mut dyn FnMut(&SpanOutline<'_>)) {
        let rows = &self.rows;
        for row in 0..rows.len() {
            let (context, name) = (rows.context[row], rows.name.codes.get(row));
            see(&SpanOutline {
                group: (context, name),
                service: &self.contexts.get(context).service,
                name: rows.name.dictionary.get(name),
                kind: SpanKind(rows.kind.get(row)),
                status: StatusCode(rows.status.get(row)),
                start: rows.start[row],
                end: rows.end[row],
                trace_id: rows.trace[row],
                span_id: rows.span[row],
                parent_span_id: rows.parent[row],
            });
        }
    }
}
