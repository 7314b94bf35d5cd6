//! The books: pipelines, their executions, positions, trades and the signals that came. PostgreSQL keeps them, or what stands in for it.

mod postgres;
mod stand_in;

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::messages::{Execution, Pipeline, Position, Signal, Trade};
use crate::{Error, Settings};

/// What is kept for good.
pub(crate) trait Books: Send + Sync {
    /// All pipelines that are active.
    fn pipelines(&self) -> Answer<'_, Vec<Pipeline>>;
    /// One of them.
    fn pipeline<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Pipeline>>;
    /// An execution begins.
    fn begin<'a>(&'a self, execution: &'a Execution) -> Answer<'a, ()>;
    /// It has ended, as `success` or `failed`, and cost so many US dollars.
    fn end<'a>(&'a self, execution: &'a Execution, status: &'static str, cost: f64) -> Answer<'a, ()>;
    /// What is held before a pipeline decides.
    fn positions<'a>(&'a self, execution: &'a Execution) -> Answer<'a, Vec<Position>>;
    /// What it decided.
    fn trade<'a>(&'a self, execution: &'a Execution, trade: Trade) -> Answer<'a, ()>;
    /// Signals that came.
    fn signals<'a>(&'a self, signals: &'a [Signal]) -> Answer<'a, ()>;
    /// Whether they can be reached.
    fn ping(&self) -> Answer<'_, ()>;
}

/// What a statement comes to.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BooksError>> + Send + 'a>>;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BooksError {
    /// It took longer than a statement may, and may succeed if it is tried again.
    #[error("{statement} was cancelled")]
    Cancelled { statement: &'static str, source: Cause },
    #[error("{statement} failed")]
    Failed { statement: &'static str, source: Cause },
}

/// What the database said.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// The books that this service was told of.
pub(crate) async fn open(settings: &Settings) -> Result<Arc<dyn Books>, Error> {
    match &settings.components.postgres {
        Some(url) => Ok(Arc::new(postgres::Postgres::connect(url).await?)),
        None => Ok(Arc::new(stand_in::StandIn::new(settings.seed, settings.error_share / 20.0))),
    }
}

pub(crate) use postgres::reach;

/// Tries a statement that was cancelled once more. It is told which attempt it is.
async fn retrying<'a, T>(mut attempt: impl FnMut(u32) -> Answer<'a, T>) -> Result<T, BooksError> {
    match attempt(1).await {
        Err(error @ BooksError::Cancelled { .. }) => {
            tripod::event!("retry", attempt = 2, reason = %error);
            tripod::warn!("{error}, trying once more");
            attempt(2).await
        }
        result => result,
    }
}
