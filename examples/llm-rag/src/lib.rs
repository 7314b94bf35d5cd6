//! A service that answers questions from documents, asked by a few users at a time. The documents, the search and the caches are real,
//! if small; the language model is an imitation that is away now and then.
#![forbid(unsafe_code)]

mod answer;
mod documents;
mod embedding;
mod error_rate;
mod model;

use std::thread::{scope, sleep};
use std::time::Duration;

use crate::answer::Answers;

/// How the service runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where metrics are served; without, they are sent as all else is.
    pub listen: Option<String>,
    /// How long a user thinks between two questions.
    pub pause: Duration,
}

const USERS: usize = 3;

/// How often the machine is looked at.
const LOOK: Duration = Duration::from_secs(2);

const QUESTIONS: [&str; 6] = [
    "Where does a span end?",
    "How are metrics kept apart by labels?",
    "What becomes of records when the network is away?",
    "Which traces are kept?",
    "Who adds up the cells of a counter?",
    "Why is a label never a user's id?",
];

/// Answers questions until it is over.
///
/// # Errors
/// When telemetry does not start.
pub fn run(settings: &Settings, is_over: impl Fn() -> bool + Sync) -> Result<(), tripod::Error> {
    let mut telemetry = tripod::init().service_name("llm-rag");
    if let Some(address) = &settings.listen {
        telemetry = telemetry.prometheus(address);
    }
    let tripod = telemetry.start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }
    let _system = tripod::catalog::system::start(LOOK)?;
    let answers = Answers::default();
    scope(|scope| {
        for _ in 0..USERS {
            scope.spawn(|| {
                while !is_over() {
                    let question = QUESTIONS[fastrand::usize(..QUESTIONS.len())];
                    answers.ask(question, fastrand::u32(..20));
                    sleep(settings.pause);
                }
            });
        }
    });
    Ok(())
}
