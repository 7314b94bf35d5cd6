//! After a restart: since when alerts are active, from the series `ALERTS_FOR_STATE` that was written before. An alert that was about
//! to fire gets some time first, so that what was only not seen during the outage can show that it is well.

use super::alert::{AlertingRule, State};
use super::ground::Ground;
use super::group::{Group, Rule};

/// How outages are dealt with, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restore {
    /// What is older is not taken up again.
    pub(crate) tolerance: i64,
    /// How long an alert is pending at least after a restart. Rules that wait for less begin anew.
    pub(crate) grace: i64,
}

impl Restore {
    /// Restores the alerts of a group that was evaluated once since the start. What can't be read begins anew.
    pub(crate) fn group(self, group: &Group, now: i64, ground: &dyn Ground) {
        for rule in group.rules.iter().filter(|rule| rule.is_alerting()) {
            if rule.hold() >= self.grace
                && let Err(reason) = self.rule(rule, now, ground)
            {
                let name = &rule.config.name;
                eprintln!("tripod: alert {name}: since when it is active could not be read: {reason}");
            }
        }
        group.set_restored();
    }

    fn rule(self, rule: &Rule, now: i64, ground: &dyn Ground) -> Result<(), String> {
        let active: Vec<_> = rule.with_alerts(|alerts| alerts.current().map(|alert| alert.labels.clone()).collect());
        for labels in active {
            let Some((down_at, value)) = ground.last(&AlertingRule::since_series(&labels))? else { continue };
            // A NaN marks the end of the series: the alert was not active.
            if value.is_nan() || down_at < now - self.tolerance || down_at > now {
                continue;
            }
            let since = (value * 1000.0) as i64;
            rule.with_alerts(|alerts| {
                if let Some(alert) = alerts.active.get_mut(&labels).filter(|alert| alert.state != State::Inactive) {
                    alert.active_at = self.active_at(since, down_at, now, rule.hold());
                }
            });
        }
        Ok(())
    }

    /// Since when an alert counts as active that was so since `since`, last seen at `down_at`, of a rule that waits for `hold`.
    fn active_at(self, since: i64, down_at: i64, now: i64, hold: i64) -> i64 {
        let remaining = hold - (down_at - since);
        if remaining <= 0 {
            // It was firing: it fires again at once.
            since
        } else if remaining < self.grace {
            now + self.grace - hold
        } else {
            // The outage does not count.
            since + (now - down_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn the_time_of_an_outage_does_not_count_and_the_last_minutes_are_granted() {
        let restore = Restore { tolerance: 60 * MINUTE, grace: 10 * MINUTE };
        let active_at =
            |since, down_at, now| restore.active_at(since * MINUTE, down_at * MINUTE, now * MINUTE, 30 * MINUTE);
        // Firing before: fires at once.
        assert_eq!(active_at(0, 40, 45), 0);
        // 25 of 30 minutes over: fires after the grace period, ten minutes from now.
        assert_eq!(active_at(0, 25, 45) + 30 * MINUTE, 55 * MINUTE);
        // 5 of 30 minutes over: 25 are left.
        assert_eq!(active_at(0, 5, 45) + 30 * MINUTE, 70 * MINUTE);
    }
}
