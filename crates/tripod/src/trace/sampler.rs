//! Samplers: which traces are recorded. The decision is made once, at the root, and travels with the context.

use std::fmt;
use std::str::FromStr;

use crate::context::{SpanContext, TraceId};

/// Decides which traces are recorded. The names are those of `OTEL_TRACES_SAMPLER`; the default is `parentbased_always_on`.
///
/// ```
/// use tripod::Sampler;
/// let sampler = Sampler::ratio(0.1); // one trace in ten, and every trace whose caller records it
/// assert_eq!(sampler.to_string(), "parentbased_traceidratio(0.1)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// The share of the traces that begin here, 0 to 1.
    ratio: f64,
    /// Whether a caller's decision is followed.
    parent_based: bool,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::always_on()
    }
}

impl Sampler {
    /// Every trace, unless the caller decided against it.
    pub fn always_on() -> Self {
        Self::ratio(1.0)
    }

    /// No trace, unless the caller decided for it.
    pub fn always_off() -> Self {
        Self::ratio(0.0)
    }

    /// A share of the traces that begin here (0 to 1, what is outside is taken as the nearer end), and what the caller decided
    /// for others. By the trace's id, so that every service that begins from the same id decides alike.
    pub fn ratio(ratio: f64) -> Self {
        Self { ratio: if ratio.is_nan() { 1.0 } else { ratio.clamp(0.0, 1.0) }, parent_based: true }
    }

    /// The same for every trace, whatever the caller decided.
    #[must_use]
    pub fn ignoring_parent(self) -> Self {
        Self { parent_based: false, ..self }
    }

    #[inline]
    pub(crate) fn decide(self, parent: &SpanContext, trace_id: TraceId) -> bool {
        if self.parent_based && parent.is_valid() {
            return parent.sampled;
        }
        if self.ratio >= 1.0 {
            return true;
        }
        // As the other SDKs do: the lower 63 bits of the id against the ratio's part of their range.
        let low = u64::from_be_bytes(trace_id.0[8..].try_into().unwrap_or_default()) >> 1;
        (low as f64) < self.ratio * (1_u64 << 63) as f64
    }

    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub(crate) fn from_names(name: &str, argument: Option<&str>) -> Result<Self, String> {
        let ratio = || match argument.unwrap_or("1").trim().parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
            _ => Err("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1".to_owned()),
        };
        match name {
            "always_on" => Ok(Self::always_on().ignoring_parent()),
            "always_off" => Ok(Self::always_off().ignoring_parent()),
            "traceidratio" => Ok(Self::ratio(ratio()?).ignoring_parent()),
            "parentbased_always_on" => Ok(Self::always_on()),
            "parentbased_always_off" => Ok(Self::always_off()),
            "parentbased_traceidratio" => Ok(Self::ratio(ratio()?)),
            _ => Err("must be always_on, always_off, traceidratio, or one of them after parentbased_".to_owned()),
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
        let prefix = if self.parent_based { "parentbased_" } else { "" };
        match self.ratio {
            1.0 => write!(f, "{prefix}always_on"),
            0.0 => write!(f, "{prefix}always_off"),
            ratio => write!(f, "{prefix}traceidratio({ratio})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_records_about_that_share_and_always_the_same_traces() {
        let mut random = fastrand::Rng::with_seed(1);
        let ids: Vec<TraceId> = (0..10_000).map(|_| TraceId(random.u128(..).to_be_bytes())).collect();
        let none = SpanContext::default();
        let sampled = |ratio: f64| ids.iter().filter(|id| Sampler::ratio(ratio).decide(&none, **id)).count();
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 10_000));
        assert!((800..1200).contains(&sampled(0.1)), "{}", sampled(0.1));
        let both = |id: &&TraceId| Sampler::ratio(0.1).decide(&none, **id) && !Sampler::ratio(0.5).decide(&none, **id);
        assert_eq!(ids.iter().filter(both).count(), 0);
    }

    #[test]
    fn the_callers_decision_is_followed_unless_told_otherwise() {
        let parent =
            SpanContext { trace_id: TraceId([1; 16]), span_id: crate::SpanId([1; 8]), sampled: true, remote: true };
        assert!(Sampler::always_off().decide(&parent, parent.trace_id));
        assert!(!Sampler::always_off().ignoring_parent().decide(&parent, parent.trace_id));
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
        assert!("sometimes".parse::<Sampler>().unwrap_err().contains("traceidratio"));
        assert!(Sampler::from_names("traceidratio", Some("2")).unwrap_err().contains("from 0 to 1"));
    }
}
