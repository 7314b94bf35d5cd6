//! `tracestate`s that say a threshold and nothing else, as a ratio sampler gives them to the traces that begin here.
//!
//! A thread makes its own: threads that shared one would all count its holders on one cache line.

use std::sync::Arc;

use super::Threshold;

/// Samplers by rules may have several ratios; so many are kept.
const KEPT: usize = 8;

/// See the module.
#[derive(Default)]
pub(crate) struct OwnStates(Vec<(Threshold, Arc<str>)>);

impl OwnStates {
    pub(crate) fn of(&mut self, threshold: Threshold) -> Option<Arc<str>> {
        match self.0.iter().find(|(known, _)| *known == threshold) {
            Some((_, state)) => Some(Arc::clone(state)),
            None => self.make(threshold),
        }
    }

    #[cold]
    fn make(&mut self, threshold: Threshold) -> Option<Arc<str>> {
        let state = threshold.alone()?;
        self.0.truncate(KEPT - 1);
        self.0.push((threshold, Arc::clone(&state)));
        Some(state)
    }
}
