//! A job: its discovery, its targets and their workers.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::discovery::{self, Found};
use super::report::Reports;
use super::target::{Dropped, Made, Target, TargetKey};
use super::worker::{Running, Stop, Worker};
use super::{Caches, PoolView, Scraping};
use crate::http_client::HttpClient;
use crate::prometheus_config::scrape::ScrapeConfig;

/// Dropped targets that are remembered at most.
const MAX_DROPPED: usize = 10_000;

/// A running job.
pub(super) struct Pool {
    pub(super) config: Arc<ScrapeConfig>,
    stop: oneshot::Sender<Stop>,
    ended: tokio::task::JoinHandle<Caches>,
}

impl Pool {
    /// Starts a job; `caches` has what one that it replaces knew.
    pub(super) fn start(scraping: &Arc<Scraping>, config: Arc<ScrapeConfig>, caches: Caches) -> Self {
        let (stop, stopped) = oneshot::channel();
        let client = HttpClient::new(&config.http).map(Arc::new).map_err(|error| error.to_string());
        let targets = Targets {
            scraping: Arc::clone(scraping),
            config: Arc::clone(&config),
            client,
            running: HashMap::new(),
            refused: None,
            caches,
        };
        Self { config, stop, ended: tokio::spawn(targets.run(stopped)) }
    }

    /// Ends the job, and with it the series of its targets.
    pub(super) async fn end(self) {
        let _ = self.stop.send(Stop::Gone);
        let _ = self.ended.await;
    }

    /// Ends the job; what is known of its targets' series is for the job that takes its place.
    pub(super) async fn replace(self) -> Caches {
        let _ = self.stop.send(Stop::Replaced);
        self.ended.await.unwrap_or_default()
    }
}

/// The targets of a job.
struct Targets {
    scraping: Arc<Scraping>,
    config: Arc<ScrapeConfig>,
    client: Result<Arc<HttpClient>, String>,
    running: HashMap<TargetKey, Running>,
    /// Why no target is to be scraped.
    refused: Option<String>,
    /// What the job knew that this one replaces, of targets that have not been found again yet.
    caches: Caches,
}

impl Targets {
    async fn run(mut self, mut stop: oneshot::Receiver<Stop>) -> Caches {
        let (sender, mut updates) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        let sources = discovery::start(&self.config.discovery, &mut tasks, &sender);
        drop(sender);
        let mut found: Vec<Option<Vec<Found>>> = vec![None; sources];
        let why = loop {
            tokio::select! {
                biased;
                why = &mut stop => break why,
                Some((source, groups)) = updates.recv() => {
                    if let Some(slot) = found.get_mut(source) {
                        *slot = Some(groups);
                    }
                    self.synchronize(&found).await;
                }
            }
        };
        tasks.shutdown().await;
        let mut caches = std::mem::take(&mut self.caches);
        // The server that goes takes nothing away: the sender is gone then, and the series go on after a restart.
        let why = why.unwrap_or(Stop::Replaced);
        for (_, worker) in self.running.drain() {
            worker.stop(why, &mut caches).await;
        }
        self.scraping.show(&self.config.job_name, None);
        caches
    }

    /// Starts workers for targets that are new, and stops those of targets that are gone.
    async fn synchronize(&mut self, found: &[Option<Vec<Found>>]) {
        let (targets, dropped) = self.targets(found);
        let limit = self.config.limits.targets;
        let refused = (limit > 0 && targets.len() as u64 > limit)
            .then(|| format!("target_limit exceeded (number of targets: {}, limit: {limit})", targets.len()));
        let all_again = self.refused != refused;
        self.refused = refused;
        let gone: Vec<TargetKey> =
            self.running.keys().filter(|key| all_again || !targets.contains_key(*key)).cloned().collect();
        for key in gone {
            let why = if targets.contains_key(&key) { Stop::Replaced } else { Stop::Gone };
            if let Some(worker) = self.running.remove(&key) {
                worker.stop(why, &mut self.caches).await;
            }
        }
        for (key, target) in targets {
            if !self.running.contains_key(&key) {
                let cache = self.caches.remove(&key).unwrap_or_default();
                self.running.insert(key, Running::start(self.worker(target), cache));
            }
        }
        if found.iter().all(Option::is_some) {
            self.end_lost().await;
        }
        self.show(dropped);
    }

    /// Ends the series of targets that the job before had and this one has not.
    async fn end_lost(&mut self) {
        for ((url, labels), mut cache) in std::mem::take(&mut self.caches) {
            let (mut writes, time) = (Vec::new(), super::worker::now());
            cache.end_all(time, &mut writes);
            Reports::of(&self.config, &labels).end(time, &mut writes);
            let scraping = Arc::clone(&self.scraping);
            let written = tokio::task::spawn_blocking(move || scraping.store.append_series(&writes)).await;
            if let Ok(Err(error)) = written {
                eprintln!("tripod: the series of {url} could not be ended: {error}");
            }
        }
    }

    fn worker(&self, target: Target) -> Worker {
        Worker {
            scraping: Arc::clone(&self.scraping),
            config: Arc::clone(&self.config),
            target: Arc::new(target),
            client: self.client.clone(),
            refused: self.refused.clone(),
        }
    }

    /// What relabelling makes of what was found.
    fn targets(&self, found: &[Option<Vec<Found>>]) -> (HashMap<TargetKey, Target>, (Vec<Dropped>, usize)) {
        let (mut targets, mut dropped, mut dropped_count) = (HashMap::new(), Vec::new(), 0);
        let remembered = match usize::try_from(self.config.limits.dropped_targets).unwrap_or(MAX_DROPPED) {
            0 => MAX_DROPPED,
            limit => limit.min(MAX_DROPPED),
        };
        for group in found.iter().flatten().flatten() {
            for address in &group.group.targets {
                match Target::make(&self.config, group, address) {
                    Ok(Made::Target(target)) => drop(targets.entry(target.key()).or_insert(*target)),
                    Ok(Made::Dropped(one)) => {
                        dropped_count += 1;
                        if dropped.len() < remembered {
                            dropped.push(one);
                        }
                    }
                    Err(reason) => eprintln!("tripod: job {:?}: {reason}", self.config.job_name),
                }
            }
        }
        (targets, (dropped, dropped_count))
    }

    fn show(&self, (dropped, dropped_count): (Vec<Dropped>, usize)) {
        let mut active: Vec<Arc<Target>> = self.running.values().map(|worker| Arc::clone(&worker.target)).collect();
        active.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.scraping.show(&self.config.job_name, Some(PoolView { active, dropped, dropped_count }));
    }
}
