//! The query APIs, and those of the operator: one file an API, and what they share.
//!
//! A query runs on a thread of its own, at most [`QUERIES_AT_ONCE`] of them at a time, and is answered with an error when it takes
//! longer than the timeout; it keeps its place until it really ends, so that slow queries can't pile up.

mod attributes;
mod completion;
mod correlate;
#[cfg(feature = "parquet")]
mod export;
mod incomplete;
pub(crate) mod jaeger;
mod jaeger_json;
mod jaeger_metrics;
mod jaeger_v3;
pub(crate) mod logql;
pub(crate) mod logs;
mod loki;
mod otlp_traces;
pub(crate) mod overview;
mod params;
pub(crate) mod prometheus;
mod prometheus_json;
mod selectors;
mod snapshot;
pub(crate) mod status;
mod store_status;
pub(crate) mod targets;
mod tempo;
mod tempo_json;
pub(crate) mod time;
mod trace_summaries;
pub(crate) mod traceql;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tripod_promql::{Engine, Limits};
use tripod_store::{Store, StoreError};

use self::targets::Scraped;
use crate::own_metrics::{Api, OwnMetrics};
use crate::receive::in_flight::InFlight;
use crate::receive::pushgateway::{self, Pushed};
use crate::receive::{Ingest, loki as loki_push, remote_write, zipkin};
use crate::{Addresses, compression, ui};

/// Queries that run at the same time.
const QUERIES_AT_ONCE: usize = 8;

/// Exports that run at the same time; they take no place of a query.
#[cfg(feature = "parquet")]
const EXPORTS_AT_ONCE: usize = 2;

/// What the APIs answer from.
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) own: Arc<OwnMetrics>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) addresses: Addresses,
    pub(crate) started: Instant,
    /// Becomes true when the server stops: for what would go on for long.
    stop: watch::Receiver<bool>,
    engine: Engine,
    timeout: Duration,
    places: Arc<Semaphore>,
    #[cfg(feature = "parquet")]
    exports: Arc<Semaphore>,
    /// Where snapshots are made, and the turn to make one.
    snapshots: PathBuf,
    snapshot: Arc<Semaphore>,
}

impl Context {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        own: Arc<OwnMetrics>,
        in_flight: Arc<InFlight>,
        addresses: Addresses,
        timeout: Duration,
        snapshots: PathBuf,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let engine = Engine { limits: Limits { timeout, ..Limits::default() }, ..Engine::default() };
        let places = Arc::new(Semaphore::new(QUERIES_AT_ONCE));
        let snapshot = Arc::new(Semaphore::new(1));
        let started = Instant::now();
        Arc::new(Self {
            store,
            own,
            in_flight,
            addresses,
            started,
            stop,
            engine,
            timeout,
            places,
            #[cfg(feature = "parquet")]
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            snapshots,
            snapshot,
        })
    }

    /// Runs a query on a thread of its own, within the limits.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        api: Api,
        query: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let context = Arc::clone(self);
        let work = async {
            let place = Arc::clone(&context.places).acquire_owned().await;
            let context = Arc::clone(&context);
            let work = move || {
                let _place = place;
                query(&context)
            };
            tokio::task::spawn_blocking(work).await
        };
        let result = match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::Internal("the query could not be worked on".to_owned())),
            Err(_) => Err(Failure::Timeout(format!("the query took longer than {:?}: ask for less", self.timeout))),
        };
        self.own.count_query(api, started.elapsed(), result.is_err());
        result
    }
}

/// Why a query has no answer; each API has its own shape for it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    /// The request is not right.
    Bad(String),
    /// What was asked for is not there.
    NotFound(String),
    /// The request is right, but the data can't be combined like that, or a limit was reached.
    Unprocessable(String),
    /// It took too long.
    Timeout(String),
    /// A fault of ours.
    Internal(String),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Timeout(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Bad(reason)
            | Self::NotFound(reason)
            | Self::Unprocessable(reason)
            | Self::Timeout(reason)
            | Self::Internal(reason) => reason,
        }
    }

    /// In the shape of our own APIs.
    fn ours(&self) -> Response {
        json_response(self.status(), &json!({ "error": self.reason() }))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Query(reason) => Self::Bad(reason),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// An answer of our own APIs.
fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(failure) => failure.ours(),
    }
}

fn json_response(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_bytes(status, bytes),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}

/// The APIs, the receivers that share their address and, for every other path, the web page.
pub(crate) fn router(context: Arc<Context>, ingest: Arc<Ingest>, scraped: Scraped, pushed: Arc<Pushed>) -> Router {
    let router = Router::new();
    #[cfg(feature = "parquet")]
    let router = router.merge(export::routes());
    router
        .merge(jaeger::routes())
        .merge(jaeger_v3::routes())
        .merge(jaeger_metrics::routes())
        .merge(tempo::routes())
        .merge(prometheus::routes())
        .merge(trace_summaries::routes())
        .merge(logs::routes())
        .merge(loki::routes())
        .merge(overview::routes())
        .merge(completion::routes())
        .merge(correlate::routes())
        .merge(status::routes())
        .merge(store_status::routes())
        .merge(snapshot::routes())
        .route("/api/{*path}", axum::routing::any(unknown))
        .route("/v1/{*path}", axum::routing::any(wrong_address))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&context), incomplete::tell))
        .layer(axum::middleware::from_fn(compression::compress))
        .fallback(ui::serve)
        .with_state(context)
        .merge(remote_write::router(Arc::clone(&ingest)))
        .merge(loki_push::router(Arc::clone(&ingest)))
        .merge(zipkin::routes(ingest))
        .merge(targets::router(scraped))
        .merge(pushgateway::router(pushed))
}

async fn unknown(uri: Uri) -> Response {
    Failure::NotFound(format!("there is no API at {}", uri.path())).ours()
}

/// OTLP that was sent to the address of the web page: a frequent mistake.
async fn wrong_address(axum::extract::State(context): axum::extract::State<Arc<Context>>) -> Response {
    let otlp = context.addresses.otlp_http;
    Failure::NotFound(format!("this is the address of the web page; OTLP over HTTP goes to {otlp}")).ours()
}
