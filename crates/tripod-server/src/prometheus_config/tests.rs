use std::time::Duration;

use super::http::{Authorization, Secret};
use super::scrape::Protocol;
use super::*;

fn parse(text: &str) -> Result<PrometheusConfig, String> {
    PrometheusConfig::parse("p.yml", text, Path::new("/etc/prometheus")).map_err(|fault| fault.to_string())
}

#[test]
fn what_is_not_said_is_as_in_prometheus() {
    let config = parse("scrape_configs:\n- job_name: a\n").unwrap();
    assert_eq!(config.global, Global::default());
    let job = &config.scrape_configs[0];
    assert_eq!((job.scrape_interval, job.scrape_timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
    assert!(job.honor_timestamps && !job.honor_labels && job.enable_compression && job.http.follow_redirects);
    assert_eq!(job.protocols.len(), 4);
    assert_eq!(job.protocols[0], Protocol::OpenMetrics100);
}

#[test]
fn a_job_takes_from_global_what_it_does_not_say_itself() {
    let text = "
global: {scrape_interval: 5s, sample_limit: 7, scrape_native_histograms: true}
scrape_configs:
- job_name: a
- {job_name: b, sample_limit: 9, scrape_interval: 30s, scrape_protocols: [PrometheusText0.0.4]}
";
    let config = parse(text).unwrap();
    let [a, b] = &config.scrape_configs[..] else { panic!("two jobs") };
    assert_eq!((a.scrape_interval, a.scrape_timeout), (Duration::from_secs(5), Duration::from_secs(5)));
    assert_eq!((a.limits.samples, b.limits.samples), (7, 9));
    assert_eq!(a.protocols[0], Protocol::PrometheusProto);
    assert_eq!(b.protocols, [Protocol::PrometheusText004]);
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_is_allowed() {
    for (text, said) in [
        ("scrap_configs: []\n", "p.yml:1: scrap_configs is not known here; known are alerting, global"),
        ("global:\n  scrape_interval: 5\n", "p.yml:2: global.scrape_interval is \"5\" but must be a duration like"),
        (
            "global: {scrape_interval: 5s, scrape_timeout: 6s}\n",
            "global.scrape_timeout is longer than the scrape_interval",
        ),
        ("scrape_configs:\n- {}\n", "p.yml:2: scrape_configs[0] needs job_name"),
        ("scrape_configs:\n- job_name: a\n- job_name: a\n", "p.yml:3: scrape_configs[1] has the job_name \"a\""),
        ("scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['http://a']}]\n", "must be a host and a port"),
        ("scrape_configs:\n- job_name: a\n  basic_auth: {}\n  bearer_token: x\n", "at most one of basic_auth"),
        ("scrape_configs:\n- job_name: a\n  oauth2: {client_id: x}\n", "oauth2 is not supported"),
        ("scrape_configs:\n- job_name: a\n  relabel_configs: [{action: kep}]\n", "must be one of replace, keep, drop"),
        ("scrape_configs:\n- job_name: a\n  relabel_configs: [{regex: '('}]\n", "is no regular expression"),
        ("scrape_configs:\n- job_name: a\n  relabel_configs: [{regex: 'a'}]\n", "needs target_label"),
        ("scrape_configs:\n- job_name: a\n  scheme: ftp\n", "must be http or https"),
        ("alerting: {alertmanagers: [{api_version: v1}]}\n", "must be v2"),
        ("scrape_config_files: [a.yml]\n", "put their scrape_configs into this file"),
    ] {
        let fault = parse(text).unwrap_err();
        assert!(fault.contains(said), "{fault:?} does not say {said:?}");
    }
}

#[test]
fn what_is_not_acted_on_is_said() {
    let text =
        "remote_write: [{url: 'http://x'}]\nscrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: pod}]\n";
    let config = parse(text).unwrap();
    assert_eq!(config.notices().len(), 2);
    assert!(config.notices()[0].starts_with("p.yml:4: scrape_configs[0].kubernetes_sd_configs is not supported"));
    assert!(config.notices()[1].starts_with("p.yml:1: remote_write is not acted on"));
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let text = "
rule_files: ['rules/*.yml', /abs/r.yml]
scrape_configs:
- job_name: a
  file_sd_configs: [{files: ['targets/*.json']}]
  authorization: {credentials_file: token}
";
    let config = parse(text).unwrap();
    assert_eq!(config.rule_files, [Path::new("/etc/prometheus/rules/*.yml"), Path::new("/abs/r.yml")]);
    let job = &config.scrape_configs[0];
    assert_eq!(job.discovery.files[0].files, [Path::new("/etc/prometheus/targets/*.json")]);
    let credentials = Secret::File("/etc/prometheus/token".into());
    assert_eq!(job.http.authorization, Some(Authorization::Scheme { scheme: "Bearer".to_owned(), credentials }));
}

#[test]
fn secrets_are_not_shown() {
    let text = "
scrape_configs:
- job_name: a
  basic_auth: {username: ada, password: hunter2}
  http_sd_configs: [{url: 'http://u:hunter2@h/x'}]
  http_headers: {x-key: {secrets: [hunter2]}}
- job_name: b
  bearer_token: |
    hunter2
";
    let shown = parse(text).unwrap().shown;
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("username: ada") && shown.contains("<secret>"), "{shown}");
    // It can be read again.
    parse(&shown.replace("http://<secret>@", "http://")).unwrap();
}

#[test]
fn alerting_is_read() {
    let text = "
alerting:
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers:
  - {scheme: https, path_prefix: /am/, timeout: 3s, static_configs: [{targets: ['am:9093']}]}
";
    let alerting = parse(text).unwrap().alerting;
    assert_eq!(alerting.alert_relabel.len(), 1);
    let managers = &alerting.alertmanagers[0];
    assert_eq!((managers.path_prefix.as_str(), managers.timeout), ("/am", Duration::from_secs(3)));
    assert_eq!(managers.discovery.fixed[0].targets, ["am:9093"]);
}
