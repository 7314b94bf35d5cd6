//! Whatever arrives, the answer says what is wrong with it, and the server goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tripod_tests::grpc::{self, framed};
use tripod_tests::requests::{self, PROTOBUF, attribute, spans, trace_id};
use tripod_tests::{Tripod, records};

const JSON: (&str, &str) = ("content-type", "application/json");
const GRPC: (&str, &str) = ("content-type", "application/grpc");
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A server with a little data in it, and the check that it still answers, still takes data and has kept what it had.
struct Subject {
    server: Tripod,
    _data: tempfile::TempDir,
    taken: std::cell::Cell<u64>,
}

impl Subject {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let subject = Self { server: Tripod::start(data.path()), _data: data, taken: 0.into() };
        subject.goes_on("starting");
        subject
    }

    fn goes_on(&self, after: &str) {
        self.server.must_answer(after);
        let number = self.taken.replace(self.taken.get() + 1);
        let answer =
            self.server.post("traces", &[PROTOBUF], &requests::traces("good", spans(number, 3, requests::now())));
        assert_eq!(answer.status, 200, "after {after} it still takes data: {}", answer.text());
        for number in [0, number] {
            assert_eq!(records::trace(&self.server, &trace_id(number)).len(), 3, "after {after}");
        }
    }

    /// Posts; the answer must have this status and name these words, in a body of the request's own format.
    fn refuses(&self, what: &str, signal: &str, headers: &[(&str, &str)], body: &[u8], status: u16, words: &[&str]) {
        let answer = self.server.post(signal, headers, body);
        let text = answer.text();
        println!("{what}: {} {text:?}", answer.status);
        assert_eq!(answer.status, status, "{what}: {text}");
        for word in words {
            assert!(
                text.to_lowercase().contains(&word.to_lowercase()),
                "{what}: the reason must name {word:?}: {text}"
            );
        }
        if headers.contains(&JSON) {
            assert!(answer.json()["message"].is_string(), "{what}: {text}");
        } else if headers.contains(&PROTOBUF) {
            assert_eq!(answer.content_type, "application/x-protobuf", "{what}");
        }
        self.goes_on(what);
    }

    /// Calls over gRPC; the answer must have this code and name these words.
    fn refuses_grpc(&self, what: &str, headers: &[(&str, &str)], body: bytes::Bytes, codes: &[u32], words: &[&str]) {
        let outcome = grpc::call(&self.server.otlp_grpc, EXPORT, headers, body);
        println!("{what}: {outcome:?}");
        let outcome = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(outcome.code.is_some_and(|code| codes.contains(&code)), "{what}: {outcome:?}");
        for word in words {
            assert!(
                outcome.message.to_lowercase().contains(word),
                "{what}: the reason must name {word:?}: {outcome:?}"
            );
        }
        self.goes_on(what);
    }

    /// The most memory that the process has taken so far, in MiB.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the peak");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }
}

fn good() -> Vec<u8> {
    requests::traces("bad", spans(1 << 30, 5, requests::now()))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A gibibyte of zeros, packed.
fn gzip_bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

fn zstd_bomb() -> Vec<u8> {
    zstd::encode_all(std::io::repeat(0).take(1 << 30), 1).unwrap()
}

#[test]
fn a_message_cut_anywhere_is_refused_with_a_reason_or_is_shorter_but_whole() {
    let subject = Subject::start();
    let whole = good();
    subject.refuses("a truncated message", "traces", &[PROTOBUF], &whole[..whole.len() - 7], 400, &["end inside"]);
    for signal in ["traces", "metrics", "logs"] {
        for length in (1..whole.len()).step_by(7) {
            let answer = subject.server.post(signal, &[PROTOBUF], &whole[..length]);
            assert!(
                matches!(answer.status, 200 | 400),
                "{signal} cut after {length}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    subject.goes_on("many truncated messages");
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let subject = Subject::start();
    for signal in ["traces", "metrics", "logs"] {
        subject.refuses("text as protobuf", signal, &[PROTOBUF], b"hello, world", 400, &[]);
        subject.refuses("0xff as protobuf", signal, &[PROTOBUF], &[0xff; 1000], 400, &[]);
        subject.refuses("no JSON", signal, &[JSON], b"{\"resourceSpans\":", 400, &["line 1"]);
        subject.refuses("JSON of another shape", signal, &[JSON], b"[1,2,3]", 400, &[]);
    }
    let wrong = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":17}]}]}]}"#;
    subject.refuses("a name that is a number", "traces", &[JSON], wrong, 400, &["line 1", "string"]);
    let wrong = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"99999999999999999999999"}]}]}]}"#;
    subject.refuses("a time beyond 64 bits", "logs", &[JSON], wrong, 400, &["line 1"]);
}

