//! A pool whose queries, connections and waits are observed.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Database, Describe, Error, Execute, Executor, SqlSafeStr, SqlStr};

use super::connection::{Connection, PoolConnection, Transaction, ended, streams};
use super::execute::{Query, Target, start};
use super::failure::failure;
use super::locate::{System, locate};
use super::rows::{Reading, Step, given, run};
use crate::instrument::db::{Place, PoolMetrics, PoolState, Settings, Use};

/// A pool of connections: `&pool` runs queries, as sqlx' does. What sqlx' pool can do beside is reached through it, unobserved: so are
/// migrations, and what is generic over [`sqlx::Acquire`].
pub struct Pool<DB: Database> {
    inner: sqlx::Pool<DB>,
    target: Target,
    metrics: Arc<PoolMetrics>,
}

impl<DB: Database> Pool<DB> {
    /// Observes a pool.
    pub fn new(pool: sqlx::Pool<DB>) -> Self {
        Self::builder(pool).build()
    }

    /// The same with settings.
    pub fn builder(pool: sqlx::Pool<DB>) -> PoolBuilder<DB> {
        let (system, place) = locate::<DB>(&pool.connect_options());
        PoolBuilder { pool, system, place, name: None, settings: Settings::default(), comments: false }
    }

    /// Takes a connection out of the pool, once there is one.
    ///
    /// # Errors
    /// Those of [`sqlx::Pool::acquire`].
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<DB>> {
        let (connection, out) = self.lend().await?;
        Ok(PoolConnection(Connection::pooled(connection, self.target.clone(), out)))
    }

    /// Takes a connection out of the pool if one is idle.
    pub fn try_acquire(&self) -> Option<PoolConnection<DB>> {
        let connection = self.inner.try_acquire()?;
        Some(PoolConnection(Connection::pooled(connection, self.target.clone(), Use::begin(&self.metrics))))
    }

    /// Begins a transaction on a connection of its own.
    ///
    /// # Errors
    /// Those of [`sqlx::Pool::begin`].
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, DB>> {
        self.begin_by("BEGIN".into_sql_str(), false).await
    }

    /// Begins a transaction by a statement of your own.
    ///
    /// # Errors
    /// Those of [`sqlx::Pool::begin_with`].
    pub async fn begin_with(&self, statement: impl SqlSafeStr) -> sqlx::Result<Transaction<'static, DB>> {
        self.begin_by(statement.into_sql_str(), true).await
    }

    async fn begin_by(&self, statement: SqlStr, own: bool) -> sqlx::Result<Transaction<'static, DB>> {
        let mut operation = start(&self.target, statement.as_str(), Some("BEGIN"), false);
        let lent = operation.within(self.lend()).await;
        let (connection, out) = lent.inspect_err(|error| operation.fail(&failure(error)))?;
        let begin = sqlx::Transaction::begin(connection, own.then_some(statement));
        Transaction::begun(operation, begin, self.target.clone(), Some(out)).await
    }

    /// The pool that is observed.
    pub fn inner(&self) -> &sqlx::Pool<DB> {
        &self.inner
    }

    /// Its name in metrics.
    pub fn name(&self) -> &str {
        self.metrics.name()
    }

    async fn lend(&self) -> sqlx::Result<(sqlx::pool::PoolConnection<DB>, Use)> {
        let wait = self.metrics.wait();
        let found = self.inner.acquire().await;
        match &found {
            Ok(_) => wait.found(),
            Err(Error::PoolTimedOut) => wait.timed_out(),
            Err(_) => {}
        }
        Ok((found?, Use::begin(&self.metrics)))
    }

    fn stream(&self, mut query: Query<DB>, reading: Reading) -> BoxStream<'static, sqlx::Result<Step<DB>>>
    where
        for<'x> &'x mut DB::Connection: Executor<'x, Database = DB>,
    {
        let pool = self.clone();
        Box::pin(given(move |out| async move {
            let mut operation = query.start(&pool.target);
            let lent = operation.within(pool.lend()).await;
            let (mut connection, _out) = lent.inspect_err(|error| operation.fail(&failure(error)))?;
            run::<DB>(&mut connection, query, operation, reading, out).await
        }))
    }
}

impl<DB: Database> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), target: self.target.clone(), metrics: Arc::clone(&self.metrics) }
    }
}

