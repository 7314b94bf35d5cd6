//! What the platform runs on, and whether it is there.

use crate::{Error, books, cache};

/// The name of the schema in PostgreSQL that the services keep their tables in.
pub const SCHEMA: &str = "trading_platform";

/// Where the real components are; what is not named has a stand-in in the services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Components {
    /// PostgreSQL: `postgres://user:password@host/database`.
    pub postgres: Option<String>,
    /// Redis: `redis://host`.
    pub redis: Option<String>,
    /// Kafka: `host:port`, or several of them with commas between.
    pub kafka: Option<String>,
}

impl Components {
    /// The variables that name them, in the order of the fields.
    pub const VARIABLES: [&str; 3] = ["DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS"];

    /// Those that [`Components::VARIABLES`] name.
    pub fn from_env() -> Self {
        let [postgres, redis, kafka] =
            Self::VARIABLES.map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        Self { postgres, redis, kafka }
    }

    /// The variables and what they are to be, for the process of a service.
    pub fn to_env(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        Self::VARIABLES.into_iter().zip([self.postgres.as_deref(), self.redis.as_deref(), self.kafka.as_deref()])
    }
}

/// The version of the PostgreSQL at this URL, once it has let us in.
///
/// # Errors
/// When it can't be reached, or lets nobody in.
pub async fn reach_postgres(url: &str) -> Result<String, Error> {
    books::reach(url).await
}

/// The version of the Redis at this URL, once it has let us in.
///
/// # Errors
/// When it can't be reached, or lets nobody in.
pub async fn reach_redis(url: &str) -> Result<String, Error> {
    cache::reach(url).await
}

/// How many brokers the Kafka at these servers has, once one has answered. It blocks.
///
/// # Errors
/// When none can be reached, or this was built without the feature `kafka`.
pub fn reach_kafka(servers: &str) -> Result<usize, Error> {
    #[cfg(feature = "kafka")]
    return crate::broker::reach(servers);
    #[cfg(not(feature = "kafka"))]
    {
        let _ = servers;
        Err(Error::KafkaMissing)
    }
}
