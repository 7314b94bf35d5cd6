//! A receiver of OTLP over HTTP that keeps what it gets.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tripod_wire::otlp::TracesData;
use tripod_wire::proto::Message;

/// Bodies of requests, by connection.
pub type Connections = Vec<Vec<Vec<u8>>>;

/// Starts a receiver; gives its address and what it gets.
pub fn receiver() -> (String, Arc<Mutex<Connections>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections: Arc<Mutex<Connections>> = Arc::default();
    let shared = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connections = Arc::clone(&shared);
            std::thread::spawn(move || answer(stream.unwrap(), &connections));
        }
    });
    (url, connections)
}

/// Answers the requests of one connection.
pub fn answer(mut stream: impl Read + Write, connections: &Mutex<Connections>) {
    let at = {
        let mut connections = connections.lock().unwrap();
        connections.push(Vec::new());
        connections.len() - 1
    };
    let mut received = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => received.extend_from_slice(&buffer[..read]),
        }
        let Some(head) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let headers = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        let end = head + 4 + length.trim().parse::<usize>().unwrap();
        if received.len() >= end {
            connections.lock().unwrap()[at].push(received[head + 4..end].to_vec());
            received.drain(..end);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    }
}

/// Names of the spans in requests, in order.
pub fn span_names(bodies: &[Vec<u8>]) -> Vec<String> {
    let spans = bodies.iter().flat_map(|body| TracesData::decode(body).unwrap().resource_spans);
    spans.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).map(|span| span.name).collect()
}
