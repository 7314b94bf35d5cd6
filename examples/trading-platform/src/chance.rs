//! Chance that repeats itself: the same seed and the same request give the same outcome, so a run can be understood.

use std::time::Duration;

/// Draws, each the same for the same seed and subject.
pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    /// Draws that never repeat.
    pub(crate) fn new() -> Self {
        Self(fastrand::Rng::new())
    }

    /// The draws about one subject, for example an execution's id.
    pub(crate) fn about(seed: u64, subject: &str) -> Self {
        // FNV-1a, so that near ids draw differently.
        let hash = subject
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(fastrand::Rng::with_seed(hash ^ seed.rotate_left(32)))
    }

    /// True in this share of cases, from 0 to 1.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.0.f64() < share
    }

    /// One of several, each as likely.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.0.usize(..from.len())]
    }

    /// A whole number in a range, both ends included.
    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        self.0.usize(low..=high)
    }

    /// About 0, seldom beyond 3: close to the normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.0.f64()).sum::<f64>() - 6.0
    }

    /// How long something takes that typically takes so many milliseconds: mostly near it, now and then thrice as long.
    pub(crate) fn takes_millis(&mut self, typical: f64) -> Duration {
        Duration::from_secs_f64(typical * (0.45 * self.normal()).exp() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_subject_draws_the_same_and_another_one_differs() {
        let draw = |seed, subject| Chance::about(seed, subject).count(0, 1_000_000);
        assert_eq!(draw(1, "exec-1"), draw(1, "exec-1"));
        assert_ne!(draw(1, "exec-1"), draw(1, "exec-2"));
        assert_ne!(draw(1, "exec-1"), draw(2, "exec-1"));
    }

    #[test]
    fn a_share_of_cases_is_about_that_share() {
        let hits = (0..10_000).filter(|n| Chance::about(7, &format!("exec-{n}")).happens(0.04)).count();
        assert!((300..500).contains(&hits), "{hits}");
    }
}
