//! A group of rules: evaluated one after the other at one time, each result kept before the next rule looks.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tripod_promql::{Labels, STALE_NAN, SampleValue};

use super::alert::{Alert, AlertingRule, Alerts, State, Surroundings};
use super::file::{GroupConfig, RuleConfig};
use super::ground::{Ground, RuleSample, vector};
use super::recording;

/// A group that is evaluated.
#[derive(Debug)]
pub(crate) struct Group {
    /// The file it is from.
    pub(crate) file: String,
    pub(crate) config: GroupConfig,
    /// Milliseconds.
    pub(crate) interval: i64,
    /// How long before the time of evaluation its data is from, milliseconds.
    pub(crate) offset: i64,
    pub(crate) rules: Vec<Rule>,
    state: Mutex<GroupState>,
}

/// What is known of a group's evaluations.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupState {
    /// When it was last evaluated, milliseconds since the Unix epoch.
    pub(crate) evaluated_at: Option<i64>,
    pub(crate) took: Duration,
    pub(crate) iterations: u64,
    /// Times at which it should have been evaluated and was not, as the one before took too long.
    pub(crate) missed: u64,
    pub(crate) evaluations: u64,
    pub(crate) failures: u64,
    /// Samples of the last evaluation.
    pub(crate) samples: u64,
    /// Series of rules that are gone, to be marked as ended.
    ended: Vec<Labels>,
}

/// A rule that is evaluated.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) config: RuleConfig,
    alerting: Option<AlertingRule>,
    state: Mutex<RuleState>,
}

#[derive(Debug, Default)]
struct RuleState {
    health: Health,
    evaluated_at: Option<i64>,
    took: Duration,
    /// Series of the evaluation before: those that are missing in the next one have ended.
    written: HashSet<Labels>,
    alerts: Alerts,
}

/// How the last evaluation of a rule went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Unknown,
    Ok,
    Failed(String),
}

/// A rule as it stands.
#[derive(Debug, Clone)]
pub(crate) struct RuleStatus {
    pub(crate) health: Health,
    pub(crate) evaluated_at: Option<i64>,
    pub(crate) took: Duration,
    pub(crate) state: State,
    /// Pending and firing ones, by labels.
    pub(crate) alerts: Vec<Alert>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    /// A group of a file; `interval` and `offset` are what holds where it names none.
    pub(crate) fn new(file: &str, config: GroupConfig, interval: Duration, offset: Duration) -> Self {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let rules = config.rules.iter().map(Rule::new).collect();
        Self {
            file: file.to_owned(),
            interval: millis(config.interval.unwrap_or(interval)).max(1),
            offset: millis(config.query_offset.unwrap_or(offset)),
            rules,
            config,
            state: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> GroupState {
        lock(&self.state).clone()
    }

    /// Whether it would do just what the other one does.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let key = |group: &Self| (group.interval, group.offset);
        self.file == other.file && self.config == other.config && key(self) == key(other)
    }

    /// Goes on where a group of the same name was before it was changed.
    pub(crate) fn take_over(&self, before: &Self) {
        let mut taken = vec![false; before.rules.len()];
        for rule in &self.rules {
            let same =
                |other: &Rule| other.config.name == rule.config.name && other.config.labels == rule.config.labels;
            let found = before.rules.iter().enumerate().find(|(at, other)| !taken[*at] && same(other));
            if let Some((at, other)) = found {
                taken[at] = true;
                let mut other = lock(&other.state);
                let mut state = lock(&rule.state);
                state.written = std::mem::take(&mut other.written);
                if rule.is_alerting() {
                    state.alerts = std::mem::take(&mut other.alerts);
                }
            }
        }
        let mut state = before.state();
        for (rule, _) in before.rules.iter().zip(taken).filter(|(_, taken)| !taken) {
            state.ended.extend(lock(&rule.state).written.drain());
        }
        *lock(&self.state) = state;
    }

    /// Counts evaluations that did not take place.
    pub(crate) fn miss(&self, count: u64) {
        lock(&self.state).missed += count;
    }

    /// Evaluates all rules at a time; `tell` gets each alerting rule after it was evaluated.
    pub(crate) fn evaluate(
        &self,
        at: i64,
        ground: &dyn Ground,
        surroundings: &Surroundings,
        tell: &mut dyn FnMut(&Rule),
    ) {
        let started = Instant::now();
        let (mut samples, mut failures) = (0, 0);
        for rule in &self.rules {
            match rule.evaluate(at, self.offset, self.config.limit, ground, surroundings) {
                Ok(count) => {
                    samples += count;
                    if rule.is_alerting() {
                        tell(rule);
                    }
                }
                Err(_) => failures += 1,
            }
        }
        let ended = std::mem::take(&mut lock(&self.state).ended);
        let kept = end_series(ground, &ended, at - self.offset);
        let mut state = lock(&self.state);
        if kept.is_err() {
            state.ended.extend(ended);
        }
        state.evaluated_at = Some(at);
        state.took = started.elapsed();
        state.iterations += 1;
        state.evaluations += self.rules.len() as u64;
        state.failures += failures;
        state.samples = samples;
    }

    /// Marks all series as ended: the group is gone.
    pub(crate) fn end(&self, at: i64, ground: &dyn Ground) -> Result<(), String> {
        let mut series = std::mem::take(&mut lock(&self.state).ended);
        self.rules.iter().for_each(|rule| series.extend(lock(&rule.state).written.drain()));
        end_series(ground, &series, at)
    }

    /// Alerts of all rules are known well enough to be written about.
    pub(crate) fn set_restored(&self) {
        self.rules.iter().for_each(|rule| lock(&rule.state).alerts.restored = true);
    }
}

fn end_series(ground: &dyn Ground, series: &[Labels], time: i64) -> Result<(), String> {
    if series.is_empty() {
        return Ok(());
    }
    let end = |labels: &Labels| RuleSample { labels: labels.clone(), time, value: SampleValue::Float(STALE_NAN) };
    ground.append(series.iter().map(end).collect())
}

impl Rule {
    fn new(config: &RuleConfig) -> Self {
        Self { config: config.clone(), alerting: AlertingRule::new(config), state: Mutex::default() }
    }

