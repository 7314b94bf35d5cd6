//! Alerting rules: what their alerts are from one evaluation to the next. An alert is pending until its expression has given
//! something for as long as the rule says, fires as long as it does, and is remembered for a while after it was resolved, so that
//! whoever missed the news hears it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tripod_promql::{Labels, METRIC_NAME, SampleValue, VectorSample};

use super::file::{RuleConfig, RuleKind};
use super::ground::{Ground, RuleSample, vector};
use super::template::{AlertData, Filling, Template};

/// The series that says which alerts there are.
pub(super) const ALERTS: &str = "ALERTS";
/// The series that says since when, for the time after a restart.
const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
/// How long resolved alerts are remembered, and told again.
const RESOLVED_KEPT: i64 = 15 * 60 * 1000;

/// How far an alert has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Inactive,
    Pending,
    Firing,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One alert. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) value: f64,
    pub(crate) state: State,
    /// Since when the expression has given something.
    pub(crate) active_at: i64,
    pub(crate) fired_at: Option<i64>,
    pub(crate) resolved_at: Option<i64>,
    pub(crate) keep_firing_since: Option<i64>,
    pub(crate) last_sent_at: Option<i64>,
    /// Until when who was told may take it as firing without being told again.
    pub(crate) valid_until: i64,
    /// Labels of the series that the expression gave.
    pub(crate) of: Labels,
    /// What it is about: further annotations, by name.
    pub(crate) links: BTreeMap<&'static str, String>,
}

impl Alert {
    /// The rule's annotations and the links. A rule that says one of these itself is believed.
    pub(crate) fn all_annotations(&self) -> BTreeMap<String, String> {
        let links = self.links.iter().map(|(name, link)| ((*name).to_owned(), link.clone()));
        links.chain(self.annotations.clone()).collect()
    }
}

/// An alerting rule: what it says, ready to be filled in.
#[derive(Debug)]
pub(super) struct AlertingRule {
    name: String,
    pub(super) hold: i64,
    keep_firing: i64,
    labels: Vec<(String, Template)>,
    annotations: Vec<(String, Template)>,
}

/// What a rule's templates are told besides.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Surroundings {
    pub(crate) external_labels: Vec<(String, String)>,
    pub(crate) external_url: String,
}

/// The alerts of a rule.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    pub(super) active: HashMap<Labels, Alert>,
    /// Whether it is known since when they are active; before that nothing is written about them.
    pub(super) restored: bool,
}

impl AlertingRule {
    /// The alerting part of a rule; none of a recording one.
    pub(super) fn new(config: &RuleConfig) -> Option<Self> {
        let RuleKind::Alerting { hold, keep_firing, annotations } = &config.kind else { return None };
        let templates = |texts: &BTreeMap<String, String>| {
            // Those that can't be read were refused with their file.
            let read = |(name, text): (&String, &String)| {
                Template::parse(&config.name, text).ok().map(|template| (name.clone(), template))
            };
            texts.iter().filter_map(read).collect()
        };
        Some(Self {
            name: config.name.clone(),
            hold: hold.as_millis() as i64,
            keep_firing: keep_firing.as_millis() as i64,
            labels: templates(&config.labels),
            annotations: templates(annotations),
        })
    }

