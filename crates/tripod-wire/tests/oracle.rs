//! Protobuf and JSON against an independent implementation: what we write it reads, what it writes we read, nothing lost.

use opentelemetry_proto::tonic::{common::v1 as common, logs::v1 as logs, metrics::v1 as metrics, trace::v1 as trace};
use proptest::prelude::*;
use prost::Message as _;
use tripod_wire::otlp::metrics::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData, NumberDataPoint, NumberValue,
};
use tripod_wire::otlp::{self, AnyValue, KeyValue, LogsData, MetricsData, Span, TracesData};
use tripod_wire::proto::Message;

mod generators;
use generators::{logs, metrics_data, traces};

/// Ours → their struct → their bytes → ours, of the same length as ours: they leave out and keep the same fields.
macro_rules! agrees {
    ($ours:expr, $our_type:ty, $their_type:ty) => {{
        let ours = $ours;
        let bytes = Message::encode_to_vec(&ours);
        let theirs = <$their_type>::decode(bytes.as_slice()).expect("the other side reads our bytes");
        let their_bytes = theirs.encode_to_vec();
        prop_assert_eq!(&<$our_type as Message>::decode(&their_bytes).unwrap(), &ours);
        prop_assert_eq!(their_bytes.len(), bytes.len());
        prop_assert_eq!(&<$our_type as Message>::decode(&bytes).unwrap(), &ours);
        // By way of names: would show field numbers that are swapped on both ways.
        #[cfg(feature = "json")]
        {
            let their_json = serde_json::to_string(&theirs).unwrap();
            prop_assert_eq!(
                &<$our_type>::from_json(their_json.as_bytes()).unwrap(),
                &ours,
                "their JSON: {}",
                their_json
            );
            let our_json = ours.to_json();
            prop_assert_eq!(&<$our_type>::from_json(our_json.as_bytes()).unwrap(), &ours);
        }
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn traces_agree_with_the_reference(ours in traces()) {
        let bytes = Message::encode_to_vec(&ours);
        let walked: Vec<_> = otlp::records(&bytes).map(|at| <Span as Message>::decode(&bytes[at.unwrap().record]).unwrap()).collect();
        prop_assert_eq!(&walked, &ours.resource_spans[0].scope_spans[0].spans);
        agrees!(ours, TracesData, trace::TracesData);
    }

    #[test]
    fn logs_agree_with_the_reference(ours in logs()) {
        agrees!(ours, LogsData, logs::LogsData);
    }

    #[test]
    fn metrics_agree_with_the_reference(ours in metrics_data()) {
        agrees!(ours, MetricsData, metrics::MetricsData);
    }

    #[test]
    fn their_span_has_our_values_field_by_field(ours in traces()) {
        let theirs = trace::TracesData::decode(Message::encode_to_vec(&ours).as_slice()).unwrap();
        let (ours, theirs) = (&ours.resource_spans[0], &theirs.resource_spans[0]);
        prop_assert_eq!(&ours.schema_url, &theirs.schema_url);
        let resource = theirs.resource.clone().unwrap_or_default();
        same_attributes(&ours.resource.attributes, &resource.attributes)?;
        prop_assert_eq!(ours.resource.dropped_attributes_count, resource.dropped_attributes_count);
        let (ours, theirs) = (&ours.scope_spans[0], &theirs.scope_spans[0]);
        let scope = theirs.scope.clone().unwrap_or_default();
        prop_assert_eq!((&ours.scope.name, &ours.scope.version), (&scope.name, &scope.version));
        same_attributes(&ours.scope.attributes, &scope.attributes)?;
        prop_assert_eq!(ours.spans.len(), theirs.spans.len());
        for (ours, theirs) in ours.spans.iter().zip(&theirs.spans) {
            same_span(ours, theirs)?;
        }
    }

    #[test]
    fn their_data_points_have_our_values_field_by_field(ours in metrics_data()) {
        let theirs = metrics::MetricsData::decode(Message::encode_to_vec(&ours).as_slice()).unwrap();
        let ours = &ours.resource_metrics[0].scope_metrics[0].metrics;
        let theirs = &theirs.resource_metrics[0].scope_metrics[0].metrics;
        prop_assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            prop_assert_eq!((&ours.name, &ours.description, &ours.unit), (&theirs.name, &theirs.description, &theirs.unit));
            same_attributes(&ours.metadata, &theirs.metadata)?;
            same_data(&ours.data, theirs.data.as_ref())?;
        }
    }
}

/// Not with generated messages: the other side insists on keys where the protocol allows an empty one to be left out.
#[cfg(feature = "json")]
#[test]
fn the_other_side_reads_our_json() {
    macro_rules! reads {
        ($our_type:ty, $their_type:ty, $json:literal) => {
            let ours = <$our_type>::from_json(include_bytes!($json)).unwrap();
            let theirs: $their_type = serde_json::from_str(&ours.to_json()).unwrap();
            assert_eq!(theirs, <$their_type>::decode(Message::encode_to_vec(&ours).as_slice()).unwrap());
        };
    }
    reads!(TracesData, trace::TracesData, "fixtures/trace.json");
    reads!(MetricsData, metrics::MetricsData, "fixtures/metrics.json");
    reads!(LogsData, logs::LogsData, "fixtures/logs.json");
}

type Check = Result<(), TestCaseError>;

fn same_attributes(ours: &[KeyValue], theirs: &[common::KeyValue]) -> Check {
    prop_assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        prop_assert_eq!(&ours.key, &theirs.key);
        same_value(&ours.value, theirs.value.as_ref().and_then(|value| value.value.as_ref()))?;
    }
    Ok(())
}

