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

#[derive(Debug)]
struct Declined(std::io::Error);

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the card was declined")
    }
}

impl std::error::Error for Declined {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn an_error_is_recorded_with_its_type_message_and_causes() {
    let telemetry = telemetry();
    let error = Declined(std::io::Error::other("the bank hung up"));
    tripod::error!("payment failed", error = !error, order = 17);
    let boxed: Box<dyn std::error::Error> = Box::new(error);
    tripod::error!("payment failed", error = !&*boxed);
    let logs = telemetry.logs();
    let [first, second] = [&logs[0].attributes, &logs[1].attributes];
    assert!(attribute(first, "exception.type").to_string().ends_with("Declined"));
    for attributes in [first, second] {
        assert_eq!(attribute(attributes, "exception.message"), &"the card was declined".into());
        assert_eq!(attribute(attributes, "exception.stacktrace"), &"caused by: the bank hung up".into());
        assert!(attributes.iter().all(|attribute| attribute.key != "error"));
    }
    assert_eq!(attribute(first, "order"), &17_i64.into());
    assert!(second.iter().all(|attribute| attribute.key != "exception.type"), "behind a trait object it is not known");
}

#[test]
fn secrets_are_not_recorded_in_logs_spans_or_events() {
    let telemetry = telemetry();
    {
        let span = tripod::span!("log in", user = "ada", password = "hunter2");
        span.set_attribute("http.request.header.authorization", "Bearer abc");
        tripod::event!("refreshed", session.token = "abc");
        tripod::info!("logged in", api_key = 12345, tokens = 3);
    }
    let span = telemetry.span("log in");
    assert_eq!(attribute(&span.attributes, "password"), &"[redacted]".into());
    assert_eq!(attribute(&span.attributes, "http.request.header.authorization"), &"[redacted]".into());
    assert_eq!(attribute(&span.attributes, "user"), &"ada".into());
    assert_eq!(attribute(&span.events[0].attributes, "session.token"), &"[redacted]".into());
    let logs = telemetry.logs();
    assert_eq!(attribute(&logs[0].attributes, "api_key"), &"[redacted]".into());
    assert_eq!(attribute(&logs[0].attributes, "tokens"), &3_i64.into());
}

#[test]
fn the_code_says_what_is_redacted() {
    let telemetry = telemetry_with(|builder| builder.redact(["card.*", "pin"]));
    tripod::info!("paid", card.number = "4111", pin = 1234, password = "shown, as the list was replaced");
    let logs = telemetry.logs();
    assert_eq!(attribute(&logs[0].attributes, "card.number"), &"[redacted]".into());
    assert_eq!(attribute(&logs[0].attributes, "pin"), &"[redacted]".into());
    assert_eq!(attribute(&logs[0].attributes, "password"), &"shown, as the list was replaced".into());
}

#[test]
fn beyond_its_rate_a_place_is_silent_and_what_was_left_out_is_said_later() {
    let telemetry = telemetry_with(|builder| builder.log_rate_limit(1));
    let noisy = || tripod::warn!("again");
    (0..1000).for_each(|_| noisy());
    tripod::info!("another place is not affected");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    noisy();
    let logs = telemetry.logs();
    let again: Vec<_> = logs.iter().filter(|log| log.body == "again".into()).collect();
    assert!((2..1001).contains(&again.len()), "{}", again.len());
    let suppressed = |log: &&tripod_wire::otlp::LogRecord| {
        log.attributes.iter().find(|a| a.key == "log.suppressed").map_or(0, |a| a.value.to_string().parse().unwrap())
    };
    assert_eq!(again.iter().map(suppressed).sum::<usize>() + again.len(), 1001, "none is left out in silence");
    assert!(logs.iter().any(|log| log.body == "another place is not affected".into()));
}

#[test]
fn a_record_may_have_a_target_an_events_name_and_its_place_in_the_code() {
    let telemetry = telemetry_with(|builder| builder.log_location(true));
    tripod::info!(target: "shop::users", event: "user.login", "welcome", user.id = 17);
    let line = i64::from(line!() - 1);
    telemetry.flush();
    let data = &telemetry.memory().logs_data()[0].resource_logs[0].scope_logs[0];
    let log = &data.log_records[0];
    assert_eq!((data.scope.name.as_str(), log.event_name.as_str()), ("shop::users", "user.login"));
    assert_eq!(attribute(&log.attributes, "user.id"), &17_i64.into());
    assert!(attribute(&log.attributes, "code.file.path").to_string().ends_with("logs.rs"));
    assert_eq!(attribute(&log.attributes, "code.line.number"), &line.into());
    assert_eq!(attribute(&log.attributes, "code.namespace"), &"logs".into());
}
