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
use tripod::{Counter, Histogram, labels, traced};

use crate::Settings;
use crate::chance::Chance;
use crate::database::{Database, DatabaseError, Query};
use crate::http::{CallError, Client, failure};
use crate::market;
use crate::messages::{Decision, Execution, Pipeline, TriggerMode};
use crate::redis::Redis;

const PERIOD: Duration = Duration::from_secs(6);

/// A pipeline's definition is cached for so long.
const CACHE_TTL: Duration = Duration::from_secs(15);

const SELECT_PIPELINES: Query = Query {
    kind: "select",
    table: "pipelines",
    text: "SELECT id, name, config FROM pipelines WHERE active",
    millis: 9.0,
};
const SELECT_PIPELINE: Query = Query {
    kind: "select",
    table: "pipelines",
    text: "SELECT id, name, config FROM pipelines WHERE id = $1",
    millis: 3.0,
};
const INSERT_EXECUTION: Query = Query {
    kind: "insert",
    table: "pipeline_executions",
    text: "INSERT INTO pipeline_executions (id, pipeline_id, trigger_mode, status) VALUES ($1, $2, $3, 'running')",
    millis: 5.0,
};
const UPDATE_EXECUTION: Query = Query {
    kind: "update",
    table: "pipeline_executions",
    text: "UPDATE pipeline_executions SET status = $2, cost = $3, finished_at = now() WHERE id = $1",
    millis: 4.0,
};

struct Backend {
    seed: u64,
    worker: Client,
    database: Database,
    redis: Redis,
    executions: Counter,
    duration: Histogram,
}

/// Why a pipeline's execution failed.
#[derive(Debug, thiserror::Error)]
enum ExecutionError {
    #[error("there is no pipeline {id}")]
    UnknownPipeline { id: String },
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    #[error("the pipeline failed")]
    Worker(#[from] CallError),
}

impl IntoResponse for ExecutionError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownPipeline { .. } => StatusCode::NOT_FOUND,
            Self::Database(_) | Self::Worker(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        failure(status, &self)
    }
}

pub(crate) fn start(settings: &Settings, worker: Client) -> Router {
    let backend = Arc::new(Backend {
        seed: settings.seed,
        worker,
        database: Database::connect(settings.error_share / 20.0),
        redis: Redis::connect(),
        executions: tripod::counter("pipeline_executions_total").description("Pipelines executed").build(),
        duration: tripod::histogram("pipeline_execution_duration_seconds")
            .unit("s")
            .description("How long a pipeline's execution takes")
            .build(),
    });
    tokio::spawn(Arc::clone(&backend).keep_running_periodic());
    Router::new()
        .route("/api/v1/pipelines", get(list))
        .route("/api/v1/pipelines/{pipeline_id}/executions", post(execute))
        .with_state(backend)
}

async fn list(State(backend): State<Arc<Backend>>) -> Result<Json<Vec<Pipeline>>, ExecutionError> {
    let mut chance = Chance::new();
    backend.database.execute_retrying(SELECT_PIPELINES, &mut chance).await?;
    Ok(Json(market::pipelines()))
}

async fn execute(
    State(backend): State<Arc<Backend>>,
    Path(pipeline_id): Path<String>,
    Json(execution): Json<Execution>,
) -> Result<Json<Decision>, ExecutionError> {
    let execution = Execution { pipeline_id, ..execution };
    let mut chance = Chance::about(backend.seed, &format!("execution {}", execution.id));
    backend.load(&execution.pipeline_id, &mut chance).await?;
    backend.execute(&execution, &mut chance).await.map(Json)
}

impl Backend {
    /// A pipeline's definition: from the cache, or else from the database.
    async fn load(&self, id: &str, chance: &mut Chance) -> Result<(), ExecutionError> {
        let key = format!("pipeline:{id}");
        if self.redis.get(&key, chance).await.is_some() {
            return Ok(());
        }
        tripod::event!("cache miss", key);
        self.database.execute_retrying(SELECT_PIPELINE, chance).await?;
        let known = market::pipelines().into_iter().find(|pipeline| pipeline.id == id);
        let pipeline = known.ok_or_else(|| ExecutionError::UnknownPipeline { id: id.to_owned() })?;
        self.redis.set(&key, pipeline.name, CACHE_TTL, chance).await;
        Ok(())
    }

    #[traced(name = "execute pipeline", fields(
        pipeline.id = execution.pipeline_id,
        execution.id = execution.id,
        trigger_mode = execution.trigger_mode.as_str()
    ))]
    async fn execute(&self, execution: &Execution, chance: &mut Chance) -> Result<Decision, ExecutionError> {
        let started = Instant::now();
        let result = self.run(execution, chance).await;
        let took = started.elapsed();
        let status = if result.is_ok() { "success" } else { "failed" };
        let pipeline_id = &execution.pipeline_id;
        let trigger_mode = execution.trigger_mode.as_str();
        self.executions.inc(labels!(status, pipeline_id, trigger_mode));
        self.duration.record(took.as_secs_f64(), labels!(status, pipeline_id));
        tripod::info!("pipeline executed: {status}", pipeline_id, trigger_mode, duration_ms = took.as_millis() as u64);
        result
    }

    async fn run(&self, execution: &Execution, chance: &mut Chance) -> Result<Decision, ExecutionError> {
        self.database.execute_retrying(INSERT_EXECUTION, chance).await?;
        let decision = self.worker.post("/api/v1/tasks", "/api/v1/tasks", execution).await;
        self.database.execute_retrying(UPDATE_EXECUTION, chance).await?;
        Ok(decision?)
    }

    async fn keep_running_periodic(self: Arc<Self>) {
        let periodic: Vec<Pipeline> = market::pipelines().into_iter().filter(|p| p.tickers.is_empty()).collect();
        for (round, pipeline) in periodic.iter().cycle().enumerate() {
            sleep(PERIOD).await;
            let execution = Execution {
                id: format!("periodic-{round:06}"),
                pipeline_id: pipeline.id.clone(),
                trigger_mode: TriggerMode::Periodic,
                ticker: "portfolio".to_owned(),
            };
            let mut chance = Chance::about(self.seed, &execution.id);
            if let Err(error) = self.execute(&execution, &mut chance).await {
                tripod::error!("periodic pipeline failed: {error}", pipeline_id = pipeline.id);
            }
        }
    }
}
