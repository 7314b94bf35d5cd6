//! Pages of metrics: what the encoders write is read back, and what is no page says where it breaks.

use proptest::prelude::*;
use tripod_wire::WireError;
use tripod_wire::prometheus::client_model::{self, MetricFamily, put_delimited};
use tripod_wire::prometheus::exposition::{Entry, Histograms, Value, open_metrics, protobuf, text};
use tripod_wire::prometheus::remote_write::BucketSpan;
use tripod_wire::prometheus::text::{Exemplar, Exposition, Family, FamilyKind, Format, Sample};
use tripod_wire::proto::Message;

/// A series as it was read: labels, the bits of its value, time, exemplars.
type Read = (Vec<(String, String)>, u64, Option<i64>, Vec<(Vec<(String, String)>, u64, Option<i64>)>);

fn owned(labels: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)]) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// What a page says: its series, and each other entry as a line.
#[derive(Debug, Default, PartialEq)]
struct Page {
    series: Vec<Read>,
    about: Vec<String>,
}

impl Page {
    fn take(&mut self, entry: Entry<'_>) -> Result<(), WireError> {
        match entry {
            Entry::Kind { family, kind } => {
                self.about.push(format!("type {family} {}", kind.name().unwrap_or_default()));
            }
            Entry::Help { family, help } => self.about.push(format!("help {family} {help}")),
            Entry::Unit { family, unit } => self.about.push(format!("unit {family} {unit}")),
            Entry::Series(series) => {
                let labels = series.labels()?;
                let bits = match series.value {
                    Value::Float(value) => value.to_bits(),
                    Value::Histogram(histogram) => histogram.count,
                };
                let exemplars = series.exemplars.iter().map(|one| (owned(&one.labels), one.value.to_bits(), one.time));
                self.series.push((owned(&labels), bits, series.time, exemplars.collect()));
            }
        }
        Ok(())
    }
}

fn read_text(page: &str) -> Result<Page, String> {
    let mut read = Page::default();
    text(page.as_bytes(), |entry| read.take(entry)).map_err(|error| error.to_string())?;
    Ok(read)
}

fn read_open_metrics(page: &str) -> Result<Page, String> {
    let mut read = Page::default();
    open_metrics(page.as_bytes(), |entry| read.take(entry)).map_err(|error| error.to_string())?;
    Ok(read)
}

fn value() -> impl Strategy<Value = f64> {
    // One NaN is as good as another in text.
    any::<f64>().prop_map(|value| if value.is_nan() { f64::from_bits(0x7ff8_0000_0000_0001) } else { value })
}