fn same_value(ours: &AnyValue, theirs: Option<&common::any_value::Value>) -> Check {
    use common::any_value::Value;
    match (ours, theirs) {
        (AnyValue::Empty, None) => {}
        (AnyValue::String(ours), Some(Value::StringValue(theirs))) => prop_assert_eq!(ours, theirs),
        (AnyValue::Bool(ours), Some(Value::BoolValue(theirs))) => prop_assert_eq!(ours, theirs),
        (AnyValue::Int(ours), Some(Value::IntValue(theirs))) => prop_assert_eq!(ours, theirs),
        (AnyValue::Double(ours), Some(Value::DoubleValue(theirs))) => prop_assert_eq!(ours.to_bits(), theirs.to_bits()),
        (AnyValue::Bytes(ours), Some(Value::BytesValue(theirs))) => prop_assert_eq!(ours, theirs),
        (AnyValue::KvList(ours), Some(Value::KvlistValue(theirs))) => same_attributes(ours, &theirs.values)?,
        (AnyValue::Array(ours), Some(Value::ArrayValue(theirs))) => {
            prop_assert_eq!(ours.len(), theirs.values.len());
            for (ours, theirs) in ours.iter().zip(&theirs.values) {
                same_value(ours, theirs.value.as_ref())?;
            }
        }
        (ours, theirs) => prop_assert!(false, "{ours:?} is read as {theirs:?}"),
    }
    Ok(())
}

/// An absent id is written as no bytes at all.
fn id(bytes: &[u8]) -> &[u8] {
    if bytes.iter().all(|byte| *byte == 0) { &[] } else { bytes }
}

