//! Who may still speak of a series by its number: requests on their way, memory tables, queries.
//!
//! Each holds the generation that was current when it began. A series is forgotten only when nothing was written to it since
//! the oldest generation that is held, and its number is given to another only when all who could know it are gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A generation, held as long as someone has a clone of it.
pub(crate) type Generation = Arc<u32>;

#[derive(Debug)]
pub(super) struct Generations {
    /// The oldest first, each with the time at which it ended; the last one is current.
    all: Mutex<VecDeque<(Generation, Option<Instant>)>>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { all: Mutex::new(VecDeque::from([(Arc::new(1), None)])) }
    }
}

impl Generations {
    /// Holds the current generation.
    pub(super) fn current(&self) -> Generation {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.back().map(|(generation, _)| Arc::clone(generation)).unwrap_or_default()
    }

    /// Begins a new one. Returns the oldest generation that is held, and the oldest that had not ended `idle` ago or is held.
    pub(super) fn advance(&self, now: Instant, idle: Duration) -> (u32, u32) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = 1;
        if let Some((current, ended)) = all.back_mut() {
            *ended = Some(now);
            next = **current + 1;
        }
        all.push_back((Arc::new(next), None));
        let held =
            |generation: &Generation, ended: &Option<Instant>| Arc::strong_count(generation) > 1 || ended.is_none();
        let recent = |ended: &Option<Instant>| ended.is_none_or(|ended| now.duration_since(ended) < idle);
        let oldest_held = all.iter().find(|(generation, ended)| held(generation, ended)).map_or(next, |(it, _)| **it);
        let needed = |(generation, ended): &&(Generation, Option<Instant>)| held(generation, ended) || recent(ended);
        let oldest_needed = all.iter().find(needed).map_or(next, |(it, _)| **it);
        while all.front().is_some_and(|(generation, _)| **generation < oldest_needed) {
            all.pop_front();
        }
        (oldest_held, oldest_needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_needed_while_it_is_held_or_recent() {
        let generations = Generations::default();
        let idle = Duration::from_secs(10);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = generations.current();
        assert_eq!(generations.advance(at(0), idle), (1, 1));
        let second = generations.current();
        assert_eq!(generations.advance(at(5), idle), (1, 1));
        drop(first);
        assert_eq!(generations.advance(at(6), idle), (2, 1), "the first ended 6 seconds ago");
        assert_eq!(generations.advance(at(11), idle), (2, 2));
        drop(second);
        assert_eq!(generations.advance(at(30), idle), (6, 5), "the fifth has just ended");
        assert_eq!(*generations.current(), 6);
    }
}
