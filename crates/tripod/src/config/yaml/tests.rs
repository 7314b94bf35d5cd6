use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::config::resolve::resolve;
use crate::config::{Builder, Compression, Config, Destination, FurtherTo, OtlpProtocol};
use crate::limits::{LogLimits, SpanLimits};

fn load(text: &str) -> Result<(Config, Vec<String>), Error> {
    load_with(text, &[], Builder::default())
}

/// As a program with this file and these variables is configured.
fn load_with(text: &str, variables: &[(&str, &str)], code: Builder) -> Result<(Config, Vec<String>), Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otel.yaml");
    fs::write(&path, text).unwrap();
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let lookup = |name: &str| variables.get(name).map(ToString::to_string);
    let mut config = code.config_file(path).resolve(&Env::new(&lookup, Vec::new()))?;
    let notices = std::mem::take(&mut config.notices);
    Ok((config, notices))
}

fn message(text: &str) -> String {
    match load(text) {
        Ok(_) => panic!("understood: {text}"),
        Err(error) => error.to_string(),
    }
}

const WHOLE: &str = r#"
file_format: "1.0"
disabled: false
log_level: warn
attribute_limits:
  attribute_value_length_limit: 4096
  attribute_count_limit: 64
resource:
  attributes:
    - name: service.name
      value: ${SERVICE:-checkout}
    - {name: shards, value: [1, 2], type: int_array}
    - {name: "on", value: true, type: bool}
  attributes_list: "service.name=lesser,team=core"
  detection/development:
    detectors: [container:, host:, process:]
propagator:
  composite: [tracecontext:, baggage:]
  composite_list: "b3,baggage"
tracer_provider:
  processors:
    - batch:
        schedule_delay: 2500
        max_export_batch_size: 256
        max_queue_size: 1000
        exporter:
          otlp_http:
            endpoint: http://otlp:4318/v1/traces
            compression: gzip
            timeout: 3000
            headers_list: "api-key=lesser,tenant=a"
            headers:
              - {name: API-Key, value: "${KEY}"}
              - {name: unset, value: }
    - simple:
        exporter: {console: }
  limits: {event_count_limit: 7}
  sampler:
    parent_based:
      root: {trace_id_ratio_based: {ratio: 0.25}}
      remote_parent_sampled: {always_on: }
      local_parent_not_sampled: {trace_id_ratio_based: {ratio: 0.5}}
meter_provider:
  readers:
    - periodic:
        interval: 5000
        exporter: {otlp_http: {encoding: protobuf, temporality_preference: low_memory}}
        cardinality_limits: {default: 100}
  views:
    - selector: {instrument_name: latency, instrument_type: histogram}
      stream:
        attribute_keys: {excluded: [user.id]}
        aggregation: {explicit_bucket_histogram: {boundaries: [0.1, 1]}}
    - selector: {instrument_name: sizes}
      stream: {aggregation: {base2_exponential_bucket_histogram: {max_size: 80}}}
  exemplar_filter: always_off
logger_provider:
  processors:
    - batch: {exporter: {console: }}
  limits: {attribute_count_limit: 8}
"#;

