//! Policies: which finished traces are kept.

use std::fmt;
use std::ops::Not;
use std::sync::Arc;
use std::time::Duration;

use tripod_wire::TraceId;

use super::buffer::Spans;
use crate::pattern::Pattern;
use crate::trace::sampler::RateLimit;

/// Which traces are kept once they have ended; see [`crate::Builder::tail_sampling`].
///
/// ```
/// use std::time::Duration;
/// use tripod::TailPolicy;
/// // All that failed or were slow, and one in ten of the others …
/// let policy = TailPolicy::errors().or_slower_than(Duration::from_millis(500)).or_ratio(0.1)
///     // … but no health checks.
///     .and(!TailPolicy::name("GET /health*"));
/// ```
///
/// Policies are asked from left to right, and only as far as the answer needs: what `errors` keeps takes nothing of the rate limit
/// that follows it.
#[derive(Clone)]
#[must_use = "a policy does nothing before it is set"]
pub struct TailPolicy(Rule);

#[derive(Clone)]
enum Rule {
    All,
    Errors,
    /// Nanoseconds that a local root took, or any span.
    Slow {
        nanos: u64,
        any: bool,
    },
    Ratio(f64),
    Rate(Arc<RateLimit>),
    Name(Pattern),
    Attribute(Box<str>, Pattern),
    Not(Box<Rule>),
    Or(Vec<Rule>),
    And(Vec<Rule>),
}

impl TailPolicy {
    /// Every trace.
    pub fn all() -> Self {
        Self(Rule::All)
    }

    /// Traces in which a span ended with an error.
    pub fn errors() -> Self {
        Self(Rule::Errors)
    }

    /// Traces that took at least so long in this process: the span that began here, or, while it has not ended, all of them together.
    pub fn slower_than(duration: Duration) -> Self {
        Self(Rule::Slow { nanos: nanos(duration), any: false })
    }

    /// Traces in which any span took at least so long.
    pub fn any_span_slower_than(duration: Duration) -> Self {
        Self(Rule::Slow { nanos: nanos(duration), any: true })
    }

    /// A share of the traces, 0 to 1, by their ids: every process keeps the same, and it is a share also of what a sampler of the
    /// head has left.
    pub fn ratio(ratio: f64) -> Self {
        Self(Rule::Ratio(if ratio.is_nan() { 1.0 } else { ratio.clamp(0.0, 1.0) }))
    }

    /// So many traces a second, in a burst at most what a second brings.
    pub fn rate_limited(per_second: f64) -> Self {
        Self(Rule::Rate(Arc::new(RateLimit::new(per_second))))
    }

    /// Traces with a span of a name that matches the pattern: `*` is any text, `?` one character.
    pub fn name(pattern: &str) -> Self {
        Self(Rule::Name(Pattern::new(pattern)))
    }

    /// Traces with a span that has this attribute, its value as text matching the pattern.
    pub fn attribute(key: &str, pattern: &str) -> Self {
        Self(Rule::Attribute(key.into(), Pattern::new(pattern)))
    }

    /// Also what the other keeps.
    pub fn or(self, other: Self) -> Self {
        Self(match self.0 {
            Rule::Or(mut all) => {
                all.push(other.0);
                Rule::Or(all)
            }
            first => Rule::Or(vec![first, other.0]),
        })
    }

    /// Of this only what the other keeps as well.
    pub fn and(self, other: Self) -> Self {
        Self(match self.0 {
            Rule::And(mut all) => {
                all.push(other.0);
                Rule::And(all)
            }
            first => Rule::And(vec![first, other.0]),
        })
    }

    /// Also [`TailPolicy::slower_than`].
    pub fn or_slower_than(self, duration: Duration) -> Self {
        self.or(Self::slower_than(duration))
    }

    /// Also [`TailPolicy::ratio`].
    pub fn or_ratio(self, ratio: f64) -> Self {
        self.or(Self::ratio(ratio))
    }

    /// Also [`TailPolicy::rate_limited`].
    pub fn or_rate_limited(self, per_second: f64) -> Self {
        self.or(Self::rate_limited(per_second))
    }

    pub(super) fn keeps(&self, trace_id: TraceId, spans: &Spans) -> bool {
        self.0.keeps(trace_id, spans)
    }
}

/// What the policy does not keep.
impl Not for TailPolicy {
    type Output = Self;

    fn not(self) -> Self {
        Self(Rule::Not(Box::new(self.0)))
    }
}

impl Rule {
    fn keeps(&self, trace_id: TraceId, spans: &Spans) -> bool {
        match self {
            Self::All => true,
            Self::Errors => spans.views().any(|span| span.failed()),
            Self::Slow { nanos, any: true } => spans.views().any(|span| span.duration_nanos() >= *nanos),
            Self::Slow { nanos, any: false } => root_nanos(spans) >= *nanos,
            Self::Ratio(ratio) => share(trace_id) < *ratio,
            Self::Rate(limit) => limit.take(),
            Self::Name(pattern) => spans.views().any(|span| pattern.matches(span.name)),
            Self::Attribute(key, pattern) => spans
                .views()
                .any(|span| span.attributes().any(|(own, value)| own == &**key && pattern.matches_value(value))),
            Self::Not(rule) => !rule.keeps(trace_id, spans),
            Self::Or(rules) => rules.iter().any(|rule| rule.keeps(trace_id, spans)),
            Self::And(rules) => rules.iter().all(|rule| rule.keeps(trace_id, spans)),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How long the trace took here.
fn root_nanos(spans: &Spans) -> u64 {
    let roots = spans.views().filter(|span| span.is_local_root).map(|span| span.duration_nanos());
    roots.max().unwrap_or_else(|| {
        let start = spans.views().map(|span| span.start).min().unwrap_or(0);
        spans.views().map(|span| span.end).max().unwrap_or(0).saturating_sub(start)
    })
}

/// The id as a number from 0 to 1. All its bits count, as some systems leave the upper half empty, and it is mixed, as a ratio
/// sampler has already chosen by the lower half.
fn share(trace_id: TraceId) -> f64 {
    let id = u128::from_be_bytes(trace_id.0);
    let mut mixed = ((id >> 64) as u64).rotate_left(32) ^ id as u64;
    // The finishing step of SplitMix64.
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31) as f64 / (u64::MAX as f64 + 1.0)
}

impl fmt::Display for TailPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, rules: &[Self], word: &str| {
            let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
            write!(f, "({})", rules.join(word))
        };
        match self {
            Self::All => f.write_str("all"),
            Self::Errors => f.write_str("errors"),
            Self::Slow { nanos, any: false } => write!(f, "slower_than({:?})", Duration::from_nanos(*nanos)),
            Self::Slow { nanos, any: true } => write!(f, "any_span_slower_than({:?})", Duration::from_nanos(*nanos)),
            Self::Ratio(ratio) => write!(f, "ratio({ratio})"),
            Self::Rate(limit) => write!(f, "rate_limited({}/s)", limit.per_second()),
            Self::Name(pattern) => write!(f, "name={pattern}"),
            Self::Attribute(key, pattern) => write!(f, "{key}={pattern}"),
            Self::Not(rule) => write!(f, "not {rule}"),
            Self::Or(rules) => joined(f, rules, " or "),
            Self::And(rules) => joined(f, rules, " and "),
        }
    }
}

impl fmt::Debug for TailPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TailPolicy({self})")
    }
}
