//! The documents that the catalogue's names come from: each metric that they name is in it, of that type, with those labels.
//!
//! The documents are where `SEEDS_DIR` says, or beside the workspace; where they are not, there is nothing to compare with.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use tripod::catalog::{self, Metric};

/// A metric as a document names it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    name: String,
    /// `None`: it does not say.
    kind: Option<String>,
    /// Empty: none, or it does not say.
    labels: BTreeSet<String>,
}

/// The user's own metrics in the documents' examples.
const EXAMPLES: &[&str] = &[
    // Unified telemetry: a service's own.
    "requests_total",
    "request_duration_ms",
    "validation_errors",
    // Pipelines: one of each kind of instrument, and one collector with another prefix.
    "active_connections",
    "request_duration_seconds",
    "request_latency_seconds",
    "concurrent_requests",
    "executions_total",
    "duration_seconds",
    "items_total",
    // Its second example has its first one's counter without `_total`, which is the same to Prometheus, and another key.
    "pipeline_executions",
    // The metrics module: what is counted by hand, before and after the move.
    "processing_time_seconds",
    "events_total",
    "evaluations_total",
    "evaluation_duration_seconds",
    "error_rate",
];

fn documents() -> Option<Vec<String>> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/seeds"));
    let folder = env::var_os("SEEDS_DIR").map_or_else(beside, PathBuf::from);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files.iter().map(|file| fs::read_to_string(file).unwrap()).collect())
}

/// Every metric that a document names, however it does.
fn named_in(document: &str) -> Vec<Named> {
    let lines = document.lines().filter_map(|line| row(line).or_else(|| bullet(line)).or_else(|| series(line)));
    lines.chain(calls(document)).collect()
}

/// `| `name` | Counter | provider, operation | … |`
fn row(line: &str) -> Option<Named> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let name = cells[0].strip_prefix('`')?.strip_suffix('`')?;
    Some(Named { name: name.to_owned(), kind: Some(cells[1].to_lowercase()), labels: names(cells[2].split(',')) })
}

/// `- `name` - what it is (counter)`, `- `name{status, pipeline_id}` - Counter`
fn bullet(line: &str) -> Option<Named> {
    let (metric, what) = line.strip_prefix("- `")?.split_once("` - ")?;
    let kind = what.rsplit_once('(').map_or(what, |(_, kind)| kind.trim_end_matches(')')).to_lowercase();
    let is_kind = ["counter", "gauge", "histogram", "summary"].contains(&&*kind);
    let (name, labels) = parts(metric);
    is_kind.then(|| Named { name: name.to_owned(), kind: Some(kind), labels: keys(labels) })
}

/// `name{label="one|another", label}` or `name` alone on its line, as in a page for Prometheus.
fn series(line: &str) -> Option<Named> {
    let (name, labels) = parts(line.trim_end());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_name =
        name.contains('_') && name.chars().all(plain) && (labels.is_empty() || line.trim_end().ends_with('}'));
    is_name.then(|| Named { name: name.to_owned(), kind: None, labels: keys(labels) })
}

/// `collector.counter("name", labels=["status"])`, `create_counter("name")`, `increment_counter("name", labels={"type": …})`
fn calls(document: &str) -> Vec<Named> {
    let functions = [
        ("collector.counter(", Some("counter")),
        ("collector.gauge(", Some("gauge")),
        ("collector.histogram(", Some("histogram")),
        ("collector.summary(", Some("summary")),
        ("telemetry.counter(", Some("counter")),
        ("telemetry.histogram(", Some("histogram")),
        ("meter.create_counter(", Some("counter")),
        ("meter.create_gauge(", Some("gauge")),
        ("meter.create_histogram(", Some("histogram")),
        ("increment_counter(", Some("counter")),
        ("observe_histogram(", Some("histogram")),
        ("time_operation(", Some("histogram")),
    ];
    let found = functions.iter().flat_map(|(function, kind)| {
        document.split(function).skip(1).filter_map(move |rest| {
            let arguments = rest.trim_start().strip_prefix('"')?;
            let (name, rest) = arguments.split_once('"')?;
            let call = &rest[..rest.find(')')?];
            let labels = call.split_once("labels=").map_or("", |(_, labels)| labels);
            let quoted: Vec<&str> = labels.split('"').skip(1).step_by(2).collect();
            // Of a dictionary every other text is a key.
            let step = if labels.starts_with('{') { 2 } else { 1 };
            let labels =
                if labels.starts_with(['{', '[']) { names(quoted.into_iter().step_by(step)) } else { BTreeSet::new() };
            Some(Named { name: name.to_owned(), kind: kind.map(str::to_owned), labels })
        })
    });
    found.collect()
}

