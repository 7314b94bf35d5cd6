//! The books in PostgreSQL, in a schema of their own.

use std::str::FromStr;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tripod::instrument::sqlx::Pool;

use super::{Answer, Books, BooksError, retrying};
use crate::messages::{Execution, Pipeline, Position, Signal, Trade};
use crate::{Error, market};

const POOL_SIZE: u32 = 10;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: &str = "2s";
const SLOW_QUERY: Duration = Duration::from_millis(100);

/// PostgreSQL's code for a statement that took too long.
const QUERY_CANCELED: &str = "57014";

/// The account whose positions the pipelines see.
const ACCOUNT: &str = "demo";

/// Any number, as long as all services lock the same.
const SCHEMA_LOCK: i64 = 0x7472_6164;
const SCHEMA: &str = include_str!("schema.sql");

const SELECT_PIPELINES: &str = "SELECT id, name, tickers FROM pipelines WHERE active ORDER BY id";
const SELECT_PIPELINE: &str = "SELECT id, name, tickers FROM pipelines WHERE active AND id = $1";
const INSERT_EXECUTION: &str = "INSERT INTO pipeline_executions (id, pipeline_id, trigger_mode, status) VALUES ($1, $2, $3, 'running') \
     ON CONFLICT (id) DO UPDATE SET status = 'running', started_at = now(), finished_at = NULL";
const UPDATE_EXECUTION: &str =
    "UPDATE pipeline_executions SET status = $2, cost = $3, finished_at = now() WHERE id = $1";
const SELECT_POSITIONS: &str = "SELECT ticker, quantity FROM positions WHERE account = $1";
const INSERT_TRADE: &str = "INSERT INTO trades (execution_id, ticker, action, quantity) VALUES ($1, $2, $3, $4)";
const INSERT_SIGNALS: &str = "INSERT INTO signals (id, kind, source, ticker, price) \
     SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::double precision[])";

/// A pool of connections, whose queries are observed.
pub(super) struct Postgres {
    pool: Pool<sqlx::Postgres>,
}

impl Postgres {
    /// Connects, and makes the tables unless they are there.
    pub(super) async fn connect(url: &str) -> Result<Self, Error> {
        let pool = connect(url).await.map_err(Error::Postgres)?;
        Ok(Self { pool })
    }
}

/// The version of the server at this URL, once it has let us in.
pub(crate) async fn reach(url: &str) -> Result<String, Error> {
    let version = async {
        let pool = pool(url, 1).await?;
        let version = sqlx::query_scalar::<_, String>("SHOW server_version").fetch_one(&pool).await;
        pool.close().await;
        version
    };
    let version = version.await.map_err(Error::Postgres)?;
    // Debian's says "15.18 (Debian 15.18-0+deb12u1)".
    Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
}

async fn pool(url: &str, size: u32) -> Result<sqlx::PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("trading-platform")
        .options([("search_path", "trading_platform"), ("statement_timeout", STATEMENT_TIMEOUT)]);
    PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options).await
}

