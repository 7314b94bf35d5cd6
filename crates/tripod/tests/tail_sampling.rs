//! Tail sampling through the running engine: what is kept is whole, and what is dropped is counted.

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::{attribute, telemetry_with};
use tripod::{Context, StatusCode, TailPolicy, propagation};
use tripod_wire::otlp::metrics::MetricData;

#[test]
fn traces_with_an_error_are_kept_whole_and_the_others_are_counted() {
    let telemetry = telemetry_with(|builder| builder.tail_sampling(TailPolicy::errors()));
    for n in 0..100 {
        let _root = tripod::span!("handle");
        let context = Context::current();
        std::thread::spawn(move || {
            let _attached = context.attach();
            let child = tripod::span!("load");
            if n % 10 == 0 {
                child.set_status(StatusCode::ERROR, "no such row");
            }
        })
        .join()
        .unwrap();
    }
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 20);
    for span in spans.iter().filter(|span| span.name == "handle") {
        assert_eq!(telemetry.memory().spans_of(span.trace_id).len(), 2);
    }
    let stats = telemetry.stats();
    assert_eq!((stats.tail.traces_kept, stats.tail.traces_dropped), (10, 90));
    assert_eq!(stats.spans.created, stats.exporters[0].spans.exported + stats.tail.spans_dropped);
    assert_eq!(stats.tail.spans_dropped, 180);
}

#[test]
fn what_is_dropped_is_among_the_sdks_own_metrics() {
    let telemetry = telemetry_with(|builder| builder.tail_sampling(!TailPolicy::all()));
    (0..5).for_each(|_| tripod::span!("dropped").end());
    telemetry.flush();
    let metric = telemetry.metric("otel.sdk.processor.span.processed");
    let MetricData::Sum { data_points, .. } = &metric.data else { panic!("{metric:?}") };
    let dropped = data_points.iter().find(|point| {
        point.attributes.iter().any(|attribute| attribute.key == "error.type")
            && attribute(&point.attributes, "error.type").to_string() == "sampled_out"
    });
    assert!(dropped.is_some(), "{data_points:?}");
}

#[test]
fn a_trace_that_began_elsewhere_is_decided_when_its_part_here_has_ended() {
    let telemetry = telemetry_with(|builder| {
        builder.tail_sampling(TailPolicy::name("serve")).schedule_delay(Duration::from_millis(5))
    });
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let attached = propagation::extract(&HashMap::from([("traceparent".to_owned(), traceparent)])).attach();
    tripod::span!("serve").end();
    drop(attached);
    // No flush: it is sent by itself.
    while telemetry.memory().spans().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(telemetry.stats().tail.traces_kept, 1);
}
