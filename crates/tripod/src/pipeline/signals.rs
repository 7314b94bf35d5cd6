//! A set of signals.

use super::Signal;

/// Which signals are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals(u8);

impl Signals {
    pub(crate) const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    pub(crate) fn contains(self, signal: Signal) -> bool {
        self.0 & Self::bit(signal) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub(crate) fn with(self, signal: Signal) -> Self {
        Self(self.0 | Self::bit(signal))
    }

    /// Those that `wanted` says yes to.
    pub(crate) fn only(wanted: impl Fn(Signal) -> bool) -> Self {
        Self::ALL.into_iter().filter(|signal| wanted(*signal)).fold(Self::default(), Self::with)
    }

    fn bit(signal: Signal) -> u8 {
        match signal {
            Signal::Traces => 1,
            Signal::Metrics => 2,
            Signal::Logs => 4,
        }
    }
}
