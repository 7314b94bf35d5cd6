//! Large language models: requests, tokens, what they cost.
//!
//! Recorded under two names at once, the catalogue's and OpenTelemetry's for generative AI: they do not clash, and two more histograms
//! cost nothing beside a request to a model.

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::{SECONDS_TO_MINUTES, UnderWay};
use crate::labels;

metric_set! {
    /// The metrics of language models.
    "llm" {
        requests: Counter = "llm_requests_total" [provider, model, status] "" "Requests to models, by how they ended";
        tokens: Counter = "llm_tokens_used_total" [provider, model, token_type] "" "Tokens used: `prompt` or `completion`";
        duration: Histogram = "llm_request_duration_seconds" [provider, model] "s" "How long requests to models take" buckets SECONDS_TO_MINUTES;
        cost: Counter = "llm_cost_dollars" [provider, model] "" "What requests to models cost, in US dollars";
        gen_ai_tokens: Histogram = "gen_ai.client.token.usage"
            ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.token.type"]
            "{token}" "Number of input and output tokens used" buckets TOKENS;
        gen_ai_duration: Histogram = "gen_ai.client.operation.duration"
            ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "error.type"]
            "s" "GenAI operation duration" buckets DURATIONS;
    }
}

/// The bounds that OpenTelemetry's conventions give for tokens.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The bounds that they give for durations.
const DURATIONS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// A model of a provider.
///
/// ```
/// let gpt = tripod::catalog::llm::Llm::new("openai", "gpt-4");
/// let request = gpt.request();
/// let (prompt_tokens, completion_tokens) = (1200, 300);
/// request.success(prompt_tokens, completion_tokens, 1.2 * 0.03 + 0.3 * 0.06);
/// ```
#[derive(Clone)]
pub struct Llm {
    provider: Arc<str>,
    model: Arc<str>,
    operation: &'static str,
    metrics: &'static Metrics,
}

impl Llm {
    /// This model of this provider.
    pub fn new(provider: impl Into<Arc<str>>, model: impl Into<Arc<str>>) -> Self {
        Self { provider: provider.into(), model: model.into(), operation: "chat", metrics: Metrics::get() }
    }

    /// What is asked of it, as `gen_ai.operation.name` says it; `chat` without this. Others are `embeddings`, `text_completion`,
    /// `generate_content`, `execute_tool`.
    #[must_use]
    pub fn operation(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    /// A request begins. It ends with [`Request::success`] or [`Request::error`], or is counted as `cancelled` when it is dropped.
    pub fn request(&self) -> Request {
        Request { llm: self.clone(), under_way: UnderWay::now() }
    }

    fn used(&self, token_type: &str, gen_ai_type: &str, tokens: u64) {
        self.metrics.tokens.add(tokens, labels!(provider = *self.provider, model = *self.model, token_type));
        self.metrics.gen_ai_tokens.record(
            tokens as f64,
            labels!(
                gen_ai.operation.name = self.operation,
                gen_ai.provider.name = *self.provider,
                gen_ai.request.model = *self.model,
                gen_ai.token.type = gen_ai_type
            ),
        );
    }
}

/// A request to a model that is under way.
#[must_use = "a request that is dropped counts as cancelled"]
pub struct Request {
    llm: Llm,
    under_way: UnderWay,
}

impl Request {
    /// It has been answered, with so many tokens, for so many dollars.
    pub fn success(mut self, prompt_tokens: u64, completion_tokens: u64, cost: f64) {
        let llm = &self.llm;
        llm.used("prompt", "input", prompt_tokens);
        llm.used("completion", "output", completion_tokens);
        llm.metrics.cost.add_f64(cost, labels!(provider = *llm.provider, model = *llm.model));
        self.end("success", None);
    }

    /// It failed. Keep the number of types small: `rate_limited`, not the message.
    pub fn error(mut self, error_type: &str) {
        self.end("error", Some(error_type));
    }

    fn end(&mut self, status: &str, error_type: Option<&str>) {
        let Some(took) = self.under_way.end() else { return };
        let (llm, took) = (&self.llm, took.as_secs_f64());
        llm.metrics.requests.inc(labels!(provider = *llm.provider, model = *llm.model, status));
        llm.metrics.duration.record(took, labels!(provider = *llm.provider, model = *llm.model));
        llm.metrics.gen_ai_duration.record(
            took,
            labels!(
                gen_ai.operation.name = llm.operation,
                gen_ai.provider.name = *llm.provider,
                gen_ai.request.model = *llm.model,
                error.type = error_type
            ),
        );
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.end("cancelled", Some("cancelled"));
    }
}
