//! What collects the events of all threads: their lanes, and the last events.
//!
//! It is behind a lock that the collector's thread takes for as long as copying takes, never while it writes or calls back. A thread that
//! records takes it only when its lane finds no more memory: then it moves what waits itself, if nobody else does.

use super::counts::Counts;
use super::recent::Recent;
use crate::engine::lane::Reader;

/// Behind the lock.
pub(super) struct Intake {
    lanes: Vec<Reader>,
    pub(super) recent: Recent,
    /// What was just taken from the lanes, and where each event is in it, by the time it was recorded.
    staged: Vec<u8>,
    order: Vec<(u64, usize, usize)>,
}

impl Intake {
    pub(super) fn new(max_events: usize) -> Self {
        let (lanes, staged, order) = Default::default();
        Self { lanes, recent: Recent::new(max_events), staged, order }
    }

    pub(super) fn add_lane(&mut self, lane: Reader) {
        self.lanes.push(lane);
    }

    /// Moves what the lanes hold to the last events, in the order in which it was recorded.
    pub(super) fn take(&mut self, counts: &Counts) {
        let Self { lanes, recent, staged, order } = self;
        lanes.retain_mut(|lane| {
            lane.drain(|record| {
                let stamp = record.body.first_chunk().copied().map(u64::from_ne_bytes).unwrap_or_default();
                order.push((stamp, staged.len(), record.body.len()));
                staged.extend_from_slice(record.body);
            })
        });
        // Each lane is in order already, which is what this kind of sorting is quick at.
        order.sort_by_key(|(stamp, ..)| *stamp);
        let dropped = order.drain(..).filter(|(_, at, len)| recent.push(&staged[*at..at + len])).count();
        counts.dropped.add(dropped as u64);
        staged.clear();
    }

    /// Lets go of everything; nobody records any more.
    pub(super) fn clear(&mut self) {
        self.lanes.clear();
        self.recent.clear();
        (self.staged, self.order) = Default::default();
    }
}
