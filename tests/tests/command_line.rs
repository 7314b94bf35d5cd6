//! `tripod` as a program among others: what it finds on a running server, as text and as JSON, and how it ends when it can't.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tripod_tests::requests::{self, PROTOBUF, now, trace_id};
use tripod_tests::{Tripod, server};

const SECOND: u64 = 1_000_000_000;

/// The command, with nothing of the test's own surroundings that it acts on.
fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(server::binary());
    command.args(arguments).env_clear().env("TRIPOD_URL", url).stdin(Stdio::null());
    command
}

fn run(url: &str, arguments: &[&str]) -> Output {
    command(url, arguments).output().expect("the command runs")
}

/// What it wrote; panics unless it ended with this code.
fn said(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    String::from_utf8(output.stdout.clone()).expect("it writes UTF-8")
}

fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr.clone()).expect("it writes UTF-8")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))).collect()
}

/// A server with a failed trace of two services, its logs, one of them hostile, and a gauge.
fn filled(data: &Path) -> (Tripod, u64) {
    let server = Tripod::start(data);
    let start = now() - 60 * SECOND;
    let mut spans = requests::spans(1, 5, start);
    spans[3].end_time_unix_nano = start + 40_000_000;
    spans[3].status =
        Some(opentelemetry_proto::tonic::trace::v1::Status { code: 2, message: "no \x1b[31mfunds".to_owned() });
    let mut logs = requests::log_records(1, 3, start);
    logs[1].body = Some(requests::string("payment \x1b[2Jrefused\nby 銀行"));
    (logs[1].severity_number, logs[1].severity_text) = (17, "ERROR".to_owned());
    logs[1].span_id.clone_from(&spans[3].span_id);
    let points: Vec<_> =
        (0..10).map(|at| ("a".to_owned(), f64::from(at), start + u64::from(at as u32) * 5 * SECOND)).collect();
    for (signal, body) in [
        ("traces", requests::traces("checkout", spans)),
        ("traces", requests::traces("mail", requests::spans(2, 1, start + SECOND))),
        ("logs", requests::logs("checkout", logs)),
        ("metrics", requests::gauge("checkout", "queue.length", &points)),
    ] {
        assert_eq!(server.post(signal, &[PROTOBUF], &body).status, 200);
    }
    (server, start)
}

#[test]
fn traces_are_found_listed_and_drawn() {
    let data = tempfile::tempdir().unwrap();
    let (server, _) = filled(data.path());
    let url = server.http.as_str();
    let id = trace_id(1);

    let all = lines(&said(&run(url, &["traces", "--json"]), 0));
    let ids: Vec<&Value> = all.iter().map(|one| &one["traceID"]).collect();
    assert_eq!(ids, [&Value::from(trace_id(2)), &Value::from(id.clone())]);
    for (conditions, count) in [
        (&["--errors"][..], 1),
        (&["--service", "mail"], 1),
        (&["--attr", "number=4", "--operation", "step 4"], 1),
        (&["--min-duration", "30ms"], 1),
        (&["--query", "{ status = error }"], 1),
        (&["--limit", "1"], 1),
    ] {
        let found = lines(&said(&run(url, &[&["traces", "--json"], conditions].concat()), 0));
        assert_eq!(found.len(), count, "{conditions:?}");
    }
    let of = |arguments: &[&str]| lines(&said(&run(url, arguments), 0)).remove(0);
    let (by_conditions, by_query) =
        (of(&["traces", "--json", "-e"]), of(&["traces", "--json", "-q", "{ status = error }"]));
    for field in ["traceID", "service", "operation", "start_unix_nano", "duration_ns", "spans", "errors", "services"] {
        assert_eq!(by_conditions[field], by_query[field], "{field}");
    }
    assert_eq!(said(&run(url, &["traces", "--service", "nobody", "--json"]), 1), "");
    assert!(complaint(&run(url, &["traces", "--service", "nobody"]), 1).contains("--since"));

    let list = said(&run(url, &["traces"]), 0);
    assert!(list.lines().count() == 3 && list.contains("no \\x1b[31mfunds") && !list.contains('\x1b'), "{list}");
    let narrow = command(url, &["traces"]).env("COLUMNS", "60").output().unwrap();
    assert!(said(&narrow, 0).lines().all(|line| line.chars().count() <= 60));

    let tree = said(&run(url, &["traces", &id.to_uppercase(), "--logs"]), 0);
    for part in [
        "5 spans",
        "1 failed",
        "└─ checkout step 4",
        "✗ checkout step 3",
        "no \\x1b[31mfunds",
        "ERROR payment \\x1b[2Jrefused\\nby 銀行",
        "━",
    ] {
        assert!(tree.contains(part), "{part} is missing:\n{tree}");
    }
    assert!(!tree.contains('\x1b'), "a pipe has no colours, and data none at all");
    let colored = said(&run(url, &["traces", &id, "--color", "always"]), 0);
    assert!(colored.contains("\x1b[31m✗ ") && !colored.contains("\x1b[2J"), "{colored}");
    let document: Value = serde_json::from_str(&said(&run(url, &["traces", &id, "--json"]), 0)).unwrap();
    assert_eq!(document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().map(Vec::len), Some(5));
    assert!(complaint(&run(url, &["traces", "abc"]), 1).contains("no trace 00000000000000000000000000000abc"));
}

