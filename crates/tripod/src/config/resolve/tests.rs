use std::collections::HashMap;

use super::*;
use crate::config::{Builder, Compression, OtlpProtocol};
use crate::context::propagation::Propagator;
use crate::export::Console;
use crate::instrument::MetricNames;
use crate::metrics::ExemplarFilter;

fn resolve(builder: Builder, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let names = variables.keys().map(ToString::to_string).collect();
    builder.resolve(&Env::new(&|name| variables.get(name).map(ToString::to_string), names))
}

fn of(variables: &[(&str, &str)]) -> Config {
    resolve(Builder::default(), variables).unwrap()
}

fn urls(config: &Config) -> [&str; 3] {
    config.otlp.each_ref().map(|target| target.url.as_str())
}

#[test]
fn code_comes_before_the_environment_and_the_environment_before_defaults() {
    let variables = [
        ("OTEL_SERVICE_NAME", "from-env"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=lesser,team=core%20team"),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
    ];
    let name = |config: &Config| config.resource().service_name().to_owned();
    let config = of(&variables);
    assert_eq!(name(&config), "from-env");
    assert_eq!(config.batch.map(|batch| batch.delay.as_millis()), [250, 1000]);
    assert_eq!(config.otlp[0].url, "http://collector:4318/v1/traces");
    assert_eq!(config.resource().get("team").unwrap().to_string(), "core team");
    let code = Builder::default().service_name("from-code").otlp_endpoint("http://code:1");
    let config = resolve(code, &variables).unwrap();
    assert_eq!(name(&config), "from-code");
    assert_eq!(config.otlp[1].url, "http://code:1/v1/metrics");
    let config = of(&[]);
    assert!(name(&config).starts_with("unknown_service"));
    assert_eq!(config.otlp[2].url, "http://localhost:4318/v1/logs");
}

#[test]
fn a_bad_value_is_an_error_that_names_variable_value_and_what_is_allowed() {
    let bad = [
        ("OTEL_BSP_SCHEDULE_DELAY", "soon", "milliseconds"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "0", "above 0"),
        ("OTEL_SDK_DISABLED", "yes", "true or false"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "always_on"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x", "http://localhost:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no pair", "key=value"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "brotli", "gzip"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift", "grpc"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file.pem", if cfg!(feature = "tls") { "read" } else { "tls" }),
        ("OTEL_LOG_LEVEL", "loud", "warn"),
        ("OTEL_PROPAGATORS", "b3,ottrace", "b3multi, jaeger and xray"),
        ("OTEL_LOGS_EXPORTER", "otlp,moon", "console"),
        ("OTEL_METRICS_EXPORTER", "statistics", "remote_write, cloudwatch or none"),
        ("TRIPOD_METRIC_NAMES", "prometheus", "must be opentelemetry or catalog"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "94640", "from 0 to 65535"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some", "trace_based"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "-1", "whole number"),
        ("OTEL_RESOURCE_DETECTORS", "host,moon", "container"),
        ("METRICS_SAMPLE_RATE", "2", "from 0 to 1"),
        ("ENABLE_TRACING", "1", "true or false"),
    ];
    for (name, value, allowed) in bad {
        let message = resolve(Builder::default(), &[(name, value)]).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(value) && message.contains(allowed), "{message}");
    }
}

#[test]
fn propagators_come_from_code_then_the_environment_then_are_those_of_w3c() {
    let variable = [("OTEL_PROPAGATORS", "jaeger, b3")];
    assert_eq!(of(&[]).propagators, Propagators::DEFAULT);
    assert_eq!(of(&variable).propagators, Propagators::from_iter([Propagator::Jaeger, Propagator::B3]));
    let code = Builder::default().propagators([Propagator::XRay]);
    assert_eq!(resolve(code, &variable).unwrap().propagators, Propagators::from_iter([Propagator::XRay]));
}

#[test]
fn names_of_metrics_come_from_code_then_the_environment_and_are_else_left_as_they_are() {
    let variable = [("TRIPOD_METRIC_NAMES", "catalog")];
    assert_eq!(of(&variable).metric_names, Some(MetricNames::Catalog));
    let config = resolve(Builder::default().metric_names(MetricNames::OpenTelemetry), &variable).unwrap();
    assert_eq!(config.metric_names, Some(MetricNames::OpenTelemetry));
    assert_eq!(of(&[]).metric_names, None);
}

#[test]
fn an_empty_variable_is_as_good_as_none_and_a_bare_host_is_a_url() {
    let config = of(&[("OTEL_SDK_DISABLED", ""), ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp:4318")]);
    assert!(!config.disabled);
    assert_eq!(config.otlp[0].url, "http://otlp:4318/v1/traces");
}

#[test]
fn a_signals_own_endpoint_is_called_as_it_is_and_the_common_one_gets_the_signals_path() {
    let config = of(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/otlp/"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:9090/api/v1/otlp/v1/metrics"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:3100"),
    ]);
    let metrics = "http://metrics:9090/api/v1/otlp/v1/metrics";
    assert_eq!(urls(&config), ["http://all:4318/otlp/v1/traces", metrics, "http://logs:3100/"]);
    let code = Builder::default().otlp_endpoint("all").otlp_signal_endpoint(Signal::Logs, "http://logs/push");
    let config = resolve(code, &[]).unwrap();
    assert_eq!(urls(&config), ["http://all/v1/traces", "http://all/v1/metrics", "http://logs/push"]);
}

#[test]
fn what_is_set_for_one_signal_comes_before_what_is_set_for_all() {
    let config = of(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=all"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=traces"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "4000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "3000"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "2000"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "30000"),
    ]);
    assert_eq!(config.otlp.each_ref().map(|target| target.headers[0].1.as_str()), ["traces", "all", "all"]);
    let compression = [Compression::Gzip, Compression::Gzip, Compression::None];
    assert_eq!(config.otlp.each_ref().map(|target| target.compression), compression);
    assert_eq!(config.otlp.each_ref().map(|target| target.timeout.as_secs()), [4, 3, 2]);
}

#[cfg(not(feature = "otlp-grpc"))]
#[test]
fn gprcs_port_is_answered_with_https_and_said_unless_it_is_said_to_be_https() {
    let seed = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let config = of(&seed);
    assert_eq!(config.otlp[0].url, "http://localhost:4318/v1/traces");
    assert!(config.notices.len() == 1 && config.notices[0].contains("port 4318 is used"), "{:?}", config.notices);
    let config = of(&[seed[0], ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]);
    assert_eq!(config.otlp[0].url, "http://localhost:4317/v1/traces");
    assert!(config.notices.is_empty());
    let config = of(&[seed[1]]);
    assert_eq!(config.otlp[0].url, "http://localhost:4318/v1/traces");
    assert!(config.notices[0].contains("`otlp-grpc`"), "{:?}", config.notices);
}

#[cfg(not(feature = "otlp-json"))]
#[test]
fn json_that_is_not_built_in_is_protobuf_and_said() {
    let config = of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]);
    assert_eq!(config.otlp[0].protocol, OtlpProtocol::HttpProtobuf);
    assert!(config.notices[0].contains("http/protobuf is used instead"), "{:?}", config.notices);
}

