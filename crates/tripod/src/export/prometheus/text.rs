//! A family's samples as lines of text, in Prometheus' own format and in OpenMetrics.

use std::io::Write;

use tripod_wire::otlp::metrics::NumberValue;
use tripod_wire::prometheus::escaping::is_old_metric;
use tripod_wire::prometheus::names::{self, MetricKind};
use tripod_wire::prometheus::text::format_value;

use super::labels::put_name;
use super::{Family, Kept, Point};
use crate::metrics::exponential::Counted;

/// Where the lines of a family go.
pub(super) struct Lines<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// What the names of samples begin with.
    name: String,
    /// The name of a counter's or a gauge's sample: such lines are most of a page.
    number_name: String,
    /// The name has other than the old characters: it stands among the labels, in quotes.
    is_quoted: bool,
    pub(super) open_metrics: bool,
    kind: MetricKind,
    /// Whether lines tell since when is counted, where the format has them.
    created: bool,
    /// The label of a bucket or a quantile.
    extra: Vec<u8>,
}

impl<'o> Lines<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, open_metrics: bool, name: &str, kind: MetricKind, created: bool) -> Self {
        let name = family_name(open_metrics, name, kind).to_owned();
        let is_quoted = !is_old_metric(&name);
        let number_name = format!("{name}{}", number_suffix(open_metrics, kind));
        Self {
            out,
            name,
            number_name,
            is_quoted,
            open_metrics,
            kind,
            created: created && open_metrics,
            extra: Vec::new(),
        }
    }

    /// `# TYPE`, `# UNIT`, `# HELP`.
    pub(super) fn head(&mut self, family: &Family) {
        self.comment("TYPE");
        put(self.out, &[self.kind.prometheus_type(), "\n"]);
        let unit = names::unit_suffix(&family.unit, family.kind);
        let ends_so = |unit: &str| self.name.strip_suffix(unit).is_some_and(|before| before.ends_with('_'));
        if self.open_metrics && !unit.is_empty() && ends_so(&unit) {
            self.comment("UNIT");
            put(self.out, &[&unit, "\n"]);
        }
        if !family.help.is_empty() {
            self.comment("HELP");
            escape(self.out, &family.help, self.open_metrics);
            self.out.push(b'\n');
        }
    }

    fn comment(&mut self, what: &str) {
        put(self.out, &["# ", what, " "]);
        put_name(self.out, &self.name, !self.is_quoted);
        self.out.push(b' ');
    }

    /// A counter's or a gauge's line.
    pub(super) fn number(&mut self, point: Point<'_>, value: NumberValue, exemplar: Option<Kept>) {
        let is_counter = self.kind == MetricKind::Counter;
        if self.is_quoted {
            self.begin(point, number_suffix(self.open_metrics, self.kind));
        } else {
            self.out.extend_from_slice(self.number_name.as_bytes());
            put_braced(self.out, point.labels, b"");
            self.out.push(b' ');
        }
        match value {
            NumberValue::Int(whole) => put_whole(self.out, whole),
            value => put_float(self.out, value.as_f64()),
        }
        self.end(exemplar.filter(|_| is_counter));
        if is_counter {
            self.created(point);
        }
    }

    /// Buckets by their bounds, the last without one, each with what it alone counts.
    pub(super) fn histogram(
        &mut self,
        point: Point<'_>,
        buckets: impl Iterator<Item = (f64, u64, Option<Kept>)>,
        sum: f64,
    ) {
        let mut count = 0;
        for (bound, more, exemplar) in buckets {
            count += more;
            self.extra("le", bound);
            self.begin(point, "_bucket");
            put_count(self.out, count);
            self.end(exemplar);
        }
        self.sum_and_count(point, sum, count);
    }

    /// An exponential histogram in buckets with bounds, of which only those that are not empty are written.
    pub(super) fn exponential(&mut self, point: Point<'_>, counted: &Counted, exemplars: &[Kept]) {
        let mut left = exemplars.to_vec();
        let buckets = counted.explicit().into_iter().chain([(f64::INFINITY, 0)]).map(|(bound, count)| {
            let at = left.iter().position(|exemplar| exemplar.value <= bound);
            let own = at.map(|at| left.swap_remove(at));
            // A bucket has one exemplar: further ones that lie in it are left out.
            left.retain(|exemplar| exemplar.value > bound);
            (bound, count, own)
        });
        self.histogram(point, buckets, counted.sum);
    }

    /// Quantiles and their values.
    pub(super) fn summary(&mut self, point: Point<'_>, quantiles: &[(f64, f64)], sum: f64, count: u64) {
        for (quantile, value) in quantiles {
            self.extra("quantile", *quantile);
            self.begin(point, "");
            put_float(self.out, *value);
            self.out.push(b'\n');
        }
        self.sum_and_count(point, sum, count);
    }

    /// The lines that end a distribution.
    fn sum_and_count(&mut self, point: Point<'_>, sum: f64, count: u64) {
        self.extra.clear();
        self.begin(point, "_sum");
        put_float(self.out, sum);
        self.out.push(b'\n');
        self.begin(point, "_count");
        put_count(self.out, count);
        self.out.push(b'\n');
        self.created(point);
    }

    fn created(&mut self, point: Point<'_>) {
        if self.created && point.start > 0 {
            self.begin(point, "_created");
            put_time(self.out, point.start);
            self.out.push(b'\n');
        }
    }

    /// The bound or quantile of the lines that follow. OpenMetrics wants to see that it is a float.
    fn extra(&mut self, name: &str, value: f64) {
        self.extra.clear();
        put(&mut self.extra, &[name, "=\""]);
        put_float(&mut self.extra, value);
        if self.open_metrics && value.fract() == 0.0 && value.abs() < 1e6 {
            self.extra.extend_from_slice(b".0");
        }
        self.extra.push(b'"');
    }

    /// A line up to its value.
    #[inline]
    fn begin(&mut self, point: Point<'_>, suffix: &str) {
        if self.is_quoted {
            self.out.extend_from_slice(b"{\"");
            escape(self.out, &self.name, true);
            put(self.out, &[suffix, "\""]);
            for labels in [point.labels, &self.extra].into_iter().filter(|labels| !labels.is_empty()) {
                self.out.push(b',');
                self.out.extend_from_slice(labels);
            }
            self.out.extend_from_slice(b"} ");
            return;
        }
        put(self.out, &[&self.name, suffix]);
        put_braced(self.out, point.labels, &self.extra);
        self.out.push(b' ');
    }

    /// Ends a line that may have an exemplar.
    #[inline]
    fn end(&mut self, exemplar: Option<Kept>) {
        if let Some(kept) = exemplar.filter(|_| self.open_metrics) {
            let (trace_id, span_id) = (kept.span.trace_id, kept.span.span_id);
            // Writing into memory does not fail.
            let _ = write!(self.out, " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} ");
            put_float(self.out, kept.value);
            self.out.push(b' ');
            put_time(self.out, kept.time_unix_nano);
        }
        self.out.push(b'\n');
    }
}

