//! Files of tests, as promtool reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tripod_promql::notation::{Item as Sample, parse_items, parse_labels};
use tripod_promql::{Histogram, Labels, SampleValue};

use super::expect::AlertShown;
use crate::prometheus_config::units::duration;
use crate::query::time;
use crate::yaml::{Document, Fault, Item, Map};

/// The longest time that a test may go through, in evaluations.
const MAX_EVALUATIONS: u128 = 1_000_000;

/// A file of tests.
#[derive(Debug)]
pub(super) struct TestFile {
    /// Patterns, from the test's own folder.
    pub(super) rule_files: Vec<PathBuf>,
    pub(super) evaluation_interval: Duration,
    pub(super) group_eval_order: Vec<String>,
    /// Numbers may differ by the last bit.
    pub(super) fuzzy_compare: bool,
    pub(super) tests: Vec<TestGroup>,
}

/// A test.
#[derive(Debug)]
pub(super) struct TestGroup {
    pub(super) name: String,
    /// Between the samples of its series.
    pub(super) interval: Duration,
    /// When its series begin, milliseconds since the Unix epoch.
    pub(super) start: i64,
    pub(super) input_series: Vec<InputSeries>,
    pub(super) alerts: Vec<AlertTest>,
    pub(super) queries: Vec<QueryTest>,
    pub(super) external_labels: Vec<(String, String)>,
    pub(super) external_url: String,
}

/// A series, in the notation of test scripts.
#[derive(Debug)]
pub(super) struct InputSeries {
    pub(super) series: String,
    pub(super) values: String,
}

/// Which alerts of a name fire at a time, milliseconds from the start.
#[derive(Debug)]
pub(super) struct AlertTest {
    pub(super) eval_time: i64,
    pub(super) alertname: String,
    pub(super) alerts: Vec<AlertShown>,
}

/// What a query gives at a time, milliseconds from the start.
#[derive(Debug)]
pub(super) struct QueryTest {
    pub(super) eval_time: i64,
    pub(super) expr: String,
    pub(super) samples: Vec<(Labels, SampleValue)>,
}

impl TestFile {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name} can't be read: {error}"))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        Self::parse(&name, &text, dir).map_err(|fault| fault.to_string())
    }

    fn parse(name: &str, text: &str, dir: &Path) -> Result<Self, Fault> {
        let document = Document::parse(name, text)?;
        let map = document.root().map()?;
        let minute = Duration::from_secs(60);
        let evaluation_interval = positive(&map, "evaluation_interval")?.unwrap_or(minute);
        let group_eval_order = map.get("group_eval_order").map_or(Ok(Vec::new()), |item| item.texts())?;
        for (at, group) in group_eval_order.iter().enumerate() {
            if group_eval_order[..at].contains(group) {
                return Err(map.item().wrong(format!("has the group {group:?} twice in group_eval_order")));
            }
        }
        let patterns = map.get("rule_files").map_or(Ok(Vec::new()), |item| item.texts())?;
        let fuzzy_compare = map.flag("fuzzy_compare")?.unwrap_or(false);
        let tests = map.list("tests")?;
        let tests = tests.iter().map(|item| TestGroup::read(item, evaluation_interval)).collect::<Result<_, _>>()?;
        map.finish()?;
        let rule_files = patterns.iter().map(|pattern| dir.join(pattern)).collect();
        Ok(Self { rule_files, evaluation_interval, group_eval_order, fuzzy_compare, tests })
    }
}

impl TestGroup {
    fn read(item: &Item<'_>, evaluation_interval: Duration) -> Result<Self, Fault> {
        let map = item.map()?;
        let start = |text: &str| time::parse(text).map(time::to_millis);
        let group = Self {
            name: map.text("name")?.unwrap_or_default(),
            interval: positive(&map, "interval")?.unwrap_or(evaluation_interval),
            start: map.read("start_timestamp", start)?.unwrap_or(0),
            input_series: map.list("input_series")?.iter().map(InputSeries::read).collect::<Result<_, _>>()?,
            alerts: map.list("alert_rule_test")?.iter().map(AlertTest::read).collect::<Result<_, _>>()?,
            queries: map.list("promql_expr_test")?.iter().map(QueryTest::read).collect::<Result<_, _>>()?,
            external_labels: texts(&map, "external_labels")?,
            external_url: map.text("external_url")?.unwrap_or_default(),
        };
        map.finish()?;
        let times = group.alerts.iter().map(|one| one.eval_time).chain(group.queries.iter().map(|one| one.eval_time));
        let longest = u128::try_from(times.max().unwrap_or(0)).unwrap_or(0);
        if longest / evaluation_interval.as_millis().max(1) > MAX_EVALUATIONS {
            return Err(item.wrong(format!("has more than {MAX_EVALUATIONS} evaluations up to its last eval_time")));
        }
        Ok(group)
    }
}

