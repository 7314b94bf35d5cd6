//! Prometheus' rules: expressions that are evaluated time and again, and kept as series of their own or told as alerts.
//!
//! - [`file`] reads rule files; [`template`] their labels and annotations.
//! - [`schedule`] says when a [`group`] is evaluated: [`recording`] rules keep samples, [`alert`]ing ones also go from pending to firing to
//!   resolved; [`restore`] takes them up after a restart.
//! - [`links`] finds the traces behind an alert; [`notify`] tells Alertmanagers and webhooks, [`silences`] keep it from that.
//! - [`own`] rules are made in the page, and written ([`write`]) as a rule file; [`preview`] says what a rule would have done,
//!   [`history`] what alerts did; a [`timeline`] is how the states of one follow one another.
//! - [`unit_tests`] evaluates rules over series that a test writes down.
//!
//! An evaluation is a query at one time: it blocks a thread of its own, at most [`schedule::GROUPS_AT_ONCE`] of them.

pub(crate) mod alert;
mod file;
mod ground;
pub(crate) mod group;
pub(crate) mod history;
mod links;
pub(crate) mod metrics;
pub(crate) mod notify;
pub(crate) mod own;
pub(crate) mod preview;
mod recording;
mod restore;
mod schedule;
mod settings;
pub(crate) mod silences;
mod store_ground;
pub(crate) mod template;
pub(crate) mod timeline;
mod unit_tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tripod_promql::Engine;
use tripod_store::Store;

use self::alert::Surroundings;
pub use self::file::{GroupConfig, RuleConfig, RuleFault, RuleFile, RuleKind};
use self::group::{Group, Rule};
use self::links::Links;
use self::notify::{Destinations, Notifier};
use self::own::{OwnError, OwnRule, OwnRules};
use self::restore::Restore;
use self::schedule::{Course, GROUPS_AT_ONCE, now};
pub use self::settings::RuleSettings;
use self::silences::Silences;
use self::store_ground::StoreGround;
pub use self::unit_tests::{Case, Report, run as run_unit_tests};
use crate::prometheus_config::glob;
use crate::{PrometheusConfig, ServerError};

/// Below the directory of the data: what is kept about alerts.
const ALERTING: &str = "alerting";

/// The file of the rules that are made in the page, by the directory of the data.
pub fn own_rules_file(data: &Path) -> PathBuf {
    data.join(ALERTING).join("rules.yml")
}

/// The rules of a server.
pub(crate) struct Rules {
    settings: RuleSettings,
    /// Where this server can be reached when nothing else is said.
    own_url: String,
    store: Arc<dyn Store>,
    pub(crate) engine: Engine,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) silences: Arc<Silences>,
    pub(crate) own: OwnRules,
    places: Arc<Semaphore>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    groups: Vec<RunningGroup>,
    surroundings: Arc<Surroundings>,
    defaults: Defaults,
    /// Whether rules ran before, in this process: then new ones have nothing to take up.
    began: bool,
}

/// What holds for groups that say nothing about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) interval: Duration,
    offset: Duration,
}

struct RunningGroup {
    group: Arc<Group>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Rule files, read and found to be right.
pub(crate) struct Loaded {
    groups: Vec<Group>,
    surroundings: Surroundings,
    defaults: Defaults,
    destinations: Destinations,
}

impl Rules {
    /// Rules that are none yet; `data` is the directory below which silences and own rules are kept.
    ///
    /// # Errors
    /// When the silences can't be read.
    pub(crate) fn new(
        settings: RuleSettings,
        own_url: String,
        store: Arc<dyn Store>,
        engine: Engine,
        data: &Path,
    ) -> Result<Arc<Self>, ServerError> {
        let silences = Arc::new(Silences::open(data.join(ALERTING).join("silences.json"))?);
        let (notifier, places) = (Notifier::new(Arc::clone(&silences)), Arc::new(Semaphore::new(GROUPS_AT_ONCE)));
        let (notifier, own, running) = (Arc::new(notifier), Self::own(data), Mutex::default());
        Ok(Arc::new(Self { settings, own_url, store, engine, notifier, silences, own, places, running }))
    }

