//! A real OpenTelemetry Collector as a process, which passes on what it receives.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::setup;

/// Running; killed when it is dropped.
#[derive(Debug)]
pub struct Collector {
    child: Child,
    /// The address that takes gRPC.
    pub grpc: String,
    /// The address that takes HTTP.
    pub http: String,
    _folder: tempfile::TempDir,
}

impl Collector {
    /// Starts one that sends on to this URL, by HTTP. `None` where it can't be had: it is built of Debian's unstable release, which is
    /// not always whole, by Go, which is not everywhere.
    pub fn start(to: &str) -> Option<Self> {
        let program = setup::run_if_possible("tests/otlp_collector/setup.sh")?;
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port").to_string();
        let (grpc, http) = (free(), free());
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("collector.yaml");
        let pipeline = "{receivers: [otlp], exporters: [otlp_http]}";
        let text = format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{grpc}'}}, http: {{endpoint: '{http}'}}}}}}}}\n\
             exporters: {{otlp_http: {{endpoint: '{to}', compression: none}}}}\n\
             service:\n  telemetry: {{metrics: {{level: none}}}}\n  \
             pipelines: {{traces: {pipeline}, metrics: {pipeline}, logs: {pipeline}}}\n"
        );
        std::fs::write(&config, text).expect("its configuration can be written");
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("the Collector starts");
        let begin = Instant::now();
        for address in [&grpc, &http] {
            while std::net::TcpStream::connect(address).is_err() {
                assert!(child.try_wait().expect("it can be asked").is_none(), "the Collector ended");
                assert!(begin.elapsed() < Duration::from_secs(60), "the Collector does not listen");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Some(Self { child, grpc, http, _folder: folder })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
