//! Why a service can't run.

use std::net::SocketAddr;

/// Why a service can't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Telemetry does not start.
    #[error(transparent)]
    Telemetry(#[from] tripod::Error),
    /// The runtime does not start, or signals can't be listened for.
    #[error("the service can't start")]
    Start(#[source] std::io::Error),
    /// The address can't be taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why it was refused.
        source: std::io::Error,
    },
    /// Serving broke off.
    #[error("serving broke off")]
    Serve(#[source] std::io::Error),
    /// A service calls another one, and was not told where that is.
    #[error("{service} calls {next}: say where that listens")]
    NextMissing {
        /// The service that was started.
        service: &'static str,
        /// The one it calls.
        next: &'static str,
    },
    /// PostgreSQL can't be used.
    #[error("PostgreSQL can't be used: {0}")]
    Postgres(#[source] sqlx::Error),
    /// Redis can't be used.
    #[error("Redis can't be used: {0}")]
    Redis(#[source] redis::RedisError),
    /// Kafka can't be used.
    #[cfg(feature = "kafka")]
    #[error("Kafka can't be used: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// Kafka's client is not part of this build.
    #[error("this was built without Kafka's client: build it with the feature `kafka`")]
    KafkaMissing,
}
