//! What the services send each other.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Something happened to a ticker that a pipeline may act on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Signal {
    pub(crate) id: String,
    /// `mock` or `golden_cross`.
    pub(crate) kind: String,
    /// Which generator it came from.
    pub(crate) source: String,
    pub(crate) ticker: String,
    /// In US dollars.
    pub(crate) price: f64,
    pub(crate) generated_unix_millis: u64,
    /// As a Kafka record's headers: the trace context of the span that made the signal.
    pub(crate) headers: HashMap<String, String>,
}

impl Signal {
    /// Since it was generated.
    pub(crate) fn age(&self) -> Duration {
        let generated = SystemTime::UNIX_EPOCH + Duration::from_millis(self.generated_unix_millis);
        SystemTime::now().duration_since(generated).unwrap_or_default()
    }
}

/// A pipeline: agents that are run when a signal arrives, or every so often.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pipeline {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Signals of these tickers start it; none for one that runs periodically.
    pub(crate) tickers: Vec<String>,
}

/// Why a pipeline was started.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TriggerMode {
    Signal,
    Periodic,
}

impl TriggerMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Periodic => "periodic",
        }
    }
}

/// A run of a pipeline, asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) pipeline_id: String,
    pub(crate) trigger_mode: TriggerMode,
    pub(crate) ticker: String,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// `buy`, `hold` or `sell`.
    pub(crate) action: String,
    /// What the agents' language model cost, in US dollars.
    pub(crate) cost_dollars: f64,
}

/// What is held of a ticker.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    pub(crate) ticker: String,
    pub(crate) quantity: i64,
}

/// What is done about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trade {
    /// `buy` or `sell`.
    pub(crate) action: &'static str,
    pub(crate) quantity: i64,
}