#[test]
fn logs_are_found_by_what_one_knows_of_them() {
    let data = tempfile::tempdir().unwrap();
    let (server, start) = filled(data.path());
    let url = server.http.as_str();
    let trace = trace_id(1);
    let at = start.to_string();
    for (conditions, count) in [
        (&[][..], 3),
        (&["line", "0"], 1),
        (&["line 2"], 1),
        (&["--severity", "error"], 1),
        (&["--only", "INFO"], 2),
        (&["--service", "checkout", "--limit", "2"], 2),
        (&["--regex", "line [02]"], 2),
        (&["--trace", &trace], 3),
        (&["--span", "0000000000000001"], 1),
        (&["--start", &at, "--end", &at], 1),
    ] {
        let found = lines(&said(&run(url, &[&["logs", "--json"], conditions].concat()), 0));
        assert_eq!(found.len(), count, "{conditions:?}");
    }
    let found = said(&run(url, &["logs"]), 0);
    let bodies: Vec<&str> = found.lines().filter_map(|line| line.split("checkout ").nth(1)).collect();
    assert_eq!(bodies.len(), 3, "a record is a line, the newest last: {found}");
    assert!(
        bodies[0].starts_with("line 0 ")
            && bodies[1].starts_with("payment \\x1b[2Jrefused\\nby 銀行 ")
            && bodies[2].starts_with("line 2 ")
    );
    assert_eq!(said(&run(url, &["logs", "--severity", "fatal"]), 1), "");
    assert!(complaint(&run(url, &["logs", "--regex", "("]), 2).contains("regex"));
    assert!(complaint(&run(url, &["logs", "--follow", "--end", "5"]), 2).contains("--end"));
}

/// A command that goes on; killed when dropped.
struct Following {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Following {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it writes text");
        line
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn following_shows_what_comes_later_once_and_waits_for_a_server_that_is_away() {
    let data = tempfile::tempdir().unwrap();
    let (server, _) = filled(data.path());
    let address = server.http.trim_start_matches("http://").to_owned();
    let mut following = Following::start(command(&server.http, &["logs", "--follow", "--json"]));
    let body = |line: &str| serde_json::from_str::<Value>(line).map_or(Value::Null, |record| record["body"].clone());
    let first: Vec<Value> = (0..3).map(|_| body(&following.line())).collect();
    assert_eq!((&first[0], &first[2]), (&"line 0".into(), &"line 2".into()));

    let send = |server: &Tripod, text: &str, time: u64| {
        let mut records = requests::log_records(9, 2, time);
        records.iter_mut().for_each(|record| {
            record.body = Some(requests::string(text));
            record.time_unix_nano = time;
            record.span_id.clear();
        });
        assert_eq!(server.post("logs", &[PROTOBUF], &requests::logs("mail", records)).status, 200);
    };
    // Two that are alike in everything are two.
    send(&server, "later", now());
    assert_eq!((body(&following.line()), body(&following.line())), ("later".into(), "later".into()));
    send(&server, "late", now() - 3 * SECOND);
    assert_eq!((body(&following.line()), body(&following.line())), ("late".into(), "late".into()));

    let otlp = server.otlp_http.clone();
    assert!(server.stop(libc::SIGTERM).status.success());
    let mut stderr = BufReader::new(following.child.stderr.take().expect("piped"));
    let mut waiting = String::new();
    stderr.read_line(&mut waiting).unwrap();
    assert!(waiting.contains("waiting for it"), "{waiting}");
    let server = Tripod::start_with(data.path(), &["--http", &address, "--otlp-http", &otlp]);
    send(&server, "after", now());
    assert_eq!((body(&following.line()), body(&following.line())), ("after".into(), "after".into()));
}

#[test]
fn queries_are_tables_charts_and_errors_with_a_caret() {
    let data = tempfile::tempdir().unwrap();
    let (server, _) = filled(data.path());
    let url = server.http.as_str();
    let query = r#"queue_length{key="a"}"#;
    let table = said(&run(url, &["query", query]), 0);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        (rows.len(), rows[0][0], rows[1][0], rows[1].last()),
        (2, "METRIC", "queue_length", Some(&"9")),
        "{table}"
    );
    let answer: Value = serde_json::from_str(&said(&run(url, &["query", query, "--json"]), 0)).unwrap();
    assert_eq!((&answer["resultType"], &answer["result"][0]["value"][1]), (&"vector".into(), &"9".into()));
    assert_eq!(said(&run(url, &["query", "6 * 7"]), 0), "42\n");

