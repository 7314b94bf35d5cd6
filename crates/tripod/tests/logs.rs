//! Log records as a user writes them, read back from the bytes that are sent.

mod common;

use common::{attribute, telemetry, telemetry_with};
use tripod::Level;
use tripod_wire::otlp::logs::SeverityNumber;

#[test]
fn a_log_in_a_span_names_its_trace_and_span() {
    let telemetry = telemetry();
    let (user, span) = ("ada", tripod::span!("work"));
    let context = span.context();
    tripod::warn!("{user} is slow", duration_ms = 5000, table = "users");
    drop(span);
    tripod::info!("outside");
    let logs = telemetry.logs();
    assert_eq!(logs[0].body, "ada is slow".into());
    assert_eq!((logs[0].severity_number, logs[0].severity_text.as_str()), (SeverityNumber::WARN, "WARN"));
    assert_eq!((logs[0].trace_id, logs[0].span_id), (context.trace_id, context.span_id));
    assert_eq!(attribute(&logs[0].attributes, "duration_ms"), &5000_i64.into());
    assert!(logs[0].time_unix_nano > 1_600_000_000_000_000_000);
    assert_eq!(logs[1].body, "outside".into());
    assert!(!logs[1].trace_id.is_valid());
}

#[test]
fn below_the_level_nothing_is_recorded() {
    let telemetry = telemetry_with(|builder| builder.log_level(Level::Warn));
    tripod::info!("too quiet");
    tripod::error!("loud enough");
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].body, "loud enough".into());
    assert!(!tripod::log_enabled(Level::Info) && tripod::log_enabled(Level::Warn));
}

#[test]
fn a_component_records_under_its_own_scope() {
    let telemetry = telemetry();
    let orders = tripod::telemetry("orders");
    orders.trace("place order").end();
    orders.error("out of stock", tripod::labels!(sku = "x-1"));
    orders.counter("orders_total").build().inc(&[]);
    telemetry.flush();
    let memory = telemetry.memory();
    assert_eq!(memory.traces()[0].resource_spans[0].scope_spans[0].scope.name, "orders");
    assert_eq!(memory.logs_data()[0].resource_logs[0].scope_logs[0].scope.name, "orders");
    let data = memory.metrics_data();
    let scopes = &data.last().unwrap().resource_metrics[0].scope_metrics;
    assert!(scopes.iter().any(|scope| scope.scope.name == "orders" && scope.metrics[0].name == "orders_total"));
}
