//! The binary itself: what it prints, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const FREE: [&str; 6] = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--http", "127.0.0.1:0"];

fn tripod(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tripod"));
    command.arg("up").arg("--data").arg(data).args(FREE).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running `tripod up`; killed when the test fails.
struct Up {
    child: Child,
    ready: String,
}

impl Up {
    fn start(data: &Path) -> Self {
        Self::of(&mut tripod(data))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        Self { child, ready }
    }

    /// What follows a word of the ready line.
    fn address(&self, name: &str) -> String {
        let mut words = self.ready.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).unwrap().trim_start_matches("http://").to_owned()
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: sends a signal to a child that has not been waited for, so its id is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole answer to a request without a body or with one of JSON.
fn request(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"kept"}}]},
    "scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"}]}]}]}"#;

#[test]
fn the_ready_line_names_the_ports_that_were_taken() {
    let dir = tempfile::tempdir().unwrap();
    let up = Up::start(dir.path());
    assert!(up.ready.starts_with("tripod is ready: ui http://127.0.0.1:"), "{}", up.ready);
    assert!(request(&up.address("ui"), "GET", "/healthz", "").ends_with("ok"));
    assert!(request(&up.address("otlp-http"), "POST", "/v1/traces", SPAN).starts_with("HTTP/1.1 200"));
    assert_ne!(up.address("otlp-grpc"), up.address("otlp-http"));
}

