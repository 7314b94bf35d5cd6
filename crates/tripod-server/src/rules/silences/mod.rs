//! Silences: for a while nobody is told about the alerts whose labels they fit, as in Alertmanager. Alerts are evaluated and shown all
//! the same.
//!
//! They are kept in memory and in one file ([`disk`]), which is written before a change counts. An expired one is kept for
//! [`KEPT`], for who wants to know why nobody was told.

mod disk;
mod matcher;
mod silence;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use self::matcher::{fit, read_filter};
pub(crate) use self::silence::{Phase, Silence, SilenceRequest};
use crate::ServerError;
use crate::prometheus_config::relabel::LabelMap;

/// Silences that are kept; when there are more, expired ones go early.
const MAX_SILENCES: usize = 1000;
/// How long an expired silence is kept, milliseconds.
const KEPT: i64 = 5 * 24 * 3600 * 1000;

/// Why a silence could not be made or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SilenceError {
    #[error("{0}")]
    Wrong(String),
    #[error("there is no silence {0}")]
    NotFound(String),
    #[error("there are {MAX_SILENCES} silences that have not expired: expire some first")]
    Full,
    #[error("silences can't be written to {}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
}

/// All silences.
pub(crate) struct Silences {
    path: PathBuf,
    /// Whoever changes something holds this from reading to writing.
    turn: Mutex<()>,
    kept: Mutex<Arc<Vec<Silence>>>,
}

impl Silences {
    /// Reads the silences of a file.
    ///
    /// # Errors
    /// When it is there and can't be read: to go on without would tell people what they asked not to be told.
    pub(crate) fn open(path: PathBuf) -> Result<Self, ServerError> {
        let kept = disk::read(&path)?;
        Ok(Self { path, turn: Mutex::default(), kept: Mutex::new(Arc::new(kept)) })
    }

    /// All of them: those that are in force first, then those to come, then expired ones; of each kind those that end first.
    pub(crate) fn list(&self, now: i64) -> Vec<Silence> {
        let mut list: Vec<Silence> = self.kept().iter().filter(|one| one.ends_at + KEPT > now).cloned().collect();
        list.sort_by(|a, b| (a.phase(now), a.ends_at, &a.id).cmp(&(b.phase(now), b.ends_at, &b.id)));
        list
    }

    /// Ids of the silences that fit these labels now.
    pub(crate) fn of(&self, labels: &LabelMap, now: i64) -> Vec<String> {
        let kept = self.kept();
        let active = kept.iter().filter(|one| one.phase(now) == Phase::Active);
        active.filter(|one| fit(&one.matchers, labels)).map(|one| one.id.clone()).collect()
    }

    /// Makes a silence or changes one; its id. One that is in force keeps its beginning and its matchers: when these change it ends,
    /// and a new one takes its place.
    pub(crate) fn set(&self, request: SilenceRequest, now: i64) -> Result<String, SilenceError> {
        let id = request.id.clone().filter(|id| !id.is_empty());
        let mut new = request.silence(now).map_err(SilenceError::Wrong)?;
        self.change(now, |all| {
            if let Some(id) = id {
                let old = all.iter_mut().find(|one| one.id == id).ok_or(SilenceError::NotFound(id))?;
                if old.may_become(&new, now) {
                    new.id.clone_from(&old.id);
                    new.starts_at = if old.phase(now) == Phase::Active { old.starts_at } else { new.starts_at };
                    *old = new;
                    return Ok(old.id.clone());
                }
                old.end(now);
            }
            let id = new.id.clone();
            all.push(new);
            Ok(id)
        })
    }

    /// Ends a silence; one that has ended already stays as it is.
    pub(crate) fn expire(&self, id: &str, now: i64) -> Result<(), SilenceError> {
        self.change(now, |all| {
            let found = all.iter_mut().find(|one| one.id == id);
            found.ok_or_else(|| SilenceError::NotFound(id.to_owned()))?.end(now);
            Ok(())
        })
    }

    /// Makes a change that counts once it is on disk. Blocks until then.
    fn change<T>(
        &self,
        now: i64,
        change: impl FnOnce(&mut Vec<Silence>) -> Result<T, SilenceError>,
    ) -> Result<T, SilenceError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Silence> = self.kept().to_vec();
        all.retain(|one| one.ends_at + KEPT > now);
        let done = change(&mut all)?;
        make_room(&mut all, now)?;
        disk::write(&self.path, &all).map_err(|error| SilenceError::Io { path: self.path.clone(), error })?;
        *self.lock() = Arc::new(all);
        Ok(done)
    }

    fn kept(&self) -> Arc<Vec<Silence>> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Vec<Silence>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the silences that expired first where there are too many.