#[test]
fn wrong_types_methods_and_paths_are_refused() {
    let subject = Subject::start();
    let text = [("content-type", "text/plain")];
    subject.refuses("text/plain", "traces", &text, &good(), 415, &["text/plain", "application/x-protobuf"]);
    subject.refuses("no content type", "traces", &[], &good(), 415, &["application/x-protobuf"]);
    let brotli = [PROTOBUF, ("content-encoding", "br")];
    subject.refuses("brotli", "traces", &brotli, &good(), 415, &["br", "gzip"]);
    for (method, path, status) in [
        ("GET", "/v1/traces", 405),
        ("PUT", "/v1/traces", 405),
        ("DELETE", "/v1/logs", 405),
        ("POST", "/v1/nothing", 404),
        ("GET", "/", 404),
    ] {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let answer = talk(&subject.server.otlp_http, head.as_bytes(), true);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {answer}");
        subject.goes_on(method);
    }
}

#[test]
fn a_body_of_100_mb_is_refused_and_says_what_to_do() {
    let subject = Subject::start();
    let large = vec![0x0a; 100 << 20];
    let words = ["larger than", "--max-body"];
    subject.refuses("100 MB", "traces", &[PROTOBUF], &large, 413, &words);
    subject.refuses("100 MB of JSON", "logs", &[JSON], &large, 413, &words);
    subject.refuses_grpc("100 MB over gRPC", &[GRPC], framed(false, &large), &[8], &["larger"]);
    assert!(subject.peak_memory() < 512, "it took {} MiB", subject.peak_memory());
    println!("at most {} MiB", subject.peak_memory());
}

#[test]
fn a_body_of_16_mb_is_taken_on_both_protocols_and_in_every_coding() {
    let subject = Subject::start();
    let mut sent = spans(1 << 20, 1000, requests::now());
    for span in &mut sent {
        span.attributes.push(attribute("filler", requests::string(&"f".repeat(17 << 10))));
    }
    let body = requests::traces("large", sent.clone());
    assert!(body.len() > 16 << 20);
    let packed = [("gzip", gzip(&body)), ("zstd", zstd::encode_all(&body[..], 3).unwrap())];
    assert_eq!(subject.server.post("traces", &[PROTOBUF], &body).status, 200);
    assert_eq!(records::trace(&subject.server, &trace_id(1 << 20)).len(), 1000);
    for (name, packed) in packed {
        let answer = subject.server.post("traces", &[PROTOBUF, ("content-encoding", name)], &packed);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let headers = [GRPC, ("grpc-encoding", name)];
        let outcome = grpc::call(&subject.server.otlp_grpc, EXPORT, &headers, framed(true, &packed)).unwrap();
        assert_eq!(outcome.code, Some(0), "{name}: {outcome:?}");
    }
    let outcome = grpc::call(&subject.server.otlp_grpc, EXPORT, &[GRPC], framed(false, &body)).unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    subject.goes_on("large bodies");
}

