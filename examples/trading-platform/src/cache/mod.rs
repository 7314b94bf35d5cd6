//! What services remember for a while, and share: cached definitions, and locks. Redis keeps it, or what stands in for it.

mod redis;
mod stand_in;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{Error, Settings};

/// Values that go away by themselves.
pub(crate) trait Cache: Send + Sync {
    /// A key's value, unless there is none or its time is over.
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<String>>;
    /// Sets a key for some time.
    fn set<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> Answer<'a, ()>;
    /// Sets a key for some time unless it is set already: who gets `true` has the lock.
    fn claim<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> Answer<'a, bool>;
    /// Deletes a key.
    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;
    /// Whether it can be reached.
    fn ping(&self) -> Answer<'_, ()>;
}

/// What a command comes to.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CacheError>> + Send + 'a>>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[error("the cache does not answer")]
pub(crate) struct CacheError(#[from] ::redis::RedisError);

/// The cache that this service was told of.
pub(crate) async fn open(settings: &Settings) -> Result<Arc<dyn Cache>, Error> {
    match &settings.components.redis {
        Some(url) => Ok(Arc::new(redis::Redis::connect(url).await?)),
        None => Ok(Arc::new(stand_in::StandIn::new())),
    }
}

pub(crate) use redis::reach;
