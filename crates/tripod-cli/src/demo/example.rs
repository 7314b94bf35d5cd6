//! The examples beside the platform, each in a process of its own and at a low rate: what has no part in the platform's traces, but metrics
//! of other kinds.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an example that lost its owner may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// An example of `examples/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Example {
    /// Adapters to providers of data.
    Adapters,
    /// Data pipelines.
    Pipeline,
    /// Answers by a language model from documents.
    LlmRag,
}

impl Example {
    pub(crate) const ALL: [Self; 3] = [Self::Adapters, Self::Pipeline, Self::LlmRag];

    /// Its name, which is also its `service.name`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Adapters => "adapters",
            Self::Pipeline => "pipeline",
            Self::LlmRag => "llm-rag",
        }
    }

    /// Runs it until standard input closes, so that it never outlives who started it. Prints `running` first.
    pub(crate) fn run(self) -> Result<(), tripod::Error> {
        static OVER: AtomicBool = AtomicBool::new(false);
        std::thread::spawn(|| {
            let mut stdin = std::io::stdin().lock();
            while stdin.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {}
            OVER.store(true, Ordering::Relaxed);
            // Nobody is left to end a process that hangs.
            std::thread::sleep(GRACE);
            std::process::exit(1);
        });
        let mut out = std::io::stdout().lock();
        // Who started it may have closed the pipe by now; it runs all the same.
        let _ = writeln!(out, "running").and_then(|()| out.flush());
        drop(out);
        let is_over = || OVER.load(Ordering::Relaxed);
        let pause = Duration::from_millis(500);
        match self {
            Self::Adapters => adapters::run(&adapters::Settings { listen: None, pause }, is_over),
            Self::Pipeline => pipeline::run(&pipeline::Settings { listen: None, pause }, is_over),
            Self::LlmRag => llm_rag::run(&llm_rag::Settings { listen: None, pause }, is_over),
        }
    }
}
