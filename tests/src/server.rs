//! `tripod up` as a child process, on free ports.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Answer, Client, encode};

/// How long anything may take before the test gives up on it: generous, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Tripod {
    child: Child,
    stderr: Option<JoinHandle<String>>,
    client: Client,
    /// `host:port` of OTLP over gRPC.
    pub otlp_grpc: String,
    /// `host:port` of OTLP over HTTP.
    pub otlp_http: String,
    /// `http://host:port` of the web page and the query APIs.
    pub http: String,
    /// How long it took until it said that it is ready.
    pub ready_after: Duration,
}

/// How a server ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code, or the signal.
    pub status: ExitStatus,
    /// What it said on standard error.
    pub stderr: String,
}

/// The binary to test: `TRIPOD_BIN`, or the one that cargo built beside the tests.
///
/// Panics with what to do when there is none.
pub fn binary() -> PathBuf {
    std::env::var_os("TRIPOD_BIN").map_or_else(|| crate::programs::ours("tripod", "tripod-cli"), PathBuf::from)
}

/// `tripod up` with this directory, on free ports, and these arguments beside.
pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("up").arg("--data").arg(data);
    for flag in ["--otlp-grpc", "--otlp-http", "--http"] {
        if !arguments.contains(&flag) {
            command.args([flag, "127.0.0.1:0"]);
        }
    }
    // Series that come by themselves would be in the way of those that tests count.
    if !arguments.contains(&"--span-metrics-series") {
        command.args(["--span-metrics-series", "0"]);
    }
    command.args(arguments);
    with_the_test(command)
}

/// A program with its data on a file system of its own, in memory.
fn own_disk(mebibytes: u32, data: &Path, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    let mount = format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$0\" && exec \"$@\"");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount]).arg(data).arg(program);
    command
}

/// With pipes to the test, and killed when it ends.
fn with_the_test(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Also when the test is killed or aborts, so that nothing is dropped.
    let die_with_the_test = || {
        // SAFETY: with these arguments `prctl` touches no memory of ours.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec only `prctl` is called, which is async-signal-safe.
    unsafe { command.pre_exec(die_with_the_test) };
    command
}

impl Tripod {
    /// Starts it and waits until it is ready.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same, with arguments.
    pub fn start_with(data: &Path, arguments: &[&str]) -> Self {
        Self::of(command(data, arguments))
    }

    /// The same, on a file system of its own of so many MiB, which is there for it alone and goes with it; see [`Self::seen`]. `None`,
    /// said, where the system grants none.
    pub fn start_on_a_disk_of(mebibytes: u32, data: &Path, arguments: &[&str]) -> Option<Self> {
        let mut mounted = own_disk(mebibytes, data, Path::new("true"));
        let ran = mounted.output().expect("unshare is there");
        if !ran.status.success() {
            println!("not tested, no file system can be mounted: {}", String::from_utf8_lossy(&ran.stderr));
            return None;
        }
        let plain = command(data, arguments);
        let mut command = own_disk(mebibytes, data, Path::new(plain.get_program()));
        command.args(plain.get_args());
        Some(Self::of(with_the_test(command)))
    }

    /// A path as this server sees it, for who is not on its file systems.
    pub fn seen(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").expect("it is absolute");
        Path::new("/proc").join(self.id().to_string()).join("root").join(inside)
    }

    fn of(mut command: Command) -> Self {
        let begin = Instant::now();
        let mut child = command.spawn().expect("the binary can be started");
        let mut stderr = child.stderr.take().expect("piped");
        let stderr = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let lines = lines_of(child.stdout.take().expect("piped"));
        let mut said = String::new();
        let ready = loop {
            match lines.recv_timeout(PATIENCE.saturating_sub(begin.elapsed())) {
                Ok(line) if line.starts_with("tripod is ready:") => break line,
                Ok(line) => said = said + &line + "\n",
                Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("tripod did not become ready; it said: {said}{}", stderr.join().unwrap_or_default());
                }
            }
        };
        let ready_after = begin.elapsed();
        let after = |name: &str| {
            let mut words = ready.split_whitespace().skip_while(|word| *word != name);
            words.nth(1).unwrap_or_else(|| panic!("no {name} in the ready line: {ready}")).to_owned()
        };
        let (http, otlp_grpc, otlp_http) = (after("ui"), after("otlp-grpc"), after("otlp-http"));
        let http = http.trim_end_matches('/').to_owned();
        Self { child, stderr: Some(stderr), client: Client::default(), otlp_grpc, otlp_http, http, ready_after }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The HTTP client of this server.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks an API; panics unless the answer is 200.
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let query: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let url = format!("{}{path}?{}", self.http, query.join("&"));
        let answer = self.client.get(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        answer.json()
    }

    /// Posts to `/v1/{signal}` of OTLP over HTTP; panics when there is no answer.
    pub fn post(&self, signal: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let url = format!("http://{}/v1/{signal}", self.otlp_http);
        self.client.post(&url, headers, body).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Panics unless it is there and answers.
    pub fn must_answer(&self, after: &str) {
        let answer = self.client.get(&format!("{}/healthz", self.http));
        let answer = answer.unwrap_or_else(|error| panic!("after {after} it does not answer: {error}"));
        assert_eq!(answer.status, 200, "after {after}: {}", answer.text());
    }

    /// `kill -9`: it gets no chance to do anything more.
    pub fn kill_9(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal, `libc::SIGTERM` for example, and waits until it has ended.
    pub fn stop(mut self, signal: i32) -> Ended {
        let id = libc::pid_t::try_from(self.id()).expect("a process id");
        // SAFETY: `kill` has no preconditions; the child is ours and not yet waited for, so the id is its.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0, "the signal is sent");
        let status = wait(&mut self.child);
        Ended { status, stderr: self.stderr.take().and_then(|said| said.join().ok()).unwrap_or_default() }
    }
}

impl Drop for Tripod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Some(said) = self.stderr.take().and_then(|said| said.join().ok())
            && !said.is_empty()
        {
            eprintln!("tripod said: {said}");
        }
    }
}

/// Runs a command that is to end by itself; kills it and panics when it does not.
pub fn run(mut command: Command) -> Ended {
    let mut child =
        command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
    let status = wait(&mut child);
    let mut stderr = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("what it says is text");
    Ended { status, stderr }
}

fn wait(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The lines of a pipe, which goes on being read so that the child never blocks on it.
fn lines_of(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    lines
}
