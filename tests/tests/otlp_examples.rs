//! The example files of the OTLP specification, and ours beside them, are accepted as JSON and read back in every field.
//!
//! The specification's are looked for in `OTLP_EXAMPLES_DIR`, then in `../shared/otlp-examples` beside the repository; ours, in
//! `tests/fixtures/otlp`, say as much and more, so that this never tests nothing.

use std::path::PathBuf;

use serde_json::Value;
use tripod_tests::records::{self, Span};
use tripod_tests::{Tripod, otlp_json, root, series};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Names of the files' metrics, and what OpenTelemetry's compatibility rules make of them.
const NAMES: [(&str, &str); 9] = [
    ("my.counter", "my_counter_total"),
    ("my.gauge", "my_gauge_ratio"),
    ("my.histogram", "my_histogram"),
    ("my.exponential.histogram", "my_exponential_histogram"),
    ("payments", "payments_total"),
    ("payments.open", "payments_open"),
    ("till.fill", "till_fill_ratio"),
    ("payment.duration", "payment_duration_milliseconds"),
    ("answer.size", "answer_size_bytes"),
];

/// Ours, and the specification's where they are.
fn folders() -> Vec<PathBuf> {
    let ours = root().join("tests/fixtures/otlp");
    let given = std::env::var_os("OTLP_EXAMPLES_DIR").map(PathBuf::from);
    if let Some(given) = &given {
        assert!(given.is_dir(), "OTLP_EXAMPLES_DIR is no directory: {}", given.display());
    }
    let specification = given.unwrap_or_else(|| root().join("../shared/otlp-examples"));
    if !specification.is_dir() {
        println!("the specification's files are not at {}: only ours are tested", specification.display());
        return vec![ours];
    }
    vec![ours, specification]
}

/// Posts every file of this name, each to a server of its own.
fn each(name: &str, signal: &str, check: impl Fn(&Tripod, &Value)) {
    let files: Vec<_> = folders().into_iter().map(|folder| folder.join(name)).filter(|file| file.is_file()).collect();
    assert!(!files.is_empty(), "there is a {name}");
    for file in files {
        println!("{}", file.display());
        let data = tempfile::tempdir().unwrap();
        let server = Tripod::start(data.path());
        let text = std::fs::read(&file).unwrap();
        let answer = server.post(signal, &[JSON], &text);
        assert_eq!((answer.status, answer.json()), (200, serde_json::json!({})), "{}", answer.text());
        check(&server, &serde_json::from_slice(&text).unwrap());
    }
}

#[test]
fn the_traces_are_read_back_in_every_field() {
    each("trace.json", "traces", |server, file| {
        let mut sent: Vec<Span> = otlp_json::spans(file).into_iter().map(Span::as_jaeger_has_it).collect();
        sent.sort_by_key(|span| span.start_unix_nano);
        assert_eq!(records::trace(server, &sent[0].trace_id), sent);
    });
}

#[test]
fn the_logs_are_read_back_in_every_field() {
    each("logs.json", "logs", logs_are_equal);
}

#[test]
fn the_events_are_read_back_in_every_field() {
    // The specification's is a file of its own; ours are among the logs.
    if folders().iter().any(|folder| folder.join("events.json").is_file()) {
        each("events.json", "logs", logs_are_equal);
    }
}

fn logs_are_equal(server: &Tripod, file: &Value) {
    let sent = otlp_json::logs(file);
    assert!(!sent.is_empty());
    assert_eq!(records::logs(server, &[]), sent);
}

#[test]
fn the_metrics_are_read_back_in_every_field() {
    each("metrics.json", "metrics", |server, file| {
        let points = otlp_json::points(file);
        let name = |name: &str| NAMES.iter().find(|(otel, _)| *otel == name).expect("a known metric").1.to_owned();
        let end = (points[0].time_unix_nano / 1_000_000) as i64 + 1000;

        let sent = series::series_of(&points, name);
        let mut found = series::series(server, r#"{__name__!=""}"#, end);
        let info = series::target_info_of(&points[0].resource);
        let says_more = info.len() > 3;
        assert_eq!(
            found.remove(&info).is_some(),
            says_more,
            "target_info, if the resource says more than job and instance"
        );
        assert_eq!(format!("{found:#?}"), format!("{sent:#?}"), "compared as text, as NaN is not equal to itself");
        assert_eq!(series::exemplars(server, r#"{__name__!=""}"#, end), series::exemplars_of(&points, name));

        let about = &server.get("/api/v1/metadata", &[])["data"];
        for metric in file["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap() {
            let known = &about[name(metric["name"].as_str().unwrap())][0];
            let description = metric["description"].as_str().unwrap_or_default();
            assert_eq!(known["help"], description, "{known}");
            let kind = match metric {
                _ if metric["sum"]["isMonotonic"] == true => "counter",
                _ if metric["sum"].is_object() || metric["gauge"].is_object() => "gauge",
                _ => "histogram",
            };
            assert_eq!(known["type"], kind, "{metric}");
        }
    });
}
