//! `tripod up`: the server, until Ctrl-C or SIGTERM.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tripod_server::{Addresses, Config, Credentials, Server, TlsFiles};
use tripod_store::Durability;

use crate::keep::KeepSignal;
use crate::rule_args::RuleArgs;
use crate::{USAGE, bytes, durability, duration, keep};

/// How long running requests may take to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// What `tripod up` and every command that starts a server can be told.
#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    /// A YAML file of these settings, by the names of their flags; a flag counts for more
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Directory for what is received
    #[arg(long, value_name = "DIR", default_value = "tripod-data")]
    pub(crate) data: PathBuf,
    /// Where to listen for OTLP over gRPC; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4317")]
    pub(crate) otlp_grpc: SocketAddr,
    /// Where to listen for OTLP over HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4318")]
    pub(crate) otlp_http: SocketAddr,
    /// Where to serve the web page and the query APIs; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4319")]
    pub(crate) http: SocketAddr,
    /// Where to listen for Zipkin's spans, often 127.0.0.1:9411; the web page's address takes them, too [default: nowhere else]
    #[arg(long, value_name = "ADDR")]
    pub(crate) zipkin: Option<SocketAddr>,
    /// Memory for rows that are received but not yet written as parts
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = bytes::parse)]
    pub(crate) memory_limit: u64,
    /// Bytes on disk of all signals and the log; past it the oldest days are dropped [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = bytes::parse)]
    pub(crate) disk_limit: Option<u64>,
    /// How long, how much of spans, logs or samples is kept: spans=7d or logs=30d,10GiB; once for each [default: all]
    #[arg(long, value_name = "SIGNAL=AGE,SIZE", value_parser = keep::parse)]
    pub(crate) keep: Vec<KeepSignal>,
    /// Take nothing in while less than this is free on the disk
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes::parse)]
    pub(crate) min_free: u64,
    /// When senders are answered: sync (it is on disk), interval:TIME (on disk at most so long after), none (when the system likes)
    #[arg(long, value_name = "WHEN", default_value = "sync", value_parser = durability::parse)]
    pub(crate) durability: Durability,
    /// Series that may get samples within a day; what would begin more is refused
    #[arg(long, value_name = "N", default_value = "2000000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) series_limit: u32,
    /// Largest request, before and after decompression
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = bytes::parse)]
    pub(crate) max_body: u64,
    /// Bytes of requests worked on at once; beyond it senders are told to come back
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes::parse)]
    pub(crate) max_in_flight: u64,
    /// Seconds a query may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) query_timeout: u64,
    /// Series of the metrics of spans (calls, errors and durations by service and operation), about; 0 makes none
    #[arg(long, value_name = "N", default_value = "100000")]
    pub(crate) span_metrics_series: u32,
    /// Queries that run at the same time; further ones wait
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) max_queries: u32,
    /// Samples that a PromQL query may load and make on its way
    #[arg(long, value_name = "N", default_value = "50000000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_samples: u64,
    /// How far back PromQL looks for the newest sample
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration::parse)]
    pub(crate) lookback: Duration,
    /// Let web pages served from this machine send OTLP over HTTP
    #[arg(long)]
    pub(crate) browser_otlp: bool,
    /// Prometheus' configuration: what to scrape, which rules to run, who gets alerts; read again at SIGHUP
    #[arg(long, value_name = "FILE")]
    pub(crate) prometheus_config: Option<PathBuf>,
    /// Folder of Grafana dashboards (JSON), read again when they change; the page shows them and saves copies
    #[arg(long, value_name = "DIR")]
    pub(crate) dashboards: Option<PathBuf>,
    /// Where to listen for StatsD, over UDP and TCP; port 0 takes a free one [default: nowhere]
    #[arg(long, value_name = "ADDR")]
    pub(crate) statsd: Option<SocketAddr>,
    /// A file of tokens, one a line: every request needs one of them, or a user. The variable TRIPOD_TOKEN may hold one, too
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file of users, as `htpasswd -B` writes it: every request needs one of them, or a token
    #[arg(long, value_name = "FILE")]
    pub(crate) users_file: Option<PathBuf>,
    /// Certificate of all listeners, in PEM, with those between it and the root; without it, they speak plainly
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen beyond this machine although nobody needs a token or a password
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Let POST /-/reload read Prometheus' configuration again, as SIGHUP does
    #[arg(long)]
    pub(crate) allow_reload: bool,
    /// A name beside localhost by which the web page and the query APIs may be asked, such as that of a proxy or a container; several
    /// times for several [default: on loopback none, elsewhere any]
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// The variable that may hold a token.
const TOKEN: &str = "TRIPOD_TOKEN";

