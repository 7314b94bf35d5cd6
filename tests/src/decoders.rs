//! OTLP requests decoded by the protobufs of OpenTelemetry's own packages, in the JSON mapping of protobuf.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::otlp_receiver::Request;
use crate::{python, root, setup};

/// The requests as the Python package reads them.
pub fn by_python(requests: &[Request]) -> Vec<Value> {
    let mut command = Command::new(python::interpreter());
    command.arg(root().join("tests/python/decode.py"));
    run(command, requests)
}

/// The requests as the Node package reads them; `None` where Node can't be had, which in CI is a failure.
pub fn by_node(requests: &[Request]) -> Option<Vec<Value>> {
    let packages = setup::run("tests/node/setup.sh", &[])?;
    let mut command = Command::new("node");
    command.arg(root().join("tests/node/decode.cjs")).arg(packages);
    Some(run(command, requests))
}

fn run(mut command: Command, requests: &[Request]) -> Vec<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the decoder runs");
    let mut input = child.stdin.take().expect("piped");
    for request in requests {
        let body = request.body.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        writeln!(input, "{}", json!({ "signal": request.signal, "body": body })).expect("the decoder reads");
    }
    drop(input);
    let output = child.wait_with_output().expect("the decoder ends");
    assert!(output.status.success(), "the decoder refuses what was sent");
    let decoded: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(decoded.len(), requests.len());
    decoded.into_iter().map(plain).collect()
}

/// Numbers of one kind, attributes in the order of their keys, and no status that says nothing, so that they compare.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().expect("a number")),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(plain).collect();
            let key = |item: &Value| item["key"].as_str().map(str::to_owned);
            if items.iter().all(|item| key(item).is_some()) {
                items.sort_by_key(key);
            }
            Value::Array(items)
        }
        Value::Object(map) => {
            let says_something = |(key, value): &(String, Value)| key != "status" || *value != json!({});
            Value::Object(map.into_iter().filter(says_something).map(|(key, value)| (key, plain(value))).collect())
        }
        other => other,
    }
}

/// Panics unless the two are equal, where a text `<time>` stands for nanoseconds between these two, and `<about N>` for a number within
/// a hundredth of N.
pub fn assert_equal(found: &Value, expected: &Value, times: (u64, u64)) {
    compare(found, &plain(expected.clone()), times, "");
}

fn compare(found: &Value, expected: &Value, times: (u64, u64), at: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(found), keys(expected), "fields at {at}: {found:?}");
            expected.iter().for_each(|(key, value)| compare(&found[key], value, times, &format!("{at}.{key}")));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "elements at {at}: {found:?}");
            let both = found.iter().zip(expected).enumerate();
            both.for_each(|(n, (found, expected))| compare(found, expected, times, &format!("{at}[{n}]")));
        }
        (_, Value::String(text)) if text == "<time>" => {
            let time: u64 = found.as_str().and_then(|time| time.parse().ok()).unwrap_or_default();
            assert!((times.0..=times.1).contains(&time), "{at}: {found} is no time of this test");
        }
        (_, Value::String(text)) if text.starts_with("<about ") => {
            let about: f64 = text["<about ".len()..].trim_end_matches('>').parse().expect("a number");
            let near = found.as_f64().is_some_and(|number| (number - about).abs() <= about.abs() / 100.0);
            assert!(near, "{at}: {found} is not {text}");
        }
        _ => assert_eq!(found, expected, "at {at}"),
    }
}
