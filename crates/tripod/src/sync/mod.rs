//! Locks that a fork can't catch half-way.
//!
//! What a forked child goes on to use (the slot of the engine, the registry of metrics, names of scopes) lies behind these. Before
//! a fork, [`fork`] waits until nobody is inside one, and lets nobody in until it is over, so that the child finds each of them free
//! and what they guard whole. They do not poison: what they guard is left whole by every panic.
//!
//! Cost beside the lock's own: two operations on a counter that few threads share. None of them is taken on a hot path, and no code
//! of the user's runs under one.

pub(crate) mod descriptors;
pub(crate) mod fork;
pub(crate) mod model;

use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError, TryLockError};

use fork::Inside;

/// As [`sync::Mutex`].
#[derive(Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

/// As [`sync::RwLock`].
#[derive(Default)]
pub(crate) struct RwLock<T>(sync::RwLock<T>);

/// A lock's guard; the lock is let go first, then the gate.
pub(crate) struct Guard<G> {
    guard: G,
    _inside: Inside,
}

pub(crate) type MutexGuard<'a, T> = Guard<sync::MutexGuard<'a, T>>;
pub(crate) type ReadGuard<'a, T> = Guard<sync::RwLockReadGuard<'a, T>>;
pub(crate) type WriteGuard<'a, T> = Guard<sync::RwLockWriteGuard<'a, T>>;

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let inside = Inside::enter();
        Guard { guard: self.0.lock().unwrap_or_else(PoisonError::into_inner), _inside: inside }
    }

    /// `None` while somebody else holds it, or forks.
    #[allow(dead_code)]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let inside = Inside::try_enter()?;
        match self.0.try_lock() {
            Ok(guard) => Some(Guard { guard, _inside: inside }),
            Err(TryLockError::Poisoned(poisoned)) => Some(Guard { guard: poisoned.into_inner(), _inside: inside }),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        let inside = Inside::enter();
        Guard { guard: self.0.read().unwrap_or_else(PoisonError::into_inner), _inside: inside }
    }

    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        let inside = Inside::enter();
        Guard { guard: self.0.write().unwrap_or_else(PoisonError::into_inner), _inside: inside }
    }
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}
