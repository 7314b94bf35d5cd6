//! The series that the receiver takes for alive. What ends is said, so that a query does not show its last value for five minutes more.
//!
//! A series has ended when a whole collection has passed without it. A collection may come in several batches, so which batches belong
//! together is told by when they were measured.

use std::collections::{HashMap, HashSet};

use tripod_wire::prometheus::series::{STALE_NAN, Value};

use super::gather::{Gathered, Labels, Series};

/// Series that are remembered, at most; of others the end is not said.
const MOST: usize = 200_000;

/// Batches measured no more than so many milliseconds after each other are of one collection.
const TOGETHER: i64 = 100;

#[derive(Debug, Default)]
pub(super) struct Alive {
    series: HashMap<Labels, Last>,
    collections: Collections,
}

/// When a series was last measured.
#[derive(Debug, Clone, Copy)]
struct Last {
    time: i64,
    is_native: bool,
}

/// When the last two collections measured.
#[derive(Debug, Clone, Copy, Default)]
struct Collections {
    previous: i64,
    begin: i64,
    end: i64,
}

impl Collections {
    fn with(mut self, series: &[Series]) -> Self {
        let times = || series.iter().filter(|one| !is_stale(&one.value)).map(|one| one.time);
        let (Some(begin), Some(end)) = (times().min(), times().max()) else { return self };
        if begin > self.end + TOGETHER {
            (self.previous, self.begin) = (self.begin, begin);
        }
        self.end = self.end.max(end);
        self
    }
}

impl Alive {
    /// Ends those that were not in the collection before, and are not here.
    pub(super) fn end_missing(&self, gathered: &mut Gathered) {
        let Collections { previous, end, .. } = self.collections.with(&gathered.series);
        let here: HashSet<Labels> = gathered.series.iter().map(|one| one.labels.clone()).collect();
        for (labels, last) in &self.series {
            if last.time < previous && !here.contains(labels) {
                gathered.end(labels.clone(), end, last.is_native);
            }
        }
    }

    /// Takes note of what was sent.
    pub(super) fn sent(&mut self, series: &[Series]) {
        self.collections = self.collections.with(series);
        for one in series {
            if is_stale(&one.value) {
                self.series.remove(&one.labels);
            } else if self.series.len() < MOST || self.series.contains_key(&one.labels) {
                let last = Last { time: one.time, is_native: matches!(one.value, Value::Native(_)) };
                self.series.insert(one.labels.clone(), last);
            }
        }
    }

    /// Ends all.
    pub(super) fn end_all(self, now: i64) -> Gathered {
        let mut gathered = Gathered::default();
        for (labels, last) in self.series {
            gathered.end(labels, now.max(last.time + 1), last.is_native);
        }
        gathered
    }
}

fn is_stale(value: &Value) -> bool {
    let value = match value {
        Value::Float(value) => *value,
        Value::Native(native) => native.sum,
    };
    value.to_bits() == STALE_NAN.to_bits()
}

#[cfg(test)]
mod tests {
    use tripod_wire::prometheus::series::{Sample, Sink};

    use super::*;

    /// A batch with these series, measured then; answers those that it ends.
    fn batch(alive: &mut Alive, time: i64, names: &[&'static str]) -> Vec<String> {
        let mut gathered = Gathered::default();
        for name in names {
            let labels = gathered.labels([("__name__".into(), (*name).into())].into_iter());
            gathered.write(&0, labels, Sample { time, created: 0, value: Value::Float(1.0), exemplars: vec![] });
            gathered.end_point();
        }
        alive.end_missing(&mut gathered);
        alive.sent(&gathered.series);
        ended(&gathered)
    }

    fn ended(gathered: &Gathered) -> Vec<String> {
        let ended = gathered.series.iter().filter(|one| is_stale(&one.value));
        let mut ended: Vec<String> = ended.map(|one| format!("{} {}", one.labels[0].1, one.time)).collect();
        ended.sort();
        ended
    }

    #[test]
    fn a_series_ends_once_a_whole_collection_is_without_it() {
        let mut alive = Alive::default();
        assert!(batch(&mut alive, 1000, &["a", "b", "c"]).is_empty());
        assert!(batch(&mut alive, 2000, &["a", "c"]).is_empty());
        assert_eq!(batch(&mut alive, 3000, &["a", "c"]), ["b 3000"]);
        assert!(batch(&mut alive, 4000, &["a", "c"]).is_empty(), "it is said once");
        assert!(batch(&mut alive, 5000, &["b", "a", "c"]).is_empty(), "and may begin anew");
        assert_eq!(ended(&alive.end_all(9000)), ["a 9000", "b 9000", "c 9000"]);
    }

    #[test]
    fn a_collection_in_several_batches_ends_nothing() {
        let mut alive = Alive::default();
        for collection in 1..5 {
            for (part, names) in [["a", "b"], ["c", "d"], ["e", "f"]].iter().enumerate() {
                assert!(batch(&mut alive, collection * 1000 + part as i64, names).is_empty());
            }
        }
    }
}
