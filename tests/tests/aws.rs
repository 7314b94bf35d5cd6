//! CloudWatch, X-Ray and signatures, against moto (which answers as AWS does) and botocore (which is AWS' own judge of a signature).
//!
//! Everything is set by the environment: an endpoint on AWS needs no change of the code.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tripod_tests::push::Push;
use tripod_tests::{python, root};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A Python program beside the tests, which says a line when it is ready, and a line of JSON for each it is asked.
struct Helper {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
    /// `HOST:PORT`.
    address: String,
}

impl Helper {
    fn start(script: &str) -> Self {
        let mut child = Command::new(python::interpreter_with("tests/aws/requirements.txt"))
            .arg(root().join("tests/aws").join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        answers.read_line(&mut address).unwrap();
        Self { child, answers, address: address.trim().to_owned() }
    }

    fn ask(&mut self, question: &Value) -> Value {
        use std::io::Write;
        writeln!(self.child.stdin.as_mut().unwrap(), "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program with these exporters, and with these keys.
fn push(url: &str, metrics: &str, traces: &str, (key, secret): (&str, &str)) -> Push {
    let variables = [
        ("OTEL_METRICS_EXPORTER", metrics),
        ("OTEL_TRACES_EXPORTER", traces),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"),
        ("CLOUDWATCH_NAMESPACE", "shop"),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ];
    Push::start(env!("CARGO_BIN_EXE_push"), 1, 0, &variables)
}

#[test]
fn cloudwatch_answers_the_statistics_of_what_was_measured() {
    let mut moto = Helper::start("moto_server.py");
    let url = format!("http://{}", moto.address);
    let push = push(&url, "cloudwatch", "none", (KEY, SECRET));
    assert_eq!((push.count("cloudwatch", "points", "exported"), push.count("cloudwatch", "points", "dropped")), (8, 0));
    push.end();

    let mut statistics = |name: &str, dimensions: Value| {
        moto.ask(&json!({ "statistics": name, "namespace": "shop", "dimensions": dimensions }))
    };
    let service = ("service.name", "push");
    let jobs = statistics("jobs", json!([["lane", "1"], service]));
    assert_eq!(jobs, json!({ "SampleCount": 1.0, "Sum": 11.0, "Minimum": 11.0, "Maximum": 11.0, "Unit": "Count" }));
    // Gauges are told once more at the end, as they are then.
    let room = statistics("room.temperature", json!([["room", "k?che"], service]));
    assert_eq!((&room["Minimum"], &room["Maximum"], &room["Unit"]), (&json!(20.5), &json!(20.5), &json!(null)));
    for (name, dimensions, scale, unit) in [
        ("order.duration", json!([["kind", "rush"], service]), 1.0, "Seconds"),
        ("order.size", json!([service]), 1000.0, "Bytes"),
    ] {
        let found = statistics(name, dimensions);
        assert_eq!((&found["SampleCount"], &found["Unit"]), (&json!(5.0), &json!(unit)), "{name}");
        for (statistic, expected) in [("Sum", 2.894), ("Minimum", 0.004), ("Maximum", 2.5)] {
            let is = found[statistic].as_f64().unwrap();
            assert!((is / (expected * scale) - 1.0).abs() < 1e-9, "{name}: {statistic} is {is}");
        }
    }
    let median = statistics("order.items", json!([["quantile", "0.5"], service]));
    assert!((median["Maximum"].as_f64().unwrap() / 0.07 - 1.0).abs() < 0.05, "{median}");
}

#[test]
fn xray_answers_the_trace_that_was_sent() {
    let mut moto = Helper::start("moto_server.py");
    let url = format!("http://{}", moto.address);
    let push = push(&url, "none", "xray", (KEY, SECRET));
    assert_eq!((push.count("xray", "spans", "exported"), push.count("xray", "spans", "dropped")), (2, 0));
    push.end();

    let segments = moto.ask(&json!({ "traces": true }));
    let segments = segments.as_array().unwrap();
    assert_eq!(segments.len(), 2, "{segments:?}");
    let find = |name: &str| segments.iter().find(|one| one["name"] == name).unwrap();
    let (order, charge) = (find("push"), find("charge"));
    assert_eq!(order["metadata"]["default"]["otel.span.name"], "POST /orders");
    assert_eq!(order["http"], json!({ "request": { "method": "POST" }, "response": { "status": 503 } }));
    assert_eq!((&order["fault"], &charge["fault"]), (&json!(true), &json!(true)));
    assert_eq!((&charge["parent_id"], &charge["type"]), (&order["id"], &json!("subsegment")));
    assert_eq!(charge["trace_id"], order["trace_id"]);
    assert!(order["trace_id"].as_str().unwrap().starts_with("1-"));
}

#[test]
fn a_wrong_secret_is_refused_and_counted() {
    let mut moto = Helper::start("moto_server.py");
    let url = format!("http://{}", moto.address);
    // From here on signatures are looked at.
    let user = moto.ask(&json!({ "user": "observer" }));
    let key = user["key"].as_str().unwrap();
    let right = push(&url, "none", "xray", (key, user["secret"].as_str().unwrap()));
    assert_eq!((right.count("xray", "spans", "exported"), right.count("xray", "spans", "dropped")), (2, 0));
    right.end();
    let wrong = push(&url, "cloudwatch", "xray", (key, SECRET));
    assert_eq!((wrong.count("cloudwatch", "points", "dropped"), wrong.count("xray", "spans", "dropped")), (8, 2));
    assert_eq!((wrong.count("cloudwatch", "points", "exported"), wrong.count("xray", "spans", "exported")), (0, 0));
    wrong.end();
}

#[test]
fn endpoints_of_aws_get_signatures_that_aws_own_code_makes_too() {
    let mut judge = Helper::start("judge.py");
    let proxy = format!("http://{}", judge.address);
    let variables = [
        ("OTEL_METRICS_EXPORTER", "otlp,remote_write,cloudwatch"),
        ("OTEL_TRACES_EXPORTER", "otlp,xray"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://xray.eu-west-1.amazonaws.com/v1/traces"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://monitoring.eu-west-1.amazonaws.com/v1/metrics"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        (
            "PROMETHEUS_REMOTE_WRITE_URL",
            "http://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws%201/api/v1/remote_write",
        ),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", "http://cloudwatch.example"),
        ("AWS_ENDPOINT_URL_XRAY", "http://xray.example/"),
        ("AWS_REGION", "sa-east-1"),
        ("HTTP_PROXY", proxy.as_str()),
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", "a/token+of=session"),
        ("HOME", "/nonexistent"),
    ];
    let push = Push::start(env!("CARGO_BIN_EXE_push"), 1, 0, &variables);
    assert_eq!(push.said["delivered"], true, "{}", push.said);
    push.end();
    let seen = judge.ask(&json!({ "secret": SECRET, "key": KEY, "token": "a/token+of=session" }));
    let seen = seen.as_array().unwrap();
    for one in seen {
        assert_eq!(one["theirs"], one["ours"], "{one}");
        let signed: Vec<&str> = one["signed"].as_str().unwrap().split(';').collect();
        for header in ["content-type", "host", "x-amz-date", "x-amz-security-token"] {
            assert!(signed.contains(&header), "{header} is not signed: {one}");
        }
    }
    let scopes: Vec<&str> = seen.iter().map(|one| one["scope"].as_str().unwrap()).collect();
    for scope in ["eu-west-1/xray", "eu-west-1/monitoring", "us-east-2/aps", "sa-east-1/monitoring", "sa-east-1/xray"] {
        assert!(scopes.contains(&scope), "{scope} is not among {scopes:?}");
    }
}

#[test]
fn without_credentials_the_program_goes_on_and_its_batches_wait() {
    let variables = [
        ("OTEL_METRICS_EXPORTER", "cloudwatch"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ];
    let push = Push::start(env!("CARGO_BIN_EXE_push"), 1, 0, &variables);
    assert_eq!(push.said["delivered"], false);
    assert_eq!((push.count("cloudwatch", "points", "exported"), push.count("cloudwatch", "points", "dropped")), (0, 0));
    push.end();
}
