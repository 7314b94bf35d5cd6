//! A set of metrics as a table: what makes the instruments, and what dashboards and tests read, is one list.

use crate::metrics::InstrumentKind;

/// One metric of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The set it belongs to, the name of a module of [`crate::catalog`].
    pub set: &'static str,
    /// Its name, which is also its name for Prometheus.
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

/// Makes a struct of instruments and the list of what they are.
///
/// A metric is `field: Kind = "name" [labels] "unit" "description"`, a histogram's bounds follow as `buckets [0.1, 1.0]`.
macro_rules! metric_set {
    ($(#[$doc:meta])* $set:literal {
        $($field:ident: $kind:ident = $name:literal [$($label:ident),*] $unit:literal $description:literal $(buckets $bounds:expr)?;)*
    }) => {
        $(#[$doc])*
        pub(crate) struct Metrics {
            $(pub(crate) $field: $crate::$kind,)*
        }

        impl Metrics {
            /// What they are.
            pub(crate) const LIST: &'static [$crate::catalog::Metric] = &[$($crate::catalog::Metric {
                set: $set,
                name: $name,
                kind: $crate::metrics::InstrumentKind::$kind,
                labels: &[$(::core::stringify!($label)),*],
                unit: $unit,
                description: $description,
            }),*];

            /// The instruments, made with the first use.
            pub(crate) fn get() -> &'static Self {
                static METRICS: ::std::sync::OnceLock<Metrics> = ::std::sync::OnceLock::new();
                METRICS.get_or_init(|| Self {
                    $($field: <$crate::$kind>::builder(0, $name.into()).unit($unit).description($description) $(.buckets(&$bounds))?.build(),)*
                })
            }
        }
    };
}
pub(crate) use metric_set;
