//! Alerts through the API: what they did, what they would have done, who is told to be silent, and rules that are made in the page.

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Running;

/// Now, seconds since the Unix epoch.
fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Writes samples, by the seconds that they lie back.
async fn send(running: &Running, name: &str, labels: &[(&str, &str)], samples: &[(f64, f64)]) {
    let pairs: Vec<Value> =
        labels.iter().map(|(name, value)| json!({ "key": name, "value": { "stringValue": value } })).collect();
    let at = |back: f64| format!("{}", ((now() - back) * 1e9) as u64);
    let point =
        |(back, value): &(f64, f64)| json!({ "timeUnixNano": at(*back), "asDouble": value, "attributes": pairs });
    let points: Vec<Value> = samples.iter().map(point).collect();
    let metric = json!({ "name": name, "gauge": { "dataPoints": points } });
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [metric] }] }] });
    let answer = running.post("metrics", "application/json", "identity", body.to_string()).await;
    assert_eq!(answer.status(), 200);
}

/// Status and body of a request with JSON.
async fn ask(running: &Running, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = running.client.request(method, running.url(path));
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
}

/// Asks until the answer is as it should be.
async fn until(running: &Running, path: &str, good: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let answer = running.get(path).await;
        if good(&answer) {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "never: {path}: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_when_it_would_have_fired_and_how_often_it_would_have_told() {
    let running = Running::new().await;
    // High from 50 to 30 minutes ago and from 10 minutes ago on, each minute a sample.
    let value = |minute: i32| if (30..=50).contains(&minute) || minute <= 10 { 9.0 } else { 1.0 };
    let samples: Vec<_> = (0..=60).rev().map(|minute| (f64::from(minute) * 60.0, value(minute))).collect();
    send(&running, "depth", &[("queue", "a")], &samples).await;
    send(&running, "depth", &[("queue", "b")], &[(60.0, 1.0)]).await;
    let end = now();
    let (start, end) = ((end - 3600.0).to_string(), end.to_string());
    let of = |more: &[(&str, &str)]| {
        let base = [("expr", "depth > 5"), ("start", start.as_str()), ("end", end.as_str()), ("step", "60s")];
        query("/api/rules/preview", &[&base[..], more].concat())
    };
    let plain = running.get(&of(&[])).await;
    assert_eq!((&plain["fired"], &plain["notifications"]), (&json!(2), &json!(3)), "{plain}");
    let waits = running
        .get(&of(&[("for", "15m"), ("labels", r#"{"severity":"{{ $labels.queue }}!"}"#), ("name", "Deep")]))
        .await;
    assert_eq!((&waits["fired"], &waits["notifications"]), (&json!(1), &json!(2)), "{waits}");
    let alert = &waits["alerts"][0];
    assert_eq!(alert["labels"], json!({ "alertname": "Deep", "queue": "a", "severity": "a!" }));
    let states: Vec<&str> =
        alert["stretches"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["pending", "firing", "pending"]);
    let lasts = |stretch: &Value| stretch["end"].as_f64().unwrap() - stretch["start"].as_f64().unwrap();
    assert!((lasts(&alert["stretches"][0]) - 900.0).abs() < 1.0, "{alert}");
    assert_eq!((&alert["stretches"][1]["value"], &alert["stretches"][2]["end"]), (&json!("9"), &Value::Null));
    assert!(waits["yaml"].as_str().unwrap().contains("expr: 'depth > 5'\n        for: 15m"), "{waits}");
    let kept = running.get(&of(&[("keep_firing_for", "30m")])).await;
    assert_eq!((&kept["fired"], &kept["notifications"]), (&json!(1), &json!(1)), "{kept}");

    for (said, more) in [
        ("expr could not be parsed", &[("expr", "sum(")][..]),
        ("parameter \"expr\" is missing", &[("expr", "")]),
        ("for is \"soon\"", &[("expr", "up"), ("for", "soon")]),
        ("not a JSON object of texts", &[("expr", "up"), ("labels", "[1]")]),
        ("function \"nope\" not defined", &[("expr", "up"), ("labels", r#"{"a":"{{ nope }}"}"#)]),
        ("end must be after start", &[("expr", "up"), ("start", "9"), ("end", "5")]),
        ("it must be above 0", &[("expr", "up"), ("step", "0")]),
        ("exceeded maximum resolution", &[("expr", "up"), ("start", "0"), ("end", "100000"), ("step", "1")]),
        ("invalid expression type \"string\"", &[("expr", "\"text\"")]),
        ("same labelset", &[("expr", "depth"), ("step", "30s"), ("labels", r#"{"queue":"x"}"#)]),
    ] {
        let answer = running.client.get(running.url(&query("/api/rules/preview", more))).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        let error = serde_json::from_str::<Value>(&text).unwrap()["error"].as_str().unwrap_or_default().to_owned();
        assert!(status.is_client_error() && error.contains(said), "{said}: {status} {text}");
    }
    let form = [("expr", "depth > 5"), ("start", start.as_str()), ("end", end.as_str()), ("step", "60s")];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let posted = running.client.post(running.url("/api/rules/preview")).body(body);
    let posted = posted.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&posted.text().await.unwrap()).unwrap()["fired"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_rules_are_kept_evaluated_changed_and_taken_away() {
    let running = Running::new().await;
    let rule = json!({ "expr": "vector(7) > 5", "interval": "1s", "labels": { "team": "a" }, "annotations": { "summary": "{{ $value }}" } });
    let put = async |name: &str, body: &Value| {
        ask(&running, reqwest::Method::PUT, &format!("/api/rules/own/{name}"), Some(body.clone())).await
    };
    assert_eq!(put("Always%20on", &rule).await.0, 201);
    let first = until(&running, "/api/v1/alerts", |answer| answer["data"]["alerts"][0]["state"] == "firing").await;
    let alert = &first["data"]["alerts"][0];
    assert_eq!(alert["labels"], json!({ "alertname": "Always on", "team": "a" }));
    assert_eq!((&alert["annotations"]["summary"], &alert["value"]), (&json!("7"), &json!("7e+00")));
    let new = running.client.put(running.url("/api/rules/own/Always%20on")).header("if-none-match", "*");
    assert_eq!(new.body(rule.to_string()).send().await.unwrap().status(), 412);
    // Another rule leaves this one as it is.
    let since = alert["activeAt"].clone();
    assert_eq!(put("Never", &json!({ "expr": "vector(0) > 1", "for": "5m" })).await.0, 201);
    assert_eq!(put("Never", &json!({ "expr": "vector(0) > 2", "for": "5m" })).await.0, 200);
    let (_, own) = ask(&running, reqwest::Method::GET, "/api/rules/own/Never", None).await;
    assert_eq!((&own["expr"], &own["for"]), (&json!("vector(0) > 2"), &json!("5m")));
    assert_eq!(running.get("/api/v1/alerts").await["data"]["alerts"][0]["activeAt"], since);
    for (said, name, body) in [
        ("expr could not be parsed", "Bad", json!({ "expr": "sum(" })),
        ("unknown field", "Bad", json!({ "expr": "up", "record": "x" })),
        ("not a rule in JSON", "Bad", json!([])),
        ("needs a name", "%0A", json!({ "expr": "up" })),
    ] {
        let (status, answer) = put(name, &body).await;
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(said), "{said}: {status} {answer}");
    }
    // They are there after a restart, too.
    let dir = running.stop().await;
    let running = Running::in_dir(dir, |_| {}).await;
    let list = running.get("/api/rules/own").await;
    let names: Vec<&Value> = list["rules"].as_array().unwrap().iter().map(|rule| &rule["name"]).collect();
    assert_eq!(names, ["Always on", "Never"]);
    assert!(list["yaml"].as_str().unwrap().contains("expr: 'vector(7) > 5'"), "{list}");
    let delete =
        async |name: &str| ask(&running, reqwest::Method::DELETE, &format!("/api/rules/own/{name}"), None).await.0;
    assert_eq!((delete("Always%20on").await, delete("Always%20on").await), (200, 404));
    until(&running, "/api/v1/rules", |answer| answer["data"]["groups"].as_array().unwrap().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_has_what_alerts_did_with_values_and_traces() {
    let running = Running::new().await;
    send(&running, "depth", &[("queue", "a")], &[(1.0, 9.0)]).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let point = json!({
        "timeUnixNano": ((now() * 1e9) as u64).to_string(), "asDouble": 1.0,
        "exemplars": [{ "timeUnixNano": ((now() * 1e9) as u64).to_string(), "asDouble": 7.0, "traceId": trace, "spanId": "b7ad6b7169203331" }],
    });
    let metric =
        json!({ "name": "work", "sum": { "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point] } });
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [metric] }] }] });
    assert_eq!(running.post("metrics", "application/json", "identity", body.to_string()).await.status(), 200);
    let rule = json!({ "expr": "depth > 5 unless on() work_total > 1", "for": "2s", "interval": "1s", "labels": { "team": "a" } });
    assert_eq!(ask(&running, reqwest::Method::PUT, "/api/rules/own/Deep", Some(rule)).await.0, 201);
    let path = "/api/alerts/history?rule=Deep";
    let transitions = |answer: &Value| answer["transitions"].as_array().unwrap().len();
    let firing = until(&running, path, |answer| transitions(answer) >= 2).await;
    let [to_firing, to_pending] = [0, 1].map(|at| firing["transitions"][at].clone());
    assert_eq!(
        (&to_pending["from"], &to_pending["to"], &to_pending["value"]),
        (&json!("inactive"), &json!("pending"), &json!("9"))
    );
    assert_eq!(
        (&to_firing["from"], &to_firing["to"], &to_firing["value"]),
        (&json!("pending"), &json!("firing"), &json!("9"))
    );
    assert_eq!(to_firing["traces"], json!([trace]), "{firing}");
    assert_eq!(firing["alerts"][0]["labels"], json!({ "alertname": "Deep", "queue": "a", "team": "a" }));
    assert_eq!(firing["alerts"][0]["stretches"][1]["end"], Value::Null);
    send(&running, "depth", &[("queue", "a")], &[(0.0, 1.0)]).await;
    let over = until(&running, path, |answer| transitions(answer) >= 3).await;
    assert_eq!(
        (&over["transitions"][0]["from"], &over["transitions"][0]["to"]),
        (&json!("firing"), &json!("inactive"))
    );
    assert!(over["alerts"][0]["stretches"][1]["end"].is_number() && over["complete"] == true, "{over}");
    let one = running.get(&format!("{path}&limit=1")).await;
    assert!(transitions(&one) == 1 && one["complete"] == false, "{one}");
    assert_eq!(running.get("/api/alerts/history?rule=Other").await["alerts"], json!([]));
    let (status, answer) = ask(&running, reqwest::Method::GET, "/api/alerts/history?limit=0", None).await;
    assert!(status == 400 && answer["error"].as_str().unwrap().contains("limit"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_mark_the_alerts_that_they_fit() {
    let running = Running::new().await;
    let rule = json!({ "expr": "vector(1)", "interval": "1s", "labels": { "team": "a" } });
    assert_eq!(ask(&running, reqwest::Method::PUT, "/api/rules/own/On", Some(rule)).await.0, 201);
    until(&running, "/api/v2/alerts", |answer| answer[0]["status"]["state"] == "active").await;
    let silence = |matchers: Value| json!({ "matchers": matchers, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2999-01-01T00:00:00.000Z", "createdBy": "ada", "comment": "c" });
    let post = async |body: Value| ask(&running, reqwest::Method::POST, "/api/v2/silences", Some(body)).await;
    let (status, made) = post(silence(json!([{ "name": "team", "value": "a|b", "isRegex": true }]))).await;
    assert_eq!(status, 200, "{made}");
    let id = made["silenceID"].as_str().unwrap();
    let alert = running.get("/api/v2/alerts").await[0].clone();
    assert_eq!((&alert["status"]["state"], &alert["status"]["silencedBy"]), (&json!("suppressed"), &json!([id])));
    assert_eq!(running.get("/api/v1/alerts").await["data"]["alerts"][0]["silencedBy"], json!([id]));
    assert_eq!(running.get("/api/v2/alerts?silenced=false").await, json!([]));
    assert_eq!(running.get("/api/v2/alerts?active=false").await[0]["labels"]["team"], "a");
    assert_eq!(running.get(&query("/api/v2/alerts", &[("filter", "team=\"b\"")])).await, json!([]));
    assert_eq!(running.get("/api/v2/alerts?receiver=other").await, json!([]));
    assert_eq!(running.get("/api/v2/alerts/groups").await[0]["labels"], json!({ "alertname": "On" }));
    assert_eq!(running.get(&query("/api/v2/silences", &[("filter", "team=~\"a.*\"")])).await[0]["id"], id);
    assert_eq!(running.get(&query("/api/v2/silences", &[("filter", "team=\"c\"")])).await, json!([]));
    assert_eq!(running.get(&format!("/api/v2/silence/{id}")).await["status"]["state"], "active");
    let delete =
        async |id: &str| ask(&running, reqwest::Method::DELETE, &format!("/api/v2/silence/{id}"), None).await.0;
    assert_eq!((delete(id).await, delete(id).await, delete("none").await), (200, 200, 404));
    assert_eq!(running.get(&format!("/api/v2/silence/{id}")).await["status"]["state"], "expired");
    assert_eq!(running.get("/api/v2/alerts").await[0]["status"]["state"], "active");
    for (said, body) in [
        ("not a silence in JSON", json!({})),
        ("needs 1 to 32 matchers", silence(json!([]))),
        ("must not fit", silence(json!([{ "name": "a", "value": ".*", "isRegex": true }]))),
    ] {
        let (status, answer) = post(body).await;
        assert!(status == 400 && answer.as_str().unwrap().contains(said), "{said}: {status} {answer}");
    }
    let foreign = running.client.post(running.url("/api/v2/silences")).header("origin", "https://evil.example");
    assert_eq!(foreign.body("{}").send().await.unwrap().status(), 403);
    let huge = running.client.post(running.url("/api/v2/silences")).body(vec![b' '; 1 << 20]).send().await;
    assert!(huge.is_err() || huge.unwrap().status() == 400);
}
