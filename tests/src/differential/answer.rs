//! Answers of Prometheus' API, as what is compared of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a difference of two such numbers leaves instead of nothing.
const NOTHING: f64 = 1e-9;

/// What a server answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Values. The order of series does not count.
    Value {
        /// What kind of value it is.
        kind: String,
        /// Times and values by labels.
        series: BTreeMap<String, Vec<(String, Value)>>,
        /// Warnings and infos.
        notes: BTreeSet<String>,
    },
    /// An error of this type.
    Error(String, String),
}

impl Answer {
    /// Reads an answer.
    pub fn read(answer: &Value) -> Self {
        if answer["status"] != "success" {
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            return Self::Error(text("errorType"), text("error"));
        }
        let kind = answer["data"]["resultType"].as_str().unwrap_or_default().to_owned();
        let result = &answer["data"]["result"];
        let mut series = BTreeMap::new();
        if kind == "scalar" || kind == "string" {
            series.insert(String::new(), vec![sample(result)]);
        } else {
            for row in result.as_array().into_iter().flatten() {
                let one = ["value", "histogram"].map(|name| row[name].as_array().map(|_| sample(&row[name])));
                let many = ["values", "histograms"].map(|name| row[name].as_array().into_iter().flatten().map(sample));
                let mut samples: Vec<_> = one.into_iter().flatten().chain(many.into_iter().flatten()).collect();
                samples.sort_by(|a, b| a.0.cmp(&b.0));
                let labels: BTreeMap<_, _> = row["metric"].as_object().into_iter().flatten().collect();
                series.insert(format!("{labels:?}"), samples);
            }
        }
        let notes = ["warnings", "infos"].iter().filter_map(|name| answer[name].as_array()).flatten();
        // What name may have been meant is Tripod's own to say.
        let notes = notes.filter_map(Value::as_str).filter(|note| !note.contains("did you mean"));
        // Where in the query it is said of stands at the end, in parentheses.
        // Version 3.5 says of a metric without a name that its name is empty; later ones leave it out.
        let text =
            |note: &str| note.rsplit_once(" (").map_or(note, |(text, _)| text).replace(" for metric name \"\"", "");
        let notes = notes.map(text).collect();
        Self::Value { kind, series, notes }
    }

    /// The same without the notes that say this.
    #[must_use]
    pub fn without_note(mut self, text: &str) -> Self {
        if let Self::Value { notes, .. } = &mut self {
            notes.retain(|note| !note.contains(text));
        }
        self
    }

    /// Whether there is anything in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Value { series, .. } if series.is_empty())
    }
}

fn sample(pair: &Value) -> (String, Value) {
    (format!("{:.3}", pair[0].as_f64().unwrap_or(f64::NAN)), pair[1].clone())
}

/// Where two answers differ, in words; nothing where they say the same. Numbers may differ by `tolerance` of the larger one.
pub fn differences(ours: &Answer, theirs: &Answer, tolerance: f64) -> Option<String> {
    match (ours, theirs) {
        (Answer::Error(..), Answer::Error(..)) => None,
        // Version 3.5 lets several series meet one where nothing comes of it; later ones do not.
        (Answer::Error(_, error), _) if error.contains("many-to-one matching must be explicit") => None,
        (
            Answer::Value { kind, series, notes },
            Answer::Value { kind: their_kind, series: their_series, notes: their_notes },
        ) => {
            if kind != their_kind {
                return Some(format!("ours is a {kind}, theirs a {their_kind}"));
            }
            for labels in series.keys().chain(their_series.keys()) {
                let (ours, theirs) = match (series.get(labels), their_series.get(labels)) {
                    (Some(ours), Some(theirs)) => (ours, theirs),
                    (Some(ours), None) => return Some(format!("only ours has {labels}: {ours:?}")),
                    (None, theirs) => return Some(format!("only theirs has {labels}: {theirs:?}")),
                };
                let times = |samples: &[(String, Value)]| samples.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
                if times(ours) != times(theirs) {
                    return Some(format!("of {labels} ours is at {:?}, theirs at {:?}", times(ours), times(theirs)));
                }
                if let Some((ours, theirs)) =
                    ours.iter().zip(theirs).find(|(ours, theirs)| !same(&ours.1, &theirs.1, tolerance))
                {
                    return Some(format!("of {labels} at {} ours is {}, theirs {}", ours.0, ours.1, theirs.1));
                }
            }
            (notes != their_notes).then(|| format!("ours notes {notes:?}, theirs {their_notes:?}"))
        }
        (Answer::Error(kind, error), _) => Some(format!("only ours fails: {kind}: {error}")),
        (_, Answer::Error(kind, error)) => Some(format!("only theirs fails: {kind}: {error}")),
    }
}

fn same(ours: &Value, theirs: &Value, tolerance: f64) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs, tolerance))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let get =
                |(key, ours): (&String, &Value)| theirs.get(key).is_some_and(|theirs| same(ours, theirs, tolerance));
            ours.len() == theirs.len() && ours.iter().all(get)
        }
        (Value::String(ours), Value::String(theirs)) if ours != theirs => {
            let number = |text: &str| text.parse::<f64>().ok();
            let (Some(a), Some(b)) = (number(ours), number(theirs)) else { return false };
            (a - b).abs() <= (tolerance * a.abs().max(b.abs())).max(NOTHING) && a.is_finite() == b.is_finite()
        }
        _ => ours == theirs,
    }
}