fn same_span(ours: &Span, theirs: &trace::Span) -> Check {
    prop_assert_eq!(id(&ours.trace_id.0), &theirs.trace_id);
    prop_assert_eq!(id(&ours.span_id.0), &theirs.span_id);
    prop_assert_eq!(&ours.trace_state, &theirs.trace_state);
    prop_assert_eq!(id(&ours.parent_span_id.0), &theirs.parent_span_id);
    prop_assert_eq!(ours.flags, theirs.flags);
    prop_assert_eq!(&ours.name, &theirs.name);
    prop_assert_eq!(ours.kind.0, theirs.kind);
    prop_assert_eq!(ours.start_time_unix_nano, theirs.start_time_unix_nano);
    prop_assert_eq!(ours.end_time_unix_nano, theirs.end_time_unix_nano);
    same_attributes(&ours.attributes, &theirs.attributes)?;
    prop_assert_eq!(ours.dropped_attributes_count, theirs.dropped_attributes_count);
    prop_assert_eq!(ours.events.len(), theirs.events.len());
    for (ours, theirs) in ours.events.iter().zip(&theirs.events) {
        prop_assert_eq!((ours.time_unix_nano, &ours.name), (theirs.time_unix_nano, &theirs.name));
        same_attributes(&ours.attributes, &theirs.attributes)?;
        prop_assert_eq!(ours.dropped_attributes_count, theirs.dropped_attributes_count);
    }
    prop_assert_eq!(ours.dropped_events_count, theirs.dropped_events_count);
    prop_assert_eq!(ours.links.len(), theirs.links.len());
    for (ours, theirs) in ours.links.iter().zip(&theirs.links) {
        prop_assert_eq!((id(&ours.trace_id.0), id(&ours.span_id.0)), (&theirs.trace_id[..], &theirs.span_id[..]));
        prop_assert_eq!((&ours.trace_state, ours.flags), (&theirs.trace_state, theirs.flags));
        same_attributes(&ours.attributes, &theirs.attributes)?;
        prop_assert_eq!(ours.dropped_attributes_count, theirs.dropped_attributes_count);
    }
    prop_assert_eq!(ours.dropped_links_count, theirs.dropped_links_count);
    let status = theirs.status.clone().unwrap_or_default();
    prop_assert_eq!((&ours.status.message, ours.status.code.0), (&status.message, status.code));
    Ok(())
}

fn same_exemplars(ours: &[Exemplar], theirs: &[metrics::Exemplar]) -> Check {
    prop_assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        same_attributes(&ours.filtered_attributes, &theirs.filtered_attributes)?;
        prop_assert_eq!(ours.time_unix_nano, theirs.time_unix_nano);
        prop_assert_eq!((id(&ours.trace_id.0), id(&ours.span_id.0)), (&theirs.trace_id[..], &theirs.span_id[..]));
        use metrics::exemplar::Value;
        match (ours.value, &theirs.value) {
            (NumberValue::Empty, None) => {}
            (NumberValue::Double(ours), Some(Value::AsDouble(theirs))) => prop_assert_eq!(ours, *theirs),
            (NumberValue::Int(ours), Some(Value::AsInt(theirs))) => prop_assert_eq!(ours, *theirs),
            (ours, theirs) => prop_assert!(false, "{ours:?} is read as {theirs:?}"),
        }
    }
    Ok(())
}

fn same_numbers(ours: &[NumberDataPoint], theirs: &[metrics::NumberDataPoint]) -> Check {
    prop_assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        same_attributes(&ours.attributes, &theirs.attributes)?;
        prop_assert_eq!(ours.start_time_unix_nano, theirs.start_time_unix_nano);
        prop_assert_eq!((ours.time_unix_nano, ours.flags), (theirs.time_unix_nano, theirs.flags));
        same_exemplars(&ours.exemplars, &theirs.exemplars)?;
        use metrics::number_data_point::Value;
        match (ours.value, &theirs.value) {
            (NumberValue::Empty, None) => {}
            (NumberValue::Double(ours), Some(Value::AsDouble(theirs))) => prop_assert_eq!(ours, *theirs),
            (NumberValue::Int(ours), Some(Value::AsInt(theirs))) => prop_assert_eq!(ours, *theirs),
            (ours, theirs) => prop_assert!(false, "{ours:?} is read as {theirs:?}"),
        }
    }
    Ok(())
}

fn same_histogram(ours: &HistogramDataPoint, theirs: &metrics::HistogramDataPoint) -> Check {
    same_attributes(&ours.attributes, &theirs.attributes)?;
    prop_assert_eq!(ours.start_time_unix_nano, theirs.start_time_unix_nano);
    prop_assert_eq!(ours.time_unix_nano, theirs.time_unix_nano);
    prop_assert_eq!((ours.count, ours.sum), (theirs.count, theirs.sum));
    prop_assert_eq!(&ours.bucket_counts, &theirs.bucket_counts);
    prop_assert_eq!(&ours.explicit_bounds, &theirs.explicit_bounds);
    same_exemplars(&ours.exemplars, &theirs.exemplars)?;
    prop_assert_eq!((ours.flags, ours.min, ours.max), (theirs.flags, theirs.min, theirs.max));
    Ok(())
}

