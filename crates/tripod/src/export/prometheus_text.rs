//! The process's metrics as text for Prometheus: format 0.0.4 and OpenMetrics 1.0, straight from the numbers.
//!
//! Nothing is built on the way: a series' labels are written once into a buffer that is reused, then its lines. Numbers are read
//! without stopping those who record.

use std::io::Write;
use std::sync::Arc;

use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use tripod_wire::otlp::{KeyValue, Metric, Resource};
use tripod_wire::prometheus::names::{self, MetricKind};
pub use tripod_wire::prometheus::text::Format;
use tripod_wire::prometheus::text::format_value;

use crate::engine;
use crate::metrics::Reader;
use crate::metrics::exemplar::Kept as KeptExemplar;
use crate::metrics::label_set::{Kept, LabelSet};
use crate::metrics::observable::Round;
use crate::metrics::registry::{self, Instrument};

/// An instrument as its family is described.
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) unit: String,
    pub(crate) kind: MetricKind,
}

/// Appends all metrics of the process to `out`, in this format.
///
/// Names follow OpenTelemetry's rules for Prometheus: `http.server.duration` in `s` becomes `http_server_duration_seconds`, a counter
/// ends in `_total`. A component's metrics carry its name as `otel_scope_name`; what is known of the process is `target_info`.
/// Instruments that end up with one name are one family; one of another type than the first is left out. Exemplars are written in
/// OpenMetrics only. Exponential histograms are written with the bounds of their buckets.
///
/// ```
/// use tripod::metrics::{PrometheusFormat, render_prometheus};
/// tripod::counter("pages.served").build().add(3, tripod::labels!(kind = "help"));
/// let mut page = Vec::new();
/// render_prometheus(PrometheusFormat::Text, &mut page);
/// assert!(String::from_utf8(page).unwrap().contains("pages_served_total{kind=\"help\"} 3\n"));
/// ```
pub fn render_prometheus(format: Format, out: &mut Vec<u8>) {
    if let Some(engine) = engine::running() {
        target_info(format, &engine.resource, out);
    }
    let round = Round::ask();
    let mut named: Vec<Named> = registry::all().into_iter().filter_map(Named::instrument).collect();
    let points = |(scope, metrics): (u16, Vec<Metric>)| {
        metrics.into_iter().filter_map(move |metric| Named::points(scope, metric))
    };
    named.extend(registry::from_sources().into_iter().flat_map(points));
    // A family's lines stand together, whatever component they are from.
    named.sort_by(|a, b| a.name.cmp(&b.name));
    for same in named.chunk_by(|a, b| a.name == b.name) {
        let Some(first) = same.first() else { continue };
        let kind = first.family.kind.prometheus_type();
        let before = out.len();
        head(format, &first.name, &first.family, out);
        let after_head = out.len();
        for named in same.iter().filter(|named| named.family.kind.prometheus_type() == kind) {
            named.write(&round, &mut Lines::new(format, &named.name, &engine::scope_name(named.scope), out));
        }
        if out.len() == after_head {
            out.truncate(before);
        }
    }
    if format == Format::OpenMetrics {
        out.extend(b"# EOF\n");
    }
}

/// Something under its Prometheus name.
struct Named {
    name: String,
    scope: u16,
    family: Family,
    samples: Samples,
}

/// Where samples come from.
enum Samples {
    Instrument(Arc<dyn Instrument>),
    /// Points that another registry has.
    Points(MetricData),
}

impl Named {
    fn instrument(instrument: Arc<dyn Instrument>) -> Option<Self> {
        let (family, scope) = (instrument.family()?, instrument.identity().scope);
        Some(Self::new(scope, family, Samples::Instrument(instrument)))
    }

    fn points(scope: u16, metric: Metric) -> Option<Self> {
        let Metric { name, description, unit, data, .. } = metric;
        let family = Family { name, help: description, unit, kind: MetricKind::of(&data)? };
        Some(Self::new(scope, family, Samples::Points(data)))
    }

    fn new(scope: u16, family: Family, samples: Samples) -> Self {
        Self { name: names::metric_name(&family.name, &family.unit, family.kind), scope, family, samples }
    }

    fn write(&self, round: &Round, lines: &mut Lines<'_>) {
        match &self.samples {
            Samples::Points(data) => lines.points(data),
            Samples::Instrument(instrument) => {
                if instrument.write(round, lines).is_err() {
                    let metric = instrument.metric(round, &mut Reader::default().reading());
                    lines.points(&metric.unwrap_or_default().data);
                }
            }
        }
    }
}