proptest! {
    #[test]
    fn what_is_written_as_text_is_read_back(
        label in "\\PC{0,12}|[\"\\\\\n{}#,= ]{0,8}",
        help in "\\PC{1,12}|[\"\\\\\nn]{1,8}",
        value in value(),
        time in proptest::option::of(-1_000_000_000_000_i64..4_000_000_000_000),
    ) {
        let labels = [("a", label.as_str()), ("b", "x")];
        let exemplar = Exemplar { labels: &labels[..1], value, timestamp_ms: time };
        for format in [Format::Text, Format::OpenMetrics] {
            let mut page = Exposition::new(format);
            page.family(&Family { name: "jobs", kind: FamilyKind::Counter, help: &help, unit: "" })
                .sample(&Sample { labels: &labels, value, timestamp_ms: time, exemplar: Some(exemplar), ..Sample::default() });
            let page = page.finish();
            let read = if format == Format::Text { read_text(&page) } else { read_open_metrics(&page) }.unwrap();
            let (found, bits, at, exemplars) = &read.series[0];
            let pairs = |labels: &[(&str, &str)]| -> Vec<(String, String)> {
                labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
            };
            prop_assert_eq!(found, &pairs(&[("__name__", "jobs_total"), labels[0], labels[1]]));
            prop_assert_eq!(*bits, value.to_bits());
            let near = |at: Option<i64>| at.zip(time).is_none_or(|(at, time)| (at - time).abs() <= 1);
            prop_assert!(at.is_some() == time.is_some() && near(*at), "{:?} {:?}", at, time);
            let name = if format == Format::Text { "jobs_total" } else { "jobs" };
            prop_assert!(read.about.contains(&format!("help {name} {help}")), "{:?}", read.about);
            if format == Format::OpenMetrics {
                prop_assert_eq!(&exemplars[0].0, &pairs(&labels[..1]));
                prop_assert_eq!(exemplars[0].1, value.to_bits());
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), page in "[a{}\"=,\\\\ #0-9.e\n]{0,80}") {
        for bytes in [bytes.as_slice(), page.as_bytes()] {
            let mut read = Page::default();
            let _ = text(bytes, |entry| read.take(entry));
            let _ = open_metrics(bytes, |entry| read.take(entry));
            let _ = protobuf(bytes, Histograms { native: true, classic: true }, |entry| read.take(entry));
        }
    }
}

#[test]
fn names_of_any_characters_stand_in_quotes() {
    let page = "# TYPE \"a.b\" gauge\n{\"a.b\",\"c d\"=\"x\",e=\"y\",} 1\nplain { f = \"z\" } 2\n";
    let read = read_text(page).unwrap();
    let pairs = |labels: &[(&str, &str)]| -> Vec<(String, String)> {
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(read.series[0].0, pairs(&[("__name__", "a.b"), ("c d", "x"), ("e", "y")]));
    assert_eq!(read.series[1].0, pairs(&[("__name__", "plain"), ("f", "z")]));
    assert_eq!(read.about, ["type a.b GAUGE"]);
}

#[test]
fn bounds_and_quantiles_are_written_in_one_way() {
    let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_bucket{le=\"0.50\"} 1\n# TYPE s summary\ns{quantile=\"1e6\"} 1\n# TYPE g gauge\ng{le=\"1\"} 1\n";
    let read = read_text(page).unwrap();
    let bounds: Vec<&str> = read.series.iter().map(|(labels, ..)| labels[1].1.as_str()).collect();
    assert_eq!(bounds, ["1.0", "+Inf", "0.5", "1e+06", "1"]);
}

#[test]
fn a_page_that_is_none_says_in_which_line_and_why() {
    for (page, said) in [
        ("a 1\nb\n", "line 2: a series must have a value"),
        ("a x\n", "line 1: \"x\" is no number"),
        ("a 0x1p2\n", "is no number"),
        ("a 1 1.5\n", "\"1.5\" is no time: a whole number of milliseconds is"),
        ("a 1 2 3\n", "\"3\" stands behind value and time"),
        ("a{b=\"c} 1\n", "has no closing quote"),
        ("a{b=\"c\" 1\n", "have no closing brace"),
        ("a{b} 1\n", "the label \"b\" has no value"),
        ("a{b=c} 1\n", "has no value in quotes"),
        ("a{b=\"c\" d=\"e\"} 1\n", "must be a comma"),
        ("a{b=\"c\",b=\"d\"} 1\n", "the label \"b\" is there twice"),
        ("a{\"x\"} 1\n", "\"__name__\" is there twice"),
        ("{b=\"c\"} 1\n", "must have a name"),
        ("2a 1\n", "\"2a\" is no name of a metric"),
        ("-a 1\n", "must begin with the name of a metric"),
        ("# TYPE a number\n", "\"number\" is no type"),
    ] {
        let fault = read_text(page).unwrap_err();
        assert!(fault.contains(said), "{page:?}: {fault:?} does not say {said:?}");
    }
    for (page, said) in [
        ("a 1\n", "does not end with # EOF"),
        ("# EOF\na 1\n", "line 2: a line behind # EOF"),
        ("a 1\n\n# EOF\n", "line 2: a line must begin with"),
        ("# UNIT a_meters seconds\n# EOF\n", "does not end with its unit"),
        ("# COMMENT a\n# EOF\n", "must be TYPE, UNIT, HELP or EOF"),
        ("a_total 1 # {x=\"y\"}\n# EOF\n", "there must be a value"),
        ("a_total 1 # 1\n# EOF\n", "must begin with its labels"),
        ("a_total 1 NaN\n# EOF\n", "is no time: a number of seconds is"),
    ] {
        let fault = read_open_metrics(page).unwrap_err();
        assert!(fault.contains(said), "{page:?}: {fault:?} does not say {said:?}");
    }
}

fn histogram() -> client_model::Histogram {
    client_model::Histogram {
        sample_count: 6,
        sample_sum: 9.5,
        buckets: vec![client_model::Bucket { cumulative_count: 4, upper_bound: 1.0, exemplar: None }],
        schema: 1,
        zero_threshold: 0.25,
        zero_count: 1,
        positive_spans: vec![BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![2, -1, 1],
        ..client_model::Histogram::default()
    }
}

fn page_of(histogram: client_model::Histogram) -> Vec<u8> {
    let metric = client_model::Metric { histogram: Some(histogram), ..client_model::Metric::default() };
    let kind = client_model::MetricType::HISTOGRAM;
    let family = MetricFamily { name: "h".to_owned(), kind, metrics: vec![metric], ..MetricFamily::default() };
    let mut page = Vec::new();
    put_delimited(&mut page, &family.encode_to_vec());
    page
}

#[test]
fn a_histogram_of_protobuf_is_native_or_classic_as_it_is_wanted() {
    let page = page_of(histogram());
    let read = |wanted| {
        let mut found = Vec::new();
        let take = |entry: Entry<'_>| {
            if let Entry::Series(series) = entry {
                let labels = series.labels()?;
                let bound = labels.get(1).map_or(String::new(), |(_, value)| value.to_string());
                found.push((labels[0].1.to_string() + &bound, series.value));
            }
            Ok::<(), WireError>(())
        };
        protobuf(&page, wanted, take).unwrap();
        found
    };
    let classic = [("h_count", 6.0), ("h_sum", 9.5), ("h_bucket1.0", 4.0), ("h_bucket+Inf", 6.0)];
    let classic = classic.map(|(name, value)| (name.to_owned(), Value::Float(value)));
    assert_eq!(read(Histograms::default()), classic);
    let native = read(Histograms { native: true, classic: false });
    let [(name, Value::Histogram(histogram))] = &native[..] else { panic!("{native:?}") };
    assert_eq!((name.as_str(), histogram.schema, histogram.count, histogram.zero_count), ("h", 1, 6, 1));
    assert_eq!(histogram.positive, (-2, vec![2, 1, 0, 2]));
    assert_eq!(read(Histograms { native: true, classic: true }).len(), 5);
}

#[test]
fn a_native_histogram_that_does_not_add_up_is_refused() {
    let wanted = Histograms { native: true, classic: false };
    for (change, said) in [
        ((|h| h.schema = 9) as fn(&mut client_model::Histogram), "the schema 9 must be from -4 to 8"),
        (|h| h.positive_deltas.truncate(2), "do not fit"),
        (|h| h.positive_deltas.push(1), "do not fit"),
        (|h| h.positive_deltas[0] = -1, "below 0"),
        (|h| h.positive_spans[1].offset = -1, "out of order"),
        (|h| h.positive_spans[0].length = u32::MAX, "more than 10000"),
    ] {
        let mut one = histogram();
        change(&mut one);
        let fault = protobuf(&page_of(one), wanted, |_| Ok::<(), WireError>(())).unwrap_err().to_string();
        assert!(fault.contains(said), "{fault:?} does not say {said:?}");
    }
}
