//! What a server can be told: one struct, whose defaults are those of the command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tripod_promql::{Engine, Limits};
use tripod_store::{Durability, Retention};

use crate::rules::RuleSettings;
use crate::{Credentials, ServerError, TlsFiles};

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
    /// Queries that run at the same time; further ones wait. Default 8.
    pub max_queries: usize,
    /// Samples that a PromQL query may load and make on its way. Default 50,000,000.
    pub max_samples: usize,
    /// How far back PromQL looks for the newest sample. Default 5 min.
    pub lookback: Duration,
    /// Let web pages served from this machine (`http://localhost:…`) send OTLP. Default no.
    pub browser_otlp: bool,
    /// Rules and who is told about their alerts.
    pub rules: RuleSettings,
    /// Prometheus' configuration file: what is scraped, which rules run, who gets alerts. Default: none.
    pub prometheus_config: Option<PathBuf>,
    /// A folder of Grafana dashboards, which are shown and not changed. Default: none.
    pub dashboards: Option<PathBuf>,
    /// Where to listen for StatsD, over UDP and TCP. Default: nowhere. Port 0 takes a free one.
    pub statsd: Option<SocketAddr>,
    /// Who may ask and send. Default: everyone, and then no listener may be reached from other machines.
    pub credentials: Arc<Credentials>,
    /// Listen beyond loopback although everyone may ask. Default no.
    pub insecure: bool,
    /// Certificate and key of all listeners. Default: no TLS.
    pub tls: Option<TlsFiles>,
    /// Let `POST /-/reload` read Prometheus' configuration again. Default no.
    pub allow_reload: bool,
    /// Names beside `localhost` by which the web page and the query APIs may be asked: that of a proxy in front, or of the container
    /// they run in. Default none; then any name is as good, unless they listen on loopback.
    pub allowed_hosts: Vec<String>,
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
            max_queries: 8,
            max_samples: 50_000_000,
            lookback: Duration::from_secs(300),
            browser_otlp: false,
            rules: RuleSettings::default(),
            prometheus_config: None,
            dashboards: None,
            statsd: None,
            credentials: Arc::default(),
            insecure: false,
            tls: None,
            allow_reload: false,
            allowed_hosts: Vec::new(),
        }
    }
}

impl Config {
    /// Looks at everything that a server with these settings would refuse to start for, but what only its start can tell: whether
    /// its addresses are free and its store is whole.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ServerError> {
        if let Some(fault) = self.fault() {
            return Err(ServerError::Config(fault));
        }
        self.tls.as_ref().map_or(Ok(()), |tls| tls.acceptor().map(drop))
    }

    /// The first setting that cannot be, and what to do about it.
    fn fault(&self) -> Option<String> {
        if self.max_body_bytes < MIN_BODY_LIMIT {
            return Some(format!("--max-body must be at least {} MiB", MIN_BODY_LIMIT >> 20));
        }
        if self.max_in_flight_bytes / 2 < self.max_body_bytes {
            return Some("--max-in-flight must be at least twice --max-body".to_owned());
        }
        if let Some(address) = self.statsd.filter(|address| !address.ip().is_loopback() && !self.insecure) {
            return Some(format!(
                "--statsd {address} can be reached from other machines, and StatsD knows no credentials: say --insecure if that is meant"
            ));
        }
        if let Some(dir) = self.dashboards.as_ref().filter(|dir| !dir.is_dir()) {
            return Some(format!("--dashboards {}: there is no such folder", dir.display()));
        }
        if self.credentials.is_empty() && !self.insecure {
            let zipkin = self.zipkin.map(|address| ("Zipkin's spans", "--zipkin", address));
            let mut listeners = self.listeners().into_iter().chain(zipkin);
            let open = listeners.find(|(_, _, address)| !address.ip().is_loopback());
            return open.map(|(_, flag, address)| {
                format!(
                    "{flag} {address} can be reached from other machines, and everyone may ask: give --token-file FILE or \
                     --users-file FILE, or say --insecure if that is meant"
                )
            });
        }
        None
    }

    /// What evaluates PromQL, within the limits.
    pub(crate) fn engine(&self) -> Engine {
        let limits = Limits { timeout: self.query_timeout, max_samples: self.max_samples, ..Limits::default() };
        Engine { limits, lookback: self.lookback, ..Engine::default() }
    }

    /// The settings by the names of their flags, as a file for `--config` has them; secrets stand in files of their own.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let seconds = |time: Duration| format!("{}", time.as_secs());
        let mut settings = vec![
            ("data", self.data.display().to_string()),
            ("otlp-grpc", self.otlp_grpc.to_string()),
            ("otlp-http", self.otlp_http.to_string()),
            ("http", self.http.to_string()),
            ("memory-limit", self.memory_limit.to_string()),
        ];
        settings.extend(self.zipkin.map(|address| ("zipkin", address.to_string())));
        settings.extend(self.statsd.map(|address| ("statsd", address.to_string())));
        settings.extend(self.disk_limit.map(|limit| ("disk-limit", limit.to_string())));
        let Retention { spans, logs, samples } = self.retention;
        for (signal, keep) in [("spans", spans), ("logs", logs), ("samples", samples)] {
            let age = keep.age.map(|age| format!("{}ms", age.as_millis()));
            let limits: Vec<String> = age.into_iter().chain(keep.bytes.map(|bytes| format!("{bytes}B"))).collect();
            if !limits.is_empty() {
                settings.push(("keep", format!("{signal}={}", limits.join(","))));
            }
        }
        let durability = match self.durability {
            Durability::Sync => "sync".to_owned(),
            Durability::Interval(time) => format!("interval:{}ms", time.as_millis()),
            Durability::None => "none".to_owned(),
        };
        settings.extend([
            ("min-free", self.min_free_bytes.to_string()),
            ("durability", durability),
            ("series-limit", self.series_limit.to_string()),
            ("max-body", self.max_body_bytes.to_string()),
            ("max-in-flight", self.max_in_flight_bytes.to_string()),
            ("query-timeout", seconds(self.query_timeout)),
            ("span-metrics-series", self.span_metrics_series.to_string()),
            ("max-queries", self.max_queries.to_string()),
            ("max-samples", self.max_samples.to_string()),
            ("lookback", format!("{}ms", self.lookback.as_millis())),
            ("browser-otlp", self.browser_otlp.to_string()),
            ("insecure", self.insecure.to_string()),
            ("allow-reload", self.allow_reload.to_string()),
        ]);
        if let Some(TlsFiles { certificate, key }) = &self.tls {
            settings.push(("tls-cert", certificate.display().to_string()));
            settings.push(("tls-key", key.display().to_string()));
        }
        settings.extend(self.prometheus_config.iter().map(|file| ("prometheus-config", file.display().to_string())));
        settings.extend(self.dashboards.iter().map(|dir| ("dashboards", dir.display().to_string())));
        settings.extend(self.allowed_hosts.iter().map(|host| ("allow-host", host.clone())));
        settings
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
