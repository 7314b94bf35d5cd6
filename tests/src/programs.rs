//! Programs of others beside ours: Debian's, found in `PATH` or fetched by the `setup.sh` of their folder in `tests/`.
//!
//! Where they can't be had, tests that need them say so and pass; in CI they fail.

mod postgres;
mod redis;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Client, encode};
use crate::setup;
pub use postgres::Postgres;
pub use redis::Redis;

/// The folder that the programs of one of Prometheus' packages are in; none where they can't be had.
pub fn folder_of(package: &str) -> Option<PathBuf> {
    setup::run("tests/prometheus/setup.sh", &[package]).map(PathBuf::from)
}

/// A program that is killed when the test is over.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts it in silence.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
    }

    /// Asks it to end by a signal, and waits until it has; one that doesn't is killed as every other.
    pub fn end(&mut self, signal: i32) {
        // SAFETY: a signal to a process that has been started here and not been waited for.
        unsafe { libc::kill(self.0.id() as libc::pid_t, signal) };
        let begin = Instant::now();
        while self.0.try_wait().is_ok_and(|ended| ended.is_none()) && begin.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl From<Child> for Running {
    fn from(child: Child) -> Self {
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of this workspace that cargo built beside the tests.
///
/// # Panics
/// When there is none; it says what to do.
pub fn ours(program: &str, package: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test.parent().and_then(Path::parent).expect("tests are in target/<profile>/deps").join(program);
    assert!(path.is_file(), "{} is missing: run `cargo build -p {package}` first", path.display());
    path
}

/// An address that nobody listens at.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free")
}

/// Waits until something is there; panics where it never is.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(90), "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What `promtool check metrics` has to say of a page; nothing where it is clean.
pub fn promtool_says(programs: &Path, page: &[u8]) -> String {
    let mut check = Command::new(programs.join("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    check.stdin.take().expect("it has an input").write_all(page).expect("it reads");
    let ran = check.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    if ran.status.success() || !said.is_empty() { said } else { format!("{}", ran.status) }
}

/// A Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    /// Its own address, as a URL.
    pub url: String,
    client: Client,
    _process: Running,
    _data: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it with these features, to scrape one target once a second; the job is called `tripod`.
    pub fn scraping(programs: &Path, target: &str, features: &str) -> Self {
        let config = format!(
            "scrape_configs:\n  - job_name: tripod\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    static_configs: [{{targets: ['{target}']}}]\n"
        );
        Self::start(programs, &config, features, &[])
    }

    /// Starts it with this configuration.
    pub fn configured(programs: &Path, config: &str) -> Self {
        Self::start(programs, config, "", &[])
    }

    /// Starts it with these features and this configuration, in which `localhost:9090` is itself.
    pub fn featured(programs: &Path, config: &str, features: &str) -> Self {
        let address = free_address();
        Self::start_at(address, programs, &config.replace("localhost:9090", &address.to_string()), features, &[])
    }

    /// Starts it to take what is written to it by remote write, and waits until it is ready to.
    pub fn receiving(programs: &Path, features: &str) -> Self {
        let prometheus = Self::start(programs, "global: {}\n", features, &["--web.enable-remote-write-receiver"]);
        let ready = format!("{}/-/ready", prometheus.url);
        wait_for("Prometheus is ready", || prometheus.client.get(&ready).ok().filter(|answer| answer.status == 200));
        prometheus
    }

    /// Starts it to scrape itself once a second and to write what it has to a receiver, in messages of this name.
    pub fn writing(programs: &Path, receiver: &str, message: &str) -> Self {
        let address = free_address();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]}}\n\
             scrape_configs: [{{job_name: itself, static_configs: [{{targets: ['{address}']}}]}}]\n\
             remote_write:\n  - url: {receiver}\n    protobuf_message: {message}\n    send_exemplars: true\n    send_native_histograms: true\n    \
             queue_config: {{batch_send_deadline: 100ms}}\n    metadata_config: {{send_interval: 1s}}\n"
        );
        let features = "native-histograms,exemplar-storage,metadata-wal-records";
        Self::start_at(address, programs, &config, features, &[])
    }

    /// Starts it to read from Tripod what it does not have itself, and to scrape some of it by federation.
    pub fn reading(programs: &Path, tripod: &str, federated: &str) -> Self {
        let config = format!(
            "remote_read: [{{url: {tripod}/api/v1/read, read_recent: true}}]\n\
             scrape_configs:\n  - job_name: federate\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    honor_labels: true\n    \
             metrics_path: /federate\n    params: {{'match[]': ['{federated}']}}\n    static_configs: [{{targets: ['{}']}}]\n",
            tripod.trim_start_matches("http://")
        );
        Self::start(programs, &config, "", &[])
    }

    fn start(programs: &Path, config: &str, features: &str, arguments: &[&str]) -> Self {
        Self::start_at(free_address(), programs, config, features, arguments)
    }

    fn start_at(address: SocketAddr, programs: &Path, config: &str, features: &str, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let file = data.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("room on disk");
        let mut command = Command::new(programs.join("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(arguments);
        if !features.is_empty() {
            command.arg(format!("--enable-feature={features}"));
        }
        let process = Running::start(&mut command);
        Self { url: format!("http://{address}"), client: Client::default(), _process: process, _data: data }
    }

    /// What an instant query gives, with at least one row.
    pub fn query(&self, query: &str) -> Option<Vec<Value>> {
        let rows = self.get(&format!("query?query={}", encode(query)))?["result"].as_array()?.clone();
        (!rows.is_empty()).then_some(rows)
    }

    /// The number that a query of one row gives.
    pub fn number(&self, query: &str) -> Option<f64> {
        self.query(query)?.first()?["value"][1].as_str()?.parse().ok()
    }

    /// The data of any call of its API.
    pub fn get(&self, call: &str) -> Option<Value> {
        let answer = self.client.get(&format!("{}/api/v1/{call}", self.url)).ok()?;
        (answer.status == 200).then(|| answer.json()["data"].clone())
    }
}
