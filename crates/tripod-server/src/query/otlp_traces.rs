//! Traces as OTLP again: spans under their resource and scope, as they came.

use std::sync::Arc;

use tripod_store::{StoredSpan, Trace};
use tripod_wire::otlp::{ResourceSpans, ScopeSpans, TracesData};

/// The spans of these traces. Neighbours with one resource and scope, which share them in memory, stand together.
pub(super) fn of(traces: Vec<Trace>) -> TracesData {
    let mut data = TracesData::default();
    let mut last: Option<StoredSpan> = None;
    for stored in traces.into_iter().flat_map(|trace| trace.spans) {
        let same_resource = last.as_ref().is_some_and(|last| Arc::ptr_eq(&last.resource, &stored.resource));
        let same_scope = same_resource && last.as_ref().is_some_and(|last| Arc::ptr_eq(&last.scope, &stored.scope));
        if !same_resource {
            let resource = stored.resource.as_ref().clone();
            data.resource_spans.push(ResourceSpans { resource, ..ResourceSpans::default() });
        }
        let Some(of_resource) = data.resource_spans.last_mut() else { continue };
        if !same_scope {
            let scope = stored.scope.as_ref().clone();
            of_resource.scope_spans.push(ScopeSpans { scope, ..ScopeSpans::default() });
        }
        let StoredSpan { resource, scope, span } = stored;
        if let Some(of_scope) = of_resource.scope_spans.last_mut() {
            of_scope.spans.push(span);
        }
        last = Some(StoredSpan { resource, scope, span: tripod_wire::otlp::Span::default() });
    }
    data
}

#[cfg(test)]
mod tests {
    use tripod_wire::TraceId;
    use tripod_wire::otlp::{InstrumentationScope, KeyValue, Resource, Span};

    use super::*;

    #[test]
    fn spans_stand_under_the_resource_and_scope_they_came_with() {
        let resource = |name: &str| {
            Arc::new(Resource { attributes: vec![KeyValue::new("service.name", name)], ..Resource::default() })
        };
        let scope = Arc::new(InstrumentationScope::default());
        let (shop, cart) = (resource("shop"), resource("cart"));
        let stored = |resource: &Arc<Resource>, name: &str| StoredSpan {
            resource: Arc::clone(resource),
            scope: Arc::clone(&scope),
            span: Span { name: name.to_owned(), ..Span::default() },
        };
        let spans = vec![stored(&shop, "a"), stored(&shop, "b"), stored(&cart, "c"), stored(&shop, "d")];
        let data = of(vec![Trace { id: TraceId([1; 16]), spans }]);
        let names: Vec<(&str, Vec<&str>)> = data
            .resource_spans
            .iter()
            .map(|one| {
                let spans = one.scope_spans.iter().flat_map(|scope| &scope.spans);
                (one.resource.service_name(), spans.map(|span| span.name.as_str()).collect())
            })
            .collect();
        assert_eq!(names, [("shop", vec!["a", "b"]), ("cart", vec!["c"]), ("shop", vec!["d"])]);
    }
}
