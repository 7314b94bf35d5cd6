//! `GET /loki/api/v1/tail`: a WebSocket on which lines come as they arrive.
//!
//! The store is asked again and again for what happened since; a record that arrives late by more than the delay is not seen.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::Semaphore;
use tripod_store::Window;

use super::select::{self, Order};
use super::{Request, answer, answered};
use crate::own_metrics::Api;
use crate::query::logql::entry::Entry;
use crate::query::logql::{Lines, Query, parse};
use crate::query::params::Params;
use crate::query::{Context, Failure, time};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// So long after it happened a line may still arrive.
const LATE: u64 = 5_000_000_000;
/// Lines of one message.
const MAX_LINES: usize = 5_000;
/// How long a tail lasts at most, so that forgotten ones end.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Tails at a time: a connection that was upgraded counts for no other limit.
static PLACES: Semaphore = Semaphore::const_new(100);

pub(super) async fn tail(State(context): State<Arc<Context>>, request: axum::extract::Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &context).await;
    let params = Params::parse(parts.uri.query().unwrap_or_default().as_bytes());
    drop(body);
    let request = Request::new(params, &parts.headers);
    let asked = asked(&request);
    match (asked, upgrade) {
        (Err(failure), _) => answered(Err(failure)),
        (Ok(_), Err(rejection)) => (StatusCode::BAD_REQUEST, rejection.body_text()).into_response(),
        (Ok(tail), Ok(upgrade)) => match PLACES.try_acquire() {
            Ok(place) => upgrade.on_upgrade(async move |socket| {
                follow(context, tail, socket).await;
                drop(place);
            }),
            Err(_) => (StatusCode::TOO_MANY_REQUESTS, "too many tails at a time: try again later").into_response(),
        },
    }
}

struct Tail {
    lines: Lines,
    start: u64,
    limit: usize,
    categorize: bool,
    /// How much later than it happened a line is sent.
    delay: u64,
}

fn asked(request: &Request) -> Result<Tail, Failure> {
    let lines = match parse(request.params.required("query")?)? {
        Query::Lines(lines) => lines,
        Query::Metric(_) => return Err(Failure::Bad("only lines can be tailed, not metrics of them".to_owned())),
    };
    let delay = |text: &str| match text.parse::<u64>() {
        Ok(seconds @ 0..=5) => Ok(seconds * 1_000_000_000),
        _ => Err(format!("{text:?} must be a whole number of seconds from 0 to 5")),
    };
    Ok(Tail {
        lines,
        start: request.window()?.start,
        limit: request.limit()?,
        categorize: request.categorize,
        delay: request.params.read("delay_for", delay)?.unwrap_or(0),
    })
}

async fn follow(context: Arc<Context>, tail: Tail, mut socket: WebSocket) {
    let tail = Arc::new(tail);
    let mut seen = Seen::new(tail.start);
    let began = tokio::time::Instant::now();
    let mut stop = context.stop.clone();
    while began.elapsed() < MAX_AGE {
        let Ok((entries, next)) = look(&context, &tail, seen).await else { break };
        seen = next;
        if !entries.is_empty() {
            let message = json!({ "streams": answer::by_stream(entries, tail.categorize), "dropped_entries": null });
            if socket.send(Message::Text(message.to_string().into())).await.is_err() {
                return;
            }
        }
        tokio::select! {
            // A client says nothing but that it goes.
            said = socket.recv() => if !matches!(said, Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_)))) { return },
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    // The client may be gone already.
    let _ = socket.send(Message::Close(None)).await;
}

async fn look(context: &Arc<Context>, tail: &Arc<Tail>, mut seen: Seen) -> Result<(Vec<Entry>, Seen), Failure> {
    let tail = Arc::clone(tail);
    let query = move |context: &Context| {
        let end = time::now().saturating_sub(tail.delay);
        let is_first = seen.sent.is_empty();
        let window = Window { start: seen.since.min(end), end };
        // At the beginning, the newest few; then all that is new.
        let limit = if is_first { tail.limit } else { MAX_LINES };
        let mut found = select::first(context, &tail.lines, window, Order::NewestFirst, limit)?;
        found.retain(|entry| seen.is_new(entry));
        found.reverse();
        seen.forget_before(end.saturating_sub(LATE));
        Ok((found, seen))
    };
    context.run(Api::Logs, query).await
}

/// Which lines were sent, as far back as more may arrive.
struct Seen {
    since: u64,
    sent: HashSet<(u64, u64)>,
}

impl Seen {
    fn new(since: u64) -> Self {
        Self { since, sent: HashSet::new() }
    }

    fn is_new(&mut self, entry: &Entry) -> bool {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        entry.line.hash(&mut hasher);
        entry.labels().iter().for_each(|label| (&label.name, &label.value).hash(&mut hasher));
        self.sent.insert((entry.time, hasher.finish()))
    }

    fn forget_before(&mut self, time: u64) {
        self.since = self.since.max(time);
        let since = self.since;
        self.sent.retain(|(at, _)| *at >= since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_new_once_and_old_ones_are_forgotten() {
        let mut seen = Seen::new(0);
        let line = |time, text: &str| Entry::new(time, text.to_owned(), &[]);
        assert!(seen.is_new(&line(5, "a")) && seen.is_new(&line(5, "b")));
        assert!(!seen.is_new(&line(5, "a")));
        seen.forget_before(6);
        assert_eq!((seen.since, seen.sent.len()), (6, 0));
    }
}
