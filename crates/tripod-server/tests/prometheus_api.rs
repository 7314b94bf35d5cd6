//! Prometheus' API by what its clients call: each path, by GET and by form, its shape, its limits, its refusals.

mod support;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use support::Running;
use tripod_wire::prometheus::remote_read::{LabelMatcher, MatcherType, Query, ReadRequest, ReadResponse, ResponseType};
use tripod_wire::prometheus::remote_write::{
    BucketSpan, Histogram, Label, MetricMetadata, MetricType, Sample, TimeSeries, WriteRequest,
};
use tripod_wire::proto::Message;

/// Milliseconds of now, in which federation looks.
fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect(),
        samples: samples.iter().map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp }).collect(),
        ..TimeSeries::default()
    }
}

/// Two series of a gauge, one of another, and a native histogram.
async fn filled(end: i64) -> Running {
    let running = Running::new().await;
    let mut native = series(&[("__name__", "sizes"), ("job", "a")], &[]);
    native.histograms.push(Histogram {
        count_int: Some(3),
        sum: 5.0,
        schema: 0,
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
        positive_deltas: vec![1, 1],
        timestamp: end,
        ..Histogram::default()
    });
    let timeseries = vec![
        series(&[("__name__", "temperature"), ("job", "a"), ("room", "x")], &[(end - 30_000, 1.5), (end, 2.5)]),
        series(&[("__name__", "temperature"), ("job", "b"), ("room", "y")], &[(end, 4.0)]),
        series(&[("__name__", "up"), ("job", "a")], &[(end, 1.0)]),
        native,
    ];
    let metadata = MetricMetadata {
        kind: MetricType::GAUGE,
        metric_family_name: "temperature".to_owned(),
        help: "How warm.".to_owned(),
        unit: "celsius".to_owned(),
    };
    let bytes = WriteRequest { timeseries, metadata: vec![metadata] }.encode_to_vec();
    let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    assert_eq!(running.client.post(running.url("/api/v1/write")).body(packed).send().await.unwrap().status(), 204);
    running
}

