//! What is sent to Datadog is what its own client's model allows, and has the sums that were counted.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use serde::Deserialize;
use tripod::DatadogExporter;
use tripod_tests::python;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A request: its head in lower case, its body as JSON.
type Requests = Arc<Mutex<Vec<(String, String)>>>;

/// A server that takes everything, and keeps it.
fn recorder() -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let shared = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let requests = Arc::clone(&shared);
            std::thread::spawn(move || answer(stream.unwrap(), &requests));
        }
    });
    (url, requests)
}

fn answer(mut stream: TcpStream, requests: &Mutex<Vec<(String, String)>>) {
    let (mut got, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => got.extend_from_slice(&buffer[..read]),
        }
        let Some(end) = got.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&got[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        let end = (end + 4, end + 4 + length.trim().parse::<usize>().unwrap());
        if got.len() >= end.1 {
            let mut body = String::new();
            GzDecoder::new(&got[end.0..end.1]).read_to_string(&mut body).unwrap();
            requests.lock().unwrap().push((head, body));
            got.drain(..end.1);
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 13\r\n\r\n{\"errors\":[]}").unwrap();
        }
    }
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: String,
    #[serde(rename = "type")]
    kind: u8,
    interval: Option<i64>,
    points: Vec<Point>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    resources: Vec<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Point {
    timestamp: i64,
    value: f64,
}

/// What the model makes of the requests.
fn by_the_model(bodies: &[String]) -> Vec<Series> {
    let mut child = Command::new(python::interpreter())
        .arg(tripod_tests::root().join("tests/python/datadog_payload.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bodies.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the model refuses: {bodies:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_official_clients_model_reads_what_was_recorded() {
    let (url, requests) = recorder();
    let exporter = DatadogExporter::new(KEY).unwrap().endpoint(&url).unwrap().prefix("my").tag("team", "one");
    let builder = tripod::init().service_name("shop").environment("test").resource_attribute("host.name", "the-host");
    let guard = builder.exporter(exporter).start().unwrap();
    let orders = tripod::counter("orders").build();
    let took = tripod::histogram("took").unit("s").buckets(&[0.1, 1.0]).build();
    let open = tripod::up_down_counter("open.connections").build();
    let wait = tripod::summary("queue.wait").quantiles(&[0.5]).build();
    for _ in 0..3 {
        orders.add(5, tripod::labels!(method = "card", note = "a \"quote\", \\ and\na line"));
        orders.add(7, tripod::labels!(method = "cash", note = "\u{1F680}"));
        [0.05, 0.5, 30.0].iter().for_each(|seconds| took.record(*seconds, &[]));
        open.add(-2, &[]);
        wait.record(3.0, &[]);
        assert!(guard.flush(), "everything is sent");
    }
    drop(guard);

    let requests = requests.lock().unwrap();
    for (head, _) in &*requests {
        assert!(head.starts_with("post /api/v2/series http/1.1"), "{head}");
        for header in [&format!("dd-api-key: {KEY}"), "content-type: application/json", "content-encoding: gzip"] {
            assert!(head.lines().any(|line| line == header), "{header} in {head}");
        }
    }
    let series = by_the_model(&requests.iter().map(|(_, body)| body.clone()).collect::<Vec<_>>());
    let of = |name: &str, tag: &str| {
        let found = series.iter().filter(|series| series.metric == name && series.tags.iter().any(|own| own == tag));
        found.collect::<Vec<_>>()
    };
    let sum = |name: &str, tag: &str| {
        let all = of(name, tag);
        assert!(all.iter().all(|series| series.kind == 1 && series.interval >= Some(1)), "counts: {all:?}");
        all.iter().flat_map(|series| &series.points).map(|point| point.value).sum::<f64>()
    };
    assert_eq!((sum("my.orders", "method:card"), sum("my.orders", "method:cash")), (15.0, 21.0));
    assert_eq!(sum("my.took.count", "team:one"), 9.0);
    assert!((sum("my.took.sum", "team:one") - 91.65).abs() < 1e-9);
    for bound in ["upper_bound:0.1", "upper_bound:1", "upper_bound:inf"] {
        assert_eq!(sum("my.took.bucket", bound), 3.0);
    }
    let last = |name: &str, tag: &str| {
        let series = *of(name, tag).last().unwrap();
        assert_eq!(series.kind, 3, "a gauge");
        series.points[0].value
    };
    assert_eq!(last("my.open.connections", "team:one"), -6.0);
    assert_eq!(last("my.queue.wait.count", "team:one"), 3.0);
    assert!((last("my.queue.wait.quantile", "quantile:0.5") - 3.0).abs() < 0.05);

    let card = of("my.orders", "method:card");
    let seconds: Vec<i64> = card.iter().map(|series| series.points[0].timestamp).collect();
    assert!(seconds.windows(2).all(|pair| pair[0] < pair[1]), "no point takes another's place: {seconds:?}");
    for tag in ["service:shop", "env:test", "team:one", "note:a__quote_____and_a_line"] {
        assert!(card[0].tags.iter().any(|own| own == tag), "{tag} in {:?}", card[0].tags);
    }
    let host = BTreeMap::from([("type".to_owned(), "host".to_owned()), ("name".to_owned(), "the-host".to_owned())]);
    assert_eq!(card[0].resources, [host]);
}
