//! Programs that call `tracing`, recorded by the layer and read back from the bytes that are sent.
#![cfg(feature = "tracing")]

mod common;
mod tracing_calls;

use common::{attribute, telemetry_with};
use tracing_calls::{is_child, telemetry};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::prelude::*;
use tripod::Level;
use tripod_wire::otlp::AnyValue;

fn install() {
    tracing_subscriber::registry().with(tripod::bridge::tracing::layer()).init();
}

#[test]
fn a_span_has_its_target_as_scope_and_its_place_when_asked_for() {
    let telemetry = telemetry();
    let layer = tripod::bridge::tracing::layer().with_location(true).with_level(true);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _span = tracing::warn_span!(target: "app::orders", "placed").entered();
        tracing::info!(target: "app::stock", "here");
    });
    let span = telemetry.span("placed");
    assert_eq!(attribute(&span.attributes, "code.file.path"), &file!().into());
    assert!(matches!(attribute(&span.attributes, "code.line.number"), AnyValue::Int(line) if *line > 0));
    assert_eq!(attribute(&span.attributes, "level"), &"WARN".into());
    let log = &telemetry.logs()[0];
    assert_eq!(attribute(&log.attributes, "code.file.path"), &file!().into());
    let memory = telemetry.memory();
    assert_eq!(memory.traces()[0].resource_spans[0].scope_spans[0].scope.name, "app::orders");
    assert_eq!(memory.logs_data()[0].resource_logs[0].scope_logs[0].scope.name, "app::stock");
}

#[test]
fn a_filter_of_the_layer_hides_a_span_but_not_the_trace() {
    let telemetry = telemetry();
    let layer = tripod::bridge::tracing::layer().with_filter(filter_fn(|metadata| metadata.name() != "hidden"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _outer = tracing::info_span!("outer").entered();
        let _hidden = tracing::info_span!("hidden").entered();
        let _inner = tracing::info_span!("inner").entered();
    });
    let (outer, inner) = (telemetry.span("outer"), telemetry.span("inner"));
    assert!(is_child(&inner, &outer));
    assert_eq!(telemetry.spans().len(), 2);
}

#[test]
fn events_obey_tracings_filter_and_the_level_that_is_recorded() {
    let telemetry = telemetry_with(|builder| builder.log_level(Level::Info));
    let subscriber = tracing_subscriber::registry().with(tripod::bridge::tracing::layer()).with(LevelFilter::WARN);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("filtered");
        tracing::warn!("kept");
    });
    let subscriber = tracing_subscriber::registry().with(tripod::bridge::tracing::layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("too quiet");
        tracing::info!("loud enough");
    });
    let bodies: Vec<_> = telemetry.logs().into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, ["kept".into(), "loud enough".into()]);
}
