//! A batch's points as the data of `PutMetricData`.

use serde_json::{Map, Value, json};
use tripod_wire::otlp::metrics::{MetricData, NO_RECORDED_VALUE, NumberDataPoint};
use tripod_wire::otlp::{KeyValue, Metric, MetricsData, Resource};

use super::spread::{self, Known};
use super::unit;

/// The API's limits.
pub(super) const MAX_DIMENSIONS: usize = 30;
const MAX_VALUES: usize = 150;
const MAX_NAME_CHARS: usize = 255;
const MAX_VALUE_CHARS: usize = 1024;
/// Two to the power of 360.
const MAX_MAGNITUDE: f64 = 2.348_542_582_773_833_4e108;

/// How points become data.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// Attributes of the resource that are dimensions.
    pub(super) resource: Vec<String>,
    /// Whether CloudWatch keeps it by the second.
    pub(super) high_resolution: bool,
}

/// A batch, translated.
#[derive(Debug, Default)]
pub(super) struct Data {
    /// Those of each point.
    pub(super) points: Vec<Vec<String>>,
    /// Points that CloudWatch can't hold.
    pub(super) rejected: u64,
    /// Why the first of them can't be.
    pub(super) reason: String,
    /// Dimensions that were left out, as there were too many.
    pub(super) cut: u64,
}

impl Mapping {
    pub(super) fn data(&self, metrics: &MetricsData) -> Data {
        let mut data = Data::default();
        for resource in &metrics.resource_metrics {
            let common = self.common(&resource.resource);
            for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                Points { mapping: self, metric, common: &common, data: &mut data }.all();
            }
        }
        data
    }

    fn common(&self, resource: &Resource) -> Vec<(String, String)> {
        let named = self.resource.iter().filter_map(|key| Some((key.clone(), resource.get(key)?.to_string())));
        named.collect()
    }
}

/// Values with their counts, of a point or of a quantile of it.
struct Part {
    quantile: Option<String>,
    values: Vec<(f64, u64)>,
}

impl Part {
    fn whole(values: Vec<(f64, u64)>) -> Vec<Self> {
        vec![Self { quantile: None, values }]
    }
}

/// The points of a metric.
struct Points<'a> {
    mapping: &'a Mapping,
    metric: &'a Metric,
    common: &'a [(String, String)],
    data: &'a mut Data,
}

impl Points<'_> {
    fn all(&mut self) {
        match &self.metric.data {
            MetricData::Empty => {}
            MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. } => {
                for point in data_points.iter().filter(|point| has_value(point)) {
                    let value = Part::whole(vec![(point.value.as_f64(), 1)]);
                    self.add(point.time_unix_nano, &point.attributes, &value);
                }
            }
            MetricData::Histogram { data_points, .. } => {
                for point in data_points.iter().filter(|point| point.count > 0) {
                    let known = Known { sum: point.sum, min: point.min, max: point.max };
                    let values = spread::spread(&spread::explicit(point), known);
                    self.add(point.time_unix_nano, &point.attributes, &Part::whole(values));
                }
            }
            MetricData::ExponentialHistogram { data_points, .. } => {
                for point in data_points.iter().filter(|point| point.count > 0) {
                    let known = Known { sum: point.sum, min: point.min, max: point.max };
                    let values = spread::spread(&spread::exponential(point), known);
                    self.add(point.time_unix_nano, &point.attributes, &Part::whole(values));
                }
            }
            MetricData::Summary { data_points } => {
                for point in data_points {
                    let quantiles = point.quantile_values.iter();
                    let quantiles = quantiles
                        .map(|one| Part { quantile: Some(one.quantile.to_string()), values: vec![(one.value, 1)] });
                    self.add(point.time_unix_nano, &point.attributes, &quantiles.collect::<Vec<_>>());
                }
            }
        }
    }

    /// Adds a point.
    fn add(&mut self, time: u64, attributes: &[KeyValue], parts: &[Part]) {
        let fits = |(value, _): &(f64, u64)| value.is_finite() && value.abs() <= MAX_MAGNITUDE;
        if let Some((value, _)) = parts.iter().flat_map(|part| &part.values).find(|one| !fits(one)) {
            self.data.rejected += 1;
            if self.data.reason.is_empty() {
                self.data.reason = format!("metric {:?}: CloudWatch has no value {value}", self.metric.name);
            }
            return;
        }
        let mut datums = Vec::new();
        for Part { quantile, values } in parts {
            let (dimensions, cut) = self.dimensions(attributes, quantile.as_deref());
            self.data.cut += cut;
            for values in values.chunks(MAX_VALUES) {
                datums.push(self.datum(time, &dimensions, values).to_string());
            }
        }
        self.data.points.push(datums);
    }

    fn datum(&self, time: u64, dimensions: &Value, values: &[(f64, u64)]) -> Value {
        let mut datum = Map::new();
        datum.insert("MetricName".to_owned(), ascii(&self.metric.name, MAX_NAME_CHARS).into());
        datum.insert("Dimensions".to_owned(), dimensions.clone());
        datum.insert("Timestamp".to_owned(), json!((time / 1_000_000) as f64 / 1000.0));
        if let Some(unit) = unit::name(&self.metric.unit) {
            datum.insert("Unit".to_owned(), unit.into());
        }
        if self.mapping.high_resolution {
            datum.insert("StorageResolution".to_owned(), 1.into());
        }
        if let [(value, 1)] = values {
            datum.insert("Value".to_owned(), json!(value));
        } else {
            let (values, counts): (Vec<f64>, Vec<f64>) = values.iter().map(|(v, count)| (*v, *count as f64)).unzip();
            datum.insert("Values".to_owned(), json!(values));
            datum.insert("Counts".to_owned(), json!(counts));
        }
        Value::Object(datum)
    }

    /// The dimensions of a point, and how many there was no room for; the point's own come first.
    fn dimensions(&self, attributes: &[KeyValue], quantile: Option<&str>) -> (Value, u64) {
        let own = attributes.iter().map(|attribute| (attribute.key.clone(), attribute.value.to_string()));
        let quantile = quantile.map(|quantile| ("quantile".to_owned(), quantile.to_owned()));
        let mut found: Vec<(String, String)> = Vec::new();
        for (key, value) in quantile.into_iter().chain(own).chain(self.common.iter().cloned()) {
            let (key, value) = (ascii(key.trim_start_matches(':'), MAX_NAME_CHARS), ascii(&value, MAX_VALUE_CHARS));
            // CloudWatch has no dimension without a value, and none twice.
            if !key.is_empty() && !value.is_empty() && found.iter().all(|(known, _)| *known != key) {
                found.push((key, value));
            }
        }
        let cut = found.len().saturating_sub(MAX_DIMENSIONS);
        found.truncate(MAX_DIMENSIONS);
        let named = found.into_iter().map(|(name, value)| json!({ "Name": name, "Value": value }));
        (Value::Array(named.collect()), cut as u64)
    }
}

