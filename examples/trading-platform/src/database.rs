//! PostgreSQL, as an instrumented client shows it; the server behind it is simulated.

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::sleep;
use tripod::{Histogram, InSpanExt, SpanBuilder, SpanKind, UpDownCounter, labels};

use crate::chance::Chance;

const POOL_SIZE: u32 = 10;
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(800);
const SLOW_QUERY: Duration = Duration::from_millis(100);

/// A pool of connections.
pub(crate) struct Database {
    pool: Semaphore,
    timeout_share: f64,
    duration: Histogram,
    active: UpDownCounter,
}

/// A statement to execute.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    /// `select`, `insert` or `update`.
    pub(crate) kind: &'static str,
    pub(crate) table: &'static str,
    pub(crate) text: &'static str,
    /// How long it typically takes, in milliseconds.
    pub(crate) millis: f64,
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("{kind} on {table} was cancelled")]
    Cancelled { kind: &'static str, table: &'static str, source: StatementTimeout },
    #[error("the pool is closed")]
    PoolClosed(#[from] tokio::sync::AcquireError),
}

/// PostgreSQL's error 57014.
#[derive(Debug, thiserror::Error)]
#[error("canceling statement due to statement timeout after {} ms (SQLSTATE 57014)", .0.as_millis())]
pub(crate) struct StatementTimeout(Duration);

impl Database {
    /// A pool of which this share of queries times out.
    pub(crate) fn connect(timeout_share: f64) -> Self {
        tripod::gauge("db_pool_size").description("Connections of the pool").build().set(f64::from(POOL_SIZE), &[]);
        let active = tripod::up_down_counter("db_active_connections")
            .description("Connections that are executing a query")
            .build();
        active.add(0, &[]);
        Self {
            pool: Semaphore::new(POOL_SIZE as usize),
            timeout_share,
            duration: tripod::histogram("db_query_duration_seconds")
                .unit("s")
                .description("How long queries take")
                .build(),
            active,
        }
    }

    /// Executes a query.
    pub(crate) async fn execute(&self, query: Query, chance: &mut Chance) -> Result<(), DatabaseError> {
        let Query { kind, table, text, .. } = query;
        let span = SpanBuilder::new(format!("{} {table}", kind.to_uppercase()))
            .kind(SpanKind::CLIENT)
            .attribute("db.system.name", "postgresql")
            .attribute("db.namespace", "trading")
            .attribute("db.collection.name", table)
            .attribute("db.operation.name", kind)
            .attribute("db.query.text", text)
            .start();
        let run = async {
            let started = Instant::now();
            let result = self.run(query, chance).await;
            let took = started.elapsed();
            self.duration.record(took.as_secs_f64(), labels!(query_type = kind));
            match &result {
                Err(error) => tripod::current().record_error(error),
                Ok(()) if took > SLOW_QUERY => {
                    tripod::warn!("slow query", db.query.text = text, duration_ms = took.as_millis() as u64);
                }
                Ok(()) => {}
            }
            result
        };
        run.in_span(span).await
    }

    /// As [`Database::execute`], once more if it was cancelled.
    pub(crate) async fn execute_retrying(&self, query: Query, chance: &mut Chance) -> Result<(), DatabaseError> {
        match self.execute(query, chance).await {
            Err(error @ DatabaseError::Cancelled { .. }) => {
                tripod::event!("retry", attempt = 2, reason = %error);
                tripod::warn!("{error}, trying once more", table = query.table);
                self.execute(query, chance).await
            }
            result => result,
        }
    }

    /// Where the real client would talk to the server.
    async fn run(&self, query: Query, chance: &mut Chance) -> Result<(), DatabaseError> {
        let _connection = self.pool.acquire().await?;
        self.active.add(1, &[]);
        let _active = Active(&self.active);
        if chance.happens(self.timeout_share) {
            sleep(STATEMENT_TIMEOUT).await;
            let source = StatementTimeout(STATEMENT_TIMEOUT);
            return Err(DatabaseError::Cancelled { kind: query.kind, table: query.table, source });
        }
        // Now and then the plan is bad, or a lock is waited for.
        let factor = if chance.happens(0.01) { 30.0 } else { 1.0 };
        sleep(chance.takes_millis(query.millis * factor)).await;
        Ok(())
    }
}

struct Active<'a>(&'a UpDownCounter);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}
