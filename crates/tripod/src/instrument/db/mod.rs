//! What instrumented databases share: reading SQL without its literals, one operation as a span and a measurement, and their metrics.
//!
//! Names follow the stable database conventions. For SQL they ask for a summary made of the query (`SELECT users`), which is also the
//! span's name, and against attributes for operation and table that were guessed from text; an operation's name is given where the
//! library's call is the operation: a Redis command, the begin of a transaction.

#[cfg(any(feature = "sqlx", feature = "redis"))]
mod client;
#[cfg(any(feature = "sqlx", feature = "redis"))]
mod metrics;
#[cfg(any(feature = "sqlx", feature = "redis"))]
mod operation;
#[cfg(feature = "sqlx")]
mod pool;
mod sql;
#[cfg(feature = "sqlx")]
mod statements;
mod summary;
mod token;

#[cfg(any(feature = "sqlx", feature = "redis"))]
pub(crate) use client::{Client, Place, Settings};
#[cfg(any(feature = "sqlx", feature = "redis"))]
pub(crate) use operation::{Failure, Operation, What};
#[cfg(feature = "sqlx")]
pub(crate) use pool::{PoolMetrics, PoolState, Use};
pub use sql::sanitize;
#[cfg(feature = "sqlx")]
pub(crate) use statements::Known;
pub use summary::summarize;
pub use token::Dialect;
