//! Rules: the first that fits a span decides, by a sampler of its own.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use tripod_wire::otlp::trace::SpanKind;

use super::{Decision, Sampler, SpanStart};
use crate::engine;
use crate::pattern::Pattern;

/// Which spans one sampler is for; all conditions must hold. In patterns `*` is any text and `?` one character.
///
/// ```
/// use tripod::{Sampler, SamplingRule, SpanKind};
/// let sampler = Sampler::rules([
///     SamplingRule::new(Sampler::always_off()).name("GET /health*"),
///     SamplingRule::new(Sampler::always_on()).kind(SpanKind::SERVER).attribute("tenant", "acme-*"),
/// ], Sampler::ratio(0.1)); // for all others
/// ```
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing before it is part of a sampler"]
pub struct SamplingRule {
    sampler: Sampler,
    name: Option<Pattern>,
    kind: Option<SpanKind>,
    scope: Option<Pattern>,
    attributes: Vec<(Box<str>, Pattern)>,
}

impl SamplingRule {
    /// A rule that fits every span, for which this sampler decides.
    pub fn new(sampler: Sampler) -> Self {
        Self { sampler, name: None, kind: None, scope: None, attributes: Vec::new() }
    }

    /// Only spans whose name matches the pattern.
    pub fn name(mut self, pattern: &str) -> Self {
        self.name = Some(Pattern::new(pattern));
        self
    }

    /// Only spans of this kind.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only spans of components whose name matches the pattern; the program's own have the empty name.
    pub fn scope(mut self, pattern: &str) -> Self {
        self.scope = Some(Pattern::new(pattern));
        self
    }

    /// Only spans that start with this attribute, its value as text matching the pattern. Those set later are not known yet.
    pub fn attribute(mut self, key: &str, pattern: &str) -> Self {
        self.attributes.push((key.into(), Pattern::new(pattern)));
        self
    }
}

impl fmt::Display for SamplingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut conditions = Vec::new();
        conditions.extend(self.name.as_ref().map(|pattern| format!("name={pattern}")));
        conditions.extend(self.kind.map(|kind| format!("kind={}", shown(kind))));
        conditions.extend(self.scope.as_ref().map(|pattern| format!("scope={pattern}")));
        conditions.extend(self.attributes.iter().map(|(key, pattern)| format!("{key}={pattern}")));
        let conditions = if conditions.is_empty() { "all".to_owned() } else { conditions.join(" and ") };
        write!(f, "{conditions}: {}", self.sampler)
    }
}

fn shown(kind: SpanKind) -> String {
    let name = kind.name().map(|name| name.trim_start_matches("SPAN_KIND_").to_ascii_lowercase());
    name.unwrap_or_else(|| kind.0.to_string())
}

/// Rules in their order, and who decides where none fits.
pub(crate) struct Rules {
    rules: Vec<Rule>,
    otherwise: Sampler,
}

struct Rule {
    given: SamplingRule,
    /// Whether a scope fits, by its number, so that its name is looked at once.
    scopes: Box<[AtomicU8]>,
}

/// Scopes whose answer is kept; a program has some dozens.
const KNOWN_SCOPES: usize = 512;
const UNKNOWN: u8 = 0;
const FITS: u8 = 1;
const DIFFERS: u8 = 2;

impl Rules {
    pub(crate) fn new(rules: impl IntoIterator<Item = SamplingRule>, otherwise: Sampler) -> Self {
        let rules = rules.into_iter().map(|given| {
            let known = if given.scope.is_some() { KNOWN_SCOPES } else { 0 };
            Rule { given, scopes: (0..known).map(|_| AtomicU8::new(UNKNOWN)).collect() }
        });
        Self { rules: rules.collect(), otherwise }
    }

    pub(crate) fn decide(&self, span: &SpanStart<'_>) -> Decision {
        let rule = self.rules.iter().find(|rule| rule.fits(span));
        rule.map_or(&self.otherwise, |rule| &rule.given.sampler).decide(span)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rules(")?;
        self.rules.iter().try_for_each(|rule| write!(f, "{}; ", rule.given))?;
        write!(f, "otherwise: {})", self.otherwise)
    }
}

impl Rule {
    fn fits(&self, span: &SpanStart<'_>) -> bool {
        let given = &self.given;
        given.kind.is_none_or(|kind| kind == span.kind)
            && given.name.as_ref().is_none_or(|pattern| pattern.matches(span.name))
            && given.scope.as_ref().is_none_or(|pattern| self.scope_fits(span.scope, pattern))
            && given
                .attributes
                .iter()
                .all(|(key, pattern)| span.attribute(key).is_some_and(|value| pattern.matches_value(value)))
    }

    fn scope_fits(&self, scope: u16, pattern: &Pattern) -> bool {
        let kept = self.scopes.get(usize::from(scope));
        // Relaxed: the answer is all there is, and every thread comes to the same.
        match kept.map(|kept| kept.load(Ordering::Relaxed)) {
            Some(FITS) => true,
            Some(DIFFERS) => false,
            _ => {
                let fits = pattern.matches(&engine::scope_name(scope));
                if let Some(kept) = kept {
                    kept.store(if fits { FITS } else { DIFFERS }, Ordering::Relaxed);
                }
                fits
            }
        }
    }
}
