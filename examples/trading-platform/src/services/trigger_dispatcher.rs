//! The trigger dispatcher: consumes signals, finds the pipelines that wait for them, and has each run unless it runs already.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use tokio::time::sleep;
use tripod::catalog::dispatch;
use tripod::catalog::job::Queue;
use tripod::{InSpanExt, SpanBuilder, SpanContext, traced};

use crate::books::{Books, BooksError};
use crate::broker::{Consumed, DELIVERY, Delivered, Progress, processing};
use crate::cache::{Cache, CacheError};
use crate::http::{CallError, Client, failure};
use crate::messages::{Decision, Execution, Pipeline, Signal, TriggerMode};
use crate::services::{Needs, Service};
use crate::{Error, Settings};

const REFRESH_EVERY: Duration = Duration::from_secs(10);
const RETRY_EVERY: Duration = Duration::from_secs(8);

/// A lock outlives its pipeline's run only when this service dies.
const LOCK_TTL: Duration = Duration::from_secs(30);

/// Skipped executions that are kept for another try.
const MAX_SKIPPED: usize = 16;

pub(crate) struct Dispatcher {
    backend: Client,
    books: Arc<dyn Books>,
    cache: Arc<dyn Cache>,
    progress: Progress,
    /// What the backend said last.
    pipelines: RwLock<Vec<Pipeline>>,
    skipped: Mutex<Vec<Skipped>>,
    /// How many that are.
    queue: Queue,
    metrics: dispatch::Dispatcher,
}

/// An execution whose pipeline was running, and the span that found that out.
struct Skipped {
    execution: Execution,
    by: SpanContext,
}

/// Why signals are not acted on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignalError {
    #[error("signal {id}: {price} is no price of {ticker}")]
    Price { id: String, ticker: String, price: f64 },
    #[error("the signals can't be kept")]
    Books(#[from] BooksError),
}

impl IntoResponse for SignalError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Price { .. } => StatusCode::BAD_REQUEST,
            Self::Books(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        failure(status, &self)
    }
}

pub(crate) async fn start(settings: &Settings, needs: &mut Needs<'_>) -> Result<Router, Error> {
    let dispatcher = Arc::new(Dispatcher {
        backend: settings.client(Service::TriggerDispatcher)?,
        books: needs.books().await?,
        cache: needs.cache().await?,
        progress: Progress::new(),
        pipelines: RwLock::default(),
        skipped: Mutex::default(),
        queue: Queue::new("skipped-executions"),
        metrics: dispatch::Dispatcher::new(),
    });
    // Counters that start at zero show their first increase, too.
    dispatcher.metrics.enqueued(0);
    dispatcher.metrics.skipped_running(0);
    dispatcher.queue.added(0);
    tokio::spawn(Arc::clone(&dispatcher).keep_cache_fresh());
    tokio::spawn(Arc::clone(&dispatcher).keep_retrying());
    #[cfg(feature = "kafka")]
    if let Some(servers) = &settings.components.kafka {
        crate::broker::consume(servers, Arc::clone(&dispatcher))?;
        return Ok(Router::new());
    }
    Ok(Router::new().route(DELIVERY, post(receive)).with_state(dispatcher))
}

async fn receive(
    State(dispatcher): State<Arc<Dispatcher>>,
    Json(Delivered { signals }): Json<Delivered>,
) -> Result<Json<Consumed>, SignalError> {
    let span = processing(&signals);
    let process = async {
        dispatcher.process(&signals).await.inspect_err(|error| tripod::current().record_error(error))?;
        Ok(Json(Consumed { offset: dispatcher.progress.consumed(&signals) }))
    };
    process.in_span(span).await
}

impl Dispatcher {
    /// Acts on signals that came together: on all, or on none.
    pub(crate) async fn process(self: &Arc<Self>, signals: &[Signal]) -> Result<(), SignalError> {
        if let Some(bad) = signals.iter().find(|signal| signal.price <= 0.0) {
            let Signal { id, ticker, price, .. } = bad.clone();
            return Err(SignalError::Price { id, ticker, price });
        }
        let _measured = self.metrics.batch(signals.len());
        self.books.signals(signals).await?;
        for signal in signals {
            let matched = self.matching(signal);
            for execution in matched {
                if let Err(error) = self.enqueue(execution).await {
                    tripod::current().record_error(&error);
                    tripod::error!("a pipeline is not started: {error}", signal.id = signal.id);
                }
            }
        }
        tripod::info!("batch consumed", signals = signals.len());
        Ok(())
    }