/// `# HELP`, `# TYPE`, `# UNIT`.
fn head(format: Format, name: &str, family: &Family, out: &mut Vec<u8>) {
    let name = family_name(format, name, family.kind);
    let kind = family.kind.prometheus_type();
    put(out, &["# TYPE ", name, " ", kind, "\n"]);
    if format == Format::OpenMetrics {
        let unit = names::unit_suffix(&family.unit, family.kind);
        if !unit.is_empty() && name.strip_suffix(&*unit).is_some_and(|before| before.ends_with('_')) {
            put(out, &["# UNIT ", name, " ", &unit, "\n"]);
        }
    }
    if !family.help.is_empty() {
        put(out, &["# HELP ", name, " "]);
        escape(out, &family.help, format == Format::OpenMetrics);
        out.push(b'\n');
    }
}

/// In OpenMetrics a counter's family has the name before its `_total`.
fn family_name(format: Format, name: &str, kind: MetricKind) -> &str {
    match (format, kind) {
        (Format::OpenMetrics, MetricKind::Counter) => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    }
}

fn target_info(format: Format, resource: &Resource, out: &mut Vec<u8>) {
    let head = match format {
        Format::Text => "# TYPE target_info gauge\n# HELP target_info Target metadata\ntarget_info",
        Format::OpenMetrics => "# TYPE target info\n# HELP target Target metadata\ntarget_info",
    };
    out.extend(head.as_bytes());
    let mut labels = Vec::new();
    put_attributes(&mut labels, &resource.attributes);
    put_braced(out, &labels, b"");
    out.extend(b" 1\n");
}

/// Where the lines of one instrument go.
pub(crate) struct Lines<'o> {
    format: Format,
    out: &'o mut Vec<u8>,
    /// The family's name as its samples begin.
    name: String,
    /// Labels of all its series, with their commas between.
    common: Vec<u8>,
    /// The same with those of the series that is written.
    labels: Vec<u8>,
    keys: Keys,
}

/// The keys of the series before, which usually are those of the next one too, as they are written.
#[derive(Default)]
struct Keys {
    known: Vec<(String, Vec<u8>)>,
    /// Two become the same label name: then their values share it.
    clash: bool,
}

impl<'o> Lines<'o> {
    fn new(format: Format, name: &str, scope: &str, out: &'o mut Vec<u8>) -> Self {
        let mut common = Vec::new();
        if !scope.is_empty() {
            put_label(&mut common, "otel_scope_name", scope);
        }
        Self { format, out, name: name.to_owned(), common, labels: Vec::new(), keys: Keys::default() }
    }

    /// Begins the lines of a series.
    pub(crate) fn series(&mut self, labels: &LabelSet) {
        self.labels.clear();
        self.labels.extend(&self.common);
        if !self.keys.are_those_of(labels) {
            self.keys = Keys::of(labels);
        }
        if self.keys.clash {
            put_attributes(&mut self.labels, &labels.attributes());
            return;
        }
        for ((_, value), (_, name)) in labels.iter().zip(&self.keys.known) {
            if !self.labels.is_empty() {
                self.labels.push(b',');
            }
            self.labels.extend(name);
            match value {
                Kept::Str(text) => escape(&mut self.labels, text, true),
                Kept::Int(value) => put_whole(&mut self.labels, value),
                other => escape(&mut self.labels, &other.to_any().to_string(), true),
            }
            self.labels.push(b'"');
        }
    }

    /// Writes points that were joined of several series.
    fn points(&mut self, data: &MetricData) {
        match data {
            MetricData::Sum { data_points, .. } | MetricData::Gauge { data_points } => {
                for point in data_points {
                    self.series_of(&point.attributes);
                    match point.value {
                        NumberValue::Int(whole) => self.whole("", whole),
                        value => self.float("", value.as_f64()),
                    }
                    self.end();
                }
            }
            MetricData::Histogram { data_points, .. } => {
                for point in data_points {
                    self.series_of(&point.attributes);
                    let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
                    let mut count = 0;
                    for (bound, more) in bounds.zip(&point.bucket_counts) {
                        count += more;
                        self.bucket(bound, count);
                        self.end();
                    }
                    self.sum_and_count(point.sum.unwrap_or_default(), count);
                }
            }
            MetricData::Summary { data_points } => {
                for point in data_points {
                    self.series_of(&point.attributes);
                    point.quantile_values.iter().for_each(|at| self.quantile(at.quantile, at.value));
                    self.sum_and_count(point.sum, point.count);
                }
            }
            // Of exponential histograms no points are joined, and no other registry has them.
            MetricData::ExponentialHistogram { .. } | MetricData::Empty => {}
        }
    }

    fn series_of(&mut self, attributes: &[KeyValue]) {
        self.labels.clear();
        self.labels.extend(&self.common);
        put_attributes(&mut self.labels, attributes);
    }

    fn begin(&mut self, suffix: &str, extra: &[u8]) {
        put(self.out, &[&self.name, suffix]);
        put_braced(self.out, &self.labels, extra);
        self.out.push(b' ');
    }

