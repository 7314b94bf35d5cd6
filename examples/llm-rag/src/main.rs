//! A service that answers questions from documents, asked by a few users at a time. The documents, the search and the caches are real,
//! if small; the language model is an imitation that is away now and then.
#![forbid(unsafe_code)]

mod answer;
mod documents;
mod embedding;
mod model;

use std::time::{Duration, Instant};

use clap::Parser;

use crate::answer::Answers;

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

const USERS: usize = 3;

const QUESTIONS: [&str; 6] = [
    "Where does a span end?",
    "How are metrics kept apart by labels?",
    "What becomes of records when the network is away?",
    "Which traces are kept?",
    "Who adds up the cells of a counter?",
    "Why is a label never a user's id?",
];

fn main() -> Result<(), tripod::Error> {
    let arguments = Arguments::parse();
    let tripod = tripod::init().service_name("llm-rag").prometheus(&arguments.listen).start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }

    let _system = tripod::catalog::system::start(Duration::from_secs(1))?;
    let started = Instant::now();
    let is_over = || arguments.seconds.is_some_and(|seconds| started.elapsed() >= Duration::from_secs(seconds));
    let answers = Answers::default();
    std::thread::scope(|scope| {
        for _ in 0..USERS {
            scope.spawn(|| {
                while !is_over() {
                    let question = QUESTIONS[fastrand::usize(..QUESTIONS.len())];
                    answers.ask(question, fastrand::u32(..20));
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    Ok(())
}
