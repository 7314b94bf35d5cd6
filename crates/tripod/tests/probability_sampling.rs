//! OpenTelemetry's probability sampling through the running engine: what `tracestate` says of a trace, and what decides on it.

mod common;

use std::collections::HashMap;

use common::telemetry_with;
use tripod::{Context, Sampler, SamplingRule, propagation};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// What a caller sends.
fn caller(flags: &str, trace_state: &str) -> Context {
    let headers =
        [("traceparent", format!("00-{TRACE_ID}-b7ad6b7169203331-{flags}")), ("tracestate", trace_state.to_owned())];
    propagation::extract(&headers.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<HashMap<_, _>>())
}

/// The `tracestate` that a span of this name below the caller's passes on, and whether it is recorded.
fn below(context: &Context, name: &'static str) -> (bool, String) {
    let _attached = context.clone().attach();
    let span = tripod::span!(name);
    let mut headers = HashMap::new();
    propagation::inject(&mut headers);
    (span.context().is_sampled(), headers.remove("tracestate").unwrap_or_default())
}

#[test]
fn a_trace_that_a_ratio_takes_says_how_large_the_ratio_is_wherever_it_goes() {
    let telemetry = telemetry_with(|builder| builder.sampler(Sampler::ratio(0.25)));
    let mut sampled = 0;
    for _ in 0..1000 {
        let root = tripod::span!("root");
        let passed_on = below(&Context::current(), "child");
        let expected = if root.context().is_sampled() { "ot=th:c" } else { "" };
        assert_eq!(passed_on, (root.context().is_sampled(), expected.to_owned()));
        sampled += usize::from(root.context().is_sampled());
    }
    assert!((150..350).contains(&sampled), "{sampled}");
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 2 * sampled);
    assert!(spans.iter().all(|span| span.trace_state == "ot=th:c"));
}

#[test]
fn without_a_ratio_there_is_no_state_and_what_a_caller_sends_passes_unchanged() {
    let telemetry = telemetry_with(|builder| builder);
    tripod::span!("root").end();
    assert_eq!(telemetry.span("root").trace_state, "");
    let state = "a=1,ot=th:4;x:y,b=2";
    assert_eq!(below(&caller("01", state), "child"), (true, state.to_owned()));
    assert_eq!(below(&caller("00", "a=1"), "child"), (false, "a=1".to_owned()));
}

#[test]
fn the_callers_number_decides_and_stays() {
    let _telemetry = telemetry_with(|builder| builder.sampler(Sampler::ratio(0.5).ignoring_parent()));
    let (high, low) = ("a=1,ot=rv:80000000000000;th:1", "ot=th:1;rv:7fffffffffffff,a=1");
    assert_eq!(below(&caller("00", high), "child"), (true, "ot=th:8;rv:80000000000000,a=1".to_owned()));
    assert_eq!(below(&caller("01", low), "child"), (false, "ot=rv:7fffffffffffff,a=1".to_owned()));
}

#[test]
fn a_probability_that_is_wrong_or_not_known_any_more_is_not_passed_on() {
    let rules = [SamplingRule::new(Sampler::always_on().ignoring_parent()).name("all")];
    let sampler = Sampler::rules(rules, Sampler::always_on()).ignoring_parent();
    let _telemetry = telemetry_with(|builder| builder.sampler(sampler));
    // With this threshold the caller would not have sampled this id.
    assert_eq!(below(&caller("01", "ot=th:f,a=1"), "follows"), (true, "a=1".to_owned()));
    assert_eq!(below(&caller("01", "ot=th:1,a=1"), "follows"), (true, "ot=th:1,a=1".to_owned()));
    assert_eq!(below(&caller("00", "ot=th:f;x:y"), "all"), (true, "ot=x:y".to_owned()));
}

#[test]
fn a_trace_that_begins_here_says_that_its_id_is_random() {
    let telemetry = telemetry_with(|builder| builder);
    let span = tripod::span!("root");
    let mut headers = HashMap::new();
    propagation::inject(&mut headers);
    assert!(headers["traceparent"].ends_with("-03"), "{headers:?}");
    assert!(span.context().flags.is_random());
    drop(span);
    assert_eq!(telemetry.span("root").flags & 0xff, 3);
    let _attached = caller("01", "").attach();
    assert!(!tripod::span!("child").context().flags.is_random(), "what the caller did not say is not known");
}