#[test]
fn both_signals_end_it_with_success_and_keep_what_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut up = Up::start(dir.path());
        assert!(request(&up.address("otlp-http"), "POST", "/v1/traces", SPAN).starts_with("HTTP/1.1 200"));
        up.signal(signal);
        assert_eq!(up.code(), Some(0));
    }
    let up = Up::start(dir.path());
    assert!(request(&up.address("ui"), "GET", "/api/services", "").contains(r#"["kept"]"#));
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut up = Up::start(dir.path());
    assert!(request(&up.address("otlp-http"), "POST", "/v1/traces", SPAN).starts_with("HTTP/1.1 200"));
    up.signal(libc::SIGKILL);
    assert_eq!(up.code(), None);
    let up = Up::start(dir.path());
    assert!(request(&up.address("ui"), "GET", "/api/services", "").contains(r#"["kept"]"#));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut up = Up::start(dir.path());
    // A request of which the end does not come keeps it from stopping.
    let mut held = TcpStream::connect(up.address("otlp-http")).unwrap();
    held.write_all(
        b"POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    )
    .unwrap();
    assert!(request(&up.address("ui"), "GET", "/healthz", "").ends_with("ok"));
    up.signal(libc::SIGINT);
    let mut line = String::new();
    BufReader::new(up.child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("stopping"), "{line}");
    up.signal(libc::SIGINT);
    assert_eq!(up.code(), Some(1));
}

#[test]
fn what_is_in_the_way_is_said_with_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    let up = Up::start(dir.path());
    let taken = up.address("otlp-grpc");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let other = tempfile::tempdir().unwrap();
    let mut taken_port = Command::new(env!("CARGO_BIN_EXE_tripod"));
    taken_port.arg("up").arg("--data").arg(other.path()).args(&FREE[2..]).args(["--otlp-grpc", &taken]);
    for (mut command, advice) in [
        (taken_port, "--otlp-grpc 127.0.0.1:0"),
        (tripod(dir.path()), "--data"),
        (tripod(&file), "--data"),
        (tripod("/proc/tripod".as_ref()), "--data"),
    ] {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.starts_with("tripod: error: ") && text.contains(advice), "{text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_address_others_can_reach_needs_credentials_or_the_word_that_none_are_needed() {
    let dir = tempfile::tempdir().unwrap();
    let open = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tripod"));
        command.arg("up").arg("--data").arg(dir.path()).args(&FREE[..4]).args(["--http", "0.0.0.0:0"]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let refused = open(&[]).output().unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(
        text.contains("--http 0.0.0.0:0") && text.contains("--token-file FILE") && text.contains("--insecure"),
        "{text}"
    );

    let token = dir.path().join("token");
    std::fs::write(&token, "short").unwrap();
    let refused = open(&["--token-file", token.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("line 1: a token has at least 16") && !text.contains("short"), "{text}");

    std::fs::write(&token, "0123456789abcdef").unwrap();
    for arguments in [&["--token-file", token.to_str().unwrap()][..], &["--insecure"]] {
        let up = Up::of(&mut open(arguments));
        assert!(up.ready.starts_with("tripod is ready"), "{arguments:?}: {}", up.ready);
    }
}

#[test]
fn settings_come_from_a_file_and_a_flag_counts_for_more() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tripod.yml");
    let of_file = dir.path().join("of-file");
    std::fs::write(
        &file,
        format!("data: {}\nhttp: 127.0.0.1:0\notlp-http: 127.0.0.1:0\notlp-grpc: 127.0.0.1:1\n", of_file.display()),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tripod"));
    command.args(["up", "--config"]).arg(&file).args(["--otlp-grpc", "127.0.0.1:0"]);
    let up = Up::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    assert!(up.ready.starts_with("tripod is ready"), "port 1 was not tried: {}", up.ready);
    assert!(of_file.join("FORMAT").exists(), "the directory is that of the file");
}

#[test]
fn what_is_wrong_with_a_file_of_settings_is_said_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tripod.yml");
    let run = |text: &str, arguments: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tripod")).args(arguments).arg(&file).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let wrong = "query-timeout: 60\nmemory-limit: much\nnonsense: 1\n";
    for arguments in [&["up", "--config"][..], &["check", "config"]] {
        let (code, _, said) = run(wrong, arguments);
        assert!(code == Some(if arguments[0] == "up" { 2 } else { 1 }), "{code:?}");
        assert!(said.contains("tripod.yml:2: memory-limit: ") && said.contains("is not a size like 64MiB"), "{said}");
        assert!(said.contains("tripod.yml:3: nonsense: there is no such setting"), "{said}");
    }
    let (code, said, _) = run("query-timeout: 60\nkeep: [spans=7d]\n", &["check", "config"]);
    assert_eq!((code, said.contains("2 settings")), (Some(0), true), "{said}");
    for (text, reason) in [
        ("http: 0.0.0.0:0\n", "everyone may ask"),
        ("token-file: /nowhere/token\n", "cannot read /nowhere/token"),
        ("tls-cert: /nowhere/cert.pem\n", "--tls-key"),
        ("tls-cert: /nowhere/cert.pem\ntls-key: /nowhere/key.pem\n", "cannot use /nowhere/cert.pem for TLS"),
    ] {
        let (code, _, said) = run(text, &["check", "config"]);
        assert_eq!((code, said.contains(reason)), (Some(1), true), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn it_may_have_as_many_files_open_as_the_system_grants() {
    let limits = |pid: u32| {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        line.split_whitespace().skip(3).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -S -n 64; ulimit -H -n 512; exec \"$0\" up --data \"$@\"",
        env!("CARGO_BIN_EXE_tripod"),
    ]);
    command.arg(dir.path()).args(FREE).stdout(Stdio::piped());
    let up = Up::of(&mut command);
    assert_eq!(limits(up.child.id()), ["512", "512"]);
}

#[test]
fn health_says_by_its_exit_code_whether_a_server_is_ready() {
    let data = tempfile::tempdir().unwrap();
    let mut up = Up::of(tripod(data.path()).env("TRIPOD_TOKEN", "0123456789abcdef"));
    let address = up.address("ui");
    let health = |url: &str| {
        let ran = Command::new(env!("CARGO_BIN_EXE_tripod")).args(["health", url]).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    assert_eq!(health(&format!("http://{address}/-/ready")), (Some(0), String::new()));
    let (code, said) = health(&format!("http://{address}/api/services"));
    assert!(code == Some(1) && said.ends_with("/api/services: it answered 401\n"), "{code:?} {said}");
    up.signal(libc::SIGTERM);
    assert_eq!(up.code(), Some(0));
    let (code, said) = health(&format!("http://{address}/-/ready"));
    assert!(code == Some(1) && said.contains("refused"), "{code:?} {said}");
}