/// Status and body of a call, whose parameters a POST has in its form.
async fn call(running: &Running, method: &Method, path: &str, parameters: &str) -> (u16, Value) {
    let request = if *method == Method::POST {
        let form = running.client.post(running.url(path)).header("content-type", "application/x-www-form-urlencoded");
        form.body(parameters.to_owned())
    } else {
        running.client.get(running.url(&format!("{path}?{parameters}")))
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grafana_calls_is_answered_in_prometheus_shape() {
    let end = now();
    let running = filled(end).await;
    let time = format!("{}.{:03}", end / 1000, end % 1000);
    let range = format!("start={}&end={time}", end / 1000 - 60);
    let both = [Method::GET, Method::POST];
    let get = [Method::GET];
    let table: &[(&[Method], &str, String, &str, Value)] = &[
        // The health check.
        (&both, "/api/v1/query", "query=1%2B1&time=4".to_owned(), "/result", json!([4, "2"])),
        (&both, "/api/v1/query", format!("query=sum(temperature)&time={time}"), "/result/0/value/1", json!("6.5")),
        (&both, "/api/v1/query", format!("query=histogram_count(sizes)&time={time}"), "/result/0/value/1", json!("3")),
        (
            &both,
            "/api/v1/query_range",
            format!("query=max(temperature)&step=60&{range}"),
            "/resultType",
            json!("matrix"),
        ),
        (&both, "/api/v1/query_exemplars", format!("query=temperature&{range}"), "", json!([])),
        (&both, "/api/v1/labels", range.clone(), "", json!(["__name__", "job", "room"])),
        (&both, "/api/v1/labels", "match[]=up".to_owned(), "", json!(["__name__", "job"])),
        (&both, "/api/v1/labels", "match[]=up&match[]=temperature&limit=2".to_owned(), "", json!(["__name__", "job"])),
        (&both, "/api/v1/series", "match[]=up".to_owned(), "", json!([{ "__name__": "up", "job": "a" }])),
        (&both, "/api/v1/series", "match[]=temperature&match[]=up&limit=1".to_owned(), "/0/room", json!("x")),
        (&get, "/api/v1/label/__name__/values", range.clone(), "", json!(["sizes", "temperature", "up"])),
        (&get, "/api/v1/label/__name__/values", "limit=1".to_owned(), "", json!(["sizes"])),
        (&get, "/api/v1/label/room/values", "match[]=temperature{job=\"b\"}".to_owned(), "", json!(["y"])),
        (&get, "/api/v1/label/nothing/values", String::new(), "", json!([])),
        (
            &get,
            "/api/v1/metadata",
            "metric=temperature".to_owned(),
            "",
            json!({ "temperature": [{ "type": "gauge", "help": "How warm.", "unit": "celsius" }] }),
        ),
        (&get, "/api/v1/metadata", "limit=0".to_owned(), "", json!({})),
        (&get, "/api/v1/metadata", "limit_per_metric=0".to_owned(), "", json!({ "temperature": [] })),
        (&both, "/api/v1/format_query", "query=sum( up )by(job)".to_owned(), "", json!("sum by (job) (up)")),
        (&both, "/api/v1/parse_query", "query=sum(up)".to_owned(), "/expr/name", json!("up")),
        (&get, "/api/v1/status/buildinfo", String::new(), "/version", json!("3.5.0")),
        (&get, "/api/v1/status/runtimeinfo", String::new(), "/corruptionCount", json!(0)),
        (&get, "/api/v1/status/flags", String::new(), "/query-timeout", json!("30")),
        (&get, "/api/v1/status/tsdb", "limit=1".to_owned(), "/headStats/numSeries", json!(4)),
        (
            &get,
            "/api/v1/status/tsdb",
            "limit=1".to_owned(),
            "/seriesCountByMetricName",
            json!([{ "name": "temperature", "value": 2 }]),
        ),
        (&get, "/api/v1/status/walreplay", String::new(), "/current", json!(0)),
        (&get, "/api/v1/notifications", String::new(), "", json!([])),
    ];
    for (methods, path, parameters, pointer, expected) in table {
        for method in *methods {
            let (status, answer) = call(&running, method, path, parameters).await;
            assert_eq!((status, &answer["status"]), (200, &json!("success")), "{method} {path}?{parameters}: {answer}");
            assert_eq!(answer["data"].pointer(pointer), Some(expected), "{method} {path}?{parameters}: {answer}");
        }
    }
    let (_, flags) = call(&running, &Method::GET, "/api/v1/status/flags", "").await;
    assert_eq!(flags["data"]["query-timeout"], "30", "{flags}");
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(running.client.get(running.url(path)).send().await.unwrap().status(), 200);
    }
    assert_eq!(running.client.post(running.url("/-/reload")).send().await.unwrap().status(), 403);
    assert_eq!(running.client.get(running.url("/-/reload")).send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_limit_cuts_off_is_warned_of_and_statistics_come_where_they_are_asked_for() {
    let end = now();
    let running = filled(end).await;
    for (path, parameters) in [
        ("/api/v1/query", format!("query=temperature&limit=1&stats=all&time={}", end / 1000 + 1)),
        (
            "/api/v1/query_range",
            format!("query=temperature&limit=1&stats=all&start={0}&end={0}&step=1", end / 1000 + 1),
        ),
    ] {
        let (_, answer) = call(&running, &Method::GET, path, &parameters).await;
        assert_eq!(answer["warnings"], json!(["results truncated due to limit"]), "{answer}");
        assert_eq!(answer["data"]["result"].as_array().unwrap().len(), 1);
        assert!(answer["data"]["stats"]["timings"]["execTotalTime"].as_f64().unwrap() >= 0.0, "{answer}");
    }
    let (_, answer) = call(&running, &Method::GET, "/api/v1/labels", "limit=1").await;
    assert_eq!(answer["warnings"], json!(["results truncated due to limit"]), "{answer}");
    let (_, answer) = call(&running, &Method::GET, "/api/v1/labels", "limit=3").await;
    assert!(answer.get("warnings").is_none(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_has_prometheus_error_type_and_status() {
    let running = filled(now()).await;
    for (path, parameters, status, kind, words) in [
        ("/api/v1/query", "query=sum(", 400, "bad_data", "invalid parameter \"query\""),
        ("/api/v1/query", "query=up&timeout=never", 400, "bad_data", "\"timeout\""),
        ("/api/v1/query", "query=up&limit=-1", 400, "bad_data", "\"limit\""),
        ("/api/v1/query_range", "query=up&start=1&end=2&step=0", 400, "bad_data", "Try a positive integer"),
        ("/api/v1/query_range", "query=up&start=0&end=99999&step=1", 400, "bad_data", "exceeded maximum resolution"),
        ("/api/v1/query", "query=temperature%2Bon()temperature", 422, "execution", "match"),
        ("/api/v1/series", "start=1", 400, "bad_data", "no match[] parameter provided"),
        ("/api/v1/series", "match[]={}", 400, "bad_data", "match[]"),
        ("/api/v1/labels", "match[]=up[5m]", 400, "bad_data", "match[]"),
        ("/api/v1/labels", "start=2&end=1", 400, "bad_data", "end timestamp must not be before start time"),
        ("/api/v1/metadata", "limit=many", 400, "bad_data", "\"limit\""),
        ("/api/v1/format_query", "query=sum(", 400, "bad_data", "invalid parameter"),
        ("/api/v1/status/tsdb", "limit=0", 400, "bad_data", "from 1 to"),
    ] {
        let (got, answer) = call(&running, &Method::GET, path, parameters).await;
        let shape = (got, &answer["status"], &answer["errorType"]);
        assert_eq!(shape, (status, &json!("error"), &json!(kind)), "{path}?{parameters}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{path}?{parameters}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_at_its_limits_of_time_and_samples() {
    let running = Running::with(|config| config.max_samples = 100).await;
    let (status, answer) =
        call(&running, &Method::GET, "/api/v1/query_range", "query=vector(1)&start=0&end=10000&step=1").await;
    assert_eq!((status, &answer["errorType"]), (422, &json!("execution")), "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("100"), "{answer}");
    let slow = "query=count_over_time(vector(1)[10000s:1ms])&timeout=1ms";
    let (status, answer) = call(&running, &Method::GET, "/api/v1/query", slow).await;
    assert!(status == 503 || status == 422, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_client_went_away_gives_its_place_to_the_next() {
    let running = Running::with(|config| {
        config.max_queries = 1;
        config.query_timeout = Duration::from_secs(600);
        config.max_samples = usize::MAX;
    })
    .await;
    // A million windows of a hundred thousand samples that have to be sorted.
    let endless = "/api/v1/query?query=count_over_time(quantile_over_time(0.5,vector(1)[100s:1ms])[1000s:1ms])";
    let gone = running.client.get(running.url(endless)).timeout(Duration::from_millis(500)).send().await;
    assert!(gone.is_err_and(|error| error.is_timeout()));
    let next = running.client.get(running.url("/api/v1/query?query=1")).timeout(Duration::from_secs(60)).send().await;
    assert_eq!(next.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn federation_gives_the_newest_sample_of_each_series_once() {
    let end = now();
    let running = filled(end).await;
    let get = async |parameters: &str| {
        let answer = running.client.get(running.url(&format!("/federate?{parameters}"))).send().await.unwrap();
        let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), content_type.unwrap_or_default(), answer.text().await.unwrap())
    };
    let (status, content_type, text) = get("match[]=temperature&match[]={job=\"a\"}").await;
    assert_eq!((status, content_type.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let expected = format!(
        "# TYPE temperature untyped\ntemperature{{job=\"a\",room=\"x\"}} 2.5 {end}\ntemperature{{job=\"b\",room=\"y\"}} 4 {end}\n\
         # TYPE up untyped\nup{{job=\"a\"}} 1 {end}\n"
    );
    assert_eq!(text, expected);
    assert_eq!(get("").await.0, 400);
    assert_eq!(get("match[]=sum(up)").await.0, 400);
}

async fn read(running: &Running, request: &ReadRequest) -> reqwest::Response {
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap();
    running.client.post(running.url("/api/v1/read")).body(body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_read_gives_samples_and_refuses_what_it_does_not_speak() {
    let end = now();
    let running = filled(end).await;
    let matcher = |kind, name: &str, value: &str| LabelMatcher { kind, name: name.into(), value: value.into() };
    let query = |matchers| Query { start_timestamp_ms: end - 60_000, end_timestamp_ms: end, matchers };
    let mut request = ReadRequest {
        queries: vec![
            query(vec![
                matcher(MatcherType::EQUAL, "__name__", "temperature"),
                matcher(MatcherType::NOT_EQUAL, "job", "b"),
            ]),
            query(vec![
                matcher(MatcherType::REGEX, "__name__", "siz.+|nothing"),
                matcher(MatcherType::NOT_REGEX, "job", "b.*"),
            ]),
        ],
        accepted_response_types: vec![ResponseType::STREAMED_XOR_CHUNKS, ResponseType::SAMPLES],
    };
    let answer = read(&running, &request).await;
    assert_eq!(answer.headers()["content-encoding"], "snappy");
    let plain = snap::raw::Decoder::new().decompress_vec(&answer.bytes().await.unwrap()).unwrap();
    let results = ReadResponse::decode(&plain).unwrap().results;
    let [temperatures, sizes] = results.as_slice() else { panic!("{results:?}") };
    let values: Vec<f64> = temperatures.timeseries[0].samples.iter().map(|sample| sample.value).collect();
    assert_eq!((temperatures.timeseries.len(), values), (1, vec![1.5, 2.5]));
    let histogram = &sizes.timeseries[0].histograms[0];
    assert_eq!((histogram.count_int, histogram.positive_deltas.as_slice()), (Some(3), [1, 1].as_slice()));

    request.accepted_response_types = vec![ResponseType::STREAMED_XOR_CHUNKS];
    let refused = read(&running, &request).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("supported: SAMPLES"));
    let broken = running.client.post(running.url("/api/v1/read")).body("no snappy").send().await.unwrap();
    assert_eq!((broken.status().as_u16(), broken.text().await.unwrap().contains("snappy")), (400, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_read_again_over_http_only_where_that_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, "global: {scrape_interval: 15s}\n").unwrap();
    let running = Running::with(|config| {
        config.prometheus_config = Some(file.clone());
        config.allow_reload = true;
    })
    .await;
    let reload = async || running.client.post(running.url("/-/reload")).send().await.unwrap();
    assert_eq!(reload().await.status(), 200);
    std::fs::write(&file, "global: {scrape_interval: soon}\n").unwrap();
    let failed = reload().await;
    let status = failed.status().as_u16();
    let text = failed.text().await.unwrap();
    assert!(status == 500 && text.contains("failed to reload config") && text.contains("prometheus.yml:1"), "{text}");
    assert_eq!(running.client.post(running.url("/-/quit")).send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_exist_is_answered_with_those_that_are_near() {
    let running = filled(now()).await;
    let (status, answer) = call(&running, &Method::GET, "/api/v1/query", "query=temprature").await;
    assert_eq!((status, &answer["data"]["result"]), (200, &json!([])), "{answer}");
    assert!(answer["infos"][0].as_str().unwrap().contains("temperature"), "{answer}");
}