#[test]
fn a_zip_bomb_does_not_go_off() {
    let subject = Subject::start();
    for (name, bomb) in [("gzip", gzip_bomb()), ("zstd", zstd_bomb())] {
        let size = bomb.len();
        println!("{name}: 1 GiB in {size} bytes");
        let headers = [PROTOBUF, ("content-encoding", name)];
        subject.refuses("a bomb", "traces", &headers, &bomb, 413, &["larger than"]);
        let headers = [GRPC, ("grpc-encoding", name)];
        subject.refuses_grpc("a bomb over gRPC", &headers, framed(true, &bomb), &[8], &["larger"]);
    }
    assert!(subject.peak_memory() < 512, "it took {} MiB", subject.peak_memory());
    println!("at most {} MiB", subject.peak_memory());
}

#[test]
fn bytes_that_are_not_compressed_as_they_say_are_refused() {
    let subject = Subject::start();
    for name in ["gzip", "zstd"] {
        let headers = [PROTOBUF, ("content-encoding", name)];
        subject.refuses("not compressed at all", "traces", &headers, &good(), 400, &[name]);
        let headers = [GRPC, ("grpc-encoding", name)];
        subject.refuses_grpc("not compressed at all", &headers, framed(true, &good()), &[3, 13], &[name]);
    }
    let packed = gzip(&good());
    let headers = [PROTOBUF, ("content-encoding", "gzip")];
    subject.refuses("a cut gzip stream", "traces", &headers, &packed[..packed.len() / 2], 400, &["gzip"]);
}

