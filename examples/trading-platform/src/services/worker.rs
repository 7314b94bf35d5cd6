//! The worker: runs a pipeline's agents one after the other; some of them ask a language model.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use tokio::time::sleep;
use tripod::{InSpanExt, SpanBuilder, SpanKind, catalog};

use crate::books::{Books, BooksError};
use crate::chance::Chance;
use crate::http::failure;
use crate::market::SLOW_PIPELINE;
use crate::messages::{Decision, Execution, Trade};
use crate::services::Needs;
use crate::{Error, Settings};

/// A step of a pipeline.
struct Agent {
    name: &'static str,
    /// How long its own work typically takes, in milliseconds.
    millis: f64,
    /// The language model it asks, and how long that typically takes, in milliseconds.
    model: Option<(&'static str, f64)>,
}

const AGENTS: [Agent; 4] = [
    Agent { name: "market-data", millis: 12.0, model: None },
    Agent { name: "technical-analysis", millis: 25.0, model: None },
    Agent { name: "strategy", millis: 5.0, model: Some(("analyst-large", 130.0)) },
    Agent { name: "risk-manager", millis: 8.0, model: Some(("analyst-small", 45.0)) },
];

/// One pipeline's model is throttled for so long, so often; for the first time after the delay.
const THROTTLE: Duration = Duration::from_secs(20);
const THROTTLE_EVERY: Duration = Duration::from_secs(120);
const THROTTLE_DELAY: Duration = Duration::from_secs(30);
const THROTTLE_FACTOR: f64 = 14.0;

const DOLLARS_PER_TOKEN: f64 = 0.000_002;

struct Worker {
    seed: u64,
    error_share: f64,
    books: Arc<dyn Books>,
    started: Instant,
}

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
enum TaskError {
    #[error("agent {agent} failed")]
    Agent { agent: &'static str, source: ModelError },
    #[error("the trade could not be written")]
    Trade(#[source] BooksError),
    #[error("positions could not be read")]
    Positions(#[source] BooksError),
}

/// Why a language model gave no usable answer.
#[derive(Debug, thiserror::Error)]
enum ModelError {
    #[error("model {model} is overloaded")]
    Overloaded { model: &'static str, source: ProviderError },
    #[error("the answer of model {model} is not what was asked for")]
    Answer { model: &'static str, source: serde_json::Error },
}

/// What the model's provider said.
#[derive(Debug, thiserror::Error)]
#[error("HTTP 529 after {attempts} attempts: overloaded_error")]
struct ProviderError {
    attempts: u32,
}

impl IntoResponse for TaskError {
    fn into_response(self) -> Response {
        failure(StatusCode::INTERNAL_SERVER_ERROR, &self)
    }
}

pub(crate) async fn start(settings: &Settings, needs: &mut Needs<'_>) -> Result<Router, Error> {
    let worker = Arc::new(Worker {
        seed: settings.seed,
        error_share: settings.error_share,
        books: needs.books().await?,
        started: Instant::now(),
    });
    Ok(Router::new().route("/api/v1/tasks", post(task)).with_state(worker))
}

async fn task(
    State(worker): State<Arc<Worker>>,
    Json(execution): Json<Execution>,
) -> Result<Json<Decision>, TaskError> {
    worker.run(&execution).await.map(Json)
}

impl Worker {
    async fn run(&self, execution: &Execution) -> Result<Decision, TaskError> {
        let mut chance = Chance::about(self.seed, &format!("task {}", execution.id));
        // At most one of the agents that ask a model fails.
        let failing = chance.happens(self.error_share).then(|| *chance.pick(&["strategy", "risk-manager"]));
        let positions = self.books.positions(execution).await.map_err(TaskError::Positions)?;
        let held = positions.iter().find(|position| position.ticker == execution.ticker);
        let mut tokens = 0;
        for agent in &AGENTS {
            let fails = failing == Some(agent.name);
            tokens += self.invoke(agent, execution, fails, &mut chance).await?;
        }
        let action = *chance.pick(&["buy", "hold", "sell"]);
        if action == "hold" {
            tripod::info!("no trade", ticker = execution.ticker);
        } else {
            let trade = Trade { action, quantity: chance.count(1, 40) as i64 };
            self.books.trade(execution, trade).await.map_err(TaskError::Trade)?;
            let held = held.map_or(0, |position| position.quantity);
            tripod::info!("trade placed: {action}", ticker = execution.ticker, quantity = trade.quantity, held);
        }
        Ok(Decision { action: action.to_owned(), cost_dollars: f64::from(tokens) * DOLLARS_PER_TOKEN })
    }

    /// Runs an agent; answers the tokens that its model used.
    async fn invoke(
        &self,
        agent: &Agent,
        execution: &Execution,
        fails: bool,
        chance: &mut Chance,
    ) -> Result<u32, TaskError> {
        let span = SpanBuilder::new(format!("invoke_agent {}", agent.name))
            .attribute("gen_ai.operation.name", "invoke_agent")
            .attribute("gen_ai.agent.name", agent.name)
            .attribute("pipeline.id", &execution.pipeline_id)
            .start();
        let measured = catalog::execution::Agent::new(agent.name);
        let invoke = async {
            sleep(chance.takes_millis(agent.millis)).await;
            let Some(model) = agent.model else { return Ok(0) };
            let answer = self.ask(model, execution, fails, chance).await;
            answer.map_err(|source| {
                let error = TaskError::Agent { agent: agent.name, source };
                tripod::current().record_error(&error);
                error
            })
        };
        let invoked = invoke.in_span(span).await;
        match invoked {
            Ok(_) => measured.success(),
            Err(_) => measured.failed(),
        }
        invoked
    }

    /// Asks a language model; answers the tokens used.
    async fn ask(
        &self,
        (model, millis): (&'static str, f64),
        execution: &Execution,
        fails: bool,
        chance: &mut Chance,
    ) -> Result<u32, ModelError> {
        let span = SpanBuilder::new(format!("chat {model}"))
            .kind(SpanKind::CLIENT)
            .attribute("gen_ai.operation.name", "chat")
            .attribute("gen_ai.request.model", model)
            .start();
        let ask = async {
            let mut takes = chance.takes_millis(millis);
            if self.throttled(execution) {
                takes = takes.mul_f64(THROTTLE_FACTOR);
                let retry_after_ms = takes.as_millis() as u64;
                tripod::event!("throttled", retry_after_ms);
                tripod::warn!(
                    "{model} is throttled by its provider",
                    retry_after_ms,
                    pipeline.id = execution.pipeline_id
                );
            }
            sleep(takes).await;
            if fails {
                let error = model_error(model, chance);
                tripod::current().record_error(&error);
                return Err(error);
            }
            let (input, output) = (chance.count(400, 2400) as u32, chance.count(20, 300) as u32);
            tripod::current().set_attribute("gen_ai.usage.input_tokens", input);
            tripod::current().set_attribute("gen_ai.usage.output_tokens", output);
            Ok(input + output)
        };
        ask.in_span(span).await
    }

    /// Whether this pipeline's model is slow just now.
    fn throttled(&self, execution: &Execution) -> bool {
        let since_first = self.started.elapsed().checked_sub(THROTTLE_DELAY);
        let now = since_first.is_some_and(|since| since.as_secs() % THROTTLE_EVERY.as_secs() < THROTTLE.as_secs());
        now && execution.pipeline_id == SLOW_PIPELINE
    }
}

fn model_error(model: &'static str, chance: &mut Chance) -> ModelError {
    if chance.happens(0.5) {
        return ModelError::Overloaded { model, source: ProviderError { attempts: 3 } };
    }
    match serde_json::from_str::<Decision>(r#"{"action": "buy", "because": "the trend is"#) {
        Err(source) => ModelError::Answer { model, source },
        Ok(_) => ModelError::Overloaded { model, source: ProviderError { attempts: 1 } },
    }
}
