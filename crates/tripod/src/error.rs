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
}
