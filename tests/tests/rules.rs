//! Rules beside Prometheus' own tools: promtool checks and tests the same files, a real Alertmanager gets the alerts, webhooks do too,
//! and a restart takes alerts up where they were.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tripod_tests::book::yaml;
use tripod_tests::http::Client;
use tripod_tests::programs::{Running, folder_of, free_address, wait_for};
use tripod_tests::requests::now;
use tripod_tests::{Tripod, root, server, setup};

fn tripod(what: &str, file: &Path) -> Output {
    Command::new(server::binary()).args([what, "rules"]).arg(file).output().expect("it runs")
}

/// Every promtool that can be had: of Prometheus 2 and 3.
fn promtools() -> Vec<std::path::PathBuf> {
    ["prometheus", "promtool-newest"].into_iter().filter_map(folder_of).map(|bin| bin.join("promtool")).collect()
}

fn promtool(program: &Path, what: &str, file: &Path) -> Output {
    Command::new(program).args([what, "rules"]).arg(file).output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Rule files by what is to be thought of them.
const RULES: [(bool, &str); 22] = [
    (true, "{record: a, expr: up}"),
    (true, "{record: 'a:b', expr: 'sum(rate(x[5m]))', labels: {c: d, e: 5}}"),
    (true, "{alert: A, expr: up == 0, for: 5m, keep_firing_for: 1m, labels: {a: '{{ $labels.x }}'}}"),
    (
        true,
        "{alert: A, expr: 'vector(1)', annotations: {s: '{{ range query \"up\" }}{{ . | value | humanize }}{{ end }}'}}",
    ),
    (true, "{alert: A, expr: up, for: 1h30m}"),
    (true, "{alert: A, expr: '\"text\"'}"),
    (false, "{record: a, expr: 'sum('}"),
    (false, "{record: a, expr: 'rate(up)'}"),
    (false, "{record: a}"),
    (false, "{expr: up}"),
    (false, "{record: a, alert: b, expr: up}"),
    (false, "{record: a, expr: up, for: 5m}"),
    (false, "{record: a, expr: up, keep_firing_for: 5m}"),
    (false, "{record: a, expr: up, annotations: {a: b}}"),
    (false, "{record: a, expr: up, labels: {__name__: b}}"),
    (false, "{alert: A, expr: up, unknown: b}"),
    (false, "{alert: A, expr: up, for: soon}"),
    (false, "{alert: A, expr: up, annotations: {a: '{{ nope }}'}}"),
    (false, "{alert: A, expr: up, annotations: {a: '{{ if }}'}}"),
    (false, "{alert: A, expr: up, labels: {a: '{{ $x }}'}}"),
    (false, "{alert: A, expr: up, labels: {a: [b]}}"),
    (false, "{record: 'a{b=\"c\"}', expr: up}"),
];

#[test]
fn promtool_and_tripod_think_the_same_of_rule_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("rules.yml");
    let programs = promtools();
    for (good, rule) in RULES {
        std::fs::write(&file, format!("groups:\n- name: g\n  rules:\n  - {rule}\n")).expect("room on disk");
        let ours = tripod("check", &file);
        assert_eq!(ours.status.code(), Some(i32::from(!good)), "{rule}: {}", said(&ours));
        assert!(good || said(&ours).contains("rules.yml:4: group \"g\", rule 1"), "{}", said(&ours));
        for program in &programs {
            let theirs = promtool(program, "check", &file);
            assert_eq!(theirs.status.success(), good, "{rule}: {}", said(&theirs));
        }
    }
    let twice = "groups:\n- name: g\n  rules:\n  - {record: a, expr: up}\n  - {record: a, expr: down}\n";
    std::fs::write(&file, twice).expect("room on disk");
    let ours = tripod("check", &file);
    assert!(ours.status.success() && said(&ours).contains("1 duplicate rule(s) found"), "{}", said(&ours));
    for program in &programs {
        assert!(said(&promtool(program, "check", &file)).contains("1 duplicate rule(s) found"));
    }
}

/// The rule files that are shipped, each with its unit tests.
fn shipped() -> Vec<(PathBuf, PathBuf)> {
    let folder = root().join("deploy/rules");
    let files = std::fs::read_dir(&folder).expect("the folder").map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yml"));
    let mut files: Vec<_> =
        files.map(|path| (path.clone(), folder.join("tests").join(path.file_name().expect("a name")))).collect();
    files.sort();
    files
}

