//! The query APIs, and those of the operator: one file an API, and what they share.
//!
//! A query runs on a thread of its own, a bounded number of them at a time. When it takes longer than the timeout it is answered with
//! an error, and when its client goes away with nothing; in both cases it is told to end, and keeps its place until it has, so that
//! slow queries can't pile up.

mod alert_history;
mod alertmanager;
mod attributes;
mod completion;
mod correlate;
mod dashboards;
#[cfg(feature = "parquet")]
mod export;
mod federate;
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
mod own_rules;
mod params;
pub(crate) mod prometheus;
mod prometheus_json;
mod prometheus_series;
mod prometheus_status;
mod remote_read;
mod rule_preview;
mod rules;
pub(crate) mod selectors;
mod snapshot;
pub(crate) mod status;
mod store_status;
pub(crate) mod targets;
mod tempo;
mod tempo_json;
pub(crate) mod time;
mod trace_columns;
mod trace_summaries;
pub(crate) mod traceql;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tripod_promql::{Cancel, Engine};
use tripod_store::{Store, StoreError, interruptible};

use self::targets::Scraped;
use crate::dashboards::library::Library;
use crate::own_metrics::{Api, OwnMetrics};
use crate::receive::in_flight::InFlight;
use crate::receive::pushgateway::{self, Pushed};
use crate::receive::{Ingest, loki as loki_push, remote_write, zipkin};
use crate::rules::Rules;
use crate::{Addresses, Config, ServerError, compression, ui};

/// Exports that run at the same time; they take no place of a query.
#[cfg(feature = "parquet")]
const EXPORTS_AT_ONCE: usize = 2;

/// Reads settings again that can change while the server runs.
pub(crate) type Reload = Arc<dyn Fn() -> Result<(), ServerError> + Send + Sync>;

/// What the APIs answer from.
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) own: Arc<OwnMetrics>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) addresses: Addresses,
    pub(crate) started: Instant,
    /// Becomes true when the server stops: for what would go on for long.
    stop: watch::Receiver<bool>,
    /// What was set at start, by the names of the flags.
    settings: Vec<(&'static str, String)>,
    /// Reads Prometheus' configuration again, where that may be asked for over HTTP.
    reload: Option<Reload>,
    engine: Engine,
    timeout: Duration,
    places: Arc<Semaphore>,
    #[cfg(feature = "parquet")]
    exports: Arc<Semaphore>,
    /// Where snapshots are made, and the turn to make one.
    snapshots: PathBuf,
    snapshot: Arc<Semaphore>,
    tails: logs::Tails,
    pub(crate) rules: Arc<Rules>,
    dashboards: Arc<Library>,
}

impl Context {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        ingest: &Ingest,
        addresses: Addresses,
        config: &Config,
        reload: Option<Reload>,
        stop: watch::Receiver<bool>,
        rules: Arc<Rules>,
    ) -> Arc<Self> {
        let engine = rules.engine.clone();
        let timeout = engine.limits.timeout;
        let places = Arc::new(Semaphore::new(config.max_queries));
        let snapshot = Arc::new(Semaphore::new(1));
        let started = Instant::now();
        Arc::new(Self {
            store,
            own: Arc::clone(&ingest.own),
            in_flight: Arc::clone(&ingest.in_flight),
            addresses,
            started,
            stop,
            settings: config.settings(),
            reload,
            engine,
            timeout,
            places,
            #[cfg(feature = "parquet")]
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            snapshots: config.data.join("snapshots"),
            snapshot,
            tails: logs::Tails::default(),
            rules,
            dashboards: Arc::new(Library::new(&config.data, config.dashboards.clone())),
        })
    }

    /// Runs a query on a thread of its own, within the limits.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        api: Api,
        query: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.run_cancellable(api, |context, _| query(context)).await
    }

    /// The same, for a query that looks whether it is to end.
    async fn run_cancellable<T: Send + 'static>(
        self: &Arc<Self>,
        api: Api,
        query: impl FnOnce(&Self, &Cancel) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let ends = EndsWithUs::default();
        let EndsWithUs { cancel, reads } = &ends;
        let (cancel, reads) = (cancel.clone(), Arc::clone(reads));
        let context = Arc::clone(self);
        let work = async {
            let place = Arc::clone(&context.places).acquire_owned().await;
            let context = Arc::clone(&context);
            let work = move || {
                let _place = place;
                if cancel.is_cancelled() {
                    return Err(Failure::Cancelled);
                }
                interruptible(&reads, || query(&context, &cancel))
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

    /// Runs what writes to a file on a thread of its own. It goes on to its end, whether somebody waits for it or not.
    async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let context = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&context)).await;
        done.unwrap_or_else(|_| Err(Failure::Internal("the change could not be made".to_owned())))
    }
}

/// Tells a query to end when nobody waits for its answer any more.
#[derive(Default)]
struct EndsWithUs {
    /// Tells the engine of PromQL.
    cancel: Cancel,
    /// Tells the store, for all.
    reads: Arc<AtomicBool>,
}

impl Drop for EndsWithUs {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.reads.store(true, Ordering::Relaxed);
    }
}

/// Why a query has no answer; each API has its own shape for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request is not right.
    Bad(String),
    /// What was asked for is not there.
    NotFound(String),
    /// The request is right, but the data can't be combined like that, or a limit was reached.
    Unprocessable(String),
    /// It took too long.
    Timeout(String),
    /// Its client went away.
    Cancelled,
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
            Self::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
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
            Self::Cancelled => "the query was cancelled: its client went away",
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
            StoreError::Interrupted => Self::Cancelled,
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
        .merge(prometheus_series::routes())
        .merge(prometheus_status::routes())
        .merge(federate::routes())
        .merge(remote_read::routes())
        .merge(rules::routes())
        .merge(alertmanager::routes())
        .merge(alert_history::routes())
        .merge(rule_preview::routes())
        .merge(own_rules::routes())
        .merge(trace_columns::routes())
        .merge(trace_summaries::routes())
        .merge(logs::routes())
        .merge(loki::routes())
        .merge(overview::routes())
        .merge(completion::routes())
        .merge(correlate::routes())
        .merge(dashboards::routes())
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
