//! Tells others about alerts. Every destination has a queue of its own, bounded, and a task that empties it: one that can't be reached
//! delays no other and no evaluation. What is sent is tried again with growing pauses; what can't be told in the end, or finds no
//! room, is counted and said.

mod alertmanager;
mod destination;
mod managers;
mod message;
mod slack;
mod webhook;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

pub(crate) use self::destination::{Counts, Destination, Kind, QUEUE};
pub(crate) use self::message::Message;
use super::alert::{Alert, State, Surroundings};
use super::schedule::now;
use super::settings::RuleSettings;
use super::silences::Silences;
use super::template;
use crate::http_client::HttpClient;
use crate::prometheus_config::alerting::Alertmanagers;
use crate::prometheus_config::http::HttpConfig;
use crate::prometheus_config::relabel::{LabelMap, RelabelRule, relabel};
use crate::{PrometheusConfig, ServerError};

/// Who is told: what a configuration comes to.
pub(crate) struct Destinations {
    /// Rewrites alerts before anyone gets them.
    relabel: Vec<RelabelRule>,
    fixed: Vec<Arc<Destination>>,
    groups: Vec<(Alertmanagers, Arc<HttpClient>)>,
}

impl Destinations {
    pub(super) fn new(
        settings: &RuleSettings,
        config: &PrometheusConfig,
        external_url: &str,
    ) -> Result<Self, ServerError> {
        let wrong = |url: &str, reason: String| ServerError::Config(format!("{url:?}: {reason}"));
        let client = |config: &HttpConfig| HttpClient::new(config).map(Arc::new);
        let mut fixed = Vec::new();
        let kinds = [
            (Kind::Alertmanager, &settings.alertmanagers),
            (Kind::Webhook, &settings.webhooks),
            (Kind::Slack, &settings.slack),
        ];
        for (kind, url) in kinds.iter().flat_map(|(kind, urls)| urls.iter().map(move |url| (*kind, url))) {
            destination::check_url(url).map_err(|reason| wrong(url, reason))?;
            let client = client(&HttpConfig::default()).map_err(|error| wrong(url, error.to_string()))?;
            fixed.push(Destination::new(kind, url, client, external_url));
        }
        let mut groups = Vec::new();
        for group in &config.alerting.alertmanagers {
            let client = client(&group.http).map_err(|error| ServerError::Config(format!("alertmanagers: {error}")))?;
            groups.push((group.clone(), client));
        }
        Ok(Self { relabel: config.alerting.alert_relabel.clone(), fixed, groups })
    }
}

/// Tells all destinations; what is silenced only those that have silences of their own.
pub(crate) struct Notifier {
    silences: Arc<Silences>,
    state: Mutex<NotifierState>,
}

#[derive(Default)]
struct NotifierState {
    relabel: Arc<Vec<RelabelRule>>,
    fixed: Vec<Arc<Destination>>,
    /// Of each group of Alertmanagers those that were found.
    found: Vec<Found>,
    /// They look for Alertmanagers, and end with the configuration.
    tasks: Vec<JoinHandle<()>>,
    /// Of destinations that are no longer there.
    past: Counts,
}

/// What was found of a group of Alertmanagers.
#[derive(Default, Clone)]
struct Found {
    alert_relabel: Arc<Vec<RelabelRule>>,
    active: Vec<Arc<Destination>>,
    dropped: Vec<String>,
}

impl Notifier {
    pub(super) fn new(silences: Arc<Silences>) -> Self {
        Self { silences, state: Mutex::default() }
    }

