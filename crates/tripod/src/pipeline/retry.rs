//! When to try again: exponential back-off with jitter, or when the receiver says.

use std::time::Duration;

/// The waits between tries.
pub(crate) struct Backoff {
    next: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(30);

    pub(crate) fn new() -> Self {
        Self { next: Self::FIRST, random: fastrand::Rng::new() }
    }

    /// How long to wait now: between half of the step and all of it, and at least as long as the receiver asked for.
    pub(crate) fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(Self::LONGEST);
        let jittered = step.mul_f64(0.5 + self.random.f64() / 2.0);
        // A receiver can ask for patience, not for silence.
        asked.map_or(jittered, |asked| jittered.max(asked.min(Self::LONGEST * 10)))
    }

    /// After a success.
    pub(crate) fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_again_after_a_success() {
        let mut backoff = Backoff::new();
        let first = backoff.wait(None);
        assert!(first >= Backoff::FIRST / 2 && first <= Backoff::FIRST);
        let last = (0..20).map(|_| backoff.wait(None)).last().unwrap();
        assert!(last >= Backoff::LONGEST / 2 && last <= Backoff::LONGEST);
        backoff.reset();
        assert!(backoff.wait(None) <= Backoff::FIRST);
    }

    #[test]
    fn the_receivers_wish_is_followed_within_reason() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.wait(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.wait(Some(Duration::from_secs(86_400))), Duration::from_secs(300));
    }
}
