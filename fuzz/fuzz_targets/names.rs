//! Prometheus names: valid whatever they were made from, and left alone when they already are.
#![no_main]

use tripod_wire::otlp::KeyValue;
use tripod_wire::prometheus::names::{MetricKind, label_name, labels, metric_name, unit_word};

fn is_valid(name: &str, colons: bool) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || colons && c == ':';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(valid)
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (name, unit) = text.split_once('\n').unwrap_or((text, ""));
    let word = unit_word(unit);
    for kind in [MetricKind::Counter, MetricKind::UpDownCounter, MetricKind::Gauge, MetricKind::Histogram] {
        let named = metric_name(name, unit, kind);
        assert!(is_valid(&named, true), "{name:?} in {unit:?} became {named:?}");
        let is_total = named == "total" || named.ends_with("_total");
        assert!(kind != MetricKind::Counter || is_total, "{name:?} in {unit:?} became {named:?}");
        // A unit of that name would be taken for the suffix.
        if !word.contains("total") {
            assert_eq!(metric_name(&named, unit, kind), named, "{name:?} in {unit:?}, once more");
        }
    }
    assert!(word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{unit:?} became {word:?}");

    let attributes: Vec<_> = text.split('\n').map(|key| KeyValue::new(key, key)).collect();
    let labels = labels(&attributes);
    assert!(labels.is_sorted_by(|a, b| a.0 < b.0), "{labels:?}");
    for (name, _) in &labels {
        assert!(is_valid(name, false), "{name:?} is no label name");
        assert_eq!(&label_name(name), name);
    }
    let values: usize = labels.iter().map(|(_, value)| value.len() + 1).sum();
    assert_eq!(values, text.len() + 1, "every value is kept once, joined by one character");
});