impl InputSeries {
    fn read(item: &Item<'_>) -> Result<Self, Fault> {
        let map = item.map()?;
        let series = Self {
            series: map.required("series")?.text()?.to_owned(),
            values: map.text("values")?.unwrap_or_default(),
        };
        map.finish()?;
        Ok(series)
    }
}

impl AlertTest {
    fn read(item: &Item<'_>) -> Result<Self, Fault> {
        let map = item.map()?;
        let eval_time = eval_time(&map)?;
        let alertname = map.required("alertname")?.text()?.to_owned();
        let alert = |item: &Item<'_>| {
            let map = item.map()?;
            let labels = texts(&map, "exp_labels")?;
            let annotations = texts(&map, "exp_annotations")?;
            map.finish()?;
            Ok(AlertShown {
                labels: Labels::new(labels).with("alertname", &alertname),
                annotations: Labels::new(annotations),
            })
        };
        let alerts = map.list("exp_alerts")?.iter().map(alert).collect::<Result<_, Fault>>()?;
        map.finish()?;
        Ok(Self { eval_time, alertname, alerts })
    }
}

impl QueryTest {
    fn read(item: &Item<'_>) -> Result<Self, Fault> {
        let map = item.map()?;
        let test = Self {
            eval_time: eval_time(&map)?,
            expr: map.required("expr")?.text()?.to_owned(),
            samples: map.list("exp_samples")?.iter().map(sample).collect::<Result<_, _>>()?,
        };
        map.finish()?;
        Ok(test)
    }
}

fn sample(item: &Item<'_>) -> Result<(Labels, SampleValue), Fault> {
    let map = item.map()?;
    let labels = map.read("labels", |text| match parse_labels(text.trim())? {
        (labels, "") => Ok(labels),
        (_, rest) => Err(format!("is no series: {rest:?} is left over")),
    })?;
    let value = map.read("value", number)?.unwrap_or(0.0);
    let histogram = map.read("histogram", histogram)?;
    map.finish()?;
    Ok((labels.unwrap_or_else(Labels::empty), histogram.map_or(SampleValue::Float(value), SampleValue::Histogram)))
}

fn number(text: &str) -> Result<f64, String> {
    let plain = text.trim().replace('_', "");
    let named = plain.strip_prefix(['+', '-']).unwrap_or(&plain).trim_start_matches('.').to_ascii_lowercase();
    let parsed = match named.as_str() {
        "inf" if plain.starts_with('-') => Ok(f64::NEG_INFINITY),
        "inf" => Ok(f64::INFINITY),
        "nan" => Ok(f64::NAN),
        _ => tripod_promql::notation::number(&plain),
    };
    parsed.map_err(|_| format!("is {text:?} but must be a number"))
}

fn histogram(text: &str) -> Result<Arc<Histogram>, String> {
    match parse_items(text)?.as_slice() {
        [Sample::Histogram(histogram, _)] => Ok(Arc::clone(histogram)),
        _ => Err(format!("is {text:?} but must be a histogram like {{{{schema:0 count:1 sum:2 buckets:[1]}}}}")),
    }
}

fn positive(map: &Map<'_>, key: &'static str) -> Result<Option<Duration>, Fault> {
    Ok(map.read(key, duration)?.filter(|time| !time.is_zero()))
}

fn eval_time(map: &Map<'_>) -> Result<i64, Fault> {
    Ok(map.read("eval_time", duration)?.map_or(0, |time| time.as_millis() as i64))
}

fn texts(map: &Map<'_>, key: &'static str) -> Result<Vec<(String, String)>, Fault> {
    let Some(item) = map.get(key) else { return Ok(Vec::new()) };
    let entries = item.map()?.entries().into_iter();
    entries.map(|(name, item)| Ok((name.to_owned(), item.text()?.to_owned()))).collect()
}
