//! Points as StatsD's lines, `name:value|type`, in the dialects that servers understand.
//!
//! Texts are cleaned of what a dialect gives a meaning to, so no name, tag or value can change what a line says.

use std::fmt::Write;

use tripod_wire::otlp::metrics::{NumberValue, SummaryDataPoint};
use tripod_wire::otlp::{KeyValue, Resource};

use super::packets::Units;
use crate::export::datadog_names::{self, MAX_NAME};
use crate::export::points::{Distribution, Point, Reading, float_text, number_text};

/// How a line says to which series it belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsdDialect {
    /// The original: there are no tags, so attributes are parts of the name, `requests.method.GET:1|c`.
    #[default]
    Plain,
    /// Datadog's: `requests:1|c|#method:GET`.
    Dogstatsd,
    /// Graphite's tags: `requests;method=GET:1|c`.
    Graphite,
    /// Telegraf's tags: `requests,method=GET:1|c`.
    Influx,
}

/// What becomes of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsdHistograms {
    /// Counters `.count`, `.sum` and, for each bucket, `.bucket` with the tag `upper_bound`; gauges `.min` and `.max`. Any server adds
    /// them up exactly.
    Counters,
    /// DogStatsD's distributions, `|d`: a value for each bucket, with the share of the measurements that it stands for.
    Distributions,
    /// The same as DogStatsD's histograms, `|h`.
    Histograms,
}

/// How points are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Style {
    pub(super) dialect: StatsdDialect,
    /// The dialect's usual ones if not said.
    pub(super) histograms: Option<StatsdHistograms>,
    /// What names begin with, without a dot at its end.
    pub(super) prefix: String,
    /// Tags of every series.
    pub(super) tags: Vec<(String, String)>,
}

/// Why a point has no lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not finite.
    NotANumber,
    LongName,
}

/// A line's name and tags.
struct Series<'s> {
    style: &'s Style,
    name: String,
    /// As the dialect has them, with what leads to them.
    tags: String,
}

impl Style {
    /// The tags of every series of a resource: those that were set, and with DogStatsD what Datadog knows of a resource.
    pub(super) fn common_tags(&self, resource: &Resource) -> String {
        let mut tags = String::new();
        let known = match self.dialect {
            StatsdDialect::Dogstatsd => datadog_names::resource_tags(resource, &self.tags),
            _ => Vec::new(),
        };
        for (key, value) in known.iter().chain(&self.tags) {
            self.put_tag(&mut tags, key, value);
        }
        tags
    }

    /// Writes a point's lines.
    pub(super) fn write(&self, point: &Point<'_>, common_tags: &str, units: &mut Units) -> Result<(), Refused> {
        let series = self.series(&point.metric.name, point.attributes, common_tags)?;
        match point.reading {
            Reading::Count(value) => series.counter("", None, number_text(value), units),
            Reading::Value(value) => series.gauge("", None, number_text(value), units),
            Reading::Distribution(distribution) => series.distribution(&distribution, units),
            Reading::Summary(summary) => series.summary(summary, units),
        }
    }

    fn series(&self, name: &str, attributes: &[KeyValue], common_tags: &str) -> Result<Series<'_>, Refused> {
        let name = if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) };
        let name = match self.dialect {
            StatsdDialect::Dogstatsd => datadog_names::metric_name(&name),
            _ => clean(&name, |c| c.is_ascii_alphanumeric() || "-.".contains(c)),
        };
        if self.dialect == StatsdDialect::Dogstatsd && name.len() > MAX_NAME {
            return Err(Refused::LongName);
        }
        let mut tags = common_tags.to_owned();
        for attribute in attributes {
            self.put_tag(&mut tags, &attribute.key, &attribute.value.to_string());
        }
        Ok(Series { style: self, name, tags })
    }

    fn put_tag(&self, tags: &mut String, key: &str, value: &str) {
        let ascii = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let any = |c: char| c.is_alphanumeric() || "-./".contains(c);
        // Writing into memory does not fail.
        let _ = match self.dialect {
            // A dot is a step down in the tree of names.
            StatsdDialect::Plain => write!(tags, ".{}.{}", clean(key, ascii), clean(value, ascii)),
            StatsdDialect::Dogstatsd => {
                let lead = if tags.is_empty() { "|#" } else { "," };
                write!(tags, "{lead}{}", datadog_names::tag(key, value))
            }
            StatsdDialect::Graphite => {
                let dotted = |c: char| ascii(c) || c == '.';
                // Graphite keeps the metric's own name under `name`.
                let end = if key == "name" { "_" } else { "" };
                write!(tags, ";{}{end}={}", clean(key, dotted), clean(value, dotted))
            }
            StatsdDialect::Influx => write!(tags, ",{}={}", clean(key, any), clean(value, any)),
        };
    }

    fn histograms(&self) -> StatsdHistograms {
        self.histograms.unwrap_or(match self.dialect {
            StatsdDialect::Dogstatsd => StatsdHistograms::Distributions,
            _ => StatsdHistograms::Counters,
        })
    }
}