/// What of a rule file has no unit test: alerts that none has firing, alerts that none has silent, recorded series that none asks for.
fn untested(rules: &Value, tests: &Value) -> Vec<String> {
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let tests = list(tests, "tests");
    let of_alerts: Vec<Value> = tests.iter().flat_map(|test| list(test, "alert_rule_test")).collect();
    let of_series: Vec<Value> = tests.iter().flat_map(|test| list(test, "promql_expr_test")).collect();
    let mut missing = Vec::new();
    for rule in list(rules, "groups").iter().flat_map(|group| list(group, "rules")) {
        if let Some(series) = rule["record"].as_str() {
            let asks = |test: &Value| test["expr"].as_str().is_some_and(|expr| expr.contains(series));
            if !of_series.iter().any(|test| asks(test) && !list(test, "exp_samples").is_empty()) {
                missing.push(format!("nothing asks for {series}"));
            }
            continue;
        }
        let name = rule["alert"].as_str().expect("an alert or a series");
        let its = |test: &&Value| test["alertname"] == name;
        let fires: Vec<bool> = of_alerts.iter().filter(its).map(|test| !list(test, "exp_alerts").is_empty()).collect();
        for (firing, words) in [(true, "fires in no test"), (false, "is silent in no test")] {
            if !fires.contains(&firing) {
                missing.push(format!("{name} {words}"));
            }
        }
    }
    missing
}

#[test]
fn every_shipped_rule_has_a_test_that_fires_it_and_one_that_does_not() {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        yaml::parse(&text).expect("YAML")
    };
    let mut alerts = 0;
    for (rules, tests) in shipped() {
        let (rules, unit_tests) = (read(&rules), read(&tests));
        assert_eq!(untested(&rules, &unit_tests), [""; 0], "{}", tests.display());
        alerts += rules.to_string().matches("\"alert\":").count();
        // A test that is taken away is missed.
        let mut less = unit_tests.clone();
        let first = less["tests"][0]["alert_rule_test"].as_array_mut().expect("tests of an alert");
        first.retain(|test| test["exp_alerts"].as_array().is_none_or(Vec::is_empty));
        assert!(untested(&rules, &less)[0].contains("fires in no test"), "{}", tests.display());
    }
    assert!(alerts >= 15, "{alerts} alerts: three on adapters, ten on pipelines, two on services");
    println!("{alerts} alerts, each with a test that fires it and one that does not");
}

#[test]
fn shipped_rules_fire_when_they_have_to_and_not_before() {
    let programs = promtools();
    for (rules, tests) in shipped() {
        let name = rules.display();
        for (what, file) in [("check", &rules), ("test", &tests)] {
            let ours = tripod(what, file);
            assert!(ours.status.success(), "{name}: {}", said(&ours));
            for program in &programs {
                let theirs = promtool(program, what, file);
                assert!(theirs.status.success(), "{name}: {}", said(&theirs));
                assert!(!said(&theirs).contains("duplicate"), "{name}: {}", said(&theirs));
            }
        }
    }
}

/// Tests of one group of rules: an alert that waits, is kept firing, and has templates, and a recording rule.
const TESTED: &str = r#"
groups:
- name: g
  interval: 1m
  rules:
  - {record: 'job:x:sum', expr: 'sum by (job) (x)'}
  - alert: High
    expr: job:x:sum > 5
    for: 2m
    keep_firing_for: 2m
    labels: {severity: '{{ if gt $value 10.0 }}page{{ else }}mail{{ end }}'}
    annotations:
      s: '{{ $labels.job }} {{ $value }} {{ $externalLabels.region }} {{ humanize 12345.0 }}'
      f: '{{ query "nothing" | first | value }}'
      q: '{{ with query "job:x:sum" }}{{ . | first | label "job" }}{{ end }}'
"#;

const HIGH: &str = "exp_labels: {job: a, severity: mail}, exp_annotations: {s: 'a 7 eu 12.35k', q: a, f: '<error expanding template: error executing template __alert_High: template: __alert_High:1:133: executing \"__alert_High\" at <first>: error calling first: first() called on vector with no elements>'}";

