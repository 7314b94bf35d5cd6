//! What labels allocate once a series is warm: nothing, be they typed, filtered by a view, declared, or recorded by name.
//!
//! A file of its own, as it counts what the whole process allocates; one test, so that nothing else runs beside it.

#[path = "common/allocator.rs"]
mod allocator;

use tripod::metrics::{self, InstrumentKind, MetricDefinition, Typed, View};
use tripod::{LabelValue, Labels};

#[derive(LabelValue)]
enum Method {
    Get,
}

#[derive(Labels)]
struct HttpLabels<'a> {
    method: Method,
    #[label(rename = "http.route")]
    route: &'a str,
    status: u16,
    user: Option<&'a str>,
}

fn allocations(work: impl Fn()) -> u64 {
    (0..3).for_each(|_| work());
    let before = allocator::allocations();
    (0..1000).for_each(|_| work());
    allocator::allocations() - before
}

#[test]
fn labels_allocate_nothing_once_warm() {
    let builder = tripod::init().exporter(tripod::MemoryExporter::default()).self_metrics(false);
    let guard = builder.view(View::instrument("labels_filtered_total").drop_labels(["user"])).start().unwrap();
    let typed: Typed<_, HttpLabels<'_>> = tripod::counter("labels_typed_total").build().typed();
    let filtered = tripod::counter("labels_filtered_total").build();
    let declared = tripod::histogram("labels_declared").labels(["route"]).build();
    metrics::define(MetricDefinition::new("labels_by_name", InstrumentKind::Gauge)).unwrap();
    let route = String::from("/orders");
    let typed_labels = allocations(|| {
        typed.inc(&HttpLabels { method: Method::Get, route: &route, status: 200, user: None });
        typed.add(2, &HttpLabels { method: Method::Get, route: &route, status: 200, user: Some("ada") });
    });
    assert_eq!(typed_labels, 0, "typed");
    assert_eq!(allocations(|| filtered.inc(tripod::labels!(route, user = "ada"))), 0, "filtered by a view");
    assert_eq!(allocations(|| declared.record(1.0, tripod::labels!(route, undeclared = 1))), 0, "declared");
    assert_eq!(allocations(|| metrics::record("labels_by_name", 1.0, tripod::labels!(route))), 0, "by name");
    drop(guard);
}
