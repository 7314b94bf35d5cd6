//! A receiver of OTLP over HTTP, or of whatever else is posted, that keeps the requests as they came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What is waited for comes within a fraction of this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `traces`, `metrics` or `logs`; of what is no OTLP, the path.
    pub signal: String,
    /// The header `content-type`.
    pub content_type: String,
    /// Not compressed.
    pub body: Vec<u8>,
}

/// The receiver; it ends with the process.
#[derive(Debug)]
pub struct OtlpReceiver {
    /// Without a path.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Default for OtlpReceiver {
    fn default() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let shared = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let requests = Arc::clone(&shared);
                std::thread::spawn(move || while answer(&stream, &requests).is_some() {});
            }
        });
        Self { url, requests }
    }
}

impl OtlpReceiver {
    /// What has come so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no thread panics").clone()
    }

    /// What has come, once it is enough; panics when that takes too long.
    pub fn wait_for(&self, enough: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let begin = Instant::now();
        loop {
            let requests = self.requests();
            if enough(&requests) {
                return requests;
            }
            assert!(begin.elapsed() < PATIENCE, "only {} requests came", requests.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Reads one request and answers it; `None` when the connection is over.
fn answer(mut stream: &TcpStream, requests: &Mutex<Vec<Request>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split_whitespace().nth(1)?;
    let signal = path.strip_prefix("/v1/");
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().expect("a length"),
            "content-type" => value.trim().clone_into(&mut content_type),
            "content-encoding" | "transfer-encoding" if signal.is_some() => panic!("{name} was not asked for"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let signal = signal.unwrap_or(path).to_owned();
    // The sender waits for the answer before it sends more, so the reader has read nothing beyond.
    requests.lock().expect("no thread panics").push(Request { signal, content_type, body });
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n").ok()
}
