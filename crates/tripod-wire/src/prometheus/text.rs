//! Writes metrics as text: Prometheus' format 0.0.4 and OpenMetrics 1.0, into one `String`.

use std::fmt::Write;

/// Which of the two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4.
    Text,
    /// OpenMetrics 1.0: with units and exemplars.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of the format.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a family of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FamilyKind {
    /// Only goes up; its samples are named `…_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// `…_bucket`, `…_sum`, `…_count`.
    Histogram,
    /// A sample a quantile, `…_sum`, `…_count`.
    Summary,
    /// Not known.
    Unknown,
}

/// Samples of one name.
#[derive(Debug, Clone, Copy)]
pub struct Family<'a> {
    /// A valid Prometheus name; that of a counter with or without `_total`.
    pub name: &'a str,
    /// Its type.
    pub kind: FamilyKind,
    /// What it measures; left out when empty.
    pub help: &'a str,
    /// The unit's word, for example `seconds`; OpenMetrics states it if the name ends with it.
    pub unit: &'a str,
}

/// One value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample<'a> {
    /// What follows the family's name: empty, `_bucket`, `_sum`, `_count`, `_created`.
    pub suffix: &'a str,
    /// Valid label names, and values of any text.
    pub labels: &'a [(&'a str, &'a str)],
    /// The value.
    pub value: f64,
    /// Milliseconds since the Unix epoch; usually left to the scraper.
    pub timestamp_ms: Option<i64>,
    /// A single measurement behind the value; OpenMetrics only, on counters and buckets.
    pub exemplar: Option<Exemplar<'a>>,
}

/// A single measurement and the trace in which it was taken.
#[derive(Debug, Clone, Copy)]
pub struct Exemplar<'a> {
    /// Usually `trace_id` and `span_id`.
    pub labels: &'a [(&'a str, &'a str)],
    /// The measurement.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

/// A page of metrics being written.
///
/// ```
/// use tripod_wire::prometheus::text::{Exposition, Family, FamilyKind, Format, Sample};
/// let mut page = Exposition::new(Format::OpenMetrics);
/// page.family(&Family { name: "spans", kind: FamilyKind::Counter, help: "Spans received", unit: "" })
///     .sample(&Sample { labels: &[("protocol", "grpc")], value: 7.0, ..Sample::default() });
/// assert_eq!(
///     page.finish(),
///     "# TYPE spans counter\n# HELP spans Spans received\nspans_total{protocol=\"grpc\"} 7\n# EOF\n"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Exposition {
    out: String,
    format: Format,
}

/// Where the samples of a family go.
#[derive(Debug)]
pub struct Samples<'p, 'a> {
    page: &'p mut Exposition,
    name: &'a str,
    kind: FamilyKind,
}

impl Exposition {
    /// An empty page.
    pub fn new(format: Format) -> Self {
        Self { out: String::new(), format }
    }

    /// Begins a family: its type, help and unit. All its samples must follow before the next family.
    pub fn family<'a>(&mut self, family: &Family<'a>) -> Samples<'_, 'a> {
        let name = match family.kind {
            FamilyKind::Counter => family.name.strip_suffix("_total").unwrap_or(family.name),
            _ => family.name,
        };
        match self.format {
            Format::Text => self.text_header(name, family),
            Format::OpenMetrics => self.open_metrics_header(name, family),
        }
        Samples { page: self, name, kind: family.kind }
    }

    /// The page's text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// In Prometheus' own format a counter's family bears the name of its samples.
    fn text_header(&mut self, name: &str, family: &Family<'_>) {
        let total = if family.kind == FamilyKind::Counter { "_total" } else { "" };
        if !family.help.is_empty() {
            self.put(&["# HELP ", name, total, " "]);
            escape(&mut self.out, family.help, false);
            self.out.push('\n');
        }
        self.put(&["# TYPE ", name, total, " ", type_word(family.kind, "untyped"), "\n"]);
    }

    fn open_metrics_header(&mut self, name: &str, family: &Family<'_>) {
        self.put(&["# TYPE ", name, " ", type_word(family.kind, "unknown"), "\n"]);
        if !family.unit.is_empty() && name.strip_suffix(family.unit).is_some_and(|before| before.ends_with('_')) {
            self.put(&["# UNIT ", name, " ", family.unit, "\n"]);
        }
        if !family.help.is_empty() {
            self.put(&["# HELP ", name, " "]);
            escape(&mut self.out, family.help, true);
            self.out.push('\n');
        }
    }

    fn put(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
    }

    fn put_labels(&mut self, labels: &[(&str, &str)]) {
        for (index, (name, value)) in labels.iter().enumerate() {
            self.put(&[if index == 0 { "{" } else { "," }, name, "=\""]);
            escape(&mut self.out, value, true);
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
    }

    fn put_timestamp(&mut self, timestamp_ms: Option<i64>) {
        let Some(ms) = timestamp_ms else { return };
        self.out.push(' ');
        match self.format {
            Format::Text => push(&mut self.out, format_args!("{ms}")),
            Format::OpenMetrics => {
                let sign = if ms < 0 { "-" } else { "" };
                let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
                push(&mut self.out, format_args!("{sign}{seconds}.{rest:03}"));
            }
        }
    }
}

