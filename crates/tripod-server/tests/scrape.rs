//! Scraping over HTTP: targets that vanish, hang, send garbage or too much, redirects, discovery, what the APIs say.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use support::Running;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A program with pages of metrics.
struct Target {
    address: String,
    task: JoinHandle<()>,
}

impl Target {
    async fn serve(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, task }
    }

    /// One that answers every request so.
    async fn answering<R: IntoResponse>(answer: impl Fn(Request) -> R + Clone + Send + Sync + 'static) -> Self {
        Self::serve(Router::new().fallback(move |request: Request| {
            let response = answer(request).into_response();
            async move { response }
        }))
        .await
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn page(text: impl Into<String>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.into()).into_response()
}

/// A server with these jobs, each scraped five times a second.
async fn scraping(jobs: &str) -> Running {
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), jobs);
    let file = dir.path().join("prometheus.yml");
    Running::in_dir(dir, |config| config.prometheus_config = Some(file)).await
}

fn write_config(dir: &Path, jobs: &str) {
    let text = format!("global: {{scrape_interval: 200ms, scrape_timeout: 150ms}}\nscrape_configs:\n{jobs}");
    std::fs::write(dir.join("prometheus.yml"), text).unwrap();
}

fn job(name: &str, address: &str, settings: &str) -> String {
    format!("- job_name: {name}\n  static_configs: [{{targets: ['{address}']}}]\n{settings}")
}

