//! Where the subscriber keeps its spans: slots that are recycled and never freed, found by the number in a span's id.
//!
//! An id is a slot's place and its generation, so an id that outlives its span finds nothing. A thread keeps a few free slots for
//! itself. Cost: one uncontended lock and two or three atomic operations to make, enter, leave or close a span.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use tracing_core::Metadata;
use tracing_core::span::Id;

use super::Spans;
use super::span::BridgedSpan;
use crate::sync::fork::{self, Inside};

const CHUNK: usize = 256;
const CHUNKS: usize = 4096;

/// Free slots that a thread keeps for itself, at most.
const OWN_FREE: usize = 64;

/// How often and how long a forked child waits for a slot's lock.
const LOOKS_IN_CHILD: usize = 200;
const LOOK_EVERY: Duration = Duration::from_micros(100);

struct Slot {
    /// The generation in the upper half, how many handles there are in the lower.
    state: AtomicU64,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    span: BridgedSpan,
    metadata: &'static Metadata<'static>,
}

static SLOTS: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

/// Free places of threads that have too many or have ended, and the first that was never used.
static FREE: crate::sync::Mutex<Free> = crate::sync::Mutex::new(Free { places: Vec::new(), next: 0 });

struct Free {
    places: Vec<u32>,
    next: u32,
}

/// A thread's free places.
struct OwnFree(Vec<u32>);

impl Drop for OwnFree {
    fn drop(&mut self) {
        FREE.lock().places.append(&mut self.0);
    }
}

thread_local! {
    static OWN: RefCell<OwnFree> = const { RefCell::new(OwnFree(Vec::new())) };
    /// Spans that are entered, the latest last.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

type Entered = (u64, &'static Metadata<'static>);

type KeptGuard = MutexGuard<'static, Option<Kept>>;

impl Slot {
    /// `None` in a forked child when a thread of the parent's was at the span.
    #[inline]
    fn lock(&'static self) -> Option<KeptGuard> {
        if fork::count() == 0 {
            Some(self.kept.lock().unwrap_or_else(PoisonError::into_inner))
        } else {
            self.lock_in_child()
        }
    }

    /// Not by way of [`crate::sync`], which would cost each span several times its gate. Instead a child, which may have inherited a lock
    /// that nobody is left to let go, waits longer than any thread holds one, and then does without.
    #[cold]
    fn lock_in_child(&'static self) -> Option<KeptGuard> {
        for _ in 0..LOOKS_IN_CHILD {
            match self.kept.try_lock() {
                Ok(kept) => return Some(kept),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK_EVERY),
            }
        }
        None
    }
}

fn slot(place: u32) -> Option<&'static Slot> {
    SLOTS.get(place as usize / CHUNK)?.get()?.get(place as usize % CHUNK)
}

fn free_place() -> Option<u32> {
    // Borrowed already where the allocator traces: it is called when the list grows.
    let own = OWN.try_with(|own| own.try_borrow_mut().ok()?.0.pop()).ok().flatten();
    own.or_else(|| {
        let mut free = FREE.lock();
        if let Some(place) = free.places.pop() {
            return Some(place);
        }
        if free.next as usize >= CHUNK * CHUNKS {
            return None;
        }
        free.next += 1;
        Some(free.next - 1)
    })
}

fn give_back(place: u32) {
    let kept = OWN.try_with(|own| {
        let own = &mut own.try_borrow_mut().ok()?.0;
        (own.len() < OWN_FREE).then(|| own.push(place))
    });
    if !matches!(kept, Ok(Some(()))) {
        FREE.lock().places.push(place);
    }
}

/// The id of a place in a generation; never zero.
fn id_of(place: u32, generation: u32) -> Id {
    Id::from_u64(u64::from(generation) << 32 | (u64::from(place) + 1))
}

/// Place and generation of an id.
fn read(id: &Id) -> (u32, u32) {
    let id = id.into_u64();
    ((id as u32).wrapping_sub(1), (id >> 32) as u32)
}

/// The slot of an id whose span is not closed.
fn living(id: &Id) -> Option<&'static Slot> {
    let (place, generation) = read(id);
    let slot = slot(place)?;
    let state = slot.state.load(Ordering::Acquire);
    (state >> 32 == u64::from(generation) && state as u32 != 0).then_some(slot)
}

