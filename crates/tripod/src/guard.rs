//! The guard: while it lives, telemetry runs; dropping it sends what is left and stops.

use std::time::Duration;

use crate::config::Config;
use crate::pipeline::Output;
use crate::stats::Stats;
use crate::{Error, engine};

/// Keeps telemetry running; made by [`crate::Builder::start`].
///
/// Dropping it sends what was recorded and ends the threads, within a deadline (5 s unless set otherwise). That happens during
/// unwinding too, so hold it in `main` for as long as the program runs. Kept in a static, or leaked, it does the same when the
/// process ends by `exit` or by returning from `main`; where panics abort, what was recorded is sent before. Signals are the
/// program's to handle: one that is to end in order drops the guard, or exits.
///
/// No call waits for longer than the deadline, wherever it is made: in an async runtime, while panicking, in a destructor, in an
/// exporter or a metric's callback, or while another thread makes it too. A call made from an exporter or a callback does not
/// wait for that one, and so answers that not everything was delivered.
///
/// After a `fork` the guard stands for the child's own telemetry in the child, which starts with the first record: spans that the
/// parent began are the parent's, counters and histograms start from zero, gauges keep what they say.
#[must_use = "telemetry stops when the guard is dropped: bind it, as in `let _tripod = …`"]
pub struct Guard {
    /// `None` when telemetry is disabled, or stopped.
    session: Option<u64>,
    timeout: Duration,
}

impl Guard {
    pub(crate) fn start(config: Config, outputs: Vec<Output>) -> Result<Self, Error> {
        if config.disabled {
            crate::metrics::enable(false);
            return Ok(Self::inert());
        }
        let timeout = config.shutdown_timeout;
        let session = engine::start(config, outputs)?;
        crate::bridge::engine_changed();
        Ok(Self { session: Some(session), timeout })
    }

    /// A guard of nothing.
    pub(crate) fn inert() -> Self {
        Self { session: None, timeout: Duration::ZERO }
    }

    /// Sends what has been recorded so far; waits at most as long as shutting down may take. Answers whether all was delivered
    /// (or lost for good, which is counted).
    pub fn flush(&self) -> bool {
        self.session().is_none_or(|session| engine::flush(session, self.timeout))
    }

    /// What became of what was recorded so far; all zero when telemetry is disabled.
    pub fn stats(&self) -> Stats {
        self.session().map(engine::stats).unwrap_or_default()
    }

    /// Where Prometheus may ask for the metrics: the address of [`Builder::prometheus`](crate::Builder::prometheus), with the port that the
    /// system chose where that is 0. `None` where nothing is served.
    #[cfg(feature = "prometheus-server")]
    pub fn prometheus_address(&self) -> Option<std::net::SocketAddr> {
        self.session().and_then(engine::prometheus_address)
    }

    /// Sends what is left and stops; answers as [`Guard::flush`]. The same as dropping the guard.
    pub fn shutdown(mut self) -> bool {
        self.stop()
    }

    fn session(&self) -> Option<u64> {
        if crate::OFF { None } else { self.session }
    }

    fn stop(&mut self) -> bool {
        let Some(session) = self.session() else { return true };
        self.session = None;
        let delivered = engine::stop(session, self.timeout);
        crate::bridge::engine_changed();
        delivered
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}