impl Running {
    /// The value of a query of one series; none where there is none.
    async fn value(&self, query: &str) -> Option<f64> {
        let answer = self.get(&format!("/api/v1/query?query={}", encode(query))).await;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    async fn until(&self, query: &str, wanted: impl Fn(Option<f64>) -> bool) -> Option<f64> {
        for _ in 0..600 {
            let value = self.value(query).await;
            if wanted(value) {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never: {query}, last {:?}", self.value(query).await);
    }

    async fn target(&self, job: &str) -> Value {
        let answer = self.get(&format!("/api/v1/targets?scrapePool={job}")).await;
        answer["data"]["activeTargets"][0].clone()
    }
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_scraped_shown_and_its_series_end_with_it() {
    let text = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{kind=\"a\"} 7\n";
    let target = Target::answering(move |_| page(text)).await;
    let server = scraping(&job("app", &target.address, "")).await;
    server.until("jobs_total{job=\"app\",kind=\"a\"}", |value| value == Some(7.0)).await;
    assert_eq!(server.until("up{job=\"app\"}", |value| value.is_some()).await, Some(1.0));
    assert_eq!(server.value("scrape_samples_scraped{job=\"app\"}").await, Some(1.0));
    assert_eq!(server.value("scrape_samples_post_metric_relabeling").await, Some(1.0));

    let shown = server.target("app").await;
    assert_eq!((&shown["health"], &shown["lastError"]), (&Value::from("up"), &Value::from("")));
    assert_eq!(shown["labels"]["instance"], target.address.as_str());
    assert_eq!(shown["discoveredLabels"]["__metrics_path__"], "/metrics");
    assert_eq!(shown["scrapeUrl"], format!("http://{}/metrics", target.address));
    assert_eq!(shown["scrapeInterval"], "200ms");
    let about = server.get("/api/v1/targets/metadata?metric=jobs_total").await;
    assert_eq!(
        (&about["data"][0]["type"], &about["data"][0]["help"]),
        (&Value::from("counter"), &Value::from("Jobs."))
    );
    assert_eq!(server.get("/api/v1/metadata?metric=jobs_total").await["data"]["jobs_total"][0]["type"], "counter");
    assert_eq!(server.get("/api/v1/scrape_pools").await["data"]["scrapePools"][0], "app");
    let yaml = server.get("/api/v1/status/config").await["data"]["yaml"].as_str().unwrap().to_owned();
    assert!(yaml.contains("job_name: app"), "{yaml}");

    drop(target);
    server.until("up{job=\"app\"}", |value| value == Some(0.0)).await;
    assert_eq!(server.value("jobs_total").await, None, "its series have ended");
    assert!(server.target("app").await["lastError"].as_str().unwrap().contains("onnect"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_must_not_do_makes_it_down_and_says_why() {
    let hanging = Target::serve(Router::new().fallback(get(async || {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        page("a 1\n")
    })))
    .await;
    let garbage = Target::answering(|_| page("<html>\n")).await;
    let bytes =
        Target::answering(|_| ([(header::CONTENT_TYPE, "text/plain")], vec![0xff_u8, 0xfe]).into_response()).await;
    let html = Target::answering(|_| ([(header::CONTENT_TYPE, "text/html")], "a 1\n").into_response()).await;
    let large = Target::answering(|_| page("a 1\n".repeat(1000))).await;
    let bomb = Target::answering(|_| {
        let packed = support::gzip(&vec![b'\n'; 1 << 20]);
        ([(header::CONTENT_TYPE, "text/plain"), (header::CONTENT_ENCODING, "gzip")], packed).into_response()
    })
    .await;
    let broken = Target::answering(|_| (StatusCode::INTERNAL_SERVER_ERROR, "no").into_response()).await;
    let cut = Target::answering(|_| {
        let kind = "application/openmetrics-text; version=1.0.0";
        ([(header::CONTENT_TYPE, kind)], "a 1\n").into_response()
    })
    .await;
    let good = Target::answering(|_| page("a 1\nb 2\n")).await;
    let jobs = [
        ("hanging", &hanging, "", "no whole answer within the timeout of 150ms"),
        ("garbage", &garbage, "", "line 1: a line must begin with the name of a metric"),
        ("bytes", &bytes, "", "line 1: the text is not UTF-8"),
        ("html", &html, "", "\"text/html\" is no format of metrics"),
        ("large", &large, "  body_size_limit: 1KB\n", "body size limit exceeded"),
        ("bomb", &bomb, "  body_size_limit: 10KB\n", "body size limit exceeded"),
        ("broken", &broken, "", "HTTP status 500"),
        ("cut", &cut, "", "does not end with # EOF"),
        ("samples", &good, "  sample_limit: 1\n", "sample limit exceeded"),
        ("labels", &good, "  label_limit: 2\n", "label_limit exceeded"),
        (
            "targets",
            &good,
            "  target_limit: 1\n  static_configs: [{targets: ['a:1', 'b:2']}]\n",
            "target_limit exceeded",
        ),
    ];
    let configs: String = jobs
        .iter()
        .map(|(name, target, settings, _)| {
            if settings.contains("static_configs") {
                format!("- job_name: {name}\n{settings}")
            } else {
                job(name, &target.address, settings)
            }
        })
        .collect();
    let server = scraping(&configs).await;
    for (name, _, _, said) in jobs {
        server.until(&format!("max(up{{job=\"{name}\"}})"), |value| value == Some(0.0)).await;
        let error = server.target(name).await["lastError"].as_str().unwrap().to_owned();
        assert!(error.contains(said), "{name}: {error:?} does not say {said:?}");
    }
    assert_eq!(server.value("count(a)").await, None, "nothing of them was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_the_target_and_never_where_it_leads() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let other = Target::answering(move |request| {
        count.fetch_add(usize::from(request.headers().contains_key(header::AUTHORIZATION)), Ordering::SeqCst);
        page("elsewhere 1\n")
    })
    .await;
    let lead = format!("http://{}/metrics", other.address);
    let target = Target::answering(move |request| {
        let is = |headers: &HeaderMap, value: &str| headers.get(header::AUTHORIZATION).is_some_and(|own| own == value);
        match request.uri().path() {
            "/basic" if is(request.headers(), "Basic YWRhOng=") => page("basic 1\n"),
            "/bearer" if is(request.headers(), "Bearer s3cret") => page("bearer 1\n"),
            "/lead" => (StatusCode::FOUND, [(header::LOCATION, lead.clone())]).into_response(),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    })
    .await;
    let address = &target.address;
    let jobs = [
        job("basic", address, "  metrics_path: /basic\n  basic_auth: {username: ada, password: x}\n"),
        job("bearer", address, "  metrics_path: /bearer\n  authorization: {credentials_file: token}\n"),
        job("lead", address, "  metrics_path: /lead\n  authorization: {credentials_file: token}\n"),
        job("stay", address, "  metrics_path: /lead\n  follow_redirects: false\n"),
    ];
    let dir = tempfile::tempdir().unwrap();
    write_config(dir.path(), &jobs.concat());
    std::fs::write(dir.path().join("token"), "s3cret\n").unwrap();
    let file = dir.path().join("prometheus.yml");
    let server = Running::in_dir(dir, |config| config.prometheus_config = Some(file)).await;
    server.until("basic", |value| value == Some(1.0)).await;
    server.until("bearer", |value| value == Some(1.0)).await;
    server.until("elsewhere{job=\"lead\"}", |value| value == Some(1.0)).await;
    server.until("up{job=\"stay\"}", |value| value == Some(0.0)).await;
    assert_eq!(seen.load(Ordering::SeqCst), 0, "credentials went to another server");
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_found_in_files_and_at_servers_and_a_new_configuration_takes_over() {
    let target = Target::answering(|request| page(format!("path{{p=\"{}\"}} 1\n", request.uri()))).await;
    let address = target.address.clone();
    let groups = format!(r#"[{{"targets": ["{address}"], "labels": {{"from": "http"}}}}]"#);
    let finder = Target::answering(move |_| ([(header::CONTENT_TYPE, "application/json")], groups.clone())).await;
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    std::fs::write(file("t.yml"), format!("- targets: ['{address}']\n  labels: {{from: file, __param_x: y}}\n"))
        .unwrap();
    let jobs = format!(
        "- job_name: file\n  file_sd_configs: [{{files: ['*t.yml'], refresh_interval: 100ms}}]\n- job_name: http\n  http_sd_configs: [{{url: 'http://{}/t'}}]\n",
        finder.address
    );
    write_config(dir.path(), &jobs);
    let (config_file, targets_file) = (file("prometheus.yml"), file("t.yml"));
    let server = Running::in_dir(dir, |config| config.prometheus_config = Some(config_file)).await;
    server.until("path{from=\"file\",p=\"/metrics?x=y\"}", |value| value == Some(1.0)).await;
    server.until("path{from=\"http\",job=\"http\",p=\"/metrics\"}", |value| value == Some(1.0)).await;

    std::fs::write(&targets_file, "[]\n# none any more\n").unwrap();
    server.until("path{from=\"file\"}", |value| value.is_none()).await;
    assert_eq!(server.value("up{job=\"file\"}").await, None, "a target that is gone is not down");

    write_config(server.dir.path(), &job("new", &address, ""));
    server.server.reload().unwrap();
    server.until("path{job=\"new\"}", |value| value == Some(1.0)).await;
    server.until("path{job=\"http\"}", |value| value.is_none()).await;
    std::fs::write(server.dir.path().join("prometheus.yml"), "scrape_configs: {}\n").unwrap();
    assert!(
        server.server.reload().unwrap_err().to_string().contains("prometheus.yml:1: scrape_configs must be a list")
    );
    server.stop().await;
}