#[test]
fn promtool_and_tripod_come_to_the_same_in_unit_tests() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("rules.yml"), TESTED).expect("room on disk");
    let file = dir.path().join("tests.yml");
    // Native histograms came to unit tests with a later version than Debian's oldest.
    let programs: Vec<_> = folder_of("promtool-newest").into_iter().map(|bin| bin.join("promtool")).collect();
    let none = |time: &str| format!("alert_rule_test: [{{eval_time: {time}, alertname: High}}]");
    let one =
        |time: &str| format!("alert_rule_test: [{{eval_time: {time}, alertname: High, exp_alerts: [{{{HIGH}}}]}}]");
    let query = |expr: &str, time: &str, samples: &str| {
        format!("promql_expr_test: [{{expr: '{expr}', eval_time: {time}, exp_samples: [{samples}]}}]")
    };
    for (good, test) in [
        (true, none("2m")),
        (false, none("3m")),
        (false, one("2m")),
        (true, one("3m")),
        (true, one("3m59s")),
        (true, one("7m")),
        (true, none("8m")),
        (true, query("job:x:sum", "1m", "{labels: 'job:x:sum{job=\"a\"}', value: 7}")),
        (false, query("job:x:sum", "1m", "{labels: 'job:x:sum{job=\"a\"}', value: 8}")),
        (true, query("x > 100", "1m", "")),
        (false, query("x", "1m", "")),
        (
            true,
            query(
                "ALERTS",
                "2m",
                "{labels: 'ALERTS{alertname=\"High\",alertstate=\"pending\",job=\"a\",severity=\"mail\"}', value: 1}",
            ),
        ),
        (
            true,
            query(
                "ALERTS_FOR_STATE",
                "4m",
                "{labels: 'ALERTS_FOR_STATE{alertname=\"High\",job=\"a\",severity=\"mail\"}', value: 60}",
            ),
        ),
        (true, query("h", "0m", "{labels: 'h', histogram: '{{schema:0 sum:1 count:1 buckets:[1]}}'}")),
        (false, query("h", "0m", "{labels: 'h', histogram: '{{schema:0 sum:3 count:3 buckets:[3]}}'}")),
        (false, query("h", "0m", "{labels: 'h', histogram: '{{sum:1 count:1 buckets:[1] counter_reset_hint:gauge}}'}")),
        (
            true,
            query("h", "1m", "{labels: 'h', histogram: '{{sum:3 count:2 buckets:[2] counter_reset_hint:not_reset}}'}"),
        ),
        (false, query("h", "1m", "{labels: 'h', histogram: '{{sum:3 count:2 buckets:[2]}}'}")),
        (
            true,
            query(
                "rate(h[2m])",
                "2m",
                "{labels: '{}', histogram: '{{sum:0.03333333333333333 count:0.016666666666666666 buckets:[0.016666666666666666] counter_reset_hint:gauge}}'}",
            ),
        ),
        (true, query("g", "1m", "{labels: 'g', histogram: '{{count:1 buckets:[1] counter_reset_hint:gauge}}'}")),
        (true, query("g", "2m", "{labels: 'g', histogram: '{{count:5 buckets:[5]}}'}")),
        (false, query("g", "3m", "{labels: 'g', histogram: '{{count:1 buckets:[1] counter_reset_hint:reset}}'}")),
        (true, query("g", "3m", "{labels: 'g', histogram: '{{count:1 buckets:[1]}}'}")),
        (true, query("g", "4m", "{labels: 'g', histogram: '{{count:1 buckets:[1] counter_reset_hint:not_reset}}'}")),
        (true, query("s", "2m", "")),
        (true, query("s", "1m", "{labels: s, value: -1.5}")),
        (false, query("sum(", "1m", "")),
        (false, "alert_rule_test: [{eval_time: 1m}]".to_owned()),
        (false, "unknown: 1".to_owned()),
    ] {
        let series = "[{series: 'x{job=\"a\"}', values: '1 7x4 1x9'}, {series: s, values: '0-1.5x1 stale'}, {series: h, values: '{{schema:0 sum:1 count:1 buckets:[1]}}+{{schema:0 sum:2 count:1 buckets:[1]}}x5'}, {series: g, values: '{{count:1 buckets:[1] counter_reset_hint:gauge}}x1 {{count:5 buckets:[5]}} {{count:1 buckets:[1]}}x2'}]";
        let text = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  external_labels: {{region: eu}}\n  external_url: http://p\n  input_series: {series}\n  {test}\n"
        );
        std::fs::write(&file, text).expect("room on disk");
        let ours = tripod("test", &file);
        assert_eq!(ours.status.code(), Some(i32::from(!good)), "{test}: {}", said(&ours));
        for program in &programs {
            let theirs = promtool(program, "test", &file);
            assert_eq!(theirs.status.success(), good, "{test}: {}", said(&theirs));
        }
    }
    let failing = tripod("test", &dir.path().join("missing.yml"));
    assert!(said(&failing).contains("can't be read"), "{}", said(&failing));
}