    /// Tells these from now on. Must be called within a Tokio runtime.
    pub(super) fn apply(self: &Arc<Self>, destinations: Destinations) {
        let mut state = self.state();
        state.tasks.drain(..).for_each(|task| task.abort());
        let mut past = state.past;
        let before = std::mem::take(&mut state.fixed);
        let gone = state.found.drain(..).flat_map(|found| found.active);
        // Those that stay keep their queues and counts.
        let (mut fixed, mut kept) = (Vec::new(), Vec::new());
        for new in destinations.fixed {
            if let Some(old) = before.iter().find(|old| old.is_same(&new)) {
                kept.push(Arc::clone(old));
                fixed.push(Arc::clone(old));
            } else {
                new.start();
                fixed.push(new);
            }
        }
        let left = before.into_iter().filter(|old| !kept.iter().any(|one| Arc::ptr_eq(one, old)));
        for old in left.chain(gone) {
            past.add(&old.stop());
        }
        state.past = past;
        state.fixed = fixed;
        state.relabel = Arc::new(destinations.relabel);
        for (at, (group, client)) in destinations.groups.into_iter().enumerate() {
            let alert_relabel = Arc::new(group.alert_relabel.clone());
            state.found.push(Found { alert_relabel, ..Found::default() });
            let notifier = Arc::downgrade(self);
            state.tasks.push(tokio::spawn(managers::look(group, client, at, notifier)));
        }
    }

    /// Tells all of them; never waits.
    pub(super) fn tell(&self, expr: &str, alerts: &[Alert], surroundings: &Surroundings) {
        let (fixed, found) = {
            let state = self.state();
            (state.fixed.clone(), state.found.clone())
        };
        for message in alerts.iter().filter_map(|alert| self.message(expr, alert, surroundings)) {
            let muted = !self.silences.of(&message.labels, now()).is_empty();
            fixed.iter().for_each(|destination| destination.put(message.clone(), muted));
            for group in found.iter().filter(|group| !group.active.is_empty()) {
                let mut message = message.clone();
                if relabel(&mut message.labels, &group.alert_relabel) {
                    group.active.iter().for_each(|destination| destination.put(message.clone(), muted));
                }
            }
        }
    }

    /// What is told about an alert; nothing where relabelling drops it.
    pub(crate) fn message(&self, expr: &str, alert: &Alert, surroundings: &Surroundings) -> Option<Message> {
        let resolved = alert.state == State::Inactive;
        Some(Message {
            labels: self.labels(alert, surroundings)?,
            annotations: alert.all_annotations(),
            starts_at: alert.fired_at.unwrap_or(alert.active_at),
            ends_at: alert.resolved_at.filter(|_| resolved).unwrap_or(alert.valid_until),
            resolved,
            generator_url: format!("{}{}", surroundings.external_url, template::link(expr, 1)),
        })
    }

    /// The labels that others know an alert by, and silences see; none where relabelling drops it.
    pub(crate) fn labels(&self, alert: &Alert, surroundings: &Surroundings) -> Option<LabelMap> {
        let rules = Arc::clone(&self.state().relabel);
        let mut labels: LabelMap = alert.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        for (name, value) in &surroundings.external_labels {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        relabel(&mut labels, &rules).then_some(labels)
    }

    /// The Alertmanagers of one group, found anew.
    fn set_found(&self, at: usize, client: &Arc<HttpClient>, timeout: std::time::Duration, urls: managers::Urls) {
        let mut state = self.state();
        let Some(found) = state.found.get_mut(at) else { return };
        let mut active = Vec::new();
        let mut before = std::mem::take(&mut found.active);
        for url in urls.active {
            if let Some(at) = before.iter().position(|old| old.url() == url) {
                active.push(before.swap_remove(at));
            } else {
                let destination = Destination::found(url, Arc::clone(client), timeout);
                destination.start();
                active.push(destination);
            }
        }
        (found.active, found.dropped) = (active, urls.dropped);
        for gone in before {
            state.past.add(&gone.stop());
        }
    }

    /// All destinations there are.
    pub(crate) fn destinations(&self) -> Vec<Arc<Destination>> {
        let state = self.state();
        state.fixed.iter().chain(state.found.iter().flat_map(|found| &found.active)).cloned().collect()
    }

    /// URLs of Alertmanagers that relabelling has dropped.
    pub(crate) fn dropped_managers(&self) -> Vec<String> {
        self.state().found.iter().flat_map(|found| found.dropped.iter().cloned()).collect()
    }

    /// Counts of destinations that are no longer there.
    pub(crate) fn past(&self) -> Counts {
        self.state().past
    }

    fn state(&self) -> MutexGuard<'_, NotifierState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Texts by name.
type Texts = BTreeMap<String, String>;
