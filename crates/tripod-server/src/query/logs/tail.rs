//! `GET /api/logs/tail`: records as they arrive, as server-sent events.
//!
//! The store is asked twice a second for what happened lately; what was sent is remembered for a while, so that a record that arrives
//! late is sent, too, and none is sent twice. A connection that breaks is taken up again by the id of the last event that was received:
//! what was sent after it is sent again, and nothing else is. When the server does not know that connection any more, it starts from
//! the time that the id names; records have ids by which a client knows those it has.
//!
//! A client that reads slowly is asked for less often: an event has at most [`MAX_LINES`] records, the newest ones, and says how many were
//! skipped.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tripod_store::{LogQuery, Store, StoredLog, Window};

use super::conditions::conditions;
use super::log;
use super::record::LogId;
use crate::own_metrics::Api;
use crate::query::params::Params;
use crate::query::{Context, Failure, json_response, time};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// So long after it happened a record may still arrive.
const LATE: u64 = 10_000_000_000;
/// So long it is known what was sent.
const KNOWN: u64 = 30_000_000_000;
/// Records of one event.
const MAX_LINES: usize = 1_000;
/// Records that a look reads.
const MAX_FOUND: usize = 10_000;
/// How long a tail lasts at most, so that forgotten ones end; clients that are there connect again.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// So long a connection that broke can be taken up.
const KEPT: Duration = Duration::from_secs(60);
/// Tails that are known, connected or not.
const MAX_KNOWN: usize = 200;
/// Looks that can be undone.
const MAX_UNDONE: usize = 64;

/// Tails at a time.
static PLACES: Semaphore = Semaphore::const_new(100);

/// The tails of a server.
#[derive(Default)]
pub(crate) struct Tails {
    keys: RandomState,
    sessions: Mutex<HashMap<u64, Arc<Mutex<Session>>>>,
}

pub(super) async fn tail(State(context): State<Arc<Context>>, headers: HeaderMap, params: Params) -> Response {
    let read = {
        let params = params.clone();
        move |context: &Context| conditions(context.store.as_ref(), &params, Window::ALL, MAX_FOUND)
    };
    let query = match context.run(Api::Logs, read).await {
        Ok(query) => query,
        Err(failure) => return failure.ours(),
    };
    let start = match params.bounds() {
        Ok((start, _)) => start.unwrap_or_else(time::now),
        Err(failure) => return failure.ours(),
    };
    let Ok(place) = PLACES.try_acquire() else {
        let error = json!({ "error": "too many tails at a time: try again later" });
        return json_response(StatusCode::TOO_MANY_REQUESTS, &error);
    };
    let received = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(Received::parse);
    let (session, turn) = context.tails.open(&format!("{query:?}"), received, start);
    let (events, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        follow(&context, &query, &session, turn, &events).await;
        drop(place);
    });
    Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default()).into_response()
}

/// The id of an event: which tail, how many looks it had, and until when it had looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Received {
    key: u64,
    look: u32,
    until: u64,
}

impl Received {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let key = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { key, look: parts.next()?.parse().ok()?, until: parts.next()?.parse().ok()? })
    }

    fn text(self) -> String {
        format!("{:016x}-{}-{}", self.key, self.look, self.until)
    }
}

impl Tails {
    /// Takes up a tail, or begins one; and which of the connections that took it up this is.
    fn open(&self, query: &str, received: Option<Received>, start: u64) -> (Arc<Mutex<Session>>, u32) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| Arc::strong_count(session) > 1 || lock(session).used.elapsed() < KEPT);
        if let Some(received) = received
            && let Some(session) = sessions.get(&received.key)
        {
            let mut state = lock(session);
            if state.query == query && state.resume(received.look) {
                let turn = state.turn;
                drop(state);
                return (Arc::clone(session), turn);
            }
        }
        if sessions.len() >= MAX_KNOWN {
            let unused = sessions.iter().filter(|(_, session)| Arc::strong_count(session) == 1);
            let oldest = unused.min_by_key(|(_, session)| lock(session).used).map(|(key, _)| *key);
            oldest.and_then(|key| sessions.remove(&key));
        }
        let key = self.keys.hash_one((time::now(), sessions.len(), query));
        let since = received.map_or(start, |received| received.until.saturating_sub(LATE));
        let session = Arc::new(Mutex::new(Session::new(key, query.to_owned(), since)));
        sessions.insert(key, Arc::clone(&session));
        (session, 0)
    }
}

