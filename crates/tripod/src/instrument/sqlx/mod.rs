//! Queries of sqlx, version 0.9, whatever the database: a span and a measurement each.
//!
//! [`Pool`] stands where `sqlx::Pool` stood, its connections and transactions where sqlx' stood; queries stay as they are, made by
//! functions or by macros.
//!
//! ```no_run
//! # #[derive(sqlx::FromRow)] struct User { id: i64 }
//! # async fn handle<DB: sqlx::Database>(pool: sqlx::Pool<DB>) -> sqlx::Result<()>
//! # where for<'c> &'c mut DB::Connection: sqlx::Executor<'c, Database = DB>,
//! #     for<'q> i64: sqlx::Encode<'q, DB> + sqlx::Type<DB>, for<'r> i64: sqlx::Decode<'r, DB>,
//! #     for<'a> DB::Arguments: sqlx::IntoArguments<DB>, for<'a> &'a str: sqlx::ColumnIndex<DB::Row> {
//! use tripod::instrument::sqlx::Pool;
//!
//! let pool = Pool::new(pool);
//! let users: Vec<User> = sqlx::query_as("SELECT id FROM users WHERE id > $1").bind(7_i64).fetch_all(&pool).await?;
//! let mut transaction = pool.begin().await?;
//! sqlx::query("DELETE FROM users WHERE id = $1").bind(users[0].id).execute(&mut *transaction).await?;
//! transaction.commit().await
//! # }
//! ```
//!
//! A query allocates no more than on sqlx' own pool (`tests/instrument_sqlx_cost.rs` measures that, and the time); see `docs/how-to/instrument/sqlx.md`.

mod comment;
mod connection;
mod execute;
mod failure;
mod locate;
mod pool;
mod rows;

pub use connection::{Connection, PoolConnection, Transaction};
pub use pool::{Pool, PoolBuilder};

// The page's examples, compiled: they need sqlx' SQLite, which the tests have.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/instrument/sqlx.md")]
mod how_to {}
