//! The language model: an imitation that repeats what it is told, takes its time, and is away for some calls in a row; with a circuit
//! breaker before it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tripod::catalog::error::CircuitBreaker;
use tripod::catalog::llm::Llm;
use tripod::traced;

/// US dollars for a thousand tokens of the prompt, and of the answer.
const PRICE: (f64, f64) = (0.03, 0.06);
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

impl ModelError {
    /// For a label.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Open => "circuit_open",
        }
    }
}

/// A model.
pub(crate) struct Model {
    metrics: Llm,
    breaker: CircuitBreaker,
    calls: AtomicU32,
    failures: AtomicU32,
    to_refuse: AtomicU32,
}

impl Default for Model {
    fn default() -> Self {
        let (calls, failures, to_refuse) = Default::default();
        Self { metrics: Llm::new("openai", "gpt-4"), breaker: CircuitBreaker::new("gpt-4"), calls, failures, to_refuse }
    }
}

impl Model {
    /// Answers from what was found.
    #[traced("chat gpt-4", kind = "client")]
    pub(crate) fn answer(&self, question: &str, found: &[&str]) -> Result<String, ModelError> {
        self.may_call()?;
        let request = self.metrics.request();
        sleep(Duration::from_millis(fastrand::u64(5..30)));
        if self.calls.fetch_add(1, Ordering::Relaxed) % ROUND >= ROUND - FAILING {
            request.error(ModelError::Overloaded.kind());
            return Err(self.failed());
        }
        let answer = found.first().copied().unwrap_or("I don't know.").to_owned();
        let (prompt, completion) = (tokens(question) + found.iter().copied().map(tokens).sum::<u64>(), tokens(&answer));
        let cost = prompt as f64 / 1000.0 * PRICE.0 + completion as f64 / 1000.0 * PRICE.1;
        request.success(prompt, completion, cost);
        self.failures.store(0, Ordering::Relaxed);
        self.breaker.close();
        Ok(answer)
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

    fn failed(&self) -> ModelError {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= OPENS_AT {
            self.to_refuse.store(REFUSED, Ordering::Relaxed);
            self.breaker.open();
        }
        ModelError::Overloaded
    }
}

/// Some four letters each.
fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}
