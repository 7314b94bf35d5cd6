//! Chunks: the memory that lanes are made of, and the budget that all of them share.

use std::ptr;

use crate::sync::model::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::model::{Arc, Bytes};

/// Bytes of a usual chunk; a record longer than that gets a chunk of its own size.
pub(crate) const CHUNK_BYTES: usize = if cfg!(loom) {
    24
} else if cfg!(miri) {
    8 * 1024
} else {
    64 * 1024
};

pub(super) struct Chunk {
    bytes: Bytes,
    /// Bytes that are complete records. Only grows while the chunk is with the writer.
    pub(super) published: AtomicUsize,
    /// The chunk that follows; set once, after the last record of this one was published.
    pub(super) next: AtomicPtr<Chunk>,
}

/// Bytes that chunks may take, over all lanes, beside the one that each lane has anyway: so a thread finds room however many others
/// have recorded before it.
pub(crate) struct Budget {
    pub(super) used: AtomicUsize,
    limit: usize,
}

/// The budget as the lanes share it.
pub(crate) type SharedBudget = Arc<Budget>;

impl Budget {
    pub(crate) fn new(limit: usize) -> SharedBudget {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    fn take(&self, bytes: usize) -> bool {
        // Relaxed: the counter guards no other memory, it only has to add up.
        let taken = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether there is room enough for read chunks to be kept for reuse.
    pub(super) fn is_ample(&self) -> bool {
        self.used.load(Ordering::Relaxed) <= self.limit / 2
    }
}

impl Chunk {
    /// A chunk within the budget; `None` when that is used up.
    pub(super) fn allocate(bytes: usize, budget: &Budget) -> Option<*mut Self> {
        budget.take(bytes).then(|| Self::allocate_first(bytes))
    }

    /// A chunk that the budget does not count: a lane's first.
    pub(super) fn allocate_first(bytes: usize) -> *mut Self {
        let next = AtomicPtr::new(ptr::null_mut());
        Box::into_raw(Box::new(Self { bytes: Bytes::new(bytes), published: AtomicUsize::new(0), next }))
    }

    /// Frees a chunk; answers how many bytes it had, for the budget.
    ///
    /// # Safety
    /// `chunk` came from this type, and nobody else can reach it.
    pub(super) unsafe fn free(chunk: *mut Self) -> usize {
        // SAFETY: as the caller promises.
        unsafe { Box::from_raw(chunk) }.len()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Has `write` fill bytes of the chunk.
    ///
    /// # Safety
    /// The range lies within the chunk, and nobody else reaches it meanwhile.
    #[inline]
    pub(super) unsafe fn write<R>(&self, at: usize, len: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
        // SAFETY: as the caller promises.
        unsafe { self.bytes.write(at, len, write) }
    }

    /// Shows bytes of the chunk to `read`.
    ///
    /// # Safety
    /// The range lies within the chunk, and nobody writes to it meanwhile.
    #[inline]
    pub(super) unsafe fn read<R>(&self, at: usize, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: as the caller promises.
        unsafe { self.bytes.read(at, len, read) }
    }
}
