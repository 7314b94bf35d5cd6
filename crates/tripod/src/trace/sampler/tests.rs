use tripod_wire::otlp::trace::SpanKind;

use super::*;
use crate::context::{SpanContext, SpanId, TraceFlags, TraceId};
use crate::{Value, engine};

fn parent(flags: TraceFlags, remote: bool) -> SpanContext {
    SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([1; 8]), flags, remote }
}

fn start<'a>(parent: &'a SpanContext, name: &'a str) -> SpanStart<'a> {
    let attributes = StartAttributes::Listed(&[]);
    SpanStart {
        trace_id: TraceId([1; 16]),
        parent,
        trace_state: None,
        name,
        kind: SpanKind::INTERNAL,
        scope: 0,
        attributes,
    }
}

fn below(sampler: &Sampler, flags: TraceFlags) -> bool {
    sampler.decide(&start(&parent(flags, true), "work")).sampled
}

fn at_root(sampler: &Sampler, name: &str) -> bool {
    sampler.decide(&start(&SpanContext::default(), name)).sampled
}

#[test]
fn the_callers_decision_is_followed_unless_told_otherwise() {
    assert!(below(&Sampler::always_off(), TraceFlags::SAMPLED));
    assert!(!below(&Sampler::always_on(), TraceFlags::NONE));
    assert!(!below(&Sampler::always_off().ignoring_parent(), TraceFlags::SAMPLED));
    assert!(below(&Sampler::always_on().ignoring_parent(), TraceFlags::NONE));
}

#[test]
fn an_open_decision_is_taken_here_and_debug_is_heeded_by_all_that_heed_parents() {
    assert!(below(&Sampler::always_on(), TraceFlags::UNDECIDED));
    assert!(!below(&Sampler::always_off(), TraceFlags::UNDECIDED));
    let strict = Sampler::always_on().remote_parent_sampled(Sampler::always_off());
    assert!(below(&strict, TraceFlags::UNDECIDED));
    assert!(!below(&strict, TraceFlags::SAMPLED));
    assert!(below(&strict, TraceFlags::DEBUG));
    assert!(!below(&Sampler::always_off().ignoring_parent(), TraceFlags::DEBUG));
}

#[test]
fn each_kind_of_parent_can_have_a_sampler_of_its_own() {
    let sampler = Sampler::always_on()
        .remote_parent_sampled(Sampler::always_off())
        .remote_parent_not_sampled(Sampler::always_on())
        .local_parent_not_sampled(Sampler::always_on());
    let decide = |flags, remote| sampler.decide(&start(&parent(flags, remote), "work")).sampled;
    assert_eq!([decide(TraceFlags::SAMPLED, true), decide(TraceFlags::NONE, true)], [false, true]);
    assert_eq!([decide(TraceFlags::SAMPLED, false), decide(TraceFlags::NONE, false)], [true, true]);
    let expected = "parentbased(root=always_on, local_parent_not_sampled=always_on, \
                    remote_parent_not_sampled=always_on, remote_parent_sampled=always_off)";
    assert_eq!(sampler.to_string(), expected);
}

#[test]
fn the_first_rule_that_fits_decides() {
    let scope = engine::scope_id("sampler-test/db");
    let sampler = Sampler::rules(
        [
            SamplingRule::new(Sampler::always_off()).name("GET /health*"),
            SamplingRule::new(Sampler::always_on()).kind(SpanKind::SERVER).attribute("http.status", "5??"),
            SamplingRule::new(Sampler::always_on()).scope("sampler-test/*"),
        ],
        Sampler::always_off(),
    );
    assert!(!at_root(&sampler, "GET /healthz"));
    assert!(!at_root(&sampler, "GET /users"));
    let root = SpanContext::default();
    let failed = [("http.status", Value::Int(200)), ("http.status", Value::Int(503))];
    let mut span = SpanStart { attributes: StartAttributes::Listed(&failed), ..start(&root, "GET /users") };
    assert!(!sampler.decide(&span).sampled, "of another kind");
    span.kind = SpanKind::SERVER;
    assert!(sampler.decide(&span).sampled);
    span.name = "GET /health";
    assert!(!sampler.decide(&span).sampled, "the earlier rule comes first");
    for _ in 0..2 {
        assert!(
            sampler.decide(&SpanStart { scope, ..start(&root, "SELECT") }).sampled,
            "also from what is kept of the scope"
        );
        assert!(!at_root(&sampler, "SELECT"));
    }
    let shown = "parentbased_rules(name=GET /health*: parentbased_always_off; kind=server and http.status=5??: \
                 parentbased_always_on; scope=sampler-test/*: parentbased_always_on; otherwise: parentbased_always_off)";
    assert_eq!(sampler.to_string(), shown);
}

#[test]
fn a_rate_is_for_traces_that_begin_here() {
    let sampler = Sampler::rate_limited(2.0);
    assert_eq!((0..100).filter(|_| at_root(&sampler, "work")).count(), 2);
    assert!(below(&sampler, TraceFlags::SAMPLED));
    assert_eq!(sampler.to_string(), "parentbased_rate_limited(2/s)");
}

#[test]
fn a_programs_own_sampler_is_asked_and_one_that_panics_says_no() {
    struct Named;
    impl Sample for Named {
        fn sample(&self, span: &SpanStart<'_>) -> bool {
            assert!(span.name() != "broken");
            span.name() == "kept"
        }

        fn description(&self) -> String {
            "by_name".to_owned()
        }
    }
    let sampler = Sampler::custom(Named);
    assert_eq!(["kept", "other", "broken"].map(|name| at_root(&sampler, name)), [true, false, false]);
    assert_eq!(sampler.ignoring_parent().to_string(), "by_name");
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
    assert!("sometimes".parse::<Sampler>().unwrap_err().contains("traceidratio"));
    assert!(Sampler::from_names("traceidratio", Some("2")).unwrap_err().contains("from 0 to 1"));
    for remote in ["jaeger_remote", "parentbased_jaeger_remote", "xray"] {
        let error = remote.parse::<Sampler>().unwrap_err();
        assert!(error.contains("not supported") && error.contains("parentbased_"), "{error}");
    }
}

#[test]
fn a_sampler_is_shown_by_the_name_that_selects_it() {
    for name in ["always_on", "always_off", "parentbased_always_on", "parentbased_always_off"] {
        assert_eq!(name.parse::<Sampler>().unwrap().to_string(), name);
    }
    assert_eq!(Sampler::from_names("traceidratio", Some("0.25")).unwrap().to_string(), "traceidratio(0.25)");
}
