//! What a query returns, as a stream whose end is the query's end.
//!
//! A connection that comes from the pool is held for as long as its rows are read, which a stream can only do as the state of a future;
//! so all streams are futures that hand out what they have got, one item at a time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;
use pin_project_lite::pin_project;
use sqlx::{Database, Either, Error, Executor};

use super::execute::Query;
use super::failure::failure;
use crate::instrument::db::Operation;

/// What a query of several statements returns, step by step.
pub(super) type Step<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// What is done with the rows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// All are gathered before any is given: to stop is to cancel.
    Whole,
    /// They are given as they come: who has seen one may stop.
    Streaming,
    /// They don't matter.
    None,
}

/// Runs a query on a connection and hands out what it returns.
pub(super) async fn run<DB: Database>(
    connection: &mut DB::Connection,
    query: Query<DB>,
    mut operation: Operation,
    reading: Reading,
    out: Outlet<Step<DB>>,
) -> Result<(), Error>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let counts = reading != Reading::None;
    if counts {
        operation.add_rows(0);
    }
    // Dropped before the operation, as is right for what runs within it.
    let mut steps = connection.fetch_many(query);
    while let Some(step) = operation.within(steps.next()).await {
        match step {
            Ok(step) => {
                let row = step.is_right();
                if counts && row {
                    operation.add_rows(1);
                }
                operation.set_abandonable(row && reading == Reading::Streaming);
                out.give(step).await;
                operation.set_abandonable(false);
            }
            Err(error) => {
                operation.fail(&failure(&error));
                return Err(error);
            }
        }
    }
    operation.succeed();
    Ok(())
}

/// Where a future puts what its stream gives next.
pub(super) struct Outlet<T>(Arc<Mutex<Option<T>>>);

impl<T> Outlet<T> {
    async fn give(&self, item: T) {
        *lock(&self.0) = Some(item);
        // Until it is taken, which is at once: this future is asked again only for the next.
        let mut given = false;
        poll_fn(|_| if std::mem::replace(&mut given, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

fn lock<T>(slot: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

pin_project! {
    /// The stream of what a future gives.
    pub(super) struct Given<T, F> {
        slot: Arc<Mutex<Option<T>>>,
        #[pin]
        future: Option<F>,
    }
}

/// Makes a stream of a future.
pub(super) fn given<T, F>(make: impl FnOnce(Outlet<T>) -> F) -> Given<T, F>
where
    F: Future<Output = Result<(), Error>>,
{
    let slot = Arc::default();
    Given { future: Some(make(Outlet(Arc::clone(&slot)))), slot }
}

impl<T, F: Future<Output = Result<(), Error>>> Stream for Given<T, F> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let polled = future.poll(task);
        if let Some(item) = lock(this.slot).take() {
            return Poll::Ready(Some(Ok(item)));
        }
        let ended = ready!(polled);
        this.future.set(None);
        Poll::Ready(ended.err().map(Err))
    }
}
