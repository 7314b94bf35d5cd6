//! Scraping: asks targets for their metrics, as Prometheus' `scrape_configs` say, and keeps what they answer.
//!
//! A job is a [`pool`]: its [`discovery`] finds groups, relabelling makes [`target`]s of them, and each target has a [`worker`], a task
//! that asks at its own moment of the interval, one time after the other: what is slow delays only itself. An answer is read off
//! line by line ([`page`]) into one batch for the store, with what there is to say of the scrape ([`report`]) and with the marks
//! that end series which are no longer there.
//!
//! Memory: a page is held while it is read, within the limit of all requests in flight; of each series a key and its labels.

pub(crate) mod discovery;
mod fetch;
mod page;
mod pool;
mod report;
pub(crate) mod target;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, watch};
use tripod_store::Store;

use self::page::SeriesCache;
pub(crate) use self::page::kind_of;
use self::pool::Pool;
use self::target::{Dropped, Target, TargetKey};
use crate::prometheus_config::PrometheusConfig;
use crate::receive::in_flight::InFlight;

/// Pages that are read off at once; more wait, each with its body in memory.
const PAGES_AT_ONCE: usize = 32;

/// What scraping needs of the server, and what is known of it.
pub(crate) struct Scraping {
    store: Arc<dyn Store>,
    in_flight: Arc<InFlight>,
    /// The largest page, whatever the configuration says.
    max_page: usize,
    pages: Arc<Semaphore>,
    pools: Mutex<BTreeMap<String, PoolView>>,
}

/// What a pool shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolView {
    /// In order of their labels.
    pub(crate) active: Vec<Arc<Target>>,
    /// Targets that relabelling dropped; as many as are to be remembered.
    pub(crate) dropped: Vec<Dropped>,
    /// How many it dropped.
    pub(crate) dropped_count: usize,
}

/// Series of targets by what tells these apart: what a pool leaves to the one that takes its place.
type Caches = HashMap<TargetKey, SeriesCache>;

impl Scraping {
    pub(crate) fn new(store: Arc<dyn Store>, in_flight: Arc<InFlight>, max_page: usize) -> Arc<Self> {
        let pages = Arc::new(Semaphore::new(PAGES_AT_ONCE));
        Arc::new(Self { store, in_flight, max_page, pages, pools: Mutex::default() })
    }

    /// The pools by their jobs' names.
    pub(crate) fn pools(&self) -> BTreeMap<String, PoolView> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, job: &str, view: Option<PoolView>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        match view {
            Some(view) => drop(pools.insert(job.to_owned(), view)),
            None => drop(pools.remove(job)),
        }
    }

    /// Scrapes by the newest configuration, until its sender is gone. Jobs that a new one leaves as they were go on undisturbed.
    pub(crate) async fn run(self: Arc<Self>, mut configs: watch::Receiver<Arc<PrometheusConfig>>) {
        let mut running: HashMap<String, Pool> = HashMap::new();
        loop {
            let config = Arc::clone(&configs.borrow_and_update());
            let mut next = HashMap::new();
            let mut changed = Vec::new();
            for job in &config.scrape_configs {
                match running.remove(&job.job_name) {
                    Some(pool) if *pool.config == *job => drop(next.insert(job.job_name.clone(), pool)),
                    old => changed.push((job, old)),
                }
            }
            for (_, gone) in running.drain() {
                gone.end().await;
            }
            for (job, old) in changed {
                let caches = match old {
                    Some(old) => old.replace().await,
                    None => Caches::new(),
                };
                next.insert(job.job_name.clone(), Pool::start(&self, Arc::new(job.clone()), caches));
            }
            running = next;
            if configs.changed().await.is_err() {
                break;
            }
        }
        for (_, pool) in running {
            pool.replace().await;
        }
    }
}
