use proptest::prelude::*;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, HistogramDataPoint, Metric, MetricData, MetricsData, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, ValueAtQuantile,
};

use super::*;
use crate::export::points;

const DIALECTS: [StatsdDialect; 4] =
    [StatsdDialect::Plain, StatsdDialect::Dogstatsd, StatsdDialect::Graphite, StatsdDialect::Influx];

fn style(dialect: StatsdDialect) -> Style {
    Style { dialect, ..Style::default() }
}

/// The units of one metric's points, or why there are none.
fn written(style: &Style, name: &str, data: MetricData) -> Result<Vec<String>, Refused> {
    let metrics = vec![Metric { name: name.to_owned(), data, ..Default::default() }];
    let resource = Resource { attributes: vec![KeyValue::new("service.name", "shop")], ..Default::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..Default::default() }];
    let data =
        MetricsData { resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..Default::default() }] };
    let (mut units, mut result) = (Units::default(), Ok(()));
    points::each(&data, |point| {
        let written = style.write(&point, &style.common_tags(point.resource), &mut units);
        result = std::mem::replace(&mut result, Ok(())).and(written);
    });
    result.map(|()| units.iter().map(str::to_owned).collect())
}

fn number(value: NumberValue, attributes: &[(&str, &str)]) -> NumberDataPoint {
    let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
    NumberDataPoint { value, attributes, ..Default::default() }
}

fn counter(value: i64, attributes: &[(&str, &str)]) -> MetricData {
    let data_points = vec![number(NumberValue::Int(value), attributes)];
    MetricData::Sum { data_points, aggregation_temporality: AggregationTemporality::DELTA, is_monotonic: true }
}

fn gauge(value: f64, attributes: &[(&str, &str)]) -> MetricData {
    MetricData::Gauge { data_points: vec![number(NumberValue::Double(value), attributes)] }
}

fn histogram(aggregation_temporality: AggregationTemporality) -> MetricData {
    let point = HistogramDataPoint {
        count: 4,
        sum: Some(6.5),
        explicit_bounds: vec![1.0, 4.0],
        bucket_counts: vec![1, 3, 0],
        min: Some(0.0),
        max: Some(3.0),
        ..Default::default()
    };
    MetricData::Histogram { data_points: vec![point], aggregation_temporality }
}

#[test]
fn each_dialect_has_its_own_place_for_tags() {
    let lines =
        DIALECTS.map(|dialect| written(&style(dialect), "http.requests", counter(3, &[("a.b", "c d")])).unwrap());
    let expected = [
        "http.requests.a_b.c_d:3|c",
        "http.requests:3|c|#service:shop,a.b:c_d",
        "http.requests;a.b=c_d:3|c",
        "http.requests,a.b=c_d:3|c",
    ];
    assert_eq!(lines, expected.map(|line| vec![line.to_owned()]));
}

#[test]
fn a_prefix_and_tags_of_all_series_come_first() {
    let tags = vec![("team".to_owned(), "a".to_owned())];
    let style = Style { prefix: "shop".to_owned(), tags, ..style(StatsdDialect::Dogstatsd) };
    assert_eq!(written(&style, "x", counter(1, &[("k", "v")])).unwrap(), ["shop.x:1|c|#service:shop,team:a,k:v"]);
    let plain = Style { dialect: StatsdDialect::Plain, ..style };
    assert_eq!(written(&plain, "x", counter(1, &[("k", "v")])).unwrap(), ["shop.x.team.a.k.v:1|c"]);
}

#[test]
fn a_gauge_below_zero_is_set_rather_than_taken_as_a_change() {
    assert_eq!(written(&style(StatsdDialect::Plain), "x", gauge(-2.5, &[])).unwrap(), ["x:0|g\nx:-2.5|g"]);
    assert_eq!(written(&style(StatsdDialect::Plain), "x", gauge(-0.0, &[])).unwrap(), ["x:0|g\nx:-0|g"]);
    assert_eq!(written(&style(StatsdDialect::Dogstatsd), "x", gauge(-2.5, &[])).unwrap(), ["x:-2.5|g|#service:shop"]);
}

#[test]
fn what_is_no_number_is_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(written(&style(StatsdDialect::Plain), "x", gauge(value, &[])), Err(Refused::NotANumber));
    }
    let long = written(&style(StatsdDialect::Dogstatsd), &"x".repeat(201), counter(1, &[]));
    assert_eq!(long, Err(Refused::LongName));
}

