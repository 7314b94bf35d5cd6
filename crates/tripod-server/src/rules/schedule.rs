//! When groups are evaluated: each at times that are its interval apart, the same after every restart, and spread so that groups
//! don't all come at once. An evaluation that takes longer than the interval delays the next one; those that can't take place are
//! counted, never piled up.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Semaphore, watch};

use super::alert::Surroundings;
use super::ground::Ground;
use super::group::{Group, Rule};
use super::restore::Restore;

/// Groups that are evaluated at the same time.
pub(crate) const GROUPS_AT_ONCE: usize = 4;

/// Gets each alerting rule after its evaluation: group, rule, time of the evaluation.
pub(crate) type Tell = dyn Fn(&Group, &Rule, i64) + Send + Sync;

/// What every group runs with.
#[derive(Clone)]
pub(crate) struct Course {
    pub(crate) ground: Arc<dyn Ground>,
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) tell: Arc<Tell>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) restore: Restore,
}

/// Evaluates a group again and again until `stop` is true or gone. `fresh`: its alerts begin as they were before a restart.
pub(crate) async fn run(group: Arc<Group>, course: Course, fresh: bool, mut stop: watch::Receiver<bool>) {
    let interval = group.interval;
    let mut at = last_time(now(), interval, offset(&group)) + interval;
    // Rules that others depend on have to be evaluated once before alerts can be compared with those before the restart.
    let mut restore_after = fresh.then_some(2);
    loop {
        let wait = Duration::from_millis(u64::try_from(at - now()).unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        evaluate(&group, &course, at).await;
        restore_after = match restore_after {
            Some(1) => {
                restore(&group, &course).await;
                None
            }
            other => other.map(|left| left - 1),
        };
        let missed = (now() - at).div_euclid(interval).max(0);
        if missed > 0 {
            group.miss(missed as u64);
        }
        at += (missed + 1) * interval;
    }
}

async fn evaluate(group: &Arc<Group>, course: &Course, at: i64) {
    let Ok(_place) = course.places.acquire().await else { return };
    let (group, course) = (Arc::clone(group), course.clone());
    let work = move || {
        let mut tell = |rule: &Rule| (course.tell)(&group, rule, at);
        group.evaluate(at, course.ground.as_ref(), &course.surroundings, &mut tell);
    };
    // A panic of an evaluation costs that evaluation; its message is on stderr.
    let _ = tokio::task::spawn_blocking(work).await;
}

async fn restore(group: &Arc<Group>, course: &Course) {
    let (group, course) = (Arc::clone(group), course.clone());
    let work = move || course.restore.group(&group, now(), course.ground.as_ref());
    let _ = tokio::task::spawn_blocking(work).await;
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Where in its interval a group stands.
fn offset(group: &Group) -> i64 {
    (hash(group) % group.interval as u64) as i64
}

/// A number of its file and name. FNV-1a: the same on every machine and in every version.
pub(crate) fn hash(group: &Group) -> u64 {
    let text = group.file.bytes().chain([0xff]).chain(group.config.name.bytes());
    text.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The last time at or before `now` at which a group is due.
fn last_time(now: i64, interval: i64, offset: i64) -> i64 {
    (now - offset).div_euclid(interval) * interval + offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_an_interval_apart_and_the_same_whenever_one_looks() {
        for now in [0, 1, 9_999, 10_000, 123_456] {
            let at = last_time(now, 10_000, 3_000);
            assert!(at <= now && now - at < 10_000 && (at - 3_000) % 10_000 == 0, "{now} {at}");
        }
    }
}
