//! OpenTelemetry's names as Prometheus names, by the rules of OpenTelemetry's Prometheus-compatibility specification.
//!
//! Pure functions, a pass over the text each.

use crate::otlp::KeyValue;
use crate::otlp::metrics::MetricData;

/// What a metric is, as far as its Prometheus name depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A monotonic sum.
    Counter,
    /// A sum that also goes down.
    UpDownCounter,
    /// A current value.
    Gauge,
    /// A distribution over buckets, explicit or exponential.
    Histogram,
    /// Quantiles.
    Summary,
}

impl MetricKind {
    /// The kind of a metric's data; none where it has no data.
    pub fn of(data: &MetricData) -> Option<Self> {
        Some(match data {
            MetricData::Empty => return None,
            MetricData::Gauge { .. } => Self::Gauge,
            MetricData::Sum { is_monotonic: true, .. } => Self::Counter,
            MetricData::Sum { .. } => Self::UpDownCounter,
            MetricData::Histogram { .. } | MetricData::ExponentialHistogram { .. } => Self::Histogram,
            MetricData::Summary { .. } => Self::Summary,
        })
    }

    /// The type in Prometheus' words.
    pub fn prometheus_type(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter | Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// A metric's Prometheus name: valid characters, the unit's word, `_total` for counters.
///
/// ```
/// use tripod_wire::prometheus::names::{MetricKind, metric_name};
/// assert_eq!(metric_name("http.server.duration", "s", MetricKind::Histogram), "http_server_duration_seconds");
/// assert_eq!(metric_name("requests", "{request}", MetricKind::Counter), "requests_total");
/// assert_eq!(metric_name("cpu.utilization", "1", MetricKind::Gauge), "cpu_utilization_ratio");
/// ```
pub fn metric_name(name: &str, unit: &str, kind: MetricKind) -> String {
    let mut out = replace_invalid(name, |c| c.is_ascii_alphanumeric() || c == ':');
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    if kind == MetricKind::Counter {
        out.truncate(without_total(&out).len());
    }
    let suffix = unit_suffix(unit, kind);
    if !suffix.is_empty() && !ends_with_word(&out, &suffix) {
        push_word(&mut out, &suffix);
    }
    if kind == MetricKind::Counter && out != "total" {
        push_word(&mut out, "total");
    }
    out
}

/// What a metric's unit adds to its name: as [`unit_word`], and `ratio` for a gauge of unit `1`.
pub fn unit_suffix(unit: &str, kind: MetricKind) -> String {
    match unit.trim() {
        "1" if kind == MetricKind::Gauge => "ratio".to_owned(),
        _ => unit_word(unit),
    }
}

/// A UCUM unit as the word that Prometheus uses for it: `s` is `seconds`, `m/s` is `meters_per_second`.
///
/// Annotations in braces and the unit `1` are left out; a unit without a word of its own stays, in valid characters.
pub fn unit_word(unit: &str) -> String {
    let unit = without_annotations(unit);
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main.trim(), per.trim()),
        None => (unit.trim(), ""),
    };
    let mut word = clean_unit(plural(main));
    let per = clean_unit(singular(per));
    if !per.is_empty() {
        if !word.is_empty() {
            word.push('_');
        }
        word.push_str("per_");
        word.push_str(&per);
    }
    word
}

/// An attribute's key as a label name: valid characters, `key_` before a leading digit.
pub fn label_name(key: &str) -> String {
    let mut out = replace_invalid(key, |c| c.is_ascii_alphanumeric());
    if out.is_empty() {
        out.push('_');
    } else if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "key_");
    }
    out
}

/// A list of attributes as labels, sorted by name. Keys that become the same name share a label: their values are joined
/// with `;` in the order of their keys.
///
/// ```
/// use tripod_wire::{otlp::KeyValue, prometheus::names::labels};
/// let attributes = [KeyValue::new("b_c", 2), KeyValue::new("b.c", 1), KeyValue::new("a", true)];
/// assert_eq!(labels(&attributes), [("a".to_owned(), "true".to_owned()), ("b_c".to_owned(), "1;2".to_owned())]);
/// ```
pub fn labels(attributes: &[KeyValue]) -> Vec<(String, String)> {
    labels_named(attributes, label_name)
}

