//! `tripod demo` from outside: what it shows, how it ends, and that nothing is left of it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The metrics of the platform and their labels; a histogram goes by the name of its buckets.
const METRICS: &[(&str, &[&str])] = &[
    ("pipeline_executions_total", &["status", "pipeline_id", "trigger_mode"]),
    ("pipeline_execution_duration_seconds_bucket", &["status", "pipeline_id"]),
    ("http_server_request_duration_seconds_bucket", &["method", "route", "status_code"]),
    ("http_server_active_requests", &["method", "route"]),
    ("db_query_duration_seconds_bucket", &["query_type"]),
    ("db_active_connections", &[]),
    ("db_pool_size", &[]),
    ("redis_command_duration_seconds_bucket", &["command"]),
    ("signals_generated_total", &["signal_type", "source"]),
    ("signal_generation_duration_seconds_bucket", &["signal_type"]),
    ("kafka_publish_duration_seconds_bucket", &["topic"]),
    ("kafka_publish_success_total", &["topic"]),
    ("kafka_publish_failure_total", &["topic"]),
    ("signals_consumed_total", &[]),
    ("batch_size_bucket", &[]),
    ("batch_processing_duration_seconds_bucket", &[]),
    ("pipelines_matched_total", &["ticker"]),
    ("pipelines_enqueued_total", &["status"]),
    ("pipelines_skipped_running_total", &[]),
    ("job_queue_depth", &["queue"]),
    ("cache_size_bytes", &[]),
    ("cache_refresh_duration_seconds_bucket", &[]),
    ("kafka_consumer_lag_seconds", &["topic", "partition"]),
    ("kafka_consumer_offset", &["topic", "partition"]),
];

/// Labels that every series may have.
const COMMON_LABELS: [&str; 4] = ["__name__", "job", "instance", "le"];

/// The platform's, and the examples beside it.
const SERVICES: [&str; 7] =
    ["adapters", "backend", "llm-rag", "pipeline", "signal-generator", "trigger-dispatcher", "worker"];
const PLATFORM: [&str; 4] = ["backend", "signal-generator", "trigger-dispatcher", "worker"];

/// A running demo; killed if it still runs when the test ends.
struct Demo {
    process: Child,
    page: String,
    /// Where its temporary files are, for those that can't remove them themselves.
    _directory: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tripod"));
        command.arg("demo").args(["--http", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"]);
        let directory = tempfile::tempdir().expect("a directory");
        command.env("TMPDIR", directory.path());
        let mut process =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tripod starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let ready = lines.next().expect("a ready line").expect("text");
        let page = ready.split(' ').find(|word| word.starts_with("http://")).expect("the page's address").to_owned();
        // Read on, so that the demo never waits for its reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, page, _directory: directory }
    }

    fn get(&self, path: &str) -> Value {
        let mut answer = ureq::get(format!("{}{path}", self.page)).call().expect("an answer");
        serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON")
    }

    /// The processes of the services.
    fn services(&self) -> Vec<u32> {
        let parent = self.process.id();
        let all = std::fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        all.filter(|pid| stat(*pid).is_some_and(|(state, ppid)| ppid == parent && state != 'Z')).collect()
    }

    fn signal(&self, signal: i32) {
        kill(self.process.id(), signal);
    }

    /// Waits for its end; answers its exit code and what it said on stderr.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.process.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        (self.process.wait().expect("an end").code(), said)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process's state and parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_gone(pid: &u32) -> bool {
    stat(*pid).is_none_or(|(state, _)| state == 'Z')
}

fn kill(pid: u32, signal: i32) {
    // SAFETY: plain system call; the process is a child of this one or of its child.
    unsafe { libc::kill(pid.cast_signed(), signal) };
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> Vec<&str> {
    items(value).iter().filter_map(Value::as_str).collect()
}

/// The value of a span's tag, or of a field of an event.
fn tag<'a>(tags: &'a Value, key: &str) -> Option<&'a Value> {
    items(tags).iter().find(|tag| tag["key"] == key).map(|tag| &tag["value"])
}

fn service<'a>(trace: &'a Value, span: &Value) -> &'a str {
    trace["processes"][span["processID"].as_str().unwrap()]["serviceName"].as_str().unwrap()
}

fn parent(span: &Value) -> Option<&str> {
    items(&span["references"]).iter().find(|to| to["refType"] == "CHILD_OF").and_then(|to| to["spanID"].as_str())
}

/// Whether the trace goes through all services, in order, each span below another one that is there.
fn spans_all_services(trace: &Value) -> bool {
    let spans = items(&trace["spans"]);
    let find = |id: &str| spans.iter().find(|span| span["spanID"] == id);
    let mut hops = Vec::new();
    for span in spans {
        let Some(above) = parent(span) else { continue };
        let Some(above) = find(above) else { return false };
        let (from, to) = (service(trace, above), service(trace, span));
        if from != to {
            let kinds = (tag(&above["tags"], "span.kind").unwrap(), tag(&span["tags"], "span.kind").unwrap());
            assert_eq!(kinds, (&"client".into(), &"server".into()), "{from} calls {to}");
            hops.push((from, to));
        }
    }
    hops.sort_unstable();
    hops.dedup();
    let roots = spans.iter().filter(|span| parent(span).is_none()).count();
    let expected =
        [("backend", "worker"), ("signal-generator", "trigger-dispatcher"), ("trigger-dispatcher", "backend")];
    roots == 1 && hops == expected
}

