//! Databases: queries, connections, pools.

use super::set::metric_set;
use super::under_way::UnderWay;
use crate::labels;

metric_set! {
    /// The metrics of databases.
    "db" {
        query_duration: Histogram = "db_query_duration_seconds" [query_type] "s" "How long queries take";
        queries: Counter = "db_queries_total" [query_type, status] "" "Queries, by how they ended";
        active_connections: UpDownCounter = "db_active_connections" [] "" "Connections in use";
        connections_active: UpDownCounter = "db_connections_active" [] "" "Connections in use";
        pool_size: UpDownCounter = "db_pool_size" [] "" "Connections that the pools hold, in use or not";
    }
}

/// The databases a program uses.
///
/// ```
/// let db = tripod::catalog::db::Db::new();
/// let pool = db.pool(10);
/// let connection = db.connection();
/// db.query("select").success();
/// ```
#[derive(Clone, Copy)]
pub struct Db {
    metrics: &'static Metrics,
}

impl Db {
    /// The databases.
    #[allow(clippy::new_without_default, reason = "as all sets are made")]
    pub fn new() -> Self {
        Self { metrics: Metrics::get() }
    }

    /// A query begins. Its type is the operation: `select`, `insert`, never its text. It ends with [`Query::success`] or
    /// [`Query::error`], or is counted as `cancelled` when it is dropped.
    pub fn query<'a>(&self, query_type: &'a str) -> Query<'a> {
        Query { metrics: self.metrics, kind: query_type, under_way: UnderWay::now() }
    }

    /// A connection is in use until the guard is dropped.
    pub fn connection(&self) -> Connection {
        self.metrics.connections(1);
        Connection { metrics: self.metrics }
    }

    /// A pool of so many connections; those of several pools add up.
    pub fn pool(&self, size: u32) -> Pool {
        let mut pool = Pool { metrics: self.metrics, size: 0 };
        pool.resize(size);
        pool
    }
}

impl Metrics {
    /// So many connections more are in use, or fewer.
    pub(crate) fn connections(&self, change: i64) {
        self.active_connections.add(change, &[]);
        self.connections_active.add(change, &[]);
    }
}

/// A query that is under way.
#[must_use = "a query that is dropped counts as cancelled"]
pub struct Query<'a> {
    metrics: &'static Metrics,
    kind: &'a str,
    under_way: UnderWay,
}

impl Query<'_> {
    /// It has been answered.
    pub fn success(mut self) {
        self.end("success");
    }

    /// It failed.
    pub fn error(mut self) {
        self.end("error");
    }

    fn end(&mut self, status: &str) {
        let Some(took) = self.under_way.end() else { return };
        let query_type = self.kind;
        self.metrics.queries.inc(labels!(query_type, status));
        self.metrics.query_duration.record(took.as_secs_f64(), labels!(query_type));
    }
}

impl Drop for Query<'_> {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}

/// A connection in use.
#[must_use = "a connection is in use until this is dropped"]
pub struct Connection {
    metrics: &'static Metrics,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics.connections(-1);
    }
}

/// A pool of connections. It holds none any more once this is dropped.
#[must_use = "a pool that is dropped holds no connections"]
pub struct Pool {
    metrics: &'static Metrics,
    size: u32,
}

impl Pool {
    /// It holds so many now.
    pub fn resize(&mut self, size: u32) {
        self.metrics.pool_size.add(i64::from(size) - i64::from(self.size), &[]);
        self.size = size;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.resize(0);
    }
}