impl<DB: Database> fmt::Debug for Pool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<DB: Database> Deref for Pool<DB> {
    type Target = sqlx::Pool<DB>;

    fn deref(&self) -> &sqlx::Pool<DB> {
        &self.inner
    }
}

impl<DB: Database> From<sqlx::Pool<DB>> for Pool<DB> {
    fn from(pool: sqlx::Pool<DB>) -> Self {
        Self::new(pool)
    }
}

impl<'p, DB: Database> Executor<'p> for &'p Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    streams!('p);

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<DB::Row>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let mut query = Query::take(query);
        Box::pin(async move {
            let mut operation = query.start(&self.target);
            let lent = operation.within(self.lend()).await;
            let (mut connection, _out) = lent.inspect_err(|error| operation.fail(&failure(error)))?;
            let row = operation.within((&mut *connection).fetch_optional(query)).await;
            operation.add_rows(u64::from(matches!(row, Ok(Some(_)))));
            ended(&mut operation, row)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [DB::TypeInfo]) -> BoxFuture<'e, sqlx::Result<DB::Statement>>
    where
        'p: 'e,
    {
        Box::pin(async move { (&mut *self.acquire().await?).prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<DB>>>
    where
        'p: 'e,
    {
        (&self.inner).describe(sql)
    }
}

impl<'a, DB: Database> sqlx::Acquire<'a> for &Pool<DB> {
    type Database = DB;
    type Connection = sqlx::pool::PoolConnection<DB>;

    fn acquire(self) -> BoxFuture<'a, sqlx::Result<Self::Connection>> {
        let pool = self.inner.clone();
        Box::pin(async move { pool.acquire().await })
    }

    fn begin(self) -> BoxFuture<'a, sqlx::Result<sqlx::Transaction<'a, DB>>> {
        let pool = self.inner.clone();
        Box::pin(async move { pool.begin().await })
    }
}

/// How a pool is observed.
#[must_use = "a pool is observed by `build`"]
pub struct PoolBuilder<DB: Database> {
    pool: sqlx::Pool<DB>,
    system: System,
    place: Place,
    name: Option<String>,
    settings: Settings,
    comments: bool,
}

impl<DB: Database> PoolBuilder<DB> {
    /// Its name in metrics, `db.client.connection.pool.name`. Without one it is made of where the database is:
    /// `db.example.com:5433/orders`. Pools of one name are reported as one.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The database's name, where the options that the pool connects with don't tell it.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.place.namespace = Some(namespace.into());
        self
    }

    /// Where the database is, where the pool connects to something before it.
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        (self.place.address, self.place.port) = (Some(address.into()), Some(port));
        self
    }

    /// Whether spans show the text of queries, `db.query.text`; they do without this. Literals are never in it unless values are bound
    /// beside them.
    pub fn query_text(mut self, shown: bool) -> Self {
        self.settings.query_text = shown;
        self
    }

    /// Whether spans show the messages of errors; they do without this. A database may quote a value in one:
    /// `invalid input syntax for type integer: "x"`.
    pub fn error_messages(mut self, shown: bool) -> Self {
        self.settings.error_messages = shown;
        self
    }

    /// Logs operations that take as long, as warnings that name their span. None without this.
    pub fn slow_after(mut self, limit: Duration) -> Self {
        self.settings.slow = Some(limit);
        self
    }

    /// Whether queries of recorded spans end in a comment with their context, `/*traceparent='…'*/`, for the database's log. Such a
    /// query is prepared anew each time, as no two are alike; prepared statements are left as they are. Off without this.
    pub fn context_in_comments(mut self, sent: bool) -> Self {
        self.comments = sent;
        self
    }

    /// The pool.
    pub fn build(self) -> Pool<DB> {
        let Self { pool, system, place, name, settings, comments } = self;
        let name = name.unwrap_or_else(|| place.to_string());
        let observed = pool.clone();
        let metrics = PoolMetrics::new(name, move || PoolState {
            size: observed.size(),
            idle: u32::try_from(observed.num_idle()).unwrap_or(u32::MAX),
            max: observed.options().get_max_connections(),
            min_idle: observed.options().get_min_connections(),
        });
        Pool { inner: pool, target: Target::new(system, place, settings, comments), metrics }
    }
}
