//! What is taken in, and what is refused: the rest of a request is kept, and the answer says what was not and why.

use std::time::Duration;

use crate::StoreError;

/// Bounds on series and samples.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Series in memory: those of memory tables, and those that were written to within `idle`.
    pub(crate) series: u64,
    /// Labels a series, its name among them.
    pub(crate) labels: usize,
    /// Bytes of a label's name.
    pub(crate) name_bytes: usize,
    /// Bytes of a label's value.
    pub(crate) value_bytes: usize,
    /// A sample that is older than the newest of its series by more milliseconds is refused.
    pub(crate) out_of_order: i64,
    /// A series that was not written to for so long, and is on disk, is forgotten until it is written to again.
    pub(crate) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 10_000_000,
            labels: 64,
            name_bytes: 1 << 10,
            value_bytes: 16 << 10,
            out_of_order: i64::MAX,
            idle: Duration::from_secs(15 * 60),
        }
    }
}

/// Why a series is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its labels are not what they have to be; says which series and what is wrong.
    Invalid(String),
    /// There are as many as there may be.
    Full,
    /// The same, with what there is most of.
    TooMany { limit: u64, metric: String, series: u64 },
}

impl Refusal {
    /// What the sender is told of a request of which nothing else could be kept.
    pub(crate) fn into_error(self) -> Option<StoreError> {
        match self {
            Self::Invalid(_) | Self::Full => None,
            Self::TooMany { limit, metric, series } => Some(StoreError::TooManySeries { limit, metric, series }),
        }
    }

    /// The same, of a request of which the rest is kept.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Invalid(reason) => reason.clone(),
            Self::Full | Self::TooMany { .. } => {
                self.clone().into_error().map(|error| error.to_string()).unwrap_or_default()
            }
        }
    }
}

/// What is wrong with the labels of a new series, sorted by name and without empty values.
pub(super) fn check(labels: &[(&str, &str)], limits: &Limits) -> Result<(), Refusal> {
    let invalid = |reason: String| Err(Refusal::Invalid(format!("the series {} {reason}", shown(labels))));
    if labels.len() > limits.labels {
        return invalid(format!("has {} labels, the limit is {}", labels.len(), limits.labels));
    }
    if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return invalid(format!("has the label {:?} twice", pair[0].0));
    }
    for (name, value) in labels {
        if name.is_empty() {
            return invalid("has a label without a name".to_owned());
        }
        if name.len() > limits.name_bytes {
            let (len, limit) = (name.len(), limits.name_bytes);
            return invalid(format!("has a label name of {len} bytes, the limit is {limit}"));
        }
        if value.len() > limits.value_bytes {
            let (len, limit) = (value.len(), limits.value_bytes);
            return invalid(format!("has {len} bytes as the value of {name:?}, the limit is {limit}"));
        }
    }
    Ok(())
}

/// A series as it is shown in errors, shortened.
pub(super) fn shown(labels: &[(&str, &str)]) -> String {
    let short = |text: &str| text.chars().take(64).collect::<String>();
    let name = labels.iter().find(|(name, _)| *name == "__name__").map_or("", |(_, value)| value);
    let others = labels.iter().filter(|(name, _)| *name != "__name__");
    let mut pairs: Vec<String> = others.map(|(name, value)| format!("{}={:?}", short(name), short(value))).collect();
    if pairs.len() > 8 {
        pairs.truncate(8);
        pairs.push("…".to_owned());
    }
    format!("{}{{{}}}", short(name), pairs.join(","))
}
