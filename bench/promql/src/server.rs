//! A server under test: started, filled by remote write, asked over HTTP, and looked at from outside.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::data::Requests;

pub struct Server {
    pub name: String,
    process: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub fn prometheus(program: &Path, dir: &Path) -> Self {
        fs::create_dir_all(dir).expect("room on disk");
        let said = Command::new(program).arg("--version").output().expect("it starts").stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        let version = said.split_whitespace().nth(2).unwrap_or("of unknown version").to_owned();
        let address = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port is free");
        let config = dir.join("prometheus.yml");
        fs::write(&config, "global: {}\n").expect("room on disk");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            // Its own limit, 50 million, is below what the buckets have in a day.
            .args(["--web.enable-remote-write-receiver", "--query.max-samples=1000000000"]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let server = Self { name: format!("Prometheus {version}"), process, address };
        let begin = Instant::now();
        while server.get("/-/ready").is_none() {
            assert!(begin.elapsed() < Duration::from_secs(60), "Prometheus does not start");
            thread::sleep(Duration::from_millis(100));
        }
        server
    }

    pub fn tripod(program: &Path, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command.arg("up").arg("--data").arg(dir);
        command.args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        let ready = lines.find(|line| line.starts_with("tripod is ready:")).expect("it becomes ready");
        thread::spawn(move || lines.for_each(drop));
        let url = ready.split_whitespace().skip_while(|word| *word != "ui").nth(1).expect("it says where it listens");
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        Self { name: "Tripod".to_owned(), process, address }
    }

    /// Sends everything over one connection; how many samples, and in how many seconds.
    pub fn fill(&self, mut requests: Requests) -> (usize, f64) {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("it is connected");
        let mut sent = 0;
        while let Some((body, samples)) = requests.next() {
            post(&mut stream, &body);
            sent += samples;
        }
        (sent, begin.elapsed().as_secs_f64())
    }

    /// Waits until it does nothing any more: what was written is in blocks and parts, as far as it wants to.
    pub fn settle(&self, at_least: Duration) {
        let (begin, mut quiet) = (Instant::now(), 0);
        while begin.elapsed() < at_least || quiet < 6 && begin.elapsed() < Duration::from_secs(600) {
            let before = self.cpu();
            thread::sleep(Duration::from_millis(500));
            quiet = if self.cpu() - before <= 2 { quiet + 1 } else { 0 };
        }
    }

    /// Asks a range query: milliseconds until the whole answer is there, and the answer.
    pub fn ask(&self, query: &str, start: i64, end: i64, step: u32) -> (f64, Value) {
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={step}");
        let begin = Instant::now();
        let answer = self.get(&path).expect("it answers");
        let took = begin.elapsed().as_secs_f64() * 1e3;
        (took, serde_json::from_slice(&answer).expect("it answers in JSON"))
    }

    /// The body of an answer of success.
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        // HTTP/1.0: the answer ends with the connection.
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        let status = answer.get(9..12)?;
        if status != b"200" {
            eprintln!("{}: {}", self.name, String::from_utf8_lossy(&answer[..answer.len().min(600)]));
            return None;
        }
        Some(answer.split_off(head + 4))
    }

    /// Ticks of CPU it has used.
    fn cpu(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
    }

    /// From now on [`peak`](Self::peak) is that of what follows.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").expect("its owner may do that");
    }

    /// MiB that were resident at most, and are now.
    pub fn memory(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
        };
        (line("VmHWM:"), line("VmRSS:"))
    }
}

/// Sends a request over a connection that is kept, and waits for the answer.
fn post(stream: &mut TcpStream, body: &[u8]) {
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n\
         X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("it reads");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("it answers");
        answer.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&answer).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let mut rest = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut rest).expect("it answers");
    assert!(head.starts_with("http/1.1 2"), "{head}{}", String::from_utf8_lossy(&rest));
}
