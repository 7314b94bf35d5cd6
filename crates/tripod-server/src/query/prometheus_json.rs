//! Values and series as Prometheus' JSON, written straight into one buffer: answers hold many numbers.

use std::time::Duration;

use tripod_promql::{Histogram, Output, RangeSeries, SampleValue, Value, VectorSample, format_float};

/// A buffer of JSON.
#[derive(Default)]
pub(super) struct Json(Vec<u8>);

impl Json {
    /// A successful answer whose data `write` writes.
    pub(super) fn success(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        Self::success_with_notes(&[], &[], write)
    }

    /// The same, with what there is to note of it.
    pub(super) fn success_with_notes(warnings: &[String], infos: &[String], write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut json = Self::default();
        json.raw(r#"{"status":"success","data":"#);
        write(&mut json);
        for (name, notes) in [("warnings", warnings), ("infos", infos)] {
            if !notes.is_empty() {
                json.raw(",").text(name).raw(":").list(notes, |json, note| {
                    json.text(note);
                });
            }
        }
        json.raw("}");
        json.0
    }

    /// The answer to a query, and how long that took where it is asked for.
    pub(super) fn output(output: &Output, took: Option<Duration>) -> Vec<u8> {
        Self::success_with_notes(&output.warnings, &output.infos, |json| {
            match &output.value {
                Value::Scalar(time, value) => json.raw(r#"{"resultType":"scalar","result":"#).sample(*time, *value),
                Value::String(time, text) => {
                    json.raw(r#"{"resultType":"string","result":["#).time(*time).raw(",").text(text).raw("]")
                }
                Value::Vector(samples) => {
                    json.raw(r#"{"resultType":"vector","result":"#).list(samples, Self::vector_sample)
                }
                Value::Matrix(series) => {
                    json.raw(r#"{"resultType":"matrix","result":"#).list(series, Self::range_series)
                }
            };
            if let Some(took) = took {
                let seconds = took.as_secs_f64();
                let timings = format!(r#"{{"evalTotalTime":{seconds},"execTotalTime":{seconds}}}"#);
                json.raw(r#","stats":{"timings":"#).raw(&timings).raw("}");
            }
            json.raw("}");
        })
    }

    fn vector_sample(&mut self, sample: &VectorSample) {
        self.raw(r#"{"metric":"#).labels(sample.labels.iter());
        match &sample.value {
            SampleValue::Float(value) => self.raw(r#","value":"#).sample(sample.time, *value),
            SampleValue::Histogram(histogram) => self.raw(r#","histogram":"#).histogram_sample(sample.time, histogram),
        };
        self.raw("}");
    }

    fn range_series(&mut self, series: &RangeSeries) {
        self.raw(r#"{"metric":"#).labels(series.labels.iter());
        if !series.floats.is_empty() {
            self.raw(r#","values":"#).list(&series.floats, |json, (time, value)| {
                json.sample(*time, *value);
            });
        }
        if !series.histograms.is_empty() {
            self.raw(r#","histograms":"#).list(&series.histograms, |json, (time, histogram)| {
                json.histogram_sample(*time, histogram);
            });
        }
        self.raw("}");
    }

    /// Labels as an object.
    pub(super) fn labels<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>) -> &mut Self {
        self.raw("{");
        for (i, (name, value)) in labels.enumerate() {
            self.raw(if i > 0 { "," } else { "" }).text(name).raw(":").text(value);
        }
        self.raw("}")
    }

    /// An array.
    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.raw("[");
        for (i, item) in items.iter().enumerate() {
            self.raw(if i > 0 { "," } else { "" });
            write(self, item);
        }
        self.raw("]")
    }

    /// Milliseconds as seconds.
    pub(super) fn time(&mut self, millis: i64) -> &mut Self {
        let sign = if millis < 0 { "-" } else { "" };
        let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
        let text = if rest == 0 { format!("{sign}{seconds}") } else { format!("{sign}{seconds}.{rest:03}") };
        self.raw(&text)
    }

    fn sample(&mut self, time: i64, value: f64) -> &mut Self {
        self.raw("[").time(time).raw(",").number(value).raw("]")
    }

    /// A number as text, as JSON has no infinities. Very small and very large ones have an exponent, here as in Prometheus' JSON.
    pub(super) fn number(&mut self, value: f64) -> &mut Self {
        let size = value.abs();
        if size.is_finite() && size != 0.0 && !(1e-6..1e21).contains(&size) {
            let text = format!("{value:e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            return self.raw(&format!("\"{digits}e{sign}{exponent:0>2}\""));
        }
        self.raw("\"").raw(&format_float(value)).raw("\"")
    }

    fn histogram_sample(&mut self, time: i64, histogram: &Histogram) -> &mut Self {
        self.raw("[").time(time).raw(r#",{"count":"#).number(histogram.count).raw(r#","sum":"#).number(histogram.sum);
        let buckets = histogram.buckets();
        if !buckets.is_empty() {
            self.raw(r#","buckets":"#).list(&buckets, |json, bucket| {
                // Which bounds belong to the bucket, in Prometheus' numbers.
                let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
                    (false, true) => "0",
                    (true, false) => "1",
                    (false, false) => "2",
                    (true, true) => "3",
                };
                json.raw("[").raw(rule);
                for value in [bucket.lower, bucket.upper, bucket.count] {
                    json.raw(",").number(value);
                }
                json.raw("]");
            });
        }
        self.raw("}]")
    }

    /// A string.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        // A string is always JSON, and writing into memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, text);
        self
    }

    /// JSON as it is.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tripod_promql::Labels;

    use super::*;

    fn shown(value: Value) -> String {
        let output = Output { value, warnings: vec![], infos: vec!["note".to_owned()] };
        String::from_utf8(Json::output(&output, None)).unwrap()
    }

    #[test]
    fn a_number_has_an_exponent_where_prometheus_gives_it_one() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e-6, "0.000001"),
            (7.52e-7, "7.52e-07"),
            (-1e-300, "-1e-300"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (-2.5e22, "-2.5e+22"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut json = Json::default();
            json.number(value);
            assert_eq!(String::from_utf8(json.0).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn a_vector_is_written_as_prometheus_writes_it() {
        let labels = Labels::new([("__name__", "a"), ("b", "\"x\"\n")]);
        let sample = VectorSample { labels, time: 1_500, value: SampleValue::Float(f64::INFINITY) };
        let expected = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"a","b":"\"x\"\n"},"value":[1.500,"+Inf"]}]},"infos":["note"]}"#;
        assert_eq!(shown(Value::Vector(vec![sample])), expected);
    }

    #[test]
    fn a_native_histogram_shows_its_buckets_with_their_bounds() {
        let histogram = Histogram {
            count: 3.0,
            sum: 4.5,
            zero_count: 1.0,
            zero_threshold: 0.5,
            positive: (1, vec![2.0]),
            ..Histogram::default()
        };
        let series = RangeSeries {
            labels: Labels::empty(),
            floats: vec![(0, 1.0)],
            histograms: vec![(-5, Arc::new(histogram))],
        };
        let expected = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]],"histograms":[[-0.005,{"count":"3","sum":"4.5","buckets":[[3,"-0.5","0.5","1"],[0,"1","2","2"]]}]]}]},"infos":["note"]}"#;
        assert_eq!(shown(Value::Matrix(vec![series])), expected);
    }
}
