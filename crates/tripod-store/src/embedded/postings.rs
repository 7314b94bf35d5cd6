//! Which series have which label: the way from matchers to series.
//!
//! A matcher that only a label present can satisfy narrows the search to the series that carry the label; among those the
//! rarest `name="value"` wins. All matchers are then checked on what is left, so the choice affects speed, never the answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::series::Series;
use crate::{Labels, MatchOp, Matcher};

/// Series by their number.
type Group = BTreeMap<u64, Arc<Series>>;

/// Every series, by label name and value.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    by_label: HashMap<Arc<str>, HashMap<Arc<str>, Group>>,
    all: Group,
}

impl Postings {
    /// The same labels in strings that are shared with the series already here.
    pub(crate) fn share(&self, labels: &Labels) -> Labels {
        Labels::new(labels.shared().iter().map(|(name, value)| match self.by_label.get_key_value(name) {
            None => (Arc::clone(name), Arc::clone(value)),
            Some((name, values)) => {
                (Arc::clone(name), Arc::clone(values.get_key_value(value).map_or(value, |(value, _)| value)))
            }
        }))
    }

    pub(crate) fn insert(&mut self, series: &Arc<Series>) {
        for (name, value) in series.labels.shared().iter() {
            let values = self.by_label.entry(Arc::clone(name)).or_default();
            values.entry(Arc::clone(value)).or_default().insert(series.id, Arc::clone(series));
        }
        self.all.insert(series.id, Arc::clone(series));
    }

    pub(crate) fn remove(&mut self, series: &Series) {
        self.all.remove(&series.id);
        for (name, value) in series.labels.iter() {
            let Some(values) = self.by_label.get_mut(name) else { continue };
            if let Some(group) = values.get_mut(value) {
                group.remove(&series.id);
                if group.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.by_label.remove(name);
            }
        }
    }

    /// The series that satisfy all matchers.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<Arc<Series>> {
        let satisfies =
            |series: &&Arc<Series>| matchers.iter().all(|matcher| matcher.matches(series.labels.get(&matcher.name)));
        self.candidates(matchers).into_iter().flat_map(BTreeMap::values).filter(satisfies).cloned().collect()
    }

    /// Disjoint groups that hold at least all series that satisfy the matchers.
    fn candidates(&self, matchers: &[Matcher]) -> Vec<&Group> {
        let present = |matcher: &&Matcher| !matcher.matches("");
        let mut rarest: Option<&Group> = None;
        for matcher in matchers.iter().filter(present).filter(|matcher| matches!(matcher.op, MatchOp::Equal)) {
            let group = self.by_label.get(matcher.name.as_str()).and_then(|values| values.get(matcher.value.as_str()));
            let Some(group) = group else { return Vec::new() };
            if rarest.is_none_or(|rarest| group.len() < rarest.len()) {
                rarest = Some(group);
            }
        }
        if let Some(group) = rarest {
            return vec![group];
        }
        let Some(matcher) = matchers.iter().find(present) else { return vec![&self.all] };
        let Some(values) = self.by_label.get(matcher.name.as_str()) else { return Vec::new() };
        values.iter().filter(|(value, _)| matcher.matches(value)).map(|(_, group)| group).collect()
    }
}
