//! One silence: what may be asked for, and what becomes of it over time.

use std::hash::{BuildHasher, RandomState};

use serde::Deserialize;
use serde_json::{Value, json};
use tripod_store::{MatchOp, Matcher};

use super::matcher;
use crate::query::time;

/// Matchers of one silence.
const MAX_MATCHERS: usize = 32;
/// The longest author and comment, bytes.
const MAX_TEXT: usize = 4096;

/// How far a silence has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Active,
    Pending,
    Expired,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

/// A silence. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub(crate) struct Silence {
    pub(crate) id: String,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) starts_at: i64,
    pub(crate) ends_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) created_by: String,
    pub(crate) comment: String,
}

/// A silence as Alertmanager's API takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SilenceRequest {
    #[serde(default)]
    pub(crate) id: Option<String>,
    matchers: Vec<MatcherRequest>,
    starts_at: String,
    ends_at: String,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    /// Only in our own file.
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MatcherRequest {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

impl SilenceRequest {
    /// A new silence; the reason why there can't be one.
    pub(super) fn silence(self, now: i64) -> Result<Silence, String> {
        let (starts_at, ends_at) = (millis("startsAt", &self.starts_at)?.max(now), millis("endsAt", &self.ends_at)?);
        if ends_at <= now {
            return Err("endsAt is in the past".to_owned());
        }
        let silence = Silence { id: new_id(), ..self.kept(starts_at, ends_at, now)? };
        if silence.starts_at >= silence.ends_at {
            return Err("startsAt must be before endsAt".to_owned());
        }
        Ok(silence)
    }

    /// A silence as it was kept.
    pub(super) fn restored(mut self) -> Result<Silence, String> {
        let (starts_at, ends_at) = (millis("startsAt", &self.starts_at)?, millis("endsAt", &self.ends_at)?);
        let updated_at = self.updated_at.take().map_or(Ok(starts_at), |text| millis("updatedAt", &text))?;
        let id = self.id.take().filter(|id| !id.is_empty()).ok_or("id is missing")?;
        Ok(Silence { id, ..self.kept(starts_at, ends_at, updated_at)? })
    }

    fn kept(self, starts_at: i64, ends_at: i64, updated_at: i64) -> Result<Silence, String> {
        let count = self.matchers.len();
        if !(1..=MAX_MATCHERS).contains(&count) {
            return Err(format!("a silence needs 1 to {MAX_MATCHERS} matchers, not {count}"));
        }
        for (name, text) in [("createdBy", &self.created_by), ("comment", &self.comment)] {
            if text.len() > MAX_TEXT {
                return Err(format!("{name} is longer than {MAX_TEXT} bytes"));
            }
        }
        let make = |one: MatcherRequest| matcher::make(one.name, one.is_equal, one.is_regex, one.value);
        let matchers = self.matchers.into_iter().map(make).collect::<Result<Vec<_>, _>>()?;
        if matchers.iter().all(|matcher| matcher.matches("")) {
            return Err("at least one matcher must not fit a label that is not there".to_owned());
        }
        let (created_by, comment) = (self.created_by, self.comment);
        Ok(Silence { id: String::new(), matchers, starts_at, ends_at, updated_at, created_by, comment })
    }
}

fn millis(name: &str, text: &str) -> Result<i64, String> {
    let millis = time::parse(text).map(time::to_millis).map_err(|reason| format!("{name}: {reason}"))?;
    if (0..=253_402_300_799_000).contains(&millis) {
        Ok(millis)
    } else {
        Err(format!("{name}: {text:?} is beyond year 9999"))
    }
}

/// A random UUID: clients insist on its form, and nobody has to guess one.
fn new_id() -> String {
    let [high, low] = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(time::now()));
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
    let (d, e) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
}

impl Silence {
    pub(crate) fn phase(&self, now: i64) -> Phase {
        match now {
            _ if now >= self.ends_at => Phase::Expired,
            _ if now < self.starts_at => Phase::Pending,
            _ => Phase::Active,
        }
    }

    /// Ends it, if it hasn't ended.
    pub(super) fn end(&mut self, now: i64) {
        if self.phase(now) != Phase::Expired {
            self.starts_at = self.starts_at.min(now);
            (self.ends_at, self.updated_at) = (now, now);
        }
    }

    /// Whether the change is one of the same silence.
    pub(super) fn may_become(&self, new: &Self, now: i64) -> bool {
        let key = |one: &Self| one.matchers.iter().map(matcher::text).collect::<Vec<_>>();
        match self.phase(now) {
            Phase::Expired => false,
            // A beginning in the past has been set to now.
            Phase::Active => key(self) == key(new) && new.starts_at == now,
            Phase::Pending => key(self) == key(new),
        }
    }

    /// As Alertmanager's API gives it.
    pub(crate) fn json(&self, now: i64) -> Value {
        let matcher = |of: &Matcher| {
            json!({
                "name": of.name,
                "value": of.value,
                "isRegex": matches!(of.op, MatchOp::Regex(_) | MatchOp::NotRegex(_)),
                "isEqual": matches!(of.op, MatchOp::Equal | MatchOp::Regex(_)),
            })
        };
        json!({
            "id": self.id,
            "status": { "state": self.phase(now).name() },
            "matchers": self.matchers.iter().map(matcher).collect::<Value>(),
            "startsAt": rfc3339(self.starts_at),
            "endsAt": rfc3339(self.ends_at),
            "updatedAt": rfc3339(self.updated_at),
            "createdBy": self.created_by,
            "comment": self.comment,
        })
    }
}

fn rfc3339(millis: i64) -> String {
    time::format_rfc3339(u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_238_947_000;

    fn made(change: impl FnOnce(&mut Value)) -> Result<Silence, String> {
        let mut body = json!({
            "matchers": [{ "name": "job", "value": "a", "isRegex": false }],
            "startsAt": rfc3339(NOW), "endsAt": rfc3339(NOW + 1000), "createdBy": "ada", "comment": "",
        });
        change(&mut body);
        serde_json::from_value::<SilenceRequest>(body).map_err(|error| error.to_string())?.silence(NOW)
    }

    #[test]
    fn what_cannot_be_a_silence_is_refused_with_the_reason() {
        assert!(made(|_| {}).is_ok());
        let matcher = |of: Value| made(|body| body["matchers"] = json!([of])).unwrap_err();
        for (reason, said) in [
            ("1 to 32 matchers", made(|body| body["matchers"] = json!([])).unwrap_err()),
            ("startsAt", made(|body| body["startsAt"] = "soon".into()).unwrap_err()),
            ("must be before", made(|body| body["startsAt"] = rfc3339(NOW + 1000).into()).unwrap_err()),
            ("in the past", made(|body| body["endsAt"] = rfc3339(NOW).into()).unwrap_err()),
            ("longer than 4096", made(|body| body["comment"] = "x".repeat(5000).into()).unwrap_err()),
            ("needs a name", matcher(json!({ "name": "", "value": "a" }))),
            ("regular expression", matcher(json!({ "name": "a", "value": "(", "isRegex": true }))),
            ("must not fit", matcher(json!({ "name": "a", "value": "" }))),
            ("must not fit", matcher(json!({ "name": "a", "value": ".*", "isRegex": true }))),
            ("must not fit", matcher(json!({ "name": "a", "value": "b", "isEqual": false }))),
        ] {
            assert!(said.contains(reason), "{reason}: {said}");
        }
    }

    #[test]
    fn ids_are_uuids_and_differ() {
        let (one, two) = (new_id(), new_id());
        assert_ne!(one, two);
        let form = regex::Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").unwrap();
        assert!(form.is_match(&one), "{one}");
    }
}
