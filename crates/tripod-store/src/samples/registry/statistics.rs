//! What the series in memory are made of.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::index::Index;
use crate::{SeriesStatistics, StatisticsRow};

const METRIC: &str = "__name__";

impl Index {
    /// The metric with the most series, and how many those are.
    pub(super) fn largest_metric(&self) -> (String, u64) {
        let largest = self.labels_named(METRIC).max_by_key(|label| label.series.len());
        largest.map_or_else(Default::default, |label| (self.symbols.get(label.value).to_owned(), label.series.len()))
    }

    /// The `limit` largest of each kind.
    pub(crate) fn statistics(&self, limit: usize) -> SeriesStatistics {
        let metrics = self.labels_named(METRIC).map(|label| (label.series.len(), label.value));
        let names = self.names().map(|(name, labels)| (labels.count() as u64, name));
        let bytes = self.names().map(|(name, labels)| {
            (labels.map(|label| self.symbols.get(label.value).len() as u64 * label.series.len()).sum(), name)
        });
        let pairs = self.names().flat_map(|(_, labels)| labels).map(|l| (l.series.len(), (l.name, l.value)));
        SeriesStatistics {
            series: self.len(),
            label_pairs: self.names().map(|(_, labels)| labels.count() as u64).sum(),
            series_by_metric: rows(&largest(metrics, limit), |value| self.symbols.get(*value).to_owned()),
            values_by_label: rows(&largest(names, limit), |name| (*name).to_owned()),
            bytes_by_label: rows(&largest(bytes, limit), |name| (*name).to_owned()),
            series_by_label_pair: rows(&largest(pairs, limit), |(name, value)| {
                format!("{}={}", self.symbols.get(*name), self.symbols.get(*value))
            }),
        }
    }
}

/// The rows with the `limit` largest counts.
fn largest<T: Ord>(counts: impl Iterator<Item = (u64, T)>, limit: usize) -> Vec<(u64, T)> {
    let mut heap = BinaryHeap::with_capacity(limit + 1);
    for count in counts {
        heap.push(Reverse(count));
        if heap.len() > limit {
            heap.pop();
        }
    }
    heap.into_sorted_vec().into_iter().map(|Reverse(count)| count).collect()
}

/// The largest first; of equal ones in order of their names.
fn rows<T>(counts: &[(u64, T)], name: impl Fn(&T) -> String) -> Vec<StatisticsRow> {
    let mut rows: Vec<_> = counts.iter().map(|(count, it)| StatisticsRow { name: name(it), count: *count }).collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    rows
}
