//! A set of metrics as a table: what makes the instruments, and what dashboards and tests read, is one list.

use tripod_wire::prometheus::names::{MetricKind, label_name, metric_name};

use crate::metrics::InstrumentKind;

/// One metric of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The set it belongs to, the name of a module of [`crate::catalog`].
    pub set: &'static str,
    /// Its name. Prometheus knows it by [`Metric::prometheus_name`].
    pub name: &'static str,
    /// What it measures.
    pub kind: InstrumentKind,
    /// The labels its series have.
    pub labels: &'static [&'static str],
    /// In what unit, by UCUM; empty where it counts things.
    pub unit: &'static str,
    /// What it measures, a sentence.
    pub description: &'static str,
}

impl Metric {
    /// Its name on a page for Prometheus, and in queries: the same, but that a counter ends in `_total`, as it must in OpenMetrics, and
    /// that OpenTelemetry's names get underscores and their unit.
    ///
    /// ```
    /// let cost = tripod::catalog::metrics().find(|metric| metric.name == "llm_cost_dollars").unwrap();
    /// assert_eq!(cost.prometheus_name(), "llm_cost_dollars_total");
    /// ```
    pub fn prometheus_name(&self) -> String {
        metric_name(self.name, self.unit, self.prometheus_kind())
    }

    /// Its type on a page for Prometheus: `counter`, `gauge`, `histogram` or `summary`.
    pub fn prometheus_type(&self) -> &'static str {
        self.prometheus_kind().prometheus_type()
    }

    /// Its labels' names on a page for Prometheus.
    pub fn prometheus_labels(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|key| label_name(key))
    }

    fn prometheus_kind(&self) -> MetricKind {
        match self.kind {
            InstrumentKind::Counter => MetricKind::Counter,
            InstrumentKind::UpDownCounter => MetricKind::UpDownCounter,
            InstrumentKind::Gauge => MetricKind::Gauge,
            InstrumentKind::Histogram => MetricKind::Histogram,
            InstrumentKind::Summary => MetricKind::Summary,
        }
    }
}

/// Makes a struct of instruments and the list of what they are.
///
/// A metric is `field: Kind = "name" [labels] "unit" "description"`, a histogram's bounds follow as `buckets [0.1, 1.0]`. A label is a
/// name or, where it has dots, a string.
macro_rules! metric_set {
    ($(#[$attribute:meta])* $set:literal {
        $($field:ident: $kind:ident = $name:literal [$($label:tt),*] $unit:literal $description:literal $(buckets $bounds:expr)?;)*
    }) => {
        $(#[$attribute])*
        pub(crate) struct Metrics {
            $(pub(crate) $field: $crate::$kind,)*
        }

        $(#[$attribute])*
        impl Metrics {
            /// What they are.
            pub(crate) const LIST: &'static [$crate::catalog::Metric] = &[$($crate::catalog::Metric {
                set: $set,
                name: $name,
                kind: $crate::metrics::InstrumentKind::$kind,
                labels: &[$($crate::catalog::set::label!($label)),*],
                unit: $unit,
                description: $description,
            }),*];

            /// The instruments, made with the first use.
            pub(crate) fn get() -> &'static Self {
                static METRICS: ::std::sync::OnceLock<Metrics> = ::std::sync::OnceLock::new();
                if let ::std::option::Option::Some(made) = METRICS.get() {
                    return made;
                }
                // Not while the process forks: a child would wait for ever for the thread that makes them.
                let _inside = $crate::sync::fork::Inside::enter();
                // Whatever begins and ends has instruments first.
                $crate::clock::calibrate_once();
                METRICS.get_or_init(|| Self {
                    $($field: <$crate::$kind>::builder(0, $name.into()).unit($unit).description($description) $(.buckets(&$bounds))?.build(),)*
                })
            }
        }
    };
}
pub(crate) use metric_set;

/// A label's key.
macro_rules! label {
    ($key:literal) => {
        $key
    };
    ($key:ident) => {
        ::core::stringify!($key)
    };
}
pub(crate) use label;
