//! Matchers taken apart once: what a regex can match is known before the first label value is looked at.
//!
//! Most regexes in queries are no regexes: a choice of literals, a prefix, anything at all. Those never run: a choice is
//! looked up as so many values, the others compare bytes. The rest runs the regex, behind its literal prefix. The same
//! matchers ask memory tables and parts.

use memchr::memmem::Finder;
use regex::Regex;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Dot, Hir, HirKind, Look};

use crate::{MatchOp, Matcher};

/// More literals than this are left to the regex.
const MAX_LITERALS: usize = 256;

/// Matchers that a series has to satisfy all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    pub(crate) matchers: Vec<LabelMatcher>,
}

impl Selector {
    /// Takes matchers apart.
    pub(crate) fn new(matchers: &[Matcher]) -> Self {
        Self { matchers: matchers.iter().map(LabelMatcher::new).collect() }
    }

    /// Whether labels, sorted by name, satisfy all matchers.
    #[cfg(test)]
    pub(crate) fn matches(&self, labels: &[(&str, &str)]) -> bool {
        let value = |name: &str| labels.binary_search_by(|(known, _)| (*known).cmp(name)).map_or("", |at| labels[at].1);
        self.matchers.iter().all(|matcher| matcher.matches(value(&matcher.name)))
    }
}

/// A condition on one label. A label that a series does not have counts as empty.
#[derive(Debug, Clone)]
pub(crate) struct LabelMatcher {
    /// The label's name.
    pub(crate) name: String,
    /// The values it asks for, or does not want.
    pub(crate) values: Values,
    /// Whether it wants all other values: `!=`, `!~`.
    pub(crate) negated: bool,
}

impl LabelMatcher {
    fn new(matcher: &Matcher) -> Self {
        let (values, negated) = match &matcher.op {
            MatchOp::Equal => (Values::OneOf(vec![matcher.value.clone()]), false),
            MatchOp::NotEqual => (Values::OneOf(vec![matcher.value.clone()]), true),
            MatchOp::Regex(regex) => (Values::of_regex(regex), false),
            MatchOp::NotRegex(regex) => (Values::of_regex(regex), true),
        };
        Self { name: matcher.name.clone(), values, negated }
    }

    /// Whether a label's value satisfies it.
    pub(crate) fn matches(&self, value: &str) -> bool {
        self.values.contain(value) != self.negated
    }

    /// Whether a series without the label satisfies it.
    pub(crate) fn matches_absent(&self) -> bool {
        self.matches("")
    }
}

/// A set of label values.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    /// These, sorted, each once.
    OneOf(Vec<String>),
    /// All.
    Any,
    /// All but the empty one.
    NonEmpty,
    /// Those that begin so.
    Prefix(String),
    /// Those that end so.
    Suffix(String),
    /// Those that have this within.
    Containing(Box<Finder<'static>>),
    /// Those that begin so and that the regex, anchored at both ends, matches.
    Regex { prefix: String, regex: Regex },
}

impl Values {
    /// Whether a value is one of them.
    pub(crate) fn contain(&self, value: &str) -> bool {
        match self {
            Self::OneOf(values) => values.binary_search_by(|known| known.as_str().cmp(value)).is_ok(),
            Self::Any => true,
            Self::NonEmpty => !value.is_empty(),
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Suffix(suffix) => value.ends_with(suffix),
            Self::Containing(finder) => finder.find(value.as_bytes()).is_some(),
            Self::Regex { prefix, regex } => value.starts_with(prefix) && regex.is_match(value),
        }
    }

    /// What all of them begin with: in a sorted list they stand together.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Prefix(prefix) | Self::Regex { prefix, .. } => prefix,
            _ => "",
        }
    }

    /// The set that a regex describes. Its flags have to stand in its source.
    fn of_regex(regex: &Regex) -> Self {
        regex_syntax::parse(regex.as_str())
            .ok()
            .and_then(|hir| Self::of_hir(&hir, regex))
            .unwrap_or_else(|| Self::Regex { prefix: String::new(), regex: regex.clone() })
    }

    fn of_hir(hir: &Hir, regex: &Regex) -> Option<Self> {
        let body = body(hir)?;
        let mut extractor = Extractor::new();
        extractor.kind(ExtractKind::Prefix).limit_total(MAX_LITERALS);
        let literals = extractor.extract(&body);
        if literals.is_exact() {
            let text =
                |literal: &regex_syntax::hir::literal::Literal| String::from_utf8(literal.as_bytes().to_vec()).ok();
            let mut values = literals.literals()?.iter().map(text).collect::<Option<Vec<_>>>()?;
            values.sort_unstable();
            values.dedup();
            return Some(Self::OneOf(values));
        }
        let parts = match body.kind() {
            HirKind::Concat(parts) => parts.iter().collect(),
            _ => vec![&body],
        };
        Some(match parts.as_slice() {
            [all] if anything(all, 0) => Self::Any,
            [all] if anything(all, 1) => Self::NonEmpty,
            [text, all] if anything(all, 0) && literal(text).is_some() => Self::Prefix(literal(text)?.to_owned()),
            [all, text] if anything(all, 0) && literal(text).is_some() => Self::Suffix(literal(text)?.to_owned()),
            [all, text, rest] if anything(all, 0) && anything(rest, 0) && literal(text).is_some() => {
                Self::Containing(Box::new(Finder::new(literal(text)?).into_owned()))
            }
            _ => {
                let prefix = literals.longest_common_prefix().and_then(|bytes| std::str::from_utf8(bytes).ok());
                Self::Regex { prefix: prefix.unwrap_or_default().to_owned(), regex: regex.clone() }
            }
        })
    }
}

