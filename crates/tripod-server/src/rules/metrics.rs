//! What rules and notifications count about themselves, for `GET /metrics`: Prometheus' own names behind `tripod_`.

use tripod_wire::prometheus::text::{Exposition, Family, FamilyKind, Format, Sample};

use super::Rules;
use super::group::{Group, GroupState};
use super::notify::{Counts, QUEUE};

/// A number of every group.
type OfGroup = fn(&Group, &GroupState) -> f64;

const GROUPS: [(&str, FamilyKind, &str, OfGroup); 9] = [
    ("tripod_rule_evaluations_total", FamilyKind::Counter, "Evaluations of rules.", |_, state| {
        state.evaluations as f64
    }),
    ("tripod_rule_evaluation_failures_total", FamilyKind::Counter, "Evaluations of rules that failed.", |_, state| {
        state.failures as f64
    }),
    ("tripod_rule_group_iterations_total", FamilyKind::Counter, "Evaluations of the group.", |_, state| {
        state.iterations as f64
    }),
    (
        "tripod_rule_group_iterations_missed_total",
        FamilyKind::Counter,
        "Evaluations of the group that did not take place, as the one before took too long.",
        |_, state| state.missed as f64,
    ),
    ("tripod_rule_group_interval_seconds", FamilyKind::Gauge, "Time between evaluations.", |group, _| {
        group.interval as f64 / 1000.0
    }),
    ("tripod_rule_group_last_duration_seconds", FamilyKind::Gauge, "How long the last evaluation took.", |_, state| {
        state.took.as_secs_f64()
    }),
    (
        "tripod_rule_group_last_evaluation_timestamp_seconds",
        FamilyKind::Gauge,
        "When the group was last evaluated.",
        |_, state| state.evaluated_at.unwrap_or(0) as f64 / 1000.0,
    ),
    (
        "tripod_rule_group_last_evaluation_samples",
        FamilyKind::Gauge,
        "Samples that the last evaluation gave.",
        |_, state| state.samples as f64,
    ),
    ("tripod_rule_group_rules", FamilyKind::Gauge, "Rules of the group.", |group, _| group.rules.len() as f64),
];

/// All of it in Prometheus' text format.
pub(crate) fn text(rules: &Rules) -> String {
    let mut page = Exposition::new(Format::Text);
    let groups: Vec<_> = rules.groups().into_iter().map(|group| (group.state(), group)).collect();
    for (name, kind, help, of) in GROUPS {
        let mut family = page.family(&Family { name, kind, help, unit: "" });
        for (state, group) in &groups {
            let label = format!("{};{}", group.file, group.config.name);
            let labels = &[("rule_group", label.as_str())];
            family.sample(&Sample { labels, value: of(group, state), ..Sample::default() });
        }
    }
    notifications(&mut page, rules);
    page.finish()
}

fn notifications(page: &mut Exposition, rules: &Rules) {
    let destinations: Vec<_> = rules.notifier.destinations();
    let shown: Vec<_> = destinations.iter().map(|one| (one.shown(), one.counts(), one.waiting())).collect();
    let mut counter = |name: &str, help: &str, of: fn(&Counts) -> u64| {
        let mut family = page.family(&Family { name, kind: FamilyKind::Counter, help, unit: "" });
        // Two webhooks of one host are shown alike, and a series stands once.
        let mut totals = std::collections::BTreeMap::<&str, u64>::new();
        shown.iter().for_each(|(url, counts, _)| *totals.entry(url).or_default() += of(counts));
        *totals.entry("").or_default() += of(&rules.notifier.past());
        for (url, total) in totals {
            family.sample(&Sample { labels: &[("destination", url)], value: total as f64, ..Sample::default() });
        }
    };
    counter(
        "tripod_notifications_sent_total",
        "Alerts that were told; without a destination: of those that are gone.",
        |of| of.sent,
    );
    counter("tripod_notifications_errors_total", "Requests with alerts that failed.", |of| of.failures);
    counter("tripod_notifications_dropped_total", "Alerts that could not be told.", |of| of.dropped);
    let waiting: usize = shown.iter().map(|(.., waiting)| waiting).sum();
    for (name, help, value) in [
        ("tripod_notifications_queue_length", "Alerts that wait to be told.", waiting),
        ("tripod_notifications_queue_capacity", "Alerts that may wait for one destination.", QUEUE),
        ("tripod_notifications_destinations", "Alertmanagers and webhooks that are told.", shown.len()),
    ] {
        let mut family = page.family(&Family { name, kind: FamilyKind::Gauge, help, unit: "" });
        family.sample(&Sample { value: value as f64, ..Sample::default() });
    }
}
