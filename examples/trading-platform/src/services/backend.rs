//! The backend: keeps the books on pipelines and their executions, and has the worker run them. Some run periodically; those it
//! starts itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::time::sleep;
use tripod::catalog::execution;
use tripod::traced;

use crate::books::{Books, BooksError};
use crate::cache::Cache;
use crate::http::{CallError, Client, failure};
use crate::messages::{Decision, Execution, Pipeline, TriggerMode};
use crate::services::{Needs, Service};
use crate::{Error, Settings};

const PERIOD: Duration = Duration::from_secs(6);

/// A pipeline's definition is cached for so long.
const CACHE_TTL: Duration = Duration::from_secs(15);

struct Backend {
    worker: Client,
    books: Arc<dyn Books>,
    cache: Arc<dyn Cache>,
}

/// Why a pipeline's execution failed.
#[derive(Debug, thiserror::Error)]
enum ExecutionError {
    #[error("there is no pipeline {id}")]
    UnknownPipeline { id: String },
    #[error("the books failed")]
    Books(#[from] BooksError),
    #[error("the pipeline failed")]
    Worker(#[from] CallError),
}

impl IntoResponse for ExecutionError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownPipeline { .. } => StatusCode::NOT_FOUND,
            Self::Books(_) | Self::Worker(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        failure(status, &self)
    }
}

pub(crate) async fn start(settings: &Settings, needs: &mut Needs<'_>) -> Result<Router, Error> {
    let worker = settings.client(Service::Backend)?;
    let backend = Arc::new(Backend { worker, books: needs.books().await?, cache: needs.cache().await? });
    tokio::spawn(Arc::clone(&backend).keep_running_periodic());
    Ok(Router::new()
        .route("/api/v1/pipelines", get(list))
        .route("/api/v1/pipelines/{pipeline_id}/executions", post(execute))
        .with_state(backend))
}

async fn list(State(backend): State<Arc<Backend>>) -> Result<Json<Vec<Pipeline>>, ExecutionError> {
    Ok(Json(backend.books.pipelines().await?))
}

async fn execute(
    State(backend): State<Arc<Backend>>,
    Path(pipeline_id): Path<String>,
    Json(execution): Json<Execution>,
) -> Result<Json<Decision>, ExecutionError> {
    let execution = Execution { pipeline_id, ..execution };
    backend.load(&execution.pipeline_id).await?;
    backend.execute(&execution).await.map(Json)
}

impl Backend {
    /// A pipeline's definition: from the cache, or else from the books.
    async fn load(&self, id: &str) -> Result<(), ExecutionError> {
        let key = format!("pipeline:{id}");
        match self.cache.get(&key).await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => tripod::event!("cache miss", key),
            Err(error) => tripod::warn!("the books are asked instead: {error}"),
        }
        let pipeline = self.books.pipeline(id).await?;
        let pipeline = pipeline.ok_or_else(|| ExecutionError::UnknownPipeline { id: id.to_owned() })?;
        if let Err(error) = self.cache.set(&key, &pipeline.name, CACHE_TTL).await {
            tripod::warn!("the pipeline is not cached: {error}");
        }
        Ok(())
    }

    #[traced(name = "execute pipeline", fields(
        pipeline.id = execution.pipeline_id,
        execution.id = execution.id,
        trigger_mode = execution.trigger_mode.as_str()
    ))]
    async fn execute(&self, execution: &Execution) -> Result<Decision, ExecutionError> {
        let started = Instant::now();
        let (pipeline_id, trigger_mode) = (&*execution.pipeline_id, execution.trigger_mode.as_str());
        let metrics = execution::Pipeline::new(pipeline_id);
        let measured = metrics.execute(trigger_mode);
        let result = self.run(execution).await;
        let status = status_of(&result);
        if let Ok(decision) = &result {
            measured.cost(decision.cost_dollars);
            measured.success();
        } else {
            measured.failed();
        }
        let duration_ms = started.elapsed().as_millis() as u64;
        tripod::info!("pipeline executed: {status}", pipeline_id, trigger_mode, duration_ms);
        result
    }

    async fn run(&self, execution: &Execution) -> Result<Decision, ExecutionError> {
        self.books.begin(execution).await?;
        let decision: Result<Decision, _> = self.worker.post("/api/v1/tasks", "/api/v1/tasks", execution).await;
        let cost = decision.as_ref().map_or(0.0, |decision| decision.cost_dollars);
        self.books.end(execution, status_of(&decision), cost).await?;
        Ok(decision?)
    }

    async fn keep_running_periodic(self: Arc<Self>) {
        for round in 0_u64.. {
            sleep(PERIOD).await;
            if let Err(error) = self.run_periodic(round).await {
                tripod::error!("periodic pipeline failed: {error}");
            }
        }
    }

    /// Runs one of the pipelines that wait for no signal, each in its turn.
    #[traced("run periodic pipeline")]
    async fn run_periodic(&self, round: u64) -> Result<(), ExecutionError> {
        let mut periodic = self.books.pipelines().await?;
        periodic.retain(|pipeline| pipeline.tickers.is_empty());
        let Some(pipeline) = periodic.get(round as usize % periodic.len().max(1)) else { return Ok(()) };
        let execution = Execution {
            id: format!("periodic-{round:06}"),
            pipeline_id: pipeline.id.clone(),
            trigger_mode: TriggerMode::Periodic,
            ticker: "portfolio".to_owned(),
        };
        self.execute(&execution).await.map(drop)
    }
}

fn status_of<T, E>(result: &Result<T, E>) -> &'static str {
    if result.is_ok() { "success" } else { "failed" }
}
