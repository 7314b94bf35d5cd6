//! Looking at what was recorded while developing.

mod common;

use std::collections::HashMap;

use common::telemetry;
use tripod::propagation;

#[test]
fn the_spans_of_one_trace_are_apart_from_others_and_in_order() {
    let telemetry = telemetry();
    let trace_id = {
        let first = tripod::span!("first");
        tripod::span!("second").end();
        first.context().trace_id
    };
    tripod::span!("of another trace").end();
    telemetry.flush();
    let names: Vec<String> = telemetry.memory().spans_of(trace_id).into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["first", "second"]);
    telemetry.memory().clear();
    assert!(telemetry.memory().spans_of(trace_id).is_empty());
}

#[test]
fn the_tree_shows_who_called_whom_with_durations_and_names_a_parent_that_is_missing() {
    let telemetry = telemetry();
    {
        let _order = tripod::span!("place order", order = 17);
        tripod::span!("look up").end();
        let charge = tripod::span!("charge");
        charge.record_error(&std::io::Error::other("no funds"));
    }
    let open = tripod::span!("still open");
    let missing = open.context().span_id;
    tripod::span!("inside").end();
    telemetry.flush();
    let tree = telemetry.memory().tree();
    // Ids and times differ from run to run; what is left is the shape.
    let shape = |line: &str| line.split("  ").next().unwrap_or_default().trim_end().to_owned();
    let lines: Vec<String> =
        tree.lines().filter(|line| !line.starts_with("trace ")).map(|line| line.replace("─ ", "─")).collect();
    let shapes: Vec<String> =
        lines.iter().map(|line| shape(line.trim_start())).filter(|line| !line.is_empty()).collect();
    let expected = ["place order", "├─look up", "└─charge"];
    assert_eq!(shapes[..3], expected, "{tree}");
    assert!(lines[0].ends_with("order=17"), "{tree}");
    assert!(lines[2].contains("✗ no funds"), "{tree}");
    assert!(tree.contains(&format!("(parent missing: {missing})\n└─ inside")), "{tree}");
    assert_eq!(tree.lines().filter(|line| line.starts_with("trace ")).count(), 2);
    drop(open);
}

#[test]
fn a_parent_in_another_process_is_named_as_such() {
    let telemetry = telemetry();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let attached = propagation::extract(&HashMap::from([("traceparent".to_owned(), traceparent)])).attach();
    tripod::span!("serve").end();
    drop(attached);
    telemetry.flush();
    let tree = telemetry.memory().tree();
    assert!(tree.contains("(parent in another process: b7ad6b7169203331)\n└─ serve"), "{tree}");
}
