//! From a point of a metric to traces and logs, and what tells some spans from the rest.

mod support;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use support::{Running, TIME, attribute, log, logs, span, traces};

/// Ten fast calls of version 1 and three slow ones of version 2, counted, with a log line of the first slow one.
async fn filled() -> Running {
    let running = Running::with(|config| config.span_metrics_series = 10_000).await;
    let call = |trace: u8, millis: u64, version: &str| Span {
        name: "GET /orders".to_owned(),
        end_time_unix_nano: TIME + millis * 1_000_000,
        attributes: vec![attribute("version", version), attribute("id", &trace.to_string())],
        ..span(trace, u64::from(trace))
    };
    let fast = (1..=10).map(|trace| call(trace, 3, "1"));
    let slow = (11..=13).map(|trace| call(trace, 900, "2"));
    let request = traces("shop", fast.chain(slow).collect());
    assert_eq!(running.post_protobuf("traces", &request).await.status(), 200);
    let line = LogRecord { trace_id: vec![13; 16], ..log("out of stock") };
    assert_eq!(running.post_protobuf("logs", &logs("shop", vec![line])).await.status(), 200);
    // What was counted is written when the server stops.
    Running::in_dir(running.stop().await, |_| {}).await
}

const SLOW: &str = "traces_span_metrics_duration_milliseconds_bucket{le=\"1000\"}";

