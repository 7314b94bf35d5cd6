//! A request, of which only the head is read, and its answer.

use std::fmt::Write;
use std::time::SystemTime;

use httparse::{EMPTY_HEADER, Header, Status};

use crate::export::prometheus::answer::Answer;

/// Bytes of a request's head.
pub(super) const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;

const PATH: &str = "/metrics";
const PLAIN: &str = "text/plain; charset=utf-8";

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    what: What,
    /// Only the head of the answer is wanted.
    is_head: bool,
    pub(super) keep_alive: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Metrics {
        accept: String,
        accept_encoding: String,
    },
    /// Something that is not there, or can't be done, or is no request.
    Nothing(u16),
}

/// The request that `input` begins with, and how long it is; `None` while it has not ended. What is none, or too long, is answered and
/// the connection closed.
pub(super) fn read(input: &[u8]) -> Option<(Request, usize)> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let refused =
        |status| Some((Request { what: What::Nothing(status), is_head: false, keep_alive: false }, input.len()));
    match head.parse(input) {
        Ok(Status::Complete(len)) => Some((Request::of(&head), len)),
        Ok(Status::Partial) if input.len() < MAX_HEAD => None,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => refused(431),
        Err(_) => refused(400),
    }
}

impl Request {
    fn of(head: &httparse::Request<'_, '_>) -> Self {
        let named = |name: &str| all(head.headers, name);
        let has = |list: &str, word: &str| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word));
        let connection = named("connection");
        // A body is not read, so nothing can follow it.
        let has_body = !matches!(named("content-length").as_str(), "" | "0") || !named("transfer-encoding").is_empty();
        let stays = if head.version == Some(1) { !has(&connection, "close") } else { has(&connection, "keep-alive") };
        let method = head.method.unwrap_or_default();
        let what = match method {
            _ if path(head.path.unwrap_or_default()) != PATH => What::Nothing(404),
            "GET" | "HEAD" => What::Metrics { accept: named("accept"), accept_encoding: named("accept-encoding") },
            _ => What::Nothing(405),
        };
        Self { what, is_head: method == "HEAD", keep_alive: stays && !has_body }
    }

    /// The answer's bytes.
    pub(super) fn answer(&self, keep_alive: bool, has_room: bool) -> Vec<u8> {
        let mut answer = None;
        let status = match &self.what {
            What::Nothing(status) => *status,
            What::Metrics { .. } if !has_room => 503,
            What::Metrics { accept, accept_encoding } => {
                answer = Answer::to(accept, accept_encoding);
                if answer.is_some() { 200 } else { 500 }
            }
        };
        let (reason, text) = meaning(status);
        let content_type = answer.as_ref().map_or(PLAIN, |answer| &answer.content_type);
        let body = answer.as_ref().map_or(text.as_bytes(), |answer| &answer.body);
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let mut head = format!(
            "HTTP/1.1 {status} {reason}\r\nDate: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             Connection: {connection}\r\n",
            httpdate::fmt_http_date(SystemTime::now()),
            body.len()
        );
        let more = match status {
            200 if answer.as_ref().is_some_and(|answer| answer.is_gzip) => {
                "Vary: Accept, Accept-Encoding\r\nContent-Encoding: gzip\r\n"
            }
            200 => "Vary: Accept, Accept-Encoding\r\n",
            405 => "Allow: GET, HEAD\r\n",
            503 => "Retry-After: 1\r\n",
            _ => "",
        };
        // Writing into memory does not fail.
        let _ = write!(head, "{more}\r\n");
        let mut out = head.into_bytes();
        if !self.is_head {
            out.extend_from_slice(body);
        }
        out
    }
}

/// The values of all headers of this name.
fn all(headers: &[Header<'_>], name: &str) -> String {
    let named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let values: Vec<_> = named.map(|header| String::from_utf8_lossy(header.value)).collect();
    values.join(",")
}

/// The path of a target, which may be a whole URL.
fn path(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    target.split(['?', '#']).next().unwrap_or_default()
}

fn meaning(status: u16) -> (&'static str, &'static str) {
    match status {
        200 => ("OK", ""),
        404 => ("Not Found", "the metrics are at /metrics\n"),
        405 => ("Method Not Allowed", "GET or HEAD\n"),
        431 => ("Request Header Fields Too Large", "the request's head is too large\n"),
        500 => ("Internal Server Error", "the metrics could not be collected\n"),
        503 => ("Service Unavailable", "too many pages wait for their readers\n"),
        _ => ("Bad Request", "that is no HTTP request\n"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(text: &str) -> Request {
        read(text.as_bytes()).expect("a whole request").0
    }

    #[test]
    fn a_request_is_read_with_all_its_wishes() {
        let request = asked(
            "GET /metrics?name=a HTTP/1.1\r\nHost: h\r\nAccept: text/plain;q=0.5\r\naccept: a/b\r\nAccept-Encoding: gzip\r\n\r\n",
        );
        let (accept, accept_encoding) = ("text/plain;q=0.5,a/b".to_owned(), "gzip".to_owned());
        assert_eq!(
            request,
            Request { what: What::Metrics { accept, accept_encoding }, is_head: false, keep_alive: true }
        );
        assert!(asked("HEAD http://h:1/metrics HTTP/1.1\r\n\r\n").is_head);
    }

    #[test]
    fn a_connection_stays_as_its_version_and_the_client_say() {
        assert!(asked("GET / HTTP/1.1\r\n\r\n").keep_alive);
        assert!(!asked("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").keep_alive);
        assert!(!asked("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(asked("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
        assert!(!asked("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").keep_alive, "its body is not read");
    }

    #[test]
    fn what_is_not_there_or_can_not_be_done_or_is_too_long_is_refused() {
        assert_eq!(asked("GET /metricsx HTTP/1.1\r\n\r\n").what, What::Nothing(404));
        assert_eq!(asked("DELETE /metrics HTTP/1.1\r\n\r\n").what, What::Nothing(405));
        assert_eq!(asked("\u{16}\u{3}\u{1} a TLS client's hello").what, What::Nothing(400));
        let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(asked(&format!("GET /metrics HTTP/1.1\r\n{many}\r\n")).what, What::Nothing(431));
        let long = format!("GET /metrics HTTP/1.1\r\na: {}", "b".repeat(MAX_HEAD));
        assert_eq!(asked(&long).what, What::Nothing(431));
        assert_eq!(read(b"GET /metrics HTTP/1.1\r\nHost: h\r\n"), None, "it may go on");
    }

    #[test]
    fn the_head_of_an_answer_says_what_the_body_would_be() {
        let request = asked("HEAD /metrics HTTP/1.1\r\n\r\n");
        let answer = String::from_utf8(request.answer(true, true)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(answer.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores\r\n"));
        let busy = String::from_utf8(asked("GET /metrics HTTP/1.1\r\n\r\n").answer(true, false)).unwrap();
        assert!(busy.starts_with("HTTP/1.1 503 ") && busy.contains("\r\nRetry-After: 1\r\n"), "{busy}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_refused_or_too_few(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some((_, len)) = read(&bytes) {
                prop_assert!(len <= bytes.len());
            }
        }
    }
}
