//! What alerts did in the past, from the series `ALERTS` in the store, which says at each evaluation which alerts there were. So it
//! goes back as far as samples are kept, over restarts, and is there for alerts that a Prometheus evaluates and writes here.
//!
//! The series don't say what the expression gave: that is asked again at the times of the latest transitions, of rules that still
//! are there, and so are the traces of the latest beginnings.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tripod_promql::{Cancel, Engine, Labels, METRIC_NAME, Value, VectorSample, is_stale};
use tripod_store::{Matcher, Store, StoreError};

use super::alert::{ALERTS, State};
use super::group::{Group, Rule};
use super::links::Links;
use super::timeline::{Stretch, Timeline, Transition};
use crate::query::selectors::StoreSource;

/// Alerts of one answer.
const MAX_ALERTS: usize = 2000;
/// Stretches of one answer.
const MAX_STRETCHES: usize = 50_000;
/// Evaluations of one answer, to find values.
const MAX_ASKED: usize = 60;
/// How long one answer may look for values and traces: who looks at a page waits for it.
const MAX_LOOKING: Duration = Duration::from_secs(2);
/// Beginnings of one answer that traces are looked for.
const MAX_TRACED: usize = 20;

/// Which past is asked for. Times are milliseconds since the Unix epoch.
pub(crate) struct Span<'a> {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Only alerts of this name.
    pub(crate) rule: Option<&'a str>,
    /// Transitions that are answered, the latest.
    pub(crate) limit: usize,
}

/// An alert and how it went.
#[derive(Debug)]
pub(crate) struct PastAlert {
    pub(crate) labels: Labels,
    pub(crate) timeline: Timeline,
}

/// A transition of one of the alerts.
#[derive(Debug)]
pub(crate) struct PastTransition {
    /// Which of the alerts.
    pub(crate) alert: usize,
    pub(crate) transition: Transition,
    /// Ids of traces, of what began to fire.
    pub(crate) traces: Vec<String>,
}

/// What was.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// By labels.
    pub(crate) alerts: Vec<PastAlert>,
    /// The latest first.
    pub(crate) transitions: Vec<PastTransition>,
    /// False: there were more alerts or transitions.
    pub(crate) complete: bool,
}

/// Reads the past.
pub(crate) struct Past<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) engine: Engine,
    pub(crate) groups: &'a [Arc<Group>],
    pub(crate) cancel: &'a Cancel,
}

impl Past<'_> {
    pub(crate) fn history(&self, span: &Span<'_>) -> Result<History, StoreError> {
        let (timelines, mut complete) = self.timelines(span)?;
        let alerts: Vec<PastAlert> =
            timelines.into_iter().map(|(labels, timeline)| PastAlert { labels, timeline }).collect();
        let mut transitions = Vec::new();
        for (at, alert) in alerts.iter().enumerate() {
            let of = alert.timeline.transitions(span.start).into_iter();
            transitions.extend(of.map(|transition| PastTransition { alert: at, transition, traces: Vec::new() }));
        }
        transitions.sort_by_key(|one| (std::cmp::Reverse(one.transition.at), one.alert));
        complete &= transitions.len() <= span.limit;
        transitions.truncate(span.limit);
        let mut history = History { alerts, transitions, complete };
        self.add_values(&mut history);
        Ok(history)
    }

    /// Timelines by the labels of the alert, cut to the span; and whether these are all.
    fn timelines(&self, span: &Span<'_>) -> Result<(BTreeMap<Labels, Timeline>, bool), StoreError> {
        let mut matchers = vec![Matcher::equal(METRIC_NAME, ALERTS)];
        matchers.extend(span.rule.map(|name| Matcher::equal("alertname", name)));
        let lookback = i64::try_from(self.engine.lookback.as_millis()).unwrap_or(i64::MAX);
        let mut timelines: BTreeMap<Labels, Timeline> = BTreeMap::new();
        let (mut complete, mut count) = (true, 0);
        self.store.scan(&matchers, span.start.saturating_sub(lookback), span.end, &mut |series| {
            let state = match series.labels.get("alertstate") {
                "pending" => State::Pending,
                "firing" => State::Firing,
                _ => return ControlFlow::Continue(()),
            };
            let labels = Labels::from_shared(series.labels.shared());
            let labels = labels.filter(|name| name != METRIC_NAME && name != "alertstate");
            let found = stretches(series.floats, state, span, lookback);
            if found.is_empty() {
                return ControlFlow::Continue(());
            }
            count += found.len();
            if count > MAX_STRETCHES || (timelines.len() >= MAX_ALERTS && !timelines.contains_key(&labels)) {
                complete = false;
                return ControlFlow::Break(());
            }
            timelines.entry(labels).or_default().0.extend(found);
            ControlFlow::Continue(())
        })?;
        timelines
            .values_mut()
            .for_each(|timeline| timeline.0.sort_by_key(|one| (one.start, one.end.unwrap_or(i64::MAX))));
        Ok((timelines, complete))
    }

    /// Asks what the expressions gave at the transitions, the latest first.
    fn add_values(&self, history: &mut History) {
        let rules: Vec<Option<&Rule>> = history.alerts.iter().map(|alert| self.rule_of(&alert.labels)).collect();
        let mut answers: HashMap<(*const Rule, i64), Vec<VectorSample>> = HashMap::new();
        let links = Links { store: Arc::clone(self.store), engine: self.engine.clone() };
        let (mut traced, begin) = (0, Instant::now());
        let begins = history.transitions.iter_mut().filter(|one| one.transition.to != State::Inactive);
        for one in begins {
            let labels = &history.alerts[one.alert].labels;
            let (Some(rule), at) = (rules[one.alert], one.transition.at) else { continue };
            if self.cancel.is_cancelled() || begin.elapsed() > MAX_LOOKING {
                return;
            }
            let key = (std::ptr::from_ref(rule), at);
            if !answers.contains_key(&key) && answers.len() < MAX_ASKED {
                answers.insert(key, self.ask(&rule.config.expr, at));
            }
            let samples = answers.get(&key).map_or(&[][..], Vec::as_slice);
            let fits = |sample: &&VectorSample| is_of(rule, labels, &sample.labels);
            one.transition.value = samples.iter().find(fits).and_then(|sample| sample.value.float());
            if one.transition.to == State::Firing && traced < MAX_TRACED {
                traced += 1;
                let of = labels.filter(|name| name != "alertname" && !rule.config.labels.contains_key(name));
                one.traces = links.traces_before(&rule.config.expr, &of, at);
            }
        }
    }

    fn ask(&self, expr: &str, at: i64) -> Vec<VectorSample> {
        let output = self.engine.instant(&StoreSource::new(self.store.as_ref()), expr, at);
        // A value is a help: where there is none, the transition stands without.
        match output.map(|output| output.value) {
            Ok(Value::Vector(samples)) => samples,
            _ => Vec::new(),
        }
    }

    /// The rule that an alert is of, if it still is there.
    fn rule_of(&self, labels: &Labels) -> Option<&Rule> {
        let rules = self.groups.iter().flat_map(|group| &group.rules);
        let named = rules.filter(|rule| rule.is_alerting() && rule.config.name == labels.get("alertname"));
        let mut fitting = named.filter(|rule| {
            let fixed = rule.config.labels.iter().filter(|(_, value)| !value.contains("{{"));
            fixed.into_iter().all(|(name, value)| name == "alertname" || labels.get(name) == value)
        });
        fitting.next()
    }
}