/// A server with these rules, evaluated each second, and these arguments beside.
fn start(dir: &Path, rules: &str, arguments: &[&str]) -> Tripod {
    let file = dir.join("rules.yml");
    std::fs::write(&file, format!("groups:\n- name: g\n  interval: 1s\n  rules:\n{rules}")).expect("room on disk");
    let file = file.display().to_string();
    Tripod::start_with(&dir.join("data"), &[&["--rules", &file][..], arguments].concat())
}

/// Sends one point of a gauge.
fn send(tripod: &Tripod, name: &str, value: f64) {
    let point = json!({ "timeUnixNano": now().to_string(), "asDouble": value });
    let metric = json!({ "name": name, "gauge": { "dataPoints": [point] } });
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [metric] }] }] });
    let answer = tripod.post("metrics", &[("content-type", "application/json")], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn alerts(tripod: &Tripod) -> Vec<Value> {
    tripod.get("/api/v1/alerts", &[])["data"]["alerts"].as_array().cloned().unwrap_or_default()
}

const ABSENT: &str = "  - alert: Waiting\n    expr: absent(released)\n    labels: {team: core}\n    annotations: {summary: 'value {{ $value }}'}\n";

#[test]
fn alertmanager_shows_an_alert_with_its_labels_and_that_it_is_over() {
    let script = "tests/debian/fetch.sh";
    let packages = ["alertmanager", "usr/bin", "prometheus-alertmanager", "--", "prometheus-alertmanager"];
    let Some(programs) = setup::run(script, &packages) else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let (config, address) = (dir.path().join("am.yml"), free_address());
    std::fs::write(&config, "route: {receiver: none}\nreceivers: [{name: none}]\n").expect("room on disk");
    // Debian's looks for its templates where its package puts them, and nowhere else.
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", "mount --bind \"$0\" /usr/share && exec \"$@\""]);
    command.arg(Path::new(&programs).join("../root/usr/share"));
    command.arg(Path::new(&programs).join("prometheus-alertmanager"));
    command.arg(format!("--config.file={}", config.display())).arg(format!("--web.listen-address={address}"));
    command.arg(format!("--storage.path={}", dir.path().join("am").display())).arg("--cluster.listen-address=");
    let _alertmanager = Running::start(&mut command);
    let (client, url) = (Client::default(), format!("http://{address}"));
    let tripod = start(dir.path(), ABSENT, &["--alertmanager", &url, "--alert-resend", "2s"]);
    let shown = || {
        let answer = client.get(&format!("{url}/api/v2/alerts")).ok().filter(|answer| answer.status == 200)?;
        Some(answer.json().as_array().cloned().unwrap_or_default())
    };
    let alert = wait_for("Alertmanager shows the alert", || shown()?.pop());
    assert_eq!(alert["labels"], json!({ "alertname": "Waiting", "team": "core" }));
    assert_eq!(alert["annotations"]["summary"], "value 1");
    assert!(alert["generatorURL"].as_str().is_some_and(|url| url.starts_with(&tripod.http)), "{alert}");
    let managers = tripod.get("/api/v1/alertmanagers", &[]);
    assert_eq!(managers["data"]["activeAlertmanagers"][0]["url"], format!("{url}/api/v2/alerts"));
    send(&tripod, "released", 1.0);
    wait_for("Alertmanager shows that it is over", || shown()?.is_empty().then_some(()));
    let page = client.get(&format!("{}/metrics", tripod.http)).expect("it answers").text();
    assert!(page.contains("tripod_notifications_dropped_total{destination=\"\"} 0"), "{page}");
}

/// A server that keeps what is posted to it, and its address.
fn sink() -> (String, Arc<Mutex<Vec<Value>>>) {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("it can be");
            let keep = move |body: String| {
                kept.lock().expect("not poisoned").push(serde_json::from_str(&body).expect("JSON"));
                std::future::ready("")
            };
            let router = axum::Router::new().route("/", axum::routing::post(keep));
            let listener = tokio::net::TcpListener::from_std(listener).expect("it can be");
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    (format!("http://{address}/"), bodies)
}

