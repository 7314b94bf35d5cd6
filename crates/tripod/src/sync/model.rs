//! What lock-free structures are built from, so that loom can run them through every order of events: the standard library's, or
//! loom's where `--cfg loom` says so.

#[cfg(not(loom))]
pub(crate) use self::real::{Arc, Bytes, Mutex, MutexGuard, atomic};
#[cfg(loom)]
pub(crate) use self::watched::{Arc, Bytes, Mutex, MutexGuard, atomic};

/// As `thread_local!`, for what needs no code to be made; in a model, of the model's threads.
macro_rules! local {
    ($($(#[$attr:meta])* static $name:ident: $type:ty = $init:expr;)*) => {
        #[cfg(not(loom))]
        std::thread_local! { $($(#[$attr])* static $name: $type = const { $init };)* }
        #[cfg(loom)]
        loom::thread_local! { $($(#[$attr])* static $name: $type = $init;)* }
    };
}

pub(crate) use local;

#[cfg(not(loom))]
mod real {
    use std::cell::UnsafeCell;
    pub(crate) use std::sync::{Arc, atomic};

    pub(crate) use crate::sync::{Mutex, MutexGuard};

    /// Bytes that are written and read in parts, by who knows that nobody else is at that part.
    pub(crate) struct Bytes(Box<[UnsafeCell<u8>]>);

    impl Bytes {
        pub(crate) fn new(len: usize) -> Self {
            // Zeros that the system gives, so that no page is touched before it is written to.
            let zeros: *mut [u8] = Box::into_raw(vec![0; len].into_boxed_slice());
            // SAFETY: an `UnsafeCell` lies in memory as what is in it.
            Self(unsafe { Box::from_raw(zeros as *mut [UnsafeCell<u8>]) })
        }

        #[inline]
        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        /// # Safety
        /// The range lies within, and nobody else reaches it meanwhile.
        #[inline]
        pub(crate) unsafe fn write<R>(&self, at: usize, len: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
            debug_assert!(at + len <= self.0.len());
            // SAFETY: as the caller promises; the pointer is made from the whole, and the slice ends before the call does.
            write(unsafe { std::slice::from_raw_parts_mut(UnsafeCell::raw_get(self.0.as_ptr().add(at)), len) })
        }

        /// # Safety
        /// The range lies within, and nobody writes to it meanwhile.
        #[inline]
        pub(crate) unsafe fn read<R>(&self, at: usize, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
            debug_assert!(at + len <= self.0.len());
            // SAFETY: as the caller promises; all bytes are initialised from the start.
            read(unsafe { std::slice::from_raw_parts(UnsafeCell::raw_get(self.0.as_ptr().add(at)), len) })
        }
    }
}

#[cfg(loom)]
mod watched {
    use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::{Arc, MutexGuard, atomic};

    /// As [`crate::sync::Mutex`]; in a model nobody forks.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("a model's lock is not poisoned")
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// Bytes each of which loom watches: two at one byte, one of them writing, is an error unless one comes surely first.
    pub(crate) struct Bytes(Box<[UnsafeCell<u8>]>);

    impl Bytes {
        pub(crate) fn new(len: usize) -> Self {
            Self((0..len).map(|_| UnsafeCell::new(0)).collect())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) unsafe fn write<R>(&self, at: usize, len: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
            let mut bytes = vec![0; len];
            let result = write(&mut bytes);
            for (cell, byte) in self.0[at..at + len].iter().zip(bytes) {
                // SAFETY: loom has just made sure that nobody else is here.
                cell.with_mut(|cell| unsafe { *cell = byte });
            }
            result
        }

        pub(crate) unsafe fn read<R>(&self, at: usize, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
            // SAFETY: loom has just made sure that nobody writes here.
            let bytes: Vec<u8> = self.0[at..at + len].iter().map(|cell| cell.with(|cell| unsafe { *cell })).collect();
            read(&bytes)
        }
    }
}
