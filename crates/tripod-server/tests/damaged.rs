//! Parts that are damaged under a running server: queries answer with the rest and say what is missing.

mod support;

use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, metric, number_data_point};
use serde_json::Value;
use support::{Running, TIME, log, logs, metrics, span, traces};

/// Changes a byte of each column of every part.
fn damage(data: &std::path::Path) {
    for day in std::fs::read_dir(data.join("parts")).unwrap() {
        for file in std::fs::read_dir(day.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            // Behind what says what it is, and before what was read when it was opened.
            let (start, end) = (8, bytes.len() / 2);
            bytes[start..end].iter_mut().step_by(3).for_each(|byte| *byte ^= 1);
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

async fn send(running: &Running, number: u8) {
    let point = NumberDataPoint {
        time_unix_nano: TIME + u64::from(number) * 1_000_000_000,
        value: Some(number_data_point::Value::AsDouble(number.into())),
        ..NumberDataPoint::default()
    };
    let data = Some(metric::Data::Gauge(Gauge { data_points: vec![point] }));
    let gauge = Metric { name: format!("level{number}"), data, ..Metric::default() };
    running.post_protobuf("traces", &traces("shop", vec![span(number, 1)])).await;
    running.post_protobuf("logs", &logs("shop", vec![log(&format!("order {number}"))])).await;
    running.post_protobuf("metrics", &metrics("shop", vec![gauge])).await;
}

/// The warnings in the header and those in the body of an answer that must succeed.
async fn asked(running: &Running, path: &str) -> (Vec<String>, Value) {
    let response = running.client.get(running.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let headers = response.headers().get_all("tripod-warning").iter();
    (headers.map(|value| value.to_str().unwrap().to_owned()).collect(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_a_damaged_part_is_missing_and_the_answer_says_so() {
    let running = Running::new().await;
    send(&running, 1).await;
    let made = running.client.post(running.url("/api/admin/snapshot?name=parts")).send().await.unwrap();
    assert_eq!(made.status(), 200);
    send(&running, 2).await;
    // Snapshots have the same files under another name.
    std::fs::remove_dir_all(running.dir.path().join("snapshots")).unwrap();
    damage(running.dir.path());

    let time = TIME / 1_000_000_000 + 5;
    let all = "start=0&end=9000000000";
    let promql = "%7B__name__%3D~%22level.*%22%7D";
    for (path, rows, place) in [
        ("/api/trace-summaries?limit=10".to_owned(), "summaries", "1 rows of spans from 2026-11-21T05:29:07"),
        (format!("/api/logs?{all}"), "logs", "1 rows of logs from 2026-11-21T05:29:07"),
        (format!("/api/v1/query?query={promql}&time={time}"), "data", "rows of samples from 2026-11-21T05:29:08"),
    ] {
        for _ in 0..2 {
            let (headers, body) = asked(&running, &path).await;
            let found = if rows == "data" { &body["data"]["result"] } else { &body[rows] };
            assert_eq!(found.as_array().map(Vec::len), Some(1), "{path}: {body}");
            let warnings = body["warnings"].as_array().unwrap_or_else(|| panic!("{path}: {body}"));
            let said = warnings[0].as_str().unwrap();
            assert!(said.contains(place) && said.contains("/damaged/"), "{said}");
            assert!(headers.iter().any(|header| header == said), "{headers:?}");
        }
    }
    let (_, outside) = asked(&running, "/api/logs?start=2020-01-01T00:00:00Z&end=2021-01-01T00:00:00Z").await;
    assert_eq!(outside["warnings"], Value::Null, "nothing is missing of that year");

    let (_, status) = asked(&running, "/api/status/store").await;
    for signal in status["signals"].as_array().unwrap() {
        let part = &signal["damaged"][0];
        assert!(part["path"].as_str().unwrap().contains("/damaged/"), "{signal}");
        assert!(part["rows"].as_u64() > Some(0) && part["reason"].as_str() > Some(""), "{signal}");
    }
}
