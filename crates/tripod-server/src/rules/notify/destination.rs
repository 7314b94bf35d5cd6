//! Someone who is told: a queue, and a task that empties it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::message::Message;
use super::{Texts, alertmanager, slack, webhook};
use crate::http_client::HttpClient;
use crate::rules::schedule::now;

/// Messages that wait for one destination; of more the oldest go.
pub(crate) const QUEUE: usize = 10_000;
/// Messages of one request.
const BATCH: usize = 256;
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after the first failure; each further one is twice as long, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 1 << 20;
/// When those who don't remember are told again of an alert that still fires.
const REPEAT: i64 = 4 * 60 * 60 * 1000;
/// When it is forgotten that an alert was told that nobody speaks of any more.
const FORGET: i64 = 60 * 60 * 1000;

/// How a destination is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Alertmanager,
    Webhook,
    Slack,
}

impl Kind {
    fn bodies(self, messages: &[Message], external_url: &str) -> Vec<Value> {
        match self {
            Self::Alertmanager => vec![alertmanager::body(messages)],
            Self::Webhook => webhook::bodies(messages, external_url),
            Self::Slack => slack::bodies(messages, external_url),
        }
    }

    /// How often a request is tried. An Alertmanager is told again anyhow.
    fn attempts(self) -> u32 {
        match self {
            Self::Alertmanager => 4,
            Self::Webhook | Self::Slack => 12,
        }
    }
}

/// What became of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Given to who they are for.
    pub(crate) sent: u64,
    /// Requests that failed; they are tried again.
    pub(crate) failures: u64,
    /// Given up, or without room.
    pub(crate) dropped: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.failures += other.failures;
        self.dropped += other.dropped;
    }
}

/// A destination.
pub(crate) struct Destination {
    pub(crate) kind: Kind,
    url: String,
    external_url: String,
    client: Arc<HttpClient>,
    timeout: Duration,
    state: Mutex<DestinationState>,
    wake: Notify,
}

#[derive(Default)]
struct DestinationState {
    queue: VecDeque<Message>,
    counts: Counts,
    /// Of those that don't remember themselves: which alerts were told, when they began, when they were told and last spoken of.
    told: HashMap<Texts, (i64, i64, i64)>,
    task: Option<JoinHandle<()>>,
}

/// Whether a URL is one that can be sent to.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace) => Ok(()),
        _ => Err("must be a URL like http://host:9093".to_owned()),
    }
}

impl Destination {
    /// One that is named by its URL; of an Alertmanager that of its page.
    pub(super) fn new(kind: Kind, url: &str, client: Arc<HttpClient>, external_url: &str) -> Arc<Self> {
        let url = match kind {
            Kind::Alertmanager => format!("{}/api/v2/alerts", url.trim_end_matches('/')),
            Kind::Webhook | Kind::Slack => url.to_owned(),
        };
        Self::make(kind, url, client, external_url, TIMEOUT)
    }

    /// An Alertmanager that was found.
    pub(super) fn found(url: String, client: Arc<HttpClient>, timeout: Duration) -> Arc<Self> {
        Self::make(Kind::Alertmanager, url, client, "", timeout)
    }

