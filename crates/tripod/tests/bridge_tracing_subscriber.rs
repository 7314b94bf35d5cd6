//! Programs that call `tracing`, recorded by the subscriber without a registry and read back from the bytes that are sent.
#![cfg(feature = "tracing")]

mod common;
mod tracing_calls;

use std::thread;

use common::attribute;
use tracing::Span;
use tracing_calls::{is_child, telemetry, traced};
use tripod::Level;
use tripod::bridge::tracing::subscriber;
use tripod_wire::otlp::AnyValue;

fn install() {
    subscriber().init().unwrap();
}

#[test]
fn a_span_has_its_target_as_scope_and_its_place_when_asked_for() {
    let telemetry = telemetry();
    let own = subscriber().with_location(true).with_level(true);
    tracing::subscriber::with_default(own, || {
        let _span = tracing::warn_span!(target: "app::orders", "placed").entered();
        tracing::info!(target: "app::stock", "here");
    });
    let span = telemetry.span("placed");
    assert_eq!(attribute(&span.attributes, "code.file.path"), &file!().into());
    assert!(matches!(attribute(&span.attributes, "code.line.number"), AnyValue::Int(line) if *line > 0));
    assert_eq!(attribute(&span.attributes, "level"), &"WARN".into());
    assert_eq!(attribute(&telemetry.logs()[0].attributes, "code.file.path"), &file!().into());
    assert_eq!(telemetry.memory().traces()[0].resource_spans[0].scope_spans[0].scope.name, "app::orders");
}

#[test]
fn a_filter_says_by_target_and_level_what_is_recorded() {
    let telemetry = telemetry();
    let own = subscriber().with_filter("info, app::db=debug, app::noisy=off").unwrap();
    tracing::subscriber::with_default(own, || {
        let outer = tracing::info_span!(target: "app", "outer").entered();
        drop(tracing::debug_span!(target: "app", "too fine"));
        let _hidden = tracing::error_span!(target: "app::noisy", "hidden").entered();
        let _inner = tracing::debug_span!(target: "app::db", "inner").entered();
        tracing::debug!(target: "app", "too fine");
        tracing::debug!(target: "app::db::pool", "kept");
        tracing::error!(target: "app::noisy", "hidden");
        assert!(!tracing::enabled!(target: "app", tracing::Level::DEBUG));
        drop(outer);
    });
    assert!(is_child(&telemetry.span("inner"), &telemetry.span("outer")));
    assert_eq!(telemetry.spans().len(), 2);
    let bodies: Vec<_> = telemetry.logs().into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, ["kept".into()]);
}

#[test]
fn a_filter_that_can_not_be_understood_is_an_error_that_says_what_can() {
    let message = subscriber().with_filter("info,app=loud").unwrap_err().to_string();
    assert!(message.contains("app=loud") && message.contains("debug, trace"), "{message}");
}

#[test]
fn what_is_recorded_follows_the_telemetry_that_runs() {
    fn speak() {
        tracing::info!("spoken");
        drop(tracing::info_span!("work"));
    }
    let mut telemetry = telemetry();
    speak();
    telemetry.flush();
    telemetry.stop();
    assert!(!tracing::enabled!(tracing::Level::ERROR), "nothing is worth recording");
    speak();
    assert_eq!((telemetry.memory().spans().len(), telemetry.memory().logs().len()), (1, 1));
    drop(telemetry);
    let telemetry = traced(|builder| builder.log_level(Level::Error));
    speak();
    assert_eq!((telemetry.spans().len(), telemetry.logs().len()), (1, 0));
}

#[test]
fn the_current_span_can_be_kept_and_entered_elsewhere() {
    let telemetry = telemetry();
    {
        assert!(Span::current().is_none());
        let _outer = tracing::info_span!("outer").entered();
        let current = Span::current();
        assert_eq!(current.metadata().unwrap().name(), "outer");
        thread::spawn(move || current.in_scope(|| drop(tracing::info_span!("elsewhere")))).join().unwrap();
        assert_eq!(Span::current().metadata().unwrap().name(), "outer");
    }
    assert!(Span::current().is_none());
    assert!(is_child(&telemetry.span("elsewhere"), &telemetry.span("outer")));
}

#[test]
fn an_id_that_outlives_its_span_reaches_no_other() {
    let telemetry = telemetry();
    let first = tracing::info_span!("first");
    let id = first.id();
    drop(first);
    let second = tracing::info_span!("second");
    drop(tracing::info_span!(parent: id.clone(), "orphan"));
    second.follows_from(id);
    drop(second);
    let orphan = telemetry.span("orphan");
    assert!(!orphan.parent_span_id.is_valid());
    assert_eq!(telemetry.span("second").links, []);
}

#[test]
fn slots_are_used_again_by_many_threads_and_every_span_arrives() {
    const THREADS: usize = 8;
    const SPANS: usize = 500;
    let telemetry = telemetry();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut handed = Vec::new();
                for n in 0..SPANS {
                    let outer = tracing::info_span!("outer", n);
                    let _entered = outer.enter();
                    handed.push(tracing::info_span!("inner", n));
                    if handed.len() > 20 {
                        handed.remove(0);
                    }
                    let closed_elsewhere = outer.clone();
                    if n % 100 == 0 {
                        thread::spawn(move || drop(closed_elsewhere)).join().unwrap();
                    }
                }
            });
        }
    });
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 2 * THREADS * SPANS);
    let outer: std::collections::HashMap<_, _> =
        spans.iter().filter(|span| span.name == "outer").map(|span| (span.span_id, span)).collect();
    for inner in spans.iter().filter(|span| span.name == "inner") {
        let parent = outer[&inner.parent_span_id];
        assert_eq!(attribute(&parent.attributes, "n"), attribute(&inner.attributes, "n"));
    }
}
