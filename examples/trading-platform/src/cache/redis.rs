//! The cache in Redis.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Value, cmd};
use tripod::instrument::redis::Connection;

use super::{Answer, Cache};
use crate::Error;

const TIMEOUT: Duration = Duration::from_secs(2);

/// Keeps out of the way of what else is in the database.
const PREFIX: &str = "trading-platform:";

/// A connection that is made anew when it breaks, and whose commands are observed.
pub(super) struct Redis {
    connection: Connection<ConnectionManager>,
}

impl Redis {
    pub(super) async fn connect(url: &str) -> Result<Self, Error> {
        let connection = connect(url).await.map_err(Error::Redis)?;
        Ok(Self { connection })
    }
}

/// The version of the server at this URL, once it has let us in.
pub(crate) async fn reach(url: &str) -> Result<String, Error> {
    let version = async {
        let info: String = cmd("INFO").arg("server").query_async(&mut connect(url).await?).await?;
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok::<_, RedisError>(version.unwrap_or_default().to_owned())
    };
    version.await.map_err(Error::Redis)
}

async fn connect(url: &str) -> Result<Connection<ConnectionManager>, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
        .set_number_of_retries(2);
    let client = Client::open(url)?;
    let connection = client.get_connection_manager_with_config(config).await?;
    Ok(Connection::builder(connection).server(client.get_connection_info()).build())
}

fn full(key: &str) -> String {
    format!("{PREFIX}{key}")
}

impl Cache for Redis {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move { Ok(cmd("GET").arg(full(key)).query_async(&mut self.connection.clone()).await?) })
    }

    fn set<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut set = cmd("SET");
            set.arg(full(key)).arg(value).arg("PX").arg(ttl.as_millis() as u64);
            Ok(set.query_async(&mut self.connection.clone()).await?)
        })
    }

    fn claim<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> Answer<'a, bool> {
        Box::pin(async move {
            let mut set = cmd("SET");
            set.arg(full(key)).arg(value).arg("NX").arg("PX").arg(ttl.as_millis() as u64);
            let answer: Value = set.query_async(&mut self.connection.clone()).await?;
            Ok(answer == Value::Okay)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { Ok(cmd("DEL").arg(full(key)).query_async(&mut self.connection.clone()).await?) })
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async move { Ok(cmd("PING").query_async(&mut self.connection.clone()).await?) })
    }
}