/// Counts a handle more or less, unless the span is closed. Answers how many there were.
fn count(id: &Id, by: i32) -> Option<u32> {
    let (place, generation) = read(id);
    let changed = |state: u64| {
        let handles = state as u32;
        let is_it = state >> 32 == u64::from(generation) && handles != 0;
        is_it.then(|| match handles.wrapping_add_signed(by) {
            0 => u64::from(generation.wrapping_add(1)) << 32,
            handles => u64::from(generation) << 32 | u64::from(handles),
        })
    };
    // AcqRel: who closes a span sees what all others did to it.
    slot(place)?.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, changed).ok().map(|before| before as u32)
}

/// The spans of the process's subscribers.
#[derive(Clone, Copy)]
pub(super) struct InSlots;

impl InSlots {
    /// The id of a span that is not recorded.
    pub(super) fn none() -> Id {
        Id::from_u64(u64::MAX)
    }

    pub(super) fn insert(span: BridgedSpan, metadata: &'static Metadata<'static>) -> Id {
        let Some(place) = free_place() else { return Self::none() };
        let chunk = || (0..CHUNK).map(|_| Slot { state: AtomicU64::new(0), kept: Mutex::new(None) }).collect();
        let slots = &SLOTS[place as usize / CHUNK];
        // Not while the process forks: a child is not to meet them half made.
        let inside = slots.get().is_none().then(Inside::enter);
        let slot = &slots.get_or_init(chunk)[place as usize % CHUNK];
        drop(inside);
        // A place that can't be had is not used again.
        let Some(mut kept) = slot.lock() else { return Self::none() };
        *kept = Some(Kept { span, metadata });
        drop(kept);
        let generation = slot.state.load(Ordering::Relaxed) >> 32;
        // Release: whoever finds the slot by its id sees the span.
        slot.state.store(generation << 32 | 1, Ordering::Release);
        id_of(place, generation as u32)
    }

    pub(super) fn add_handle(id: &Id) {
        count(id, 1);
    }

    /// One handle less. Answers the span when it was the last.
    pub(super) fn remove_handle(id: &Id) -> Option<BridgedSpan> {
        if count(id, -1)? != 1 {
            return None;
        }
        let (place, _) = read(id);
        let kept = slot(place)?.lock()?.take();
        give_back(place);
        kept.map(|kept| kept.span)
    }

    pub(super) fn enter(id: &Id) {
        let metadata = living(id).and_then(|slot| {
            let mut kept = slot.lock()?;
            let kept = kept.as_mut()?;
            kept.span.enter();
            Some(kept.metadata)
        });
        if let Some(metadata) = metadata {
            let _ = ENTERED.try_with(|entered| {
                if let Ok(mut entered) = entered.try_borrow_mut() {
                    entered.push((id.into_u64(), metadata));
                }
            });
        }
    }

    pub(super) fn exit(id: &Id) {
        let _ = ENTERED.try_with(|entered| {
            let Ok(mut entered) = entered.try_borrow_mut() else { return };
            if let Some(at) = entered.iter().rposition(|(entered, _)| *entered == id.into_u64()) {
                entered.remove(at);
            }
        });
        InSlots.with(id, BridgedSpan::exit);
    }

    pub(super) fn current() -> Option<(Id, &'static Metadata<'static>)> {
        let current = ENTERED.try_with(|entered| entered.try_borrow().ok()?.last().copied()).ok().flatten();
        current.map(|(id, metadata)| (Id::from_u64(id), metadata))
    }
}

impl Spans for InSlots {
    fn with<R>(&self, id: &Id, work: impl FnOnce(&mut BridgedSpan) -> R) -> Option<R> {
        let slot = living(id)?;
        let mut kept = slot.lock()?;
        // It may have been closed, and the slot used again, before it was locked.
        living(id)?;
        kept.as_mut().map(|kept| work(&mut kept.span))
    }

    fn with_current<R>(&self, work: impl FnOnce(&mut BridgedSpan) -> R) -> Option<R> {
        self.with(&Self::current()?.0, work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_place_and_generation_and_never_zero() {
        for (place, generation) in [(0, 0), (7, 1), (u32::MAX - 1, u32::MAX)] {
            assert_eq!(read(&id_of(place, generation)), (place, generation));
        }
        assert!(living(&InSlots::none()).is_none());
        assert!(InSlots.with(&id_of(u32::MAX - 1, 3), |_| ()).is_none());
    }
}