#[cfg(all(feature = "otlp-http", feature = "otlp-grpc", feature = "otlp-json"))]
#[test]
fn each_signal_has_its_protocol_and_the_address_tells_it_where_nothing_else_does() {
    let spoken = |variables: &[(&str, &str)]| {
        let config = of(variables);
        assert!(config.notices.is_empty(), "{:?}", config.notices);
        config.otlp.map(|target| (target.protocol, target.url))
    };
    let grpc = |url: &str| (OtlpProtocol::Grpc, url.to_owned());
    let http = |url: &str| (OtlpProtocol::HttpProtobuf, url.to_owned());
    assert_eq!(spoken(&[])[0], http("http://localhost:4318/v1/traces"));
    assert_eq!(spoken(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")])[2], grpc("http://localhost:4317"));
    assert_eq!(spoken(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")])[1], grpc("http://c:4317"));
    let http_there =
        spoken(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]);
    assert_eq!(http_there[1], http("http://c:4317/v1/metrics"));
    let mixed = spoken(&[
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:9999/v1/traces"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
    ]);
    let json = (OtlpProtocol::HttpJson, "http://localhost:4318/v1/metrics".to_owned());
    assert_eq!(mixed, [grpc("http://t:9999"), json, http("http://localhost:4318/v1/logs")]);
}

#[cfg(all(unix, feature = "otlp-http", feature = "otlp-grpc"))]
#[test]
fn sockets_are_for_grpc_alone() {
    for given in ["unix:/run/otlp.sock", "unix:///run/otlp.sock"] {
        let config = of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", given), ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", given)]);
        for signal in [0, 2] {
            assert_eq!(
                (config.otlp[signal].protocol, config.otlp[signal].url.as_str()),
                (OtlpProtocol::Grpc, "unix:/run/otlp.sock")
            );
        }
    }
    let http =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "unix:/run/otlp.sock"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")];
    let error = resolve(Builder::default(), &http).unwrap_err().to_string();
    assert!(error.contains("Unix sockets"), "{error}");
    assert!(resolve(Builder::default(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "unix:")]).is_err());
}