#[test]
fn the_demo_shows_four_services_in_one_trace_and_all_their_signals() {
    let mut demo = Demo::start(&["--error-share", "0.3"]);

    wait_for("all services", || (texts(&demo.get("/api/services")["data"]) == SERVICES).then_some(()));

    let trace = wait_for("a trace of all services", || {
        let traces = demo.get("/api/traces?service=signal-generator&limit=100");
        items(&traces["data"]).iter().find(|trace| spans_all_services(trace)).cloned()
    });
    let consumed = items(&trace["spans"]).iter().find(|span| span["operationName"] == "process trading-signals");
    let references = items(&consumed.expect("a consumer's span")["references"]);
    assert!(references.iter().any(|to| to["refType"] == "FOLLOWS_FROM"), "linked to the signals of its batch");

    wait_for("every metric", || {
        let names = demo.get("/api/v1/label/__name__/values");
        let names = texts(&names["data"]);
        METRICS.iter().all(|(name, _)| names.contains(name)).then_some(())
    });
    for (name, labels) in METRICS {
        let series = demo.get(&format!("/api/v1/series?match[]={name}"));
        let expected: BTreeSet<&str> = labels.iter().copied().collect();
        let of_platform = |one: &&Value| one["job"].as_str().is_some_and(|job| PLATFORM.contains(&job));
        for one in items(&series["data"]).iter().filter(of_platform) {
            let all = one.as_object().expect("labels").keys().map(String::as_str);
            let own = all.filter(|label| !COMMON_LABELS.contains(label) && !label.starts_with("otel_scope_"));
            assert_eq!(own.collect::<BTreeSet<_>>(), expected, "{name}");
        }
    }

    wait_for("an exemplar", || {
        let found = demo.get("/api/v1/query_exemplars?query=pipeline_execution_duration_seconds_bucket");
        let exemplar = items(&found["data"]).iter().find_map(|series| items(&series["exemplars"]).first().cloned())?;
        let trace = exemplar["labels"]["trace_id"].as_str()?.to_owned();
        (items(&demo.get(&format!("/api/traces/{trace}"))["data"]).len() == 1).then_some(())
    });

    wait_for("an error with its causes", || {
        let traces = demo.get("/api/traces?service=worker&tags=%7B%22error%22%3A%22true%22%7D&limit=100");
        let spans = items(&traces["data"]).iter().flat_map(|trace| items(&trace["spans"]).to_vec());
        let events = spans.flat_map(|span| items(&span["logs"]).to_vec());
        let causes = events.filter_map(|event| tag(&event["fields"], "exception.stacktrace").cloned());
        causes
            .into_iter()
            .find(|causes| causes.as_str().is_some_and(|causes| causes.starts_with("caused by: ")))
            .map(drop)
    });

    for name in SERVICES {
        wait_for("a log within a trace", || {
            let logs = demo.get(&format!("/api/logs?service={name}&limit=100"));
            items(&logs["logs"])
                .iter()
                .any(|log| log["trace_id"].as_str().is_some_and(|id| id.len() == 32))
                .then_some(())
        });
    }
    wait_for("an error's log", || {
        let logs = demo.get("/api/logs?service=worker&severity=ERROR");
        items(&logs["logs"]).iter().any(|log| log["trace_id"] != "").then_some(())
    });

    assert_eq!(texts(&demo.get("/api/services")["data"]), SERVICES, "and no other");
    let services = demo.services();
    assert_eq!(services.len(), SERVICES.len());
    demo.signal(libc::SIGTERM);
    let (code, said) = demo.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("is started again"), "{said}");
    assert!(services.iter().all(is_gone));
}

#[test]
fn the_demo_ends_by_itself_after_the_seconds_it_was_given_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tripod"));
    command.args([
        "demo",
        "--seconds",
        "3",
        "--http",
        "127.0.0.1:0",
        "--otlp-http",
        "127.0.0.1:0",
        "--otlp-grpc",
        "127.0.0.1:0",
    ]);
    let output = command.env("TMPDIR", directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("four services"), "{output:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "its data was temporary");
}

#[test]
fn no_service_outlives_a_demo_that_is_killed() {
    let mut demo = Demo::start(&[]);
    wait_for("all services", || (texts(&demo.get("/api/services")["data"]) == SERVICES).then_some(()));
    let services = demo.services();
    assert_eq!(services.len(), SERVICES.len());
    demo.signal(libc::SIGKILL);
    demo.process.wait().unwrap();
    wait_for("the services' end", || services.iter().all(is_gone).then_some(()));
}

#[test]
fn a_service_that_dies_is_started_again_where_the_others_find_it() {
    let mut demo = Demo::start(&[]);
    wait_for("all services", || (texts(&demo.get("/api/services")["data"]) == SERVICES).then_some(()));
    let before = demo.services();
    kill(before[0], libc::SIGKILL);
    let after = wait_for("another process", || {
        let now = demo.services();
        (now.len() == SERVICES.len() && now.iter().any(|pid| !before.contains(pid))).then_some(now)
    });
    assert_eq!(after.iter().filter(|pid| before.contains(pid)).count(), SERVICES.len() - 1);
    demo.signal(libc::SIGINT);
    let (code, said) = demo.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("and is started again"), "{said}");
    assert!(after.iter().all(is_gone));
}

#[test]
fn what_a_variable_names_and_cannot_be_used_ends_the_demo_with_its_name() {
    for (variable, value) in
        [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"), ("REDIS_URL", "redis://127.0.0.1:1")]
    {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tripod"));
        command.args([
            "demo",
            "--real",
            "--http",
            "127.0.0.1:0",
            "--otlp-http",
            "127.0.0.1:0",
            "--otlp-grpc",
            "127.0.0.1:0",
        ]);
        command.env("TMPDIR", directory.path()).env("PATH", directory.path()).env(variable, value);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("tripod: error: {variable}: ")), "{said}");
    }
}

#[test]
fn a_taken_port_ends_the_demo_before_it_starts_anything() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_tripod"))
        .args(["demo", "--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--http", &address])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--http"), "{output:?}");
}