/// Whether an alert of these labels can come of a series that the rule's expression gave.
fn is_of(rule: &Rule, alert: &Labels, series: &Labels) -> bool {
    let own = |name: &str| name == "alertname" || rule.config.labels.contains_key(name);
    series.without_name().iter().all(|(name, value)| own(name) || alert.get(name) == value)
}

/// When a series said that the alert was in its state: between samples that are no further apart than queries look back, until the
/// series was ended. What lies outside of the span is cut off.
fn stretches(samples: &[(i64, f64)], state: State, span: &Span<'_>, lookback: i64) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut open: Option<(i64, i64)> = None;
    let mut close = |begin: i64, end: Option<i64>| {
        if end.is_none_or(|end| end > span.start) {
            found.push(Stretch { state, start: begin, end, value: None });
        }
    };
    for (time, value) in samples.iter().copied() {
        if let Some((begin, last)) = open.filter(|(_, last)| time - last > lookback) {
            close(begin, Some(last));
            open = None;
        }
        if is_stale(value) || value == 0.0 {
            if let Some((begin, _)) = open.take() {
                close(begin, Some(time));
            }
        } else {
            open = Some((open.map_or(time, |(begin, _)| begin), time));
        }
    }
    if let Some((begin, last)) = open {
        close(begin, (span.end - last > lookback).then_some(last));
    }
    found
}

#[cfg(test)]
mod tests {
    use tripod_promql::STALE_NAN;

    use super::*;

    fn of(samples: &[(i64, f64)], start: i64, end: i64) -> Vec<(i64, Option<i64>)> {
        let span = Span { start, end, rule: None, limit: 1 };
        stretches(samples, State::Firing, &span, 100).iter().map(|one| (one.start, one.end)).collect()
    }

    #[test]
    fn a_series_is_in_its_state_from_sample_to_sample_until_it_ends_or_is_silent() {
        assert_eq!(of(&[(10, 1.0), (20, 1.0), (30, STALE_NAN)], 0, 100), [(10, Some(30))]);
        assert_eq!(of(&[(10, 1.0), (20, 1.0)], 0, 100), [(10, None)], "it goes on");
        assert_eq!(of(&[(10, 1.0), (20, 1.0)], 0, 130), [(10, Some(20))], "nothing was heard of it since");
        let twice = [(10, 1.0), (20, STALE_NAN), (30, 1.0), (140, 1.0), (150, STALE_NAN), (160, STALE_NAN)];
        assert_eq!(of(&twice, 0, 200), [(10, Some(20)), (30, Some(30)), (140, Some(150))]);
        assert_eq!(of(&twice, 20, 200), [(30, Some(30)), (140, Some(150))], "what is over before is not shown");
        assert_eq!(of(&[], 0, 10), []);
    }
}