#[test]
fn webhooks_get_the_beginning_and_the_end_with_links_to_traces() {
    let dir = tempfile::tempdir().expect("a folder");
    let ((hook, bodies), (slack, messages)) = (sink(), sink());
    let rules = "  - alert: Slow\n    expr: sum by (job) (latency_seconds_bucket) > 0 unless on() released\n";
    let tripod = start(dir.path(), rules, &["--alert-webhook", &hook, "--slack-webhook", &slack]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let point = json!({
        "startTimeUnixNano": (now() - 1_000_000_000).to_string(), "timeUnixNano": now().to_string(), "count": "1", "sum": 7.0,
        "bucketCounts": ["0", "1"], "explicitBounds": [5.0],
        "exemplars": [{ "timeUnixNano": now().to_string(), "asDouble": 7.0, "traceId": trace, "spanId": "b7ad6b7169203331" }],
    });
    let histogram = json!({ "aggregationTemporality": 2, "dataPoints": [point] });
    let metric = json!({ "name": "latency", "unit": "s", "histogram": histogram });
    let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] });
    let body = json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": [metric] }] }] });
    let json_type = ("content-type", "application/json");
    assert_eq!(tripod.post("metrics", &[json_type], body.to_string().as_bytes()).status, 200);

    let first = |of: &Arc<Mutex<Vec<Value>>>, status: &'static str, at: &'static str| {
        let of = Arc::clone(of);
        wait_for("the webhook is told", move || {
            let bodies = of.lock().expect("not poisoned");
            bodies.iter().find(|body| body.pointer(at).is_some_and(|text| text.to_string().contains(status))).cloned()
        })
    };
    let firing = first(&bodies, "firing", "/status");
    assert_eq!((&firing["version"], &firing["groupLabels"]["alertname"]), (&json!("4"), &json!("Slow")));
    let alert = &firing["alerts"][0];
    assert_eq!(alert["labels"]["job"], "shop");
    let link = format!("{}/trace/{trace}", tripod.http);
    assert_eq!(alert["annotations"]["tripod_traces"], link.as_str());
    assert!(alert["annotations"]["tripod_chart"].as_str().is_some_and(|url| url.contains("/metric?q=sum+by")));
    assert_eq!(alerts(&tripod)[0]["annotations"]["tripod_traces"], link.as_str());
    let message = first(&messages, "FIRING:1", "/text");
    assert!(message["attachments"][0]["text"].as_str().is_some_and(|text| text.contains(&link)), "{message}");
    send(&tripod, "released", 1.0);
    let resolved = first(&bodies, "resolved", "/status");
    assert_eq!(resolved["alerts"][0]["fingerprint"], alert["fingerprint"]);
    first(&messages, "RESOLVED", "/text");
    assert_eq!(bodies.lock().expect("not poisoned").len(), 2, "each is told once");
}

