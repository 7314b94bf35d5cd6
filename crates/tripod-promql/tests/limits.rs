//! Limits end a query with an error that names them, and errors say where and what to write instead.

use std::time::Duration;

use tripod_promql::{Cancel, Engine, Labels, Limits, Memory, QueryError, Series};

fn memory(series: usize) -> Memory {
    let mut memory = Memory::default();
    for i in 0..series {
        let labels = Labels::new([("__name__".to_owned(), "m".to_owned()), ("i".to_owned(), i.to_string())]);
        memory.add(Series { labels, floats: (0..100).map(|t| (t * 1000, t as f64)).collect(), histograms: Vec::new() });
    }
    memory
}

fn error(engine: &Engine, query: &str) -> String {
    engine.instant(&memory(3), query, 60_000).expect_err(query).to_string()
}

#[test]
fn a_query_that_holds_too_many_samples_fails_and_names_the_limit() {
    let engine = Engine { limits: Limits { max_samples: 50, ..Limits::default() }, ..Engine::default() };
    assert!(error(&engine, "m").contains("more than 50 samples (limit max_samples)"), "one series has more");
    let engine = Engine { limits: Limits { max_samples: 250, ..Limits::default() }, ..Engine::default() };
    let range = |query| engine.range(&memory(3), query, 0, 99_000, 1000);
    assert!(matches!(range("m"), Err(QueryError::TooMuch(_))), "three series have 300 values");
    assert!(range("sum(m)").is_ok(), "of which a sum keeps 100, beside those of the series at hand");
    assert!(range("sum(rate(m[1m]))").is_ok());
}

#[test]
fn a_subquery_with_endless_steps_fails_before_it_uses_memory() {
    assert!(error(&Engine::default(), "max_over_time(m[100y:1ms])").contains("max_samples"));
    assert!(error(&Engine::default(), "max_over_time(max_over_time(m[1d:1ms])[1h:1s])").contains("max_samples"));
}

#[test]
fn a_range_query_has_at_most_eleven_thousand_steps() {
    let result = Engine::default().range(&memory(1), "m", 0, 11_000_000, 1000);
    assert!(matches!(result, Err(QueryError::TooMuch(message)) if message.contains("11000")));
}

#[test]
fn a_cancelled_query_ends() {
    let cancel = Cancel::default();
    cancel.cancel();
    let engine = Engine { cancel: Some(cancel), ..Engine::default() };
    assert!(matches!(engine.instant(&memory(1), "m", 0), Err(QueryError::Cancelled)));
}

#[test]
fn a_query_without_time_left_ends() {
    let engine = Engine { limits: Limits { timeout: Duration::ZERO, ..Limits::default() }, ..Engine::default() };
    assert!(matches!(engine.instant(&memory(1), "m", 0), Err(QueryError::Timeout(_))));
}

#[test]
fn times_at_the_end_of_time_are_refused() {
    assert!(Engine::default().instant(&memory(1), "m", i64::MAX).is_err());
    assert!(Engine::default().range(&memory(1), "m", i64::MIN, i64::MAX, 1).is_err());
    assert!(Engine::default().range(&memory(1), "m", 10, 0, 1).is_err());
}

#[test]
fn a_dotted_name_is_answered_with_the_two_forms_that_work() {
    let message = error(&Engine::default(), "rate(http.server.request.duration[5m])");
    assert!(message.starts_with("1:6: parse error"), "{message}");
    assert!(message.contains("http_server_request_duration") && message.contains("{\"http.server.request.duration\"}"));
}

#[test]
fn errors_point_at_the_place() {
    for (query, start) in [
        ("", "1:1: parse error: no expression"),
        ("sum(m", "1:4: parse error: \"(\" is not closed"),
        ("m )", "1:3: parse error: \")\" closes nothing"),
        ("m{a=\"b}", "1:5: parse error: string is not closed"),
        ("m *", "1:4: parse error: unexpected end of input after \"*\""),
        ("m * * n", "1:5: parse error: unexpected \"*\" after \"*\""),
        ("1 +\nrate(m)", "2:"),
        ("1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("no_such(m)", "1:1: parse error: unknown function"),
    ] {
        let message = error(&Engine::default(), query);
        assert!(message.starts_with(start), "{query}: {message}");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    let nested = format!("{}1{}", "(".repeat(4000), ")".repeat(4000));
    assert!(error(&Engine::default(), &nested).contains("nest deeper"));
    assert!(error(&Engine::default(), &format!("{}m", "-".repeat(5000))).contains("nest"));
    assert!(error(&Engine::default(), &vec!["m"; 3000].join(" or ")).contains("nest"));
    let functions = format!("{}m{}", "abs(".repeat(190), ")".repeat(190));
    assert!(Engine::default().instant(&memory(1), &functions, 0).is_ok());
}
