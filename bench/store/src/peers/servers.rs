//! Samples in programs that one would run: Debian's Prometheus and VictoriaMetrics, fed by remote write over HTTP.
//!
//! The program has the first core; who sends has the second. Requests of the same series go over the same connection, as Prometheus'
//! own shards do. Neither syncs before it answers: Prometheus writes its log without, VictoriaMetrics has no log.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::data::samples::BATCH;
use crate::feed::Load;
use crate::ingest::SENDERS;
use crate::process;
use crate::timing::measure;

struct Server {
    process: Child,
    address: SocketAddr,
    dir: PathBuf,
    prometheus: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the program, sends all, asks.
pub fn run(arguments: &Arguments) -> Value {
    let (name, program, dir): (String, PathBuf, PathBuf) =
        (arguments.need("--peer"), arguments.need("--program"), arguments.need("--dir"));
    let (load, times) = (Load::of(arguments), arguments.need("--times"));
    let server = Server::start(&program, &dir, name == "prometheus");
    let pid = server.process.id();
    let (before, _) = process::memory_of(pid);
    let (begin, cpu) = (Instant::now(), process::cpu_of(pid));
    let accepted = server.send(&load);
    let (seconds, cpu_acknowledged) = (begin.elapsed().as_secs_f64(), process::cpu_of(pid) - cpu);
    let (resident, _) = process::memory_of(pid);
    let disk_bytes = server.settle();
    let (cpu, (_, peak)) = (process::cpu_of(pid) - cpu, process::memory_of(pid));
    json!({
        "accepted": accepted,
        "seconds": seconds,
        "cpu_acknowledged": cpu_acknowledged,
        "cpu": cpu,
        "disk_bytes": disk_bytes,
        "peak": peak,
        "resident_before": before,
        "resident": resident,
        "queries": server.ask(&load, times),
    })
}

impl Server {
    fn start(program: &Path, dir: &Path, prometheus: bool) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a port is free");
        let mut command = process::on_core(0, program);
        if prometheus {
            let config = dir.join("prometheus.yml");
            std::fs::write(&config, "global: {}\n").expect("room on disk");
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"]);
        } else {
            command
                .arg(format!("-storageDataPath={}", dir.join("data").display()))
                .arg(format!("-httpListenAddr={address}"))
                .arg("-retentionPeriod=1");
        }
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let server = Self { process, address, dir: dir.to_owned(), prometheus };
        let begin = Instant::now();
        while server.get(if prometheus { "/-/ready" } else { "/health" }).is_none() {
            assert!(begin.elapsed() < Duration::from_secs(60), "{} does not start", program.display());
            thread::sleep(Duration::from_millis(100));
        }
        // Idle, after the collector of garbage has seen what starting left.
        thread::sleep(Duration::from_secs(1));
        server
    }

    /// Sends all of it; how many samples were taken.
    fn send(&self, load: &Load) -> u64 {
        let a_scrape = (load.count as usize).div_ceil(BATCH);
        let mut source = load.source();
        thread::scope(|scope| {
            let (connections, mut senders): (Vec<_>, Vec<_>) = (0..SENDERS)
                .map(|_| {
                    let (tell, requests) = mpsc::sync_channel::<Vec<u8>>(4);
                    let sender = scope.spawn(move || {
                        let mut stream = TcpStream::connect(self.address).expect("it listens");
                        stream.set_nodelay(true).expect("it is connected");
                        for body in requests {
                            post(&mut stream, "/api/v1/write", &body);
                        }
                    });
                    (tell, sender)
                })
                .unzip();
            let (mut number, mut accepted, mut request) = (0, 0, Vec::new());
            while let Some(samples) = source.next(&mut request) {
                connections[number % a_scrape % SENDERS].send(std::mem::take(&mut request)).expect("it is sent");
                number += 1;
                accepted += samples;
            }
            drop(connections);
            senders.drain(..).for_each(|sender| sender.join().expect("all was taken"));
            accepted
        })
    }

    /// Makes blocks of it all, and tells how many bytes they have.
    fn settle(&self) -> u64 {
        if self.prometheus {
            let mut stream = TcpStream::connect(self.address).expect("it listens");
            post(&mut stream, "/api/v1/admin/tsdb/snapshot", b"");
            return process::disk_bytes(&self.dir.join("data/snapshots"));
        }
        self.get("/internal/force_flush").expect("it flushes");
        self.get("/internal/force_merge").expect("it merges");
        let mut quiet = 0;
        while quiet < 4 {
            let before = process::cpu_of(self.process.id());
            thread::sleep(Duration::from_millis(500));
            quiet = if process::cpu_of(self.process.id()) - before < 0.02 { quiet + 1 } else { 0 };
        }
        process::disk_bytes(&self.dir.join("data"))
    }

    /// The body of an answer of success.
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        // HTTP/1.0: the answer ends with the connection.
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: peer\r\n\r\n").as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        answer.starts_with(b"HTTP/1.0 2").then(|| answer.split_off(head + 4))
    }

    fn ask(&self, load: &Load, times: usize) -> Vec<Value> {
        let end = load.origin.start / 1_000_000_000 + load.scrapes as u64 * 15 + 60;
        // The first sample lies within the window, not on its edge: not all count that in.
        let seconds = load.scrapes * 15 + 61;
        let ask = |query: &str| -> Value {
            let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let answer = self.get(&format!("/api/v1/query?query={query}&time={end}")).expect("it answers");
            serde_json::from_slice(&answer).expect("it answers in JSON")
        };
        let metric = crate::queries::METRIC;
        vec![
            measure(crate::queries::ONE_TARGET, times, |_| {
                let answer = ask(&format!("{metric}{{instance=\"{}\"}}[{seconds}s]", crate::queries::INSTANCE));
                let series = answer["data"]["result"].as_array().expect("series");
                series.iter().map(|series| series["values"].as_array().map_or(0, Vec::len)).sum()
            }),
            measure(crate::queries::ONE_METRIC, times, |_| {
                let answer = ask(&format!("sum(count_over_time({metric}[{seconds}s]))"));
                let count = answer["data"]["result"][0]["value"][1].as_str().expect("a number");
                count.parse::<f64>().expect("a number") as usize
            }),
        ]
    }
}

/// Sends a body over a connection that is kept, and waits for the answer.
fn post(stream: &mut TcpStream, path: &str, body: &[u8]) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: peer\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n\
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