fn make_room(all: &mut Vec<Silence>, now: i64) -> Result<(), SilenceError> {
    let over = all.len().saturating_sub(MAX_SILENCES);
    if over == 0 {
        return Ok(());
    }
    let mut expired: Vec<(i64, String)> =
        all.iter().filter(|one| one.phase(now) == Phase::Expired).map(|one| (one.ends_at, one.id.clone())).collect();
    if expired.len() < over {
        return Err(SilenceError::Full);
    }
    expired.sort();
    expired.truncate(over);
    all.retain(|one| !expired.iter().any(|(_, id)| *id == one.id));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const NOW: i64 = 1_795_238_947_000;

    fn request(matchers: &str, from: i64, to: i64) -> SilenceRequest {
        let time = |at: i64| crate::query::time::format_rfc3339((NOW + at) as u64 * 1_000_000);
        let text = format!(
            r#"{{"matchers":{matchers},"startsAt":"{}","endsAt":"{}","createdBy":"ada","comment":"c"}}"#,
            time(from),
            time(to)
        );
        serde_json::from_str(&text).unwrap()
    }

    fn as_change(id: String, request: SilenceRequest) -> SilenceRequest {
        let mut request = request;
        request.id = Some(id);
        request
    }

    const JOB_A: &str = r#"[{"name":"job","value":"a","isRegex":false}]"#;

    fn open(dir: &tempfile::TempDir) -> Silences {
        Silences::open(dir.path().join("alerting/silences.json")).unwrap()
    }

    fn labels(pairs: &[(&str, &str)]) -> LabelMap {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_silence_fits_while_it_is_in_force_and_all_its_matchers_do() {
        let dir = tempfile::tempdir().unwrap();
        let silences = open(&dir);
        let matchers = r#"[{"name":"job","value":"a|b","isRegex":true},{"name":"team","value":"x","isRegex":false,"isEqual":false}]"#;
        let id = silences.set(request(matchers, HOUR, 2 * HOUR), NOW).unwrap();
        let fits = |job, team, at| silences.of(&labels(&[("job", job), ("team", team)]), NOW + at);
        assert_eq!(fits("a", "y", HOUR), [id]);
        assert!(fits("a", "y", 0).is_empty(), "it has not begun");
        assert!(fits("a", "y", 2 * HOUR).is_empty(), "it is over");
        assert!(fits("ab", "y", HOUR).is_empty(), "regular expressions are anchored");
        assert!(fits("a", "x", HOUR).is_empty());
    }

    #[test]
    fn silences_are_there_after_a_restart_and_expired_ones_go_in_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let id = {
            let silences = open(&dir);
            let id = silences.set(request(JOB_A, 0, HOUR), NOW).unwrap();
            silences.set(request(JOB_A, 0, 100 * 24 * HOUR), NOW).unwrap();
            id
        };
        let silences = open(&dir);
        assert_eq!(silences.of(&labels(&[("job", "a")]), NOW + 1).len(), 2);
        silences.expire(&id, NOW + 10).unwrap();
        let list = silences.list(NOW + 10);
        assert_eq!((list.len(), &list[1].id, list[1].ends_at), (2, &id, NOW + 10));
        assert_eq!(silences.list(NOW + 11 + KEPT).len(), 1);
        assert!(matches!(silences.expire("none", NOW), Err(SilenceError::NotFound(_))));
    }

    #[test]
    fn a_longer_silence_is_the_same_one_and_one_of_other_alerts_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let silences = open(&dir);
        let id = silences.set(request(JOB_A, 0, HOUR), NOW).unwrap();
        let longer = as_change(id.clone(), request(JOB_A, 0, 2 * HOUR));
        assert_eq!(silences.set(longer, NOW + 5).unwrap(), id);
        assert_eq!(silences.list(NOW + 5)[0].ends_at, NOW + 2 * HOUR);
        let other = r#"[{"name":"job","value":"b","isRegex":false}]"#;
        let other = as_change(id.clone(), request(other, 0, HOUR));
        assert_ne!(silences.set(other, NOW + 6).unwrap(), id);
        let list = silences.list(NOW + 6);
        assert_eq!((list[0].phase(NOW + 6), list[1].phase(NOW + 6)), (Phase::Active, Phase::Expired));
        let unknown = as_change("none".to_owned(), request(JOB_A, 0, HOUR));
        assert!(matches!(silences.set(unknown, NOW), Err(SilenceError::NotFound(_))));
    }

    #[test]
    fn there_are_not_more_than_so_many_and_expired_ones_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let silences = open(&dir);
        let full: Vec<Silence> = (0..MAX_SILENCES).map(|_| request(JOB_A, 0, HOUR).silence(NOW).unwrap()).collect();
        let first = full[0].id.clone();
        *silences.lock() = Arc::new(full);
        assert!(matches!(silences.set(request(JOB_A, 0, HOUR), NOW), Err(SilenceError::Full)));
        silences.expire(&first, NOW + 1).unwrap();
        silences.set(request(JOB_A, 0, HOUR), NOW + 2).unwrap();
        assert_eq!(silences.list(NOW + 2).len(), MAX_SILENCES);
    }

    #[test]
    fn a_file_that_is_none_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("silences.json");
        std::fs::write(&path, "[{}").unwrap();
        let error = Silences::open(path).err().unwrap().to_string();
        assert!(error.contains("silences.json"), "{error}");
    }
}