async fn post(running: &Running, path: &str, body: Value) -> (u16, Value) {
    let response = running.client.post(running.url(path)).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_leads_to_its_exemplar_to_traces_that_are_near_and_to_their_logs() {
    let running = filled().await;
    let body = json!({"query": format!("rate({SLOW}[1m])"), "time": TIME.to_string(), "end": (TIME + 3_600_000_000_000).to_string()});
    let (status, found) = post(&running, "/api/correlate", body).await;
    assert_eq!(status, 200, "{found}");
    let exemplar = &found["exemplars"][0];
    assert_eq!((&exemplar["trace_id"], &exemplar["value"]), (&json!("0d".repeat(16)), &json!(900.0)));
    assert_eq!(exemplar["series"]["service_name"], "shop");
    let first = &found["traces"][0];
    assert_eq!((&first["traceID"], &first["inferred"]), (&json!("0d".repeat(16)), &json!(false)));
    assert_eq!((&first["service"], &first["duration_ns"]), (&json!("shop"), &json!("900000000")));
    assert_eq!(found["logs"][0]["body"], "out of stock");
    assert_eq!(found["logs"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_value_of_a_point_and_the_labels_of_its_series_choose_among_what_is_near() {
    let running = filled().await;
    let all = "sum by (le) (rate(traces_span_metrics_duration_milliseconds_bucket[1m]))";
    let ask = |more: Value| {
        let mut body = json!({"query": all, "time": TIME.to_string(), "end": (TIME + 3_600_000_000_000).to_string()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let first = async |more: Value| {
        let (status, found) = post(&running, "/api/correlate", ask(more)).await;
        assert_eq!(status, 200, "{found}");
        found["exemplars"][0]["value"].as_f64().unwrap()
    };
    assert_eq!(first(json!({"value": 850.0})).await, 900.0);
    assert_eq!(first(json!({"value": 4.0})).await, 3.0);
    assert_eq!(first(json!({"label": ["le=1000"]})).await, 900.0);
    assert_eq!(first(json!({"value": 4.0, "label": ["made=up"]})).await, 3.0, "no series has it: it narrows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_that_no_exemplar_names_say_that_they_are_inferred_and_why() {
    let running = filled().await;
    // The window of the spans; the exemplars' series were written an instant or years later.
    let body = json!({"match[]": [SLOW], "time": TIME.to_string(), "start": "0", "end": "9000000000", "limit": 3});
    let (status, found) = post(&running, "/api/correlate", body).await;
    assert_eq!(status, 200, "{found}");
    let traces = found["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 3);
    let ids: Vec<&str> = traces.iter().map(|one| one["traceID"].as_str().unwrap()).collect();
    assert_eq!(ids, ["0d".repeat(16), "0b".repeat(16), "0c".repeat(16)], "the slow ones: {found}");
    assert_eq!((&traces[1]["inferred"], traces[1]["errors"].as_u64()), (&json!(true), Some(0)));
    let reason = traces[1]["reason"].as_str().unwrap();
    assert!(reason.ends_with("by service shop, operation GET /orders, duration above 800ms to 1s"), "{reason}");

    let none = running.get("/api/correlate?match[]=up&time=1795238947").await;
    assert_eq!((&none["traces"], &none["exemplars"]), (&json!([]), &json!([])));
    assert!(none["notes"][0].as_str().unwrap().contains("no label of the series"), "{none}");
    for (query, reason) in [
        ("", "parameter \"query\" or \"match[]\" is missing"),
        ("query=sum(", "query"),
        ("match[]=up&start=5&end=4", "end must not"),
        ("match[]=up&value=much", "\"much\" is not a finite number"),
        ("match[]=up&label=job", "\"job\" is not name=value"),
    ] {
        let (status, body) = running.fail(&format!("/api/correlate?{query}")).await;
        assert_eq!((status, body["error"].as_str().unwrap().contains(reason)), (400, true), "{query}: {body}");
    }
    assert_eq!(post(&running, "/api/correlate", json!([1])).await.0, 400);
    assert_eq!(post(&running, "/api/correlate", json!({"query": [[1]]})).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_of_some_traces_are_counted_by_trace() {
    let running = filled().await;
    // A second span of the first trace: a trace counts once however many of its spans have a value.
    let again = Span { attributes: vec![attribute("version", "1"), attribute("cache", "hit")], ..span(1, 77) };
    assert_eq!(running.post_protobuf("traces", &traces("shop", vec![again])).await.status(), 200);
    let ids: Vec<String> = [1, 2, 11, 99].map(|trace: u8| format!("{trace:02x}").repeat(16)).into();
    let (status, found) = post(&running, "/api/correlate/attributes", json!({ "traceID": ids })).await;
    assert_eq!((status, &found["traces"], &found["notes"]), (200, &json!(3), &json!([])), "{found}");
    let attributes = found["attributes"].as_array().unwrap();
    let of = |key: &str| attributes.iter().find(|one| one["key"] == key);
    let versions = json!([{"value": "1", "traces": 2}, {"value": "2", "traces": 1}]);
    assert_eq!(of("version").map(|one| (&one["scope"], &one["values"])), Some((&json!("span"), &versions)));
    assert_eq!(of("cache").map(|one| &one["values"]), Some(&json!([{"value": "hit", "traces": 1}])));
    assert_eq!(of("id"), None, "another in each trace");
    assert_eq!(of("kind"), None, "the same in all");

    let one = running.get(&format!("/api/correlate/attributes?limit=1&traceID={}&traceID={}", ids[0], ids[2])).await;
    assert_eq!(one["attributes"].as_array().unwrap().len(), 1);
    for (query, reason) in
        [("", "nothing is selected"), ("traceID=x", "not a trace id"), ("traceID=1&limit=0", "limit")]
    {
        let (status, body) = running.fail(&format!("/api/correlate/attributes?{query}")).await;
        assert_eq!((status, body["error"].as_str().unwrap().contains(reason)), (400, true), "{query}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slow_spans_have_in_common_is_ranked_first() {
    let running = filled().await;
    let query = format!("service=shop&minDuration=500ms&start={TIME}&end={}", TIME + 1000);
    let found = running.get(&format!("/api/correlate/differences?{query}")).await;
    assert_eq!(found["selection"], json!({"spans": 3, "sampled": 3}));
    assert_eq!(found["baseline"], json!({"spans": 13, "sampled": 10}));
    let first = &found["attributes"][0];
    assert_eq!(
        (&first["scope"], &first["key"], &first["difference"]),
        (&json!("span"), &json!("version"), &json!(1.0))
    );
    let value = json!({
        "value": "2", "difference": 1.0, "selection": {"spans": 3, "ratio": 1.0}, "baseline": {"spans": 0, "ratio": 0.0}
    });
    assert_eq!(first["values"][0], value);
    assert_eq!(found["attributes"][1]["key"], "id");
    assert_eq!(found["attributes"].as_array().unwrap().len(), 2, "service, name, kind and status are the same");

    // The same by the traces' ids, and by tags.
    let ids = json!(["0b".repeat(16), "0c".repeat(16), "0d".repeat(16)]);
    let body = json!({"traceID": ids, "service": "shop", "start": TIME.to_string(), "end": (TIME + 1000).to_string()});
    let (_, by_ids) = post(&running, "/api/correlate/differences", body).await;
    assert_eq!(by_ids, found);
    let body = json!({"tags": {"version": "2"}, "service": "shop", "start": TIME.to_string(), "end": (TIME + 1000).to_string(), "limit": 1});
    let (_, by_tags) = post(&running, "/api/correlate/differences", body).await;
    assert_eq!(by_tags["attributes"], json!([first]));

    let sampled = running.get(&format!("/api/correlate/differences?{query}&sample=2")).await;
    assert_eq!(sampled["selection"], json!({"spans": 3, "sampled": 2}));
    let nothing = running.get(&format!("/api/correlate/differences?{query}&operation=none")).await;
    assert_eq!((&nothing["attributes"], nothing["notes"].as_array().unwrap().len()), (&json!([]), 1));
    for (query, reason) in [
        ("service=shop", "nothing is selected"),
        ("traceID=x", "not a trace id"),
        ("minDuration=1s&sample=0", "from 1 to 10000"),
        ("minDuration=1s&baseline_start=5&baseline_end=4", "baseline_end"),
    ] {
        let (status, body) = running.fail(&format!("/api/correlate/differences?{query}")).await;
        assert_eq!((status, body["error"].as_str().unwrap().contains(reason)), (400, true), "{query}: {body}");
    }
}
