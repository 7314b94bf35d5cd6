//! Fork: a child finds the engine's state whole, and nothing in it that is the parent's to send.
//!
//! Handlers of `pthread_atfork` run in the thread that forks. Before: the gate is closed and whoever is inside a lock is waited for,
//! so is an exporter of the user's that is just sending, but not for long. After, in the parent: the gate opens, and nothing
//! has happened. In the child: what was inherited is marked as void, with a few stores and no allocation, as most children
//! `exec` next. The first record of a child that does not starts the threads anew, see [`crate::engine`].
//!
//! `std::process::Command` usually starts its child by `posix_spawn`, which runs no handlers and copies nothing.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a fork waits for threads inside our locks, where they spend microseconds.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long whoever waits sleeps between two looks.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// Forks under way.
static CLOSED: AtomicU32 = AtomicU32::new(0);
/// Threads inside a lock, counted in several places so that they seldom meet.
static INSIDE: [Count; STRIPES] = [const { Count(AtomicU32::new(0)) }; STRIPES];
const STRIPES: usize = 8;

/// How many forks lie between the first process and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);
/// When the last of them was, nanoseconds since the Unix epoch.
static FORKED_AT: AtomicU64 = AtomicU64::new(0);

#[repr(align(64))]
struct Count(AtomicU32);

thread_local! {
    /// Locks that this thread is inside.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where this thread counts itself; 0 before it first does.
    static STRIPE: Cell<usize> = const { Cell::new(0) };
}

/// How many forks lie between the first process and this one: what was made at another count is the parent's.
#[inline]
pub(crate) fn count() -> u32 {
    // Relaxed: it changes only while the process has a single thread.
    FORKS.load(Ordering::Relaxed)
}

/// When this process began by a fork, nanoseconds since the Unix epoch; 0 if it did not.
pub(crate) fn forked_at() -> u64 {
    FORKED_AT.load(Ordering::Relaxed)
}

/// While it lives, no fork happens, except by this thread itself.
pub(crate) struct Inside {
    /// Counted and left by one thread.
    _not_send: PhantomData<*const ()>,
}

impl Inside {
    pub(crate) fn enter() -> Self {
        loop {
            match Self::try_enter() {
                Some(inside) => return inside,
                None => thread::sleep(LOOK_EVERY),
            }
        }
    }

    /// `None` while another thread forks.
    pub(crate) fn try_enter() -> Option<Self> {
        let depth = DEPTH.get();
        // Who is inside already may not wait: a fork waits for it.
        if depth == 0 {
            let inside = &INSIDE[stripe()].0;
            // Sequentially consistent, as is the fork's side: either it sees this thread inside, or this thread sees it closed.
            inside.fetch_add(1, Ordering::SeqCst);
            if CLOSED.load(Ordering::SeqCst) != 0 {
                inside.fetch_sub(1, Ordering::SeqCst);
                return None;
            }
        }
        DEPTH.set(depth + 1);
        Some(Self { _not_send: PhantomData })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE[stripe()].0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn stripe() -> usize {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if STRIPE.get() == 0 {
        STRIPE.set(1 + NEXT.fetch_add(1, Ordering::Relaxed) as usize % STRIPES);
    }
    STRIPE.get() - 1
}

/// Lets nobody in any more, and waits until nobody but this thread is inside, within reason.
#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
fn close() {
    CLOSED.fetch_add(1, Ordering::SeqCst);
    let own = u32::from(DEPTH.get() > 0);
    let start = Instant::now();
    while INSIDE.iter().map(|count| count.0.load(Ordering::SeqCst)).sum::<u32>() > own && start.elapsed() < LONGEST_WAIT
    {
        thread::sleep(LOOK_EVERY);
    }
    // From here on this thread is inside, so that the handlers may take locks themselves.
    DEPTH.set(DEPTH.get() + 1);
}

#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
fn open_in_parent() {
    DEPTH.set(DEPTH.get() - 1);
    CLOSED.fetch_sub(1, Ordering::SeqCst);
}

/// Of all threads only this one is left.
#[cfg_attr(any(not(unix), miri, loom), allow(dead_code))]
fn open_in_child() {
    DEPTH.set(DEPTH.get() - 1);
    for (at, count) in INSIDE.iter().enumerate() {
        count.0.store(u32::from(DEPTH.get() > 0 && at == stripe()), Ordering::SeqCst);
    }
    CLOSED.store(0, Ordering::SeqCst);
}

/// Has forks handled from now on; the second call and further ones do nothing.
#[cfg(all(unix, not(miri), not(loom)))]
pub(crate) fn handle() {
    use std::sync::atomic::AtomicBool;
    static HANDLED: AtomicBool = AtomicBool::new(false);
    if !HANDLED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handlers are functions that live as long as the process and do not unwind. It fails only without memory; then
        // forks are as unsafe as without it.
        unsafe { libc::pthread_atfork(Some(handlers::before), Some(handlers::in_parent), Some(handlers::in_child)) };
    }
}

/// Where there is no fork, there is nothing to handle.
#[cfg(not(all(unix, not(miri), not(loom))))]
pub(crate) fn handle() {}

#[cfg(all(unix, not(miri), not(loom)))]
mod handlers {
    use std::cell::Cell;
    use std::ptr;
    use std::sync::atomic::Ordering;
    use std::time::SystemTime;

    use super::{FORKED_AT, FORKS};
    use crate::engine::{self, ForkHold};
    use crate::metrics;
    use crate::sync::descriptors;

    thread_local! {
        /// What this thread holds while it forks.
        static HELD: Cell<*mut ForkHold> = const { Cell::new(ptr::null_mut()) };
    }

    pub(super) extern "C" fn before() {
        super::close();
        let held = engine::before_fork().map_or(ptr::null_mut(), |hold| Box::into_raw(Box::new(hold)));
        HELD.set(held);
    }

    pub(super) extern "C" fn in_parent() {
        let_go();
        super::open_in_parent();
    }

    pub(super) extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        FORKED_AT.store(now.as_nanos() as u64, Ordering::Relaxed);
        let_go();
        engine::after_fork();
        metrics::after_fork();
        descriptors::after_fork();
        super::open_in_child();
    }

    fn let_go() {
        let held = HELD.replace(ptr::null_mut());
        if !held.is_null() {
            // SAFETY: made by `Box::into_raw` in `before`, and taken out of the cell just now.
            drop(unsafe { Box::from_raw(held) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::sync::Mutex;

    #[test]
    fn a_fork_waits_for_who_is_inside_and_keeps_out_who_comes() {
        static LOCK: Mutex<u32> = Mutex::new(0);
        let (closed, opened) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let guard = LOCK.lock();
            let forking = scope.spawn(|| {
                close();
                closed.store(true, Ordering::SeqCst);
                // The handlers' own locks are open to them.
                *LOCK.lock() += 1;
                let entering = scope.spawn(|| {
                    *LOCK.lock() += 1;
                    assert!(opened.load(Ordering::SeqCst), "nobody enters before it is over");
                });
                thread::sleep(Duration::from_millis(20));
                opened.store(true, Ordering::SeqCst);
                open_in_parent();
                entering.join().unwrap();
            });
            thread::sleep(Duration::from_millis(20));
            assert!(!closed.load(Ordering::SeqCst), "somebody is inside");
            // Nor may who is inside wait for a second lock.
            static OTHER: Mutex<()> = Mutex::new(());
            drop(OTHER.lock());
            drop(guard);
            forking.join().unwrap();
        });
        assert_eq!(*LOCK.lock(), 2);
    }
}
