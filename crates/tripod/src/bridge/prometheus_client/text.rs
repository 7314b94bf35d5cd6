//! Reads OpenMetrics text as `prometheus-client` writes it. A line that is no such text is passed over.

use tripod_wire::otlp::metrics::{
    AggregationTemporality, Exemplar, HistogramDataPoint, MetricData, NumberDataPoint, NumberValue,
};
use tripod_wire::otlp::{KeyValue, Metric};
use tripod_wire::{SpanId, TraceId};

use crate::bridge::gathered::{Times, histogram_point};

/// Every family as a metric; those without a sample are left out.
pub(super) fn metrics(text: &str, times: Times) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let mut family = Family::default();
    for line in text.lines() {
        match line.strip_prefix("# ").map(|line| line.split_once(' ')) {
            Some(Some(("HELP", rest))) => {
                metrics.extend(std::mem::take(&mut family).metric(times));
                let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
                (family.name, family.help) = (name, help);
            }
            Some(Some(("TYPE", rest))) => family.kind = rest.rsplit(' ').next().unwrap_or_default(),
            Some(Some(("UNIT", rest))) => family.unit = rest.rsplit(' ').next().unwrap_or_default(),
            Some(_) => {}
            None => family.samples.extend(Sample::read(line)),
        }
    }
    metrics.extend(family.metric(times));
    metrics
}

#[derive(Default)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    kind: &'a str,
    unit: &'a str,
    samples: Vec<Sample<'a>>,
}

/// A line with a value.
#[derive(Debug, PartialEq)]
struct Sample<'a> {
    name: &'a str,
    labels: Labels,
    value: &'a str,
    exemplar: Option<Taken<'a>>,
}

/// An exemplar: its labels, its value, and when it was taken, in seconds.
type Taken<'a> = (Labels, &'a str, Option<f64>);

type Labels = Vec<(String, String)>;

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_at(line.find(['{', ' '])?);
        let (labels, rest) = labels(rest)?;
        let (value, rest) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
        value.parse::<f64>().ok()?;
        let exemplar = rest.trim_start().strip_prefix("# ").and_then(|rest| {
            let (labels, rest) = labels_of(rest)?;
            let mut words = rest.split_whitespace();
            Some((labels, words.next()?, words.next().and_then(|time| time.parse().ok())))
        });
        Some(Self { name, labels, value, exemplar })
    }
}

/// The labels in front, if there are any, and what follows.
fn labels(text: &str) -> Option<(Labels, &str)> {
    if text.starts_with('{') { labels_of(text) } else { Some((Labels::new(), text)) }
}

fn labels_of(text: &str) -> Option<(Labels, &str)> {
    let (mut labels, mut rest) = (Labels::new(), text.strip_prefix('{')?);
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (key, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((key.to_owned(), value));
        rest = after;
    }
}

/// The text up to the closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

impl Family<'_> {
    fn metric(self, times: Times) -> Option<Metric> {
        if self.samples.is_empty() {
            return None;
        }
        let aggregation_temporality = AggregationTemporality::CUMULATIVE;
        let data = match self.kind {
            "counter" => MetricData::Sum {
                data_points: self.samples.iter().map(|sample| sample.number(times.start, times)).collect(),
                aggregation_temporality,
                is_monotonic: true,
            },
            "histogram" => MetricData::Histogram { data_points: self.histograms(times), aggregation_temporality },
            // Gauges, info metrics, and what has no type.
            _ => MetricData::Gauge { data_points: self.samples.iter().map(|sample| sample.number(0, times)).collect() },
        };
        Some(Metric {
            name: self.name.to_owned(),
            // The crate ends each help text with a full stop of its own.
            description: self.help.strip_suffix('.').unwrap_or(self.help).to_owned(),
            unit: ucum(self.unit).to_owned(),
            data,
            metadata: Vec::new(),
        })
    }

    fn histograms(&self, times: Times) -> Vec<HistogramDataPoint> {
        let mut all: Vec<Lines<'_>> = Vec::new();
        for sample in &self.samples {
            let own: Vec<_> = sample.labels.iter().filter(|(key, _)| key != "le").collect();
            // The lines of a series follow each other.
            if all.last().is_none_or(|last| last.labels != own) {
                all.push(Lines { labels: own, ..Lines::default() });
            }
            let Some(series) = all.last_mut() else { continue };
            match sample.name.rsplit('_').next() {
                Some("sum") => series.sum = sample.value.parse().unwrap_or_default(),
                Some("count") => series.count = sample.value.parse().unwrap_or_default(),
                _ => {
                    let bound = sample.labels.iter().find(|(key, _)| key == "le");
                    let Some(bound) = bound.and_then(|(_, bound)| bound.parse().ok()) else { continue };
                    series.buckets.push((bound, sample.value.parse().unwrap_or_default()));
                    series.exemplars.extend(sample.exemplar(times));
                }
            }
        }
        all.into_iter().map(|series| series.point(times)).collect()
    }
}