fn same_exponential(ours: &ExponentialHistogramDataPoint, theirs: &metrics::ExponentialHistogramDataPoint) -> Check {
    same_attributes(&ours.attributes, &theirs.attributes)?;
    prop_assert_eq!(ours.start_time_unix_nano, theirs.start_time_unix_nano);
    prop_assert_eq!(ours.time_unix_nano, theirs.time_unix_nano);
    prop_assert_eq!((ours.count, ours.sum, ours.scale), (theirs.count, theirs.sum, theirs.scale));
    prop_assert_eq!((ours.zero_count, ours.zero_threshold), (theirs.zero_count, theirs.zero_threshold));
    for (ours, theirs) in [(&ours.positive, &theirs.positive), (&ours.negative, &theirs.negative)] {
        let theirs = theirs.clone().unwrap_or_default();
        prop_assert_eq!((ours.offset, &ours.bucket_counts), (theirs.offset, &theirs.bucket_counts));
    }
    same_exemplars(&ours.exemplars, &theirs.exemplars)?;
    prop_assert_eq!((ours.flags, ours.min, ours.max), (theirs.flags, theirs.min, theirs.max));
    Ok(())
}

fn same_data(ours: &MetricData, theirs: Option<&metrics::metric::Data>) -> Check {
    use metrics::metric::Data;
    match (ours, theirs) {
        (MetricData::Empty, None) => {}
        (MetricData::Gauge { data_points }, Some(Data::Gauge(theirs))) => {
            same_numbers(data_points, &theirs.data_points)?;
        }
        (MetricData::Sum { data_points, aggregation_temporality, is_monotonic }, Some(Data::Sum(theirs))) => {
            same_numbers(data_points, &theirs.data_points)?;
            prop_assert_eq!(aggregation_temporality.0, theirs.aggregation_temporality);
            prop_assert_eq!(*is_monotonic, theirs.is_monotonic);
        }
        (MetricData::Histogram { data_points, aggregation_temporality }, Some(Data::Histogram(theirs))) => {
            prop_assert_eq!(aggregation_temporality.0, theirs.aggregation_temporality);
            prop_assert_eq!(data_points.len(), theirs.data_points.len());
            same_histogram(&data_points[0], &theirs.data_points[0])?;
        }
        (
            MetricData::ExponentialHistogram { data_points, aggregation_temporality },
            Some(Data::ExponentialHistogram(theirs)),
        ) => {
            prop_assert_eq!(aggregation_temporality.0, theirs.aggregation_temporality);
            prop_assert_eq!(data_points.len(), theirs.data_points.len());
            same_exponential(&data_points[0], &theirs.data_points[0])?;
        }
        (MetricData::Summary { data_points }, Some(Data::Summary(theirs))) => {
            prop_assert_eq!(data_points.len(), theirs.data_points.len());
            let (ours, theirs) = (&data_points[0], &theirs.data_points[0]);
            same_attributes(&ours.attributes, &theirs.attributes)?;
            prop_assert_eq!(ours.start_time_unix_nano, theirs.start_time_unix_nano);
            prop_assert_eq!(ours.time_unix_nano, theirs.time_unix_nano);
            prop_assert_eq!((ours.count, ours.sum, ours.flags), (theirs.count, theirs.sum, theirs.flags));
            let quantiles: Vec<_> = theirs.quantile_values.iter().map(|at| (at.quantile, at.value)).collect();
            prop_assert_eq!(
                ours.quantile_values.iter().map(|at| (at.quantile, at.value)).collect::<Vec<_>>(),
                quantiles
            );
        }
        (ours, theirs) => prop_assert!(false, "{ours:?} is read as {theirs:?}"),
    }
    Ok(())
}