    /// The alerts that the expression's answer stands for, each as it would begin.
    pub(super) fn begin(
        &self,
        samples: Vec<VectorSample>,
        ground: &dyn Ground,
        surroundings: &Surroundings,
        at: i64,
    ) -> Result<HashMap<Labels, Alert>, String> {
        let ask = |query: &str| vector(ground, query, at);
        let external = Labels::new(surroundings.external_labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let mut alerts = HashMap::with_capacity(samples.len());
        for sample in samples {
            let data = Arc::new(AlertData {
                labels: sample.labels.clone(),
                external_labels: external.clone(),
                external_url: surroundings.external_url.clone(),
                value: sample.value.clone(),
            });
            let filling = Filling { data, now: at, ask: &ask };
            let of = sample.labels.without_name();
            let labels =
                self.labels.iter().fold(of.clone(), |all, (name, text)| all.with(name, &text.expand(&filling)));
            let labels = labels.with("alertname", &self.name);
            let annotations = self.annotations.iter().map(|(name, text)| (name.clone(), text.expand(&filling)));
            let alert = Alert {
                labels: labels.clone(),
                annotations: annotations.collect(),
                value: sample.value.float().unwrap_or(0.0),
                state: State::Pending,
                active_at: at,
                fired_at: None,
                resolved_at: None,
                keep_firing_since: None,
                last_sent_at: None,
                valid_until: 0,
                of,
                links: BTreeMap::new(),
            };
            if alerts.insert(labels, alert).is_some() {
                return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
            }
        }
        Ok(alerts)
    }

    /// Takes the alerts one evaluation further; the samples that say how they are.
    ///
    /// # Errors
    /// When there are more than `limit` (0: any number); none is left then.
    pub(super) fn advance(
        &self,
        alerts: &mut Alerts,
        now: HashMap<Labels, Alert>,
        at: i64,
        offset: i64,
        limit: usize,
    ) -> Result<Vec<RuleSample>, String> {
        let present: HashSet<Labels> = now.keys().cloned().collect();
        for (labels, new) in now {
            match alerts.active.get_mut(&labels) {
                Some(known) if known.state != State::Inactive => {
                    known.value = new.value;
                    known.annotations = new.annotations;
                }
                _ => {
                    alerts.active.insert(labels, new);
                }
            }
        }
        let mut samples = Vec::new();
        let mut count = 0;
        let restored = alerts.restored;
        alerts.active.retain(|labels, alert| {
            let kept = self.step(alert, present.contains(labels), at);
            if kept && alert.state != State::Inactive {
                count += 1;
                if restored {
                    samples.extend(state_samples(alert, at - offset));
                }
            }
            kept
        });
        if limit > 0 && count > limit {
            alerts.active.clear();
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(samples)
    }

    /// One alert, one evaluation further; false when it is forgotten.
    fn step(&self, alert: &mut Alert, present: bool, at: i64) -> bool {
        if present {
            alert.keep_firing_since = None;
        } else {
            let keeps = alert.state == State::Firing
                && self.keep_firing > 0
                && at - *alert.keep_firing_since.get_or_insert(at) < self.keep_firing;
            let pending = alert.state == State::Pending;
            if pending || alert.resolved_at.is_some_and(|resolved| at - resolved > RESOLVED_KEPT) {
                return false;
            }
            if alert.state != State::Inactive && !keeps {
                alert.state = State::Inactive;
                alert.resolved_at = Some(at);
            }
        }
        if alert.state == State::Pending && at - alert.active_at >= self.hold {
            alert.state = State::Firing;
            alert.fired_at = Some(at);
        }
        true
    }

    /// The series that says since when an alert is active.
    pub(super) fn since_series(labels: &Labels) -> Labels {
        labels.with(METRIC_NAME, ALERTS_FOR_STATE)
    }
}

fn state_samples(alert: &Alert, time: i64) -> [RuleSample; 2] {
    let state = alert.labels.with(METRIC_NAME, ALERTS).with("alertstate", alert.state.name());
    let since = AlertingRule::since_series(&alert.labels);
    let sample = |labels, value| RuleSample { labels, time, value: SampleValue::Float(value) };
    [sample(state, 1.0), sample(since, alert.active_at.div_euclid(1000) as f64)]
}

impl Alerts {
    /// Those that are not resolved.
    pub(super) fn current(&self) -> impl Iterator<Item = &Alert> {
        self.active.values().filter(|alert| alert.state != State::Inactive)
    }

    /// The furthest that one of them has come.
    pub(super) fn state(&self) -> State {
        self.active.values().map(|alert| alert.state).max().unwrap_or(State::Inactive)
    }

    /// Those that somebody has to be told about now, marked as told: new ones, resolved ones, and those that were told `resend`
    /// ago. What is told holds for four intervals, so that two may fail.
    pub(super) fn take_due(&mut self, at: i64, resend: i64, interval: i64) -> Vec<Alert> {
        let mut due = Vec::new();
        for alert in self.active.values_mut() {
            let sent = alert.last_sent_at;
            let news = alert.resolved_at.is_some_and(|resolved| sent.is_none_or(|sent| resolved > sent));
            let again = sent.is_none_or(|sent| sent + resend < at);
            if alert.state == State::Pending || !(news || again) {
                continue;
            }
            alert.last_sent_at = Some(at);
            alert.valid_until = at + 4 * resend.max(interval);
            due.push(alert.clone());
        }
        due.sort_by(|a, b| a.labels.cmp(&b.labels));
        due
    }
}
