//! Adapters to two providers of market data: every request is a span and is counted, though no adapter says so.
#![forbid(unsafe_code)]

mod adapter;
mod market;
mod provider;
mod report;

use std::time::{Duration, Instant};

use clap::Parser;

use crate::market::Market;

/// Fetches quotes from two providers, and serves its metrics
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
    let tripod = tripod::init().service_name("adapters").prometheus(&arguments.listen).start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }

    let started = Instant::now();
    let is_over = || arguments.seconds.is_some_and(|seconds| started.elapsed() >= Duration::from_secs(seconds));
    let market = Market::default();
    while !is_over() {
        let quotes = market.round();
        report::write(&quotes);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
