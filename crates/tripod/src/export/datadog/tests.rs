use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use flate2::read::GzDecoder;
use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, HistogramDataPoint, Metric, MetricData, MetricsData, NumberDataPoint, NumberValue,
    ResourceMetrics, ScopeMetrics,
};
use tripod_wire::proto::Message;

use super::*;

const KEY: &str = "0123456789abcdef";
const SECOND: u64 = 1_800_000_000;

fn batch(data: impl IntoIterator<Item = (&'static str, MetricData)>) -> Batch {
    let metric =
        |(name, data): (&str, _)| Metric { name: name.to_owned(), data, unit: "s".to_owned(), ..Default::default() };
    let metrics = data.into_iter().map(metric).collect();
    let attributes =
        [("service.name", "shop"), ("host.name", "h\"1\"")].map(|(key, value)| KeyValue::new(key, value)).to_vec();
    let resource = Resource { attributes, ..Default::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..Default::default() }];
    let data =
        MetricsData { resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..Default::default() }] };
    let mut records = 0;
    points::each(&data, |_| records += 1);
    Batch { signal: Signal::Metrics, records, body: data.encode_to_vec() }
}

fn number(value: NumberValue, label: &str) -> NumberDataPoint {
    NumberDataPoint {
        value,
        attributes: vec![KeyValue::new("label", label)],
        start_time_unix_nano: (SECOND - 10) * 1_000_000_000,
        time_unix_nano: SECOND * 1_000_000_000 + 5,
        ..Default::default()
    }
}

fn counter(counts: &[(i64, &str)]) -> MetricData {
    let data_points = counts.iter().map(|(count, label)| number(NumberValue::Int(*count), label)).collect();
    MetricData::Sum { data_points, aggregation_temporality: AggregationTemporality::DELTA, is_monotonic: true }
}

fn exporter() -> DatadogExporter {
    DatadogExporter::new(KEY).unwrap()
}

fn unzipped(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

/// The bodies that a batch becomes.
fn bodies(exporter: &DatadogExporter, batch: &Batch) -> Vec<(u64, String)> {
    let (all, _, _) = exporter.series(batch).unwrap();
    all.requests(exporter.max_plain).into_iter().map(|(points, body)| (points, unzipped(&body))).collect()
}

/// An intake that answers so, one connection after the other; gives its address and, in the end, the heads of what it got.
fn intake(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move |answer: &&str| {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut buffer).unwrap();
            got.extend_from_slice(&buffer[..read]);
            let Some(end) = got.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(got[..end].to_vec()).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if got.len() >= end + 4 + length.parse::<usize>().unwrap() {
                stream.write_all(format!("HTTP/1.1 {answer}\r\nconnection: close\r\n").as_bytes()).unwrap();
                stream.write_all(b"content-length: 20\r\n\r\n{\"errors\":[\"0123456").unwrap();
                stream.write_all(b"7").unwrap();
                return head;
            }
        }
    };
    (url, std::thread::spawn(move || answers.iter().map(answer).collect()))
}

#[test]
fn a_point_is_a_series_with_its_second_host_and_tags() {
    let exporter = exporter().prefix("my.").tag("team", "a,b");
    let expected = format!(
        "{{\"series\":[{{\"metric\":\"my.requests\",\"type\":1,\"interval\":10,\"points\":[{{\"timestamp\":{SECOND},\"value\":7}}],\
         \"resources\":[{{\"type\":\"host\",\"name\":\"h\\\"1\\\"\"}}],\"unit\":\"second\",\
         \"tags\":[\"service:shop\",\"team:a_b\",\"label:x\"]}}]}}"
    );
    assert_eq!(bodies(&exporter, &batch([("requests", counter(&[(7, "x")]))])), [(1, expected)]);
}

#[test]
fn a_histogram_is_several_series_of_one_point() {
    let point = HistogramDataPoint {
        count: 3,
        sum: Some(4.5),
        explicit_bounds: vec![1.0],
        bucket_counts: vec![1, 2],
        min: Some(0.5),
        ..Default::default()
    };
    let aggregation_temporality = AggregationTemporality::DELTA;
    let data = MetricData::Histogram { data_points: vec![point], aggregation_temporality };
    let bodies = bodies(&exporter(), &batch([("took", data)]));
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].0, 1, "one point");
    for part in [
        "\"took.count\",\"type\":1",
        "\"took.sum\",\"type\":1",
        "\"took.min\",\"type\":3",
        "\"tags\":[\"service:shop\",\"lower_bound:-inf\",\"upper_bound:1\"]",
        "\"tags\":[\"service:shop\",\"lower_bound:1\",\"upper_bound:inf\"]",
    ] {
        assert!(bodies[0].1.contains(part), "{part} in {}", bodies[0].1);
    }
}

