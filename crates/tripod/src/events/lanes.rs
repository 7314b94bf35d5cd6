//! The thread that records, and its lanes: one for each collector that it records to.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::collector::{Run, Shared};
use super::encoded::Encoded;
use crate::engine::lane::{Pushed, Tag, Writer};
use crate::sync::fork;

/// A lane has only events.
const TAG: Tag = Tag { signal: 0, scope: 0 };

thread_local! {
    static LANES: RefCell<Vec<Own>> = const { RefCell::new(Vec::new()) };
}

/// This thread's lane to a collector.
struct Own {
    writer: Writer,
    run: Arc<Run>,
    /// To notice that the collector is gone.
    shared: Weak<Shared>,
}

impl Own {
    #[inline]
    fn leads_to(&self, shared: &Arc<Shared>) -> bool {
        // As long as it is held, nothing else comes to lie there.
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(shared)) && self.run.forks == fork::count()
    }
}

/// Hands an event over. Answers whether there was room.
#[inline]
pub(super) fn push(shared: &Arc<Shared>, event: &Encoded<'_>) -> bool {
    let pushed = LANES.try_with(|lanes| {
        let Ok(mut lanes) = lanes.try_borrow_mut() else { return false };
        let at = lanes.iter().position(|own| own.leads_to(shared)).unwrap_or_else(|| attach(&mut lanes, shared));
        let own = &mut lanes[at];
        if own.run.closed.load(Ordering::Relaxed) {
            return false;
        }
        match own.push(event) {
            Pushed::Yes => true,
            unusual => own.unusual(&unusual, event, shared),
        }
    });
    pushed.unwrap_or(false)
}

/// A lane for this thread, which at the same time lets go of lanes that lead nowhere.
#[cold]
fn attach(lanes: &mut Vec<Own>, shared: &Arc<Shared>) -> usize {
    let now = fork::count();
    lanes.retain(|own| own.shared.strong_count() > 0 && own.run.forks == now);
    let run = shared.run();
    lanes.push(Own { writer: run.new_lane(), run, shared: Arc::downgrade(shared) });
    lanes.len() - 1
}

impl Own {
    #[inline]
    fn push(&mut self, event: &Encoded<'_>) -> Pushed {
        let len = event.len();
        self.writer.push_with(TAG, len, |out| {
            event.write(out);
            len
        })
    }

    #[cold]
    fn unusual(&mut self, pushed: &Pushed, event: &Encoded<'_>, shared: &Shared) -> bool {
        self.run.wake();
        if *pushed != Pushed::Refused {
            return true;
        }
        // The collector is late: the oldest have to go, not this one.
        self.run.make_room(&shared.counts) && self.push(event) != Pushed::Refused
    }
}