/// Why credentials can't be used. What is in the files is never shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// A file can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or variable does not hold what it should.
    #[error("{place}: {reason}")]
    Wrong {
        /// The file or variable.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl UpArgs {
    /// The server's settings. Reads the files of tokens and users.
    pub(crate) fn config(&self) -> Result<Config, CredentialsError> {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
        Ok(Config {
            data: self.data.clone(),
            otlp_grpc: self.otlp_grpc,
            otlp_http: self.otlp_http,
            http: self.http,
            zipkin: self.zipkin,
            memory_limit: size(self.memory_limit),
            disk_limit: self.disk_limit,
            retention: keep::retention(&self.keep),
            min_free_bytes: self.min_free,
            durability: self.durability,
            series_limit: size(self.series_limit.into()),
            max_body_bytes: size(self.max_body),
            max_in_flight_bytes: size(self.max_in_flight),
            query_timeout: Duration::from_secs(self.query_timeout),
            span_metrics_series: size(self.span_metrics_series.into()),
            max_queries: size(self.max_queries.into()),
            max_samples: size(self.max_samples),
            lookback: self.lookback,
            browser_otlp: self.browser_otlp,
            prometheus_config: self.prometheus_config.clone(),
            dashboards: self.dashboards.clone(),
            statsd: self.statsd,
            credentials: Arc::new(self.credentials()?),
            insecure: self.insecure,
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
            allow_reload: self.allow_reload,
            allowed_hosts: self.allow_host.clone(),
            rules: self.rules.settings(),
        })
    }

    fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut credentials = Credentials::default();
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| CredentialsError::Unreadable { path: path.clone(), source })
        };
        let wrong = |place: String| move |reason| CredentialsError::Wrong { place, reason };
        if let Some(path) = &self.token_file {
            credentials.add_tokens(&read(path)?).map_err(wrong(path.display().to_string()))?;
        }
        if let Some(path) = &self.users_file {
            credentials.add_users(&read(path)?).map_err(wrong(path.display().to_string()))?;
        }
        if let Some(token) = std::env::var_os(TOKEN).filter(|token| !token.is_empty()) {
            credentials.add_tokens(&token.to_string_lossy()).map_err(wrong(TOKEN.to_owned()))?;
        }
        Ok(credentials)
    }

    /// How the listeners are spoken to.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }
}

/// Runs the command.
pub(crate) fn run(args: &UpArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let code = runtime.block_on(serve(args));
    // A query that is still running is not waited for.
    runtime.shutdown_background();
    code
}

async fn serve(args: &UpArgs) -> ExitCode {
    let mut signals = match Signals::new(args.prometheus_config.is_some() || args.rules.has_files()) {
        Ok(signals) => signals,
        Err(error) => return fail(&error),
    };
    let config = match args.config() {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    announce(server.addresses(), args);
    signals.stop(&server).await;
    eprintln!("tripod: stopping; press Ctrl-C again to stop at once");
    tokio::select! {
        code = stop(server) => code,
        () = signals.next() => ExitCode::FAILURE,
    }
}

/// Stops a server in good order.
pub(crate) async fn stop(server: Server) -> ExitCode {
    match server.shutdown(DEADLINE).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tripod: error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C and SIGTERM, and SIGHUP where there is something to read again; elsewhere that ends the program, as a terminal that is
/// closed should.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
}

impl Signals {
    /// From now on these signals no longer end the program by themselves.
    pub(crate) fn new(reloads: bool) -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if reloads { Some(signal(SignalKind::hangup())?) } else { None },
        })
    }

    /// Waits for one that ends the program; at SIGHUP the server reads its files again.
    pub(crate) async fn stop(&mut self, server: &Server) {
        loop {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = hang_up => match server.reload() {
                    Ok(()) => eprintln!("tripod: the configuration was read again"),
                    Err(error) => eprintln!("tripod: error: {error}; what was read before stays"),
                },
            }
        }
    }

    /// Waits for one that ends the program.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Says where everything is: a line for programs, the rest for people.
pub(crate) fn announce(addresses: Addresses, args: &UpArgs) {
    let Addresses { otlp_grpc, otlp_http, http, .. } = addresses;
    let scheme = args.scheme();
    let zipkin = addresses.zipkin.map(|at| format!("Zipkin     {scheme}://{at}/api/v2/spans\n  ")).unwrap_or_default();
    let statsd = addresses.statsd.map(|at| format!("StatsD     {at} (UDP and TCP)\n  ")).unwrap_or_default();
    let text = format!(
        "tripod is ready: ui {scheme}://{http} otlp-grpc {otlp_grpc} otlp-http {otlp_http}\n\n  \
         Open       {scheme}://{http}\n  \
         Send to    {scheme}://{otlp_http} (OTLP/HTTP) or {scheme}://{otlp_grpc} (OTLP/gRPC)\n  {zipkin}{statsd}\
         Kept in    {}\n  \
         Stop with  Ctrl-C\n",
        args.data.display()
    );
    // Nobody reading is no reason to stop.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says why a command can't do what it was asked to.
pub(crate) fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("tripod: error: {error}");
    ExitCode::from(USAGE)
}
