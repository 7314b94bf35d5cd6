//! Samplers: which traces are recorded. The decision is made once, at the root, and travels with the context.
//!
//! A sampler has two parts: who decides on a trace that begins here ([`Deciding`]), and what a parent's decision means
//! ([`parents::Parents`]). A parent whose decision is open is decided on here, as if it had none; one in debug mode is recorded by
//! every sampler that heeds parents. The usual samplers decide by a comparison or two; rules and a program's own cost what they do.

mod parents;
mod rate_limit;
mod ratio;
mod rules;
mod start;
mod states;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;

pub(crate) use rate_limit::RateLimit;
pub use rules::SamplingRule;
pub use start::SpanStart;
pub(crate) use start::StartAttributes;

use crate::context::propagation::ot;
use crate::context::{SpanContext, TraceId};
use parents::Parents;
use ratio::{Ratio, Threshold, is_consistent};
use rules::Rules;
pub(crate) use states::OwnStates;

/// Decides which traces are recorded. The names are those of `OTEL_TRACES_SAMPLER`; the default is `parentbased_always_on`.
///
/// ```
/// use tripod::Sampler;
/// let sampler = Sampler::ratio(0.1); // one trace in ten, and every trace whose caller records it
/// assert_eq!(sampler.to_string(), "parentbased_traceidratio(0.1)");
/// ```
#[derive(Clone)]
pub struct Sampler {
    root: Deciding,
    parents: Parents,
}

/// A sampler of the program's own, for [`Sampler::custom`].
///
/// ```
/// use tripod::{Sample, Sampler, SpanStart, Value};
/// struct Paying;
/// impl Sample for Paying {
///     fn sample(&self, span: &SpanStart<'_>) -> bool {
///         matches!(span.attribute("plan"), Some(Value::Str("paid")))
///     }
/// }
/// let sampler = Sampler::custom(Paying);
/// ```
pub trait Sample: Send + Sync {
    /// Whether the trace that this span begins is recorded. Called on the thread that starts the span, which waits: be quick, and do
    /// not block. Telemetry called from within does nothing; a panic means no.
    fn sample(&self, span: &SpanStart<'_>) -> bool;

    /// How the sampler is shown; its type by default.
    fn description(&self) -> String {
        std::any::type_name::<Self>().to_owned()
    }
}

/// What a sampler has decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) sampled: bool,
    probability: Probability,
}

/// With what probability a span is sampled, for who counts spans later.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Probability {
    /// As its parent.
    Inherited,
    /// Nobody knows.
    Unknown,
    Known(Threshold),
}

impl Decision {
    fn followed(sampled: bool) -> Self {
        Self { sampled, probability: Probability::Inherited }
    }

    fn unknown(sampled: bool) -> Self {
        Self { sampled, probability: Probability::Unknown }
    }

    fn by(ratio: Ratio, trace_id: TraceId, trace_state: Option<&str>) -> Self {
        let sampled = ratio.takes(trace_id, trace_state);
        let probability = if sampled { Probability::Known(ratio.threshold()) } else { Probability::Unknown };
        Self { sampled, probability }
    }

    /// The new span's `tracestate`, of its parent's.
    pub(crate) fn pass_on(
        self,
        parent: &SpanContext,
        trace_state: Option<Arc<str>>,
        states: &mut OwnStates,
    ) -> Option<Arc<str>> {
        let Some(state) = trace_state else {
            return if let Probability::Known(threshold) = self.probability { states.of(threshold) } else { None };
        };
        match self.probability {
            Probability::Known(threshold) => threshold.added_to(&state),
            Probability::Inherited if !parent.remote => Some(state),
            Probability::Inherited if is_consistent(parent.trace_id, &state, self.sampled) => Some(state),
            _ if ot::threshold(&state).is_none() => Some(state),
            _ => ot::with_threshold(&state, None),
        }
    }
}

/// Who decides where no parent's decision is followed.
#[derive(Clone)]
pub(crate) enum Deciding {
    On,
    Off,
    Ratio(Ratio),
    RateLimit(Arc<RateLimit>),
    Rules(Arc<Rules>),
    Custom(Arc<dyn Sample>),
}

impl Default for Sampler {
    fn default() -> Self {
        Self::always_on()
    }
}

impl Sampler {
    /// Every trace, unless the caller decided against it.
    pub fn always_on() -> Self {
        Self::of(Deciding::On)
    }

    /// No trace, unless the caller decided for it.
    pub fn always_off() -> Self {
        Self::of(Deciding::Off)
    }

    /// A share of the traces that begin here (0 to 1, what is outside is taken as the nearer end), and what the caller decided
    /// for others. By the end of the trace's id, or the random number that its `tracestate` has (`ot=rv:…`), so that a service with a
    /// larger share takes all that one with a smaller share takes. The `tracestate` of what is recorded says how large the share
    /// was (`ot=th:…`), unless it is 1, which is [`Sampler::always_on`].
    pub fn ratio(ratio: f64) -> Self {
        let ratio = Ratio::new(ratio);
        Self::of(match ratio.share() {
            1.0 => Deciding::On,
            0.0 => Deciding::Off,
            _ => Deciding::Ratio(ratio),
        })
    }

    /// So many of the traces a second that begin here, in a burst at most what a second brings (and at least one), and what the
    /// caller decided for others.
    pub fn rate_limited(per_second: f64) -> Self {
        Self::of(Deciding::RateLimit(Arc::new(RateLimit::new(per_second))))
    }

    /// By the first rule that fits the span with which a trace begins here, or else `otherwise`; what the caller decided for others.
    pub fn rules(rules: impl IntoIterator<Item = SamplingRule>, otherwise: Self) -> Self {
        Self::of(Deciding::Rules(Arc::new(Rules::new(rules, otherwise))))
    }