    fn make(kind: Kind, url: String, client: Arc<HttpClient>, external_url: &str, timeout: Duration) -> Arc<Self> {
        let external_url = external_url.to_owned();
        Arc::new(Self { kind, url, external_url, client, timeout, state: Mutex::default(), wake: Notify::new() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The URL for people: without credentials, and of webhooks, whose path is a secret, only where they are.
    pub(crate) fn shown(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let host = rest[..end].rsplit('@').next().unwrap_or_default();
        match self.kind {
            Kind::Alertmanager => format!("{scheme}://{host}{}", &rest[end..]),
            Kind::Webhook | Kind::Slack => format!("{scheme}://{host}/…"),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.url, &self.external_url) == (other.kind, &other.url, &other.external_url)
    }

    /// Starts to send. Must be called within a Tokio runtime.
    pub(super) fn start(self: &Arc<Self>) {
        let this = Arc::clone(self);
        self.state().task = Some(tokio::spawn(async move { this.run().await }));
    }

    /// Stops at once; what it has come to.
    pub(super) fn stop(&self) -> Counts {
        let mut state = self.state();
        if let Some(task) = state.task.take() {
            task.abort();
        }
        state.counts.dropped += state.queue.len() as u64;
        state.queue.clear();
        state.counts
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().queue.len()
    }

    /// Has a message sent, if it is news to who gets it. An Alertmanager has silences of its own: it gets muted ones, too.
    pub(super) fn put(&self, message: Message, muted: bool) {
        let mut state = self.state();
        if self.kind != Kind::Alertmanager && !state.is_news(&message, muted, now()) {
            return;
        }
        if state.queue.len() == QUEUE {
            state.queue.pop_front();
            state.counts.dropped += 1;
            if state.counts.dropped.is_power_of_two() {
                let (url, dropped) = (self.shown(), state.counts.dropped);
                eprintln!("tripod: {QUEUE} alerts wait for {url}; {dropped} were dropped so far, the oldest first");
            }
        }
        state.queue.push_back(message);
        drop(state);
        self.wake.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, DestinationState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) {
        loop {
            let batch: Vec<Message> = {
                let mut state = self.state();
                let count = state.queue.len().min(BATCH);
                state.queue.drain(..count).collect()
            };
            if batch.is_empty() {
                self.wake.notified().await;
                continue;
            }
            let mut reason = None;
            for body in self.kind.bodies(&batch, &self.external_url) {
                if let Err(error) = self.send(&body).await {
                    reason = Some(error);
                }
            }
            let count = batch.len() as u64;
            let mut state = self.state();
            match reason {
                None => state.counts.sent += count,
                Some(reason) => {
                    state.counts.dropped += count;
                    eprintln!("tripod: {count} alerts could not be told to {}: {reason}", self.shown());
                }
            }
        }
    }

    /// Sends one body, as often as it takes and as it may.
    async fn send(&self, body: &Value) -> Result<(), String> {
        let bytes = Bytes::from(body.to_string());
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let (reason, again) = match self.once(bytes.clone()).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            self.state().counts.failures += 1;
            if !again || attempt == self.kind.attempts() {
                return Err(reason);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
        Ok(())
    }

    /// Why it failed, and whether it may help to try again.
    async fn once(&self, bytes: Bytes) -> Result<(), (String, bool)> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tripod/", env!("CARGO_PKG_VERSION"))));
        let request = self.client.send(Method::POST, &self.url, &headers, bytes, MAX_ANSWER);
        match tokio::time::timeout(self.timeout, request).await {
            Err(_) => Err((format!("no answer within {:?}", self.timeout), true)),
            Ok(Err(error)) => Err((error.to_string(), true)),
            Ok(Ok(answer)) if answer.status.is_success() => Ok(()),
            Ok(Ok(answer)) => {
                let text = String::from_utf8_lossy(&answer.body);
                let text: String = text.trim().chars().take(200).collect();
                let again = answer.status.is_server_error() || answer.status.as_u16() == 429;
                Err((format!("answered {}: {text}", answer.status), again))
            }
        }
    }
}

impl DestinationState {
    /// Whether someone who does not remember has to be told: of what begins, of what ends, and now and then of what goes on. Of what
    /// is muted only the end, where the beginning was told: whoever opened something then can close it.
    fn is_news(&mut self, message: &Message, muted: bool, now: i64) -> bool {
        self.told.retain(|_, (.., spoken_of)| now - *spoken_of < FORGET);
        if message.resolved {
            return self.told.remove(&message.labels).is_some();
        }
        let told = self.told.get_mut(&message.labels);
        if let Some((starts_at, at, spoken_of)) = told
            && *starts_at == message.starts_at
        {
            *spoken_of = now;
            let again = !muted && now - *at >= REPEAT;
            if again {
                *at = now;
            }
            return again;
        }
        if muted {
            return false;
        }
        self.told.insert(message.labels.clone(), (message.starts_at, now, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(starts_at: i64, resolved: bool) -> Message {
        Message {
            labels: [("alertname".to_owned(), "Down".to_owned())].into(),
            annotations: Texts::new(),
            starts_at,
            ends_at: starts_at + 1000,
            resolved,
            generator_url: "http://t/graph".to_owned(),
        }
    }

    #[test]
    fn webhooks_are_told_of_the_beginning_and_the_end_and_again_after_four_hours() {
        let mut state = DestinationState::default();
        assert!(state.is_news(&message(5, false), false, 10));
        let mut told = 0;
        for minute in 0..=(4 * 60) {
            told += usize::from(state.is_news(&message(5, false), false, 10 + minute * 60_000));
        }
        assert_eq!(told, 1);
        assert!(state.is_news(&message(5, true), false, 14_500_000));
        assert!(!state.is_news(&message(5, true), false, 14_500_001), "its end is told once");
    }

    #[test]
    fn an_end_without_a_beginning_is_no_news() {
        assert!(!DestinationState::default().is_news(&message(5, true), false, 10));
    }

    #[test]
    fn of_what_is_silenced_only_the_end_is_told_and_only_to_who_knows_the_beginning() {
        let mut state = DestinationState::default();
        assert!(!state.is_news(&message(5, false), true, 10));
        assert!(!state.is_news(&message(5, true), true, 11), "who heard nothing hears nothing");
        assert!(state.is_news(&message(7, false), false, 12), "the silence is over");
        for minute in 0..=(5 * 60) {
            assert!(!state.is_news(&message(7, false), true, 12 + minute * 60_000), "after {minute} minutes");
        }
        assert!(state.is_news(&message(7, true), true, 18_100_000), "what was opened is closed");
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let client = Arc::new(HttpClient::new(&crate::prometheus_config::http::HttpConfig::default()).unwrap());
        let shown = |kind, url| Destination::new(kind, url, Arc::clone(&client), "").shown();
        assert_eq!(shown(Kind::Alertmanager, "http://u:p@a:9093/x/"), "http://a:9093/x/api/v2/alerts");
        assert_eq!(shown(Kind::Slack, "https://hooks.example/T0/B0/secret"), "https://hooks.example/…");
    }
}