/// What stands between the anchors; none where a regex is not anchored at both ends, or has further conditions within.
fn body(hir: &Hir) -> Option<Hir> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [first, within @ .., last] = parts.as_slice() else { return None };
    let anchored = *first.kind() == HirKind::Look(Look::Start) && *last.kind() == HirKind::Look(Look::End);
    let body = Hir::concat(within.iter().map(without_captures).collect());
    (anchored && body.properties().look_set().is_empty()).then_some(body)
}

/// The same without capture groups, which change nothing about what is matched.
fn without_captures(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Capture(capture) => without_captures(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(without_captures).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(without_captures).collect()),
        _ => hir.clone(),
    }
}

/// Whether it matches any text of at least `min` characters.
fn anything(hir: &Hir, min: u32) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            repetition.min == min && repetition.max.is_none() && *repetition.sub == Hir::dot(Dot::AnyChar)
        }
        _ => false,
    }
}

fn literal(hir: &Hir) -> Option<&str> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn regex(source: &str) -> Regex {
        Regex::new(&format!("^(?s:{source})$")).unwrap()
    }

    fn kind(source: &str) -> String {
        let values = Values::of_regex(&regex(source));
        match &values {
            Values::OneOf(values) => values.join(" or "),
            Values::Any => "any".to_owned(),
            Values::NonEmpty => "non-empty".to_owned(),
            Values::Prefix(prefix) => format!("{prefix}…"),
            Values::Suffix(suffix) => format!("…{suffix}"),
            Values::Containing(finder) => format!("…{}…", String::from_utf8_lossy(finder.needle())),
            Values::Regex { prefix, .. } => format!("regex behind {prefix:?}"),
        }
    }

    #[test]
    fn what_a_regex_can_match_is_known_beforehand() {
        for (source, expected) in [
            ("api", "api"),
            ("api|web", "api or web"),
            ("(api|web)-[12]", "api-1 or api-2 or web-1 or web-2"),
            ("|api", " or api"),
            ("", ""),
            ("colou?r", "color or colour"),
            (".*", "any"),
            (".+", "non-empty"),
            ("(.*)", "any"),
            ("api-.*", "api-…"),
            ("api-(.*)", "api-…"),
            (".*-prod", "…-prod"),
            (".*prod.*", "…prod…"),
            ("api-.+", "regex behind \"api-\""),
            ("5..", "regex behind \"5\""),
            ("(?i)api", "API or APi or ApI or Api or aPI or aPi or apI or api"),
            ("a\\b.*", "regex behind \"\""),
        ] {
            assert_eq!(kind(source), expected, "{source}");
        }
    }

    #[test]
    fn a_dot_that_stops_at_line_ends_is_not_any_value() {
        let values = Values::of_regex(&Regex::new("^(?:.*)$").unwrap());
        assert!(values.contain("a") && !values.contain("a\nb"));
    }

    #[test]
    fn matchers_look_at_absent_labels_as_empty_ones() {
        let selector = |op, value: &str| Selector::new(&[Matcher { name: "b".into(), op, value: value.into() }]);
        let labels = [("a", "1"), ("c", "2")];
        assert!(selector(MatchOp::Equal, "").matches(&labels));
        assert!(selector(MatchOp::NotEqual, "x").matches(&labels));
        assert!(!selector(MatchOp::Equal, "2").matches(&labels));
        assert!(selector(MatchOp::Regex(regex("|x")), "|x").matches(&labels));
        assert!(!selector(MatchOp::NotRegex(regex(".*")), ".*").matches(&labels));
    }

    proptest! {
        #[test]
        fn taken_apart_a_regex_matches_what_it_did(
            parts in prop::collection::vec(prop::sample::select(
                vec!["a", "b", "ab", "é", ".", ".*", ".+", "a|b", "(a|bé)", "(|b)", "[ab]", "a?", "b*", "(?:a|.*b)", "|", "(?i:A)", "^", "$", "\\w"],
            ), 0..5),
            values in prop::collection::vec("[abAé\n]{0,4}", 1..20),
        ) {
            let source = parts.concat();
            for regex in [regex(&source), Regex::new(&format!("^(?:{source})$")).unwrap(), Regex::new(&source).unwrap()] {
                let set = Values::of_regex(&regex);
                for value in &values {
                    prop_assert_eq!(set.contain(value), regex.is_match(value), "{} in {:?}", value, &set);
                    prop_assert!(!set.contain(value) || value.starts_with(set.prefix()));
                }
            }
        }
    }
}
