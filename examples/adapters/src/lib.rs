//! Adapters to two providers of market data: every request is a span and is counted, though no adapter says so.
#![forbid(unsafe_code)]

mod adapter;
mod market;
mod provider;
mod report;

use std::thread::sleep;
use std::time::Duration;

use crate::market::Market;

/// How the adapters run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where metrics are served; without, they are sent as all else is.
    pub listen: Option<String>,
    /// How long the market is left alone between two rounds. Quotes are cached for four of these.
    pub pause: Duration,
}

/// Fetches quotes, round after round, until it is over.
///
/// # Errors
/// When telemetry does not start.
pub fn run(settings: &Settings, is_over: impl Fn() -> bool) -> Result<(), tripod::Error> {
    let mut telemetry = tripod::init().service_name("adapters");
    if let Some(address) = &settings.listen {
        telemetry = telemetry.prometheus(address);
    }
    let tripod = telemetry.start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }
    let market = Market::new(settings.pause * 4);
    while !is_over() {
        let quotes = market.round();
        report::write(&quotes);
        sleep(settings.pause);
    }
    Ok(())
}
