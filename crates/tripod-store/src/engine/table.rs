//! The rows of one signal: memory tables, and the parts they become.
//!
//! Batches are applied to the active memory table in the order of the log. When it is full it is frozen, with the position
//! of the log behind its last record, and another takes its place; a flush writes the oldest frozen one as parts, and registers
//! them together with that position. Who asks takes the [`View`] of the moment and holds no lock.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::{Counters, Ground, Part, PartFile, PartMeta, PartSink, RecordKind, Signal, View};
use crate::disk::Disk;
use crate::wal::{Apply, Place, Position, Wal, lock};
use crate::{Appended, StoreError};

/// So many frozen memory tables may wait to be written before appends wait.
const MAX_FROZEN: usize = 2;

/// An append waits at most so long for room.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The rows of one signal.
#[derive(Debug)]
pub(crate) struct Table<S: Signal> {
    pub(crate) signal: S,
    pub(super) counters: Counters,
    memory_bytes: usize,
    view: RwLock<Arc<View<S>>>,
    /// What the log has of each memory table of the view. Held while a batch is applied and while the view is changed.
    memories: Mutex<VecDeque<Extent>>,
    /// Signalled when a frozen memory table has become parts.
    flushed: Condvar,
    /// Held by who writes a memory table.
    flushing: Mutex<()>,
    /// Held by who sets a part aside.
    pub(super) setting_aside: Mutex<()>,
    /// Whether the last flush failed. Changed while `memories` is held.
    failing: AtomicBool,
}

/// What the log has of a memory table.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    /// Where its first record begins; nothing for a table without records.
    start: Option<Position>,
    /// Behind its last record.
    end: Position,
    /// When the first record came.
    since: Option<Instant>,
}

