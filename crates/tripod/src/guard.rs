//! The guard: while it lives, telemetry runs; dropping it sends what is left and stops.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::config::Config;
use crate::engine::Engine;
use crate::pipeline::Exporter;
use crate::stats::Stats;

/// Keeps telemetry running; made by [`crate::Builder::start`].
///
/// Dropping it sends what was recorded and ends the threads, within a deadline (5 s unless set otherwise). That happens during
/// unwinding too, so hold it in `main` for as long as the program runs.
#[must_use = "telemetry stops when the guard is dropped: bind it, as in `let _tripod = …`"]
pub struct Guard {
    engine: Option<Arc<Engine>>,
    timeout: Duration,
}

impl Guard {
    pub(crate) fn start(config: &Config, exporters: Vec<Box<dyn Exporter>>) -> Result<Self, Error> {
        if config.disabled {
            return Ok(Self { engine: None, timeout: Duration::ZERO });
        }
        let exporters = crate::export::all(config, exporters);
        let engine = Engine::start(config, exporters)?;
        crate::metrics::set_views(config.views.clone());
        crate::bridge::engine_changed();
        Ok(Self { engine: Some(engine), timeout: config.shutdown_timeout })
    }

    /// Sends what has been recorded so far; waits at most as long as shutting down may take. Answers whether all was delivered
    /// (or lost for good, which is counted).
    pub fn flush(&self) -> bool {
        self.engine.as_ref().is_none_or(|engine| engine.flush(self.timeout))
    }

    /// What became of what was recorded so far; all zero when telemetry is disabled.
    pub fn stats(&self) -> Stats {
        self.engine.as_ref().map(|engine| engine.stats()).unwrap_or_default()
    }

    /// Sends what is left and stops; answers as [`Guard::flush`]. The same as dropping the guard.
    pub fn shutdown(mut self) -> bool {
        self.stop()
    }

    fn stop(&mut self) -> bool {
        let Some(engine) = self.engine.take() else { return true };
        let delivered = engine.stop(self.timeout);
        crate::bridge::engine_changed();
        delivered
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}
