//! The one error of this crate. Only setting up can fail; recording never does.

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting can't be understood.
    #[error("{name}={value:?}: {allowed}")]
    Config {
        /// The variable or builder method.
        name: String,
        /// What it was set to.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// Telemetry runs already: keep the first guard, or drop it first.
    #[error("telemetry has been started already in this process: keep one guard for as long as it runs")]
    AlreadyStarted,
    /// The system gave no thread.
    #[error("cannot start the thread {name}: {source}")]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of the spool can't be used.
    #[error("cannot use {} as the spool: {source}", folder.display())]
    Spool {
        /// The folder.
        folder: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of `tripod::events` can't be opened.
    #[error("cannot write events to {}: {source}", path.display())]
    EventsFile {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The metrics can't be served at this address; often because something else is.
    #[error("cannot serve metrics at {address}: {source}")]
    Listen {
        /// Host and port.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A metric's name is not one.
    #[error("the metric name {name:?} is not allowed: {allowed}")]
    MetricName {
        /// The name.
        name: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A metric's name is that of another, which differs in kind, labels or buckets.
    #[error("the metric {name} is {known} already, and can't be {wanted} too")]
    MetricConflict {
        /// The name.
        name: String,
        /// What it is.
        known: String,
        /// What it was to be.
        wanted: String,
    },
    /// There is no metric of this name.
    #[error("there is no metric {name}: define it first, by `metrics::define` or by making the instrument")]
    UnknownMetric {
        /// The name.
        name: String,
    },
    /// The process has as many metrics as it may have.
    #[error("the metric {name} is one too many: a process has at most {limit}")]
    TooManyMetrics {
        /// The name.
        name: String,
        /// How many there may be.
        limit: usize,
    },
}
