//! Functions as requests to a language model.

use std::sync::Arc;

use super::call::End;
use crate::catalog::llm::{Llm, Request};
use crate::trace::outcome::Outcome;

/// A model's answer that says what it used: what [`macro@crate::track_llm_usage`] looks at.
///
/// ```
/// use tripod::LlmUsage;
///
/// struct Answer {
///     text: String,
///     prompt_tokens: u64,
///     completion_tokens: u64,
/// }
///
/// impl LlmUsage for Answer {
///     fn prompt_tokens(&self) -> u64 {
///         self.prompt_tokens
///     }
///
///     fn completion_tokens(&self) -> u64 {
///         self.completion_tokens
///     }
/// }
///
/// #[tripod::track_llm_usage(provider = "openai", model = "gpt-4", cost_per_1k_prompt = 0.03, cost_per_1k_completion = 0.06)]
/// fn ask(prompt: &str) -> Result<Answer, std::io::Error> {
///     Ok(Answer { text: prompt.to_uppercase(), prompt_tokens: 1000, completion_tokens: 500 })
/// }
/// # let answer = ask("hello")?;
/// # assert_eq!(answer.text, "HELLO");
/// # let cost = tripod::counter("llm_cost_dollars").build().get(tripod::labels!(provider = "openai", model = "gpt-4"));
/// # assert!((cost - 0.06).abs() < 1e-9);
/// # Ok::<(), std::io::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how many tokens it used",
    label = "no `tripod::LlmUsage`",
    note = "implement `tripod::LlmUsage` for the answer: the function gives back that, or a `Result` of it"
)]
pub trait LlmUsage {
    /// Tokens of what was asked.
    fn prompt_tokens(&self) -> u64;

    /// Tokens of the answer.
    fn completion_tokens(&self) -> u64;

    /// What it cost in US dollars, where the provider says so: in place of what the attribute's prices make it.
    fn cost(&self) -> Option<f64> {
        None
    }
}

macro_rules! usage_of_what_it_points_to {
    ($($pointer:ty)*) => {
        $(impl<T: LlmUsage + ?Sized> LlmUsage for $pointer {
            fn prompt_tokens(&self) -> u64 {
                (**self).prompt_tokens()
            }

            fn completion_tokens(&self) -> u64 {
                (**self).completion_tokens()
            }

            fn cost(&self) -> Option<f64> {
                (**self).cost()
            }
        })*
    };
}
usage_of_what_it_points_to!(&T Box<T> Arc<T>);

/// What an answer used.
pub struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    cost: Option<f64>,
}

impl Usage {
    fn of<T: LlmUsage + ?Sized>(answer: &T) -> Self {
        let (prompt_tokens, completion_tokens) = (answer.prompt_tokens(), answer.completion_tokens());
        Self { prompt_tokens, completion_tokens, cost: answer.cost() }
    }
}

/// For answers that may fail to come; see [`crate::trace::outcome`] for how the compiler chooses.
pub trait UsageOfResult {
    /// What was used, if there is an answer.
    fn usage(&self) -> Option<Usage>;
}

impl<T: LlmUsage, E> UsageOfResult for &Outcome<'_, Result<T, E>> {
    fn usage(&self) -> Option<Usage> {
        self.0.as_ref().ok().map(Usage::of)
    }
}

/// For all others.
pub trait UsageOfAny<T> {
    /// What was used.
    fn usage(&self) -> Option<Usage>
    where
        T: LlmUsage;
}

impl<T> UsageOfAny<T> for Outcome<'_, T> {
    fn usage(&self) -> Option<Usage>
    where
        T: LlmUsage,
    {
        Some(Usage::of(self.0))
    }
}

/// A request to a model that is under way.
pub struct LlmCall {
    request: Option<Request>,
    cost_per_1k_prompt: f64,
    cost_per_1k_completion: f64,
}

impl LlmCall {
    /// It begins; the prices are in US dollars.
    pub fn start(llm: &Llm, cost_per_1k_prompt: f64, cost_per_1k_completion: f64) -> Self {
        Self { request: Some(llm.request()), cost_per_1k_prompt, cost_per_1k_completion }
    }

    /// Of this one nothing is recorded.
    pub fn none() -> Self {
        Self { request: None, cost_per_1k_prompt: 0.0, cost_per_1k_completion: 0.0 }
    }

    /// It is done. How it ended is asked only where it is recorded.
    pub fn end<'a>(mut self, outcome: impl FnOnce() -> (End<'a>, Option<Usage>)) {
        let Some(request) = self.request.take() else { return };
        match outcome() {
            (_, Some(Usage { prompt_tokens, completion_tokens, cost })) => {
                let cost = cost.unwrap_or_else(|| {
                    prompt_tokens as f64 / 1000.0 * self.cost_per_1k_prompt
                        + completion_tokens as f64 / 1000.0 * self.cost_per_1k_completion
                });
                request.success(prompt_tokens, completion_tokens, cost);
            }
            (End::Error(error_type), None) => request.error(error_type),
            (End::Success | End::Cancelled, None) => drop(request),
        }
    }
}

impl Drop for LlmCall {
    fn drop(&mut self) {
        // Otherwise the request counts as cancelled.
        if std::thread::panicking()
            && let Some(request) = self.request.take()
        {
            request.error("panic");
        }
    }
}
