//! Redis: its commands.

use super::set::metric_set;
use super::under_way::Timer;

metric_set! {
    /// The metrics of Redis.
    "redis" {
        command_duration: Histogram = "redis_command_duration_seconds" [command] "s" "How long commands take"
            buckets [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
    }
}

/// Redis, as its commands show it.
///
/// ```
/// let get = tripod::catalog::redis::Redis::new().command("get");
/// get.stop();
/// ```
#[derive(Clone, Copy)]
pub struct Redis {
    metrics: &'static Metrics,
}

impl Redis {
    /// Redis.
    #[allow(clippy::new_without_default, reason = "as all sets are made")]
    pub fn new() -> Self {
        Self { metrics: Metrics::get() }
    }

    /// A command begins, by its name in lower case: `get`, `set`; never with its arguments.
    pub fn command<'a>(&self, command: &'a str) -> Timer<'a> {
        Timer::start(&self.metrics.command_duration, Some(("command", command)))
    }
}
