//! Connections and transactions whose queries are observed.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Connection as _, Database, Describe, Error, Execute, Executor, SqlSafeStr, SqlStr};

use super::execute::{Query, Target, start};
use super::failure::failure;
use super::locate::locate;
use super::rows::{Reading, Step, given, run};
use crate::instrument::db::{Operation, Settings, Use};

/// A connection, wherever it comes from: `&mut` of it runs queries.
///
/// What sqlx' connection can do beside is reached through it, unobserved.
pub struct Connection<'c, DB: Database> {
    held: Held<'c, DB>,
    target: Target,
    /// For as long as it is out of its pool.
    out: Option<Use>,
}

enum Held<'c, DB: Database> {
    Own(DB::Connection),
    Pooled(sqlx::pool::PoolConnection<DB>),
    Transaction(sqlx::Transaction<'c, DB>),
}

impl<DB: Database> Connection<'_, DB> {
    /// Observes a connection that belongs to no pool. Of where it leads to, `options` tells what is to be known.
    pub fn new(connection: DB::Connection, options: &<DB::Connection as sqlx::Connection>::Options) -> Self {
        let (system, place) = locate::<DB>(options);
        Self { held: Held::Own(connection), target: Target::new(system, place, Settings::default(), false), out: None }
    }

    pub(super) fn pooled(connection: sqlx::pool::PoolConnection<DB>, target: Target, out: Use) -> Self {
        Self { held: Held::Pooled(connection), target, out: Some(out) }
    }

    /// Begins a transaction; within one, a savepoint.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin(&mut self) -> sqlx::Result<Transaction<'_, DB>> {
        let savepoint = self.is_in_transaction();
        let call = if savepoint { "SAVEPOINT" } else { "BEGIN" };
        let operation = start(&self.target, call, Some(call), false);
        let target = self.target.clone();
        let begin = sqlx::Transaction::begin(&mut **self, None);
        Ok(Transaction { savepoint, ..Transaction::begun(operation, begin, target, None).await? })
    }

    /// Begins a transaction by a statement of your own.
    ///
    /// # Errors
    /// Those of the database; [`Error::InvalidSavePointStatement`] within a transaction.
    pub async fn begin_with(&mut self, statement: impl SqlSafeStr) -> sqlx::Result<Transaction<'_, DB>> {
        let statement = statement.into_sql_str();
        let operation = start(&self.target, statement.as_str(), Some("BEGIN"), false);
        let target = self.target.clone();
        Transaction::begun(operation, sqlx::Transaction::begin(&mut **self, Some(statement)), target, None).await
    }

    fn stream<'e>(&'e mut self, mut query: Query<DB>, reading: Reading) -> BoxStream<'e, sqlx::Result<Step<DB>>>
    where
        for<'x> &'x mut DB::Connection: Executor<'x, Database = DB>,
    {
        let (target, connection) = self.split();
        Box::pin(given(move |out| async move {
            let operation = query.start(target);
            run::<DB>(connection, query, operation, reading, out).await
        }))
    }

    fn split(&mut self) -> (&Target, &mut DB::Connection) {
        (&self.target, self.held.raw())
    }
}

impl<DB: Database> Held<'_, DB> {
    fn raw(&mut self) -> &mut DB::Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Pooled(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> Deref for Connection<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match &self.held {
            Held::Own(connection) => connection,
            Held::Pooled(connection) => connection,
            Held::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> DerefMut for Connection<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.held.raw()
    }
}

impl<DB: Database> fmt::Debug for Connection<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("database", &DB::NAME).finish_non_exhaustive()
    }
}

/// What executors have in common: all goes by way of `stream`.
macro_rules! streams {
    ($life:lifetime) => {
        fn execute_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<DB::QueryResult>>
        where
            $life: 'e,
            E: 'q + Execute<'q, DB>,
        {
            use futures_util::TryStreamExt;
            let steps = self.stream(Query::take(query), Reading::None);
            Box::pin(steps.try_filter_map(|step| std::future::ready(Ok(step.left()))))
        }

        fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Step<DB>>>
        where
            $life: 'e,
            E: 'q + Execute<'q, DB>,
        {
            self.stream(Query::take(query), Reading::Streaming)
        }

        fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Vec<DB::Row>>>
        where
            $life: 'e,
            E: 'q + Execute<'q, DB>,
        {
            use futures_util::TryStreamExt;
            let steps = self.stream(Query::take(query), Reading::Whole);
            Box::pin(steps.try_filter_map(|step| std::future::ready(Ok(step.right()))).try_collect())
        }
    };
}
pub(super) use streams;