#[test]
fn what_is_nested_without_end_is_refused_and_costs_no_stack() {
    let subject = Subject::start();
    let deep = |open: &str, close: &str| {
        let before = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":"#;
        format!("{before}{}{}{}", open.repeat(100_000), close.repeat(100_000), "}]}}]}")
    };
    let arrays = deep(r#"{"arrayValue":{"values":["#, "]}}");
    subject.refuses("JSON values in values", "traces", &[JSON], arrays.as_bytes(), 400, &["recursion"]);
    let unknown = format!(r#"{{"unknown":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    subject.refuses("an unknown JSON field", "traces", &[JSON], unknown.as_bytes(), 400, &["recursion"]);

    // An array in an array in …, as the value of a resource's attribute; by hand, as the encoder would recurse itself.
    let mut value = Vec::new();
    for _ in 0..3_000 {
        value = field(5, &field(1, &value));
    }
    let attribute = field(2, &value);
    let mut span = spans(2 << 20, 1, requests::now())[0].encode_to_vec();
    let of_resource = [field(1, &field(1, &attribute)), field(2, &field(2, &span))].concat();
    subject.refuses("a deep resource", "traces", &[PROTOBUF], &field(1, &of_resource), 400, &["deep"]);
    span.extend(field(9, &attribute));
    let of_span = field(1, &field(2, &field(2, &span)));
    subject.refuses("a deep span", "traces", &[PROTOBUF], &of_span, 400, &["deep"]);
    let of_log = field(1, &field(2, &field(2, &field(5, &value))));
    subject.refuses("a deep log", "logs", &[PROTOBUF], &of_log, 400, &["deep"]);
}

/// A field of protobuf that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

#[test]
fn strings_that_are_not_utf_8_are_refused_and_the_field_is_named() {
    let subject = Subject::start();
    let mut sent = good();
    let at = sent.windows(4).position(|bytes| bytes == b"step").expect("the name of a span");
    sent[at] = 0xff;
    subject.refuses("a name that is not UTF-8", "traces", &[PROTOBUF], &sent, 400, &["utf-8", "name"]);
    let json = b"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"\xff\xfe\"}]}]}]}";
    subject.refuses("JSON that is not UTF-8", "traces", &[JSON], json, 400, &[]);
}

#[test]
fn bad_grpc_messages_get_grpc_codes() {
    let subject = Subject::start();
    subject.refuses_grpc("garbage behind a prefix", &[GRPC], framed(false, &[0xff; 100]), &[3], &[]);
    let whole = good();
    let cut = framed(false, &whole[..whole.len() - 3]);
    subject.refuses_grpc("a truncated message", &[GRPC], cut, &[3], &["end inside"]);
    subject.refuses_grpc("no prefix", &[GRPC], bytes::Bytes::from_static(b"ab"), &[3, 13], &[]);
    subject.refuses_grpc("nothing at all", &[GRPC], bytes::Bytes::new(), &[3, 13], &[]);
    let mut claim = BytesMut::new();
    claim.put_u8(0);
    claim.put_u32(u32::MAX);
    claim.put_slice(b"but no more");
    subject.refuses_grpc("a length of 4 GiB", &[GRPC], claim.freeze(), &[3, 8, 13], &[]);
    subject.refuses_grpc("compressed without a coding", &[GRPC], framed(true, &whole), &[3, 13], &[]);
    let unknown = [GRPC, ("grpc-encoding", "br")];
    subject.refuses_grpc("an unknown coding", &unknown, framed(true, &whole), &[12], &["br"]);

    let outcome = grpc::call(&subject.server.otlp_grpc, "/some.Other/Method", &[GRPC], framed(false, b"")).unwrap();
    assert_eq!(outcome.code, Some(12), "an unknown method is UNIMPLEMENTED: {outcome:?}");
    let plain = grpc::call(&subject.server.otlp_grpc, EXPORT, &[PROTOBUF], whole.into()).unwrap();
    assert_eq!(plain.http_status, 415, "what is not gRPC: {plain:?}");
    subject.goes_on("bad calls");
}

#[test]
fn garbage_instead_of_http_closes_the_connection_and_nothing_else() {
    let subject = Subject::start();
    let garbage: Vec<u8> = (0..100_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frames.extend_from_slice(&garbage);
    let endless = vec![b'A'; 200_000];
    let addresses = [&subject.server.otlp_grpc, &subject.server.otlp_http, &subject.server.http.replace("http://", "")];
    for address in addresses {
        for (what, bytes) in [
            ("garbage", &garbage[..]),
            ("garbage frames", &frames),
            ("a request line without end", &endless),
            ("a bad length", b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n"),
            (
                "two lengths",
                b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
            ),
            ("a bad chunk", b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            ("nothing", b""),
        ] {
            let answer = talk(address, bytes, true);
            let status = answer.split_whitespace().nth(1).unwrap_or("closed").to_owned();
            if answer.starts_with("HTTP/1.1 ") {
                assert!(status.starts_with('4'), "{what}: {answer}");
            }
            subject.goes_on(what);
        }
    }
}

#[test]
fn half_closed_connections_and_slow_clients_harm_nobody() {
    let subject = Subject::start();
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\nfew";
    let answer = talk(&subject.server.otlp_http, head, true);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "half a body: {answer}");
    subject.goes_on("half a body");

    // Whole requests whose sender closes its side before the answer still get it.
    let body = good();
    let mut whole = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    whole.extend_from_slice(&body);
    let answer = talk(&subject.server.otlp_http, &whole, true);
    assert!(answer.starts_with("HTTP/1.1 200"), "a whole request on a half-closed connection: {answer:?}");
    subject.goes_on("a half-closed connection");

    // Two hundred clients that never finish what they say.
    let mut idle = Vec::new();
    for number in 0..200 {
        let address = if number % 2 == 0 { &subject.server.otlp_http } else { &subject.server.otlp_grpc };
        let mut stream = TcpStream::connect(address).unwrap();
        let part = if number % 2 == 0 { &head[..number % head.len()] } else { b"PRI * HTTP/2.0\r\n" };
        stream.write_all(part).unwrap();
        idle.push(stream);
    }
    subject.goes_on("two hundred idle connections");

    // One that sends a byte at a time gets its answer in the end.
    let mut stream = TcpStream::connect(&subject.server.otlp_http).unwrap();
    for byte in whole.chunks(8) {
        stream.write_all(byte).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");

    // One that vanishes in the middle.
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&subject.server.otlp_http).unwrap();
        stream.write_all(&whole[..whole.len() / 2]).unwrap();
        drop(stream);
    }
    drop(idle);
    subject.goes_on("clients that vanish");
}

#[test]
fn bad_queries_are_refused_in_the_shape_of_their_api() {
    let subject = Subject::start();
    let ask = |path: &str| subject.server.client().get(&format!("{}{path}", subject.server.http)).unwrap();
    for path in [
        "/api/v1/query?query=sum(",
        "/api/v1/query",
        "/api/v1/query?query=up&time=yesterday",
        "/api/v1/query_range?query=up&start=5&end=1&step=1",
        "/api/v1/query_range?query=up&start=1&end=5&step=0",
        "/api/v1/query_range?query=up&start=0&end=1000000000&step=0.001",
        "/api/v1/series",
        "/api/v1/label/b%C3%28d/values",
    ] {
        let answer = ask(path);
        println!("{path}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, 400, "{path}");
        let json = answer.json();
        assert_eq!((&json["status"], &json["errorType"]), (&"error".into(), &"bad_data".into()), "{path}");
        assert!(!json["error"].as_str().unwrap().is_empty(), "{path}");
    }
    for (path, status) in [
        ("/api/traces/nonsense", 400),
        ("/api/traces/0123456789abcdef0123456789abcdef", 404),
        ("/api/traces?service=x&limit=many", 400),
        ("/api/traces?service=x&minDuration=long", 400),
        ("/api/traces?service=x&tags=%7B", 400),
    ] {
        let answer = ask(path);
        println!("{path}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["errors"][0]["msg"].is_string(), "{path}");
    }
    for path in ["/api/logs?severity=loud", "/api/logs?limit=-1", "/api/logs?trace_id=zz", "/api/logs?start=soon"] {
        let answer = ask(path);
        println!("{path}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    let deep = format!("/api/v1/query?query={}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let answer = ask(&deep);
    assert!(matches!(answer.status, 400 | 414), "an expression nested 5,000 deep: {}", answer.status);
    subject.goes_on("bad queries");
}

#[test]
fn one_bad_record_does_not_take_the_good_ones_with_it() {
    let subject = Subject::start();
    let mut sent = spans(7 << 20, 10, requests::now());
    sent[3].trace_id = vec![0; 16];
    sent[4].span_id = Vec::new();
    let answer = subject.server.post("traces", &[PROTOBUF], &requests::traces("partly", sent));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let response =
        opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse::decode(&answer.body[..]);
    let partial = response.unwrap().partial_success.expect("partial success");
    println!("partial success: {partial:?}");
    assert_eq!(partial.rejected_spans, 2);
    assert!(!partial.error_message.is_empty());
    assert_eq!(records::trace(&subject.server, &trace_id(7 << 20)).len(), 8);

    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"xyz","spanId":"eee19b7ec3c1b174","name":"bad"},
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"good"}]}]}]}"#;
    let answer = subject.server.post("traces", &[JSON], json);
    let partial = answer.json()["partialSuccess"].clone();
    assert_eq!((answer.status, &partial["rejectedSpans"]), (200, &"1".into()), "{}", answer.text());
    let reason = partial["errorMessage"].as_str().unwrap();
    assert!(reason.contains("bad") && reason.contains("trace id"), "{reason}");
    assert_eq!(records::trace(&subject.server, "5b8efff798038103d269b633813fc60c").len(), 1);
}

#[test]
fn an_empty_request_is_a_good_one() {
    let subject = Subject::start();
    for signal in ["traces", "metrics", "logs"] {
        assert_eq!(subject.server.post(signal, &[PROTOBUF], b"").status, 200, "{signal}");
        assert_eq!(subject.server.post(signal, &[JSON], b"{}").status, 200, "{signal}");
    }
    let body = ExportTraceServiceRequest::default().encode_to_vec();
    let outcome = grpc::call(&subject.server.otlp_grpc, EXPORT, &[GRPC], framed(false, &body)).unwrap();
    assert_eq!((outcome.code, outcome.http_status), (Some(0), 200));
}

/// Sends bytes as they are and answers what comes back until the connection closes; with `half_close`, no more is sent.
fn talk(address: &str, bytes: &[u8], half_close: bool) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The server may close before it has read all.
    let _ = stream.write_all(bytes);
    if half_close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
            panic!("the connection stays open, without an answer")
        }
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}
