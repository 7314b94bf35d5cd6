//! Programs that call `log`, and programs that call everything, read back from the bytes that are sent.
#![cfg(all(feature = "log", feature = "tracing"))]

mod common;

use std::io;
use std::sync::Once;

use common::{Telemetry, attribute, telemetry_with};
use log::LevelFilter;
use tracing_subscriber::prelude::*;
use tripod::{Builder, Level};
use tripod_wire::otlp::AnyValue;
use tripod_wire::otlp::logs::SeverityNumber;

/// Telemetry with all bridges, set up once a process.
fn telemetry(change: impl FnOnce(Builder) -> Builder) -> Telemetry {
    static BRIDGES: Once = Once::new();
    BRIDGES.call_once(|| {
        tripod::bridge::log::init().unwrap();
        tracing_subscriber::registry().with(tripod::bridge::tracing::layer()).try_init().unwrap();
    });
    telemetry_with(change)
}

#[test]
fn a_record_has_its_severity_message_place_and_target() {
    let telemetry = telemetry(|builder| builder.log_level(Level::Trace));
    log::trace!("one");
    log::debug!("two");
    log::info!("three");
    log::warn!("four");
    log::error!(target: "app::orders", "five of {}", 5);
    let logs = telemetry.logs();
    let severities: Vec<_> = logs.iter().map(|log| log.severity_number).collect();
    // A batch is by scope, so the last may stand anywhere.
    for severity in [SeverityNumber::TRACE, SeverityNumber::DEBUG, SeverityNumber::INFO, SeverityNumber::WARN] {
        assert!(severities.contains(&severity), "{severities:?}");
    }
    let five = logs.iter().find(|log| log.severity_number == SeverityNumber::ERROR).unwrap();
    assert_eq!(five.body, "five of 5".into());
    assert_eq!(attribute(&five.attributes, "code.file.path"), &file!().into());
    assert!(matches!(attribute(&five.attributes, "code.line.number"), AnyValue::Int(line) if *line > 0));
    let data = telemetry.memory().logs_data();
    let scopes = &data[0].resource_logs[0].scope_logs;
    assert!(scopes.iter().any(|scope| scope.scope.name == "app::orders" && scope.log_records.len() == 1));
    assert!(scopes.iter().any(|scope| scope.scope.name == module_path!() && scope.log_records.len() == 4));
}

#[derive(Debug, thiserror::Error)]
#[error("charging failed")]
struct Failed(#[source] io::Error);

#[test]
fn key_values_keep_their_types_and_an_error_its_chain() {
    let telemetry = telemetry(|builder| builder);
    let error = Failed(io::Error::other("no such table"));
    log::info!(n = -1, big = u64::MAX, share = 0.5, ok = true, name = "ada", shown:? = Some(1), none = (), err:err = error; "done");
    let log = &telemetry.logs()[0];
    let value = |key: &str| attribute(&log.attributes, key).clone();
    assert_eq!(value("n"), (-1_i64).into());
    assert_eq!(value("big"), u64::MAX.to_string().into());
    assert_eq!(value("share"), 0.5.into());
    assert_eq!(value("ok"), true.into());
    assert_eq!(value("name"), "ada".into());
    assert_eq!(value("shown"), "Some(1)".into());
    assert_eq!(value("none"), AnyValue::Empty);
    assert_eq!(value("err"), "charging failed".into());
    assert_eq!(value("exception.message"), "charging failed".into());
    assert_eq!(value("exception.stacktrace"), "caused by: no such table".into());
}

#[test]
fn the_highest_level_follows_the_configuration() {
    let mut telemetry = telemetry(|builder| builder.log_level(Level::Warn));
    assert_eq!(log::max_level(), LevelFilter::Warn);
    log::info!("too quiet");
    log::warn!("loud enough");
    assert_eq!(telemetry.logs().len(), 1);
    telemetry.stop();
    assert_eq!(log::max_level(), LevelFilter::Off);
    drop(telemetry);
    let _telemetry = self::telemetry(|builder| builder.log_level(Level::Debug));
    assert_eq!(log::max_level(), LevelFilter::Debug);
}

#[test]
fn a_second_logger_is_an_error() {
    let _telemetry = telemetry(|builder| builder);
    assert!(tripod::bridge::log::init().is_err());
}

#[test]
fn spans_and_records_of_all_crates_are_one_trace() {
    let telemetry = telemetry(|builder| builder);
    {
        let _request = tripod::span!("request");
        log::info!("log in request");
        let _charge = tracing::info_span!("charge").entered();
        log::info!("log in charge");
        tracing::info!("tracing in charge");
        let _query = tripod::span!("query");
        log::info!("log in query");
        tracing::info!("tracing in query");
        tripod::info!("tripod in query");
    }
    let spans = ["request", "charge", "query"].map(|name| telemetry.span(name));
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    assert_eq!(spans[2].parent_span_id, spans[1].span_id);
    assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id));
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 6);
    for log in logs {
        let AnyValue::String(body) = &log.body else { panic!("{:?}", log.body) };
        let span = spans.iter().find(|span| body.ends_with(&span.name)).unwrap();
        assert_eq!((log.trace_id, log.span_id), (span.trace_id, span.span_id), "{body}");
    }
}

#[test]
fn what_tracing_log_hands_on_says_where_it_came_from() {
    let telemetry = telemetry(|builder| builder);
    tracing::info!(
        target: "log",
        {
            log.target = "sqlx::query",
            log.module_path = "sqlx::query",
            log.file = "query.rs",
            log.line = 7_u64,
            rows = 3,
        },
        "selected"
    );
    let log = &telemetry.logs()[0];
    assert_eq!(log.attributes.len(), 1);
    assert_eq!(attribute(&log.attributes, "rows"), &3_i64.into());
    assert_eq!(telemetry.memory().logs_data()[0].resource_logs[0].scope_logs[0].scope.name, "sqlx::query");
}
