//! Which labels of an instrument are kept. It is asked before a series is looked up, so a label that is left out costs no memory.

use std::sync::atomic::{AtomicU64, Ordering};

use tripod_wire::otlp::KeyValue;

use crate::Value;

/// Labels that fit on the stack; a set with more goes to the heap.
const INLINE: usize = 16;

/// A choice of labels by their keys.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// What the instrument declares: others are left out, and counted as a mistake.
    pub(crate) declared: Option<Vec<String>>,
    /// What a view keeps.
    pub(crate) keep: Option<Vec<String>>,
    /// What a view leaves out.
    pub(crate) drop: Vec<String>,
    /// Measurements with a label that was not declared.
    undeclared: AtomicU64,
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        (&self.declared, &self.keep, &self.drop) == (&other.declared, &other.keep, &other.drop)
    }
}

impl Filter {
    /// A filter, unless it would let everything pass.
    pub(crate) fn new(declared: Option<Vec<String>>, keep: Option<Vec<String>>, drop: Vec<String>) -> Option<Self> {
        let needed = declared.is_some() || keep.is_some() || !drop.is_empty();
        needed.then(|| Self { declared, keep, drop, undeclared: AtomicU64::new(0) })
    }

    /// Measurements so far that had a label nobody declared.
    pub(crate) fn undeclared(&self) -> u64 {
        self.undeclared.load(Ordering::Relaxed)
    }

    fn is_declared(&self, key: &str) -> bool {
        self.declared.as_ref().is_none_or(|declared| has(declared, key))
    }

    fn keeps(&self, key: &str) -> bool {
        self.is_declared(key) && self.keep.as_ref().is_none_or(|keep| has(keep, key)) && !has(&self.drop, key)
    }

    /// Calls `then` with what is kept of the labels.
    #[inline]
    pub(crate) fn apply<R>(&self, labels: &[(&str, Value<'_>)], then: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R {
        if labels.iter().all(|(key, _)| self.keeps(key)) {
            return then(labels);
        }
        let kept = labels.iter().filter(|(key, _)| self.keeps(key)).copied();
        if let Some((key, _)) = labels.iter().find(|(key, _)| !self.is_declared(key)) {
            self.mistake(key);
        }
        if labels.len() > INLINE {
            return then(&kept.collect::<Vec<_>>());
        }
        let (mut some, mut len) = ([("", Value::Empty); INLINE], 0);
        for (slot, label) in some.iter_mut().zip(kept) {
            *slot = label;
            len += 1;
        }
        then(&some[..len])
    }

    /// Leaves the kept ones of a series' labels, for what was recorded before there was a filter.
    pub(crate) fn retain(&self, attributes: &mut Vec<KeyValue>) {
        attributes.retain(|attribute| self.keeps(&attribute.key));
    }

    #[cold]
    fn mistake(&self, key: &str) {
        if self.undeclared.fetch_add(1, Ordering::Relaxed) == 0 {
            let declared = self.declared.as_deref().unwrap_or_default().join(", ");
            super::say::say(format_args!(
                "a metric is recorded with the label {key}, which is left out, as its labels are declared: {declared}"
            ));
        }
    }
}

fn has(keys: &[String], key: &str) -> bool {
    keys.iter().any(|known| known == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(filter: &Filter, labels: &[(&str, Value<'_>)]) -> Vec<String> {
        filter.apply(labels, |kept| kept.iter().map(|(key, value)| format!("{key}={value}")).collect())
    }

    #[test]
    fn what_is_kept_and_what_is_dropped_are_both_heeded() {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let filter = Filter::new(None, Some(keys(&["a", "b"])), keys(&["b"])).unwrap();
        assert_eq!(kept(&filter, crate::labels!(a = 1, b = 2, c = 3)), ["a=1"]);
        assert_eq!(kept(&filter, crate::labels!(a = 1)), ["a=1"]);
        assert_eq!(filter.undeclared(), 0);
        assert!(Filter::new(None, None, Vec::new()).is_none());
    }

    #[test]
    fn a_label_that_was_not_declared_is_left_out_and_counted() {
        let filter = Filter::new(Some(vec!["a".to_owned()]), None, Vec::new()).unwrap();
        assert_eq!(kept(&filter, crate::labels!(a = 1, wrong = 2)), ["a=1"]);
        assert_eq!(kept(&filter, crate::labels!(a = 1)), ["a=1"]);
        assert_eq!(filter.undeclared(), 1);
    }

    #[test]
    fn a_set_of_many_labels_is_filtered_in_full() {
        let filter = Filter::new(None, None, vec!["k0".to_owned()]).unwrap();
        let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
        let labels: Vec<(&str, Value<'_>)> = keys.iter().map(|key| (key.as_str(), Value::Int(1))).collect();
        assert_eq!(filter.apply(&labels, |kept| kept.len()), 39);
    }
}