    /// By the program's own code for the traces that begin here, and what the caller decided for others.
    pub fn custom(sample: impl Sample + 'static) -> Self {
        Self::of(Deciding::Custom(Arc::new(sample)))
    }

    /// The same for every span, whatever its parent decided.
    #[must_use]
    pub fn ignoring_parent(self) -> Self {
        Self { parents: Parents::Ignored, ..self }
    }

    /// As its parent decided where there is one, whatever it was before.
    #[cfg(feature = "yaml")]
    pub(crate) fn following_parent(self) -> Self {
        Self { parents: Parents::Followed, ..self }
    }

    /// Another sampler for spans whose caller, in another process, records the trace; what it says of parents does not count.
    #[must_use]
    pub fn remote_parent_sampled(self, sampler: Self) -> Self {
        Self { parents: self.parents.with(true, true, sampler.root), ..self }
    }

    /// Another sampler for spans whose caller, in another process, does not record the trace; what it says of parents does not count.
    #[must_use]
    pub fn remote_parent_not_sampled(self, sampler: Self) -> Self {
        Self { parents: self.parents.with(true, false, sampler.root), ..self }
    }

    /// Another sampler for spans whose parent, in this process, is recorded; what it says of parents does not count.
    #[must_use]
    pub fn local_parent_sampled(self, sampler: Self) -> Self {
        Self { parents: self.parents.with(false, true, sampler.root), ..self }
    }

    /// Another sampler for spans whose parent, in this process, is not recorded; what it says of parents does not count.
    #[must_use]
    pub fn local_parent_not_sampled(self, sampler: Self) -> Self {
        Self { parents: self.parents.with(false, false, sampler.root), ..self }
    }

    fn of(root: Deciding) -> Self {
        Self { root, parents: Parents::Followed }
    }

    /// The decision where parent and trace id suffice for it and the `tracestate` stays as it is, as they mostly do.
    #[inline]
    pub(crate) fn decide_at_once(&self, parent: &SpanContext, trace_id: TraceId, has_state: bool) -> Option<bool> {
        let follows = parent.is_valid() && !parent.flags.is_undecided();
        match (&self.parents, &self.root) {
            (Parents::Asked(_), _) => None,
            (Parents::Followed, _) if follows && !(has_state && parent.remote) => Some(parent.is_sampled()),
            _ if has_state => None,
            (_, Deciding::On) => Some(true),
            (_, Deciding::Off) => Some(false),
            (_, Deciding::Ratio(ratio)) if !ratio.takes(trace_id, None) => Some(false),
            _ => None,
        }
    }

    /// Whether the span is recorded.
    pub(crate) fn decide(&self, span: &SpanStart<'_>) -> Decision {
        let parent = span.parent;
        if parent.is_valid() && !parent.flags.is_undecided() {
            match &self.parents {
                Parents::Followed => return Decision::followed(parent.is_sampled()),
                Parents::Asked(_) if parent.flags.is_debug() => return Decision::followed(true),
                Parents::Asked(delegates) => return delegates.decide(span),
                Parents::Ignored => {}
            }
        }
        self.root.decide(span)
    }

    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub(crate) fn from_names(name: &str, argument: Option<&str>) -> Result<Self, String> {
        let ratio = || match argument.unwrap_or("1").trim().parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
            _ => Err("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1".to_owned()),
        };
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let sampler = match root {
            "always_on" => Self::always_on(),
            "always_off" => Self::always_off(),
            "traceidratio" => Self::ratio(ratio()?),
            "jaeger_remote" | "xray" => {
                return Err(format!(
                    "{root} asks a remote service, which is not supported; {SUPPORTED}, or set Builder::sampler to rules or a rate limit"
                ));
            }
            _ => return Err(SUPPORTED.to_owned()),
        };
        Ok(if parent_based { sampler } else { sampler.ignoring_parent() })
    }
}

const SUPPORTED: &str = "must be always_on, always_off, traceidratio, or one of them after parentbased_";

impl Deciding {
    #[inline]
    fn decide(&self, span: &SpanStart<'_>) -> Decision {
        match self {
            Self::On => Decision::unknown(true),
            Self::Off => Decision::unknown(false),
            Self::Ratio(ratio) => Decision::by(*ratio, span.trace_id, span.trace_state),
            Self::Rules(rules) => rules.decide(span),
            Self::RateLimit(_) | Self::Custom(_) => Decision::unknown(self.consider(span)),
        }
    }

    /// What takes longer.
    #[cold]
    #[inline(never)]
    fn consider(&self, span: &SpanStart<'_>) -> bool {
        match self {
            Self::RateLimit(limit) => limit.take(),
            Self::Custom(custom) => catch_unwind(AssertUnwindSafe(|| custom.sample(span))).unwrap_or(false),
            _ => self.decide(span).sampled,
        }
    }
}

impl FromStr for Sampler {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::from_names(name, None)
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parents {
            Parents::Followed => write!(f, "parentbased_{}", self.root),
            Parents::Ignored => write!(f, "{}", self.root),
            Parents::Asked(delegates) => write!(f, "parentbased(root={}{delegates})", self.root),
        }
    }
}

impl fmt::Display for Deciding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On => f.write_str("always_on"),
            Self::Off => f.write_str("always_off"),
            Self::Ratio(ratio) => write!(f, "traceidratio({})", ratio.share()),
            Self::RateLimit(limit) => write!(f, "rate_limited({}/s)", limit.per_second()),
            Self::Rules(rules) => rules.fmt(f),
            Self::Custom(custom) => f.write_str(&custom.description()),
        }
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sampler({self})")
    }
}

/// The guide's snippets, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/sampling.md")]
mod guide {}

#[cfg(test)]
mod tests;
