//! Where the services send OTLP: an HTTP server that counts spans, log records and metrics, by the first part of the path.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// What arrived from one service.
#[derive(Default)]
pub struct Arrived {
    pub spans: AtomicU64,
    pub logs: AtomicU64,
    pub metrics: AtomicU64,
    pub bytes: AtomicU64,
}

type ByService = Mutex<Vec<(String, Arc<Arrived>)>>;

/// The server; it runs until the process ends.
pub struct Sink {
    pub url: String,
    arrived: Arc<ByService>,
}

impl Sink {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let sink = Self { url, arrived: Arc::default() };
        let arrived = Arc::clone(&sink.arrived);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrived = Arc::clone(&arrived);
                thread::spawn(move || serve(stream, &arrived));
            }
        });
        Ok(sink)
    }

    /// The counts of the service whose path starts so.
    pub fn of(&self, service: &str) -> Arc<Arrived> {
        counts(&self.arrived, service)
    }
}

fn counts(all: &ByService, service: &str) -> Arc<Arrived> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, arrived)) = all.iter().find(|(name, _)| name == service) {
        return Arc::clone(arrived);
    }
    let arrived = Arc::<Arrived>::default();
    all.push((service.to_owned(), Arc::clone(&arrived)));
    arrived
}

/// Answers requests until the client goes.
fn serve(stream: TcpStream, all: &ByService) -> io::Result<()> {
    let mut to = stream.try_clone()?;
    let mut from = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            from.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let (service, signal) = path.trim_start_matches('/').split_once("/v1/").unwrap_or_default();
        count(&counts(all, service), signal, &body).map_err(io::Error::other)?;
        to.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")?;
    }
}

fn count(arrived: &Arrived, signal: &str, body: &[u8]) -> Result<(), prost::DecodeError> {
    let (counter, number) = match signal {
        "traces" => {
            let scopes =
                ExportTraceServiceRequest::decode(body)?.resource_spans.into_iter().flat_map(|all| all.scope_spans);
            (&arrived.spans, scopes.map(|scope| scope.spans.len()).sum())
        }
        "logs" => {
            let scopes =
                ExportLogsServiceRequest::decode(body)?.resource_logs.into_iter().flat_map(|all| all.scope_logs);
            (&arrived.logs, scopes.map(|scope| scope.log_records.len()).sum())
        }
        _ => {
            let all = ExportMetricsServiceRequest::decode(body)?.resource_metrics.into_iter();
            (&arrived.metrics, all.flat_map(|all| all.scope_metrics).map(|scope| scope.metrics.len()).sum::<usize>())
        }
    };
    counter.fetch_add(number as u64, Ordering::Relaxed);
    arrived.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    Ok(())
}