impl Samples<'_, '_> {
    /// Writes one sample.
    pub fn sample(&mut self, sample: &Sample<'_>) -> &mut Self {
        let suffix =
            if self.kind == FamilyKind::Counter && sample.suffix.is_empty() { "_total" } else { sample.suffix };
        self.page.put(&[self.name, suffix]);
        self.page.put_labels(sample.labels);
        self.page.out.push(' ');
        self.page.out.push_str(&format_value(sample.value));
        self.page.put_timestamp(sample.timestamp_ms);
        if let Some(exemplar) = &sample.exemplar
            && self.page.format == Format::OpenMetrics
            && matches!(suffix, "_total" | "_bucket")
        {
            self.exemplar(exemplar);
        }
        self.page.out.push('\n');
        self
    }

    fn exemplar(&mut self, exemplar: &Exemplar<'_>) {
        self.page.out.push_str(" # ");
        if exemplar.labels.is_empty() {
            self.page.out.push_str("{}");
        }
        self.page.put_labels(exemplar.labels);
        self.page.out.push(' ');
        self.page.out.push_str(&format_value(exemplar.value));
        self.page.put_timestamp(exemplar.timestamp_ms);
    }
}

/// A value as Prometheus writes it: `NaN`, `+Inf`, and the shortest digits that read back to the same number, with an
/// exponent from a million on and below a ten-thousandth.
pub fn format_value(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => value.to_string(),
    }
}

fn type_word(kind: FamilyKind, unknown: &'static str) -> &'static str {
    match kind {
        FamilyKind::Counter => "counter",
        FamilyKind::Gauge => "gauge",
        FamilyKind::Histogram => "histogram",
        FamilyKind::Summary => "summary",
        FamilyKind::Unknown => unknown,
    }
}

fn escape(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(format: Format) -> String {
        let mut page = Exposition::new(format);
        let exemplar = Exemplar { labels: &[("trace_id", "5b8e")], value: 0.3, timestamp_ms: Some(1_500) };
        page.family(&Family {
            name: "latency_seconds",
            kind: FamilyKind::Histogram,
            help: "How long, \"all in\"\nof \\ it",
            unit: "seconds",
        })
        .sample(&Sample {
            suffix: "_bucket",
            labels: &[("le", "0.5"), ("path", "a\"b\\c\nd")],
            value: 2.0,
            timestamp_ms: Some(1_234_567),
            exemplar: Some(exemplar),
        })
        .sample(&Sample {
            suffix: "_sum",
            value: f64::INFINITY,
            exemplar: Some(exemplar),
            ..Sample::default()
        });
        page.family(&Family { name: "spans_total", kind: FamilyKind::Counter, help: "", unit: "" })
            .sample(&Sample { value: 1e6, ..Sample::default() });
        page.family(&Family { name: "thing", kind: FamilyKind::Unknown, help: "", unit: "seconds" })
            .sample(&Sample { value: f64::NAN, ..Sample::default() });
        page.finish()
    }

    #[test]
    fn the_text_format_has_headers_escapes_and_milliseconds() {
        let expected = r#"# HELP latency_seconds How long, "all in"\nof \\ it
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.5",path="a\"b\\c\nd"} 2 1234567
latency_seconds_sum +Inf
# TYPE spans_total counter
spans_total 1e+06
# TYPE thing untyped
thing NaN
"#;
        assert_eq!(page(Format::Text), expected);
    }

    #[test]
    fn open_metrics_adds_units_exemplars_and_the_end() {
        let expected = r#"# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
# HELP latency_seconds How long, \"all in\"\nof \\ it
latency_seconds_bucket{le="0.5",path="a\"b\\c\nd"} 2 1234.567 # {trace_id="5b8e"} 0.3 1.500
latency_seconds_sum +Inf
# TYPE spans counter
spans_total 1e+06
# TYPE thing unknown
thing NaN
# EOF
"#;
        assert_eq!(page(Format::OpenMetrics), expected);
    }

    #[test]
    fn values_are_written_as_prometheus_does() {
        let values = [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (123_456.7, "123456.7"),
            (123_456_789.0, "1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in values {
            assert_eq!(format_value(value), text);
        }
    }
}