#[test]
fn a_whole_file_becomes_the_settings_it_says() {
    let (config, notices) = load_with(WHOLE, &[("KEY", "s3cret")], Builder::default()).unwrap();
    assert_eq!(notices, Vec::<String>::new());
    let attributes: Vec<String> = config.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
    assert_eq!(attributes, ["team=core", "service.name=checkout", "shards=[1,2]", "on=true"]);
    assert_eq!(config.detectors.iter().map(|d| d.name()).collect::<Vec<_>>(), ["container", "host", "os", "process"]);
    assert_eq!(Some(config.propagators), Propagators::from_names("tracecontext,baggage,b3"));
    assert_eq!((config.log_level, config.traces, config.metrics, config.logs), (Level::Warn, true, true, true));

    let traces = &config.otlp[0];
    assert_eq!((traces.url.as_str(), traces.compression), ("http://otlp:4318/v1/traces", Compression::Gzip));
    assert_eq!(traces.headers, [("tenant", "a"), ("API-Key", "s3cret")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(traces.timeout.as_secs(), 3);
    assert_eq!(config.otlp[1].url, "http://localhost:4318/v1/metrics");
    let goes = |signals: crate::pipeline::Signals| Signals::ALL.map(|signal| signals.contains(signal));
    assert_eq!(
        (goes(config.signals_to(Destination::Otlp)), goes(config.signals_to(Destination::Console))),
        ([true, true, false], [true, false, true])
    );
    assert_eq!(config.batch[0].max_records, 256);
    assert_eq!(config.queue_memory, (1000 + 2048) << 10);

    let root = "parentbased(root=traceidratio(0.25), local_parent_not_sampled=traceidratio(0.5))";
    assert_eq!(config.sampler.to_string(), root);
    let span = SpanLimits { attributes: 64, attribute_value_length: Some(4096), events: 7, ..SpanLimits::default() };
    assert_eq!(config.limits.span, span);
    assert_eq!(config.limits.log, LogLimits { attributes: 8, attribute_value_length: Some(4096) });
    assert_eq!(config.metric_interval, Some(Duration::from_secs(5)));
    assert_eq!((config.views.list.len(), config.views.max_series), (2, 100));
    assert_eq!(config.temporality, crate::metrics::Temporality::LowMemory);
    assert_eq!(config.exemplars, crate::metrics::ExemplarFilter::AlwaysOff);
}

#[test]
fn code_comes_before_the_environment_before_the_file_before_the_default() {
    let text = "
file_format: '1.0'
log_level: error
resource: {attributes: [{name: service.name, value: file}, {name: a, value: file}, {name: b, value: file}]}
tracer_provider:
  processors: [{batch: {schedule_delay: 100, max_export_batch_size: 10, exporter: {otlp_http: {endpoint: 'http://file/v1/traces', timeout: 1}}}}]
";
    let variables = [
        ("OTEL_SERVICE_NAME", "env"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=env"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
    ];
    let code = Builder::default().service_name("code").max_batch(20);
    let (config, _) = load_with(text, &variables, code).unwrap();
    let attribute = |key: &str| config.attributes.iter().find(|a| a.key == key).unwrap().value.to_string();
    assert_eq!([attribute("service.name"), attribute("a"), attribute("b")], ["code", "env", "file"]);
    assert_eq!(config.otlp[0].url, "http://env/v1/traces");
    assert_eq!(config.otlp[0].timeout.as_millis(), 1);
    assert_eq!((config.batch[0].delay.as_millis(), config.batch[0].max_records), (200, 20));
    assert_eq!(config.log_level, Level::Error);
    assert!(config.logs && config.traces && !config.metrics, "metrics have no provider, and no variable");
}

const SEVERAL: &str = "
file_format: '1.0'
tracer_provider:
  processors:
    - batch: {max_export_batch_size: 100, exporter: {otlp_http: {endpoint: 'http://near/v1/traces'}}}
    - batch:
        schedule_delay: 30000
        max_export_batch_size: 5000
        max_queue_size: 100
        export_timeout: 2000
        exporter: {otlp_http: {endpoint: 'http://far/v1/traces', compression: gzip}}
    - batch: {schedule_delay: 7, exporter: {console: }}
meter_provider:
  readers:
    - periodic: {interval: 5000, exporter: {otlp_http: {endpoint: 'http://near/v1/metrics'}}}
    - periodic:
        interval: 90000
        exporter: {otlp_http: {endpoint: 'http://far/v1/metrics', temporality_preference: delta}}
    - periodic: {interval: 11000, exporter: {console: }}
logger_provider:
  processors:
    - simple: {exporter: {otlp_file/development: {output_stream: 'file:///var/log/logs.jsonl'}}}
    - batch: {exporter: {otlp_file/development: }}
";

fn further(config: &Config) -> Vec<String> {
    let show = |further: &crate::config::FurtherOutput| match &further.to {
        FurtherTo::Otlp(target) => target.url.clone(),
        FurtherTo::File(path) => path.as_ref().map_or("stdout".to_owned(), |path| path.display().to_string()),
    };
    config.further.iter().map(show).collect()
}

#[test]
fn a_signal_may_go_to_several_places_each_with_its_own_batches_and_interval() {
    let (config, notices) = load(SEVERAL).unwrap();
    assert!(notices.is_empty(), "{notices:?}");
    assert_eq!([&config.otlp[0].url, &config.otlp[1].url], ["http://near/v1/traces", "http://near/v1/metrics"]);
    assert_eq!((config.batch[0].max_records, config.batch[0].delay.as_secs()), (100, 1));
    assert_eq!(config.metric_interval, Some(Duration::from_secs(5)));
    assert_eq!(config.temporality, crate::metrics::Temporality::Cumulative);
    assert_eq!(config.console_options.schedule_delay, [Some(Duration::from_millis(7)), None]);
    assert_eq!(config.console_options.metric_interval, Some(Duration::from_secs(11)));
    assert!(config.logs, "they go to a file");

    let expected = ["http://far/v1/traces", "http://far/v1/metrics", "/var/log/logs.jsonl", "stdout"];
    assert_eq!(further(&config), expected);
    let [traces, metrics, file, stdout] = &config.further[..] else { panic!("four") };
    let FurtherTo::Otlp(far) = &traces.to else { panic!("{traces:?}") };
    assert_eq!((far.compression, far.timeout), (Compression::Gzip, Duration::from_secs(2)));
    assert_eq!((traces.options.max_batch[0], traces.options.queue_memory), (Some(5000), Some(100 << 10)));
    assert_eq!(traces.options.schedule_delay[0], Some(Duration::from_secs(30)));
    assert_eq!(metrics.options.metric_interval, Some(Duration::from_secs(90)));
    assert_eq!(metrics.options.temporality, Some(crate::metrics::Temporality::Delta));
    assert_eq!(metrics.options.max_batch, [None; 3]);
    assert_eq!(file.options.schedule_delay[1], Some(Duration::from_millis(10)), "simple is at once");
    assert_eq!(
        (stdout.options.max_batch[2], stdout.options.schedule_delay[1]),
        (Some(512), Some(Duration::from_secs(1)))
    );
    let outputs = crate::export::built_in(&config, false).unwrap();
    let names: Vec<_> = outputs.iter().map(|output| output.exporter.name()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("otlp")).count(), 3, "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "jsonl").count(), 2, "{names:?}");
}

#[test]
fn the_environment_comes_before_the_further_places_of_the_file() {
    let variables = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "300"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ];
    let (config, _) = load_with(SEVERAL, &variables, Builder::default()).unwrap();
    assert_eq!(further(&config), ["http://far/v1/metrics", "/var/log/logs.jsonl", "stdout"]);
    assert_eq!(config.further[0].options.metric_interval, Some(Duration::from_secs(1)));
    assert_eq!(config.further[1].options.schedule_delay[1], Some(Duration::from_millis(300)));
    assert_eq!((config.console_options.metric_interval, config.console_options.schedule_delay), (None, [None; 2]));
}

#[test]
fn a_file_of_the_0_x_formats_is_understood_too() {
    let text = r"
file_format: '0.1'
resource: {attributes: {service.name: old}}
propagator: {composite: [tracecontext, b3multi]}
logger_provider:
  processors:
    - batch:
        exporter:
          otlp: {protocol: http/protobuf, endpoint: 'http://old:4318/v1/logs', headers: {api-key: '1'}, insecure: true}
";
    let (config, notices) = load(text).unwrap();
    assert_eq!(config.resource().service_name(), "old");
    assert_eq!(Some(config.propagators), Propagators::from_names("tracecontext,b3multi"));
    assert_eq!(config.otlp[2].url, "http://old:4318/v1/logs");
    assert_eq!(config.otlp[2].headers[0].0, "api-key");
    assert!(notices.is_empty(), "{notices:?}");
}

#[cfg(all(feature = "otlp-grpc", feature = "otlp-json", feature = "tls", feature = "zstd"))]
#[test]
fn grpc_json_and_zstd_are_keys_of_a_file() {
    let text = r"
file_format: '1.0'
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_grpc: {endpoint: 'collector:4317', compression: zstd, tls: {insecure: false}}
logger_provider:
  processors:
    - batch:
        exporter:
          otlp_http: {endpoint: 'http://collector:4318/v1/logs', encoding: json}
";
    let (config, notices) = load(text).unwrap();
    let traces = &config.otlp[0];
    assert_eq!((traces.protocol, traces.url.as_str()), (OtlpProtocol::Grpc, "https://collector:4317"));
    assert_eq!(traces.compression, Compression::Zstd);
    let logs = &config.otlp[2];
    assert_eq!((logs.protocol, logs.url.as_str()), (OtlpProtocol::HttpJson, "http://collector:4318/v1/logs"));
    assert!(notices.is_empty(), "{notices:?}");
}

#[test]
fn what_is_wrong_is_named_by_line_and_path_with_the_value_and_what_is_allowed() {
    let head = "file_format: '1.0'\n";
    for (text, parts) in [
        ("disabled: true\n", ["otel.yaml:1", "needs file_format", "1.0"]),
        ("file_format: '3'\n", ["otel.yaml:1: file_format", "\"3\"", "1.0"]),
        ("file_format: '1.0'\ndisabled: maybe\n", ["otel.yaml:2: disabled", "maybe", "true or false"]),
        ("file_format: '1.0'\ntracer_provder: {}\n", ["otel.yaml:2: tracer_provder", "{…}", "not known"]),
        (
            "file_format: '1.0'\ntracer_provider:\n  processors:\n    - batch:\n        exporter: {zipkin: {}}\n",
            [
                "otel.yaml:5: tracer_provider.processors[0].batch.exporter.zipkin",
                "{…}",
                "otlp_http, otlp_grpc, console",
            ],
        ),
        (
            "file_format: '1.0'\ntracer_provider: {sampler: {trace_id_ratio_based: {ratio: 3}}}\n",
            ["tracer_provider.sampler.trace_id_ratio_based.ratio", "3", "from 0 to 1"],
        ),
        (
            "file_format: '1.0'\ntracer_provider: {sampler: {jaeger_remote: }}\n",
            ["jaeger_remote", "always_on", "parent_based"],
        ),
        ("file_format: '1.0'\npropagator: {composite: [ottrace]}\n", ["otel.yaml:2: propagator", "ottrace", "b3multi"]),
        ("file_format: '1.0'\nmeter_provider: {readers: [{push: {}}]}\n", ["readers[0].push", "{…}", "periodic"]),
        ("file_format: '1.0'\nresource:\n  schema: x\n", ["otel.yaml:3: resource.schema", "x", "not known"]),
        ("file_format: ${1}\n", ["otel.yaml:1", "${1}", "${NAME}"]),
        ("file_format: '1.0'\nfile_format: '1.0'\n", ["otel.yaml:2", "", "not YAML"]),
        ("a: [1\n", ["otel.yaml:", "", "not YAML"]),
    ] {
        let message = message(text);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}\n{parts:?}");
    }
    for stream in ["/var/log/x.jsonl", "file://x.jsonl", "file:///x.log", "stderr"] {
        let text = format!(
            "{head}logger_provider: {{processors: [{{simple: {{exporter: {{otlp_file: {{output_stream: '{stream}'}}}}}}}}]}}\n"
        );
        assert!(message(&text).contains("must be stdout or a file"), "{}", message(&text));
    }
    let file = "{simple: {exporter: {otlp_file/development: {output_stream: 'file:///x.jsonl'}}}}";
    let twice = format!("{head}logger_provider: {{processors: [{file}, {file}]}}\n");
    assert!(message(&twice).contains("processors[1].simple.exporter"), "{}", message(&twice));
    assert!(message(&format!("{head}a: {}1{}", "[".repeat(100), "]".repeat(100))).contains("too deep"));
}

#[test]
fn what_is_understood_but_means_nothing_here_is_said_with_its_place() {
    let text = "
file_format: '1.0'
instrumentation/development: {general: {}}
tracer_provider:
  tracer_configurator/development: {default_config: {disabled: true}}
resource: {schema_url: 'https://opentelemetry.io/schemas/1.16.0'}
";
    let (_, notices) = load(text).unwrap();
    assert_eq!(notices.len(), 3, "{notices:?}");
    for (notice, place) in notices.iter().zip([":6: resource.schema_url", ":5: tracer_provider.tracer", ":3: instr"]) {
        assert!(notice.contains(place), "{notice}");
    }
}

#[test]
fn rules_of_the_composite_sampler_become_sampling_rules() {
    let text = "
file_format: '1.0'
tracer_provider:
  sampler:
    composite/development:
      parent_threshold:
        root:
          rule_based:
            rules:
              - attribute_values: {key: http.route, values: [/healthz, /readyz]}
                span_kinds: [server]
                sampler: {always_off: }
              - attribute_patterns: {key: tenant, included: ['acme-*']}
                sampler: {always_on: }
              - sampler: {probability: {ratio: 0.1}}
";
    let (config, notices) = load(text).unwrap();
    let shown = config.sampler.to_string();
    for part in
        ["parentbased_", "kind=server and http.route=/healthz: always_off", "/readyz", "tenant=acme-*: always_on"]
    {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(shown.contains("traceidratio(0.1)") && notices.is_empty(), "{shown} {notices:?}");
}

#[test]
fn a_file_that_grows_without_end_by_its_aliases_is_refused() {
    let line = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
    let rest: String = (1..9).map(line).collect();
    assert!(message(&format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{rest}")).contains("not YAML"));
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let none = Builder::default().config_file("/no/such/otel.yaml").resolve(&Env::new(&|_| None, Vec::new()));
    let message = none.unwrap_err().to_string();
    assert!(message.contains("/no/such/otel.yaml") && message.contains("can't be read"), "{message}");
    let settings = Settings::default();
    let variable = |name: &str| (name == "OTEL_EXPERIMENTAL_CONFIG_FILE").then(|| "/also/none.yaml".to_owned());
    assert!(resolve(settings, None, &Env::new(&variable, Vec::new())).unwrap_err().to_string().contains("/also/none"));
}

#[cfg(feature = "prometheus-server")]
#[test]
fn a_reader_that_is_asked_is_prometheus_under_the_names_of_every_version() {
    use crate::metrics::{PrometheusNames, PrometheusPage};
    let reader = |settings: &str| {
        format!(
            "file_format: \"1.0\"\nmeter_provider:\n  readers:\n    - pull:\n        exporter: {{prometheus/development: {{{settings}}}}}\n"
        )
    };
    let (config, notices) = load(&reader(
        "host: 0.0.0.0, port: 9100, translation_strategy: no_translation/development, \
        scope_info_enabled: false, resource_constant_labels: {included: ['service.*'], excluded: [service.version]}",
    ))
    .unwrap();
    assert_eq!((config.prometheus.host.as_str(), config.prometheus.port), ("0.0.0.0", 9100));
    let page = PrometheusPage::default().names(PrometheusNames::NoTranslation).scope_labels(false);
    assert_eq!(config.prometheus.page, page.resource_labels(["service.*"], ["service.version"]));
    assert!(config.metrics && !config.signals_to(Destination::Prometheus).is_empty() && notices.is_empty());
    let (config, notices) =
        load(&reader("without_scope_info: true, without_target_info: true, with_resource_constant_labels: {excluded: [a]}, without_units: true"))
            .unwrap();
    let page = PrometheusPage::default().scope_labels(false).target_info(false).resource_labels(["*"], ["a"]);
    assert_eq!((config.prometheus.page, notices.len()), (page, 1));
    assert!(message(&reader("port: 94640")).contains("from 0 to 65535"));
    assert!(message(&reader("hosts: x")).contains("hosts"));
}
