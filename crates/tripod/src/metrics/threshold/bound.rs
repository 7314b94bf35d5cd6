//! When a value counts as beyond a bound, and when as well again: what thresholds of metrics and of events share.

use std::time::{Duration, Instant};

use super::Direction;
use crate::Error;

/// A bound, one of its own for the way back (hysteresis), and a time that the value has to stay beyond: so a value that trembles does
/// not call at each tremble.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    side: Option<(Side, f64)>,
    clears: Option<f64>,
    lasting: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

impl Side {
    fn is_beyond(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Above => value > bound,
            Self::Below => value < bound,
        }
    }

    fn opposite(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }
}

/// Where a value stands.
#[derive(Debug, Default)]
pub(crate) struct Level {
    /// Since when the value is beyond, while that does not last long enough yet.
    beyond_since: Option<Instant>,
    pub(crate) raised: bool,
}

impl Bound {
    pub(crate) fn above(&mut self, bound: f64) {
        self.side = Some((Side::Above, bound));
    }

    pub(crate) fn below(&mut self, bound: f64) {
        self.side = Some((Side::Below, bound));
    }

    pub(crate) fn clears(&mut self, bound: f64) {
        self.clears = Some(bound);
    }

    pub(crate) fn lasting(&mut self, time: Duration) {
        self.lasting = time;
    }

    /// The bound itself.
    pub(crate) fn value(&self) -> f64 {
        self.side.map_or(f64::NAN, |(_, bound)| bound)
    }

    /// # Errors
    /// [`Error::Config`] when there is no bound, or the one to clear at lies beyond it.
    pub(crate) fn check(&self, name: &str) -> Result<(), Error> {
        let side = self.side.filter(|(_, bound)| !bound.is_nan());
        let (side, bound) =
            side.ok_or_else(|| wrong(name, "no bound".to_owned(), "above or below some number".to_owned()))?;
        match self.clears.filter(|clears| clears.is_nan() || side.is_beyond(*clears, bound)) {
            Some(clears) => {
                Err(wrong(name, format!("cleared at {clears}"), format!("on the good side of the bound, {bound}")))
            }
            None => Ok(()),
        }
    }

    /// Takes a look at a value, and tells whether it has crossed the bound.
    pub(crate) fn look(&self, level: &mut Level, value: f64, now: Instant) -> Option<Direction> {
        let (side, bound) = self.side?;
        if side.is_beyond(value, bound) {
            let since = *level.beyond_since.get_or_insert(now);
            let raise = !level.raised && now.saturating_duration_since(since) >= self.lasting;
            level.raised |= raise;
            return raise.then_some(Direction::Raised);
        }
        level.beyond_since = None;
        let is_well = self.clears.is_none_or(|clears| side.opposite().is_beyond(value, clears));
        let clear = level.raised && is_well;
        level.raised &= !clear;
        clear.then_some(Direction::Cleared)
    }
}

/// Of a threshold that makes no sense.
pub(crate) fn wrong(name: &str, value: String, allowed: String) -> Error {
    Error::Config { name: name.to_owned(), value, allowed }
}
