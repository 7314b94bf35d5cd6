//! The series of an instrument: found by their label set, whatever the order of the labels, and compared in full.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use tripod_wire::otlp::{AnyValue, KeyValue};

use super::MAX_SERIES;
use super::aggregate::Aggregate;
use crate::{Value, resource};

/// What counts for label sets beyond the limit.
const OVERFLOW: &str = "otel.metric.overflow";

/// One label set and its numbers.
pub(crate) struct Series<A> {
    /// Sorted by key.
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) numbers: A,
}

/// All series of an instrument.
pub(crate) struct SeriesMap<A> {
    hasher: RandomState,
    by_hash: RwLock<HashMap<u64, Vec<Arc<Series<A>>>>>,
}

impl<A: Aggregate> SeriesMap<A> {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), by_hash: RwLock::new(HashMap::new()) }
    }

    /// The series of a label set, made when it is new.
    pub(crate) fn get(&self, shape: &A::Shape, labels: &[(&str, Value<'_>)]) -> Arc<Series<A>> {
        let hash = self.hash(labels);
        let by_hash = self.by_hash.read().unwrap_or_else(PoisonError::into_inner);
        let found = by_hash.get(&hash).and_then(|same| same.iter().find(|series| is_same(&series.attributes, labels)));
        if let Some(series) = found {
            return Arc::clone(series);
        }
        drop(by_hash);
        self.insert(shape, hash, labels)
    }

    fn insert(&self, shape: &A::Shape, hash: u64, labels: &[(&str, Value<'_>)]) -> Arc<Series<A>> {
        let attributes = owned(labels);
        let mut by_hash = self.by_hash.write().unwrap_or_else(PoisonError::into_inner);
        let full = by_hash.values().map(Vec::len).sum::<usize>() >= MAX_SERIES;
        let (hash, attributes) = if full {
            (self.hash(&[(OVERFLOW, Value::Bool(true))]), vec![KeyValue::new(OVERFLOW, true)])
        } else {
            (hash, attributes)
        };
        let same = by_hash.entry(hash).or_default();
        // Somebody else may have made it meanwhile.
        if let Some(series) = same.iter().find(|series| series.attributes == attributes) {
            return Arc::clone(series);
        }
        let series = Arc::new(Series { attributes, numbers: A::new(shape) });
        same.push(Arc::clone(&series));
        series
    }

    pub(crate) fn all(&self) -> Vec<Arc<Series<A>>> {
        let by_hash = self.by_hash.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_hash.values().flatten().cloned().collect();
        drop(by_hash);
        all.sort_by(|a, b| order(&a.attributes, &b.attributes));
        all
    }

    /// The same for every order of the labels: a sum of what each label hashes to.
    fn hash(&self, labels: &[(&str, Value<'_>)]) -> u64 {
        labels.iter().fold(labels.len() as u64, |sum, (key, value)| {
            let mut hasher = self.hasher.build_hasher();
            hasher.write(key.as_bytes());
            hasher.write_u8(0xff);
            match value {
                Value::Str(text) => hasher.write(text.as_bytes()),
                Value::Int(value) => hasher.write_i64(*value),
                Value::Bool(value) => hasher.write_u8(u8::from(*value)),
                Value::Double(value) => hasher.write_u64(value.to_bits()),
                other => hasher.write(other.to_string().as_bytes()),
            }
            sum.wrapping_add(hasher.finish())
        })
    }
}

/// Whether a label set is that of a series: a hash alone is never trusted.
fn is_same(attributes: &[KeyValue], labels: &[(&str, Value<'_>)]) -> bool {
    attributes.len() == labels.len()
        && labels.iter().all(|(key, value)| {
            let at = attributes.binary_search_by(|attribute| attribute.key.as_str().cmp(key));
            at.is_ok_and(|at| is_same_value(&attributes[at].value, *value))
        })
}

fn is_same_value(kept: &AnyValue, value: Value<'_>) -> bool {
    match (kept, value) {
        (AnyValue::String(kept), Value::Str(text)) => kept == text,
        (AnyValue::Int(kept), Value::Int(value)) => *kept == value,
        (AnyValue::Bool(kept), Value::Bool(value)) => *kept == value,
        (AnyValue::Double(kept), Value::Double(value)) => kept.to_bits() == value.to_bits(),
        (kept, value) => *kept == resource::owned(value),
    }
}

/// Sorted by key; of two equal keys the last wins.
fn owned(labels: &[(&str, Value<'_>)]) -> Vec<KeyValue> {
    let mut attributes: Vec<KeyValue> = Vec::with_capacity(labels.len());
    for (key, value) in labels {
        attributes.retain(|earlier| earlier.key != *key);
        attributes.push(KeyValue::new(*key, resource::owned(*value)));
    }
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    attributes
}

fn order(a: &[KeyValue], b: &[KeyValue]) -> std::cmp::Ordering {
    let text = |attributes: &[KeyValue]| -> Vec<(String, String)> {
        attributes.iter().map(|attribute| (attribute.key.clone(), attribute.value.to_string())).collect()
    };
    text(a).cmp(&text(b))
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::{Sum, SumShape};
    use super::*;

    const SHAPE: SumShape = SumShape { monotonic: true };

    #[test]
    fn the_order_of_labels_does_not_matter_and_their_borders_do() {
        let map = SeriesMap::<Sum>::new();
        let get = |labels: &[(&str, Value<'_>)]| map.get(&SHAPE, labels);
        let one = get(crate::labels!(a = "x", b = "y"));
        assert!(Arc::ptr_eq(&one, &get(crate::labels!(b = "y", a = "x"))));
        assert!(!Arc::ptr_eq(&get(crate::labels!(a = "ab", b = "c")), &get(crate::labels!(a = "a", b = "bc"))));
        assert!(!Arc::ptr_eq(&get(crate::labels!(a = 1)), &get(crate::labels!(a = "1"))));
    }

    #[test]
    fn beyond_the_limit_new_label_sets_share_the_overflow_series() {
        let map = SeriesMap::<Sum>::new();
        for n in 0..MAX_SERIES + 100 {
            map.get(&SHAPE, crate::labels!(n)).numbers.add_whole(1);
        }
        let all = map.all();
        assert_eq!(all.len(), MAX_SERIES + 1);
        let overflow = all.iter().find(|series| series.attributes[0].key == OVERFLOW).unwrap();
        assert_eq!(overflow.numbers.get(), 100.0);
    }
}
