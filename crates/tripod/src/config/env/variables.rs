//! Every variable that is read. `docs/reference/configuration.md` has the same list with what each means.

/// Variables that are the same for all signals and for each: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` ….
const OTLP: [&str; 9] = [
    "ENDPOINT",
    "HEADERS",
    "COMPRESSION",
    "TIMEOUT",
    "PROTOCOL",
    "CERTIFICATE",
    "CLIENT_KEY",
    "CLIENT_CERTIFICATE",
    "INSECURE",
];
const OTLP_PREFIXES: [&str; 4] =
    ["OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_METRICS_", "OTEL_EXPORTER_OTLP_LOGS_"];

const OTHERS: &[&str] = &[
    // General
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_SERVICE_VERSION",
    "OTEL_ENVIRONMENT",
    "DEPLOYMENT_ENV",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_RESOURCE_DETECTORS",
    "OTEL_LOG_LEVEL",
    "OTEL_PROPAGATORS",
    "OTEL_CONFIG_FILE",
    "OTEL_EXPERIMENTAL_CONFIG_FILE",
    "AWS_REGION",
    // Signals
    "ENABLE_TRACING",
    "ENABLE_METRICS",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "OTEL_EXPORTER_JAEGER_AGENT_HOST",
    // Files of JSON lines
    "OTEL_EXPORTER_OTLP_FILE_FOLDER",
    "OTEL_EXPORTER_OTLP_FILE_MAX_BYTES",
    "OTEL_EXPORTER_OTLP_FILE_MAX_AGE",
    "OTEL_EXPORTER_OTLP_FILE_KEEP",
    // Traces
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "TRACES_EXPORT_BATCH_SIZE",
    // Logs
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    // Metrics
    "OTEL_METRIC_EXPORT_INTERVAL",
    "METRICS_EXPORT_INTERVAL_MS",
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    "OTEL_METRICS_EXEMPLAR_FILTER",
    "METRICS_SAMPLE_RATE",
    // StatsD and Datadog
    "STATSD_HOST",
    "STATSD_PORT",
    "STATSD_PREFIX",
    "DD_DOGSTATSD_URL",
    "DD_AGENT_HOST",
    "DD_DOGSTATSD_PORT",
    "DD_ENTITY_ID",
    "DD_API_KEY",
    "DD_SITE",
    "DD_SERVICE",
    "DD_ENV",
    "DD_VERSION",
    "DD_TAGS",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "PROMETHEUS_HOST",
    "PROMETHEUS_PORT",
    "PUSHGATEWAY_URL",
    "PUSHGATEWAY_JOB",
    "PUSHGATEWAY_GROUPING",
    "PUSHGATEWAY_USERNAME",
    "PUSHGATEWAY_PASSWORD",
    "PUSHGATEWAY_ADD",
    "PUSHGATEWAY_DELETE_ON_CLOSE",
    // Limits
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
];

/// Variables of the specification, and of the seeds, for what does not exist here: said, if one is set.
pub(super) const UNSUPPORTED: &[(&str, &str)] = &[
    ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "spans are sent to Jaeger by OTLP, port 4318"),
    ("OTEL_EXPORTER_JAEGER_PROTOCOL", "spans are sent to Jaeger by OTLP"),
    ("OTEL_EXPORTER_JAEGER_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is read"),
    ("OTEL_EXPORTER_JAEGER_USER", "OTEL_EXPORTER_OTLP_TRACES_HEADERS is read"),
    ("OTEL_EXPORTER_JAEGER_PASSWORD", "OTEL_EXPORTER_OTLP_TRACES_HEADERS is read"),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "spans are not sent to Zipkin"),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "spans are not sent to Zipkin"),
    ("OTEL_ENTITIES", "a resource has attributes only"),
];

/// All that are read.
pub(crate) fn all() -> impl Iterator<Item = String> {
    let otlp = OTLP_PREFIXES.into_iter().flat_map(|prefix| OTLP.map(|setting| format!("{prefix}{setting}")));
    OTHERS.iter().map(ToString::to_string).chain(otlp)
}

/// Whether a variable is read.
pub(super) fn is_known(name: &str) -> bool {
    let otlp = |prefix: &str| name.strip_prefix(prefix).is_some_and(|setting| OTLP.contains(&setting));
    OTHERS.contains(&name) || OTLP_PREFIXES.into_iter().any(otlp)
}
