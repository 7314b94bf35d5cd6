//! The metrics of a pool of connections.
//!
//! How many there are is asked of the pools when metrics are collected; waiting and use are measured as they happen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Once, OnceLock, Weak};
use std::time::Instant;

use super::metrics::SECONDS;
use crate::catalog::db;
use crate::instrument::MetricNames;
use crate::instrument::names::metric_names;
use crate::metrics::{BatchObserver, observe_batch};
use crate::sync::RwLock;
use crate::{Counter, Histogram, UpDownCounter, counter, histogram, labels, up_down_counter};

/// A pool as it is now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolState {
    pub(crate) size: u32,
    pub(crate) idle: u32,
    pub(crate) max: u32,
    pub(crate) min_idle: u32,
}

/// How a pool is measured.
pub(crate) struct PoolMetrics {
    name: String,
    names: Names,
    state: Box<dyn Fn() -> PoolState + Send + Sync>,
}

#[derive(Clone, Copy)]
enum Names {
    OpenTelemetry(&'static Pools),
    Catalog(&'static db::Metrics),
}

struct Pools {
    count: UpDownCounter,
    max: UpDownCounter,
    idle_min: UpDownCounter,
    pending: UpDownCounter,
    timeouts: Counter,
    wait_time: Histogram,
    use_time: Histogram,
}

impl Pools {
    fn get() -> &'static Self {
        static POOLS: OnceLock<Pools> = OnceLock::new();
        let number = |name: &'static str, unit: &'static str, description: &'static str| {
            up_down_counter(name).unit(unit).description(description).build()
        };
        let time = |name: &'static str, description: &'static str| {
            histogram(name).unit("s").description(description).buckets(&SECONDS).build()
        };
        POOLS.get_or_init(|| Self {
            count: number(
                "db.client.connection.count",
                "{connection}",
                "Connections by whether they are idle or used.",
            ),
            max: number("db.client.connection.max", "{connection}", "Open connections that are allowed."),
            idle_min: number(
                "db.client.connection.idle.min",
                "{connection}",
                "Idle connections that are kept at least.",
            ),
            pending: number(
                "db.client.connection.pending_requests",
                "{request}",
                "Requests that wait for a connection.",
            ),
            timeouts: counter("db.client.connection.timeouts")
                .unit("{timeout}")
                .description("Requests for a connection that waited too long.")
                .build(),
            wait_time: time("db.client.connection.wait_time", "How long it took to get a connection from the pool."),
            use_time: time("db.client.connection.use_time", "How long a connection was out of the pool."),
        })
    }
}

impl PoolMetrics {
    /// Measures a pool until this is dropped.
    pub(crate) fn new(name: String, state: impl Fn() -> PoolState + Send + Sync + 'static) -> Arc<Self> {
        let names = match metric_names() {
            MetricNames::OpenTelemetry => Names::OpenTelemetry(Pools::get()),
            MetricNames::Catalog => Names::Catalog(db::Metrics::get()),
        };
        let this = Arc::new(Self { name, names, state: Box::new(state) });
        register(&this);
        this
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Somebody asks for a connection.
    pub(crate) fn wait(&self) -> Wait<'_> {
        self.pending(1);
        Wait { pool: self, since: Instant::now() }
    }

    fn pending(&self, change: i64) {
        if let Names::OpenTelemetry(metrics) = self.names {
            metrics.pending.add(change, labels!("db.client.connection.pool.name" = *self.name));
        }
    }
}

/// A wait for a connection, which is over when this is dropped.
pub(crate) struct Wait<'a> {
    pool: &'a PoolMetrics,
    since: Instant,
}

impl Wait<'_> {
    /// There is one.
    pub(crate) fn found(self) {
        if let Names::OpenTelemetry(metrics) = self.pool.names {
            let labels: &[_] = labels!("db.client.connection.pool.name" = *self.pool.name);
            metrics.wait_time.record(self.since.elapsed().as_secs_f64(), labels);
        }
    }

    /// There was none in time.
    pub(crate) fn timed_out(self) {
        if let Names::OpenTelemetry(metrics) = self.pool.names {
            metrics.timeouts.inc(labels!("db.client.connection.pool.name" = *self.pool.name));
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.pool.pending(-1);
    }
}

/// A connection out of its pool, until this is dropped.
pub(crate) struct Use {
    pool: Arc<PoolMetrics>,
    since: Instant,
}

impl Use {
    pub(crate) fn begin(pool: &Arc<PoolMetrics>) -> Self {
        if let Names::Catalog(metrics) = pool.names {
            metrics.connections(1);
        }
        Self { pool: Arc::clone(pool), since: Instant::now() }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        match self.pool.names {
            Names::OpenTelemetry(metrics) => {
                let labels: &[_] = labels!("db.client.connection.pool.name" = *self.pool.name);
                metrics.use_time.record(self.since.elapsed().as_secs_f64(), labels);
            }
            Names::Catalog(metrics) => metrics.connections(-1),
        }
    }
}

/// All pools that are measured.
static ALL: RwLock<Vec<Weak<PoolMetrics>>> = RwLock::new(Vec::new());

fn register(pool: &Arc<PoolMetrics>) {
    static OBSERVE: Once = Once::new();
    let mut all = ALL.write();
    all.retain(|known| known.strong_count() > 0);
    all.push(Arc::downgrade(pool));
    drop(all);
    OBSERVE.call_once(|| {
        observe_batch(report);
    });
}

/// Pools of one name are reported as one.
fn report(batch: &BatchObserver<'_>) {
    let all = ALL.read().clone();
    let mut by_name: BTreeMap<String, (&Pools, PoolState)> = BTreeMap::new();
    let mut in_catalog = None;
    for pool in all.iter().filter_map(Weak::upgrade) {
        let state = (pool.state)();
        match pool.names {
            Names::OpenTelemetry(metrics) => {
                let (_, sum) = by_name.entry(pool.name.clone()).or_insert((metrics, PoolState::default()));
                sum.size += state.size;
                sum.idle += state.idle;
                sum.max += state.max;
                sum.min_idle += state.min_idle;
            }
            Names::Catalog(_) => *in_catalog.get_or_insert(0) += i64::from(state.size),
        }
    }
    for (name, (metrics, state)) in &by_name {
        metrics.report(batch, name, *state);
    }
    report_in_catalog(in_catalog);
}

impl Pools {
    fn report(&self, batch: &BatchObserver<'_>, name: &str, state: PoolState) {
        let pool = |number: u32, instrument| {
            batch.observe(instrument, f64::from(number), labels!("db.client.connection.pool.name" = name));
        };
        pool(state.max, &self.max);
        pool(state.min_idle, &self.idle_min);
        for (kind, number) in [("idle", state.idle), ("used", state.size.saturating_sub(state.idle))] {
            let labels: &[_] = labels!("db.client.connection.pool.name" = name, "db.client.connection.state" = kind);
            batch.observe(&self.count, f64::from(number), labels);
        }
    }
}

/// The catalogue's number is everybody's who has a pool, so it is changed rather than set.
fn report_in_catalog(size: Option<i64>) {
    static REPORTED: AtomicI64 = AtomicI64::new(0);
    let size = size.unwrap_or_default();
    let before = REPORTED.swap(size, Ordering::Relaxed);
    if size != before {
        db::Metrics::get().pool_size.add(size - before, &[]);
    }
}
