//! From matchers to series, by postings alone: sets of series are cut, joined and taken from each other.
//!
//! Matchers that few labels satisfy go first. When few series are left, a matcher is checked on those instead of on all
//! values of its label.

use roaring::RoaringBitmap;

use super::index::Index;
use crate::samples::{LabelMatcher, Selector, Values};

impl Index {
    /// The series that satisfy all matchers.
    pub(crate) fn select(&self, selector: &Selector) -> RoaringBitmap {
        let cost = |matcher| (matcher, self.cost(matcher));
        let mut matchers: Vec<(&LabelMatcher, u64)> = selector.matchers.iter().map(cost).collect();
        // Sets that are taken away narrow little.
        matchers.sort_by_key(|(matcher, cost)| (matcher.matches_absent(), *cost));
        let mut selected: Option<RoaringBitmap> = None;
        for (matcher, cost) in matchers {
            let narrowed = match &selected {
                Some(selected) if selected.is_empty() => break,
                Some(selected) if selected.len() < cost => self.check(matcher, selected),
                _ => self.narrow(matcher, selected.as_ref()),
            };
            selected = Some(narrowed);
        }
        selected.unwrap_or_else(|| self.all.clone())
    }

    /// How many labels have to be looked at, roughly.
    fn cost(&self, matcher: &LabelMatcher) -> u64 {
        match &matcher.values {
            Values::OneOf(values) => values.len() as u64,
            _ => self.count_named(&matcher.name),
        }
    }

    fn check(&self, matcher: &LabelMatcher, among: &RoaringBitmap) -> RoaringBitmap {
        match self.symbols.find(&matcher.name) {
            Some(name) => among.iter().filter(|series| matcher.matches(self.value(*series, name))).collect(),
            None if matcher.matches_absent() => among.clone(),
            None => RoaringBitmap::new(),
        }
    }

    fn narrow(&self, matcher: &LabelMatcher, among: Option<&RoaringBitmap>) -> RoaringBitmap {
        let among = among.unwrap_or(&self.all);
        if matcher.matches_absent() {
            let mut left = among.clone();
            self.each_label(matcher, false, |postings| postings.take_from(&mut left));
            return left;
        }
        if let (Values::OneOf(values), false) = (&matcher.values, matcher.negated)
            && let [value] = values.as_slice()
        {
            let label = self.label(&matcher.name, value);
            return label.map_or_else(RoaringBitmap::new, |label| label.series.intersection(among));
        }
        let mut found = RoaringBitmap::new();
        self.each_label(matcher, true, |postings| postings.add_to(&mut found));
        found &= among;
        found
    }

    /// Calls `with` for the labels that satisfy a matcher, or for those that don't.
    fn each_label(&self, matcher: &LabelMatcher, satisfy: bool, mut with: impl FnMut(&super::postings::Postings)) {
        match &matcher.values {
            // Labels among the values are those that satisfy, or, when they are not wanted, those that don't.
            Values::OneOf(values) if satisfy != matcher.negated => {
                let labels = values.iter().filter_map(|value| self.label(&matcher.name, value));
                labels.for_each(|label| with(&label.series));
            }
            _ => {
                let satisfies = |value| matcher.matches(self.symbols.get(value)) == satisfy;
                let labels = self.labels_named(&matcher.name).filter(|label| satisfies(label.value));
                labels.for_each(|label| with(&label.series));
            }
        }
    }
}
