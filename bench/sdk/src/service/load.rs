//! The load: connections that are kept, each sending its next request when the last one is answered.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

pub const CONNECTIONS: usize = 8;

/// What clients saw.
#[derive(Default)]
pub struct Seen {
    pub took: Duration,
    /// Of each request.
    pub latencies: Vec<Duration>,
}

impl Seen {
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    pub fn quantile(&mut self, share: f64) -> Duration {
        let at = ((self.latencies.len() - 1) as f64 * share) as usize;
        *self.latencies.select_nth_unstable(at).1
    }
}

/// Loads a service for a while, from this thread.
pub fn load(service: SocketAddr, time: Duration) -> io::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut clients = JoinSet::new();
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(service).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let start = Instant::now();
        for (number, stream) in streams.into_iter().enumerate() {
            clients.spawn(client(stream, number, start + time));
        }
        let mut seen = Seen::default();
        while let Some(done) = clients.join_next().await {
            seen.latencies.append(&mut done.expect("clients do not panic")?);
        }
        seen.took = start.elapsed();
        Ok(seen)
    })
}

async fn client(mut stream: TcpStream, number: usize, until: Instant) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(1 << 14);
    let mut buffer = vec![0; 4096];
    for at in number.. {
        let start = Instant::now();
        if start >= until {
            break;
        }
        stream.write_all(request(at).as_bytes()).await?;
        response(&mut stream, &mut buffer).await?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

/// Three reads, then a write.
fn request(at: usize) -> String {
    let common = format!(
        "host: shop.example.com\r\nuser-agent: bench/1.0\r\ntraceparent: 00-{:032x}-{:016x}-01\r\n",
        at + 1,
        at + 1
    );
    if at % 4 == 3 {
        let body = r#"{"customer":"ada","items":3}"#;
        let length = body.len();
        format!(
            "POST /orders HTTP/1.1\r\n{common}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    } else {
        format!("GET /orders/{at} HTTP/1.1\r\n{common}\r\n")
    }
}

/// Reads a whole response, which must be a 200.
async fn response(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        filled += read;
        let text = std::str::from_utf8(&buffer[..filled]).map_err(io::Error::other)?;
        if read == 0 || !text.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(format!("the service answered {text:?}")));
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|n| n.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Ok(());
        }
    }
}
