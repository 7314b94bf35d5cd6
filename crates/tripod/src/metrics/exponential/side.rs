//! The values on one side of zero: exponential buckets in cells, at the finest scale at which they fit.
//!
//! A *window* is the buckets at one scale: at most `size` neighbouring ones, a bucket's cell given by its index modulo `size`, so that the
//! window can grow either way without moving. When a value lies too far out, a new window at a coarser scale takes over and the one
//! before stays as it is, to be added when they are read: no thread ever has to move what another has counted. There are at most 31
//! scales, and the second value usually jumps to about the final one, so windows are few. Cells come in pages, each made when it is
//! first needed.

#[cfg(all(test, loom))]
mod model;

use std::ptr;

use super::buckets::Buckets;
use super::index::{self, MIN_SCALE};
use crate::metrics::cells::{CellReader, Join, LateCells};
use crate::sync::model::Mutex;
use crate::sync::model::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Cells made at once.
const PAGE: usize = if cfg!(loom) { 2 } else { 32 };

/// How many buckets there may be, and how fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) size: i32,
    pub(crate) max_scale: i32,
}

/// The values of one sign, by magnitude.
#[derive(Default)]
pub(crate) struct Side {
    /// Null before the first value. Windows are never freed, as series aren't.
    current: AtomicPtr<Window>,
    /// Held to grow.
    growing: Mutex<()>,
}

struct Window {
    scale: i32,
    size: i32,
    /// The lowest and the highest index, packed.
    range: AtomicU64,
    pages: Box<[LateCells]>,
    /// The finer one that it took over from.
    before: Option<&'static Window>,
}

impl Side {
    /// Counts a magnitude: finite, above zero.
    #[inline]
    pub(crate) fn record(&self, limits: Limits, magnitude: f64) {
        if let Some(window) = self.current() {
            let index = index::index(magnitude, window.scale);
            let (low, high) = window.range();
            if (low..=high).contains(&index) {
                return window.count(index);
            }
        }
        self.record_beyond(limits, magnitude);
    }

    #[cold]
    fn record_beyond(&self, limits: Limits, magnitude: f64) {
        let _growing = self.growing.lock();
        let window = if let Some(window) = self.current() {
            let index = index::index(magnitude, window.scale);
            let (low, high) = window.range();
            let (low, high) = (low.min(index), high.max(index));
            // The least by which the range fits. At the coarsest scale every float does.
            let most = window.scale - MIN_SCALE;
            let by = (0..most).find(|by| (high >> by) - (low >> by) < window.size).unwrap_or(most);
            if by == 0 {
                window.range.store(pack(low, high), Ordering::Relaxed);
                window
            } else {
                self.publish(Window::new(limits, window.scale - by, (low >> by, high >> by), Some(window)))
            }
        } else {
            let index = index::index(magnitude, limits.max_scale);
            self.publish(Window::new(limits, limits.max_scale, (index, index), None))
        };
        window.count(index::index(magnitude, window.scale));
    }

    fn publish(&self, window: Window) -> &'static Window {
        let window: &'static Window = Box::leak(Box::new(window));
        // Release: whoever sees the pointer sees the window.
        self.current.store(ptr::from_ref(window).cast_mut(), Ordering::Release);
        window
    }

    #[inline]
    fn current(&self) -> Option<&'static Window> {
        // SAFETY: null or from `publish`, and a window is never freed.
        unsafe { self.current.load(Ordering::Acquire).as_ref() }
    }

    /// The scale and the counts so far; `None` when there are no values.
    pub(crate) fn read(&self, cells: &CellReader) -> Option<(i32, Buckets)> {
        let current = self.current()?;
        let (low, high) = current.range();
        let mut all = Buckets::covering(low, high);
        let mut next = Some(current);
        while let Some(window) = next {
            window.each(cells, |index, count| all.add(index >> (window.scale - current.scale), count));
            next = window.before;
        }
        Some((current.scale, all))
    }
}

impl Window {
    fn new(limits: Limits, scale: i32, (low, high): (i32, i32), before: Option<&'static Self>) -> Self {
        let pages = (0..(limits.size as usize).div_ceil(PAGE)).map(|_| LateCells::default()).collect();
        Self { scale, size: limits.size, range: AtomicU64::new(pack(low, high)), pages, before }
    }

    #[inline]
    fn range(&self) -> (i32, i32) {
        let packed = self.range.load(Ordering::Relaxed);
        ((packed >> 32) as i32, packed as i32)
    }

    /// Page and cell of a bucket.
    #[inline]
    fn place(&self, index: i32) -> (usize, usize) {
        let slot = index.rem_euclid(self.size) as usize;
        (slot / PAGE, slot % PAGE)
    }

    #[inline]
    fn count(&self, index: i32) {
        let (page, cell) = self.place(index);
        self.pages[page].get_or_make(&[Join::Whole; PAGE]).record(cell as u32, Join::Whole, 1);
    }

    /// Buckets that are not empty.
    fn each(&self, cells: &CellReader, mut visit: impl FnMut(i32, u64)) {
        let mut counts = vec![[0; PAGE]; self.pages.len()];
        for (counts, page) in counts.iter_mut().zip(&self.pages) {
            if let Some(page) = page.get() {
                cells.add_counts(page, 0, counts);
            }
        }
        let (low, high) = self.range();
        for index in low..=high {
            let (page, cell) = self.place(index);
            if counts[page][cell] > 0 {
                visit(index, counts[page][cell]);
            }
        }
    }
}

fn pack(low: i32, high: i32) -> u64 {
    u64::from(low as u32) << 32 | u64::from(high as u32)
}