/// Runs amtool on our server; what it prints.
fn amtool(program: &Path, tripod: &Tripod, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.arg(format!("--alertmanager.url={}", tripod.http)).args(["--no-version-check", "--output=json"]);
    let output = command.args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn amtool_silences_an_alert_whose_webhook_then_hears_nothing_until_the_silence_ends() {
    let packages = ["amtool", "usr/bin", "prometheus-alertmanager", "--", "amtool"];
    let Some(programs) = setup::run("tests/debian/fetch.sh", &packages) else { return };
    let program = Path::new(&programs).join("amtool");
    let dir = tempfile::tempdir().expect("a folder");
    let (hook, bodies) = sink();
    let rules =
        "  - {alert: Quiet, expr: absent(released), labels: {team: core}}\n  - {alert: Loud, expr: vector(1)}\n";
    let arguments = ["--alert-webhook", &hook, "--alert-resend", "1s"];
    // Before its first evaluation the silence has to be there: the rules come with the second start.
    let tripod = start(dir.path(), "  - {record: nothing, expr: vector(1)}\n", &arguments);
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let add = [
        "silence",
        "add",
        "alertname=Quiet",
        "team=~c.*",
        "env!=test",
        "--comment=planned",
        "--author=ada",
        "--duration=2h",
    ];
    let id = amtool(&program, &tripod, &add).trim().to_owned();
    assert!(tripod.stop(libc::SIGTERM).status.success());

    let tripod = start(dir.path(), rules, &arguments);
    let listed = json(amtool(&program, &tripod, &["silence", "query", "alertname=Quiet"]));
    assert_eq!(
        (&listed[0]["id"], &listed[0]["createdBy"], &listed[0]["comment"]),
        (&json!(id), &json!("ada"), &json!("planned"))
    );
    assert_eq!(listed[0]["matchers"].as_array().map(Vec::len), Some(3));
    let told = |name: &str| {
        let bodies = bodies.lock().expect("not poisoned");
        bodies
            .iter()
            .filter(|body| body["groupLabels"]["alertname"] == name)
            .map(|body| body["status"].clone())
            .collect::<Vec<_>>()
    };
    wait_for("both fire", || (alerts(&tripod).len() == 2).then_some(()));
    wait_for("the one that is not silenced is told", || (!told("Loud").is_empty()).then_some(()));
    let shown = json(amtool(&program, &tripod, &["alert", "query", "--silenced"]));
    assert_eq!((&shown[0]["labels"]["alertname"], &shown[0]["status"]["silencedBy"]), (&json!("Quiet"), &json!([id])));
    let active = json(amtool(&program, &tripod, &["alert", "query", "--active", "alertname=~.+"]));
    assert_eq!(active.as_array().map(Vec::len), Some(1), "{active}");
    assert!(amtool(&program, &tripod, &["cluster", "show"]).contains("disabled"));
    assert!(amtool(&program, &tripod, &["config", "show"]).contains("receivers"));
    assert!(told("Quiet").is_empty());

    amtool(&program, &tripod, &["silence", "update", &id, "--duration=3h", "--comment=longer"]);
    let listed = json(amtool(&program, &tripod, &["silence", "query"]));
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["comment"]), (Some(1), &json!("longer")));
    amtool(&program, &tripod, &["silence", "expire", listed[0]["id"].as_str().expect("an id")]);
    assert_eq!(json(amtool(&program, &tripod, &["silence", "query"])), json!([]));
    let expired = json(amtool(&program, &tripod, &["silence", "query", "--expired"]));
    assert_eq!(expired[0]["status"]["state"], "expired");
    wait_for("the end of the silence is the beginning of the news", || {
        told("Quiet").contains(&json!("firing")).then_some(())
    });
    assert_eq!(told("Loud"), [json!("firing")]);
}

#[test]
fn promtool_takes_the_file_of_rules_that_are_made_in_the_page() {
    let dir = tempfile::tempdir().expect("a folder");
    let (tripod, check) = (Tripod::start(&dir.path().join("data")), |file: &Path| tripod("check", file));
    let rules = [
        (
            "Many errors",
            json!({ "expr": "sum by (job) (rate(errors_total{path=~\"/a|/b\"}[5m]))\n  > 0.1", "for": "1h30m" }),
        ),
        (
            "it's: #1",
            json!({
                "expr": "up == 0", "interval": "30s", "keep_firing_for": "5m",
                "labels": { "severity": "true", "no": "- 'x'" },
                "annotations": { "summary": "{{ $labels.job }}: \"{{ $value | humanize }}\"\n\tü\u{85}\u{2028}", "runbook_url": "https://example.com/#a" },
            }),
        ),
    ];
    for (name, rule) in &rules {
        let url = format!("{}/api/rules/own/{}", tripod.http, tripod_tests::http::encode(name));
        let answer = tripod.client().put(&url, rule).expect("it answers");
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let file = dir.path().join("data/alerting/rules.yml");
    assert!(
        tripod.get("/api/rules/own", &[])["file"].as_str().is_some_and(|path| path.ends_with("alerting/rules.yml"))
    );
    let ours = check(&file);
    assert!(ours.status.success() && said(&ours).contains("2 rules found"), "{}", said(&ours));
    for program in promtools() {
        let theirs = promtool(&program, "check", &file);
        assert!(theirs.status.success() && said(&theirs).contains("2 rules found"), "{}", said(&theirs));
    }
}

#[test]
fn an_alert_waits_on_where_it_was_before_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let rules = "  - alert: Waiting\n    expr: absent(released)\n    for: 1h\n";
    let arguments = ["--alert-grace", "1s"];
    let tripod = start(dir.path(), rules, &arguments);
    let since = |tripod: &Tripod| alerts(tripod).pop().map(|alert| alert["activeAt"].to_string());
    let before = wait_for("the alert is pending", || since(&tripod));
    wait_for("it is written since when", || {
        let answer = tripod.get("/api/v1/query", &[("query", "ALERTS_FOR_STATE")]);
        answer["data"]["result"].get(0).cloned()
    });
    tripod.kill_9();
    let tripod = start(dir.path(), rules, &arguments);
    let again = wait_for("the alert is pending again", || since(&tripod));
    assert!(again > before, "it begins anew");
    // Whole seconds are written, and the time of the outage does not count: a bit later than before, and earlier than after the start.
    wait_for("it is taken up", || since(&tripod).filter(|taken_up| *taken_up < again));
}

