//! From matchers to series, by the label pairs of a part.
//!
//! A matcher that a series without the label does not satisfy keeps the series of the values it wants; any other drops those of
//! the values it does not want. Values that are listed are looked up, others scanned, from their common prefix on. Where few
//! series are left and a label has many values, the rest of the matchers is asked of the labels of these series.

use roaring::RoaringBitmap;

use super::pairs;
use super::query::Query;
use crate::StoreError;
use crate::samples::{LabelMatcher, Selector, Values};

/// A matcher whose label has this many times more values than there are series left is asked of these series' labels.
const RATHER_LABELS: u64 = 4;
impl Query<'_> {
    /// Series that may satisfy a selector, and the matchers that remain to be asked of their labels.
    pub(super) fn matching<'s>(
        &mut self,
        selector: &'s Selector,
    ) -> Result<(RoaringBitmap, Vec<&'s LabelMatcher>), StoreError> {
        let mut set = RoaringBitmap::new();
        set.insert_range(0..self.footer.series);
        // Those that are looked up come first, since they leave fewer series to the others.
        let listed = |matcher: &&LabelMatcher| matches!(matcher.values, Values::OneOf(_)) && !matcher.negated;
        let (first, later): (Vec<_>, Vec<_>) =
            selector.matchers.iter().partition(|matcher| listed(matcher) && !matcher.matches_absent());
        let mut rest = Vec::new();
        for matcher in first.into_iter().chain(later) {
            if set.is_empty() {
                return Ok((set, rest));
            }
            if !self.narrow(&mut set, matcher)? {
                rest.push(matcher);
            }
        }
        Ok((set, rest))
    }

    /// Takes those out that do not satisfy a matcher; false where it is better asked of the labels of those that are left.
    fn narrow(&mut self, set: &mut RoaringBitmap, matcher: &LabelMatcher) -> Result<bool, StoreError> {
        // Either the series with these values are kept, or, where a series without the label satisfies the matcher, dropped.
        let keep = !matcher.matches_absent();
        // Whether these values are those of the matcher, or all others.
        let named = keep != matcher.negated;
        let mut found = RoaringBitmap::new();
        match &matcher.values {
            Values::OneOf(values) if named => {
                for value in values.iter().filter(|value| !value.is_empty()) {
                    if let Some(at) = self.pairs.find(&matcher.name, value)? {
                        self.pairs.series(at, &mut found)?;
                    }
                }
            }
            Values::Any if !named => {}
            _ => {
                let range = self.pairs.range(&matcher.name, if named { matcher.values.prefix() } else { "" })?;
                if u64::from(range.end - range.start) > set.len().saturating_mul(RATHER_LABELS) {
                    return Ok(false);
                }
                let mut name = Vec::new();
                pairs::key(&matcher.name, "", &mut name);
                for at in range {
                    let wanted = self.pairs.with_key(at, |key| {
                        let value = key.get(name.len()..).and_then(|value| std::str::from_utf8(value).ok());
                        value.is_some_and(|value| matcher.values.contain(value) == named)
                    })?;
                    if wanted {
                        self.pairs.series(at, &mut found)?;
                    }
                }
            }
        }
        if keep {
            *set &= found;
        } else {
            *set -= found;
        }
        Ok(true)
    }
}