async fn connect(url: &str) -> Result<Pool<sqlx::Postgres>, sqlx::Error> {
    let pool = Pool::builder(pool(url, POOL_SIZE).await?).slow_after(SLOW_QUERY).build();
    let mut transaction = pool.begin().await?;
    // One service at a time: what is made "if not exists" can still be made twice at once.
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SCHEMA_LOCK).execute(&mut *transaction).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
    for (number, pipeline) in market::pipelines().iter().enumerate() {
        sqlx::query("INSERT INTO pipelines (id, name, tickers) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(&pipeline.id)
            .bind(&pipeline.name)
            .bind(&pipeline.tickers)
            .execute(&mut *transaction)
            .await?;
        for ticker in &pipeline.tickers {
            sqlx::query("INSERT INTO positions (account, ticker, quantity) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(ACCOUNT)
                .bind(ticker)
                .bind(10 * number as i64)
                .execute(&mut *transaction)
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(pool)
}

/// A statement's failure.
fn failed(statement: &'static str) -> impl Fn(sqlx::Error) -> BooksError {
    move |error| match error.as_database_error().and_then(DatabaseError::code).as_deref() {
        Some(QUERY_CANCELED) => BooksError::Cancelled { statement, source: error.into() },
        _ => BooksError::Failed { statement, source: error.into() },
    }
}

fn pipeline((id, name, tickers): (String, String, Vec<String>)) -> Pipeline {
    Pipeline { id, name, tickers }
}

impl Books for Postgres {
    fn pipelines(&self) -> Answer<'_, Vec<Pipeline>> {
        let attempt = move |_| -> Answer<'_, _> {
            Box::pin(async move {
                let rows = sqlx::query_as(SELECT_PIPELINES).fetch_all(&self.pool).await;
                Ok(rows.map_err(failed("reading the pipelines"))?.into_iter().map(pipeline).collect())
            })
        };
        Box::pin(retrying(attempt))
    }

    fn pipeline<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Pipeline>> {
        let attempt = move |_| -> Answer<'a, _> {
            Box::pin(async move {
                let row = sqlx::query_as(SELECT_PIPELINE).bind(id).fetch_optional(&self.pool).await;
                Ok(row.map_err(failed("reading the pipeline"))?.map(pipeline))
            })
        };
        Box::pin(retrying(attempt))
    }

    fn begin<'a>(&'a self, execution: &'a Execution) -> Answer<'a, ()> {
        let attempt = move |_| -> Answer<'a, _> {
            Box::pin(async move {
                let query = sqlx::query(INSERT_EXECUTION)
                    .bind(&execution.id)
                    .bind(&execution.pipeline_id)
                    .bind(execution.trigger_mode.as_str());
                query.execute(&self.pool).await.map(drop).map_err(failed("writing the execution"))
            })
        };
        Box::pin(retrying(attempt))
    }

    fn end<'a>(&'a self, execution: &'a Execution, status: &'static str, cost: f64) -> Answer<'a, ()> {
        let attempt = move |_| -> Answer<'a, _> {
            Box::pin(async move {
                let query = sqlx::query(UPDATE_EXECUTION).bind(&execution.id).bind(status).bind(cost);
                query.execute(&self.pool).await.map(drop).map_err(failed("closing the execution"))
            })
        };
        Box::pin(retrying(attempt))
    }

    fn positions<'a>(&'a self, _: &'a Execution) -> Answer<'a, Vec<Position>> {
        let attempt = move |_| -> Answer<'a, _> {
            Box::pin(async move {
                let rows = sqlx::query_as(SELECT_POSITIONS).bind(ACCOUNT).fetch_all(&self.pool).await;
                let position = |(ticker, quantity): (String, i64)| Position { ticker, quantity };
                Ok(rows.map_err(failed("reading the positions"))?.into_iter().map(position).collect())
            })
        };
        Box::pin(retrying(attempt))
    }

    fn trade<'a>(&'a self, execution: &'a Execution, trade: Trade) -> Answer<'a, ()> {
        let attempt = move |_| -> Answer<'a, _> {
            Box::pin(async move {
                let query = sqlx::query(INSERT_TRADE)
                    .bind(&execution.id)
                    .bind(&execution.ticker)
                    .bind(trade.action)
                    .bind(trade.quantity);
                query.execute(&self.pool).await.map(drop).map_err(failed("writing the trade"))
            })
        };
        Box::pin(retrying(attempt))
    }

    fn signals<'a>(&'a self, signals: &'a [Signal]) -> Answer<'a, ()> {
        fn column<'a, T>(signals: &'a [Signal], of: impl Fn(&'a Signal) -> T) -> Vec<T> {
            signals.iter().map(of).collect()
        }
        let attempt = move |_| -> Answer<'a, _> {
            Box::pin(async move {
                let query = sqlx::query(INSERT_SIGNALS)
                    .bind(column(signals, |signal| &*signal.id))
                    .bind(column(signals, |signal| &*signal.kind))
                    .bind(column(signals, |signal| &*signal.source))
                    .bind(column(signals, |signal| &*signal.ticker))
                    .bind(column(signals, |signal| signal.price));
                query.execute(&self.pool).await.map(drop).map_err(failed("writing the signals"))
            })
        };
        Box::pin(retrying(attempt))
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async {
            sqlx::query("SELECT 1").execute(&self.pool).await.map(drop).map_err(failed("asking the database"))
        })
    }
}