    /// The own rules of a server.
    pub(crate) fn own(data: &Path) -> OwnRules {
        OwnRules::new(own_rules_file(data))
    }

    /// Reads the rule files that the configuration and the settings name, and the own rules.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(crate) fn load(
        settings: &RuleSettings,
        own_url: &str,
        config: &PrometheusConfig,
        own: &OwnRules,
    ) -> Result<Loaded, ServerError> {
        let mut paths = Vec::new();
        for pattern in config.rule_files.iter().chain(&settings.files) {
            let unreadable = |error| ServerError::Config(format!("{}: {error}", pattern.display()));
            paths.extend(glob(pattern).map_err(unreadable)?);
        }
        paths.sort();
        paths.dedup();
        let (mut groups, mut faults) = (Vec::new(), Vec::new());
        let defaults =
            Defaults { interval: config.global.evaluation_interval, offset: config.global.rule_query_offset };
        let others = paths.iter().filter(|path| *path != own.path()).map(|path| RuleFile::read(path));
        for read in others.chain([own.read()]) {
            match read {
                Ok(file) => groups.extend(groups_of(file, defaults)),
                Err(found) => faults.extend(found),
            }
        }
        if !faults.is_empty() {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Err(ServerError::Config(faults.join("\n")));
        }
        let external_url = settings.external_url.clone().unwrap_or_else(|| own_url.to_owned());
        let external_labels = config.global.external_labels.clone();
        let destinations = Destinations::new(settings, config, &external_url)?;
        let surroundings = Surroundings { external_labels, external_url };
        Ok(Loaded { groups, surroundings, defaults, destinations })
    }

    /// The same, with this server's settings.
    pub(crate) fn load_again(&self, config: &PrometheusConfig) -> Result<Loaded, ServerError> {
        Self::load(&self.settings, &self.own_url, config, &self.own)
    }

    /// Goes by these rules from now on. Groups that are as they were before just go on; changed ones keep the state of the rules
    /// that are the same; series of rules that are gone end. Must be called within a Tokio runtime.
    pub(crate) fn apply(&self, loaded: Loaded) {
        let mut running = self.running();
        let surroundings = Arc::new(loaded.surroundings);
        let unchanged = *surroundings == *running.surroundings;
        self.notifier.apply(loaded.destinations);
        (running.surroundings, running.defaults) = (surroundings, loaded.defaults);
        let before = std::mem::take(&mut running.groups);
        self.exchange(&mut running, before, loaded.groups, unchanged);
        running.began = true;
    }

    /// The same for the own rules alone.
    fn apply_own(&self, file: RuleFile) {
        let mut running = self.running();
        let is_own = |one: &RunningGroup| one.group.file == file.name;
        let (before, others) = std::mem::take(&mut running.groups).into_iter().partition(is_own);
        running.groups = others;
        let groups = groups_of(file, running.defaults).collect();
        self.exchange(&mut running, before, groups, true);
    }

    /// Runs `groups` where `before` ran.
    fn exchange(&self, running: &mut Running, mut before: Vec<RunningGroup>, groups: Vec<Group>, unchanged: bool) {
        let course = self.course(&running.surroundings);
        for group in groups {
            let named =
                |other: &RunningGroup| other.group.file == group.file && other.group.config.name == group.config.name;
            let other = before.iter().position(named).map(|at| before.swap_remove(at));
            let next = match other {
                Some(same) if unchanged && group.is_same(&same.group) => same,
                other => start(Arc::new(group), other, course.clone(), !running.began),
            };
            running.groups.push(next);
        }
        for gone in before {
            tokio::spawn(end(gone, course.clone()));
        }
        running.groups.sort_by(|a, b| {
            let key = |one: &RunningGroup| (one.group.file.clone(), one.group.config.name.clone());
            key(a).cmp(&key(b))
        });
    }

