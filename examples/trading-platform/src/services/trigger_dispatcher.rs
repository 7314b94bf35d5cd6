//! The trigger dispatcher: consumes signals, finds the pipelines that wait for them, and has each run unless it runs already.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use tokio::time::sleep;
use tripod::{Counter, Gauge, Histogram, InSpanExt, SpanBuilder, SpanContext, labels, traced};

use crate::Settings;
use crate::chance::Chance;
use crate::http::{CallError, Client, failure};
use crate::kafka::{Consumer, DELIVERY, processing};
use crate::messages::{Consumed, Decision, Execution, Pipeline, Signal, SignalBatch, TriggerMode};
use crate::redis::Redis;

const REFRESH_EVERY: Duration = Duration::from_secs(10);
const RETRY_EVERY: Duration = Duration::from_secs(8);

/// A lock outlives its pipeline's run only when this service dies.
const LOCK_TTL: Duration = Duration::from_secs(30);

/// Skipped executions that are kept for another try.
const MAX_SKIPPED: usize = 16;

struct Dispatcher {
    seed: u64,
    backend: Client,
    redis: Redis,
    consumer: Consumer,
    /// What the backend said last.
    pipelines: RwLock<Vec<Pipeline>>,
    skipped: Mutex<Vec<Skipped>>,
    metrics: Metrics,
}

/// An execution whose pipeline was running, and the span that found that out.
struct Skipped {
    execution: Execution,
    by: SpanContext,
}

/// A batch that is refused.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error("signal {id}: {price} is no price of {ticker}")]
    Price { id: String, ticker: String, price: f64 },
}

impl IntoResponse for BatchError {
    fn into_response(self) -> Response {
        failure(StatusCode::BAD_REQUEST, &self)
    }
}

pub(crate) fn start(settings: &Settings, backend: Client) -> Router {
    let dispatcher = Arc::new(Dispatcher {
        seed: settings.seed,
        backend,
        redis: Redis::connect(),
        consumer: Consumer::new(),
        pipelines: RwLock::default(),
        skipped: Mutex::default(),
        metrics: Metrics::new(),
    });
    tokio::spawn(Arc::clone(&dispatcher).keep_cache_fresh());
    tokio::spawn(Arc::clone(&dispatcher).keep_retrying());
    Router::new().route(DELIVERY, post(receive)).with_state(dispatcher)
}

async fn receive(
    State(dispatcher): State<Arc<Dispatcher>>,
    Json(batch): Json<SignalBatch>,
) -> Result<Json<Consumed>, BatchError> {
    if let Some(bad) = batch.signals.iter().find(|signal| signal.price <= 0.0) {
        let Signal { id, ticker, price, .. } = bad.clone();
        return Err(BatchError::Price { id, ticker, price });
    }
    let span = processing(&batch);
    let offset = dispatcher.process(&batch.signals).in_span(span).await;
    Ok(Json(Consumed { offset }))
}

impl Dispatcher {
    async fn process(self: &Arc<Self>, signals: &[Signal]) -> u64 {
        let started = Instant::now();
        let offset = self.consumer.consumed(signals);
        self.metrics.consumed.add(signals.len() as u64, &[]);
        self.metrics.batch_size.record(signals.len() as f64, &[]);
        for signal in signals {
            let matched = self.matching(signal);
            for execution in matched {
                self.enqueue(execution).await;
            }
        }
        self.metrics.batch_duration.record(started.elapsed().as_secs_f64(), &[]);
        tripod::info!("batch consumed", signals = signals.len(), offset);
        offset
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
        self.metrics.matched.add(matched.len() as u64, labels!(ticker = signal.ticker));
        tripod::event!("signal matched", signal.id = signal.id, ticker = signal.ticker, pipelines = matched.len());
        matched
    }

