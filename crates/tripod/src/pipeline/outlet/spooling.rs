//! An outlet's dealings with its spool: what goes there, what comes back, what is kept for the next run.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use super::{DISK_PAUSE, Queue, Sending, Shared};
use crate::pipeline::spool::Spool;
use crate::pipeline::{Batch, Signals};
use crate::stats::DropReason;

impl Shared {
    /// Moves the oldest batches to disk whenever the queue is more than half full.
    pub(super) fn run_spooler(&self) {
        while let Some((batch, since)) = self.next_to_move() {
            let (signal, records) = (batch.signal, batch.records);
            let (kept, filtered) = self.shape.filter(batch);
            self.tally(signal).filtered.fetch_add(filtered, Ordering::Relaxed);
            if filtered < records && !self.spool(&kept) {
                let mut queue = self.lock();
                queue.put_back([kept].into_iter(), since);
                self.make_room(&mut queue, "the queue is full, and so is the disk");
                drop(queue);
                self.pause();
            }
            self.lock().moving = false;
            self.changed.notify_all();
        }
    }

    /// `None` when it is time to end.
    fn next_to_move(&self) -> Option<(Arc<Batch>, Instant)> {
        let enough = |queue: &mut Queue| queue.bytes <= self.limit_bytes / 2 && !queue.stop;
        let mut queue = self.changed.wait_while(self.lock(), enough).unwrap_or_else(PoisonError::into_inner);
        if queue.stop {
            return None;
        }
        queue.moving = true;
        queue.pop()
    }

    /// Lets the disk alone for a while, or until the end.
    fn pause(&self) {
        let start = Instant::now();
        let mut queue = self.lock();
        while !queue.stop && start.elapsed() < DISK_PAUSE {
            let left = DISK_PAUSE.saturating_sub(start.elapsed());
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes a batch to disk; what has to make room for it is lost. Answers whether it is there.
    fn spool(&self, batch: &Batch) -> bool {
        let pushed = self.with_spool(|spool| {
            let pushed = spool.push(batch);
            if let Ok(dropped) = &pushed {
                let mut queue = self.lock();
                queue.on_disk = spool.on_disk();
                for entry in dropped {
                    self.lose(&mut queue, entry.signal, entry.records, DropReason::QueueFull, "the spool is full");
                }
            }
            pushed
        });
        if let Some(Err(error)) = &pushed {
            self.say(&mut self.lock(), || format!("cannot write to the spool: {error}"));
        }
        matches!(pushed, Some(Ok(_)))
    }

    /// Takes the oldest batch of these signals on disk, to send it. One that can't be read is lost.
    pub(super) fn take_from_spool(&self, signals: Signals) {
        self.with_spool(|spool| {
            let Some(oldest) = spool.oldest(signals) else { return };
            match spool.read(&oldest) {
                Ok(batch) => {
                    let (parts, spooled) = ([Arc::new(batch)].into(), Some(oldest.number));
                    self.lock().sending = Some(Sending { parts, spooled, done: 0, since: Instant::now() });
                }
                Err(error) => {
                    spool.remove(oldest.number);
                    let mut queue = self.lock();
                    queue.on_disk = spool.on_disk();
                    self.lose(&mut queue, oldest.signal, oldest.records, DropReason::Failed, &error.to_string());
                }
            }
        });
        self.prepare();
    }

    /// After a try that failed. What is whole is still there; of what was sent in part, the rest is written anew.
    pub(super) fn put_back_on_disk(&self, sending: &Sending) {
        let Some(number) = sending.spooled else { return };
        if sending.done == 0 {
            self.with_spool(Spool::release);
            return;
        }
        for part in &sending.parts {
            if !self.spool(part) {
                let mut queue = self.lock();
                queue.put_back([Arc::clone(part)].into_iter(), sending.since);
                self.make_room(&mut queue, "the queue is full, and so is the disk");
            }
        }
        self.remove_from_spool(number);
    }

    pub(super) fn remove_from_spool(&self, number: u64) {
        self.with_spool(|spool| {
            spool.remove(number);
            self.lock().on_disk = spool.on_disk();
        });
    }

    /// What can no longer be sent: on disk it waits for the next run, without one it is lost.
    pub(super) fn keep_for_next_run(&self, batch: &Batch) {
        if !self.spool(batch) {
            let why = "the program ended before they could be sent";
            self.lose(&mut self.lock(), batch.signal, batch.records, DropReason::Shutdown, why);
        }
    }

    /// The same of what is just being sent.
    pub(super) fn keep_rest_for_next_run(&self, sending: &Sending) {
        match sending.spooled {
            // Whole, it is there already.
            Some(_) if sending.done == 0 => {}
            spooled => {
                sending.parts.iter().for_each(|part| self.keep_for_next_run(part));
                if let Some(number) = spooled {
                    self.remove_from_spool(number);
                }
            }
        }
    }

    /// What earlier runs have left counts as offered to this one.
    pub(super) fn count_recovered(&self) {
        self.with_spool(|spool| {
            for entry in spool.entries() {
                self.tally(entry.signal).offered.fetch_add(entry.records, Ordering::Relaxed);
            }
            self.lock().on_disk = spool.on_disk();
        });
    }

    /// Leaves the folder to whoever comes next.
    pub(super) fn close_spool(&self) {
        self.lock_spool().take();
    }

    /// `None` when there is no spool.
    fn with_spool<R>(&self, work: impl FnOnce(&mut Spool) -> R) -> Option<R> {
        self.lock_spool().as_mut().map(work)
    }

    /// Taken before the queue's lock where both are needed.
    fn lock_spool(&self) -> MutexGuard<'_, Option<Spool>> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
