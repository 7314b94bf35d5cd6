//! Log records, over HTTP: what they have in common, what stands around one, and what comes as it arrives.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::{Value, json};

use support::{Running, TIME, attribute, log, logs};

/// Records of two services: numbers in the lines, a user each, a route.
async fn filled() -> Running {
    let running = Running::new().await;
    let record = |at: u64, body: String, severity: i32, route: &str| LogRecord {
        time_unix_nano: TIME + at * 1_000_000,
        severity_number: severity,
        attributes: vec![attribute("http.route", route), attribute("user", &format!("user-{at}"))],
        ..log(&body)
    };
    let shop = (0..30).map(|at| {
        let route = if at % 3 == 0 { "/pay" } else { "/cart" };
        record(at, format!("request {at} took {}.{at} ms", at * 7), 9, route)
    });
    let pay = (30..40).map(|at| record(at, format!("card 4711-{at} was refused"), 17, "/pay"));
    for (service, records) in [("shop", shop.collect::<Vec<_>>()), ("pay", pay.collect())] {
        assert_eq!(running.post_protobuf("logs", &logs(service, records)).await.status(), 200);
    }
    running
}

fn facet<'a>(answer: &'a Value, key: &str) -> &'a Value {
    let facets = answer["facets"].as_array().unwrap();
    facets.iter().find(|facet| facet["key"] == key).unwrap_or_else(|| panic!("no facet {key}: {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn facets_count_the_values_of_what_was_asked_for() {
    let running = filled().await;
    let all = running.get("/api/logs/facets").await;
    assert_eq!((&all["records"], &all["complete"]), (&json!(40), &json!(true)));
    let keys: Vec<&Value> = all["facets"].as_array().unwrap().iter().map(|facet| &facet["key"]).collect();
    assert_eq!(keys, ["severity", "service", "scope", "http.route", "user"], "what all differ in comes last");
    let service = json!([{"value": "shop", "count": 30}, {"value": "pay", "count": 10}]);
    assert_eq!(facet(&all, "service")["values"], service);
    assert_eq!(facet(&all, "severity")["values"][1], json!({"value": "ERROR", "count": 10}));
    let user = facet(&all, "user");
    assert_eq!((&user["distinct"], user["values"].as_array().unwrap().len()), (&json!(40), 10));

    for (query, records) in [
        ("filter=http.route=/pay", 20),
        ("filter=http.route=/pay&filter=service=shop", 10),
        ("filter=http.route=/pay&filter=http.route=/cart", 40),
        ("filter=http.route!=/pay", 20),
        ("filter=service!=shop&filter=severity=error", 10),
        ("filter=severity!=error&min_severity=info", 30),
        ("without=refused", 30),
        ("query=took&without=request+1+took", 29),
        ("pattern=card%20%3C_%3E%20was%20refused", 10),
        ("not_pattern=card%20%3C_%3E%20was%20refused&filter=http.route=/pay", 10),
        ("logql=%7Bservice_name=%22shop%22%7D%20%7C=%20%22request%22%20%7C%20http_route=%22/pay%22", 10),
        ("logql=%7Bservice_name=%22shop%22%7D&service=pay", 0),
        ("logql=%7Bnone=%22x%22%7D", 0),
    ] {
        let found = running.get(&format!("/api/logs/facets?{query}")).await;
        assert_eq!(found["records"], records, "{query}");
        let listed = running.get(&format!("/api/logs?{query}")).await;
        assert_eq!(listed["logs"].as_array().unwrap().len(), records, "{query}");
        let volume = running.get(&format!("/api/logs/volume?{query}&steps=1")).await;
        let counted =
            volume["levels"].as_object().unwrap().values().map(|counts| counts[0].as_u64().unwrap()).sum::<u64>();
        assert_eq!(counted, records as u64, "{query}");
    }
    let one = running.get("/api/logs/facets?key=user&key=service.name&values=2").await;
    assert_eq!(
        (one["facets"].as_array().unwrap().len(), facet(&one, "user")["values"].as_array().unwrap().len()),
        (2, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_are_lines_without_what_differs() {
    let running = filled().await;
    let end = TIME + 39_999_999;
    let found = running.get(&format!("/api/logs/patterns?start={TIME}&end={end}&steps=4")).await;
    let patterns = found["patterns"].as_array().unwrap();
    assert_eq!(patterns.len(), 2);
    assert_eq!(patterns[0]["pattern"], "request <_> took <_> ms");
    assert_eq!((&patterns[0]["count"], &patterns[0]["share"]), (&json!(30), &json!(0.75)));
    assert_eq!(patterns[0]["volume"], json!([10, 10, 10, 0]));
    assert_eq!(patterns[1]["pattern"], "card <_> was refused");
    assert_eq!(patterns[1]["levels"], json!({"ERROR": 10}));
    assert_eq!(patterns[1]["example"], "card 4711-39 was refused", "the newest one");
    let newest = running.get("/api/logs?limit=1").await;
    assert_eq!(patterns[1]["samples"][0], newest["logs"][0]["id"]);
    let one = running.get("/api/logs/patterns?limit=1&filter=http.route=/pay").await;
    assert_eq!((one["patterns"].as_array().unwrap().len(), &one["others"]), (1, &json!(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_of_very_many_records_looks_at_some_and_says_so() {
    let running = Running::new().await;
    for batch in 0..3u64 {
        let record = |at: u64| LogRecord { time_unix_nano: TIME + batch * 10_000 + at, ..log(&format!("line {at}")) };
        let records = logs("many", (0..4_000).map(record).collect());
        assert_eq!(running.post_protobuf("logs", &records).await.status(), 200);
    }
    for path in ["facets", "patterns"] {
        let all = running.get(&format!("/api/logs/{path}")).await;
        assert_eq!((&all["complete"], &all["records"]), (&json!(true), &json!(12_000)));
        let some = running.get(&format!("/api/logs/{path}?rows=5000")).await;
        assert_eq!((&some["complete"], &some["of"]), (&json!(false), &json!(12_000)));
        assert_eq!(some["records"], some["scanned"]);
        let scanned = some["scanned"].as_u64().unwrap();
        assert!((1..=8_192).contains(&scanned), "{scanned}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_around_a_record_is_the_same_each_time_also_of_one_time() {
    let running = Running::new().await;
    // Ten at one time, five before, five after, and another service's in between.
    let record = |time: u64, text: String| LogRecord { time_unix_nano: TIME + time, ..log(&text) };
    let same = (0..10).map(|at| record(100, format!("same {at}")));
    let others = (0..5).flat_map(|at| [record(at, format!("before {at}")), record(200 + at, format!("after {at}"))]);
    let other = logs("b", vec![record(100, "of b".to_owned())]);
    for request in [logs("a", same.chain(others).collect()), other] {
        assert_eq!(running.post_protobuf("logs", &request).await.status(), 200);
    }
    let all = running.get("/api/logs?query=same&limit=1").await;
    let id = all["logs"][0]["id"].as_str().unwrap().to_owned();
    let around = |id: String, more: &'static str| {
        let running = &running;
        async move { running.get(&format!("/api/logs/context?id={id}{more}")).await }
    };
    let whole = around(id, "&before=100&after=100").await;
    let order: Vec<String> =
        whole["logs"].as_array().unwrap().iter().map(|log| log["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(order.len(), 20);
    assert_eq!((&whole["has_older"], &whole["has_newer"]), (&json!(false), &json!(false)));
    assert_eq!((&whole["logs"][0]["body"], &whole["logs"][19]["body"]), (&json!("after 4"), &json!("before 0")));
    for (at, id) in order.iter().enumerate() {
        let few = around(id.clone(), "&before=2&after=3").await;
        let found: Vec<&str> = few["logs"].as_array().unwrap().iter().map(|log| log["id"].as_str().unwrap()).collect();
        let (first, last) = (at.saturating_sub(3), (at + 2).min(19));
        assert_eq!(found, order[first..=last], "around number {at}");
        assert_eq!(few["position"], at - first);
        assert_eq!((&few["has_newer"], &few["has_older"]), (&json!(first > 0), &json!(last < 19)));
    }
    let all = around(order[7].clone(), "&of=all&before=100&after=100").await;
    assert_eq!(all["logs"].as_array().unwrap().len(), 21);
    let oldest = running.get("/api/logs?direction=forward&limit=2").await;
    assert_eq!((&oldest["logs"][0]["body"], &oldest["logs"][1]["body"]), (&json!("before 0"), &json!("before 1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_said() {
    let running = filled().await;
    for (path, status, reason) in [
        ("/api/logs/facets?filter=x", 400, "KEY=VALUE"),
        ("/api/logs/facets?filter=severity=loud", 400, "TRACE, DEBUG"),
        ("/api/logs/facets?limit=501", 400, "from 1 to 500"),
        ("/api/logs/facets?rows=0", 400, "from 1 to"),
        ("/api/logs/facets?values=1001", 400, "from 1 to 1000"),
        ("/api/logs/patterns?steps=1001", 400, "from 1 to 1000"),
        ("/api/logs/patterns?logql=rate(%7Ba=%22b%22%7D[1m])", 400, "query of lines"),
        ("/api/logs?logql=%7Ba=", 400, "parse error at line 1"),
        ("/api/logs?direction=sideways", 400, "neither forward nor backward"),
        ("/api/logs/context", 400, "\"id\" is missing"),
        ("/api/logs/context?id=7", 400, "not an id"),
        ("/api/logs/context?id=7-00000000000000ff", 404, "no log record"),
        ("/api/logs/context?id=7-00000000000000ff&before=501", 400, "from 1 to 500"),
        ("/api/logs/context?id=7-00000000000000ff&of=me", 400, "stream, service, trace, all"),
        ("/api/logs/tail?filter=x", 400, "KEY=VALUE"),
        ("/api/logs/tail?start=soon", 400, "invalid parameter \"start\""),
    ] {
        let (found, body) = running.fail(path).await;
        assert_eq!(found, status, "{path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(reason), "{path}: {body}");
    }
    let many = "key=a&".repeat(51);
    assert_eq!(running.fail(&format!("/api/logs/facets?{many}")).await.0, 400);
}

/// A tail as a client sees it.
struct Tail {
    response: reqwest::Response,
    text: String,
}

impl Tail {
    async fn open(running: &Running, query: &str, last: Option<&str>) -> Self {
        let mut request = running.client.get(running.url(&format!("/api/logs/tail?{query}")));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event: its id and data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let Some(data) = field("data:") else { continue };
                assert_eq!(field("event:"), Some("logs"), "{event}");
                return (field("id:").unwrap().to_owned(), serde_json::from_str(data).unwrap());
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.expect("an event comes").unwrap().expect("the tail goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The bodies that come until there are so many, sorted, and the last event's id.
    async fn bodies(&mut self, count: usize) -> (String, Vec<String>) {
        let mut all = Vec::new();
        loop {
            let (id, data) = self.next().await;
            all.extend(data["logs"].as_array().unwrap().iter().map(|log| log["body"].as_str().unwrap().to_owned()));
            if all.len() >= count {
                all.sort();
                return (id, all);
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

async fn say(running: &Running, bodies: &[&str]) {
    let records = bodies.iter().map(|body| LogRecord { time_unix_nano: now(), ..log(body) }).collect();
    assert_eq!(running.post_protobuf("logs", &logs("a", records)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_brings_each_record_once_also_late_ones_and_over_a_broken_connection() {
    let running = Running::new().await;
    let query = "without=noise";
    let mut tail = Tail::open(&running, query, None).await;
    say(&running, &["one", "noise"]).await;
    let (first, bodies) = tail.bodies(1).await;
    assert_eq!(bodies, ["one"]);
    say(&running, &["two"]).await;
    let (second, bodies) = tail.bodies(1).await;
    assert_eq!(bodies, ["two"]);
    drop(tail);
    say(&running, &["three"]).await;
    // The second event was received, then it was not.
    let mut tail = Tail::open(&running, query, Some(&second)).await;
    assert_eq!(tail.bodies(1).await.1, ["three"]);
    let mut again = Tail::open(&running, query, Some(&first)).await;
    assert_eq!(again.bodies(2).await.1, ["three", "two"]);
    // One that the server does not know starts a while before; what is sent twice has the same id.
    let mut unknown = Tail::open(&running, query, Some(&format!("ffffffffffffffff-1-{}", now()))).await;
    assert_eq!(unknown.bodies(3).await.1, ["one", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tail_skips_is_counted() {
    let running = Running::new().await;
    let mut tail = Tail::open(&running, "", None).await;
    let time = now();
    let records = (0..1_500).map(|at| LogRecord { time_unix_nano: time + at, ..log("much") }).collect();
    assert_eq!(running.post_protobuf("logs", &logs("a", records)).await.status(), 200);
    let (mut sent, mut skipped) = (0, 0);
    while sent + skipped < 1_500 {
        let (_, data) = tail.next().await;
        sent += data["logs"].as_array().unwrap().len() as u64;
        skipped += data["skipped"].as_u64().unwrap();
        assert!(data["logs"].as_array().unwrap().len() <= 1_000);
    }
    assert_eq!((sent, skipped), (1_000, 500));
}
