//! Points as series of Datadog's, in JSON, and those in requests of a size that the intake takes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;

use flate2::write::GzEncoder;
use tripod_wire::otlp::metrics::SummaryDataPoint;
use tripod_wire::otlp::{AnyValue, Resource};

use crate::export::datadog_names::{self, MAX_NAME};
use crate::export::points::{Distribution, Point, Reading, float_text, number_text};

/// What a request may have once it is compressed, by the API's documentation.
const MAX_COMPRESSED: usize = 512_000;

const BEGIN: &[u8] = b"{\"series\":[";
const END: &[u8] = b"]}";

/// How points are named.
#[derive(Default)]
pub(super) struct Style {
    /// What names begin with, without a dot at its end.
    pub(super) prefix: String,
    /// Tags of every series.
    pub(super) tags: Vec<(String, String)>,
}

impl Style {
    pub(super) fn origin(&self, resource: &Resource) -> Origin {
        let known = datadog_names::resource_tags(resource, &self.tags);
        let mut tags = String::new();
        known.iter().chain(&self.tags).for_each(|(key, value)| put_tag(&mut tags, key, value));
        let mut host = String::new();
        if let Some(AnyValue::String(name)) = resource.get("host.name") {
            host.push_str(",\"resources\":[{\"type\":\"host\",\"name\":");
            put_text(&mut host, name);
            host.push_str("}]");
        }
        Origin { tags, host }
    }

    /// Writes a point's series, all or, with the reason why not, none.
    pub(super) fn write(
        &self,
        point: &Point<'_>,
        origin: &Origin,
        second: u64,
        list: &mut SeriesList,
    ) -> Result<(), &'static str> {
        let name = &point.metric.name;
        let name = if self.prefix.is_empty() { name.clone() } else { format!("{}.{name}", self.prefix) };
        let name = datadog_names::metric_name(&name);
        if name.len() > MAX_NAME {
            return Err("its name is longer than Datadog allows");
        }
        let mut tags = origin.tags.clone();
        point.attributes.iter().for_each(|attribute| put_tag(&mut tags, &attribute.key, &attribute.value.to_string()));
        let nanos = point.time_unix_nano.saturating_sub(point.start_time_unix_nano);
        let interval = (nanos / 1_000_000_000).max(1);
        let (unit, begun) = (unit(&point.metric.unit), (list.bytes.len(), list.ends.len()));
        let mut writer = Writer { name, tags, host: &origin.host, unit, second, interval, list, is_first: true };
        let written = match point.reading {
            Reading::Count(value) => writer.put("", &[], Kind::Count, number_text(value)),
            Reading::Value(value) => writer.put("", &[], Kind::Gauge, number_text(value)),
            Reading::Distribution(distribution) => writer.distribution(&distribution),
            Reading::Summary(summary) => writer.summary(summary),
        };
        written.ok_or_else(|| {
            list.bytes.truncate(begun.0);
            list.ends.truncate(begun.1);
            "its value is not a finite number"
        })
    }
}

/// What all series of a resource have.
pub(super) struct Origin {
    /// As they are written, with commas between.
    tags: String,
    /// Where it runs, as it is written.
    host: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Count,
    Gauge,
}

/// Series as JSON, one after the other.
#[derive(Default)]
pub(super) struct SeriesList {
    bytes: String,
    /// Where each ends, and whether it is its point's first.
    ends: Vec<(usize, bool)>,
}

/// Writes the series of one point.
struct Writer<'w> {
    name: String,
    tags: String,
    host: &'w str,
    unit: Option<&'static str>,
    second: u64,
    interval: u64,
    list: &'w mut SeriesList,
    is_first: bool,
}

/// Tags that only some series of a point have.
type Extra<'t> = [(&'t str, String)];

