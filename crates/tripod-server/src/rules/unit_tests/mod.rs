//! Unit tests of rules, in promtool's format: series that are written down, and which alerts fire and what queries give at which
//! times. Rules are evaluated by what evaluates them in the server, over series in memory.

mod expect;
mod file;
mod ground;

use std::path::Path;
use std::time::{Duration, Instant};

use tripod_promql::Labels;

use self::expect::{AlertShown, check_alerts, check_samples};
use self::file::{TestFile, TestGroup};
use self::ground::TestGround;
use super::alert::{State, Surroundings};
use super::file::{RuleFault, RuleFile};
use super::ground::vector;
use super::group::{Group, Health};
use crate::prometheus_config::glob;
use crate::prometheus_config::units::format_duration;

/// How a file of tests went.
#[derive(Debug, Clone)]
pub struct Report {
    /// The file.
    pub file: String,
    /// Why it could not be run: itself, or a rule file that it names.
    pub faults: Vec<String>,
    /// Its tests, in their order.
    pub cases: Vec<Case>,
}

/// How a test went.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name; of one without a name its number.
    pub name: String,
    /// What was otherwise than expected.
    pub failures: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether all is as expected.
    pub fn is_success(&self) -> bool {
        self.faults.is_empty() && self.cases.iter().all(|case| case.failures.is_empty())
    }
}

/// Runs the tests of a file, those whose name `wanted` accepts.
pub fn run(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Report {
    let file = path.display().to_string();
    let faults = |faults: Vec<String>| Report { file: file.clone(), faults, cases: Vec::new() };
    let test_file = match TestFile::read(path) {
        Ok(test_file) => test_file,
        Err(reason) => return faults(vec![reason]),
    };
    let rule_files = match rule_files(&test_file) {
        Ok(rule_files) => rule_files,
        Err(reasons) => return faults(reasons),
    };
    let mut cases = Vec::new();
    for (at, group) in test_file.tests.iter().enumerate() {
        if !wanted(&group.name) {
            continue;
        }
        let started = Instant::now();
        let failures = match Trial::new(&test_file, &rule_files, group) {
            Ok(trial) => trial.run(),
            Err(reason) => vec![reason],
        };
        let name = if group.name.is_empty() { format!("test {}", at + 1) } else { group.name.clone() };
        cases.push(Case { name, failures, took: started.elapsed() });
    }
    Report { file, faults: Vec::new(), cases }
}

fn rule_files(test_file: &TestFile) -> Result<Vec<RuleFile>, Vec<String>> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for pattern in &test_file.rule_files {
        match glob(pattern) {
            Ok(paths) if paths.is_empty() => faults.push(format!("no file fits {}", pattern.display())),
            Ok(paths) => {
                for path in paths {
                    match RuleFile::read(&path) {
                        Ok(file) => files.push(file),
                        Err(found) => faults.extend(found.iter().map(RuleFault::to_string)),
                    }
                }
            }
            Err(error) => faults.push(format!("{}: {error}", pattern.display())),
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// One test while it runs.
struct Trial<'a> {
    test: &'a TestGroup,
    /// Milliseconds between evaluations.
    interval: i64,
    fuzzy: bool,
    groups: Vec<Group>,
    ground: TestGround,
    surroundings: Surroundings,
    failures: Vec<String>,
}

impl<'a> Trial<'a> {
    fn new(file: &TestFile, rule_files: &[RuleFile], test: &'a TestGroup) -> Result<Self, String> {
        let mut groups: Vec<Group> = Vec::new();
        for rules in rule_files {
            for group in &rules.groups {
                groups.push(Group::new(&rules.name, group.clone(), test.interval, Duration::ZERO));
            }
        }
        // Groups that the order does not name come first, as in promtool.
        groups.sort_by_key(|group| file.group_eval_order.iter().position(|name| *name == group.config.name));
        groups.iter().for_each(Group::set_restored);
        Ok(Self {
            test,
            interval: file.evaluation_interval.as_millis() as i64,
            fuzzy: file.fuzzy_compare,
            groups,
            ground: TestGround::new(&test.input_series, test.start, test.interval.as_millis() as i64)?,
            surroundings: Surroundings {
                external_labels: test.external_labels.clone(),
                external_url: test.external_url.clone(),
            },
            failures: Vec::new(),
        })
    }

    fn run(mut self) -> Vec<String> {
        let end =
            self.test.alerts.iter().map(|one| one.eval_time).chain(self.test.queries.iter().map(|one| one.eval_time));
        let end = end.max().unwrap_or(0);
        let mut since = 0;
        while since <= end {
            let at = self.test.start + since;
            self.ground.load_until(at);
            for group in &self.groups {
                group.evaluate(at, &self.ground, &self.surroundings, &mut |_| {});
            }
            if !self.rules_are_well(since) {
                return self.failures;
            }
            self.check_alerts(since);
            since += self.interval;
        }
        self.check_queries();
        self.failures
    }

    /// False, and said, when a rule could not be evaluated.
    fn rules_are_well(&mut self, since: i64) -> bool {
        for rule in self.groups.iter().flat_map(|group| &group.rules) {
            if let Health::Failed(reason) = rule.status().health {
                let name = &rule.config.name;
                self.failures.push(format!("rule {name} at {}: {reason}", shown(since)));
            }
        }
        self.failures.is_empty()
    }

    /// Alerts that are expected at or after this evaluation and before the next one.
    fn check_alerts(&mut self, since: i64) {
        let due = self.test.alerts.iter().filter(|one| (since..since + self.interval).contains(&one.eval_time));
        for expected in due {
            let rules = self.groups.iter().flat_map(|group| &group.rules);
            let named = rules.filter(|rule| rule.is_alerting() && rule.config.name == expected.alertname);
            let alerts = named.flat_map(|rule| rule.status().alerts).filter(|alert| alert.state == State::Firing);
            let got =
                alerts.map(|alert| AlertShown { labels: alert.labels, annotations: Labels::new(alert.annotations) });
            if let Err(difference) = check_alerts(&expected.alerts, got.collect()) {
                let (name, time) = (&expected.alertname, shown(expected.eval_time));
                self.failures.push(format!("alertname: {name}, time: {time}\n{difference}"));
            }
        }
    }

    fn check_queries(&mut self) {
        for expected in &self.test.queries {
            let got = vector(&self.ground, &expected.expr, self.test.start + expected.eval_time);
            let checked = got.and_then(|got| check_samples(&expected.samples, got, self.fuzzy));
            if let Err(difference) = checked {
                let (expr, time) = (&expected.expr, shown(expected.eval_time));
                self.failures.push(format!("expr: {expr:?}, time: {time}\n{difference}"));
            }
        }
    }
}

fn shown(millis: i64) -> String {
    format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}
