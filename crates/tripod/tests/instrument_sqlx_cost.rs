//! What observing a query on SQLite in memory costs beside the plain query: time and allocations.
//!
//! A file of its own, as it counts what the whole thread allocates.

#[path = "common/allocator.rs"]
mod allocator;

use std::future::Future;
use std::time::Instant;

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, Sqlite};
use tripod::instrument::sqlx::Pool;

const QUERY: &str = "SELECT id, name FROM users WHERE id = $1";

async fn plain() -> sqlx::Pool<Sqlite> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    (&pool)
        .execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'ada')")
        .await
        .unwrap();
    pool
}

/// Nanoseconds and allocations of one.
async fn measure<F: Future>(rounds: u32, mut one: impl FnMut() -> F) -> (f64, f64) {
    for _ in 0..rounds / 10 {
        one().await;
    }
    let (began, before) = (Instant::now(), allocator::allocations());
    for _ in 0..rounds {
        one().await;
    }
    let (took, allocated) = (began.elapsed(), allocator::allocations() - before);
    (took.as_nanos() as f64 / f64::from(rounds), allocated as f64 / f64::from(rounds))
}

/// Of the plain pool, of the observed one, and of the observed one while telemetry is off.
async fn compare(rounds: u32) -> [(f64, f64); 3] {
    let pool = plain().await;
    let observed = Pool::new(pool.clone());
    let fetch_plain = || async { sqlx::query(QUERY).bind(1_i64).fetch_all(&pool).await.unwrap() };
    let fetch = || async { sqlx::query(QUERY).bind(1_i64).fetch_all(&observed).await.unwrap() };
    let off = measure(rounds, fetch).await;
    let guard = tripod::init().exporter(tripod::MemoryExporter::with_limit(1)).self_metrics(false).start().unwrap();
    let results = [measure(rounds, fetch_plain).await, measure(rounds, fetch).await, off];
    drop(guard);
    results
}

#[tokio::test]
async fn an_observed_query_allocates_little_more_than_a_plain_one() {
    let [(_, plain), (_, observed), (_, off)] = compare(1_000).await;
    assert!(observed - plain <= 6.0, "{plain} and {observed}");
    assert!(off <= observed, "{off} and {observed}");
}

/// `cargo test --release -p tripod --all-features --test instrument_sqlx_cost -- --ignored --nocapture`
#[ignore = "measures: on demand, with --release"]
#[tokio::test]
async fn an_observed_query_takes_little_longer_than_a_plain_one() {
    for _ in 0..3 {
        for ((nanos, allocations), what) in
            compare(50_000).await.into_iter().zip(["plain", "observed", "telemetry off"])
        {
            println!("{what:<14} {nanos:>8.0} ns {allocations:>6.1} allocations a query");
        }
    }
}