    pub(crate) fn is_alerting(&self) -> bool {
        self.alerting.is_some()
    }

    /// Milliseconds that an alert is pending.
    pub(super) fn hold(&self) -> i64 {
        self.alerting.as_ref().map_or(0, |rule| rule.hold)
    }

    pub(crate) fn status(&self) -> RuleStatus {
        let state = lock(&self.state);
        let mut alerts: Vec<Alert> = state.alerts.current().cloned().collect();
        alerts.sort_by(|a, b| a.labels.cmp(&b.labels));
        RuleStatus {
            health: state.health.clone(),
            evaluated_at: state.evaluated_at,
            took: state.took,
            state: state.alerts.state(),
            alerts,
        }
    }

    /// Why the last evaluation failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        match &lock(&self.state).health {
            Health::Failed(reason) => Some(reason.clone()),
            Health::Unknown | Health::Ok => None,
        }
    }

    /// Changes the alerts.
    pub(super) fn with_alerts<T>(&self, change: impl FnOnce(&mut Alerts) -> T) -> T {
        change(&mut lock(&self.state).alerts)
    }

    /// Alerts that somebody has to be told about, marked as told.
    pub(crate) fn take_due(&self, at: i64, resend: i64, interval: i64) -> Vec<Alert> {
        self.with_alerts(|alerts| alerts.take_due(at, resend, interval))
    }

    /// Keeps the links of an alert with it, for who asks for the alert later.
    pub(crate) fn keep_links(&self, of: &Alert) {
        self.with_alerts(|alerts| {
            if let Some(alert) = alerts.active.get_mut(&of.labels) {
                alert.links.clone_from(&of.links);
            }
        });
    }

    fn evaluate(
        &self,
        at: i64,
        offset: i64,
        limit: usize,
        ground: &dyn Ground,
        surroundings: &Surroundings,
    ) -> Result<u64, String> {
        let started = Instant::now();
        let result = self.samples(at, offset, limit, ground, surroundings).and_then(|samples| {
            let count = samples.len() as u64;
            self.write(samples, at - offset, ground).map(|()| count)
        });
        let mut state = lock(&self.state);
        state.health = match &result {
            Ok(_) => Health::Ok,
            Err(reason) => Health::Failed(reason.clone()),
        };
        (state.evaluated_at, state.took) = (Some(at), started.elapsed());
        result
    }

    fn samples(
        &self,
        at: i64,
        offset: i64,
        limit: usize,
        ground: &dyn Ground,
        surroundings: &Surroundings,
    ) -> Result<Vec<RuleSample>, String> {
        let answer = vector(ground, &self.config.expr, at - offset)?;
        match &self.alerting {
            None => recording::samples(&self.config.name, &self.config.labels, limit, answer),
            Some(rule) => {
                // Templates may ask queries: no lock is held while they do.
                let now = rule.begin(answer, ground, surroundings, at)?;
                rule.advance(&mut lock(&self.state).alerts, now, at, offset, limit)
            }
        }
    }

    /// Keeps samples, and marks the series of the evaluation before that have none now.
    fn write(&self, mut samples: Vec<RuleSample>, time: i64, ground: &dyn Ground) -> Result<(), String> {
        let written: HashSet<Labels> = samples.iter().map(|sample| sample.labels.clone()).collect();
        let before = lock(&self.state).written.clone();
        for labels in before.difference(&written) {
            samples.push(RuleSample { labels: labels.clone(), time, value: SampleValue::Float(STALE_NAN) });
        }
        if !samples.is_empty() {
            ground.append(samples)?;
        }
        lock(&self.state).written = written;
        Ok(())
    }
}
