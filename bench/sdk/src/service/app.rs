//! The service: two routes, JSON, two steps of work, written once for all kinds of telemetry.

use std::hint::black_box;

use axum::extract::{Path, Request};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

/// Iterations of a step: some 15 µs.
const STEP: u64 = 12_000;

/// What a handler tells of itself.
pub trait Telemetry: 'static {
    /// Runs `work` in a span within the request's.
    fn child(order: u64, work: impl FnOnce() -> f64) -> f64;

    /// Writes a log line within the request's span.
    fn priced(order: u64, items: u32, total: f64);
}

/// None.
pub struct Bare;

impl Telemetry for Bare {
    fn child(_: u64, work: impl FnOnce() -> f64) -> f64 {
        work()
    }

    fn priced(_: u64, _: u32, _: f64) {}
}

#[derive(Serialize, Deserialize)]
struct NewOrder {
    customer: String,
    items: u32,
}

#[derive(Serialize)]
struct Order {
    id: u64,
    customer: String,
    items: u32,
    total: f64,
}

pub fn router<T: Telemetry>() -> Router {
    Router::new().route("/orders/{id}", get(get_order::<T>)).route("/orders", post(post_order::<T>))
}

async fn get_order<T: Telemetry>(Path(id): Path<u64>) -> Json<Order> {
    let items = 1 + (step(id) * 8.0) as u32;
    Json(priced::<T>(id, "ada".to_owned(), items))
}

async fn post_order<T: Telemetry>(Json(new): Json<NewOrder>) -> Json<Order> {
    let id = (step(new.items.into()) * 1e6) as u64;
    Json(priced::<T>(id, new.customer, new.items))
}

fn priced<T: Telemetry>(id: u64, customer: String, items: u32) -> Order {
    let total = T::child(id, || step(id) * f64::from(items));
    T::priced(id, items, total);
    Order { id, customer, items, total }
}

/// A header's text.
pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Work that takes its time; the result is in 0..1.
fn step(seed: u64) -> f64 {
    let mut state = seed | 1;
    for _ in 0..STEP {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state = black_box(state);
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}
