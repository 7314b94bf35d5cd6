//! A query on its way from the caller to sqlx: taken apart to be looked at, and put together again.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::{Arguments, AssertSqlSafe, Database, Execute, SqlSafeStr, SqlStr, Statement};

use super::comment::commented;
use super::locate::System;
use crate::instrument::db::{Client, Dialect, Known, Operation, Place, Settings, What};

/// A query as sqlx takes it.
pub(super) struct Query<DB: Database> {
    sql: SqlStr,
    statement: Option<DB::Statement>,
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    persistent: bool,
    /// Values are bound, so none are in the text by the conventions' reckoning.
    parameterized: bool,
}

impl<DB: Database> Query<DB> {
    pub(super) fn take<'q>(mut query: impl Execute<'q, DB>) -> Self {
        let arguments = query.take_arguments();
        let statement = query.statement().cloned();
        let persistent = query.persistent();
        let parameterized = matches!(&arguments, Ok(Some(arguments)) if arguments.len() > 0);
        Self { sql: query.sql(), statement, arguments: Some(arguments), persistent, parameterized }
    }

    /// Its operation begins.
    pub(super) fn start(&mut self, target: &Target) -> Operation {
        let mut operation = start(target, self.sql.as_str(), None, self.parameterized);
        // What is prepared already is sent by its name alone.
        if target.comments
            && self.statement.is_none()
            && let Some(sql) = commented(self.sql.as_str(), operation.span())
        {
            self.sql = AssertSqlSafe(sql).into_sql_str();
            // No two are alike: they would fill the connection's cache.
            self.persistent = false;
        }
        operation
    }
}

/// An operation begins that a text says, or a call of sqlx.
pub(super) fn start(target: &Target, sql: &str, call: Option<&'static str>, parameterized: bool) -> Operation {
    let what = What::Query { known: Known::of(target.dialect, sql), call };
    Operation::start(
        &target.client,
        what,
        |what| match what {
            What::Query { known, .. } if parameterized => Some(Cow::Borrowed(known.written())),
            What::Query { known, .. } => Some(Cow::Borrowed(known.sanitized())),
            #[cfg(feature = "redis")]
            What::Command(_) => None,
        },
        None,
    )
}

/// The database that queries go to.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) client: Arc<Client>,
    pub(super) dialect: Dialect,
    /// Whether queries carry their context.
    pub(super) comments: bool,
}

impl Target {
    pub(super) fn new(system: System, place: Place, settings: Settings, comments: bool) -> Self {
        Self { client: Arc::new(Client::new(system.name, place, settings)), dialect: system.dialect, comments }
    }
}

impl<DB: Database> Execute<'_, DB> for Query<DB> {
    fn sql(self) -> SqlStr {
        match self.statement {
            Some(statement) => statement.into_sql(),
            None => self.sql,
        }
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
