//! Kinds of instruments, and how what they measure is kept.

use std::fmt;

/// What an instrument measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// A sum that only grows.
    Counter,
    /// A sum that goes both ways.
    UpDownCounter,
    /// A current value.
    Gauge,
    /// A distribution of values over buckets.
    Histogram,
    /// Quantiles of values.
    Summary,
}

impl fmt::Display for InstrumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        })
    }
}

/// How a histogram or a summary keeps its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Aggregation {
    /// In buckets of these upper bounds.
    Explicit(Vec<f64>),
    /// In at most so many exponential buckets a sign.
    Exponential { max_size: u32 },
    /// As a sketch of these quantiles.
    Quantiles { quantiles: Vec<f64>, relative_error: f64 },
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(bounds) => {
                f.write_str("the buckets")?;
                list(f, bounds)
            }
            Self::Exponential { max_size } => write!(f, "{max_size} exponential buckets"),
            Self::Quantiles { quantiles, relative_error } => {
                f.write_str("the quantiles")?;
                list(f, quantiles)?;
                write!(f, " within {relative_error}")
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, numbers: &[f64]) -> fmt::Result {
    numbers.iter().enumerate().try_for_each(|(at, number)| {
        let comma = if at == 0 { "" } else { "," };
        write!(f, "{comma} {number}")
    })
}

/// What an instrument is, as the code that made it says.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) scope: u16,
    pub(crate) name: String,
    pub(crate) kind: InstrumentKind,
    pub(crate) description: String,
    pub(crate) unit: String,
    /// The labels it may have; `None`: any.
    pub(crate) labels: Option<Vec<String>>,
    /// `None`: the default of its kind.
    pub(crate) aggregation: Option<Aggregation>,
    /// Label sets it keeps apart; `None`: the default.
    pub(crate) max_series: Option<usize>,
}

impl Identity {
    /// Whether code that asks for `wanted` may have this one. What is left open fits everything.
    pub(crate) fn fits(&self, wanted: &Self) -> bool {
        fn open_or_same<T: PartialEq>(known: Option<&T>, wanted: Option<&T>) -> bool {
            wanted.is_none() || known == wanted
        }
        self.kind == wanted.kind
            && open_or_same(self.labels.as_ref(), wanted.labels.as_ref())
            && open_or_same(self.aggregation.as_ref(), wanted.aggregation.as_ref())
    }

    /// Kind, labels and buckets, as errors name them.
    pub(crate) fn shape(&self) -> String {
        let article = if self.kind == InstrumentKind::UpDownCounter { "an" } else { "a" };
        let labels = self.labels.as_ref().map(|labels| format!("the labels {}", labels.join(", ")));
        let buckets = self.aggregation.as_ref().map(ToString::to_string);
        let more: Vec<String> = labels.into_iter().chain(buckets).collect();
        let with = if more.is_empty() { "" } else { " with " };
        format!("{article} {}{with}{}", self.kind, more.join(" and "))
    }
}