impl<S: Signal> Table<S> {
    /// A table without rows.
    pub(crate) fn new(signal: S, memory_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            signal,
            counters: Counters::default(),
            memory_bytes,
            view: RwLock::default(),
            memories: Mutex::new(VecDeque::from([Extent::default()])),
            flushed: Condvar::new(),
            flushing: Mutex::new(()),
            setting_aside: Mutex::new(()),
            failing: AtomicBool::new(false),
        })
    }

    /// All rows as they are now.
    pub(crate) fn view(&self) -> Arc<View<S>> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in a request: when this returns it is as durable as it is to be, and visible. `see` looks at it before.
    pub(crate) fn append(
        self: &Arc<Self>,
        ground: &Arc<Ground>,
        wal: &Wal,
        kind: RecordKind,
        payload: &[u8],
        see: impl FnOnce(&S::Batch),
    ) -> Result<Appended, StoreError> {
        self.wait_for_room()?;
        let batch = self.signal.decode(kind, payload)?;
        see(&batch);
        let appended = self.signal.appended(&batch);
        if !self.signal.is_empty(&batch) {
            let logged = self.signal.logged(&batch);
            let (kind, payload) = logged.as_ref().map_or((kind, payload), |(kind, kept)| (*kind, kept.as_slice()));
            wal.append(kind, payload, self.apply_later(ground, batch))?;
        }
        Ok(appended)
    }

    /// What takes a batch into memory when its turn comes.
    pub(super) fn apply_later(self: &Arc<Self>, ground: &Arc<Ground>, batch: S::Batch) -> Apply {
        let (table, ground) = (Arc::clone(self), Arc::clone(ground));
        Box::new(move |place| {
            if table.apply(batch, place) {
                ground.flushing.wake();
            }
        })
    }

    /// Waits while more memory tables wait to be written than may. When they can't be written it does not wait: the sender comes back.
    fn wait_for_room(&self) -> Result<(), StoreError> {
        let deadline = Instant::now() + MAX_WAIT;
        let mut memories = lock(&self.memories);
        while memories.len() > MAX_FROZEN {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.failing.load(Ordering::Relaxed) {
                let waiting = (memories.len() - 1) * self.memory_bytes;
                return Err(StoreError::Overloaded { waiting, limit: MAX_FROZEN * self.memory_bytes });
            }
            memories = self.flushed.wait_timeout(memories, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Takes a batch into memory; true when that has frozen a memory table.
    fn apply(&self, batch: S::Batch, place: Place) -> bool {
        let mut memories = lock(&self.memories);
        let active = self.view().active();
        let full = self.signal.bytes(&active) >= self.memory_bytes || self.signal.ripe(&active);
        let frozen = full && self.freeze_active(&mut memories);
        if let Some(extent) = memories.back_mut() {
            extent.start.get_or_insert(place.start);
            extent.since.get_or_insert_with(Instant::now);
            extent.end = place.end;
        }
        let active = if frozen { self.view().active() } else { active };
        self.signal.apply(&active, batch);
        frozen
    }

    /// Freezes the active memory table, full or not; false when it has no rows.
    pub(crate) fn freeze(&self) -> bool {
        self.freeze_active(&mut lock(&self.memories))
    }

    /// Freezes the active memory table when its first record came longer ago than this.
    pub(crate) fn freeze_older_than(&self, age: Duration) -> bool {
        let mut memories = lock(&self.memories);
        let old = memories.back().and_then(|extent| extent.since).is_some_and(|since| since.elapsed() > age);
        old && self.freeze_active(&mut memories)
    }

    fn freeze_active(&self, memories: &mut VecDeque<Extent>) -> bool {
        if memories.back().is_none_or(|extent| extent.start.is_none()) {
            return false;
        }
        memories.push_back(Extent::default());
        self.change(|view| view.memories.push(Arc::default()));
        true
    }

    /// Memory tables that wait to be written.
    pub(crate) fn frozen(&self) -> usize {
        lock(&self.memories).len() - 1
    }

    /// From where on the log is needed for what is not in parts; nothing when all is.
    pub(crate) fn first(&self) -> Option<Position> {
        lock(&self.memories).iter().find_map(|extent| extent.start)
    }

    /// Writes the oldest frozen memory table as parts; false when there is none.
    pub(crate) fn flush_oldest(&self, ground: &Ground) -> Result<bool, StoreError> {
        let _flushing = lock(&self.flushing);
        let extent = {
            let memories = lock(&self.memories);
            if memories.len() < 2 {
                return Ok(false);
            }
            memories[0]
        };
        let memory = Arc::clone(&self.view().memories[0]);
        let mut ids = &ground.manifest;
        let mut sink = PartSink::new(ground.disk.as_ref(), &ground.dir, S::NAME, 0, &mut ids);
        let added = match self.signal.write(&memory, &mut sink).and_then(|()| self.finish(ground, &sink)) {
            Ok(added) => added,
            Err(error) => {
                sink.abandon();
                return Err(error);
            }
        };
        let metas = sink.written().to_vec();
        ground.commit(Some(sink), |manifest| {
            manifest.parts.extend(metas);
            manifest.checkpoints.insert(S::NAME.to_owned(), extent.end);
        })?;
        let mut memories = lock(&self.memories);
        self.signal.changed(&added, &[]);
        memories.pop_front();
        self.failing.store(false, Ordering::Relaxed);
        self.change(|view| {
            view.memories.remove(0);
            view.add(&added);
        });
        self.flushed.notify_all();
        self.counters.flushes.add(1);
        Ok(true)
    }

    /// Counts that a flush failed, and lets nobody wait for room until one succeeds.
    pub(super) fn flush_failed(&self, error: &StoreError) {
        self.counters.failed(error);
        let _memories = lock(&self.memories);
        self.failing.store(true, Ordering::Relaxed);
        self.flushed.notify_all();
    }

    /// Merges parts, neighbours of one kind and day, into as few as the signal makes of them.
    pub(crate) fn merge(&self, ground: &Ground, parts: &[Arc<Part<S>>]) -> Result<(), StoreError> {
        let level = parts.iter().map(|part| part.file.meta.level).max().unwrap_or(0) + 1;
        let sequence = parts.iter().map(|part| part.file.meta.sequence).max().unwrap_or(0);
        let mut ids = &ground.manifest;
        ground.pace.begin();
        let mut sink = PartSink::new(ground.disk.as_ref(), &ground.dir, S::NAME, level, &mut ids)
            .for_merge(sequence, &ground.pace);
        let added = match self.signal.merge(parts, &mut sink).and_then(|()| self.finish(ground, &sink)) {
            Ok(added) => added,
            Err(error) => {
                sink.abandon();
                return Err(error);
            }
        };
        self.replace(ground, Some(sink), parts, &added)?;
        self.counters.merges.add(1);
        Ok(())
    }

    /// Drops parts: those who read them go on, nobody else finds them.
    pub(crate) fn drop_parts(&self, ground: &Ground, parts: &[Arc<Part<S>>]) -> Result<(), StoreError> {
        self.replace(ground, None, parts, &[])?;
        self.counters.evicted.add(parts.iter().map(|part| part.file.meta.rows).sum());
        Ok(())
    }

    /// Makes the files of a sink durable by name and opens them.
    fn finish(&self, ground: &Ground, sink: &PartSink<'_>) -> Result<Vec<Arc<Part<S>>>, StoreError> {
        sink.sync_names()?;
        sink.written()
            .iter()
            .map(|meta| self.open_part(ground.disk.as_ref(), &ground.dir, meta).map(Arc::new))
            .collect()
    }

    pub(super) fn open_part(&self, disk: &dyn Disk, dir: &Path, meta: &PartMeta) -> Result<Part<S>, StoreError> {
        let file = PartFile::open(disk, dir, meta)?;
        let inner = self.signal.open(&file)?;
        Ok(Part { file, inner })
    }

    /// Registers that parts come and others go, then shows it, then removes the files of those that went.
    fn replace(
        &self,
        ground: &Ground,
        sink: Option<PartSink<'_>>,
        removed: &[Arc<Part<S>>],
        added: &[Arc<Part<S>>],
    ) -> Result<(), StoreError> {
        let gone = |id: u64| removed.iter().any(|part| part.file.meta.id == id);
        ground.commit(sink, |manifest| {
            manifest.parts.retain(|part| part.signal != S::NAME || !gone(part.id));
            manifest.parts.extend(added.iter().map(|part| part.file.meta.clone()));
        })?;
        self.show(removed, added);
        ground.remove(removed.iter().map(|part| part.file.path.clone()));
        Ok(())
    }

    /// Shows that parts came and others went.
    pub(super) fn show(&self, removed: &[Arc<Part<S>>], added: &[Arc<Part<S>>]) {
        let _memories = lock(&self.memories);
        self.signal.changed(added, &[]);
        self.change(|view| {
            view.parts.retain(|part| !removed.iter().any(|gone| gone.file.meta.id == part.file.meta.id));
            view.add(added);
        });
        self.signal.changed(&[], removed);
    }

    /// Changes the view; the caller holds `memories`, so that changes don't cross.
    fn change(&self, change: impl FnOnce(&mut View<S>)) {
        let mut next = View::clone(&self.view());
        change(&mut next);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}