#[test]
fn histograms_are_counters_or_values_that_stand_for_many() {
    let delta = || histogram(AggregationTemporality::DELTA);
    let counters = [
        "x.count:4|c",
        "x.sum:6.5|c",
        "x.min:0|g",
        "x.max:3|g",
        "x.bucket;upper_bound=1:1|c",
        "x.bucket;upper_bound=4:3|c",
    ];
    assert_eq!(written(&style(StatsdDialect::Graphite), "x", delta()).unwrap(), counters);
    // Halfway through both buckets, from 0 to 1 and from 1 to 3, the sum is 0.5 + 3 * 2, which is the true one.
    let values = written(&style(StatsdDialect::Dogstatsd), "x", delta()).unwrap();
    assert_eq!(values[0], "x:0.5|d|#service:shop");
    let histograms = Some(StatsdHistograms::Histograms);
    let values = written(&Style { histograms, ..style(StatsdDialect::Plain) }, "x", delta()).unwrap();
    assert_eq!(values[1], "x:2|h|@0.3333333333333333");
    let total = written(&style(StatsdDialect::Dogstatsd), "x", histogram(AggregationTemporality::CUMULATIVE)).unwrap();
    assert_eq!(total[0], "x.count:4|g|#service:shop", "totals are gauges");
}

#[test]
fn summaries_are_gauges_one_a_quantile() {
    let quantile_values = vec![ValueAtQuantile { quantile: 0.99, value: 3.5 }];
    let data_points = vec![SummaryDataPoint { count: 2, sum: 4.0, quantile_values, ..Default::default() }];
    let lines = written(&style(StatsdDialect::Plain), "x", MetricData::Summary { data_points }).unwrap();
    assert_eq!(lines, ["x.count:2|g", "x.sum:4|g", "x.quantile.0_99:3.5|g"]);
}

/// A line, as a server understands it.
struct Parsed {
    value: f64,
    kind: String,
    tags: Vec<(String, String)>,
}

/// Reads a line by the dialect's grammar. `None` if it is not one.
fn parsed(dialect: StatsdDialect, line: &str) -> Option<Parsed> {
    let (head, rest) = line.split_once(':')?;
    let mut fields = rest.split('|');
    let (value, kind) = (fields.next()?.parse().ok()?, fields.next()?.to_owned());
    let mut tags = Vec::new();
    let pair = |tag: &str, by: char| {
        let (key, value) = tag.split_once(by).unwrap_or((tag, ""));
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    for field in fields {
        match field.split_at_checked(1)? {
            ("@", text) => (0.0..=1.0).contains(&text.parse::<f64>().ok()?).then_some(())?,
            ("#", all) if dialect == StatsdDialect::Dogstatsd => {
                tags = all.split(',').map(|tag| pair(tag, ':')).collect::<Option<_>>()?;
            }
            _ => return None,
        }
    }
    let separator = match dialect {
        StatsdDialect::Graphite => ';',
        StatsdDialect::Influx => ',',
        _ => '\n',
    };
    let mut names = head.split(separator);
    let name = names.next()?;
    for tag in names {
        tags.push(pair(tag, '=').filter(|(_, value)| !value.is_empty() && !value.contains('='))?);
    }
    let usual = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (!name.is_empty() && name.chars().all(usual)).then_some(Parsed { value, kind, tags })
}

proptest! {
    #[test]
    fn whatever_the_texts_and_numbers_a_line_says_one_thing(
        name in any::<String>(),
        key in any::<String>(),
        value in any::<String>(),
        whole in any::<i64>(),
        float in any::<f64>(),
        prefix in "[|:a-z]{0,4}",
    ) {
        for dialect in DIALECTS {
            let style = Style { prefix: prefix.clone(), ..style(dialect) };
            let tags = [(key.as_str(), value.as_str())];
            if let Ok(units) = written(&style, &name, counter(whole, &tags)) {
                prop_assert_eq!(units.len(), 1);
                let line = parsed(dialect, &units[0]).expect("a line");
                prop_assert_eq!((line.value, line.kind.as_str()), (whole as f64, "c"));
                let expected = match dialect { StatsdDialect::Plain => 0, StatsdDialect::Dogstatsd => 2, _ => 1 };
                prop_assert_eq!(line.tags.len(), expected, "{}", units[0]);
            }
            match written(&style, &name, gauge(float, &tags)) {
                Ok(units) => {
                    let lines: Vec<_> = units[0].split('\n').collect();
                    let line = parsed(dialect, lines[lines.len() - 1]).expect("a line");
                    prop_assert_eq!((line.value, line.kind.as_str()), (float, "g"));
                    let zero_first = float.is_sign_negative() && dialect != StatsdDialect::Dogstatsd;
                    prop_assert_eq!(lines.len(), 1 + usize::from(zero_first));
                    prop_assert!(lines.iter().all(|line| parsed(dialect, line).is_some()));
                }
                Err(Refused::NotANumber) => prop_assert!(!float.is_finite()),
                Err(Refused::LongName) => prop_assert!(dialect == StatsdDialect::Dogstatsd && name.len() + prefix.len() > 190),
            }
        }
    }

    #[test]
    fn a_receiver_gets_the_count_back_from_the_rate(count in 1_u64..1 << 50) {
        let rate: f64 = rate(count).to_string().parse().unwrap();
        prop_assert!(rate <= 1.0);
        prop_assert_eq!((1.0 / rate) as u64, count);
    }
}
