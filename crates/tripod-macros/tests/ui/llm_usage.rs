struct Answer;

#[tripod::track_llm_usage(provider = "openai", model = "gpt-4")]
fn tells_nothing() -> Result<Answer, std::fmt::Error> {
    Ok(Answer)
}

#[tripod::track_llm_usage(provider = "openai")]
fn no_model() {}

#[tripod::track_llm_usage(provider = "openai", model = "gpt-4", cost_per_1k_prompt = "0.03")]
fn text_as_a_price() {}

#[tripod::track_llm_usage(provider = "openai", model = "gpt-4", cost_per_1k_prompt = -0.03)]
fn negative_price() {}

fn main() {}
