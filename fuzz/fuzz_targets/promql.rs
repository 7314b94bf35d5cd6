//! A query: what parses is laid out as a query that parses to the same, and has an answer or an error over a few series.
#![no_main]

use tripod_promql::notation::{Item, parse_series};
use tripod_promql::{Engine, Limits, Memory, Series};

const SERIES: [&str; 3] = [
    r#"m_total{x="1"} 0+10x20 stale 5"#,
    r#"m_total{x="2",le="0.5"} 5 3 _ NaN Inf 7x5"#,
    "h {{schema:0 count:6 sum:9 buckets:[1 2 3]}}+{{schema:0 count:1 sum:1 buckets:[1]}}x10",
];

fn memory() -> Memory {
    let mut memory = Memory::default();
    for line in SERIES {
        let (labels, items) = parse_series(line).unwrap();
        let mut series = Series { labels, floats: Vec::new(), histograms: Vec::new() };
        for (time, item) in (0..).step_by(15_000).zip(items) {
            match item {
                Item::Nothing => {}
                Item::Float(value) => series.floats.push((time, value)),
                Item::Histogram(histogram, _) => series.histograms.push((time, histogram)),
            }
        }
        memory.add(series);
    }
    memory
}

libfuzzer_sys::fuzz_target!(|query: &str| {
    if let Ok(laid_out) = Engine::format(query) {
        assert_eq!(Engine::syntax_tree(&laid_out).unwrap()["type"], Engine::syntax_tree(query).unwrap()["type"]);
        assert_eq!(Engine::format(&laid_out).unwrap(), laid_out);
    }
    let engine = Engine { limits: Limits { max_samples: 10_000, ..Limits::default() }, ..Engine::default() };
    let memory = memory();
    let _ = engine.instant(&memory, query, 200_000);
    let _ = engine.range(&memory, query, 0, 300_000, 30_000);
});