#[test]
fn what_has_no_number_is_left_out_and_counted() {
    let data_points = vec![number(NumberValue::Double(f64::NAN), "x"), number(NumberValue::Double(1.5), "y")];
    let batch = batch([("room", MetricData::Gauge { data_points })]);
    let (_, refused, _) = exporter().series(&batch).unwrap();
    assert_eq!((refused.rejected, refused.reason.as_str()), (1, "room: its value is not a finite number"));
    let bodies = bodies(&exporter(), &batch);
    assert!(bodies[0].1.contains("\"value\":1.5") && !bodies[0].1.contains("NaN"));
}

#[test]
fn requests_keep_to_the_limits_and_together_have_every_point() {
    // Labels without a pattern, so that they hardly compress.
    let mut random = fastrand::Rng::with_seed(7);
    let labels: Vec<String> =
        (0..6000).map(|_| std::iter::repeat_with(|| random.alphanumeric()).take(180).collect()).collect();
    let counts: Vec<(i64, &str)> = labels.iter().map(|label| (1, label.as_str())).collect();
    let batch = batch([("requests", counter(&counts))]);
    let (all, _, _) = exporter().series(&batch).unwrap();
    for max_plain in [MAX_PLAIN, 16 * 1024] {
        let requests = all.requests(max_plain);
        assert_eq!(requests.iter().map(|(points, _)| points).sum::<u64>(), 6000);
        let mut found = Vec::new();
        for (points, body) in &requests {
            let text = unzipped(body);
            assert!(body.len() <= 512_000 && text.len() <= max_plain, "{} of {}", body.len(), text.len());
            let own = text.split("\"label:").skip(1).map(|rest| rest[..180].to_owned());
            let before = found.len();
            found.extend(own);
            assert_eq!((found.len() - before) as u64, *points);
        }
        assert!(found == labels, "each once, in order");
    }
}

#[test]
fn two_batches_have_not_the_same_second() {
    let mut exporter = exporter();
    let nanos = SECOND * 1_000_000_000;
    assert_eq!(exporter.second(nanos), SECOND);
    exporter.last_second = SECOND;
    assert_eq!((exporter.second(nanos + 1), exporter.second(nanos + 1_000_000_000)), (SECOND + 1, SECOND + 1));
    exporter.last_second = SECOND + 3600;
    assert_eq!(exporter.second(nanos), SECOND, "the clock was set back");
}

#[test]
fn a_wrong_key_is_said_and_not_shown() {
    let (url, got) = intake(&["403 Forbidden"]);
    let mut exporter = exporter().endpoint(&url).unwrap();
    let Err(ExportError::Permanent { reason }) = exporter.export(&batch([("requests", counter(&[(1, "x")]))])) else {
        panic!("it is refused")
    };
    assert!(reason.contains("403") && reason.contains("API key"), "{reason}");
    let heads = got.join().unwrap();
    assert!(
        heads[0].starts_with("post /api/v2/series ") && heads[0].contains(&format!("dd-api-key: {KEY}")),
        "{heads:?}"
    );
    assert!(!reason.contains(KEY) && !format!("{exporter:?}").contains(KEY), "{reason}");
    let echoed = exporter.without_key(ExportError::Permanent { reason: format!("unknown key {KEY}") });
    assert_eq!(echoed, ExportError::Permanent { reason: "unknown key [not shown]".to_owned() });
}

#[test]
fn an_intake_that_is_busy_is_tried_again_with_what_it_has_not_had() {
    let answers = ["202 Accepted", "503 Service Unavailable", "202 Accepted", "429 Too Many\r\nretry-after: 7"];
    let (url, got) = intake(Box::leak(Box::new(answers)));
    let mut exporter = exporter().endpoint(&url).unwrap();
    exporter.max_plain = 300;
    let two = batch([("requests", counter(&[(1, "x"), (2, "y")]))]);
    assert!(matches!(exporter.export(&two), Err(ExportError::Retry { .. })), "the second of two requests");
    assert_eq!(exporter.export(&two), Ok(Exported::default()), "the second alone");
    let Err(ExportError::Retry { after, .. }) = exporter.export(&two) else { panic!("it may be sent later") };
    assert_eq!(after, Some(Duration::from_secs(7)));
    assert_eq!(got.join().unwrap().len(), 4);
}

#[test]
fn a_batch_that_is_too_large_for_someone_is_to_be_divided() {
    let (url, got) = intake(&["413 Content Too Large"]);
    let result = exporter().endpoint(&url).unwrap().export(&batch([("requests", counter(&[(1, "x")]))]));
    assert!(matches!(result, Err(ExportError::TooLarge { .. })), "{result:?}");
    got.join().unwrap();
}

#[test]
fn nobody_at_the_address_means_later() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut exporter = exporter().endpoint(&format!("http://{address}")).unwrap();
    let result = exporter.export(&batch([("requests", counter(&[(1, "x")]))]));
    assert!(matches!(result, Err(ExportError::Retry { .. })), "{result:?}");
}
