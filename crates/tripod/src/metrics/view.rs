//! Views: what the operator of a program changes about instruments that others made.

use super::filter::Filter;
use super::kind::{Aggregation, Identity, InstrumentKind};
use super::{MAX_SERIES, name};
use crate::{Error, engine};

/// Changes how the instruments that it selects are kept and sent; given to [`crate::Builder::view`].
///
/// Where several views select an instrument, each thing is as the first of them says that says something of it: one may rename,
/// another drop labels. They act on instruments made before telemetry was started, too: see [`View::buckets`] and
/// [`View::drop_labels`] for what that means to what was recorded by then.
///
/// ```
/// use tripod::metrics::View;
/// let builder = tripod::init()
///     .view(View::instrument("http.server.request.duration").buckets(&[0.1, 1.0, 10.0]))
///     .view(View::instrument("http.*").drop_labels(["user.id"]).limit(500))
///     .view(View::instrument("debug_*").drop());
/// # drop(builder);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a view does something once it is given to the builder"]
pub struct View {
    selector: Selector,
    changes: Changes,
    /// The code and other views come before it.
    is_default: bool,
}

/// Which instruments; what is `None` selects all.
#[derive(Clone, Debug, Default)]
struct Selector {
    name: Option<String>,
    kind: Option<InstrumentKind>,
    unit: Option<String>,
    scope: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Changes {
    rename: Option<String>,
    description: Option<String>,
    keep: Option<Vec<String>>,
    drop_labels: Option<Vec<String>>,
    aggregation: Option<Aggregation>,
    drop: bool,
    limit: Option<usize>,
}

impl View {
    /// Selects by name: `*` stands for any characters, `?` for any one; upper and lower case are the same.
    pub fn instrument(pattern: &str) -> Self {
        let selector = Selector { name: Some(name::key(pattern)), ..Selector::default() };
        Self { selector, changes: Changes::default(), is_default: false }
    }

    /// Selects every instrument; narrow it down with [`View::kind`], [`View::unit`], [`View::scope`].
    pub fn all() -> Self {
        Self { selector: Selector::default(), changes: Changes::default(), is_default: false }
    }

    /// Selects only this kind.
    pub fn kind(mut self, kind: InstrumentKind) -> Self {
        self.selector.kind = Some(kind);
        self
    }

    /// Selects only this unit.
    pub fn unit(mut self, unit: &str) -> Self {
        self.selector.unit = Some(unit.to_owned());
        self
    }

    /// Selects only components of this name ([`crate::telemetry()`]), with `*` and `?` as in [`View::instrument`].
    pub fn scope(mut self, pattern: &str) -> Self {
        self.selector.scope = Some(pattern.to_owned());
        self
    }

    /// Sends it under this name, without the prefix of [`crate::Builder::metric_prefix`]. Only where the view's name is exact: several
    /// instruments can't share one.
    pub fn rename(mut self, name: &str) -> Self {
        self.changes.rename = Some(name.to_owned());
        self
    }

    /// Describes it otherwise.
    pub fn description(mut self, description: &str) -> Self {
        self.changes.description = Some(description.to_owned());
        self
    }

    /// Keeps only these labels, as [`View::drop_labels`] leaves labels out.
    pub fn keep_labels<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.changes.keep = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves these labels out: what differs only in them is one series. They are left out before the series is looked up, so they
    /// cost no memory; of series made before telemetry was started, when they are sent.
    pub fn drop_labels<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.changes.drop_labels = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// The upper bounds of a histogram's buckets.
    ///
    /// What was recorded before, or comes through a handle bound before, was counted in the old buckets: it is counted as if each value
    /// was its old bucket's upper bound (the largest value, in the last). Count, sum, minimum and maximum stay exact.
    pub fn buckets(mut self, bounds: &[f64]) -> Self {
        self.changes.aggregation = Some(Aggregation::Explicit(bounds.to_vec()));
        self
    }

    /// Keeps a histogram in exponential buckets, which find their own bounds, at most `max_size` a sign; the specification's default
    /// is 160. What was recorded before, or comes through a handle bound before, is not sent.
    pub fn exponential_buckets(mut self, max_size: u32) -> Self {
        self.changes.aggregation = Some(Aggregation::Exponential { max_size });
        self
    }

