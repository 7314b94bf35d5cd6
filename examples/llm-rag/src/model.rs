//! The language model: an imitation that repeats what it is told, takes its time, and is away for some calls in a row; with a circuit
//! breaker before it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tripod::catalog::error::CircuitBreaker;
use tripod::{ErrorType, LlmUsage, traced, track_llm_usage};

/// Calls, of which the last ones fail.
const ROUND: u32 = 40;
const FAILING: u32 = 4;
/// Failures in a row that open the breaker, and the calls that it then refuses.
const OPENS_AT: u32 = 3;
const REFUSED: u32 = 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    #[error("the model is overloaded")]
    Overloaded,
    #[error("the model has failed too often, and is left alone for a while")]
    Open,
}

impl ErrorType for ModelError {
    fn error_type(&self) -> &str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Open => "circuit_open",
        }
    }
}

/// An answer, and what it took.
struct Answer {
    text: String,
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl LlmUsage for Answer {
    fn prompt_tokens(&self) -> u64 {
        self.prompt_tokens
    }

    fn completion_tokens(&self) -> u64 {
        self.completion_tokens
    }
}

/// A model.
pub(crate) struct Model {
    breaker: CircuitBreaker,
    calls: AtomicU32,
    failures: AtomicU32,
    to_refuse: AtomicU32,
}

impl Default for Model {
    fn default() -> Self {
        let (calls, failures, to_refuse) = Default::default();
        Self { breaker: CircuitBreaker::new("gpt-4"), calls, failures, to_refuse }
    }
}

impl Model {
    /// Answers from what was found.
    #[traced("chat gpt-4", kind = "client")]
    pub(crate) fn answer(&self, question: &str, found: &[&str]) -> Result<String, ModelError> {
        self.may_call()?;
        match self.call(question, found) {
            Ok(answer) => {
                self.failures.store(0, Ordering::Relaxed);
                self.breaker.close();
                Ok(answer.text)
            }
            Err(error) => {
                self.failed();
                Err(error)
            }
        }
    }

    #[track_llm_usage(provider = "openai", model = "gpt-4", cost_per_1k_prompt = 0.03, cost_per_1k_completion = 0.06)]
    fn call(&self, question: &str, found: &[&str]) -> Result<Answer, ModelError> {
        sleep(Duration::from_millis(fastrand::u64(5..30)));
        if self.calls.fetch_add(1, Ordering::Relaxed) % ROUND >= ROUND - FAILING {
            return Err(ModelError::Overloaded);
        }
        let text = found.first().copied().unwrap_or("I don't know.").to_owned();
        let prompt_tokens = tokens(question) + found.iter().copied().map(tokens).sum::<u64>();
        Ok(Answer { prompt_tokens, completion_tokens: tokens(&text), text })
    }

    /// While the breaker is open calls are refused; the first after that is the one that tries.
    fn may_call(&self) -> Result<(), ModelError> {
        let refuse = |left: u32| left.checked_sub(1);
        match self.to_refuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse) {
            Ok(1) => self.breaker.half_open(),
            Ok(_) => {}
            Err(_) => return Ok(()),
        }
        Err(ModelError::Open)
    }

    fn failed(&self) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= OPENS_AT {
            self.to_refuse.store(REFUSED, Ordering::Relaxed);
            self.breaker.open();
        }
    }
}

/// Some four letters each.
fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}