#[cfg(feature = "tls")]
#[test]
fn a_host_without_a_scheme_is_secure_where_it_is_said_or_its_port_says_so() {
    let url = |endpoint, insecure: &str| {
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_INSECURE", insecure)];
        of(&variables).otlp[0].url.clone()
    };
    assert_eq!(url("c:4318", ""), "http://c:4318/v1/traces");
    assert_eq!(url("c:4318", "false"), "https://c:4318/v1/traces");
    assert_eq!(url("c:443", ""), "https://c:443/v1/traces");
    assert_eq!(url("c:443", "true"), "http://c:443/v1/traces");
    assert_eq!(url("http://c:443", "false"), "http://c:443/v1/traces");
}

#[test]
fn jaegers_endpoint_is_taken_as_its_otlp_port_for_spans_alone() {
    let config = of(&[("OTEL_EXPORTER_JAEGER_ENDPOINT", "jaeger:6831")]);
    assert_eq!(urls(&config)[..2], ["http://jaeger:4318/v1/traces", "http://localhost:4318/v1/metrics"]);
    assert!(config.notices[0].contains("OTEL_EXPORTER_JAEGER_ENDPOINT=jaeger:6831"), "{:?}", config.notices);
    let both = [("OTEL_EXPORTER_JAEGER_ENDPOINT", "jaeger:6831"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp:4318")];
    assert_eq!(of(&both).otlp[0].url, "http://otlp:4318/v1/traces");
}

#[test]
fn jaegers_agent_is_found_on_its_host_and_the_exporter_of_its_name_is_otlp() {
    let config = of(&[("OTEL_EXPORTER_JAEGER_AGENT_HOST", "agent"), ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "6831")]);
    assert_eq!(config.otlp[0].url, "http://agent:4318/v1/traces");
    assert!(
        config.notices.iter().any(|notice| notice.contains("OTEL_EXPORTER_JAEGER_AGENT_HOST=agent")),
        "{:?}",
        config.notices
    );
    let config = of(&[("OTEL_TRACES_EXPORTER", "jaeger")]);
    assert!(config.signals_to(Destination::Otlp).contains(Signal::Traces));
    assert!(config.notices[0].contains("OTEL_TRACES_EXPORTER=jaeger"), "{:?}", config.notices);
    assert!(resolve(Builder::default(), &[("OTEL_LOGS_EXPORTER", "jaeger")]).is_err(), "it takes spans alone");
}

#[test]
fn limits_of_all_attributes_hold_where_no_narrower_one_does_and_code_comes_before_both() {
    let variables = [
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "10"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "20"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "3"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "50"),
    ];
    let Limits { span, log } = of(&variables).limits;
    assert_eq!((span.attributes, span.attribute_value_length, span.links, span.events), (20, Some(100), 3, 128));
    assert_eq!((log.attributes, log.attribute_value_length), (10, Some(50)));
    let code = Builder::default().span_limits(SpanLimits { events: 5, ..SpanLimits::default() });
    let Limits { span, log } = resolve(code, &variables).unwrap().limits;
    assert_eq!(span, SpanLimits { events: 5, ..SpanLimits::default() });
    assert_eq!(log.attributes, 10);
}