    let chart = said(&run(url, &["query", query, "--range", "2m", "--step", "5s", "--height", "8"]), 0);
    let letters = chart.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    assert!(letters > 10 && chart.lines().nth(8).is_some_and(|line| line.contains('└')), "{chart}");
    assert!(chart.lines().last().is_some_and(|line| line.contains('█') && line.ends_with('9')), "{chart}");
    let answer: Value =
        serde_json::from_str(&said(&run(url, &["query", query, "--range", "2m", "--json"]), 0)).unwrap();
    assert_eq!(answer["resultType"], "matrix");

    assert_eq!(complaint(&run(url, &["query", "nothing_of_that_name"]), 1), "no series\n");
    let wrong = complaint(&run(url, &["query", "rate(up[5m)"]), 2);
    let caret: Vec<&str> = wrong.lines().skip(1).collect();
    assert_eq!(caret, ["  rate(up[5m)", "            ^"], "{wrong}");
    let wrong = complaint(&run(url, &["traces", "-q", "{ x = 1 }"]), 2);
    assert!(wrong.lines().last().is_some_and(|line| line.trim() == "^"), "{wrong}");

    let services = lines(&said(&run(url, &["services", "--json"]), 0));
    assert_eq!(services.iter().map(|one| &one["service"]).collect::<Vec<_>>(), ["checkout", "mail"]);
    assert!(said(&run(url, &["services"]), 0).starts_with("SERVICE"));
}

#[test]
fn a_page_is_opened_or_its_address_is_printed() {
    let data = tempfile::tempdir().unwrap();
    let (server, _) = filled(data.path());
    let url = server.http.as_str();
    let id = trace_id(1);
    for (arguments, path) in [
        (&["open"][..], "/".to_owned()),
        (&["open", &id], format!("/traces/{id}")),
        (&["open", "--service", "a b"], "/traces?service=a+b".to_owned()),
        (&["open", "--metric", "queue.length/x"], "/metric/queue.length%2Fx".to_owned()),
    ] {
        let address = said(&run(url, arguments), 0);
        assert_eq!(address, format!("{url}{path}\n"));
        let page = server.client().get_page(address.trim()).unwrap();
        assert_eq!((page.status, page.content_type.starts_with("text/html")), (200, true), "{address}");
    }
    assert!(complaint(&run(url, &["open", "abc"]), 1).contains("no trace"));
}

/// Something that answers every request with these bytes; returns its address.
fn other_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{address}")
}

