//! What must hold for any data and query: both ways to evaluate agree, parts add up, and no text makes the engine panic.

use proptest::prelude::*;
use tripod_promql::{Engine, Labels, Memory, Output, QueryError, RangeSeries, STALE_NAN, SampleValue, Series, Value};

const STEP: i64 = 30_000;

fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let value = prop_oneof![
        8 => (0_u32..1000).prop_map(f64::from),
        2 => -10.0..10.0,
        1 => Just(f64::NAN),
        1 => Just(STALE_NAN),
        1 => Just(f64::INFINITY),
    ];
    prop::collection::vec((1_i64..60_000, value), 0..40).prop_map(|gaps| {
        let mut time = 0;
        gaps.into_iter()
            .map(|(gap, value)| {
                time += gap;
                (time, value)
            })
            .collect()
    })
}

fn memory() -> impl Strategy<Value = Memory> {
    let labels = ["a", "b", "c"].into_iter().flat_map(|x| ["1", "2"].map(|y| (x, y)));
    let labels: Vec<_> = labels.collect();
    (prop::collection::vec(samples(), labels.len()), prop::collection::vec(samples(), 2)).prop_map(
        move |(many, few)| {
            let mut memory = Memory::default();
            let mut add = |labels: Labels, floats| memory.add(Series { labels, floats, histograms: Vec::new() });
            for ((x, y), floats) in labels.iter().zip(many) {
                add(Labels::new([("__name__", "m_total"), ("x", *x), ("y", *y)]), floats);
            }
            for (y, floats) in ["1", "2"].into_iter().zip(few) {
                add(Labels::new([("__name__", "n"), ("y", y)]), floats);
            }
            memory
        },
    )
}

const WINDOWED: &[&str] = &[
    "rate",
    "increase",
    "delta",
    "irate",
    "changes",
    "resets",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "stddev_over_time",
    "last_over_time",
    "deriv",
    "count_over_time",
    "mad_over_time",
];
const AGGREGATIONS: &[&str] = &["sum", "avg", "min", "max", "count", "stddev", "group"];
const OPERATORS: &[&str] = &["+", "-", "*", "/", "%", "^", ">", "<=", "== bool", "and", "or", "unless", "atan2"];

fn vector() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("m_total"),
        Just("n"),
        Just("m_total offset 45s"),
        Just("m_total @ 300"),
        Just("n @ end()"),
        Just("n @ start()"),
        Just("m_total{x!=\"a\"}"),
        Just("{__name__=~\"m.*\",y=\"1\"}"),
        Just("absent(n{y=\"1\"})"),
        Just("vector(time())"),
        Just("n or m_total{x=\"a\"}"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            (prop::sample::select(WINDOWED), inner.clone()).prop_map(|(f, e)| format!("{f}(({e})[2m:20s])")),
            prop::sample::select(WINDOWED).prop_map(|f| format!("{f}(m_total[90s])")),
            (prop::sample::select(AGGREGATIONS), inner.clone()).prop_map(|(f, e)| format!("{f} by (y) ({e})")),
            (prop::sample::select(AGGREGATIONS), inner.clone()).prop_map(|(f, e)| format!("{f} without (x) ({e})")),
            (prop::sample::select(OPERATORS), inner.clone(), inner.clone())
                .prop_map(|(op, a, b)| format!("sum by (y) ({a}) {op} max by (y) ({b})")),
            (prop::sample::select(&OPERATORS[..9]), inner.clone())
                .prop_map(|(op, a)| format!("({a}) {op} on (y) group_left () max by (y) (n)")),
            (prop::sample::select(&OPERATORS[..9]), inner.clone()).prop_map(|(op, e)| format!("({e}) {op} 2")),
            inner.clone().prop_map(|e| format!("-({e})")),
            inner.clone().prop_map(|e| format!("clamp_max(abs({e}), scalar(n{{y=\"1\"}}))")),
            inner.clone().prop_map(|e| format!("label_replace({e}, \"z\", \"$1\", \"y\", \"(.*)\")")),
            inner.prop_map(|e| format!("timestamp({e})")),
        ]
    })
}

/// Ranked only at the top: ranks order an instant vector, and sums over another order round differently.
fn query() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => vector(),
        1 => (1..4, vector()).prop_map(|(k, e)| format!("topk by (y) ({k}, {e})")),
        1 => (1..4, vector()).prop_map(|(k, e)| format!("bottomk({k}, {e})")),
    ]
}

/// The samples of a matrix at one time, as text that compares.
fn at(series: &[RangeSeries], time: i64) -> Vec<String> {
    let value = |one: &RangeSeries| one.floats.iter().find(|(at, _)| *at == time).map(|(_, value)| *value);
    let mut all: Vec<_> = series.iter().filter_map(|one| Some(format!("{} {:?}", one.labels, value(one)?))).collect();
    all.sort();
    all
}

fn vector_of(output: Output) -> Vec<String> {
    let Value::Vector(samples) = output.value else { panic!("not a vector") };
    let show = |value: &SampleValue| format!("{:?}", value.float().expect("a number"));
    let mut all: Vec<_> = samples.iter().map(|one| format!("{} {}", one.labels, show(&one.value))).collect();
    all.sort();
    all
}

