//! What stands in for Redis: a map that forgets, in this process. It is recorded as an instrumented client's commands are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tripod::{InSpanExt, SpanBuilder, SpanKind, catalog};

use super::{Answer, Cache};
use crate::chance::Chance;

/// How long a command typically takes.
const MILLIS: f64 = 0.4;

type Entries = HashMap<String, (String, Instant)>;

pub(super) struct StandIn {
    entries: Mutex<Entries>,
    metrics: catalog::redis::Redis,
}

impl StandIn {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::default(), metrics: catalog::redis::Redis::new() }
    }

    async fn command<T>(&self, name: &'static str, query: &'static str, change: impl FnOnce(&mut Entries) -> T) -> T {
        let span = SpanBuilder::new(name)
            .kind(SpanKind::CLIENT)
            .attribute("db.system.name", "redis")
            .attribute("db.operation.name", name)
            .attribute("db.query.text", query)
            .start();
        let run = async {
            let command = name.to_ascii_lowercase();
            let _measured = self.metrics.command(&command);
            sleep(Chance::new().takes_millis(MILLIS)).await;
            let mut entries = self.entries();
            entries.retain(|_, (_, until)| *until > Instant::now());
            change(&mut entries)
        };
        run.in_span(span).await
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for StandIn {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<String>> {
        let get = |entries: &mut Entries| entries.get(key).map(|(value, _)| value.clone());
        Box::pin(async move { Ok(self.command("GET", "GET ?", get).await) })
    }

    fn set<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> Answer<'a, ()> {
        Box::pin(async move {
            let entry = (value.to_owned(), Instant::now() + ttl);
            self.command("SET", "SET ? ? PX ?", |entries| entries.insert(key.to_owned(), entry)).await;
            Ok(())
        })
    }

    fn claim<'a>(&'a self, key: &'a str, value: &'a str, ttl: Duration) -> Answer<'a, bool> {
        let claim = move |entries: &mut Entries| {
            let is_free = !entries.contains_key(key);
            if is_free {
                entries.insert(key.to_owned(), (value.to_owned(), Instant::now() + ttl));
            }
            is_free
        };
        Box::pin(async move { Ok(self.command("SET", "SET ? ? NX PX ?", claim).await) })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.command("DEL", "DEL ?", |entries| entries.remove(key)).await;
            Ok(())
        })
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_one_callers_until_it_is_deleted_or_its_time_is_over() {
        let cache = StandIn::new();
        let (long, over) = (Duration::from_secs(60), Duration::ZERO);
        assert!(cache.claim("lock", "a", long).await.unwrap());
        assert!(!cache.claim("lock", "b", long).await.unwrap());
        assert_eq!(cache.get("lock").await.unwrap().as_deref(), Some("a"));
        cache.delete("lock").await.unwrap();
        assert!(cache.claim("lock", "b", over).await.unwrap());
        assert!(cache.claim("lock", "c", long).await.unwrap());
    }
}
