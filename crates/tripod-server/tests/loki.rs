//! Loki's API, over HTTP: lines pushed and asked back in LogQL.

mod support;

use futures_util::StreamExt as _;
use prost::Message as _;
use serde_json::{Value, json};

use tokio_tungstenite::tungstenite::Message as Frame;

use support::{Running, TIME, attribute, resource, scope};

const SECOND: u64 = 1_000_000_000;

impl Running {
    async fn push(&self, body: Value) -> reqwest::Response {
        let request = self.client.post(self.url("/loki/api/v1/push")).header("content-type", "application/json");
        request.body(body.to_string()).send().await.unwrap()
    }

    fn asking(&self, path: &str, params: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        self.url(&format!("{path}?{query}"))
    }

    async fn ask(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let request = self.client.get(self.asking(path, params));
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{path} {params:?}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn refused(&self, query: &str) -> String {
        let request = self.client.get(self.asking("/loki/api/v1/query_range", &[("query", query)]));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400, "{query}");
        response.text().await.unwrap()
    }

    /// The lines of a query over all that the tests write.
    async fn lines(&self, query: &str, more: &[(&str, &str)]) -> Vec<String> {
        let (start, end) = ((TIME - 3600 * SECOND).to_string(), (TIME + 3600 * SECOND).to_string());
        let params = [&[("query", query), ("start", &start), ("end", &end)], more].concat();
        let answer = self.ask("/loki/api/v1/query_range", &params).await;
        let mut values: Vec<(String, String)> = Vec::new();
        for stream in answer["data"]["result"].as_array().unwrap() {
            for value in stream["values"].as_array().unwrap() {
                values.push((value[0].as_str().unwrap().to_owned(), value[1].as_str().unwrap().to_owned()));
            }
        }
        values.sort();
        values.into_iter().map(|(_, line)| line).collect()
    }

    /// `labels => value` of an instant metric query, sorted.
    async fn values(&self, query: &str, at: u64) -> Vec<String> {
        let answer = self.ask("/loki/api/v1/query", &[("query", query), ("time", &at.to_string())]).await;
        let result = &answer["data"]["result"];
        assert_eq!(answer["data"]["resultType"], "vector", "{query}: {answer}");
        let mut rows: Vec<String> = result
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} => {}", row["metric"], row["value"][1].as_str().unwrap()))
            .collect();
        rows.sort();
        rows
    }
}