    /// Keeps an own rule and goes by it; whether it is a new one. With `new`, only if there is none of that name. Blocks, within a Tokio
    /// runtime.
    pub(crate) fn put_own(&self, name: &str, rule: &OwnRule, new: bool) -> Result<bool, OwnError> {
        self.own.put(name, rule, new, |file| self.apply_own(file))
    }

    /// Takes an own rule away. Blocks, within a Tokio runtime.
    pub(crate) fn remove_own(&self, name: &str) -> Result<(), OwnError> {
        self.own.remove(name, |file| self.apply_own(file))
    }

    /// What templates are told besides.
    pub(crate) fn surroundings(&self) -> Arc<Surroundings> {
        Arc::clone(&self.running().surroundings)
    }

    /// What holds for groups that say nothing about it.
    pub(crate) fn defaults(&self) -> Defaults {
        self.running().defaults
    }

    /// The groups, by file and name.
    pub(crate) fn groups(&self) -> Vec<Arc<Group>> {
        self.running().groups.iter().map(|one| Arc::clone(&one.group)).collect()
    }

    /// Stops, and waits for the evaluations that are under way.
    pub(crate) async fn stop(&self) {
        let groups = std::mem::take(&mut self.running().groups);
        for one in &groups {
            one.stop.send_replace(true);
        }
        for one in groups {
            let _ = one.task.await;
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn course(&self, surroundings: &Arc<Surroundings>) -> Course {
        let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let resend = millis(self.settings.resend_delay);
        let links = Links { store: Arc::clone(&self.store), engine: self.engine.clone() };
        let (notifier, around) = (Arc::clone(&self.notifier), Arc::clone(surroundings));
        let tell = move |group: &Group, rule: &Rule, at: i64| {
            let mut due = rule.take_due(at, resend, group.interval);
            if due.is_empty() {
                return;
            }
            links.add(rule, &mut due, &around, at);
            notifier.tell(&rule.config.expr, &due, &around);
        };
        let restore =
            Restore { tolerance: millis(self.settings.outage_tolerance), grace: millis(self.settings.grace_period) };
        Course {
            ground: Arc::new(StoreGround { store: Arc::clone(&self.store), engine: self.engine.clone() }),
            surroundings: Arc::clone(surroundings),
            tell: Arc::new(tell),
            places: Arc::clone(&self.places),
            restore,
        }
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn groups_of(file: RuleFile, defaults: Defaults) -> impl Iterator<Item = Group> {
    let RuleFile { name, groups } = file;
    groups.into_iter().map(move |group| Group::new(&name, group, defaults.interval, defaults.offset))
}

/// What a group is called where a list of groups goes on.
pub(crate) fn group_token(group: &Group) -> String {
    format!("{:016x}", schedule::hash(group))
}

/// Starts a group, where one of its name ran before when that has ended.
fn start(group: Arc<Group>, before: Option<RunningGroup>, course: Course, fresh: bool) -> RunningGroup {
    let (stop, stopped) = watch::channel(false);
    let this = Arc::clone(&group);
    let task = tokio::spawn(async move {
        if let Some(before) = before {
            before.stop.send_replace(true);
            let _ = before.task.await;
            this.take_over(&before.group);
        }
        if !fresh {
            this.set_restored();
        }
        schedule::run(this, course, fresh, stopped).await;
    });
    RunningGroup { group, stop, task }
}

/// Ends a group that is no longer there.
async fn end(gone: RunningGroup, course: Course) {
    gone.stop.send_replace(true);
    let _ = gone.task.await;
    let end = move || gone.group.end(now(), course.ground.as_ref());
    if let Ok(Err(reason)) = tokio::task::spawn_blocking(end).await {
        eprintln!("tripod: series of a group of rules that is gone could not be ended: {reason}");
    }
}
