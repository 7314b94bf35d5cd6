//! Room on the disk: below a reserve nothing is taken in, so that what has been can still be written as parts, and read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Ground;
use crate::StoreError;
use crate::disk::Disk;
use crate::wal::lock;

/// The system is asked at most so often, or after so many bytes.
const INTERVAL: Duration = Duration::from_millis(100);
const BYTES: u64 = 16 << 20;

/// What is known of the room on the disk.
#[derive(Debug)]
pub(crate) struct Space {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    reserve: u64,
    available: AtomicU64,
    since: AtomicU64,
    asked: Mutex<Option<Instant>>,
    full: AtomicBool,
}

impl Space {
    pub(super) fn new(ground: &Ground) -> Self {
        Self {
            disk: Arc::clone(&ground.disk),
            dir: ground.dir.clone(),
            reserve: ground.options.min_free_bytes,
            available: AtomicU64::new(0),
            since: AtomicU64::new(0),
            asked: Mutex::new(None),
            full: AtomicBool::new(false),
        }
    }

    /// Whether nothing is taken in.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Bytes that were free when the system was asked last.
    pub(crate) fn available(&self) -> u64 {
        self.available.load(Ordering::Relaxed)
    }

    /// Whether `bytes` can be taken in. A file system that can't be asked is taken to have room: it says so itself.
    pub(crate) fn check(&self, bytes: u64) -> Result<(), StoreError> {
        let since = self.since.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let mut asked = lock(&self.asked);
        if since >= BYTES || asked.is_none_or(|at| at.elapsed() >= INTERVAL) {
            *asked = Some(Instant::now());
            self.since.store(0, Ordering::Relaxed);
            let available = self.disk.available(&self.dir).unwrap_or(u64::MAX);
            self.available.store(available, Ordering::Relaxed);
            self.full.store(available < self.reserve, Ordering::Relaxed);
        }
        drop(asked);
        if self.is_full() {
            let (path, available) = (self.dir.clone(), self.available());
            return Err(StoreError::Full { path, available, needed: self.reserve });
        }
        Ok(())
    }

    /// Whether there is room for `bytes` besides the reserve.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        self.disk.available(&self.dir).is_ok_and(|available| available >= self.reserve.saturating_add(bytes))
    }
}