    /// A line with a whole number, up to its value.
    pub(crate) fn whole(&mut self, suffix: &str, value: i64) {
        self.begin(suffix, b"");
        put_whole(self.out, value);
    }

    /// A line with a float, up to its value.
    pub(crate) fn float(&mut self, suffix: &str, value: f64) {
        self.begin(suffix, b"");
        put_float(self.out, value);
    }

    /// A line with a bucket's cumulative count, up to that.
    pub(crate) fn bucket(&mut self, bound: f64, count: u64) {
        let mut le = b"le=\"".to_vec();
        put_bound(&mut le, self.format, bound);
        le.push(b'"');
        self.begin("_bucket", &le);
        put_count(self.out, count);
    }

    /// A line with a quantile.
    pub(crate) fn quantile(&mut self, quantile: f64, value: f64) {
        let mut label = b"quantile=\"".to_vec();
        put_bound(&mut label, self.format, quantile);
        label.push(b'"');
        self.begin("", &label);
        put_float(self.out, value);
        self.end();
    }

    /// The two lines that end a distribution.
    pub(crate) fn sum_and_count(&mut self, sum: f64, count: u64) {
        self.float("_sum", sum);
        self.end();
        self.begin("_count", b"");
        put_count(self.out, count);
        self.end();
    }

    pub(crate) fn end(&mut self) {
        self.out.push(b'\n');
    }

    /// Ends a line that may have an exemplar.
    pub(crate) fn end_with_exemplar(&mut self, exemplar: Option<KeptExemplar>) {
        if let Some(kept) = exemplar.filter(|_| self.format == Format::OpenMetrics) {
            let (trace_id, span_id) = (kept.span.trace_id, kept.span.span_id);
            // Writing into memory does not fail.
            let _ = write!(self.out, " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} ");
            put_float(self.out, kept.value);
            let (seconds, millis) = (kept.time_unix_nano / 1_000_000_000, kept.time_unix_nano / 1_000_000 % 1000);
            let _ = write!(self.out, " {seconds}.{millis:03}");
        }
        self.end();
    }
}

impl Keys {
    fn of(labels: &LabelSet) -> Self {
        let mut known: Vec<(String, Vec<u8>)> = Vec::new();
        let mut clash = false;
        for (key, _) in labels.iter() {
            let name = [names::label_name(key).as_bytes(), b"=\""].concat();
            clash |= known.iter().any(|(_, earlier)| *earlier == name) || name == b"otel_scope_name=\"";
            known.push((key.to_owned(), name));
        }
        Self { known, clash }
    }

    fn are_those_of(&self, labels: &LabelSet) -> bool {
        let mut known = self.known.iter();
        labels.iter().all(|(key, _)| known.next().is_some_and(|(known, _)| known == key)) && known.next().is_none()
    }
}

/// Attributes whatever their keys, `otel_scope_name` left out, as it is the scope's.
fn put_attributes(out: &mut Vec<u8>, attributes: &[KeyValue]) {
    for (name, value) in names::labels(attributes).iter().filter(|(name, _)| name != "otel_scope_name") {
        put_label(out, name, value);
    }
}

fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    put(out, &[name, "=\""]);
    escape(out, value, true);
    out.push(b'"');
}

fn put_braced(out: &mut Vec<u8>, labels: &[u8], extra: &[u8]) {
    if labels.is_empty() && extra.is_empty() {
        return;
    }
    out.push(b'{');
    out.extend_from_slice(labels);
    if !labels.is_empty() && !extra.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(extra);
    out.push(b'}');
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    // Most texts have nothing to escape: looking at all bytes at once is faster than pushing them one by one.
    let special = |byte: u8| byte == b'\\' || byte == b'\n' || byte == b'"' && quotes;
    if !text.bytes().fold(false, |any, byte| any | special(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'\n' => out.extend(b"\\n"),
            byte if special(byte) => out.extend([b'\\', byte]),
            byte => out.push(byte),
        }
    }
}

fn put_whole(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    put_count(out, value.unsigned_abs());
}

fn put_count(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn put_float(out: &mut Vec<u8>, value: f64) {
    // As `format_value` writes them, without its detour.
    if value.fract() == 0.0 && value.abs() < 1e6 && !(value == 0.0 && value.is_sign_negative()) {
        put_whole(out, value as i64);
    } else {
        out.extend_from_slice(format_value(value).as_bytes());
    }
}

/// A bound or a quantile; OpenMetrics wants to see that it is a float.
fn put_bound(out: &mut Vec<u8>, format: Format, value: f64) {
    put_float(out, value);
    if format == Format::OpenMetrics && value.fract() == 0.0 && value.abs() < 1e6 {
        out.extend_from_slice(b".0");
    }
}