    pub(crate) const DEFAULT_ALLOWED: &'static str =
        "must be explicit_bucket_histogram or base2_exponential_bucket_histogram";

    /// Whether the specification's name of a default aggregation means [`View::default_exponential`].
    pub(crate) fn is_exponential(name: &str) -> Option<bool> {
        match name {
            "explicit_bucket_histogram" => Some(false),
            "base2_exponential_bucket_histogram" => Some(true),
            _ => None,
        }
    }

    /// What all histograms are kept in that say nothing of it themselves: the specification's exponential buckets.
    pub(crate) fn default_exponential() -> Self {
        let mut view = Self::all().kind(InstrumentKind::Histogram).exponential_buckets(160);
        view.is_default = true;
        view
    }

    /// Neither keeps nor sends it.
    pub fn drop(mut self) -> Self {
        self.changes.drop = true;
        self
    }

    /// Label sets it keeps apart, [`MAX_SERIES`] by default; beyond, they count in the overflow series.
    pub fn limit(mut self, series: usize) -> Self {
        self.changes.limit = Some(series);
        self
    }

    /// What is wrong with it, if something is.
    fn check(&self) -> Result<(), Error> {
        let Some(new) = &self.changes.rename else { return Ok(()) };
        name::check(new)?;
        match &self.selector.name {
            Some(exact) if !exact.contains(['*', '?']) => Ok(()),
            pattern => Err(Error::Config {
                name: "Builder::view".to_owned(),
                value: format!("{} renamed to {new}", pattern.as_deref().unwrap_or("*")),
                allowed: "a view that renames selects one instrument by its exact name".to_owned(),
            }),
        }
    }

    fn selects(&self, instrument: &Identity) -> bool {
        if self.is_default && instrument.aggregation.is_some() {
            return false;
        }
        let Selector { name, kind, unit, scope } = &self.selector;
        name.as_ref().is_none_or(|pattern| selects_name(pattern, &instrument.name))
            && kind.is_none_or(|kind| kind == instrument.kind)
            && unit.as_ref().is_none_or(|unit| *unit == instrument.unit)
            && scope.as_ref().is_none_or(|pattern| matches(pattern, &engine::scope_name(instrument.scope)))
    }
}

/// Whether an instrument's name is what a pattern says; upper and lower case are the same.
pub(super) fn selects_name(pattern: &str, instrument: &str) -> bool {
    matches(&name::key(pattern), &name::key(instrument))
}

/// Whether a text is what a pattern with `*` and `?` says.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    // Where the last star stood, and how much of the text it has taken: only the last ever needs to take more.
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[in_text] => (at, in_text) = (at + 1, in_text + 1),
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                (at, in_text) = (star_at + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// All that was set about instruments when telemetry was started.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    pub(crate) list: Vec<View>,
    /// Stands before every name.
    pub(crate) prefix: String,
    pub(crate) max_series: usize,
}

impl Views {
    pub(crate) const NONE: Self = Self { list: Vec::new(), prefix: String::new(), max_series: MAX_SERIES };

    /// # Errors
    /// A view that renames several instruments, or a name that is not allowed.
    pub(crate) fn new(mut views: Vec<View>, prefix: Option<String>, max_series: Option<usize>) -> Result<Self, Error> {
        views.iter().try_for_each(View::check)?;
        views.sort_by_key(|view| view.is_default);
        if let Some(prefix) = &prefix {
            name::check(prefix)?;
        }
        Ok(Self { list: views, prefix: prefix.unwrap_or_default(), max_series: max_series.unwrap_or(MAX_SERIES) })
    }
}

/// What comes out of the views for one instrument.
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) filter: Option<Filter>,
    pub(crate) aggregation: Option<Aggregation>,
    pub(crate) dropped: bool,
    pub(crate) limit: usize,
}

