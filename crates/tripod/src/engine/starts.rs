//! How many spans have been started, by their parent and the sampler's decision.
//!
//! Each thread counts its own, by one increment of memory that only it writes; they are summed when someone asks. What a thread
//! counted stays when it has ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::SpanContext;
use crate::stats::{Decisions, StartStats};

/// By [`Origin`], each not recorded and recorded.
const KINDS: usize = 6;

/// Where a span's parent is.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// It has none.
    None,
    Local,
    Remote,
}

impl Origin {
    /// Of a span below this one.
    #[inline]
    pub(crate) fn of(parent: &SpanContext) -> Self {
        if parent.remote { Self::Remote } else { Self::Local }
    }
}

/// What one thread has started; on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Starts([AtomicU64; KINDS]);

impl Starts {
    #[inline]
    pub(crate) fn count(&self, origin: Origin, recorded: bool) {
        let count = &self.0[origin as usize * 2 + usize::from(recorded)];
        // Relaxed, and no exchange: only this thread writes, and the number guards no other memory.
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn add_to(&self, sums: &mut [u64; KINDS]) {
        sums.iter_mut().zip(&self.0).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
    }
}

/// What all threads have started.
#[derive(Default)]
pub(super) struct AllStarts(Mutex<Threads>);

#[derive(Default)]
struct Threads {
    running: Vec<Arc<Starts>>,
    /// Of those that have ended.
    ended: [u64; KINDS],
}

impl AllStarts {
    /// For the calling thread.
    pub(super) fn of_new_thread(&self) -> Arc<Starts> {
        let starts = Arc::<Starts>::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).running.push(Arc::clone(&starts));
        starts
    }

    pub(super) fn sum(&self) -> StartStats {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Threads { running, ended } = &mut *threads;
        running.retain_mut(|thread| {
            // Who is the last to hold it sees all that was counted.
            let has_ended = Arc::get_mut(thread).is_some();
            if has_ended {
                thread.add_to(ended);
            }
            !has_ended
        });
        let mut sums = *ended;
        running.iter().for_each(|thread| thread.add_to(&mut sums));
        let [root_not, root, local_not, local, remote_not, remote] = sums;
        let decisions = |recorded, not_recorded| Decisions { recorded, not_recorded };
        StartStats {
            without_parent: decisions(root, root_not),
            local_parent: decisions(local, local_not),
            remote_parent: decisions(remote, remote_not),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_every_thread_counted_is_summed_also_when_it_has_ended() {
        let all = AllStarts::default();
        let own = all.of_new_thread();
        for _ in 0..3 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let starts = all.of_new_thread();
                    starts.count(Origin::None, true);
                    starts.count(Origin::Local, true);
                    starts.count(Origin::Remote, false);
                });
            });
            own.count(Origin::None, false);
            let _ = all.sum();
        }
        let of = |recorded, not_recorded| Decisions { recorded, not_recorded };
        let expected = StartStats { without_parent: of(3, 3), local_parent: of(3, 0), remote_parent: of(0, 3) };
        assert_eq!((all.sum(), all.sum()), (expected.clone(), expected));
        assert_eq!(all.0.lock().unwrap().running.len(), 1);
    }
}