impl Writer<'_> {
    /// `None` where there is no value.
    fn put(&mut self, suffix: &str, extra: &Extra<'_>, kind: Kind, value: Option<String>) -> Option<()> {
        let (value, second, host) = (value?, self.second, self.host);
        let out = &mut self.list.bytes;
        out.push_str("{\"metric\":");
        put_text(out, &format!("{}{suffix}", self.name));
        let kind = match kind {
            Kind::Count => format!("1,\"interval\":{}", self.interval),
            Kind::Gauge => "3".to_owned(),
        };
        // Writing into memory does not fail.
        let _ = write!(out, ",\"type\":{kind},\"points\":[{{\"timestamp\":{second},\"value\":{value}}}]{host}");
        if let Some(unit) = self.unit.filter(|_| !matches!(suffix, ".count" | ".bucket")) {
            let _ = write!(out, ",\"unit\":\"{unit}\"");
        }
        let _ = write!(out, ",\"tags\":[{}", self.tags);
        let mut tags = String::new();
        extra.iter().for_each(|(key, value)| put_tag(&mut tags, key, value));
        let comma = if self.tags.is_empty() || tags.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}{tags}]}}");
        self.list.ends.push((out.len(), std::mem::take(&mut self.is_first)));
        Some(())
    }

    fn distribution(&mut self, distribution: &Distribution<'_>) -> Option<()> {
        let kind = if distribution.is_delta { Kind::Count } else { Kind::Gauge };
        self.put(".count", &[], kind, Some(distribution.count.to_string()))?;
        if let Some(sum) = distribution.sum {
            self.put(".sum", &[], kind, float_text(sum))?;
        }
        for (suffix, extreme) in [(".min", distribution.min), (".max", distribution.max)] {
            if let Some(value) = extreme {
                self.put(suffix, &[], Kind::Gauge, float_text(value))?;
            }
        }
        for bucket in distribution.buckets() {
            let bounds = [("lower_bound", bound(bucket.lower)), ("upper_bound", bound(bucket.upper))];
            self.put(".bucket", &bounds, kind, Some(bucket.count.to_string()))?;
        }
        Some(())
    }

    /// Gauges, as OTLP's summaries tell of all times.
    fn summary(&mut self, summary: &SummaryDataPoint) -> Option<()> {
        self.put(".count", &[], Kind::Gauge, Some(summary.count.to_string()))?;
        self.put(".sum", &[], Kind::Gauge, float_text(summary.sum))?;
        for at in &summary.quantile_values {
            self.put(".quantile", &[("quantile", at.quantile.to_string())], Kind::Gauge, float_text(at.value))?;
        }
        Some(())
    }
}

/// A bucket's bound as a tag's value.
fn bound(bound: f64) -> String {
    float_text(bound).unwrap_or_else(|| if bound > 0.0 { "inf" } else { "-inf" }.to_owned())
}

impl SeriesList {
    /// Bodies of requests, compressed, each with the points that begin in it.
    pub(super) fn requests(&self, max_plain: usize) -> Vec<(u64, Vec<u8>)> {
        let mut requests = Vec::new();
        let (mut first, mut start) = (0, 0);
        for (at, (end, _)) in self.ends.iter().enumerate() {
            let separators = at - first;
            if at > first && BEGIN.len() + (end - start) + separators + END.len() > max_plain {
                self.request(first..at, &mut requests);
                (first, start) = (at, self.ends[at - 1].0);
            }
        }
        if first < self.ends.len() {
            self.request(first..self.ends.len(), &mut requests);
        }
        requests
    }

    /// A request with these series, or several where they are too many.
    fn request(&self, series: Range<usize>, requests: &mut Vec<(u64, Vec<u8>)>) {
        let body = self.body(series.clone());
        if body.len() > MAX_COMPRESSED && series.len() > 1 {
            let middle = series.start + series.len() / 2;
            self.request(series.start..middle, requests);
            self.request(middle..series.end, requests);
            return;
        }
        let points = self.ends[series].iter().filter(|(_, is_first)| *is_first).count();
        requests.push((points as u64, body));
    }

    fn body(&self, series: Range<usize>) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut start = series.start.checked_sub(1).map_or(0, |before| self.ends[before].0);
        // Writing into memory does not fail.
        let _ = encoder.write_all(BEGIN);
        for at in series.clone() {
            if at > series.start {
                let _ = encoder.write_all(b",");
            }
            let end = self.ends[at].0;
            let _ = encoder.write_all(&self.bytes.as_bytes()[start..end]);
            start = end;
        }
        let _ = encoder.write_all(END);
        encoder.finish().unwrap_or_default()
    }
}

/// Adds a tag to a list of JSON.
fn put_tag(tags: &mut String, key: &str, value: &str) {
    if !tags.is_empty() {
        tags.push(',');
    }
    put_text(tags, &datadog_names::tag(key, value));
}

fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A unit under Datadog's name.
fn unit(ucum: &str) -> Option<&'static str> {
    Some(match ucum {
        "ns" => "nanosecond",
        "us" => "microsecond",
        "ms" => "millisecond",
        "s" => "second",
        "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "bit" => "bit",
        "By" => "byte",
        "KiBy" => "kibibyte",
        "MiBy" => "mebibyte",
        "GiBy" => "gibibyte",
        "%" => "percent",
        "Hz" => "hertz",
        "Cel" => "degree celsius",
        "W" => "watt",
        "{request}" => "request",
        "{connection}" => "connection",
        "{error}" => "error",
        "{message}" => "message",
        _ => return None,
    })
}
