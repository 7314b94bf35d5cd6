//! Two data pipelines that run again and again: every metric that their dashboard and their alerts ask for, from the catalogue.
#![forbid(unsafe_code)]

mod etl;
mod usage;

use std::thread::{scope, sleep};
use std::time::Duration;

use crate::etl::Etl;
use crate::usage::Usage;

/// How the pipelines run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where metrics are served; without, they are sent as all else is.
    pub listen: Option<String>,
    /// How long a pipeline waits between two executions.
    pub pause: Duration,
}

/// Runs both pipelines until it is over.
///
/// # Errors
/// When telemetry does not start.
pub fn run(settings: &Settings, is_over: impl Fn() -> bool + Sync) -> Result<(), tripod::Error> {
    let mut telemetry = tripod::init().service_name("pipeline");
    if let Some(address) = &settings.listen {
        telemetry = telemetry.prometheus(address);
    }
    let tripod = telemetry.start()?;
    if let Some(address) = tripod.prometheus_address() {
        println!("metrics: http://{address}/metrics");
    }
    let is_over = &is_over;
    scope(|scope| {
        for name in ["data_processor", "report_builder"] {
            scope.spawn(move || {
                let (pipeline, mut usage) = (Etl::new(name), Usage::default());
                while !is_over() {
                    pipeline.run();
                    usage.tell(pipeline.metrics());
                    sleep(settings.pause);
                }
            });
        }
    });
    Ok(())
}