    /// Has a pipeline run, unless it does already. Does not wait for its end.
    async fn enqueue(self: &Arc<Self>, execution: Execution) {
        let mut chance = Chance::about(self.seed, &execution.id);
        let lock = lock_of(&execution);
        if self.redis.get(&lock, &mut chance).await.is_some() {
            self.metrics.enqueued.inc(labels!(status = "skipped"));
            self.metrics.skipped_running.inc(&[]);
            tripod::info!("pipeline is running, skipped for now", pipeline.id = execution.pipeline_id);
            self.skip(execution);
            return;
        }
        self.redis.set(&lock, execution.id.clone(), LOCK_TTL, &mut chance).await;
        self.metrics.enqueued.inc(labels!(status = "enqueued"));
        let span = tripod::async_span!(
            "dispatch execution",
            execution.id = execution.id,
            pipeline.id = execution.pipeline_id,
            ticker = execution.ticker
        );
        let dispatcher = Arc::clone(self);
        tokio::spawn(async move { dispatcher.dispatch(&execution, &mut chance).await }.in_span(span));
    }

    async fn dispatch(&self, execution: &Execution, chance: &mut Chance) {
        let path = format!("/api/v1/pipelines/{}/executions", execution.pipeline_id);
        let route = "/api/v1/pipelines/{pipeline_id}/executions";
        let result: Result<Decision, CallError> = self.backend.post(route, &path, execution).await;
        self.redis.del(&lock_of(execution), chance).await;
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
            let span = skipped
                .iter()
                .fold(SpanBuilder::new("retry skipped executions").root(), |span, one| span.link(one.by))
                .start();
            let retry = async {
                for one in skipped {
                    self.enqueue(one.execution).await;
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
        let started = Instant::now();
        let pipelines: Vec<Pipeline> = self.backend.get("/api/v1/pipelines").await?;
        let bytes = serde_json::to_vec(&pipelines).map_or(0, |json| json.len());
        self.metrics.cache_size.set(bytes as f64, &[]);
        self.metrics.cache_refresh.record(started.elapsed().as_secs_f64(), &[]);
        tripod::info!("pipeline cache refreshed", pipelines = pipelines.len(), bytes);
        *self.pipelines.write().unwrap_or_else(PoisonError::into_inner) = pipelines;
        Ok(())
    }
}

fn lock_of(execution: &Execution) -> String {
    format!("running:{}", execution.pipeline_id)
}

struct Metrics {
    consumed: Counter,
    batch_size: Histogram,
    batch_duration: Histogram,
    matched: Counter,
    enqueued: Counter,
    skipped_running: Counter,
    cache_size: Gauge,
    cache_refresh: Histogram,
}

impl Metrics {
    fn new() -> Self {
        let metrics = Self {
            consumed: tripod::counter("signals_consumed_total").description("Signals consumed").build(),
            batch_size: tripod::histogram("batch_size")
                .description("Signals in a batch")
                .buckets(&[1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0])
                .build(),
            batch_duration: tripod::histogram("batch_processing_duration_seconds")
                .unit("s")
                .description("How long a batch takes, until its pipelines are enqueued")
                .build(),
            matched: tripod::counter("pipelines_matched_total").description("Pipelines that wait for a signal").build(),
            enqueued: tripod::counter("pipelines_enqueued_total")
                .description("Pipelines enqueued, or skipped because they run already")
                .build(),
            skipped_running: tripod::counter("pipelines_skipped_running_total")
                .description("Pipelines skipped because they run already")
                .build(),
            cache_size: tripod::gauge("cache_size_bytes")
                .unit("By")
                .description("Size of the cached pipelines")
                .build(),
            cache_refresh: tripod::histogram("cache_refresh_duration_seconds")
                .unit("s")
                .description("How long it takes to fetch the pipelines")
                .build(),
        };
        // Counters that start at zero show their first increase, too.
        metrics.consumed.add(0, &[]);
        metrics.skipped_running.add(0, &[]);
        metrics.enqueued.add(0, labels!(status = "enqueued"));
        metrics.enqueued.add(0, labels!(status = "skipped"));
        metrics
    }
}
