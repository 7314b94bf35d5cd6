//! One switch for everything that is global, in a program where nothing else is in its place. One test: the switch is one a process.

mod common;

use common::{attribute, telemetry};
use opentelemetry::trace::Tracer;
use tripod::instrument;

#[test]
fn all_that_is_global_is_turned_on_and_stays_so() {
    let telemetry = telemetry();
    let instrumented = instrument::all();
    let parts = ["system", "log", "tracing", "metrics", "opentelemetry", "prometheus"];
    assert_eq!(instrumented.on().collect::<Vec<_>>(), parts);
    assert_eq!(instrumented.off().count(), 0);
    assert_eq!(instrumented.to_string(), parts.map(|part| format!("{part}: on")).join("\n"));
    assert_eq!(instrument::all(), instrumented, "a second time it is the same");

    log::warn!("said by log");
    tracing::info_span!("spanned by tracing").in_scope(|| tracing::info!("said by tracing"));
    metrics::counter!("counted_by_metrics").increment(3);
    opentelemetry::global::tracer("app").in_span("spanned by opentelemetry", |_| {});
    prometheus::register_int_counter!("counted_by_prometheus_total", "Counted").unwrap().inc_by(5);

    let said: Vec<String> = telemetry.logs().into_iter().map(|log| log.body.to_string()).collect();
    assert!(said.contains(&"said by log".to_owned()) && said.contains(&"said by tracing".to_owned()), "{said:?}");
    telemetry.span("spanned by tracing");
    telemetry.span("spanned by opentelemetry");
    telemetry.metric("counted_by_metrics");
    telemetry.metric("counted_by_prometheus_total");
    // Registered twice by now, and yet counted once.
    let mut page = Vec::new();
    tripod::metrics::render_prometheus(tripod::metrics::PrometheusFormat::Text, &mut page);
    let page = String::from_utf8(page).unwrap();
    let lines = page.lines().filter(|line| line.starts_with("counted_by_prometheus_total{")).count();
    assert_eq!(lines, 1, "{page}");

    // The system is seen shortly after.
    common::wait_until(|| {
        telemetry.flush();
        telemetry.memory().metrics().iter().any(|metric| metric.name == "process.thread.count")
    });
    let cpu = telemetry.metric("process.cpu.time");
    let tripod_wire::otlp::metrics::MetricData::Sum { data_points, is_monotonic: true, .. } = cpu.data else {
        panic!("{cpu:?}")
    };
    let modes = data_points.iter().map(|point| attribute(&point.attributes, "cpu.mode").to_string());
    assert_eq!(modes.collect::<Vec<_>>(), ["user", "system"]);
}