/// The same with names that the caller makes of keys.
pub fn labels_named(attributes: &[KeyValue], name: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let mut named: Vec<_> = attributes.iter().map(|attribute| (name(&attribute.key), attribute)).collect();
    named.sort_by(|(a, of_a), (b, of_b)| (a, &of_a.key).cmp(&(b, &of_b.key)));
    let mut labels: Vec<(String, String)> = Vec::with_capacity(named.len());
    for (name, attribute) in named {
        match labels.last_mut() {
            Some((last, value)) if *last == name => {
                value.push(';');
                value.push_str(&attribute.value.to_string());
            }
            _ => labels.push((name, attribute.value.to_string())),
        }
    }
    labels
}

/// A counter's name before its `_total`, however often it is there already.
fn without_total(name: &str) -> &str {
    let mut name = name.trim_end_matches('_');
    while let Some(before) = name.strip_suffix("_total") {
        name = before.trim_end_matches('_');
    }
    name
}

/// Runs of anything but valid characters become one `_`.
pub(super) fn replace_invalid(text: &str, is_valid: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_valid(c) {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

fn clean_unit(unit: &str) -> String {
    replace_invalid(unit, |c| c.is_ascii_alphanumeric()).trim_matches('_').to_owned()
}

pub(super) fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

pub(super) fn push_word(name: &mut String, word: &str) {
    if !name.ends_with('_') {
        name.push('_');
    }
    name.push_str(word);
}

fn without_annotations(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    let mut depth = 0_u32;
    for c in unit.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn plural(unit: &str) -> &str {
    match unit {
        "1" => "",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "kBy" | "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        other => other,
    }
}

/// What follows "per"; there `m` is a minute, as the specification's table has it.
fn singular(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" | "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_words() {
        let words = [
            ("s", "seconds"),
            ("By", "bytes"),
            ("ms", "milliseconds"),
            ("m/s", "meters_per_second"),
            ("By/min", "bytes_per_minute"),
            ("{packet}/s", "per_second"),
            ("{request}", ""),
            ("By{sent}", "bytes"),
            ("1", ""),
            ("%", "percent"),
            ("furlong", "furlong"),
            ("a.b*c", "a_b_c"),
            ("", ""),
        ];
        for (unit, word) in words {
            assert_eq!(unit_word(unit), word, "unit {unit:?}");
        }
    }

    #[test]
    fn metric_names_follow_the_compatibility_rules() {
        use MetricKind::{Counter, Gauge, Histogram, UpDownCounter};
        let names = [
            ("http.server.request.duration", "s", Histogram, "http_server_request_duration_seconds"),
            ("jobs", "{job}", Counter, "jobs_total"),
            ("jobs.total", "", Counter, "jobs_total"),
            ("jobs_total_total.", "", Counter, "jobs_total"),
            ("total", "", Counter, "total"),
            ("total.", "", Counter, "total"),
            ("io.bytes", "By", Counter, "io_bytes_total"),
            ("io_bytes_total", "By", Counter, "io_bytes_total"),
            ("io", "By", Counter, "io_bytes_total"),
            ("jobs_total", "", Gauge, "jobs_total"),
            ("utilization", "1", Gauge, "utilization_ratio"),
            ("utilization", "1", UpDownCounter, "utilization"),
            ("hit_ratio", "1", Gauge, "hit_ratio"),
            ("preseconds", "s", Gauge, "preseconds_seconds"),
            ("2xx.count", "", Gauge, "_2xx_count"),
            ("a--b..c__d", "", Gauge, "a_b_c_d"),
            ("job:rate", "", Gauge, "job:rate"),
            ("speed", "m/s", Gauge, "speed_meters_per_second"),
            ("größe", "By", Gauge, "gr_e_bytes"),
            ("", "", Gauge, "_"),
        ];
        for (name, unit, kind, expected) in names {
            assert_eq!(metric_name(name, unit, kind), expected, "{name:?} in {unit:?}");
        }
    }

    #[test]
    fn label_names_hold_valid_characters_only() {
        let names = [("http.route", "http_route"), ("2nd", "key_2nd"), ("__name__", "_name_"), ("é", "_"), ("", "_")];
        for (key, name) in names {
            assert_eq!(label_name(key), name, "{key:?}");
        }
    }
}
