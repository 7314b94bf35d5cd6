//! Redis, as an instrumented client shows it; the server behind it is a map that forgets.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tripod::{Histogram, InSpanExt, SpanBuilder, SpanKind, labels};

use crate::chance::Chance;

type Entries = HashMap<String, (String, Instant)>;

/// A client of one database.
pub(crate) struct Redis {
    entries: Mutex<Entries>,
    duration: Histogram,
}

impl Redis {
    pub(crate) fn connect() -> Self {
        let duration = tripod::histogram("redis_command_duration_seconds")
            .unit("s")
            .description("How long commands take")
            .buckets(&[0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1])
            .build();
        Self { entries: Mutex::default(), duration }
    }

    /// A key's value, unless there is none or its time is over.
    pub(crate) async fn get(&self, key: &str, chance: &mut Chance) -> Option<String> {
        self.command("get", key, chance, |entries| {
            entries.retain(|_, (_, until)| *until > Instant::now());
            let value = entries.get(key).map(|(value, _)| value.clone());
            tripod::current().set_attribute("cache.hit", value.is_some());
            value
        })
        .await
    }

    /// Sets a key for some time.
    pub(crate) async fn set(&self, key: &str, value: String, ttl: Duration, chance: &mut Chance) {
        self.command("set", key, chance, |entries| entries.insert(key.to_owned(), (value, Instant::now() + ttl))).await;
    }

    /// Deletes a key.
    pub(crate) async fn del(&self, key: &str, chance: &mut Chance) {
        self.command("del", key, chance, |entries| entries.remove(key)).await;
    }

    async fn command<T>(
        &self,
        command: &'static str,
        key: &str,
        chance: &mut Chance,
        change: impl FnOnce(&mut Entries) -> T,
    ) -> T {
        let name = command.to_uppercase();
        let span = SpanBuilder::new(name.clone())
            .kind(SpanKind::CLIENT)
            .attribute("db.system.name", "redis")
            .attribute("db.operation.name", command)
            .attribute("db.query.text", &format!("{name} {key}"))
            .start();
        let run = async {
            let started = Instant::now();
            sleep(chance.takes_millis(0.4)).await;
            let result = change(&mut self.entries());
            self.duration.record(started.elapsed().as_secs_f64(), labels!(command));
            result
        };
        run.in_span(span).await
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