#[test]
fn the_api_says_what_rules_and_groups_are_doing() {
    let dir = tempfile::tempdir().expect("a folder");
    let rules = format!(
        "{ABSENT}  - {{record: 'one', expr: 'vector(1)', labels: {{a: b}}}}\n  - {{record: 'bad', expr: '\"text\"'}}\n"
    );
    let tripod = start(dir.path(), &rules, &[]);
    let list = |parameters: &[(&str, &str)]| tripod.get("/api/v1/rules", parameters)["data"]["groups"].clone();
    let group = wait_for("all rules were evaluated", || {
        let group = list(&[])[0].clone();
        (group["rules"][0]["state"] == "firing" && group["rules"][2]["health"] == "err").then_some(group)
    });
    assert_eq!((&group["name"], &group["interval"], &group["limit"]), (&json!("g"), &json!(1.0), &json!(0)));
    let [alert, record, bad] = [0, 1, 2].map(|at| group["rules"][at].clone());
    assert_eq!((&alert["type"], &alert["health"], &alert["duration"]), (&json!("alerting"), &json!("ok"), &json!(0.0)));
    assert_eq!(alert["alerts"][0]["value"], "1e+00");
    assert_eq!((&record["type"], &record["labels"]), (&json!("recording"), &json!({ "a": "b" })));
    assert_eq!(bad["lastError"], "rule result is not a vector or scalar");
    let names = |parameters: &[(&str, &str)]| -> Vec<String> {
        let groups = list(parameters);
        let rules = groups.as_array().into_iter().flatten().filter_map(|group| group["rules"].as_array().cloned());
        rules.flatten().map(|rule| rule["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&[("type", "alert")]), ["Waiting"]);
    assert_eq!(names(&[("rule_name[]", "one")]), ["one"]);
    assert_eq!(names(&[("rule_group[]", "other")]), [""; 0]);
    assert_eq!(names(&[("match[]", "{a=\"b\"}")]), ["one"]);
    assert_eq!(list(&[("exclude_alerts", "true")])[0]["rules"][0]["alerts"], json!([]));
    let recorded = wait_for("the rule's series is there", || {
        tripod.get("/api/v1/query", &[("query", "one")])["data"]["result"].get(0).cloned()
    });
    assert_eq!(recorded["value"][1], "1");
    let state = wait_for("the alert's series is there", || {
        tripod.get("/api/v1/query", &[("query", "ALERTS{alertstate=\"firing\"}")])["data"]["result"].get(0).cloned()
    });
    assert_eq!(state["metric"]["team"], "core");
}

#[test]
fn rules_are_read_again_at_sighup_and_wrong_ones_change_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let tripod = start(dir.path(), ABSENT, &[]);
    let named = |name: &str| {
        let groups = tripod.get("/api/v1/rules", &[])["data"]["groups"].to_string();
        groups.contains(&format!("\"name\":\"{name}\""))
    };
    let reload = |rules: &str| {
        std::fs::write(dir.path().join("rules.yml"), rules).expect("room on disk");
        assert!(Command::new("kill").args(["-HUP", &tripod.id().to_string()]).status().expect("it runs").success());
    };
    wait_for("it fires", || (!alerts(&tripod).is_empty()).then_some(()));
    reload("groups:\n- name: g\n  interval: 1s\n  rules:\n  - {record: new, expr: 'vector(2)'}\n");
    wait_for("the new rule is there", || named("new").then_some(()));
    assert!(!named("Waiting") && alerts(&tripod).is_empty());
    wait_for("the series of the old rule has ended", || {
        let left = tripod.get("/api/v1/query", &[("query", "ALERTS")])["data"]["result"].as_array()?.len();
        (left == 0).then_some(())
    });
    reload("groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]\n");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(named("new"));
    let ended = tripod.stop(libc::SIGTERM);
    assert!(ended.stderr.contains("what was read before stays"), "{}", ended.stderr);
}
