//! The last events, in a bounded piece of memory: the oldest goes first, whether it was taken or not.
//!
//! Each event is its length and its bytes, one behind the other. What is left in front is moved together when it is half of the
//! memory, so an event is moved about once.

const LENGTH: usize = 4;

/// The last events.
pub(super) struct Recent {
    bytes: Vec<u8>,
    /// Where the oldest begins.
    first: usize,
    events: usize,
    /// The newest of them that were not taken yet, and where they begin.
    waiting: usize,
    next: usize,
    max_events: usize,
}

impl Recent {
    pub(super) fn new(max_events: usize) -> Self {
        Self { bytes: Vec::new(), first: 0, events: 0, waiting: 0, next: 0, max_events }
    }

    /// Adds an event. Answers whether one that was not taken had to go.
    pub(super) fn push(&mut self, event: &[u8]) -> bool {
        let dropped = self.events == self.max_events && self.drop_oldest();
        if self.first > self.bytes.len() / 2 {
            self.bytes.copy_within(self.first.., 0);
            self.bytes.truncate(self.bytes.len() - self.first);
            self.next -= self.first;
            self.first = 0;
        }
        self.bytes.extend_from_slice(&(event.len() as u32).to_ne_bytes());
        self.bytes.extend_from_slice(event);
        self.events += 1;
        self.waiting += 1;
        dropped
    }

    fn drop_oldest(&mut self) -> bool {
        let untaken = self.waiting == self.events;
        self.first = self.end_of(self.first);
        self.events -= 1;
        if untaken {
            self.waiting -= 1;
            self.next = self.first;
        }
        untaken
    }

    /// Where the event ends that begins here.
    fn end_of(&self, at: usize) -> usize {
        at + LENGTH + self.at(at).len()
    }

    fn at(&self, at: usize) -> &[u8] {
        let mut length = [0; LENGTH];
        length.copy_from_slice(&self.bytes[at..at + LENGTH]);
        &self.bytes[at + LENGTH..][..u32::from_ne_bytes(length) as usize]
    }

    /// Copies the oldest that were not taken yet, at most so many, one behind the other; they count as taken. Answers how many.
    pub(super) fn take(&mut self, most: usize, out: &mut Vec<u8>) -> usize {
        let (taken, start) = (self.waiting.min(most), self.next);
        for _ in 0..taken {
            self.next = self.end_of(self.next);
        }
        self.waiting -= taken;
        out.extend_from_slice(&self.bytes[start..self.next]);
        taken
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        each(&self.bytes[self.first..])
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.events
    }

    /// How many were not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Forgets everything, with its memory.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_events);
    }
}

/// Each event of what [`Recent::take`] gave.
pub(super) fn each(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
        let (event, rest) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        bytes = rest;
        Some(event)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue_whose_oldest_goes_first(
            max in 1..20_usize,
            steps in prop::collection::vec(prop_oneof![3 => (0..40_usize).prop_map(Some), 1 => Just(None)], 0..300),
        ) {
            let mut recent = Recent::new(max);
            // The model: all that are kept, and how many of the newest were not taken.
            let (mut kept, mut waiting) = (VecDeque::new(), 0);
            for (number, step) in steps.into_iter().enumerate() {
                if let Some(len) = step {
                    let event = vec![number as u8; len];
                    let is_full = kept.len() == max;
                    prop_assert_eq!(recent.push(&event), is_full && waiting == max);
                    if is_full {
                        kept.pop_front();
                        waiting = waiting.min(max - 1);
                    }
                    kept.push_back(event);
                    waiting += 1;
                } else {
                    let mut out = Vec::new();
                    let taken = recent.take(3, &mut out);
                    prop_assert_eq!(taken, waiting.min(3));
                    let expected: Vec<&[u8]> = kept.range(kept.len() - waiting..).take(3).map(|event| &**event).collect();
                    prop_assert_eq!(each(&out).collect::<Vec<_>>(), expected);
                    waiting -= taken;
                }
                prop_assert_eq!(recent.iter().map(<[u8]>::to_vec).collect::<VecDeque<_>>(), kept.clone());
                prop_assert_eq!(recent.waiting(), waiting);
            }
        }
    }
}