/// Six lines of two streams, ten seconds apart.
async fn server() -> Running {
    let server = Running::new().await;
    let at = |i: u64| (TIME + i * 10 * SECOND).to_string();
    let trace = json!({ "trace_id": "5b8efff798038103d269b633813fc60c" });
    let response = server
        .push(json!({ "streams": [
            { "stream": { "app": "shop", "env": "prod" }, "values": [
                [at(0), "level=info msg=\"all well\" took=5ms status=200"],
                [at(1), "level=error msg=\"timeout of payment\" took=1.5s status=503", trace],
                [at(2), "level=info msg=\"all well\" took=7ms status=200"],
            ] },
            { "stream": { "app": "billing", "env": "dev" }, "values": [
                [at(3), r#"{"level":"warn","request":{"path":"/a"},"status":404}"#],
                [at(4), r#"{"level":"error","request":{"path":"/b"},"status":500}"#],
                [at(5), "no json"],
            ] },
        ] }))
        .await;
    assert_eq!(response.status(), 204);
    server
}

#[tokio::test]
async fn lines_are_selected_filtered_and_parsed() {
    let server = server().await;
    for (query, expected) in [
        (r#"{service_name="shop"}"#, 3),
        (r#"{app=~"shop|billing"}"#, 6),
        (r#"{app!="shop", env=~".+"}"#, 3),
        (r#"{env="prod"} |= "payment""#, 1),
        (r#"{env="prod"} != "payment" |~ "all\\s+well""#, 2),
        (r#"{app="shop"} | logfmt | status >= 500"#, 1),
        (r#"{app="shop"} | logfmt | took > 6ms | status = "200""#, 1),
        (r#"{app="billing"} | json | request_path = "/b""#, 1),
        (r#"{app="billing"} | json | __error__ = """#, 2),
        (r#"{app=~".+"} | detected_level = "error""#, 2),
        (r#"{app=~".+"} | trace_id = "5b8efff798038103d269b633813fc60c""#, 1),
        (r#"{nowhere="x"}"#, 0),
        (r#"{app="other"}"#, 0),
    ] {
        assert_eq!(server.lines(query, &[]).await.len(), expected, "{query}");
    }
    let formatted =
        server.lines(r#"{app="billing"} | json | status > 0 | line_format "{{.request_path}}!""#, &[]).await;
    assert_eq!(formatted, ["/a!", "/b!"]);
}

#[tokio::test]
async fn a_limit_takes_the_newest_or_the_oldest() {
    let server = server().await;
    let newest = server.lines(r#"{app=~".+"}"#, &[("limit", "1")]).await;
    assert_eq!(newest, ["no json"]);
    let oldest = server.lines(r#"{app=~".+"}"#, &[("limit", "2"), ("direction", "forward")]).await;
    assert!(oldest[0].contains("5ms") && oldest[1].contains("timeout"), "{oldest:?}");
}

#[tokio::test]
async fn labels_come_together_or_apart_by_where_they_come_from() {
    let server = server().await;
    let (start, query) = (TIME.to_string(), r#"{app="shop"} |= "timeout" | logfmt"#);
    let params = [("query", query), ("start", start.as_str()), ("end", "1795239999000000000")];
    let together = server.ask("/loki/api/v1/query_range", &params).await;
    let stream = &together["data"]["result"][0]["stream"];
    assert_eq!(
        (&stream["service_name"], &stream["status"], &stream["detected_level"]),
        (&json!("shop"), &json!("503"), &json!("error"))
    );
    let request = server.client.get(server.asking("/loki/api/v1/query_range", &params));
    let request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let apart: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(apart["data"]["encodingFlags"], json!(["categorize-labels"]));
    let stream = &apart["data"]["result"][0];
    assert_eq!(stream["stream"], json!({ "app": "shop", "env": "prod", "service_name": "shop" }));
    let extra = &stream["values"][0][2];
    assert_eq!(extra["structuredMetadata"]["trace_id"], "5b8efff798038103d269b633813fc60c");
    assert_eq!(extra["parsed"]["took"], "1.5s");
}

#[tokio::test]
async fn metrics_of_lines_are_calculated() {
    let server = server().await;
    let end = TIME + 50 * SECOND;
    for (query, expected) in [
        (
            r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#,
            vec![r#"{"app":"billing"} => 3"#, r#"{"app":"shop"} => 3"#],
        ),
        (
            r#"sum by (detected_level) (count_over_time({app=~".+"}[1m]))"#,
            vec![
                r#"{"detected_level":"error"} => 2"#,
                r#"{"detected_level":"info"} => 2"#,
                r#"{"detected_level":"unknown"} => 1"#,
                r#"{"detected_level":"warn"} => 1"#,
            ],
        ),
        (r#"sum(rate({app="shop"} |= "well" [1m])) * 60"#, vec!["{} => 2"]),
        (
            r#"sum(count_over_time({service_name="shop"}[1m])) / sum(count_over_time({app=~".+"}[1m]))"#,
            vec!["{} => 0.5"],
        ),
        (
            r#"max_over_time({app="shop"} | logfmt | unwrap duration(took) [1m]) by (app)"#,
            vec![r#"{"app":"shop"} => 1.5"#],
        ),
        (r#"topk(1, sum by (status) (count_over_time({app="shop"} | logfmt [1m])))"#, vec![r#"{"status":"200"} => 2"#]),
        (r#"sum(bytes_over_time({app="billing"} |= "no json" [1m]))"#, vec!["{} => 7"]),
        (r#"absent_over_time({app="none"}[1m])"#, vec![r#"{"app":"none"} => 1"#]),
        ("vector(1)+vector(1)", vec!["{} => 2"]),
    ] {
        assert_eq!(server.values(query, end).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_the_store_counts_is_what_reading_the_lines_counts() {
    let server = server().await;
    let (start, end) = (TIME.to_string(), (TIME + 60 * SECOND).to_string());
    for (step, range) in [("10s", "10s"), ("10s", "30s"), ("15s", "20s")] {
        let ask = async |stage: &str| {
            let query =
                format!(r#"sum by (detected_level) (count_over_time({{service_name="shop"}} {stage} [{range}]))"#);
            let params = [("query", query.as_str()), ("start", &start), ("end", &end), ("step", step)];
            server.ask("/loki/api/v1/query_range", &params).await["data"]["result"].clone()
        };
        // A filter that passes everything, but that the store does not know of.
        let (counted, read) = (ask("").await, ask(r#"!= "never""#).await);
        assert_eq!(counted, read, "{step} {range}");
        assert!(!counted.as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn labels_values_series_and_volumes_are_listed() {
    let server = server().await;
    let (start, end) = (TIME.to_string(), (TIME + 60 * SECOND).to_string());
    let window = [("start", start.as_str()), ("end", end.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&window[..], more].concat();
    let labels = server.ask("/loki/api/v1/labels", &window).await;
    assert_eq!(labels["data"], json!(["app", "env", "service_name"]));
    let values = server.ask("/loki/api/v1/label/app/values", &with(&[("query", r#"{env="dev"}"#)])).await;
    assert_eq!(values["data"], json!(["billing"]));
    let services = server.ask("/loki/api/v1/label/service_name/values", &window).await;
    assert_eq!(services["data"], json!(["billing", "shop"]));
    let series = server.ask("/loki/api/v1/series", &with(&[("match[]", r#"{env="prod"}"#)])).await;
    assert_eq!(series["data"], json!([{ "app": "shop", "env": "prod", "service_name": "shop" }]));
    let stats = server.ask("/loki/api/v1/index/stats", &with(&[("query", r#"{app="shop"}"#)])).await;
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(3)));
    let volume = server.ask("/loki/api/v1/index/volume", &with(&[("query", r#"{app=~".+"}"#)])).await;
    assert_eq!(volume["data"]["result"][0]["metric"], json!({ "app": "shop" }));
    let fields = server.ask("/loki/api/v1/detected_fields", &with(&[("query", r#"{app="billing"}"#)])).await;
    let names: Vec<&str> =
        fields["fields"].as_array().unwrap().iter().filter_map(|field| field["label"].as_str()).collect();
    assert_eq!(names, ["detected_level", "level", "request_path", "status"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said() {
    let server = server().await;
    for (query, reason) in [
        ("{app=\"shop\"", "expected \",\" or \"}\""),
        ("{}", "at least one regexp or equality matcher"),
        ("sum(up)", "\"up\" is no range aggregation"),
        (r#"sum({app="a"})"#, "put it into a range aggregation"),
        (r#"sum by (app) (count_over_time({app="billing"} | json [1m]))"#, "JSONParserErr"),
    ] {
        let window = [("query", query), ("start", "1795238900"), ("end", "1795239100")];
        let response = server.client.get(server.asking("/loki/api/v1/query_range", &window)).send().await.unwrap();
        assert_eq!(response.status(), 400, "{query}");
        let said = response.text().await.unwrap();
        assert!(said.contains(reason), "{query}: {said}");
    }
    assert!(server.refused(r#"{app="a"} | x ="#).await.contains("parse error at line 1, col"));
}

/// `logproto.PushRequest`, as a sender's own library writes it.
#[derive(Clone, PartialEq, prost::Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[tokio::test]
async fn protobuf_in_snappy_is_taken_as_promtail_sends_it() {
    let server = Running::new().await;
    let timestamp = Some(Timestamp { seconds: (TIME / SECOND) as i64, nanos: 7 });
    let entries = vec![Entry { timestamp, line: "by protobuf".to_owned() }];
    let request = PushRequest { streams: vec![Stream { labels: r#"{job="varlogs"}"#.to_owned(), entries }] };
    let packed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap();
    let send = |body: Vec<u8>| {
        let request = server.client.post(server.url("/loki/api/v1/push"));
        request.header("content-type", "application/x-protobuf").body(body).send()
    };
    assert_eq!(send(packed).await.unwrap().status(), 204);
    assert_eq!(server.lines(r#"{job="varlogs"}"#, &[]).await, ["by protobuf"]);
    let refused = send(b"not snappy".to_vec()).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("not valid snappy"));
}

#[tokio::test]
async fn records_that_came_by_otlp_are_lines_too() {
    let server = Running::new().await;
    let mut resource = resource("checkout");
    resource.attributes.push(attribute("k8s.pod.name", "pod-1"));
    let record = opentelemetry_proto::tonic::logs::v1::LogRecord {
        time_unix_nano: TIME,
        severity_number: 17,
        body: attribute("", "it failed").value,
        attributes: vec![attribute("http.route", "/pay")],
        ..Default::default()
    };
    let request = opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest {
        resource_logs: vec![opentelemetry_proto::tonic::logs::v1::ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![opentelemetry_proto::tonic::logs::v1::ScopeLogs {
                scope: Some(scope()),
                log_records: vec![record],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    assert_eq!(server.post_protobuf("logs", &request).await.status(), 200);
    for query in [
        r#"{service_name="checkout"}"#,
        r#"{k8s_pod_name="pod-1"} | http_route="/pay""#,
        r#"{service_name="checkout"} | detected_level="error" |= "failed""#,
    ] {
        assert_eq!(server.lines(query, &[]).await, ["it failed"], "{query}");
    }
    assert!(server.lines(r#"{service_name="checkout"} | http_route="/other""#, &[]).await.is_empty());
}

/// The lines of the next message that has some.
async fn next_lines<S>(socket: &mut S) -> Vec<String>
where
    S: futures_util::Stream<Item = Result<Frame, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    let text = loop {
        if let Frame::Text(text) = socket.next().await.expect("the tail goes on").unwrap() {
            break text;
        }
    };
    let message: Value = serde_json::from_str(&text).unwrap();
    let lines = message["streams"].as_array().unwrap().iter().flat_map(|stream| stream["values"].as_array().unwrap());
    lines.map(|value| value[1].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_tail_brings_lines_as_they_arrive_and_each_once() {
    let server = Running::new().await;
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos().to_string();
    let push = async |text: &str| {
        let line = json!({ "streams": [{ "stream": { "app": "live" }, "values": [[now(), text]] }] });
        assert_eq!(server.push(line).await.status(), 204);
    };
    push("before").await;
    let url =
        server.asking("/loki/api/v1/tail", &[("query", r#"{app="live"} != "unwanted""#)]).replacen("http", "ws", 1);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    assert_eq!(next_lines(&mut socket).await, ["before"]);
    push("unwanted").await;
    push("after").await;
    assert_eq!(next_lines(&mut socket).await, ["after"]);
    // The server's end is the tail's.
    let stopped = tokio::spawn(async move { server.stop().await });
    while let Some(Ok(frame)) = socket.next().await {
        assert!(!frame.is_text(), "nothing comes twice: {frame}");
    }
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_tail_of_what_is_no_selector_is_refused() {
    let server = Running::new().await;
    let url = server.asking("/loki/api/v1/tail", &[("query", r#"rate({app="x"}[1m])"#)]);
    let response = server.client.get(&url).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("only lines can be tailed"));
}
