//! A share of all traces, by one random number a trace: OpenTelemetry's consistent probability sampling.
//!
//! The number has 56 bits: the end of the trace's id, or what the `tracestate` gives as `ot=rv:…`. A trace is taken when it is not below a
//! threshold; so what one service takes, another with a larger share takes as well. The threshold goes along as `ot=th:…`, so that
//! whoever counts spans knows for how many each stands.

use std::sync::Arc;

use crate::context::TraceId;
use crate::context::propagation::ot;

/// Bits of the number that decides.
const BITS: u32 = 56;

/// Significant digits of a threshold, as the specification recommends: they are written with each span.
const DIGITS: u32 = 4;

/// A share of the traces. As every service computes it from the same number, they decide alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    share: f64,
    threshold: Threshold,
}

/// The numbers below are not sampled, of `1 << 56`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(pub(super) u64);

impl Ratio {
    /// From 0 to 1; what is outside is taken as the nearer end, and what is no number as 1.
    pub(crate) fn new(share: f64) -> Self {
        let share = if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) };
        Self { share, threshold: Threshold::of(share) }
    }

    pub(crate) fn share(self) -> f64 {
        self.share
    }

    pub(crate) fn threshold(self) -> Threshold {
        self.threshold
    }

    /// Whether a trace with this id and state is among them.
    #[inline]
    pub(crate) fn takes(self, trace_id: TraceId, trace_state: Option<&str>) -> bool {
        self.threshold.takes(trace_id, trace_state)
    }
}

impl Threshold {
    fn of(share: f64) -> Self {
        let all = 1_u64 << BITS;
        // The smallest share that there is takes one number of all.
        let exact = all - ((share * all as f64).round() as u64).clamp(1, all);
        // Zeros in front of a small share are nines, so to speak, in front of its threshold, and not significant.
        let leading = if share > 0.0 { (-share.log2()).max(0.0) as u32 / 4 } else { DIGITS };
        let dropped = BITS.saturating_sub(4 * (DIGITS + leading));
        let rounded = (exact + (1 << dropped >> 1)) >> dropped << dropped;
        Self(if rounded < all { rounded } else { exact })
    }

    #[inline]
    fn takes(self, trace_id: TraceId, trace_state: Option<&str>) -> bool {
        trace_state.and_then(ot::randomness).unwrap_or_else(|| of_id(trace_id)) >= self.0
    }

    /// A state with this threshold and nothing else.
    pub(crate) fn alone(self) -> Option<Arc<str>> {
        self.added_to("")
    }

    /// The state with this threshold instead of the one it had.
    pub(crate) fn added_to(self, trace_state: &str) -> Option<Arc<str>> {
        ot::with_threshold(trace_state, Some(self.0))
    }
}

/// The last 56 bits.
#[inline]
fn of_id(trace_id: TraceId) -> u64 {
    let [.., a, b, c, d, e, f, g] = trace_id.0;
    u64::from_be_bytes([0, a, b, c, d, e, f, g])
}

/// Whether what a caller says of its threshold can be: that it sampled what is not below it, and nothing else.
pub(crate) fn is_consistent(trace_id: TraceId, trace_state: &str, sampled: bool) -> bool {
    ot::threshold(trace_state)
        .is_none_or(|threshold| Threshold(threshold).takes(trace_id, Some(trace_state)) == sampled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u128) -> TraceId {
        TraceId(number.to_be_bytes())
    }

    #[test]
    fn it_takes_about_its_share_and_always_the_same_traces() {
        let mut random = fastrand::Rng::with_seed(1);
        let ids: Vec<TraceId> = (0..10_000).map(|_| id(random.u128(..))).collect();
        let taken = |share: f64| ids.iter().filter(|id| Ratio::new(share).takes(**id, None)).count();
        assert_eq!((taken(0.0), taken(1.0)), (0, 10_000));
        assert!((800..1200).contains(&taken(0.1)), "{}", taken(0.1));
    }

    #[test]
    fn what_is_outside_is_taken_as_the_nearer_end() {
        let shares = [-1.0, 2.0, f64::NAN].map(|share| Ratio::new(share).share());
        assert_eq!(shares, [0.0, 1.0, 1.0]);
    }

    #[test]
    fn thresholds_are_those_of_the_specification() {
        let table = [
            (1.0, "0"),
            (0.5, "8"),
            (1.0 / 3.0, "aaab"),
            (0.25, "c"),
            (0.2, "cccd"),
            (0.125, "e"),
            (0.1, "e666"),
            (0.0625, "f"),
            (0.01, "fd70a"),
            (0.001, "ffbe77"),
            (0.0001, "fff9724"),
            (0.00001, "ffff583a"),
            (0.000_001, "ffffef39"),
        ];
        for (share, expected) in table {
            let state = Ratio::new(share).threshold().alone().unwrap();
            assert_eq!(&*state, format!("ot=th:{expected}"), "{share}");
        }
        assert_eq!(&*Ratio::new(1e-30).threshold().alone().unwrap(), "ot=th:ffffffffffffff");
    }

    #[test]
    fn a_number_that_the_caller_gave_decides_instead_of_the_id() {
        let half = Ratio::new(0.5);
        assert!(
            half.takes(id(0), Some("a=1,ot=rv:80000000000000"))
                && !half.takes(id(u128::MAX), Some("ot=rv:7fffffffffffff"))
        );
        assert!(half.takes(id(u128::MAX), Some("ot=rv:bad")), "what can't be read is not there");
        assert!(is_consistent(id(0), "ot=th:8;rv:80000000000000", true) && is_consistent(id(0), "ot=th:8", false));
        assert!(!is_consistent(id(0), "ot=th:8", true) && is_consistent(id(0), "a=1", true));
    }

    proptest! {
        #[test]
        fn who_takes_more_takes_what_the_others_take(
            number: u128, a in 0.0_f64..=1.0, b in 0.0_f64..=1.0, rv in proptest::option::of(0_u64..1 << 56)
        ) {
            let (less, more) = (Ratio::new(a.min(b)), Ratio::new(a.max(b)));
            let state = rv.map(|rv| format!("ot=rv:{rv:014x}"));
            let takes = |ratio: Ratio| ratio.takes(id(number), state.as_deref());
            prop_assert!(!takes(less) || takes(more));
        }

        #[test]
        fn a_threshold_is_near_its_share_and_survives_the_way_through_text(share in 1e-12_f64..=1.0) {
            let threshold = Ratio::new(share).threshold();
            let taken = 1.0 - threshold.0 as f64 / (1_u64 << BITS) as f64;
            prop_assert!((taken / share - 1.0).abs() < 0.001 || (taken - share).abs() < 1e-4, "{} of {}", taken, share);
            let text = threshold.alone().unwrap();
            prop_assert_eq!(ot::threshold(&text), Some(threshold.0));
        }
    }
}