/// What a counter's or a gauge's sample has behind its family's name.
fn number_suffix(open_metrics: bool, kind: MetricKind) -> &'static str {
    if open_metrics && kind == MetricKind::Counter { "_total" } else { "" }
}

/// In OpenMetrics a counter's family has the name before its `_total`.
fn family_name(open_metrics: bool, name: &str, kind: MetricKind) -> &str {
    match kind {
        MetricKind::Counter if open_metrics => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    }
}

/// What is known of the process, which needs no more than its labels.
pub(super) fn target_info(out: &mut Vec<u8>, open_metrics: bool, labels: &[u8]) {
    let head: &[u8] = if open_metrics {
        b"# TYPE target info\n# HELP target Target metadata\ntarget_info"
    } else {
        b"# TYPE target_info gauge\n# HELP target_info Target metadata\ntarget_info"
    };
    out.extend_from_slice(head);
    put_braced(out, labels, b"");
    out.extend_from_slice(b" 1\n");
}

#[inline]
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

#[inline]
pub(super) fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
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

pub(super) fn put_whole(out: &mut Vec<u8>, value: i64) {
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

/// A time in seconds, to the millisecond.
fn put_time(out: &mut Vec<u8>, unix_nanos: u64) {
    let (seconds, millis) = (unix_nanos / 1_000_000_000, unix_nanos / 1_000_000 % 1000);
    let _ = write!(out, "{seconds}.{millis:03}");
}