fn lock(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a tail.
struct Session {
    key: u64,
    query: String,
    /// Which connection has it.
    turn: u32,
    used: Instant,
    /// What happened before was sent.
    since: u64,
    /// What was sent, and in which look.
    sent: HashMap<LogId, u32>,
    look: u32,
    /// From when the last looks looked.
    looks: VecDeque<(u32, u64)>,
}

/// What a look found.
struct Found {
    logs: Vec<StoredLog>,
    skipped: u64,
    id: Received,
}

impl Session {
    fn new(key: u64, query: String, since: u64) -> Self {
        let (sent, looks) = (HashMap::new(), VecDeque::new());
        Self { key, query, turn: 0, used: Instant::now(), since, sent, look: 0, looks }
    }

    /// Undoes the looks that were not received; `false` when that is too long ago.
    fn resume(&mut self, received: u32) -> bool {
        let undone = self.look.saturating_sub(received) as usize;
        if received > self.look || undone > self.looks.len() {
            return false;
        }
        let starts = self.looks.iter().filter(|(look, _)| *look > received).map(|(_, start)| *start);
        self.since = starts.chain([self.since]).min().unwrap_or(self.since);
        self.looks.retain(|(look, _)| *look <= received);
        self.sent.retain(|_, look| *look <= received);
        self.look = received;
        self.turn += 1;
        true
    }

    /// What arrived since the last look.
    fn look(&mut self, store: &dyn Store, query: &LogQuery, now: u64) -> Result<Found, Failure> {
        let window = Window { start: self.since.min(now), end: now };
        let query = LogQuery { window, limit: MAX_FOUND, ..query.clone() };
        let found = store.find_logs(&query)?;
        let before = self.sent.keys().filter(|id| window.contains(id.time)).count() as u64;
        let is_cut = found.len() == MAX_FOUND;
        let mut logs: Vec<StoredLog> = Vec::new();
        let mut new = 0u64;
        self.look += 1;
        for log in found {
            if let std::collections::hash_map::Entry::Vacant(place) = self.sent.entry(LogId::of(&log)) {
                place.insert(self.look);
                new += 1;
                if logs.len() < MAX_LINES {
                    logs.push(log);
                }
            }
        }
        if is_cut {
            let volume = store.log_volume(&query, 1)?;
            new = volume.levels.values().flatten().sum::<u64>().saturating_sub(before);
        }
        let skipped = new.saturating_sub(logs.len() as u64);
        if new == 0 {
            // Nothing is sent, so there is nothing to undo.
            self.look -= 1;
        } else {
            self.looks.push_back((self.look, window.start));
            if self.looks.len() > MAX_UNDONE {
                self.looks.pop_front();
            }
        }
        // What was not even read counts as skipped: it must not be found the next time.
        self.since = if is_cut { now.saturating_add(1) } else { self.since.max(now.saturating_sub(LATE)) };
        self.sent.retain(|id, _| id.time >= now.saturating_sub(KNOWN));
        self.used = Instant::now();
        Ok(Found { logs, skipped, id: Received { key: self.key, look: self.look, until: now } })
    }
}

type Events = mpsc::Sender<Result<Event, Infallible>>;

async fn follow(context: &Arc<Context>, query: &LogQuery, session: &Arc<Mutex<Session>>, turn: u32, events: &Events) {
    let began = Instant::now();
    let mut stop = context.stop.clone();
    while began.elapsed() < MAX_AGE {
        let (query, of_look) = (query.clone(), Arc::clone(session));
        let look = move |context: &Context| {
            let mut session = lock(&of_look);
            // Another connection has taken it up.
            if session.turn != turn {
                return Ok(None);
            }
            session.look(context.store.as_ref(), &query, time::now()).map(Some)
        };
        let event = match context.run(Api::Logs, look).await {
            Ok(None) => return,
            Ok(Some(found)) if found.logs.is_empty() && found.skipped == 0 => None,
            Ok(Some(found)) => Some(event(&found)),
            Err(failure) => {
                let said = Event::default().event("failure").data(json!({ "error": failure.reason() }).to_string());
                let _gone = events.send(Ok(said)).await;
                return;
            }
        };
        if let Some(event) = event
            && events.send(Ok(event)).await.is_err()
        {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = events.closed() => return,
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn event(found: &Found) -> Event {
    let data = json!({ "logs": found.logs.iter().map(log).collect::<Value>(), "skipped": found.skipped });
    Event::default().event("logs").id(found.id.text()).data(data.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_and_what_is_none_is_ignored() {
        let id = Received { key: 255, look: 3, until: 7 };
        assert_eq!(Received::parse(&id.text()), Some(id));
        for wrong in ["", "ff", "ff-3", "xx-3-7", "ff-3-7-1"] {
            assert_eq!(Received::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn looks_that_were_not_received_are_undone() {
        let mut session = Session::new(1, "q".to_owned(), 100);
        session.look = 3;
        session.since = 400;
        session.looks = VecDeque::from([(1, 100), (2, 200), (3, 300)]);
        let id = |time| LogId { time, fingerprint: 0 };
        session.sent = HashMap::from([(id(110), 1), (id(210), 2), (id(310), 3)]);
        assert!(session.resume(1));
        assert_eq!((session.since, session.look, session.turn), (200, 1, 1));
        assert_eq!(session.sent.keys().collect::<Vec<_>>(), [&id(110)]);
        assert!(!session.resume(2), "a look that was never made was not received");
    }

    #[test]
    fn a_tail_is_taken_up_only_with_its_own_query() {
        let tails = Tails::default();
        let (session, _) = tails.open("a", None, 5);
        let received = Received { key: lock(&session).key, look: 0, until: 20_000_000_000 };
        let (same, turn) = tails.open("a", Some(received), 5);
        assert!(Arc::ptr_eq(&session, &same) && turn == 1);
        let (other, turn) = tails.open("b", Some(received), 5);
        assert!(!Arc::ptr_eq(&session, &other) && turn == 0);
        assert_eq!(lock(&other).since, 10_000_000_000, "it begins before the time that was reached");
    }
}
