//! Commands of the crate `redis`, version 1: a span and a measurement each, one for a whole pipeline.
//!
//! [`Connection`] wraps any connection, asynchronous or not, and is one itself: commands stay as they are.
//!
//! ```no_run
//! # async fn handle(client: redis::Client) -> redis::RedisResult<()> {
//! use redis::AsyncCommands;
//! use tripod::instrument::redis::Connection;
//!
//! let connection = client.get_multiplexed_async_connection().await?;
//! let mut connection = Connection::builder(connection).server(client.get_connection_info()).build();
//! let visits: u64 = connection.incr("visits", 1).await?;
//! # let _ = visits; Ok(())
//! # }
//! ```
//!
//! It costs a span, a measurement and the text of the command; see `docs/how-to/instrument/redis.md`.

mod asynchronous;
mod batch;
mod blocking;
mod commands;
mod connection;
mod failure;
mod packed;

pub use connection::{Connection, ConnectionBuilder};

#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/instrument/redis.md")]
mod how_to {}