/// Ends the operation as the result says.
pub(super) fn ended<T>(operation: &mut Operation, result: sqlx::Result<T>) -> sqlx::Result<T> {
    match &result {
        Ok(_) => operation.succeed(),
        Err(error) => operation.fail(&failure(error)),
    }
    result
}

impl<'x, DB: Database> Executor<'x> for &'x mut Connection<'_, DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    streams!('x);

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<DB::Row>>>
    where
        'x: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let mut query = Query::take(query);
        Box::pin(async move {
            let (target, connection) = self.split();
            let mut operation = query.start(target);
            let row = operation.within(connection.fetch_optional(query)).await;
            operation.add_rows(u64::from(matches!(row, Ok(Some(_)))));
            ended(&mut operation, row)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [DB::TypeInfo]) -> BoxFuture<'e, sqlx::Result<DB::Statement>>
    where
        'x: 'e,
    {
        Box::pin(async move {
            let (target, connection) = self.split();
            let mut operation = start(target, sql.as_str(), Some("PREPARE"), false);
            let statement = operation.within(connection.prepare_with(sql, parameters)).await;
            ended(&mut operation, statement)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<DB>>>
    where
        'x: 'e,
    {
        self.held.raw().describe(sql)
    }
}

/// A connection of a pool, which goes back there when this is dropped: `&mut *connection` runs queries.
#[derive(Debug)]
pub struct PoolConnection<DB: Database>(pub(super) Connection<'static, DB>);

impl<DB: Database> PoolConnection<DB> {
    /// Closes it rather than to give it back.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn close(self) -> sqlx::Result<()> {
        match self.0.held {
            Held::Pooled(connection) => connection.close().await,
            Held::Own(connection) => connection.close().await,
            Held::Transaction(transaction) => transaction.rollback().await,
        }
    }
}

impl<DB: Database> Deref for PoolConnection<DB> {
    type Target = Connection<'static, DB>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<DB: Database> DerefMut for PoolConnection<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A transaction, or a savepoint within one: `&mut *transaction` runs queries. One that is dropped is rolled back when its connection is
/// used next, which is not observed.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Transaction<'c, DB: Database> {
    connection: Connection<'c, DB>,
    /// Within another.
    savepoint: bool,
}

impl<'c, DB: Database> Transaction<'c, DB> {
    pub(super) async fn begun(
        mut operation: Operation,
        begin: BoxFuture<'c, sqlx::Result<sqlx::Transaction<'c, DB>>>,
        target: Target,
        out: Option<Use>,
    ) -> sqlx::Result<Self> {
        let begun = operation.within(begin).await;
        let transaction = ended(&mut operation, begun)?;
        let connection = Connection { held: Held::Transaction(transaction), target, out };
        Ok(Self { connection, savepoint: false })
    }

    /// Commits it; a savepoint is released.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn commit(self) -> sqlx::Result<()> {
        self.end(["COMMIT", "RELEASE SAVEPOINT"], |transaction| Box::pin(transaction.commit())).await
    }

    /// Undoes it, back to the savepoint where it is one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rollback(self) -> sqlx::Result<()> {
        self.end(["ROLLBACK", "ROLLBACK TO SAVEPOINT"], |transaction| Box::pin(transaction.rollback())).await
    }

    async fn end(
        self,
        [whole, savepoint]: [&'static str; 2],
        end: impl FnOnce(sqlx::Transaction<'c, DB>) -> BoxFuture<'c, Result<(), Error>>,
    ) -> sqlx::Result<()> {
        let Connection { held, target, out } = self.connection;
        // Nothing else is ever put in here.
        let Held::Transaction(transaction) = held else { return Ok(()) };
        let call = if self.savepoint { savepoint } else { whole };
        let mut operation = start(&target, call, Some(call), false);
        let result = operation.within(end(transaction)).await;
        drop(out);
        ended(&mut operation, result)
    }
}

impl<'c, DB: Database> Deref for Transaction<'c, DB> {
    type Target = Connection<'c, DB>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Transaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}
