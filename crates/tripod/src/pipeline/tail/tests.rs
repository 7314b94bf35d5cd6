use tripod_wire::SpanId;
use tripod_wire::otlp::trace::{SpanKind, StatusCode};

use super::*;
use crate::context::{SpanContext, TraceFlags};
use crate::{Value, encode, engine};

/// A finished span of a trace; span 1 is its root, unless it is said to be remote.
struct Made {
    trace: u8,
    span: u8,
    remote: bool,
    name: &'static str,
    millis: u64,
    failed: bool,
    attributes: Vec<(&'static str, Value<'static>)>,
}

fn span(trace: u8, span: u8) -> Made {
    Made { trace, span, remote: false, name: "work", millis: 1, failed: false, attributes: Vec::new() }
}

impl Made {
    fn record(&self) -> Vec<u8> {
        let context = |span: u8, remote: bool| SpanContext {
            trace_id: TraceId([self.trace; 16]),
            span_id: SpanId([span; 8]),
            flags: TraceFlags::SAMPLED,
            remote,
        };
        let mut body = encode::Buffer::default();
        for (key, value) in &self.attributes {
            encode::attribute(&mut body, encode::field::SPAN_ATTRIBUTES, key, value, u32::MAX);
        }
        encode::status(&mut body, if self.failed { StatusCode::ERROR } else { StatusCode::UNSET }, "it failed");
        let has_parent = self.span != 1 || self.remote;
        let mut out = vec![0; encode::span_room(self.name, body.as_slice())];
        let parts = encode::SpanParts {
            context: &context(self.span, false),
            parent: if has_parent { SpanId([99; 8]) } else { SpanId::NONE },
            parent_remote: self.remote,
            name: self.name,
            kind: SpanKind::INTERNAL,
            start_unix_nanos: 1_000,
            end_unix_nanos: 1_000 + self.millis * 1_000_000,
            body: body.as_slice(),
        };
        let len = encode::span(&mut out, &parts);
        out.truncate(len);
        out
    }
}

/// A buffer with a clock that stands still unless it is moved.
struct Bench {
    tail: Tail,
    counts: TailCounts,
    now: Instant,
    kept: Vec<Vec<u8>>,
}

impl Bench {
    fn new(settings: impl Into<TailSampling>) -> Self {
        let tail = Tail::new(settings.into());
        Self { tail, counts: TailCounts::default(), now: Instant::now(), kept: Vec::new() }
    }

    fn take(&mut self, span: &Made) {
        let keep = &mut |_: Tag, record: &[u8]| self.kept.push(record.to_vec());
        self.tail.take(engine::span_tag(3), &span.record(), self.now, &self.counts, keep);
    }

    fn round(&mut self, all: bool) {
        let mut keep = |tag: Tag, record: &[u8]| {
            assert_eq!(tag, engine::span_tag(3), "the scope goes along");
            self.kept.push(record.to_vec());
        };
        self.tail.end_round(all, self.now, &self.counts, &mut keep);
    }

    /// What a policy says of one trace.
    fn keeps(policy: TailPolicy, spans: &[Made]) -> bool {
        let mut bench = Self::new(policy);
        spans.iter().for_each(|span| bench.take(span));
        bench.round(true);
        assert!(bench.kept.is_empty() || bench.kept.len() == spans.len(), "a trace is kept as a whole or not at all");
        !bench.kept.is_empty()
    }
}

#[test]
fn a_trace_is_decided_a_round_after_its_root_ended_and_as_a_whole() {
    let mut bench = Bench::new(TailPolicy::errors());
    bench.take(&span(1, 2));
    bench.take(&span(2, 2));
    bench.take(&span(1, 1));
    bench.round(false);
    assert!(bench.kept.is_empty(), "another thread's spans may be on their way");
    let failed = Made { failed: true, ..span(1, 3) };
    bench.take(&failed);
    bench.round(false);
    assert_eq!(bench.kept, [span(1, 2).record(), span(1, 1).record(), failed.record()]);
    let stats = bench.counts.stats();
    assert_eq!((stats.traces_kept, stats.traces_dropped, stats.spans_dropped), (1, 0, 0), "the other has not ended");
}

#[test]
fn what_ends_after_the_decision_follows_it() {
    let mut bench = Bench::new(TailPolicy::errors());
    bench.take(&Made { failed: true, ..span(1, 1) });
    bench.take(&span(2, 1));
    bench.round(true);
    bench.take(&span(1, 2));
    bench.take(&Made { failed: true, ..span(2, 2) });
    assert_eq!(bench.kept.len(), 2);
    assert_eq!(bench.counts.stats().spans_dropped, 2);
    assert_eq!(bench.tail.memory, 0);
}

