//! The first ten minutes, as a program: what the tutorial has its reader write is what is built here, and its clicks are there to be made.

use std::process::Command;

use tripod_tests::book::blocks;
use tripod_tests::programs::{ours, wait_for};
use tripod_tests::{Tripod, root};

#[test]
fn the_program_of_the_tutorial_is_the_example() {
    let read =
        |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let page = blocks(&read("docs/tutorial/first-ten-minutes.md"));
    let shown = page.iter().find(|block| block.info == "rust").expect("a program");
    let built = read("examples/quickstart/src/bin/coffee.rs");
    let built = built.split_once("\n\n").expect("a header").1;
    assert_eq!(shown.body, built);
}

#[test]
fn its_spike_leads_to_the_trace_and_the_trace_to_the_log_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = Tripod::start(folder.path());
    let mut coffee = Command::new(ours("coffee", "quickstart"));
    let ran =
        coffee.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", tripod.otlp_http)).output().expect("it runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // The dot: an exemplar of half a second.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let (start, end) = ((now - 600).to_string(), (now + 60).to_string());
    let trace = wait_for("an exemplar of a cup that waited", || {
        let query = [("query", "brewing_seconds_bucket"), ("start", &*start), ("end", &end)];
        let found = tripod.get("/api/v1/query_exemplars", &query);
        let mut exemplars =
            found["data"].as_array()?.iter().filter_map(|series| series["exemplars"].as_array()).flatten();
        let slow = exemplars.find(|one| one["value"].as_str().is_some_and(|value| value == "0.5"))?;
        slow["labels"]["trace_id"].as_str().map(str::to_owned)
    });
    let found = tripod.get(&format!("/api/traces/{trace}"), &[]);
    let spans = found["data"][0]["spans"].as_array().expect("spans");
    let names: Vec<_> = spans.iter().filter_map(|span| span["operationName"].as_str()).collect();
    assert!(names.contains(&"brew") && names.contains(&"clean_the_grinder"), "{names:?}");
    let logs = tripod.get("/api/logs", &[("trace_id", &trace)]);
    assert_eq!(logs["logs"][0]["body"], "the grinder is full", "{logs}");
}
