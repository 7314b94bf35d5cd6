//! The ways to make Prometheus names of OpenTelemetry's, as its specification names them: with the old characters only or with any, with
//! the unit and `_total` at the end or without.

use super::names::{MetricKind, ends_with_word, label_name, metric_name, push_word, replace_invalid, unit_suffix};

/// How metrics and labels are named for Prometheus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Translation {
    /// `http.server.duration` in `s` becomes `http_server_duration_seconds`, a counter ends in `_total`.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// It becomes `http_server_duration`.
    UnderscoreEscapingWithoutSuffixes,
    /// It becomes `http.server.duration_seconds`, a counter ends in `_total`. Labels keep their keys.
    NoUtf8EscapingWithSuffixes,
    /// It stays `http.server.duration`. Labels keep their keys.
    NoTranslation,
}

impl Translation {
    const ALL: [(Self, &'static str); 4] = [
        (Self::UnderscoreEscapingWithSuffixes, "UnderscoreEscapingWithSuffixes"),
        (Self::UnderscoreEscapingWithoutSuffixes, "UnderscoreEscapingWithoutSuffixes"),
        (Self::NoUtf8EscapingWithSuffixes, "NoUTF8EscapingWithSuffixes"),
        (Self::NoTranslation, "NoTranslation"),
    ];

    /// As the specification names it; in files also `underscore_escaping_with_suffixes` and its like.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = name.trim_end_matches("/development").replace('_', "").to_ascii_lowercase();
        Self::ALL.into_iter().find(|(_, known)| known.to_ascii_lowercase() == plain).map(|(way, _)| way)
    }

    /// A metric's name.
    pub fn metric_name(self, name: &str, unit: &str, kind: MetricKind) -> String {
        match self {
            Self::UnderscoreEscapingWithSuffixes => metric_name(name, unit, kind),
            Self::UnderscoreEscapingWithoutSuffixes => {
                let mut out = replace_invalid(name, |c| c.is_ascii_alphanumeric() || c == ':');
                if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) {
                    out.insert(0, '_');
                }
                out
            }
            Self::NoUtf8EscapingWithSuffixes => with_suffixes(name, unit, kind),
            Self::NoTranslation if name.is_empty() => "_".to_owned(),
            Self::NoTranslation => name.to_owned(),
        }
    }

    /// A label's name. Names with two underscores before them are Prometheus' own, so none is made.
    pub fn label_name(self, key: &str) -> String {
        match self {
            Self::NoUtf8EscapingWithSuffixes | Self::NoTranslation if !key.is_empty() && !key.starts_with("__") => {
                key.to_owned()
            }
            _ => label_name(key),
        }
    }
}

/// The name as it is, with the unit's word and `_total` at its end.
fn with_suffixes(name: &str, unit: &str, kind: MetricKind) -> String {
    let is_counter = kind == MetricKind::Counter;
    let mut out = if is_counter { without_total(name) } else { name }.to_owned();
    let suffix = unit_suffix(unit, kind);
    let has_it = ends_with_word(&out, &suffix) || out.strip_suffix(&*suffix).is_some_and(|start| start.ends_with('.'));
    if !suffix.is_empty() && !has_it {
        push_word(&mut out, &suffix);
    }
    if out.is_empty() || is_counter && out != "total" {
        push_word(&mut out, if is_counter { "total" } else { "" });
    }
    out
}

/// A counter's name before `_total` or `.total`.
fn without_total(name: &str) -> &str {
    let before = name.strip_suffix("total").and_then(|start| start.strip_suffix(['.', '_']));
    before.filter(|start| !start.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_names_metrics_as_the_specification_has_it() {
        use MetricKind::{Counter, Gauge, Histogram};
        let names = [
            (("http.server.duration", "s", Histogram), "http_server_duration", "http.server.duration_seconds"),
            (("jobs.total", "{job}", Counter), "jobs_total", "jobs_total"),
            (("jobs", "", Counter), "jobs", "jobs_total"),
            (("io.bytes", "By", Counter), "io_bytes", "io.bytes_total"),
            (("use", "1", Gauge), "use", "use_ratio"),
            (("2nd.größe", "", Gauge), "_2nd_gr_e", "2nd.größe"),
        ];
        for ((name, unit, kind), without, utf8) in names {
            assert_eq!(Translation::UnderscoreEscapingWithoutSuffixes.metric_name(name, unit, kind), without);
            assert_eq!(Translation::NoUtf8EscapingWithSuffixes.metric_name(name, unit, kind), utf8);
            assert_eq!(Translation::NoTranslation.metric_name(name, unit, kind), name);
        }
    }

    #[test]
    fn labels_keep_their_keys_where_names_may_have_any_characters() {
        assert_eq!(Translation::default().label_name("http.route"), "http_route");
        assert_eq!(Translation::NoTranslation.label_name("http.route"), "http.route");
        assert_eq!(Translation::NoTranslation.label_name("__name__"), "_name_");
    }

    #[test]
    fn a_way_is_found_by_its_name_in_variables_and_files() {
        for (way, name) in Translation::ALL {
            assert_eq!(Translation::from_name(name), Some(way));
        }
        let in_file = Translation::from_name("no_utf8_escaping_with_suffixes/development");
        assert_eq!(in_file, Some(Translation::NoUtf8EscapingWithSuffixes));
        assert_eq!(Translation::from_name("slashes"), None);
    }
}