    /// Executions of the pipelines that wait for this signal.
    fn matching(&self, signal: &Signal) -> Vec<Execution> {
        let pipelines = self.pipelines.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = pipelines.iter().filter(|pipeline| pipeline.tickers.contains(&signal.ticker));
        let execution = |pipeline: &Pipeline| Execution {
            id: format!("{}-{}", signal.id, &pipeline.id[..8.min(pipeline.id.len())]),
            pipeline_id: pipeline.id.clone(),
            trigger_mode: TriggerMode::Signal,
            ticker: signal.ticker.clone(),
        };
        let matched: Vec<Execution> = waiting.map(execution).collect();
        self.metrics.matched(&signal.ticker, matched.len() as u64);
        tripod::event!("signal matched", signal.id = signal.id, ticker = signal.ticker, pipelines = matched.len());
        matched
    }

    /// Has a pipeline run, unless it does already. Does not wait for its end.
    async fn enqueue(self: &Arc<Self>, execution: Execution) -> Result<(), CacheError> {
        if !self.cache.claim(&lock_of(&execution), &execution.id, LOCK_TTL).await? {
            self.metrics.skipped_running(1);
            tripod::info!("pipeline is running, skipped for now", pipeline.id = execution.pipeline_id);
            self.skip(execution);
            return Ok(());
        }
        self.metrics.enqueued(1);
        let span = tripod::async_span!(
            "dispatch execution",
            execution.id = execution.id,
            pipeline.id = execution.pipeline_id,
            ticker = execution.ticker
        );
        let dispatcher = Arc::clone(self);
        tokio::spawn(async move { dispatcher.dispatch(&execution).await }.in_span(span));
        Ok(())
    }

    async fn dispatch(&self, execution: &Execution) {
        let path = format!("/api/v1/pipelines/{}/executions", execution.pipeline_id);
        let route = "/api/v1/pipelines/{pipeline_id}/executions";
        let result: Result<Decision, CallError> = self.backend.post(route, &path, execution).await;
        if let Err(error) = self.cache.delete(&lock_of(execution)).await {
            tripod::warn!("the lock stays until its time is over: {error}", pipeline.id = execution.pipeline_id);
        }
        match result {
            Ok(decision) => tripod::current().set_attribute("decision", &decision.action),
            Err(error) => {
                tripod::current().record_error(&error);
                tripod::error!("execution failed: {error}", execution.id = execution.id);
            }
        }
    }

    fn skip(&self, execution: Execution) {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let known = skipped.iter().any(|other| other.execution.pipeline_id == execution.pipeline_id);
        if !known && skipped.len() < MAX_SKIPPED {
            skipped.push(Skipped { execution, by: tripod::current().context() });
            self.queue.added(1);
        }
    }

    /// Tries skipped executions again, as a batch: a trace of its own, linked to the spans that skipped them.
    async fn keep_retrying(self: Arc<Self>) {
        loop {
            sleep(RETRY_EVERY).await;
            let skipped = std::mem::take(&mut *self.skipped.lock().unwrap_or_else(PoisonError::into_inner));
            if skipped.is_empty() {
                continue;
            }
            self.queue.taken(skipped.len() as u32);
            let span = skipped
                .iter()
                .fold(SpanBuilder::new("retry skipped executions").root(), |span, one| span.link(one.by))
                .start();
            let retry = async {
                for one in skipped {
                    if let Err(error) = self.enqueue(one.execution).await {
                        tripod::current().record_error(&error);
                        tripod::error!("a pipeline is not started: {error}");
                    }
                }
            };
            retry.in_span(span).await;
        }
    }

    async fn keep_cache_fresh(self: Arc<Self>) {
        loop {
            if let Err(error) = self.refresh_cache().await {
                tripod::warn!("the pipeline cache is stale: {error}");
            }
            sleep(REFRESH_EVERY).await;
        }
    }

    #[traced("refresh pipeline cache")]
    async fn refresh_cache(&self) -> Result<(), CallError> {
        let _measured = self.metrics.cache_refresh();
        let pipelines: Vec<Pipeline> = self.backend.get("/api/v1/pipelines").await?;
        let bytes = serde_json::to_vec(&pipelines).map_or(0, |json| json.len());
        self.metrics.cache_size(bytes as u64);
        tripod::info!("pipeline cache refreshed", pipelines = pipelines.len(), bytes);
        *self.pipelines.write().unwrap_or_else(PoisonError::into_inner) = pipelines;
        Ok(())
    }
}

fn lock_of(execution: &Execution) -> String {
    format!("running:{}", execution.pipeline_id)
}
