//! What stands in for PostgreSQL: it knows the pipelines, forgets the rest, takes its time and fails as the real one does. It is recorded
//! as an instrumented client's queries are.

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::sleep;
use tripod::catalog::db::{Db, Pool};
use tripod::{InSpanExt, SpanBuilder, SpanKind};

use super::{Answer, Books, BooksError, retrying};
use crate::chance::Chance;
use crate::market;
use crate::messages::{Execution, Pipeline, Position, Signal, Trade};

const POOL_SIZE: u32 = 10;
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(800);
const SLOW_QUERY: Duration = Duration::from_millis(100);

/// A pool of connections.
pub(super) struct StandIn {
    seed: u64,
    pool: Semaphore,
    timeout_share: f64,
    metrics: Db,
    _pool_size: Pool,
}

/// A statement to execute.
#[derive(Clone, Copy)]
struct Query {
    operation: &'static str,
    table: &'static str,
    text: &'static str,
    /// What it is called where it fails.
    statement: &'static str,
    /// How long it typically takes, in milliseconds.
    millis: f64,
}

const SELECT_PIPELINES: Query = Query {
    operation: "SELECT",
    table: "pipelines",
    text: "SELECT id, name, tickers FROM pipelines WHERE active",
    statement: "reading the pipelines",
    millis: 9.0,
};
const SELECT_PIPELINE: Query = Query {
    operation: "SELECT",
    table: "pipelines",
    text: "SELECT id, name, tickers FROM pipelines WHERE active AND id = $1",
    statement: "reading the pipeline",
    millis: 3.0,
};
const INSERT_EXECUTION: Query = Query {
    operation: "INSERT",
    table: "pipeline_executions",
    text: "INSERT INTO pipeline_executions (id, pipeline_id, trigger_mode, status) VALUES ($1, $2, $3, ?)",
    statement: "writing the execution",
    millis: 5.0,
};
const UPDATE_EXECUTION: Query = Query {
    operation: "UPDATE",
    table: "pipeline_executions",
    text: "UPDATE pipeline_executions SET status = $2, cost = $3, finished_at = now() WHERE id = $1",
    statement: "closing the execution",
    millis: 4.0,
};
const SELECT_POSITIONS: Query = Query {
    operation: "SELECT",
    table: "positions",
    text: "SELECT ticker, quantity FROM positions WHERE account = $1",
    statement: "reading the positions",
    millis: 5.0,
};
const INSERT_TRADE: Query = Query {
    operation: "INSERT",
    table: "trades",
    text: "INSERT INTO trades (execution_id, ticker, action, quantity) VALUES ($1, $2, $3, $4)",
    statement: "writing the trade",
    millis: 6.0,
};
const INSERT_SIGNALS: Query = Query {
    operation: "INSERT",
    table: "signals",
    text: "INSERT INTO signals (id, kind, source, ticker, price) SELECT * FROM UNNEST($1, $2, $3, $4, $5)",
    statement: "writing the signals",
    millis: 4.0,
};

/// What PostgreSQL says of its error 57014.
#[derive(Debug, thiserror::Error)]
#[error("canceling statement due to statement timeout after {} ms (SQLSTATE 57014)", .0.as_millis())]
struct StatementTimeout(Duration);

impl StandIn {
    /// Of the executions' queries this share times out.
    pub(super) fn new(seed: u64, timeout_share: f64) -> Self {
        let metrics = Db::new();
        let (pool, size) = (Semaphore::new(POOL_SIZE as usize), metrics.pool(POOL_SIZE));
        Self { seed, pool, timeout_share, metrics, _pool_size: size }
    }

    /// Executes a query on behalf of something, whose id decides what goes wrong; once more if it was cancelled.
    async fn execute(&self, query: Query, about: &str) -> Result<(), BooksError> {
        retrying(|attempt| {
            let chance = Chance::about(self.seed, &format!("{about} {} {attempt}", query.text));
            Box::pin(self.observed(query, chance))
        })
        .await
    }

    async fn observed(&self, query: Query, chance: Chance) -> Result<(), BooksError> {
        let Query { operation, table, text, .. } = query;
        let span = SpanBuilder::new(format!("{operation} {table}"))
            .kind(SpanKind::CLIENT)
            .attribute("db.system.name", "postgresql")
            .attribute("db.namespace", "trading")
            .attribute("db.collection.name", table)
            .attribute("db.operation.name", operation)
            .attribute("db.query.text", text)
            .start();
        let run = async {
            let started = Instant::now();
            let query_type = operation.to_ascii_lowercase();
            let measured = self.metrics.query(&query_type);
            let result = self.run(query, chance).await;
            match &result {
                Ok(()) => measured.success(),
                Err(error) => {
                    measured.error();
                    tripod::current().record_error(error);
                }
            }
            let took = started.elapsed();
            if result.is_ok() && took > SLOW_QUERY {
                tripod::warn!("slow query", db.query.text = text, duration_ms = took.as_millis() as u64);
            }
            result
        };
        run.in_span(span).await
    }

    /// Where the real client would talk to the server.
    async fn run(&self, query: Query, mut chance: Chance) -> Result<(), BooksError> {
        let Query { statement, millis, .. } = query;
        let acquired = self.pool.acquire().await;
        let _connection = acquired.map_err(|closed| BooksError::Failed { statement, source: closed.into() })?;
        let _active = self.metrics.connection();
        if chance.happens(self.timeout_share) {
            sleep(STATEMENT_TIMEOUT).await;
            return Err(BooksError::Cancelled { statement, source: StatementTimeout(STATEMENT_TIMEOUT).into() });
        }
        // Now and then the plan is bad, or a lock is waited for.
        let factor = if chance.happens(0.01) { 30.0 } else { 1.0 };
        sleep(chance.takes_millis(millis * factor)).await;
        Ok(())
    }
}

impl Books for StandIn {
    fn pipelines(&self) -> Answer<'_, Vec<Pipeline>> {
        Box::pin(async {
            retrying(|_| Box::pin(self.observed(SELECT_PIPELINES, Chance::new()))).await?;
            Ok(market::pipelines())
        })
    }

    fn pipeline<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Pipeline>> {
        Box::pin(async move {
            retrying(|_| Box::pin(self.observed(SELECT_PIPELINE, Chance::new()))).await?;
            Ok(market::pipelines().into_iter().find(|pipeline| pipeline.id == id))
        })
    }

    fn begin<'a>(&'a self, execution: &'a Execution) -> Answer<'a, ()> {
        Box::pin(self.execute(INSERT_EXECUTION, &execution.id))
    }

    fn end<'a>(&'a self, execution: &'a Execution, _: &'static str, _: f64) -> Answer<'a, ()> {
        Box::pin(self.execute(UPDATE_EXECUTION, &execution.id))
    }

    fn positions<'a>(&'a self, execution: &'a Execution) -> Answer<'a, Vec<Position>> {
        Box::pin(async {
            self.execute(SELECT_POSITIONS, &execution.id).await?;
            Ok(vec![Position { ticker: execution.ticker.clone(), quantity: 10 }])
        })
    }

    fn trade<'a>(&'a self, execution: &'a Execution, _: Trade) -> Answer<'a, ()> {
        Box::pin(self.execute(INSERT_TRADE, &execution.id))
    }

    fn signals<'a>(&'a self, signals: &'a [Signal]) -> Answer<'a, ()> {
        Box::pin(self.execute(INSERT_SIGNALS, signals.first().map_or("", |signal| &signal.id)))
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
