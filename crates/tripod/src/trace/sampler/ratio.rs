//! A share of all traces, by their ids.

use crate::context::TraceId;

/// A share of the traces. As every service computes it from the id alone, those that begin from the same id decide alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    share: f64,
    /// The ids below are sampled, of `1 << 63`.
    below: u64,
}

impl Ratio {
    /// From 0 to 1; what is outside is taken as the nearer end, and what is no number as 1.
    pub(crate) fn new(share: f64) -> Self {
        let share = if share.is_nan() { 1.0 } else { share.clamp(0.0, 1.0) };
        Self { share, below: (share * (1_u64 << 63) as f64) as u64 }
    }

    pub(crate) fn share(self) -> f64 {
        self.share
    }

    /// As the other SDKs do: the lower 63 bits of the id against the ratio's part of their range.
    #[inline]
    pub(crate) fn takes(self, trace_id: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g, h] = trace_id.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1 < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_about_its_share_and_always_the_same_traces() {
        let mut random = fastrand::Rng::with_seed(1);
        let ids: Vec<TraceId> = (0..10_000).map(|_| TraceId(random.u128(..).to_be_bytes())).collect();
        let taken = |share: f64| ids.iter().filter(|id| Ratio::new(share).takes(**id)).count();
        assert_eq!((taken(0.0), taken(1.0)), (0, 10_000));
        assert!((800..1200).contains(&taken(0.1)), "{}", taken(0.1));
        let less_but_not_more = |id: &&TraceId| Ratio::new(0.1).takes(**id) && !Ratio::new(0.5).takes(**id);
        assert_eq!(ids.iter().filter(less_but_not_more).count(), 0);
    }

    #[test]
    fn what_is_outside_is_taken_as_the_nearer_end() {
        let shares = [-1.0, 2.0, f64::NAN].map(|share| Ratio::new(share).share());
        assert_eq!(shares, [0.0, 1.0, 1.0]);
    }
}