fn matrix_of(output: Output) -> Vec<RangeSeries> {
    let Value::Matrix(series) = output.value else { panic!("not a matrix") };
    series
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_range_query_gives_at_each_step_what_an_instant_query_gives_there(memory in memory(), query in query(), delayed: bool) {
        // What @ start() and @ end() mean differs between the two.
        let query = query.replace("@ start()", "@ 90").replace("@ end()", "@ 500");
        let engine = Engine { delayed_name_removal: delayed, ..Engine::default() };
        let (start, end) = (60_000, 600_000);
        match engine.range(&memory, &query, start, end, STEP) {
            Ok(output) => {
                let series = matrix_of(output);
                for time in (start..=end).step_by(STEP as usize) {
                    let instant = engine.instant(&memory, &query, time);
                    prop_assert!(instant.is_ok(), "{query} fails at {time} alone: {instant:?}");
                    prop_assert_eq!(at(&series, time), vector_of(instant.unwrap()), "{} at {}", query, time);
                }
            }
            Err(error) => {
                let fails = |time| engine.instant(&memory, &query, time).is_err();
                prop_assert!((start..=end).step_by(STEP as usize).any(fails), "{query} fails only as a range: {error}");
            }
        }
    }

    #[test]
    fn the_parts_of_a_sum_sum_up_to_the_whole(memory in memory(), time in 0_i64..1_200_000) {
        let engine = Engine::default();
        for aggregation in ["sum", "count"] {
            let whole = engine.instant(&memory, &format!("{aggregation}(m_total < Inf)"), time).unwrap();
            let parts = engine.instant(&memory, &format!("sum({aggregation} by (x) (m_total < Inf))"), time).unwrap();
            let number = |output: Output| match output.value {
                Value::Vector(samples) => samples.first().and_then(|sample| sample.value.float()),
                _ => None,
            };
            let (whole, parts) = (number(whole), number(parts));
            prop_assert_eq!(whole.is_some(), parts.is_some());
            let (whole, parts) = (whole.unwrap_or(0.0), parts.unwrap_or(0.0));
            prop_assert!((whole - parts).abs() <= 1e-9 * whole.abs().max(1.0), "{} {}", whole, parts);
        }
    }

    #[test]
    fn a_query_that_is_laid_out_reads_back_as_the_same(query in query()) {
        let laid_out = Engine::format(&query).unwrap();
        prop_assert_eq!(Engine::syntax_tree(&query).unwrap(), Engine::syntax_tree(&laid_out).unwrap(), "{}", laid_out);
        prop_assert_eq!(Engine::format(&laid_out).unwrap(), laid_out);
    }

    #[test]
    fn no_text_makes_a_query_panic(text in ".{0,60}") {
        run(&text);
    }

    #[test]
    fn no_arrangement_of_tokens_makes_a_query_panic(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..25)) {
        run(&tokens.join(" "));
        run(&tokens.concat());
    }

    #[test]
    fn no_damage_to_a_query_makes_it_panic(query in vector(), at in any::<prop::sample::Index>(), with in ".{0,3}") {
        let boundaries: Vec<_> = query.char_indices().map(|(at, _)| at).collect();
        let mut damaged = query.clone();
        damaged.replace_range(boundaries[at.index(boundaries.len())].., &with);
        run(&damaged);
    }
}

const TOKENS: &[&str] = &[
    "m_total",
    "n",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "5m",
    ":",
    "1m",
    "offset",
    "@",
    "-",
    "+",
    "*",
    "/",
    "^",
    "==",
    "!=",
    "=~",
    "=",
    "bool",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "by",
    "without",
    "sum",
    "topk",
    "rate",
    "histogram_quantile",
    "time",
    "\"x\"",
    "'\\x'",
    "`y`",
    ",",
    "1",
    "0.5",
    "1e999",
    "NaN",
    "Inf",
    "x",
    "le",
    "#",
    "\n",
    "and",
    "or",
    "unless",
    "start()",
    "end()",
    "label_replace",
    "99999999999999y",
    "0x1",
    "é",
    "\u{0}",
    ".",
    "..",
    "fill",
    "fill_left (",
    "smoothed",
    "anchored",
    "step()",
    "range()",
    "min(",
    "max_of(",
    "</",
    ">/",
    "vector",
    "scalar",
    "absent",
    "atan2",
    "%",
];

fn run(query: &str) {
    let mut memory = Memory::default();
    let labels = Labels::new([("__name__", "m_total"), ("x", "1")]);
    memory.add(Series { labels, floats: vec![(0, 1.0), (30_000, 2.0)], histograms: Vec::new() });
    let limits = tripod_promql::Limits { max_samples: 10_000, ..Default::default() };
    let engine = Engine { limits, ..Engine::default() };
    let _: Result<Output, QueryError> = engine.instant(&memory, query, 60_000);
    let _: Result<Output, QueryError> = engine.range(&memory, query, 0, 120_000, 30_000);
    if let Ok(laid_out) = Engine::format(query) {
        assert_eq!(Engine::format(&laid_out).ok().as_ref(), Some(&laid_out), "{query}");
    }
}