/// The lines of one histogram.
#[derive(Default)]
struct Lines<'a> {
    labels: Vec<&'a (String, String)>,
    sum: f64,
    count: u64,
    buckets: Vec<(f64, u64)>,
    exemplars: Vec<Exemplar>,
}

impl Lines<'_> {
    fn point(self, times: Times) -> HistogramDataPoint {
        let attributes = self.labels.iter().map(|(key, value)| KeyValue::new(key.as_str(), value.as_str())).collect();
        let point = histogram_point(attributes, self.buckets, self.count, self.sum, times);
        HistogramDataPoint { exemplars: self.exemplars, ..point }
    }
}

impl Sample<'_> {
    fn number(&self, start: u64, times: Times) -> NumberDataPoint {
        NumberDataPoint {
            attributes: self.labels.iter().map(|(key, value)| KeyValue::new(key.as_str(), value.as_str())).collect(),
            start_time_unix_nano: start,
            time_unix_nano: times.now,
            value: number(self.value),
            exemplars: self.exemplar(times).into_iter().collect(),
            ..Default::default()
        }
    }

    /// The exemplar. Where it is not said when it was taken, it is as old as this reading.
    fn exemplar(&self, times: Times) -> Option<Exemplar> {
        let (labels, value, taken) = self.exemplar.as_ref()?;
        let time_unix_nano = taken.map_or(times.now, |seconds| (seconds * 1e9) as u64);
        let mut exemplar = Exemplar { time_unix_nano, value: number(value), ..Default::default() };
        for (key, value) in labels {
            match key.as_str() {
                "trace_id" if value.parse::<TraceId>().is_ok() => {
                    exemplar.trace_id = value.parse().unwrap_or_default();
                }
                "span_id" if value.parse::<SpanId>().is_ok() => exemplar.span_id = value.parse().unwrap_or_default(),
                _ => exemplar.filtered_attributes.push(KeyValue::new(key.as_str(), value.as_str())),
            }
        }
        Some(exemplar)
    }
}

/// Whole numbers stay whole.
fn number(text: &str) -> NumberValue {
    text.parse().map_or_else(|_| NumberValue::Double(text.parse().unwrap_or_default()), NumberValue::Int)
}

/// The unit by UCUM, as OpenTelemetry writes it; one that is the program's own stays.
fn ucum(unit: &str) -> &str {
    match unit {
        "amperes" => "A",
        "bytes" => "By",
        "celsius" => "Cel",
        "grams" => "g",
        "joules" => "J",
        "meters" => "m",
        "ratios" => "1",
        "seconds" => "s",
        "volts" => "V",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMES: Times = Times { start: 1, now: 2 };

    #[test]
    fn a_line_is_read_with_all_that_can_stand_in_it() {
        let sample = Sample::read(r#"a_total{b="x\"\\\n}, y",c=""} 1.5 # {trace_id="f",t="1"} 2.0 17.25"#).unwrap();
        let labels = |all: &[(&str, &str)]| -> Labels {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let expected = Sample {
            name: "a_total",
            labels: labels(&[("b", "x\"\\\n}, y"), ("c", "")]),
            value: "1.5",
            exemplar: Some((labels(&[("trace_id", "f"), ("t", "1")]), "2.0", Some(17.25))),
        };
        assert_eq!(sample, expected);
        assert_eq!(Sample::read("up 1").map(|sample| (sample.name, sample.value)), Some(("up", "1")));
        for bad in ["", "up", "up x", "up{ 1", "up{a=\"b} 1", "up{a} 1"] {
            assert_eq!(Sample::read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(# (HELP|TYPE|UNIT) |[ -~é\n]){0,60}") {
            let _ = metrics(&text, TIMES);
        }
    }
}