#[test]
fn what_is_in_the_way_is_said_with_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = complaint(&run(&format!("http://{free}"), &["traces"]), 3);
    assert!(nobody.contains("nothing listens at") && nobody.contains("`tripod up`"), "{nobody}");

    let page = other_server(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\nconnection: close\r\n\r\n<hi>",
    );
    let none = other_server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let mute = other_server(b"SSH-2.0-OpenSSH_9.2\r\n");
    for url in [&page, &none, &mute] {
        for arguments in [&["traces"][..], &["traces", "ab"], &["logs"], &["query", "up"], &["services"], &["open"]] {
            let other = complaint(&run(url, arguments), 3);
            assert!(other.contains("is no Tripod"), "{url} {arguments:?}: {other}");
        }
    }
    let hostile = other_server(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 6\r\nconnection: close\r\n\r\n\x1b[2Jno");
    let refused = complaint(command(&hostile, &["logs"]).env("TRIPOD_TOKEN", "x").output().as_ref().unwrap(), 3);
    assert!(refused.contains("\\x1b[2Jno") && !refused.contains('\x1b'), "{refused}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let waited = complaint(&run(&silent, &["logs", "--timeout", "200ms"]), 3);
    assert!(waited.contains("did not answer within 200ms"), "{waited}");

    for (arguments, reason) in [
        (&["logs", "--url", "ftp://x"][..], "http://127.0.0.1:4319"),
        (&["logs", "--url", "http://ops:secret@localhost"], "TRIPOD_URL"),
        (&["logs", "--token-file", "/nowhere"], "cannot read /nowhere"),
        (&["logs", "--ca", "/nowhere"], "cannot read /nowhere"),
        (&["traces", "xyz"], "up to 32 hex digits"),
        (&["traces", "ab", "--service", "x"], "cannot be used with"),
        (&["query"], "PROMQL"),
    ] {
        let wrong = complaint(&run(&silent, arguments), 2);
        assert!(wrong.contains(reason) && !wrong.contains("secret"), "{arguments:?}: {wrong}");
    }
}

#[test]
fn a_token_comes_from_the_environment_or_a_file() {
    let data = tempfile::tempdir().unwrap();
    let token = data.path().join("token");
    std::fs::write(&token, "s3cret-of-the-team\n").unwrap();
    let token = token.to_str().unwrap();
    let server = Tripod::start_with(&data.path().join("store"), &["--token-file", token]);
    let url = server.http.as_str();
    let asked = complaint(&run(url, &["services"]), 3);
    assert!(asked.contains("TRIPOD_TOKEN") && asked.contains("--token-file"), "{asked}");
    let with = |name: &str, value: &str| command(url, &["services", "--json"]).env(name, value).output().unwrap();
    for accepted in [
        with("TRIPOD_TOKEN", "s3cret-of-the-team"),
        with("TRIPOD_TOKEN_FILE", token),
        run(url, &["services", "--json", "--token-file", token]),
    ] {
        assert_eq!(said(&accepted, 1), "", "nothing is there, and it says so");
    }
    let wrong = complaint(&with("TRIPOD_TOKEN", "guessed"), 3);
    assert!(wrong.contains("does not take these credentials") && !wrong.contains("guessed"), "{wrong}");
}

#[test]
fn who_stops_reading_is_not_told_about_it() {
    let data = tempfile::tempdir().unwrap();
    let (server, start) = filled(data.path());
    let many = requests::log_records(3, 5000, start);
    assert_eq!(server.post("logs", &[PROTOBUF], &requests::logs("mail", many)).status, 200);
    let pipe = format!("set -o pipefail; {} logs --limit 5000 --json | head -1", server::binary().display());
    let ran = Command::new("bash").args(["-c", &pipe]).env("TRIPOD_URL", &server.http).output().unwrap();
    let error = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && error.is_empty(), "{} {error}", ran.status);
    assert_eq!(lines(&String::from_utf8_lossy(&ran.stdout)).len(), 1);
}

#[test]
fn bash_completes_commands_and_flags() {
    let script = format!(
        "source <({} completions bash) && complete -p tripod && \
         COMP_WORDS=(tripod logs --fol) COMP_CWORD=2 && _tripod tripod --fol logs && echo \"${{COMPREPLY[@]}}\" && \
         COMP_WORDS=(tripod '') COMP_CWORD=1 && _tripod tripod '' tripod && echo \"${{COMPREPLY[@]}}\"",
        server::binary().display()
    );
    let ran = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    let text = said(&ran, 0);
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|line| line.contains("-F _tripod") && line.ends_with("tripod")), "{text}");
    assert_eq!(lines.next(), Some("--follow"));
    let commands = lines.next().unwrap_or_default();
    assert!(
        commands.contains("traces") && commands.contains("query") && !commands.contains("demo-service"),
        "{commands}"
    );
    for (shell, sign) in [("zsh", "#compdef tripod"), ("fish", "complete -c tripod")] {
        assert!(said(&run("", &["completions", shell]), 0).contains(sign), "{shell}");
    }
    let pages = tempfile::tempdir().unwrap();
    said(&run("", &["man", "--out", pages.path().to_str().unwrap()]), 0);
    let page = std::fs::read_to_string(pages.path().join("tripod-query.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("PROMQL"), "{page}");
    assert!(said(&run("", &["man"]), 0).starts_with(".ie"), "the page of the command itself");
}

#[test]
fn what_was_written_to_files_is_imported_by_the_way_of_all_telemetry() {
    let data = tempfile::tempdir().unwrap();
    let (server, _) = filled(&data.path().join("from"));
    let id = trace_id(1);
    let otlp = said(&run(&server.http, &["traces", &id, "--json"]), 0);
    let jaeger = server.get(&format!("/api/traces/{id}"), &[]);
    let file = |name: &str, text: &str| {
        let path = data.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let log = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795238947000000000","body":{"stringValue":"a line"}}]}]}]}"#;
    let metric = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"timeUnixNano":"1795238947000000000","asDouble":5}]}}]}]}]}"#;
    let lines = file("all.jsonl", &format!("{log}\n{otlp}{metric}\n"));
    let pretty = file("jaeger.json", &serde_json::to_string_pretty(&jaeger).unwrap());
    let zipkin = file(
        "zipkin.json",
        r#"[{"traceId":"00000000000000ab","id":"00000000000000cd","timestamp":1795238947000000,"duration":5}]"#,
    );

    let by_lines = Tripod::start(&data.path().join("lines"));
    assert_eq!(said(&run(&by_lines.http, &["import", &lines, &zipkin]), 0), "sent 6 spans, 1 log records, 1 metrics\n");
    assert_eq!(said(&run(&by_lines.http, &["traces", &id, "--json"]), 0), otlp, "it is what it was");
    said(&run(&by_lines.http, &["traces", "ab"]), 0);
    assert!(said(&run(&by_lines.http, &["logs", "--start", "0"]), 0).contains("a line"));

    let by_jaeger = Tripod::start(&data.path().join("jaeger"));
    assert_eq!(said(&run(&by_jaeger.http, &["import", &pretty]), 0), "sent 5 spans\n");
    let mut again = by_jaeger.get(&format!("/api/traces/{id}"), &[]);
    let mut before = jaeger;
    for trace in [&mut again, &mut before] {
        let spans = trace["data"][0]["spans"].as_array_mut().expect("spans");
        spans.iter_mut().for_each(|span| span["tags"].as_array_mut().expect("tags").sort_by_key(ToString::to_string));
    }
    assert_eq!(again, before, "Jaeger's JSON there and back is what it was");

    let cut = file("cut.jsonl", &format!("{log}\n{}", &otlp[..200]));
    let fault = run(&by_jaeger.http, &["import", &cut]);
    assert!(complaint(&fault, 2).contains("ends within a document"));
    assert_eq!(String::from_utf8_lossy(&fault.stdout), "sent 1 log records\n", "what is whole is there");
    let mut piped = command(&by_jaeger.http, &["import", "-"]);
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(metric.as_bytes()).unwrap();
    assert_eq!(said(&child.wait_with_output().unwrap(), 0), "sent 1 metrics\n");
    assert!(complaint(&run(&by_jaeger.http, &["import", "/nowhere"]), 2).contains("/nowhere: No such file"));
    let free = file("other.json", r#"{"hello":1}"#);
    assert!(complaint(&run(&by_jaeger.http, &["import", &free]), 2).contains("none of resourceSpans"));
}

#[test]
fn a_server_with_a_certificate_of_ones_own_is_trusted_when_told_so() {
    let data = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (data.path().join("cert.pem"), data.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let server = Tripod::start_with(&data.path().join("store"), &["--tls-cert", certificate, "--tls-key", key]);
    let url = server.http.replace("127.0.0.1", "localhost");
    let stranger = complaint(&run(&url, &["services"]), 3);
    assert!(stranger.contains("certificate") && stranger.contains("--ca"), "{stranger}");
    said(&run(&url, &["services", "--ca", certificate, "--json"]), 1);
    said(&command(&url, &["open"]).env("TRIPOD_CA", certificate).output().unwrap(), 0);
    let plain = complaint(&run(&url.replace("https", "http"), &["services"]), 3);
    assert!(plain.contains("https://"), "{plain}");
    let file = data.path().join("log.json");
    std::fs::write(
        &file,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","body":{"stringValue":"x"}}]}]}]}"#,
    )
    .unwrap();
    let sent = run(&url, &["import", "--ca", certificate, file.to_str().unwrap()]);
    assert_eq!(said(&sent, 0), "sent 1 log records\n");
}
