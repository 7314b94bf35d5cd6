//! What a server can be told: one struct, whose defaults are those of the command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tripod_store::{Durability, Retention};

/// The smallest [`Config::max_body_bytes`]: OTLP senders batch up to this size.
pub const MIN_BODY_LIMIT: usize = 16 << 20;

/// Settings of a [`Server`](crate::Server).
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory of the store; made when it is not there. Default `tripod-data`.
    pub data: PathBuf,
    /// Where to listen for OTLP over gRPC. Default `127.0.0.1:4317`. Port 0 takes a free one.
    pub otlp_grpc: SocketAddr,
    /// Where to listen for OTLP over HTTP. Default `127.0.0.1:4318`. Port 0 takes a free one.
    pub otlp_http: SocketAddr,
    /// Where to serve the web page and the query APIs. Default `127.0.0.1:4319`. Port 0 takes a free one.
    pub http: SocketAddr,
    /// Where to listen for Zipkin's spans, which [`Config::http`] takes, too. Default: nowhere else. Port 0 takes a free one.
    pub zipkin: Option<SocketAddr>,
    /// Bytes of memory for rows that are received but not yet written as parts. Default 512 MiB.
    pub memory_limit: usize,
    /// Bytes on disk of all signals and the log; past it the oldest days are dropped. Default: no limit.
    pub disk_limit: Option<u64>,
    /// How long and how much of each signal is kept. Default: all.
    pub retention: Retention,
    /// While fewer bytes than this are free on the disk, nothing is taken in. Default 256 MiB.
    pub min_free_bytes: u64,
    /// When senders are answered. Default: when the data is on disk.
    pub durability: Durability,
    /// Series that may get samples within a day. Default 2,000,000.
    pub series_limit: usize,
    /// Largest request body, before and after decompression. Default 64 MiB, at least [`MIN_BODY_LIMIT`].
    pub max_body_bytes: usize,
    /// Bytes of request bodies that are held at once, over all connections; beyond it senders are told to come back. Default
    /// 256 MiB, at least twice [`Config::max_body_bytes`].
    pub max_in_flight_bytes: usize,
    /// How long a query may run. Default 30 s.
    pub query_timeout: Duration,
    /// Series of the metrics of spans, about; 0 makes none. Default 100,000.
    pub span_metrics_series: usize,
    /// Let web pages served from this machine (`http://localhost:…`) send OTLP. Default no.
    pub browser_otlp: bool,
    /// Prometheus' configuration file: what is scraped, which rules run, who gets alerts. Default: none.
    pub prometheus_config: Option<PathBuf>,
    /// Where to listen for StatsD, over UDP and TCP. Default: nowhere. Port 0 takes a free one.
    pub statsd: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            data: PathBuf::from("tripod-data"),
            otlp_grpc: loopback(4317),
            otlp_http: loopback(4318),
            http: loopback(4319),
            zipkin: None,
            memory_limit: 512 << 20,
            disk_limit: None,
            retention: Retention::default(),
            min_free_bytes: 256 << 20,
            durability: Durability::Sync,
            series_limit: 2_000_000,
            max_body_bytes: 64 << 20,
            max_in_flight_bytes: 256 << 20,
            query_timeout: Duration::from_secs(30),
            span_metrics_series: 100_000,
            browser_otlp: false,
            prometheus_config: None,
            statsd: None,
        }
    }
}

impl Config {
    /// The first setting that cannot be, and what to do about it.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.max_body_bytes < MIN_BODY_LIMIT {
            return Some(format!("--max-body must be at least {} MiB", MIN_BODY_LIMIT >> 20));
        }
        if self.max_in_flight_bytes / 2 < self.max_body_bytes {
            return Some("--max-in-flight must be at least twice --max-body".to_owned());
        }
        None
    }

    /// The listeners: what they are, the flag that moves them, where they listen.
    pub(crate) fn listeners(&self) -> [(&'static str, &'static str, SocketAddr); 3] {
        [
            ("OTLP/gRPC", "--otlp-grpc", self.otlp_grpc),
            ("OTLP/HTTP", "--otlp-http", self.otlp_http),
            ("the web page", "--http", self.http),
        ]
    }
}