#[test]
fn a_queue_counted_in_records_is_taken_as_a_kibibyte_each() {
    assert_eq!(of(&[]).queue_memory, 32 << 20);
    assert_eq!(of(&[("OTEL_BSP_MAX_QUEUE_SIZE", "8192")]).queue_memory, (8192 + 2048) << 10);
    let both = [("OTEL_BSP_MAX_QUEUE_SIZE", "100"), ("OTEL_BLRP_MAX_QUEUE_SIZE", "50")];
    assert_eq!(of(&both).queue_memory, 150 << 10);
    assert_eq!(resolve(Builder::default().queue_memory(7), &both).unwrap().queue_memory, 7);
}

#[test]
fn the_seeds_variables_mean_what_they_say_there() {
    let config = of(&[
        ("OTEL_SERVICE_VERSION", "1.0.0"),
        ("DEPLOYMENT_ENV", "production"),
        ("AWS_REGION", "eu-west-1"),
        ("ENABLE_TRACING", "False"),
        ("METRICS_SAMPLE_RATE", "1.0"),
        ("METRICS_EXPORT_INTERVAL_MS", "30000"),
        ("TRACES_EXPORT_BATCH_SIZE", "1024"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_off"),
    ]);
    assert_eq!((config.traces, config.metrics, config.logs), (false, true, true));
    assert_eq!(config.metric_interval, Some(Duration::from_secs(30)));
    assert_eq!(config.batch.map(|batch| batch.max_records), [1024, 512]);
    assert_eq!(config.exemplars, ExemplarFilter::AlwaysOff);
    let attributes: Vec<_> = config.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
    let expected = ["cloud.region=eu-west-1", "service.version=1.0.0", "deployment.environment.name=production"];
    assert_eq!(attributes, expected);
    assert!(config.notices.is_empty(), "{:?}", config.notices);
    assert!(!of(&[("METRICS_SAMPLE_RATE", "0")]).metrics);
    let half = of(&[("METRICS_SAMPLE_RATE", "0.5")]);
    assert!(half.metrics && half.notices[0].contains("METRICS_SAMPLE_RATE=0.5"), "{:?}", half.notices);
}

#[test]
fn variables_that_change_nothing_and_slips_of_the_pen_are_said() {
    let config = of(&[("OTEL_SERVICE_NAM", "x"), ("OTEL_ENTITIES", "host"), ("OTEL_PHP_DETECTORS", "none")]);
    let mut notices = config.notices;
    notices.sort();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[1].contains("OTEL_SERVICE_NAM is not known; did you mean OTEL_SERVICE_NAME?"));
    assert!(notices[0].contains("OTEL_ENTITIES changes nothing"));
}

fn names(signals: Signals) -> Vec<&'static str> {
    Signals::ALL.into_iter().filter(|signal| signals.contains(*signal)).map(Signal::as_str).collect()
}

#[test]
fn each_signal_goes_to_the_exporters_that_its_variable_names() {
    let variables =
        [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "otlp, console"), ("OTEL_BSP_SCHEDULE_DELAY", "900")];
    let config = of(&variables);
    assert_eq!((config.traces, config.metrics, config.logs), (false, true, true));
    assert_eq!(names(config.signals_to(Destination::Otlp)), ["metrics", "logs"]);
    assert_eq!(names(config.signals_to(Destination::Console)), ["logs"]);
    assert_eq!(config.batch.map(|batch| batch.delay.as_millis()), [900, 1000], "a console does not change it");
    let config = resolve(Builder::default().console(Console::Json), &[]).unwrap();
    assert_eq!(names(config.signals_to(Destination::Otlp)), ["traces", "metrics", "logs"]);
    assert_eq!(names(config.signals_to(Destination::Console)), ["traces", "logs"]);
    assert_eq!(config.console, Console::Json);
}

