//! What becomes of the quotes: a report, with metrics of this program's own.

use std::sync::LazyLock;
use std::time::Instant;

use tripod::{Counter, Gauge, Histogram, labels, traced};

use crate::provider::Quote;

/// Made once; each lists its labels, so that a misspelt one is left out rather than a series of its own.
struct Metrics {
    operations: Counter,
    duration: Histogram,
    usage: Gauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    operations: tripod::counter("custom_operations_total")
        .description("Total custom operations")
        .labels(["operation_type", "status"])
        .build(),
    duration: tripod::histogram("custom_operation_duration_seconds")
        .description("Custom operation duration")
        .unit("s")
        .labels(["operation_type"])
        .buckets(&[0.1, 0.5, 1.0, 2.0, 5.0])
        .build(),
    usage: tripod::gauge("custom_resource_usage")
        .description("Custom resource usage")
        .labels(["resource_type"])
        .build(),
});

/// Adds up the quotes. There is nothing to report of none.
#[traced("report.write", fields(quotes = quotes.len()))]
pub(crate) fn write(quotes: &[Quote]) {
    let started = Instant::now();
    let dearest = quotes.iter().max_by(|a, b| a.price.total_cmp(&b.price));
    let status = match dearest {
        Some(Quote { symbol, price, .. }) => {
            tripod::info!("report written", quotes = quotes.len(), dearest = symbol, price = *price);
            "success"
        }
        None => "empty",
    };
    METRICS.operations.inc(labels!(operation_type = "report", status));
    METRICS.duration.record(started.elapsed().as_secs_f64(), labels!(operation_type = "report"));
    METRICS.usage.set(size_of_val(quotes) as f64, labels!(resource_type = "quotes"));
}
