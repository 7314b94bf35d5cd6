use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use proptest::prelude::*;
use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, Metric, MetricData, MetricsData, NumberDataPoint, NumberValue, ResourceMetrics,
    ScopeMetrics,
};
use tripod_wire::proto::Message;

use super::*;

fn batch(metrics: Vec<Metric>) -> Batch {
    let scope_metrics = vec![ScopeMetrics { metrics, ..Default::default() }];
    let data = MetricsData { resource_metrics: vec![ResourceMetrics { scope_metrics, ..Default::default() }] };
    let mut records = 0;
    points::each(&data, |_| records += 1);
    Batch { signal: Signal::Metrics, records, body: data.encode_to_vec() }
}

fn counter(name: &str, counts: &[(i64, &str)]) -> Metric {
    let point = |(count, label): &(i64, &str)| NumberDataPoint {
        value: NumberValue::Int(*count),
        attributes: vec![KeyValue::new("label", *label)],
        ..Default::default()
    };
    let data_points = counts.iter().map(point).collect();
    let aggregation_temporality = AggregationTemporality::DELTA;
    let data = MetricData::Sum { data_points, aggregation_temporality, is_monotonic: true };
    Metric { name: name.to_owned(), data, ..Default::default() }
}

/// A server that takes what comes.
fn server() -> (UdpSocket, StatsdExporter) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let exporter = StatsdExporter::new(&server.local_addr().unwrap().to_string()).unwrap();
    (server, exporter)
}

fn received(server: &UdpSocket) -> Vec<String> {
    let mut buffer = vec![0; 70_000];
    std::iter::from_fn(|| server.recv(&mut buffer).ok().map(|len| String::from_utf8(buffer[..len].to_vec()).unwrap()))
        .collect()
}

/// What the counters add up to, by name.
fn sums(packets: &[String]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for line in packets.iter().flat_map(|packet| packet.lines()) {
        let (name, rest) = line.split_once(':').unwrap();
        *sums.entry(name.to_owned()).or_insert(0) += rest.strip_suffix("|c").unwrap().parse::<i64>().unwrap();
    }
    sums
}

#[test]
fn what_cannot_be_sent_is_counted_and_the_rest_arrives() {
    let (server, exporter) = server();
    let nan = NumberDataPoint { value: NumberValue::Double(f64::NAN), ..Default::default() };
    let nan =
        Metric { name: "nan".to_owned(), data: MetricData::Gauge { data_points: vec![nan] }, ..Default::default() };
    let batch = batch(vec![counter("a", &[(1, "x"), (2, &"y".repeat(100))]), nan, counter("b", &[(3, "x")])]);
    let exported = exporter.max_packet(64).export(&batch).unwrap();
    assert_eq!(exported.rejected, 2);
    assert!(exported.reason.contains("a: a line of 112 bytes"), "{}", exported.reason);
    assert_eq!(received(&server), ["a.label.x:1|c\nb.label.x:3|c"]);
}

#[test]
fn a_server_that_is_away_gets_the_whole_batch_once_it_is_back() {
    let (server, mut exporter) = server();
    let address = server.local_addr().unwrap();
    drop(server);
    let batch = batch(vec![counter("a", &[(1, "x"), (2, "y")])]);
    exporter.max_packet = 20;
    // The system may say it late.
    while !matches!(exporter.export(&batch), Err(ExportError::Retry { .. })) {}
    let server = UdpSocket::bind(address).unwrap();
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(exporter.export(&batch), Ok(Exported::default()));
    assert_eq!(received(&server), ["a.label.x:1|c", "a.label.y:2|c"]);
}

#[cfg(unix)]
#[test]
fn a_server_that_is_slow_gets_each_packet_once() {
    use std::os::unix::net::UnixDatagram;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd.sock");
    let server = UnixDatagram::bind(&path).unwrap();
    server.set_nonblocking(true).unwrap();
    let mut exporter = StatsdExporter::new(&format!("unix://{}", path.display())).unwrap().max_packet(16);
    let holds =
        std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").ok().and_then(|text| text.trim().parse().ok());
    let count = 3 * holds.unwrap_or(100) + 10;
    let batch = batch(vec![counter("a", &vec![(1, "x"); count])]);
    let (mut packets, mut tries) = (0, 0);
    loop {
        let result = exporter.export(&batch);
        let mut buffer = [0; 32];
        while let Ok(len) = server.recv(&mut buffer) {
            assert_eq!(&buffer[..len], b"a.label.x:1|c");
            packets += 1;
        }
        match result {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, ExportError::Retry { .. }), "{error:?}"),
        }
        tries += 1;
    }
    assert!(tries > 0, "the socket's queue holds less than the batch");
    assert_eq!(packets, count);
}

#[test]
fn what_is_no_batch_is_refused_for_good() {
    let (_server, mut exporter) = server();
    let batch = Batch { signal: Signal::Metrics, records: 1, body: vec![0xff; 3] };
    assert!(matches!(exporter.export(&batch), Err(ExportError::Permanent { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sums_are_the_same_however_small_the_packets(
        counts in prop::collection::vec((any::<i32>(), "[a-c]{1,3}"), 1..60),
        max_packet in 40_usize..1500,
    ) {
        let (server, exporter) = server();
        let points: Vec<(i64, &str)> = counts.iter().map(|(count, label)| (i64::from(*count), label.as_str())).collect();
        let mut expected = BTreeMap::new();
        for (count, label) in &points {
            *expected.entry(format!("n.label.{label}")).or_insert(0) += count;
        }
        let exported = exporter.max_packet(max_packet).export(&batch(vec![counter("n", &points)])).unwrap();
        prop_assert_eq!(exported, Exported::default());
        let packets = received(&server);
        prop_assert!(packets.iter().all(|packet| packet.len() <= max_packet));
        prop_assert_eq!(sums(&packets), expected);
    }
}