impl Views {
    pub(crate) fn resolve(&self, instrument: &Identity) -> Resolved {
        let selected: Vec<&Changes> =
            self.list.iter().filter(|view| view.selects(instrument)).map(|view| &view.changes).collect();
        fn first<T: Clone>(selected: &[&Changes], of: fn(&Changes) -> &Option<T>) -> Option<T> {
            selected.iter().find_map(|changes| of(changes).clone())
        }
        let keep = first(&selected, |changes| &changes.keep);
        let drop = first(&selected, |changes| &changes.drop_labels).unwrap_or_default();
        let dropped = selected.iter().any(|changes| changes.drop);
        // What is dropped keeps one series, which is not sent.
        let keep = if dropped { Some(Vec::new()) } else { keep };
        Resolved {
            name: first(&selected, |changes| &changes.rename).unwrap_or_else(|| self.prefixed(&instrument.name)),
            description: first(&selected, |changes| &changes.description)
                .unwrap_or_else(|| instrument.description.clone()),
            filter: Filter::new(instrument.labels.clone(), keep, drop),
            aggregation: first(&selected, |changes| &changes.aggregation),
            dropped,
            limit: first(&selected, |changes| &changes.limit).or(instrument.max_series).unwrap_or(self.max_series),
        }
    }

    /// The conventions fix the names of the engine's own metrics, so those have no prefix.
    fn prefixed(&self, name: &str) -> String {
        if self.prefix.is_empty() || name.starts_with("otel.") {
            return name.to_owned();
        }
        super::namespace::join(&self.prefix, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instrument(name: &str) -> Identity {
        Identity {
            scope: 0,
            name: name.to_owned(),
            kind: InstrumentKind::Counter,
            description: "from code".to_owned(),
            unit: "s".to_owned(),
            labels: None,
            aggregation: None,
            max_series: Some(7),
        }
    }

    fn views(views: impl IntoIterator<Item = View>) -> Views {
        Views { list: views.into_iter().collect(), ..Views::NONE }
    }

    #[test]
    fn each_thing_is_as_the_first_view_says_that_says_something_of_it() {
        let views = views([
            View::instrument("http.*").description("first").limit(9),
            View::instrument("HTTP.requests").description("second").rename("renamed"),
            View::all().kind(InstrumentKind::Gauge).drop(),
            View::all().unit("By").drop(),
            View::all().scope("other*").drop(),
        ]);
        let resolved = views.resolve(&instrument("http.requests"));
        assert_eq!((resolved.name.as_str(), resolved.description.as_str()), ("renamed", "first"));
        assert_eq!((resolved.limit, resolved.dropped), (9, false));
        let other = views.resolve(&instrument("other"));
        assert_eq!((other.name.as_str(), other.description.as_str(), other.limit), ("other", "from code", 7));
    }

    #[test]
    fn a_prefix_stands_before_all_names_but_renamed_ones_and_the_engines_own() {
        let views = Views { prefix: "shop".to_owned(), ..views([View::instrument("b").rename("exactly")]) };
        let name = |name| views.resolve(&instrument(name)).name;
        assert_eq!([name("a"), name("b"), name("otel.sdk.x")], ["shop_a", "exactly", "otel.sdk.x"]);
    }

    #[test]
    fn a_view_that_renames_many_is_refused() {
        for view in [View::instrument("a*").rename("b"), View::all().rename("b")] {
            let message = view.check().unwrap_err().to_string();
            assert!(message.contains("renamed to b") && message.contains("exact name"), "{message}");
        }
        assert!(View::instrument("a").rename("b c").check().is_err());
        assert!(View::instrument("a").rename("b").check().is_ok());
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*", "ba", false),
            ("*.duration", "http.duration.x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    /// The definition, without a thought for speed.
    fn matches_by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                matches_by_definition(rest, text) || (!text.is_empty() && matches_by_definition(pattern, &text[1..]))
            }
            ([c, rest @ ..], [first, tail @ ..]) => (*c == '?' || c == first) && matches_by_definition(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_their_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let [p, t] = [&pattern, &text].map(|s| s.chars().collect::<Vec<_>>());
            prop_assert_eq!(matches(&pattern, &text), matches_by_definition(&p, &t));
        }
    }
}
