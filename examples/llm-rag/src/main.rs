//! The service as a program.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use clap::Parser;
use llm_rag::Settings;

/// Answers questions from documents, and serves its metrics
#[derive(Parser)]
struct Arguments {
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Where metrics are served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    listen: String,
}

fn main() -> Result<(), tripod::Error> {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let is_over = || arguments.seconds.is_some_and(|seconds| started.elapsed() >= Duration::from_secs(seconds));
    let settings = Settings { listen: Some(arguments.listen.clone()), pause: Duration::from_millis(50) };
    llm_rag::run(&settings, is_over)
}
