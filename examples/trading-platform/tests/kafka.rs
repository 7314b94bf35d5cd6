//! Signals over Kafka: librdkafka's own mock of a cluster stands where the brokers would.
#![cfg(feature = "kafka")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use trading_platform::reach_kafka;

/// A service, with nobody who takes its telemetry; killed when the test ends.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(name: &str, next: Option<&Service>, brokers: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trading-platform"));
        command.args([name, "127.0.0.1:0"]).args(next.map(|next| format!("http://{}", next.address)));
        command.env_remove("DATABASE_URL").env_remove("REDIS_URL").env("KAFKA_BOOTSTRAP_SERVERS", brokers);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the service starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let address = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{name} says {line:?}"));
        Self { address: address.to_owned(), process }
    }

    /// What a path answers.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        answer
    }

    /// Waits until the metrics page has a line that begins like this and says more than 0.
    fn counts(&self, series: &str) {
        let begin = Instant::now();
        loop {
            let page = self.get("/metrics");
            let value = page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok());
            if value.is_some_and(|value| value > 0.0) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "never {series}: {page}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn signals_reach_the_dispatcher_by_kafka_and_start_pipelines() {
    let cluster = MockCluster::new(1).expect("a cluster");
    cluster.create_topic("trading-signals", 1, 1).expect("a topic");
    let brokers = cluster.bootstrap_servers();
    assert_eq!(reach_kafka(&brokers).expect("it answers"), 1);

    let worker = Service::start("worker", None, &brokers);
    let backend = Service::start("backend", Some(&worker), &brokers);
    let dispatcher = Service::start("trigger-dispatcher", Some(&backend), &brokers);
    // Nobody is named that it would call.
    let generator = Service::start("signal-generator", None, &brokers);
    for service in [&worker, &backend, &dispatcher, &generator] {
        assert!(service.get("/readyz").starts_with("HTTP/1.1 200"), "{}", service.get("/readyz"));
    }

    generator.counts("kafka_publish_success_total{topic=\"trading-signals\"}");
    generator.counts("kafka_publish_duration_seconds_count{topic=\"trading-signals\"}");
    dispatcher.counts("signals_consumed_total");
    dispatcher.counts("kafka_consumer_offset{topic=\"trading-signals\",partition=\"0\"}");
    assert!(
        dispatcher.get("/metrics").contains("kafka_consumer_lag_seconds{topic=\"trading-signals\",partition=\"0\"}")
    );
    dispatcher.counts("pipelines_enqueued_total{status=\"enqueued\"}");
    worker.counts(
        "http_server_request_duration_seconds_count{method=\"POST\",route=\"/api/v1/tasks\",status_code=\"200\"}",
    );
}