#[test]
fn a_trace_that_does_not_end_is_decided_after_the_timeout() {
    let mut bench = Bench::new(TailSampling::new(TailPolicy::all()).timeout(Duration::from_secs(5)));
    bench.take(&span(1, 2));
    bench.now += Duration::from_secs(4);
    bench.take(&span(1, 3));
    bench.round(false);
    assert!(bench.kept.is_empty());
    bench.now += Duration::from_secs(1);
    bench.round(false);
    assert_eq!((bench.kept.len(), bench.counts.stats().timed_out), (2, 1));
}

#[test]
fn beyond_its_bounds_the_oldest_trace_is_decided_early() {
    let mut bench = Bench::new(TailSampling::new(TailPolicy::all()).max_traces(10));
    for trace in 1..=30 {
        bench.take(&span(trace, 2));
        assert!(bench.tail.traces.len() <= 10 && bench.tail.by_age.len() <= 10);
    }
    assert_eq!((bench.kept.len(), bench.counts.stats().decided_early), (20, 20));
    assert_eq!(bench.kept[0], span(1, 2).record());

    let mut bench = Bench::new(TailSampling::new(!TailPolicy::all()).max_bytes(4096));
    for n in 2..=255 {
        bench.take(&span(n % 3 + 1, n));
        assert!(bench.tail.memory <= 4096);
    }
    bench.round(true);
    let stats = bench.counts.stats();
    assert_eq!((stats.spans_dropped, bench.kept.len(), bench.tail.memory), (254, 0, 0));
    assert!(stats.decided_early > 0);
}

#[test]
fn a_span_with_a_parent_in_another_process_is_where_the_trace_begins_here() {
    let mut bench = Bench::new(TailPolicy::all());
    bench.take(&Made { remote: true, ..span(1, 2) });
    bench.round(false);
    bench.round(false);
    assert_eq!(bench.kept.len(), 1);
}

#[test]
fn each_policy_sees_what_it_is_about() {
    let slow = || [Made { millis: 600, ..span(1, 2) }, Made { millis: 400, ..span(1, 1) }];
    let half_a_second = Duration::from_millis(500);
    assert!(!Bench::keeps(TailPolicy::slower_than(half_a_second), &slow()), "a child may outlive its root");
    assert!(Bench::keeps(TailPolicy::any_span_slower_than(half_a_second), &slow()));
    assert!(
        Bench::keeps(TailPolicy::slower_than(half_a_second), &[Made { millis: 600, ..span(1, 2) }]),
        "without a root"
    );

    let named = || [span(1, 1), Made { name: "GET /health", ..span(1, 2) }];
    assert!(Bench::keeps(TailPolicy::name("GET /health*"), &named()));
    assert!(!Bench::keeps(TailPolicy::name("GET /users"), &named()));
    assert!(!Bench::keeps(!TailPolicy::name("GET /health*"), &named()));

    let attributes = vec![("http.status", Value::Int(503)), ("tenant", Value::Str("acme"))];
    let with = || [Made { attributes: attributes.clone(), ..span(1, 1) }];
    assert!(Bench::keeps(TailPolicy::attribute("http.status", "5??"), &with()));
    assert!(Bench::keeps(
        TailPolicy::attribute("tenant", "ac*").and(TailPolicy::attribute("http.status", "503")),
        &with()
    ));
    assert!(!Bench::keeps(TailPolicy::attribute("tenant", "other").or(TailPolicy::errors()), &with()));
}

#[test]
fn a_ratio_is_a_share_also_of_what_a_sampler_has_left() {
    use crate::Sampler;
    use crate::trace::sampler::{SpanStart, StartAttributes};
    let (mut random, head) = (fastrand::Rng::with_seed(7), Sampler::ratio(0.5));
    let (mut sampled, mut kept) = (0, 0);
    let none = SpanContext::default();
    for _ in 0..20_000 {
        let trace_id = TraceId(random.u128(..).to_be_bytes());
        let attributes = StartAttributes::Listed(&[]);
        let start = SpanStart {
            trace_id,
            parent: &none,
            trace_state: None,
            name: "",
            kind: SpanKind::INTERNAL,
            scope: 0,
            attributes,
        };
        if head.decide(&start).sampled {
            sampled += 1;
            kept += u32::from(TailPolicy::ratio(0.1).keeps(trace_id, &Spans::default()));
        }
    }
    assert!((sampled / 11..sampled / 9).contains(&kept), "{kept} of {sampled}");
}

#[test]
fn a_rate_is_only_used_up_by_what_nothing_before_it_keeps() {
    let mut bench = Bench::new(TailPolicy::errors().or_rate_limited(2.0));
    for trace in 1..=20 {
        bench.take(&Made { failed: trace <= 10, ..span(trace, 1) });
    }
    bench.round(true);
    assert_eq!(bench.counts.stats().traces_kept, 12);
}

#[test]
fn a_policy_shows_how_it_is_composed() {
    let policy =
        TailPolicy::errors().or_slower_than(Duration::from_millis(500)).or_ratio(0.1).and(!TailPolicy::name("x*"));
    assert_eq!(policy.to_string(), "((errors or slower_than(500ms) or ratio(0.1)) and not name=x*)");
}
