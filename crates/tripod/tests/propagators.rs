//! The propagators that a program sets are those it uses, from the start of telemetry on.

use std::collections::HashMap;

use tripod::MemoryExporter;
use tripod::propagation::{self, Propagator};

const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn what_the_builder_sets_is_what_inject_and_extract_use() {
    let w3c = HashMap::from([("traceparent".to_owned(), HEADER.to_owned())]);
    let context = propagation::extract(&w3c);
    assert!(context.span.is_valid(), "before the start, the format is W3C's");

    let formats = [Propagator::B3, Propagator::XRay];
    let guard = tripod::init().propagators(formats).exporter(MemoryExporter::default()).start().unwrap();
    let attached = context.attach();
    let mut headers = HashMap::new();
    propagation::inject(&mut headers);
    drop(attached);
    assert_eq!(headers["b3"], "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
    assert!(headers.contains_key("x-amzn-trace-id") && !headers.contains_key("traceparent"));
    assert!(propagation::extract(&headers).span.is_valid());
    assert!(!propagation::extract(&w3c).span.is_valid());

    assert!(guard.shutdown());
    let mut after = HashMap::new();
    propagation::inject_context(&propagation::extract(&headers), &mut after);
    assert_eq!(after, headers, "what ends during shutdown keeps its format");
}