/// A tag that only some lines of a point have.
type Extra<'t> = Option<(&'t str, &'t str)>;

impl Series<'_> {
    fn line(&self, suffix: &str, extra: Extra<'_>, value: &str, kind: &str, out: &mut String) {
        let mut with_extra = String::new();
        let tags = match extra {
            None => &self.tags,
            Some((key, value)) => {
                with_extra.push_str(&self.tags);
                self.style.put_tag(&mut with_extra, key, value);
                &with_extra
            }
        };
        let (before, after) =
            if self.style.dialect == StatsdDialect::Dogstatsd { ("", tags.as_str()) } else { (tags.as_str(), "") };
        let name = &self.name;
        let _ = write!(out, "{name}{suffix}{before}:{value}|{kind}{after}");
    }

    fn counter(&self, suffix: &str, extra: Extra<'_>, value: Option<String>, units: &mut Units) -> Result<(), Refused> {
        self.line(suffix, extra, &value.ok_or(Refused::NotANumber)?, "c", units.text());
        units.end();
        Ok(())
    }

    fn gauge(&self, suffix: &str, extra: Extra<'_>, value: Option<String>, units: &mut Units) -> Result<(), Refused> {
        let value = value.ok_or(Refused::NotANumber)?;
        // Where a sign says that the gauge changes by the value, it is set to zero first. The two lines must stay together.
        if value.starts_with('-') && self.style.dialect != StatsdDialect::Dogstatsd {
            self.line(suffix, extra, "0", "g", units.text());
            units.text().push('\n');
        }
        self.line(suffix, extra, &value, "g", units.text());
        units.end();
        Ok(())
    }

    fn distribution(&self, distribution: &Distribution<'_>, units: &mut Units) -> Result<(), Refused> {
        match self.style.histograms() {
            // A total of all times can't be told as measurements: the server would count them again and again.
            StatsdHistograms::Distributions if distribution.is_delta => self.values(distribution, "d", units),
            StatsdHistograms::Histograms if distribution.is_delta => self.values(distribution, "h", units),
            _ => self.numbers(distribution, units),
        }
    }

    /// A value for each bucket, with the rate at which it would have been sampled.
    fn values(&self, distribution: &Distribution<'_>, kind: &str, units: &mut Units) -> Result<(), Refused> {
        for (value, count) in distribution.values() {
            let value = float_text(value).ok_or(Refused::NotANumber)?;
            let kind = if count == 1 { kind.to_owned() } else { format!("{kind}|@{}", rate(count)) };
            self.line("", None, &value, &kind, units.text());
            units.end();
        }
        Ok(())
    }

    fn numbers(&self, distribution: &Distribution<'_>, units: &mut Units) -> Result<(), Refused> {
        let number = if distribution.is_delta { Self::counter } else { Self::gauge };
        number(self, ".count", None, Some(distribution.count.to_string()), units)?;
        if let Some(sum) = distribution.sum {
            number(self, ".sum", None, float_text(sum), units)?;
        }
        for (suffix, extreme) in [(".min", distribution.min), (".max", distribution.max)] {
            if let Some(value) = extreme {
                self.gauge(suffix, None, float_text(value), units)?;
            }
        }
        for bucket in distribution.buckets() {
            let bound = float_text(bucket.upper).unwrap_or_else(|| "inf".to_owned());
            number(self, ".bucket", Some(("upper_bound", &bound)), Some(bucket.count.to_string()), units)?;
        }
        Ok(())
    }

    fn summary(&self, summary: &SummaryDataPoint, units: &mut Units) -> Result<(), Refused> {
        self.gauge(".count", None, Some(summary.count.to_string()), units)?;
        self.gauge(".sum", None, float_text(summary.sum), units)?;
        for at in &summary.quantile_values {
            let quantile = at.quantile.to_string();
            self.gauge("", Some(("quantile", &quantile)), number_text(NumberValue::Double(at.value)), units)?;
        }
        Ok(())
    }
}

/// A sample rate of which a receiver that rounds down, as they do, makes the count again.
fn rate(count: u64) -> f64 {
    let rate = 1.0 / count as f64;
    if 1.0 / rate < count as f64 { rate.next_down() } else { rate }
}

/// The text with `_` for everything else, never empty.
fn clean(text: &str, keep: impl Fn(char) -> bool) -> String {
    if text.is_empty() {
        return "_".to_owned();
    }
    text.chars().map(|c| if keep(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