fn has_value(point: &NumberDataPoint) -> bool {
    point.flags & NO_RECORDED_VALUE == 0
}

/// Text as CloudWatch has it: printable ASCII, so long at most.
fn ascii(text: &str, most: usize) -> String {
    let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.trim().chars().take(most).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use tripod_wire::otlp::metrics::{
        AggregationTemporality, HistogramDataPoint, NumberValue, ResourceMetrics, ScopeMetrics,
    };

    use super::*;

    fn data(data: MetricData) -> Data {
        let metric = Metric { name: "jobs.größe".to_owned(), unit: "ms".to_owned(), data, ..Metric::default() };
        let attributes = vec![KeyValue::new("service.name", "shop"), KeyValue::new("host.name", "a")];
        let resource = ResourceMetrics {
            resource: Resource { attributes, ..Resource::default() },
            scope_metrics: vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        };
        let mapping = Mapping { resource: vec!["service.name".to_owned()], high_resolution: true };
        mapping.data(&MetricsData { resource_metrics: vec![resource] })
    }

    fn gauge(value: f64, attributes: Vec<KeyValue>) -> Data {
        let value = NumberValue::Double(value);
        let point =
            NumberDataPoint { time_unix_nano: 1_700_000_000_123_456_789, value, attributes, ..Default::default() };
        data(MetricData::Gauge { data_points: vec![point] })
    }

    #[test]
    fn a_number_is_a_datum() {
        let data = gauge(1.5, vec![KeyValue::new("lane", 2), KeyValue::new("empty", "")]);
        let expected = json!({
            "MetricName": "jobs.gr??e", "Timestamp": 1_700_000_000.123, "Unit": "Milliseconds", "StorageResolution": 1, "Value": 1.5,
            "Dimensions": [{"Name": "lane", "Value": "2"}, {"Name": "service.name", "Value": "shop"}],
        });
        assert_eq!(serde_json::from_str::<Value>(&data.points[0][0]).unwrap(), expected);
    }

    #[test]
    fn what_cloudwatch_cannot_hold_is_rejected_with_a_reason() {
        for value in [f64::NAN, f64::INFINITY, 1e200] {
            let data = gauge(value, Vec::new());
            assert_eq!((data.rejected, data.points.len()), (1, 0));
            assert!(data.reason.contains("jobs.größe"), "{}", data.reason);
        }
    }

    #[test]
    fn dimensions_beyond_thirty_are_cut_and_counted() {
        let many = (0..40).map(|number| KeyValue::new(format!("k{number}"), number)).collect();
        let data = gauge(1.0, many);
        assert_eq!(data.cut, 11, "ten of the point, and the service");
        let datum: Value = serde_json::from_str(&data.points[0][0]).unwrap();
        assert_eq!(datum["Dimensions"].as_array().unwrap().len(), MAX_DIMENSIONS);
    }

    #[test]
    fn more_values_than_a_datum_holds_are_several_data() {
        let bounds: Vec<f64> = (0..400).map(f64::from).collect();
        let point = HistogramDataPoint {
            time_unix_nano: 1,
            count: 802,
            bucket_counts: vec![2; 401],
            explicit_bounds: bounds,
            ..HistogramDataPoint::default()
        };
        let data = data(MetricData::Histogram {
            data_points: vec![point],
            aggregation_temporality: AggregationTemporality::DELTA,
        });
        let counts = data.points[0].iter().map(|datum| {
            let datum: Value = serde_json::from_str(datum).unwrap();
            let counts = datum["Counts"].as_array().unwrap().clone();
            assert!(counts.len() <= MAX_VALUES);
            counts.iter().map(|count| count.as_f64().unwrap()).sum::<f64>()
        });
        assert_eq!((counts.sum::<f64>(), data.points[0].len()), (802.0, 3));
    }
}
