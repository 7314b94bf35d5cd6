//! The crate `prometheus`, version 0.14: its registries are collected with Tripod's own metrics and sent with them.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! tripod::bridge::prometheus::register(prometheus::default_registry());
//!
//! let requests = prometheus::register_int_counter_vec!("http_requests_total", "Requests served", &["method"])?;
//! requests.with_label_values(&["GET"]).inc();
//! # Ok(())
//! # }
//! ```
//!
//! `prometheus` has no façade to record through: an instrument keeps its own numbers. So nothing changes where they are recorded, and
//! it costs what it cost before; at each collection the registry is gathered, on the collector's thread. Metrics keep their names,
//! under the scope `prometheus`; a name that ends in `_seconds` or `_bytes` says the unit.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::prometheus::proto::{self, MetricFamily, MetricType};
use ::prometheus::{Registry, default_registry};
use tripod_wire::otlp::metrics::{
    AggregationTemporality, HistogramDataPoint, MetricData, NumberDataPoint, NumberValue, SummaryDataPoint,
    ValueAtQuantile,
};
use tripod_wire::otlp::{KeyValue, Metric};

use super::gathered::{Times, histogram_point, unix_nanos_now};
use crate::engine;
use crate::metrics::registry::{self, Source};

const SCOPE: &str = "prometheus";

/// Has the metrics of a registry collected with Tripod's own, for as long as the process runs. May be called before telemetry
/// starts. A registry that is given twice is sent twice, except for the default one.
pub fn register(registry: &Registry) {
    static DEFAULT: AtomicBool = AtomicBool::new(false);
    if ptr::eq(registry, default_registry()) && DEFAULT.swap(true, Ordering::Relaxed) {
        return;
    }
    let (scope, start) = (engine::scope_id(SCOPE), unix_nanos_now());
    registry::add_source(Arc::new(Gathered { registry: registry.clone(), scope, start }));
}

struct Gathered {
    registry: Registry,
    scope: u16,
    /// Since when the numbers are known. They may be older: `prometheus` does not say.
    start: u64,
}

impl Source for Gathered {
    fn scope(&self) -> u16 {
        self.scope
    }

    fn metrics(&self) -> Vec<Metric> {
        let times = Times::since(self.start);
        self.registry.gather().iter().filter_map(|family| metric(family, times)).collect()
    }
}

/// The family as a metric; `None` of a kind that no instrument of the crate has.
fn metric(family: &MetricFamily, times: Times) -> Option<Metric> {
    let aggregation_temporality = AggregationTemporality::CUMULATIVE;
    let all = family.get_metric();
    let data = match family.get_field_type() {
        MetricType::COUNTER => MetricData::Sum {
            data_points: all.iter().map(|one| number(one, one.get_counter().value(), times.start, times)).collect(),
            aggregation_temporality,
            is_monotonic: true,
        },
        MetricType::GAUGE => MetricData::Gauge {
            data_points: all.iter().map(|one| number(one, one.get_gauge().value(), 0, times)).collect(),
        },
        MetricType::HISTOGRAM => MetricData::Histogram {
            data_points: all.iter().map(|one| histogram(one, times)).collect(),
            aggregation_temporality,
        },
        MetricType::SUMMARY => MetricData::Summary { data_points: all.iter().map(|one| summary(one, times)).collect() },
        MetricType::UNTYPED => return None,
    };
    Some(Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        unit: unit_of(family.name()).to_owned(),
        data,
        metadata: Vec::new(),
    })
}

/// The unit that the name ends in, by Prometheus's conventions.
fn unit_of(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    if name.ends_with("_seconds") {
        "s"
    } else if name.ends_with("_bytes") {
        "By"
    } else {
        ""
    }
}

fn labels(metric: &proto::Metric) -> Vec<KeyValue> {
    metric.get_label().iter().map(|label| KeyValue::new(label.name(), label.value())).collect()
}

fn number(metric: &proto::Metric, value: f64, start: u64, times: Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes: labels(metric),
        start_time_unix_nano: start,
        time_unix_nano: times.now,
        value: NumberValue::Double(value),
        ..Default::default()
    }
}

fn histogram(metric: &proto::Metric, times: Times) -> HistogramDataPoint {
    let from = metric.get_histogram();
    let buckets = from.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    histogram_point(labels(metric), buckets, from.get_sample_count(), from.get_sample_sum(), times)
}

fn summary(metric: &proto::Metric, times: Times) -> SummaryDataPoint {
    let from = metric.get_summary();
    let quantile =
        |quantile: &proto::Quantile| ValueAtQuantile { quantile: quantile.quantile(), value: quantile.value() };
    SummaryDataPoint {
        attributes: labels(metric),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count: from.sample_count(),
        sum: from.sample_sum(),
        quantile_values: from.get_quantile().iter().map(quantile).collect(),
        ..Default::default()
    }
}
