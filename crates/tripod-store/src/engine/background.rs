//! The threads behind a store: one writes memory tables as parts, one merges and drops parts, and where appends are answered before
//! they are on disk one syncs the log. They end with the store.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Durability, Engine, Work};
use crate::StoreError;

/// How often the log's size and the age of memory tables are looked at, when nothing wakes the thread before.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// How often parts are looked at, when nothing wakes the thread before.
const MERGE_INTERVAL: Duration = Duration::from_secs(10);

/// What failed is tried again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// The threads; they are stopped and waited for when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    engine: Arc<Engine>,
    syncing: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts the threads of an engine.
    pub(crate) fn start(engine: Arc<Engine>) -> Result<Self, StoreError> {
        let (ground, syncing) = (Arc::clone(&engine.ground), Arc::new(Work::default()));
        let mut background = Self { engine, syncing: Arc::clone(&syncing), threads: Vec::new() };
        background.spawn("tripod-flush", &ground.flushing, FLUSH_INTERVAL, Engine::flush)?;
        background.spawn("tripod-merge", &ground.merging, MERGE_INTERVAL, Engine::tidy)?;
        if let Durability::Interval(interval) = ground.options.durability {
            background.spawn("tripod-sync", &syncing, interval, Engine::sync)?;
        }
        Ok(background)
    }

    /// A thread that does its work whenever it is woken, and at least so often.
    fn spawn(
        &mut self,
        name: &str,
        work: &Arc<Work>,
        interval: Duration,
        run: impl Fn(&Engine) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (engine, work) = (Arc::clone(&self.engine), Arc::clone(work));
        let body = move || {
            while work.wait(interval) {
                // What fails is counted where it fails; what panics elsewhere is tried again as well.
                let done = panic::catch_unwind(AssertUnwindSafe(|| run(&engine)));
                if !matches!(done, Ok(Ok(()))) && !work.sleep(RETRY) {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        let dir = &self.engine.ground.dir;
        self.threads.push(thread.map_err(|source| StoreError::io("cannot start a thread for", dir, source))?);
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let ground = &self.engine.ground;
        for work in [&ground.flushing, &ground.merging, &self.syncing] {
            work.stop();
        }
        for thread in self.threads.drain(..) {
            // A panic was contained.
            let _ = thread.join();
        }
        let _ = self.engine.wal.sync();
    }
}
