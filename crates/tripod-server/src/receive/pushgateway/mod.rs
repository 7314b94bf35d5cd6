//! Takes what jobs push that end before anyone could scrape them, as Prometheus' Pushgateway does: `PUT`, `POST` and `DELETE` on
//! `/metrics/job/JOB{/LABEL/VALUE}`.
//!
//! A push is held as a group under the labels of its path, in memory and in a file of its own ([`disk`]), and written to the store
//! when it comes and every [`EVERY`] from then on, so that queries find it for as long as it is held. It is answered when it is on
//! disk. `PUT` replaces a group, `POST` the metrics of the same names, `DELETE` ends it.

mod disk;
mod group;
mod path;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::sync::watch;
use tripod_store::{Labels, SeriesWrite, Store};
use tripod_wire::prometheus::series::STALE_NAN;

use self::group::{Families, Group};
use super::body::{self, Coding};
use super::in_flight::InFlight;
use super::refusal::{Kind, Refusal};

/// How often what is held is written again: well within the five minutes that queries look back.
pub(crate) const EVERY: Duration = Duration::from_secs(15);
/// Series that are held at most.
const MAX_SERIES: usize = 100_000;

/// What was pushed.
pub(crate) struct Pushed {
    store: Arc<dyn Store>,
    in_flight: Arc<InFlight>,
    max_body: usize,
    dir: PathBuf,
    groups: Mutex<BTreeMap<Labels, Group>>,
}

impl Pushed {
    /// Reads what was held before, from `dir`, and goes on holding it.
    pub(crate) fn open(store: Arc<dyn Store>, in_flight: Arc<InFlight>, max_body: usize, dir: PathBuf) -> Arc<Self> {
        let groups = Mutex::new(disk::read_all(&dir));
        Arc::new(Self { store, in_flight, max_body, dir, groups })
    }

    /// Writes what is held, time and again, until the server stops.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            let pushed = Arc::clone(&self);
            let work = move || {
                let time = now();
                let writes: Vec<_> = pushed.groups().iter().flat_map(|(key, group)| group.writes(key, time)).collect();
                if writes.is_empty() { Ok(()) } else { pushed.store.append_series(&writes).map(drop) }
            };
            if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
                eprintln!("tripod: what was pushed could not be written: {error}");
            }
        }
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<Labels, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a push; blocks until it is on disk.
    fn push(&self, key: &Labels, families: Result<Families, String>, replace: bool) -> Result<(), Refusal> {
        let time = now();
        let mut groups = self.groups();
        let checked = families.and_then(|families| group::check(&groups, key, &families).map(|()| families));
        let mut next = groups.get(key).cloned().unwrap_or_default();
        let families = match checked {
            Ok(families) => families,
            Err(reason) => {
                next.failed = time;
                let marks = next.times(key, time);
                self.keep(key, &next)?;
                groups.insert(key.clone(), next);
                self.store.append_series(&marks).map_err(Refusal::from)?;
                return Err(Refusal::invalid(reason));
            }
        };
        let before = next.labels();
        next.take(families, replace);
        next.pushed = time;
        let others: usize = groups.iter().filter(|(other, _)| *other != key).map(|(_, group)| group.len()).sum();
        if others + next.len() > MAX_SERIES {
            let reason =
                format!("{MAX_SERIES} series may be held, and these would be more: delete groups, or push less");
            return Err(Refusal::new(Kind::TooManySeries, reason));
        }
        self.keep(key, &next)?;
        let mut writes = next.writes(key, time);
        let after = next.labels();
        writes.extend(before.difference(&after).map(|labels| mark(labels, time)));
        groups.insert(key.clone(), next);
        drop(groups);
        self.store.append_series(&writes).map_err(Refusal::from).map(drop)
    }

    /// Ends a group.
    fn delete(&self, key: &Labels) -> Result<(), Refusal> {
        let mut groups = self.groups();
        let Some(group) = groups.remove(key) else { return Ok(()) };
        disk::remove(&self.dir, key).map_err(|error| Refusal::unavailable(error.to_string()))?;
        drop(groups);
        let time = now();
        let times = group.times(key, time);
        let all = group.labels().into_iter().chain(times.into_iter().map(|write| write.labels));
        let writes: Vec<_> = all.map(|labels| mark(&labels, time)).collect();
        self.store.append_series(&writes).map_err(Refusal::from).map(drop)
    }

    fn keep(&self, key: &Labels, group: &Group) -> Result<(), Refusal> {
        disk::write(&self.dir, key, group)
            .map_err(|error| Refusal::unavailable(format!("the push can't be kept in {}: {error}", self.dir.display())))
    }
}

/// The mark that ends a series.
fn mark(labels: &Labels, time: i64) -> SeriesWrite {
    group::sample(labels.clone(), time, STALE_NAN)
}

/// The routes of the receiver.
pub(crate) fn router(pushed: Arc<Pushed>) -> Router {
    Router::new().route("/metrics/{*path}", any(handle)).with_state(pushed)
}

async fn handle(State(pushed): State<Arc<Pushed>>, request: Request) -> Response {
    match take(&pushed, request).await {
        Ok(status) => status.into_response(),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, refusal.reason + "\n").into_response()
        }
    }
}

async fn take(pushed: &Arc<Pushed>, request: Request) -> Result<StatusCode, Refusal> {
    let key = path::grouping(request.uri().path()).map_err(Refusal::invalid)?;
    let method = request.method().clone();
    let this = Arc::clone(pushed);
    if method == Method::DELETE {
        blocking(move || this.delete(&key)).await?;
        return Ok(StatusCode::ACCEPTED);
    }
    if method != Method::PUT && method != Method::POST {
        return Ok(StatusCode::METHOD_NOT_ALLOWED);
    }
    let (coding, protobuf) = (coding(request.headers())?, is_protobuf(request.headers()));
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut lease = pushed.in_flight.lease();
    let bytes = body::read(request.into_body(), announced, pushed.max_body, &mut lease).await?;
    blocking(move || {
        let bytes = body::decompress(coding, bytes, this.max_body, &mut lease)?;
        this.push(&key, group::parse(&key, protobuf, &bytes), method == Method::PUT)
    })
    .await?;
    Ok(StatusCode::OK)
}

async fn blocking(work: impl FnOnce() -> Result<(), Refusal> + Send + 'static) -> Result<(), Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Refusal::internal("the push could not be worked on"))?
}

fn coding(headers: &HeaderMap) -> Result<Coding, Refusal> {
    let name = headers.get(CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("not readable"));
    Coding::from_name(name).ok_or_else(|| {
        Refusal::unsupported(format!("content-encoding {name:?} is not spoken here: send gzip, zstd or identity"))
    })
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.trim_start().to_ascii_lowercase().starts_with("application/vnd.google.protobuf")
}

/// Milliseconds since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
