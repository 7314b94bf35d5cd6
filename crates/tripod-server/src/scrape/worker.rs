//! Scrapes a target at its moment of each interval, until it is told to stop.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::HeaderMap;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tripod_store::SeriesWrite;

use super::fetch::{self, Fetched, Format};
use super::page::{self, Counts, SeriesCache};
use super::report::{Report, Reports};
use super::target::{Last, Target};
use super::{Caches, Scraping};
use crate::http_client::HttpClient;
use crate::prometheus_config::scrape::ScrapeConfig;
use crate::receive::body::{self, Coding};
use crate::receive::in_flight::Lease;

/// Times that are off by less, in milliseconds, are taken for what they should have been: even steps take less room.
const TOLERANCE: i64 = 2;

/// Why a worker stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The target is gone: its series end.
    Gone,
    /// Another worker takes its place.
    Replaced,
}

/// What a worker works with.
pub(super) struct Worker {
    pub(super) scraping: Arc<Scraping>,
    pub(super) config: Arc<ScrapeConfig>,
    pub(super) target: Arc<Target>,
    /// None, with the reason, when it can't be made.
    pub(super) client: Result<Arc<HttpClient>, String>,
    /// Why the whole job is not to be scraped.
    pub(super) refused: Option<String>,
}

impl Worker {
    /// Scrapes until it is told to stop; answers what is known of the series.
    pub(super) async fn run(self, mut cache: SeriesCache, mut stop: oneshot::Receiver<Stop>) -> SeriesCache {
        let worker = Arc::new(self);
        let headers = fetch::headers(&worker.config, worker.target.timeout);
        let reports = Arc::new(Reports::new(&worker.config, &worker.target));
        let interval = worker.target.interval;
        let wait = worker.offset(now());
        let mut aligned = now() + wait.as_millis() as i64;
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + wait, interval);
        // What took too long delays no further scrape, and none is made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let why = loop {
            tokio::select! {
                biased;
                why = &mut stop => break why,
                _ = ticks.tick() => {}
            }
            let (time, step) = (now(), interval.as_millis() as i64);
            aligned += (time - aligned + TOLERANCE).max(0) / step * step;
            let time = if (time - aligned).abs() <= TOLERANCE { aligned } else { time };
            let (begun, at) = (Instant::now(), SystemTime::now());
            let mut lease = worker.scraping.in_flight.lease();
            let fetched = tokio::select! {
                biased;
                why = &mut stop => break why,
                fetched = worker.fetch(&headers, &mut lease) => fetched,
            };
            let scrape = Scrape { fetched, lease, time, begun, at };
            let (worker, reports) = (Arc::clone(&worker), Arc::clone(&reports));
            // The semaphore is never closed.
            let place = Arc::clone(&worker.scraping.pages).acquire_owned().await;
            let work = move || {
                worker.take(scrape, &mut cache, &reports);
                drop(place);
                cache
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(known) => cache = known,
                Err(_) => return SeriesCache::default(),
            }
        };
        if why == Ok(Stop::Gone) {
            let mut writes = Vec::new();
            cache.end_all(now(), &mut writes);
            reports.end(now(), &mut writes);
            let scraping = Arc::clone(&worker.scraping);
            let written = tokio::task::spawn_blocking(move || scraping.store.append_series(&writes)).await;
            if let Ok(Err(error)) = written {
                eprintln!("tripod: the series of {} could not be ended: {error}", worker.target.url);
            }
        }
        cache
    }

    /// How long until this target's moment of the interval, which is made of what tells it apart, so that targets are spread.
    fn offset(&self, now: i64) -> Duration {
        let interval = self.target.interval.as_millis() as i64;
        let own = foldhash::fast::FixedState::default().hash_one(self.target.key());
        let moment = (own % interval.unsigned_abs()) as i64;
        Duration::from_millis((moment - now).rem_euclid(interval) as u64)
    }

    async fn fetch(&self, headers: &HeaderMap, lease: &mut Lease) -> Result<Fetched, String> {
        if let Some(reason) = &self.refused {
            return Err(reason.clone());
        }
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let answer = fetch::fetch(client, &self.target.url, headers, self.config.fallback_protocol, self.limit());
        let fetched = match tokio::time::timeout(self.target.timeout, answer).await {
            Ok(fetched) => fetched?,
            Err(_) => return Err(format!("no whole answer within the timeout of {:?}", self.target.timeout)),
        };
        lease.grow(fetched.body.len()).map_err(|refusal| refusal.reason)?;
        Ok(fetched)
    }

    /// The largest page.
    fn limit(&self) -> usize {
        match usize::try_from(self.config.limits.body_size).unwrap_or(usize::MAX) {
            0 => self.scraping.max_page,
            limit => limit.min(self.scraping.max_page),
        }
    }

    /// Reads a page off and writes what it has, or that there is none.
    fn take(&self, scrape: Scrape, cache: &mut SeriesCache, reports: &Reports) {
        let Scrape { fetched, mut lease, time, begun, at } = scrape;
        let (page, failed) = match fetched.and_then(|fetched| self.unpack(fetched, &mut lease)) {
            Ok(page) => (Some(page), None),
            Err(reason) => (None, Some(reason)),
        };
        let mut writes = Vec::new();
        let mut counts = Counts::default();
        let mut error = failed;
        match &page {
            Some((format, page)) => {
                let page = (*format, page.as_ref());
                (counts, error) = page::read(cache, &self.config, &self.target, page, time, &mut writes);
            }
            None => cache.end_all(time, &mut writes),
        }
        let up = error.is_none();
        let took = begun.elapsed();
        let body_bytes = page.map_or(0, |(_, page)| page.len());
        let report = Report { up, seconds: took.as_secs_f64(), counts, body_bytes };
        reports.write(&report, time, &mut writes);
        let kept = self.write(&writes);
        let error = error.or(kept).unwrap_or_default();
        self.target.set_last(Last { at, took, up, error });
    }

    fn unpack(&self, fetched: Fetched, lease: &mut Lease) -> Result<(Format, Bytes), String> {
        let coding = if fetched.gzipped { Coding::Gzip } else { Coding::Identity };
        let limit = self.limit();
        let body = body::decompress(coding, fetched.body, limit, lease).map_err(|refusal| match refusal.kind {
            crate::receive::refusal::Kind::TooLarge => {
                format!("body size limit exceeded: the page has more than {limit} bytes")
            }
            _ => refusal.reason,
        })?;
        Ok((fetched.format, body))
    }

    /// Writes a batch; what of it was not kept, and why.
    fn write(&self, writes: &[SeriesWrite]) -> Option<String> {
        match self.scraping.store.append_series(writes) {
            Ok(written) if written.rejected > 0 => {
                Some(format!("{} samples were not kept: {}", written.rejected, written.reason.unwrap_or_default()))
            }
            Ok(_) => None,
            Err(error) => Some(format!("the samples were not kept: {error}")),
        }
    }
}

/// An answer, and when it was asked for.
struct Scrape {
    fetched: Result<Fetched, String>,
    lease: Lease,
    time: i64,
    begun: Instant,
    at: SystemTime,
}

/// Milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A running worker.
pub(super) struct Running {
    pub(super) target: Arc<Target>,
    stop: oneshot::Sender<Stop>,
    ended: tokio::task::JoinHandle<SeriesCache>,
}

impl Running {
    pub(super) fn start(worker: Worker, cache: SeriesCache) -> Self {
        let (stop, stopped) = oneshot::channel();
        let target = Arc::clone(&worker.target);
        Self { target, stop, ended: tokio::spawn(worker.run(cache, stopped)) }
    }

    /// Stops it; what is known of its series is added to `caches` when another takes its place.
    pub(super) async fn stop(self, why: Stop, caches: &mut Caches) {
        // A worker that has ended by itself has nothing to be told.
        let _ = self.stop.send(why);
        if let Ok(cache) = self.ended.await
            && why == Stop::Replaced
        {
            caches.insert(self.target.key(), cache);
        }
    }
}
