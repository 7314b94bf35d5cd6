//! Two data pipelines that run again and again: every metric that their dashboard and their alerts ask for, from the catalogue.
#![forbid(unsafe_code)]

mod etl;
mod usage;

use std::time::{Duration, Instant};

use clap::Parser;

use crate::etl::Etl;
use crate::usage::Usage;

/// Runs data pipelines, and serves their metrics
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
    let tripod = tripod::init().service_name("pipeline").prometheus(&arguments.listen).start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }

    let started = Instant::now();
    let is_over = || arguments.seconds.is_some_and(|seconds| started.elapsed() >= Duration::from_secs(seconds));
    std::thread::scope(|scope| {
        for name in ["data_processor", "report_builder"] {
            scope.spawn(move || {
                let (pipeline, mut usage) = (Etl::new(name), Usage::default());
                while !is_over() {
                    pipeline.run();
                    usage.tell(pipeline.metrics());
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
    });
    Ok(())
}