#[cfg(all(feature = "statsd", feature = "datadog"))]
#[test]
fn metrics_go_to_statsd_and_datadog_where_the_variable_names_them_and_only_then_theirs_are_read() {
    let metrics = |exporters| ("OTEL_METRICS_EXPORTER", exporters);
    let config = of(&[metrics("statsd,datadog"), ("STATSD_HOST", "metrics"), ("DD_API_KEY", "abc")]);
    assert_eq!(names(config.signals_to(Destination::Statsd)), ["metrics"]);
    assert_eq!(names(config.signals_to(Destination::Otlp)), ["traces", "logs"]);
    assert_eq!(config.statsd.unwrap().address, "metrics");
    assert!(config.datadog.is_some());
    let error = resolve(Builder::default(), &[metrics("datadog")]).err().unwrap().to_string();
    assert!(error.contains("DD_API_KEY"), "{error}");
    assert!(resolve(Builder::default(), &[("OTEL_TRACES_EXPORTER", "statsd")]).is_err(), "it knows no traces");
    let config = of(&[("DD_TAGS", ":value"), ("DD_API_KEY", "abc")]);
    assert!(config.statsd.is_none() && config.datadog.is_none());
}

#[test]
fn otlp_tells_what_the_temporality_says_and_histograms_without_buckets_become_exponential() {
    let config =
        resolve(Builder::default(), &[("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta")]).unwrap();
    assert_eq!(config.temporality, crate::metrics::Temporality::Delta);
    let variable = [("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")];
    assert_eq!(resolve(Builder::default(), &variable).unwrap().views.list.len(), 1);
    assert!(resolve(Builder::default(), &[(variable[0].0, "best")]).is_err());
}

#[cfg(feature = "prometheus-server")]
#[test]
fn prometheus_asks_where_the_code_or_the_specifications_variables_or_the_seeds_say() {
    let on = ("OTEL_METRICS_EXPORTER", "prometheus");
    let address = |config: &Config| (config.prometheus.host.clone(), config.prometheus.port);
    assert_eq!(address(&of(&[on])), ("localhost".to_owned(), 9464));
    let seeds = [("PROMETHEUS_HOST", "0.0.0.0"), ("PROMETHEUS_PORT", "9090")];
    assert_eq!(address(&of(&[on, seeds[0], seeds[1]])), ("0.0.0.0".to_owned(), 9090));
    let otel = ("OTEL_EXPORTER_PROMETHEUS_PORT", "9101");
    assert_eq!(address(&of(&[on, seeds[0], seeds[1], otel])), ("0.0.0.0".to_owned(), 9101));
    let config = resolve(Builder::default().prometheus(":0"), &[otel]).unwrap();
    assert_eq!(address(&config), ("localhost".to_owned(), 0));
    assert!(resolve(Builder::default().prometheus("here:there"), &[]).unwrap_err().to_string().contains("here:there"));
    // Set, but not turned on.
    let notices = of(&seeds).notices;
    assert!(notices[0].contains("OTEL_METRICS_EXPORTER=prometheus turns it on"), "{notices:?}");
}

#[cfg(feature = "prometheus-server")]
#[test]
fn what_the_code_serves_to_prometheus_goes_by_otlp_only_where_that_is_said() {
    let goes = |variables: &[(&str, &str)]| {
        let config = resolve(Builder::default().prometheus(""), variables).unwrap();
        [Destination::Otlp, Destination::Prometheus].map(|to| names(config.signals_to(to)))
    };
    assert_eq!(goes(&[]), [vec!["traces", "logs"], vec!["metrics"]]);
    assert_eq!(goes(&[("OTEL_METRICS_EXPORTER", "otlp")]), [vec!["traces", "metrics", "logs"], vec!["metrics"]]);
    assert_eq!(goes(&[("OTEL_METRICS_EXPORTER", "none")]), [vec!["traces", "logs"], vec!["metrics"]]);
}

#[test]
fn the_pushgateways_variables_are_read() {
    let config = of(&[
        ("PUSHGATEWAY_URL", "http://gateway:9091"),
        ("PUSHGATEWAY_JOB", "nightly"),
        ("PUSHGATEWAY_GROUPING", "instance=db%2F1,zone=a"),
        ("PUSHGATEWAY_DELETE_ON_CLOSE", "true"),
    ]);
    let own = config.pushgateway;
    assert_eq!(
        (own.url.as_str(), own.job.as_deref(), own.adds, own.deletes),
        ("http://gateway:9091", Some("nightly"), false, true)
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(own.grouping, [pair("instance", "db/1"), pair("zone", "a")]);
}