fn parts(metric: &str) -> (&str, &str) {
    metric.split_once('{').map_or((metric, ""), |(name, labels)| (name, labels.trim_end_matches('}')))
}

fn keys(labels: &str) -> BTreeSet<String> {
    names(labels.split(',').map(|label| label.split('=').next().unwrap_or(label)))
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    all.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn is_as_named(metric: &Metric, named: &Named) -> bool {
    let labels: BTreeSet<String> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
    metric.name == named.name
        && named.kind.as_ref().is_none_or(|kind| kind == metric.prometheus_type())
        && (named.labels.is_empty() || named.labels == labels)
}

#[test]
fn each_metric_the_documents_name_is_in_the_catalogue_with_its_type_and_labels() {
    let Some(documents) = documents() else {
        println!("skipped: the documents are not here; SEEDS_DIR says where they are");
        return;
    };
    assert_eq!(documents.len(), 5);
    let all: BTreeSet<Named> = documents.iter().flat_map(|document| named_in(document)).collect();
    let theirs = |named: &&Named| !named.name.starts_with("custom_") && !EXAMPLES.contains(&&*named.name);
    let wanted: Vec<&Named> = all.iter().filter(theirs).collect();
    let missing: Vec<&&Named> =
        wanted.iter().filter(|named| !catalog::metrics().any(|metric| is_as_named(metric, named))).collect();
    // The document contradicts itself: the same histogram by `pipeline_name`, and by `name`.
    let [contradiction] = missing[..] else { panic!("{missing:#?}") };
    assert_eq!((&*contradiction.name, contradiction.labels.len()), ("pipeline_duration_seconds", 1));
    assert!(contradiction.labels.contains("name"));
    let distinct: BTreeSet<&str> = wanted.iter().map(|named| &*named.name).collect();
    assert_eq!(distinct.len(), SEEDS_NAME, "{distinct:#?}");
    for example in EXAMPLES.iter().filter(|example| **example != "error_rate") {
        assert!(all.iter().any(|named| named.name == *example), "{example} is no example of theirs");
    }
}

/// How many distinct metrics the documents name, so that a way of naming that is no longer understood is noticed.
const SEEDS_NAME: usize = 59;

#[test]
fn names_are_found_however_they_are_written() {
    let document = "| `a_total` | Counter | x, y | what |
- `b_seconds` - How long (histogram)
- `c_total{x, y}` - Counter
d_size
e_total{x=\"1|2\", y}
f = collector.counter(
    \"f_total\",
    labels=[\"x\", \"y\"]
)
increment_counter(\"g_total\", labels={\"x\": \"1\"})
- `neither.py` - A file
plain words_here";
    let found = named_in(document);
    let shown: Vec<String> = found
        .iter()
        .map(|named| {
            let labels: Vec<&str> = named.labels.iter().map(String::as_str).collect();
            format!("{} {} {}", named.name, named.kind.as_deref().unwrap_or("-"), labels.join(","))
        })
        .collect();
    let expected = [
        "a_total counter x,y",
        "b_seconds histogram ",
        "c_total counter x,y",
        "d_size - ",
        "e_total - x,y",
        "f_total counter x,y",
        "g_total counter x",
    ];
    assert_eq!(shown, expected);
}
