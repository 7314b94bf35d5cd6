//! Labels of series: those that all share are said once, those that tell them apart are columns.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::render::text::plain;

/// Labels of one series, the name among them.
pub(super) type Labels = BTreeMap<String, String>;

/// The labels of each series of an answer.
pub(super) fn labels(result: &[Value]) -> Vec<Labels> {
    let of = |series: &Value| {
        let pairs = series["metric"].as_object().into_iter().flatten();
        pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    };
    result.iter().map(of).collect()
}

/// What several series have in common, and what tells them apart.
pub(super) struct Told {
    /// Labels that all have with one value; empty for one series alone.
    pub(super) shared: Labels,
    /// The names of the others; the metric's own is first.
    pub(super) names: Vec<String>,
}

const NAME: &str = "__name__";

impl Told {
    pub(super) fn of(all: &[Labels]) -> Self {
        let Some((first, rest)) = all.split_first() else { return Self { shared: Labels::new(), names: Vec::new() } };
        let mut shared = first.clone();
        if rest.is_empty() {
            // Of one alone everything is worth a column, as far as there is room for it.
            shared.clear();
        }
        shared.retain(|name, value| rest.iter().all(|labels| labels.get(name) == Some(value)));
        let mut names: Vec<String> =
            all.iter().flat_map(BTreeMap::keys).filter(|name| !shared.contains_key(*name)).cloned().collect();
        names.sort_by(|a, b| (a != NAME, a).cmp(&(b != NAME, b)));
        names.dedup();
        Self { shared, names }
    }

    /// The shared labels as a selector; none when there are none.
    pub(super) fn head(&self) -> Option<String> {
        (!self.shared.is_empty()).then(|| selector(&self.shared))
    }
}

/// Labels as PromQL writes them: `up{job="a"}`.
pub(super) fn selector(labels: &Labels) -> String {
    let pair = |(name, value): (&String, &String)| format!("{}={}", plain(name), plain(&format!("{value:?}")));
    let name = labels.get(NAME).map(|name| plain(name).into_owned()).unwrap_or_default();
    let pairs: Vec<String> = labels.iter().filter(|(name, _)| *name != NAME).map(pair).collect();
    if pairs.is_empty() && !name.is_empty() { name } else { format!("{name}{{{}}}", pairs.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_all_share_is_said_once() {
        let result = [
            json!({ "metric": { "__name__": "up", "job": "a", "instance": "1" } }),
            json!({ "metric": { "__name__": "up", "job": "a", "instance": "2", "zone": "b\"\n" } }),
        ];
        let all = labels(&result);
        let told = Told::of(&all);
        assert_eq!(
            (told.head().as_deref(), told.names),
            (Some("up{job=\"a\"}"), vec!["instance".to_owned(), "zone".to_owned()])
        );
        assert_eq!(selector(&all[1]), "up{instance=\"2\", job=\"a\", zone=\"b\\\"\\n\"}");
        let one = Told::of(&all[..1]);
        assert_eq!(
            (one.head(), one.names),
            (None, vec!["__name__".to_owned(), "instance".to_owned(), "job".to_owned()])
        );
        assert_eq!(selector(&Labels::new()), "{}");
        assert!(Told::of(&[]).names.is_empty());
    }
}
