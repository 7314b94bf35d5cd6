//! Prometheus and Tripod scrape the same programs by the same file: both have the same series. A client that pushes to a Pushgateway
//! pushes to Tripod.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tripod_tests::Tripod;
use tripod_tests::programs::{Prometheus, Running, folder_of, free_address, wait_for};
use tripod_tests::python;

/// All series of the jobs, each as its labels in order.
fn series(answer: &Value) -> BTreeSet<String> {
    answer.as_array().map(|all| all.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

#[test]
fn prometheus_and_tripod_find_the_same_series() {
    let Some(programs) = folder_of("prometheus-newest") else { return };
    let Some(exporter) = folder_of("prometheus-node-exporter") else { return };
    let node = free_address();
    let _node = Running::start(
        Command::new(exporter.join("prometheus-node-exporter")).arg(format!("--web.listen-address={node}")),
    );
    let target = Prometheus::receiving(&programs, "");
    let address = target.url.trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: node
  static_configs: [{{targets: ['{node}'], labels: {{mode: machine}}}}]
  metric_relabel_configs:
  - {{source_labels: [__name__], regex: 'node_(network|netstat|disk)_.*', action: drop}}
  - {{source_labels: [mode], regex: 'i(.*)', target_label: mode, replacement: 'is-$1'}}
- job_name: prometheus
  static_configs: [{{targets: ['{address}']}}]
  relabel_configs:
  - {{source_labels: [__address__], target_label: shard, modulus: 7, action: hashmod}}
"
    );
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("prometheus.yml");
    std::fs::write(&file, &config).unwrap();
    let tripod = Tripod::start_with(&data.path().join("store"), &["--prometheus-config", file.to_str().unwrap()]);
    let prometheus = Prometheus::configured(&programs, &config);
    let mut difference = Vec::new();
    let call = "match[]=%7Bjob%3D~%22node%7Cprometheus%22%7D";
    let mut same = || {
        let theirs = series(&prometheus.get(&format!("series?{call}"))?);
        let answer = tripod.client().get(&format!("{}/api/v1/series?{call}", tripod.http)).ok()?;
        let ours = series(&answer.json()["data"]);
        difference = theirs.symmetric_difference(&ours).take(20).cloned().collect();
        (theirs.len() > 500 && difference.is_empty()).then_some(theirs.len())
    };
    let count = wait_for("the same series in both", &mut same);
    println!("{count} series are the same");

    let ups = tripod.get("/api/v1/query", &[("query", "sum(up)")]);
    assert_eq!(ups["data"]["result"][0]["value"][1], "2");
    let shown = tripod.get("/api/v1/targets", &[("state", "active")]);
    let theirs = wait_for("targets", || prometheus.get("targets?state=active"));
    let about = |targets: &Value| -> BTreeSet<String> {
        let all = targets["activeTargets"].as_array().cloned().unwrap_or_default();
        let keys =
            ["discoveredLabels", "labels", "scrapePool", "scrapeUrl", "health", "scrapeInterval", "scrapeTimeout"];
        all.iter().map(|one| keys.map(|key| one[key].to_string()).join(" ")).collect()
    };
    assert_eq!(about(&shown["data"]), about(&theirs));
}

#[test]
fn a_client_that_pushes_to_a_pushgateway_pushes_to_tripod() {
    let data = tempfile::tempdir().unwrap();
    let tripod = Tripod::start(data.path());
    let program = "
import sys
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, push_to_gateway, pushadd_to_gateway, delete_from_gateway
gateway = sys.argv[1]
registry = CollectorRegistry()
Gauge('backup_files', 'Files', ['kind'], registry=registry).labels('new').set(3)
Histogram('backup_seconds', 'Time', registry=registry).observe(0.3)
push_to_gateway(gateway, job='back/up', grouping_key={'dir': '/var/tmp'}, registry=registry)
more = CollectorRegistry()
Counter('backup_runs', 'Runs', registry=more).inc(2)
pushadd_to_gateway(gateway, job='back/up', grouping_key={'dir': '/var/tmp'}, registry=more)
push_to_gateway(gateway, job='gone', registry=more)
delete_from_gateway(gateway, job='gone')
";
    let ran = Command::new(python::interpreter()).args(["-c", program, &tripod.http]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let value = |query: &str| tripod.get("/api/v1/query", &[("query", query)])["data"]["result"][0]["value"][1].clone();
    let group = "job=\"back/up\",dir=\"/var/tmp\"";
    assert_eq!(value(&format!("backup_files{{{group},kind=\"new\"}}")), "3");
    assert_eq!(value(&format!("backup_runs_total{{{group}}}")), "2");
    assert_eq!(value(&format!("backup_seconds_bucket{{{group},le=\"0.5\"}}")), "1");
    assert_eq!(value("count(backup_runs_total)"), "1");
}

#[test]
fn a_target_that_speaks_tls_and_wants_a_token_is_scraped_by_who_trusts_and_knows_it() {
    let data = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = data.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) = (file("cert.pem", &made.cert.pem()), file("key.pem", &made.signing_key.serialize_pem()));
    file("other.pem", &other.cert.pem());
    let token = file("token", "s3cret-of-the-target\n");
    let tls = ["--tls-cert", &certificate, "--tls-key", &key, "--token-file", &token];
    let target = Tripod::start_with(&data.path().join("target"), &tls);
    let address = target.http.trim_start_matches("https://");
    let job = |name: &str, token: &str, tls: &str| {
        let credentials =
            if token.is_empty() { String::new() } else { format!("authorization: {{credentials_file: {token}}}") };
        format!(
            "- job_name: {name}
  scheme: https
  tls_config: {{{tls}}}
  {credentials}
  static_configs: [{{targets: ['{address}']}}]
"
        )
    };
    let config = [
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n".to_owned(),
        job("trusted", "token", "ca_file: cert.pem, server_name: localhost"),
        job("unchecked", "token", "insecure_skip_verify: true"),
        job("another-name", "token", "ca_file: cert.pem, server_name: elsewhere"),
        job("another-authority", "token", "ca_file: other.pem, server_name: localhost"),
        job("public-authorities", "token", "server_name: localhost"),
        job("without-token", "", "ca_file: cert.pem, server_name: localhost"),
    ];
    let config = file("prometheus.yml", &config.concat());
    let tripod = Tripod::start_with(&data.path().join("store"), &["--prometheus-config", &config]);
    let targets = wait_for("a scrape of each", || {
        let answer = tripod.get("/api/v1/targets", &[("state", "active")]);
        let targets = answer["data"]["activeTargets"].as_array()?.clone();
        let is_asked = |target: &Value| {
            target["health"] == "up" || target["lastError"].as_str().is_some_and(|error| !error.is_empty())
        };
        (targets.len() == 6 && targets.iter().all(is_asked)).then_some(targets)
    });
    for target in targets {
        let (job, error) = (target["scrapePool"].as_str().unwrap(), target["lastError"].as_str().unwrap());
        let reason = match job {
            "trusted" | "unchecked" => {
                assert_eq!((&target["health"], error), (&"up".into(), ""), "{job}");
                continue;
            }
            "without-token" => "401",
            _ => "certificate",
        };
        assert!(target["health"] == "down" && error.contains(reason), "{job}: {error}");
    }
    let up = wait_for("what was scraped", || {
        let answer = tripod.get("/api/v1/query", &[("query", "sum(up) == 2")]);
        answer["data"]["result"].get(0).cloned()
    });
    assert_eq!(up["value"][1], "2");
}
