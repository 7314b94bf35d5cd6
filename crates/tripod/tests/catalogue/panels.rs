//! The queries that the guide gives for panels and alerts ask for metrics of the catalogue, by labels that these have.

use std::collections::BTreeSet;

use tripod::catalog::{self, Metric};

const GUIDE: &str = include_str!("../../../../docs/how-to/instrument/catalogue.md");

/// The rows of the tables of panels and of alerts.
fn queries() -> Vec<&'static str> {
    let (_, tables) = GUIDE.split_once("## Panels and alerts").unwrap();
    let rows = tables.lines().filter(|line| line.starts_with('|') && line.contains('`'));
    rows.map(|row| row.split('`').nth(1).unwrap()).collect()
}

/// Names in a query that are not those of functions: of metrics, and of the labels that are matched or summed by.
fn names(query: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let not_ours = ["sum", "max", "by", "rate", "increase", "deriv", "histogram_quantile", "le", "success", "error"];
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase()) && !not_ours.contains(word);
    let (metrics, labels): (BTreeSet<&str>, BTreeSet<&str>) =
        words.filter(is_word).partition(|word| metric(word).is_some());
    (metrics, labels)
}

/// The metrics whose samples have this name.
fn metric(sample: &str) -> Option<Vec<Metric>> {
    let family = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| sample.strip_suffix(suffix));
    let is_it = |metric: &&Metric| [Some(sample), family].contains(&Some(&*metric.prometheus_name()));
    let found: Vec<Metric> = catalog::metrics().filter(is_it).copied().collect();
    (!found.is_empty()).then_some(found)
}

#[test]
fn every_panel_and_alert_has_a_metric_with_its_labels() {
    let queries = queries();
    // 5 + 3 for adapters, 5 + 4 + 4 + 5 for the platform, 11 + 10 for pipelines.
    assert_eq!(queries.len(), 47);
    for query in queries {
        let (metrics, labels) = names(query);
        assert_eq!(metrics.len(), if query.contains("_sum[") && query.contains("_count[") { 2 } else { 1 }, "{query}");
        let of: Vec<Metric> = metrics.iter().filter_map(|name| metric(name)).flatten().collect();
        let known: BTreeSet<String> = of.iter().flat_map(Metric::prometheus_labels).collect();
        let unknown: Vec<_> = labels.iter().filter(|label| !known.contains(**label)).collect();
        assert!(unknown.is_empty(), "{query}: {unknown:?}");
    }
}
