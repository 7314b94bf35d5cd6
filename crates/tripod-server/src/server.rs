//! A running server: three listeners in front of one store.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tripod_store::{Embedded, Options, Store, StoreError};

use crate::auth::{Guard, Listener};
use crate::connections::{self, Serving};
use crate::own_metrics::OwnMetrics;
use crate::query::targets::Scraped;
use crate::query::{self, Context, Reload};
use crate::receive::in_flight::InFlight;
use crate::receive::pushgateway::Pushed;
use crate::receive::statsd::Statsd;
use crate::receive::{Ingest, otlp_grpc, otlp_http, zipkin};
use crate::rules::Rules;
use crate::scrape::Scraping;
use crate::span_metrics::SpanMetrics;
use crate::{Config, PrometheusConfig, ServerError, TlsFiles};

/// Where a server really listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// The web page and the query APIs.
    pub http: SocketAddr,
    /// Zipkin's spans, where they have an address of their own.
    pub zipkin: Option<SocketAddr>,
    /// StatsD, over UDP and TCP, if there is an address for it.
    pub statsd: Option<SocketAddr>,
}

/// A running server. Dropping it cuts off all requests; [`Server::shutdown`] lets them end.
pub struct Server {
    addresses: Addresses,
    store: Arc<dyn Store>,
    ingest: Arc<Ingest>,
    files: Arc<Files>,
    span_metrics: Option<Arc<SpanMetrics>>,
    /// What goes on by itself; it ends when the files are gone.
    background: JoinSet<()>,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Server {
    /// Starts a server: first takes its addresses, so that a taken port is an error before anything is written, then opens the
    /// store, then answers. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`] says what is in the way and what to do.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        config.check()?;
        let tls = config.tls.as_ref().map(TlsFiles::acceptor).transpose()?;
        let (prometheus_config, _) = watch::channel(read_prometheus(config.prometheus_config.as_deref())?);
        let (grpc, otlp, http) = bind(&config).await?;
        let own_url = format!("{}://{}", if tls.is_some() { "https" } else { "http" }, http.1);
        let loaded = Rules::load(&config.rules, &own_url, &prometheus_config.borrow(), &Rules::own(&config.data))?;
        let zipkin = match config.zipkin {
            Some(address) => Some(listen(("Zipkin's spans", "--zipkin", address)).await?),
            None => None,
        };
        let statsd = match config.statsd {
            Some(address) => {
                let bound = Statsd::bind(address).await;
                Some(bound.map_err(|source| cannot_bind("StatsD", "--statsd", address, source))?)
            }
            None => None,
        };
        let own_address = zipkin.as_ref().map(|(_, address)| *address);
        let addresses = Addresses {
            otlp_grpc: grpc.1,
            otlp_http: otlp.1,
            http: http.1,
            zipkin: own_address,
            statsd: statsd.as_ref().map(|(_, address)| *address),
        };
        let store = open(&config).await?;
        let own = Arc::new(OwnMetrics::default());
        let statsd_counts = Arc::clone(&own.statsd);
        let in_flight = InFlight::new(config.max_in_flight_bytes);
        let series = config.span_metrics_series;
        let span_metrics = (series > 0).then(|| SpanMetrics::new(series, Arc::clone(&own)));
        let ingest = Ingest::new(
            Arc::clone(&store),
            Arc::clone(&own),
            Arc::clone(&in_flight),
            config.max_body_bytes,
            span_metrics.clone(),
        );
        let rules = Rules::new(config.rules.clone(), own_url, Arc::clone(&store), config.engine(), &config.data)?;
        rules.apply(loaded);
        let files =
            Files { prometheus: config.prometheus_config.clone(), read: prometheus_config, rules: Arc::clone(&rules) };
        let files = Arc::new(files);
        let reload = config.allow_reload.then(|| {
            let files = Arc::downgrade(&files);
            Arc::new(move || files.upgrade().map_or(Ok(()), |files| files.reload())) as Reload
        });
        let (stop, stopped) = watch::channel(false);
        let scraping = Scraping::new(Arc::clone(&store), Arc::clone(&in_flight), config.max_body_bytes);
        let scraped = Scraped { scraping: Arc::clone(&scraping), config: files.read.subscribe() };
        let mut background = JoinSet::new();
        background.spawn(scraping.run(files.read.subscribe()));
        let held = config.data.join("pushed");
        let pushed = Pushed::open(Arc::clone(&store), Arc::clone(&in_flight), config.max_body_bytes, held);
        let context = Context::new(Arc::clone(&store), &ingest, addresses, &config, reload, stopped, rules);
        let mut listeners = JoinSet::new();
        listeners.spawn(Arc::clone(&pushed).run(stop.subscribe()));
        if let Some((statsd, _)) = statsd {
            listeners.spawn(statsd.run(Arc::clone(&store), statsd_counts, stop.subscribe()));
        }
        let browsers = config.browser_otlp;
        let mut served = vec![
            (grpc, Listener::OtlpGrpc, otlp_grpc::router(Arc::clone(&ingest))),
            (otlp, Listener::OtlpHttp { browsers }, otlp_http::router(Arc::clone(&ingest), browsers)),
            (http, Listener::Web, query::router(context, Arc::clone(&ingest), scraped, pushed)),
        ];
        let zipkin_router = || zipkin::router(Arc::clone(&ingest));
        served.extend(zipkin.map(|bound| (bound, Listener::OtlpHttp { browsers: false }, zipkin_router())));
        for ((listener, address), kind, router) in served {
            let are_checked = address.ip().is_loopback() || !config.allowed_hosts.is_empty();
            let hosts = are_checked.then(|| config.allowed_hosts.clone());
            let guard = Guard::new(kind, hosts, Arc::clone(&config.credentials));
            let half_close = kind != Listener::Web;
            let serving = Serving { router: guard.before(router), tls: tls.clone(), half_close };
            listeners.spawn(serve(listener, serving, stop.subscribe()));
        }
        if let Some(metrics) = &span_metrics {
            listeners.spawn(Arc::clone(metrics).run(Arc::clone(&store), stop.subscribe()));
        }
        Ok(Self { addresses, store, ingest, files, span_metrics, background, stop, listeners })
    }

    /// Where the server listens; a port that was 0 is the one that was taken.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Reads Prometheus' configuration and all rule files again, and goes by them from now on.
    ///
    /// # Errors
    /// What is wrong with a file; what was read before stays.
    pub fn reload(&self) -> Result<(), ServerError> {
        self.files.reload()
    }

    /// Stops: takes no new request, lets the running ones end until `deadline` is over, then makes the store durable.
    ///
    /// # Errors
    /// When the store can't be made durable.
    pub async fn shutdown(mut self, deadline: Duration) -> Result<(), ServerError> {
        self.ingest.stop();
        self.stop.send_replace(true);
        let rules = Arc::clone(&self.files.rules);
        // What scrapes ends when nothing more is read.
        drop(self.files);
        let ended = async {
            rules.stop().await;
            while self.background.join_next().await.is_some() {}
            while self.listeners.join_next().await.is_some() {}
        };
        if tokio::time::timeout(deadline, ended).await.is_err() {
            eprintln!("tripod: some requests did not end within {deadline:?} and were cut off");
            self.background.shutdown().await;
            self.listeners.shutdown().await;
        }
        let (store, span_metrics) = (Arc::clone(&self.store), self.span_metrics.take());
        let end = move || {
            if let Some(error) = span_metrics.and_then(|metrics| metrics.finish(store.as_ref()).err()) {
                eprintln!("tripod: the last metrics of spans were not written: {error}");
            }
            store.flush()
        };
        flatten(tokio::task::spawn_blocking(end).await).map_err(ServerError::Store)
    }
}

/// The files that are read again when one asks for it.
struct Files {
    prometheus: Option<PathBuf>,
    /// What stands in it, for those who go by it.
    read: watch::Sender<Arc<PrometheusConfig>>,
    rules: Arc<Rules>,
}

impl Files {
    fn reload(&self) -> Result<(), ServerError> {
        let config = read_prometheus(self.prometheus.as_deref())?;
        let _turn = self.rules.own.turn();
        let rules = self.rules.load_again(&config)?;
        self.read.send_replace(config);
        self.rules.apply(rules);
        Ok(())
    }
}

/// The file, if there is one; what it has that is not acted on is said.
fn read_prometheus(file: Option<&Path>) -> Result<Arc<PrometheusConfig>, ServerError> {
    let config = file.map_or_else(|| Ok(PrometheusConfig::default()), PrometheusConfig::read)?;
    for notice in config.notices() {
        eprintln!("tripod: {notice}");
    }
    Ok(Arc::new(config))
}

/// A task's own result; a task that panicked passes its panic on.
fn flatten<T>(joined: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Result<T, StoreError> {
    match joined {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

type Bound = (TcpListener, SocketAddr);

async fn bind(config: &Config) -> Result<(Bound, Bound, Bound), ServerError> {
    let [grpc, otlp, http] = config.listeners();
    Ok((listen(grpc).await?, listen(otlp).await?, listen(http).await?))
}

async fn listen((what, flag, address): (&'static str, &'static str, SocketAddr)) -> Result<Bound, ServerError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|source: std::io::Error| cannot_bind(what, flag, address, source))
}

fn cannot_bind(what: &'static str, flag: &str, address: SocketAddr, source: std::io::Error) -> ServerError {
    let free = format!("{flag} {}", SocketAddr::new(address.ip(), 0));
    let advice = match source.kind() {
        ErrorKind::AddrInUse => {
            format!("Stop the program that uses it, or take another port, for example with {free}")
        }
        ErrorKind::PermissionDenied => format!("Take a port from 1024 on, for example with {free}"),
        ErrorKind::AddrNotAvailable => format!("Give an address of this machine with {flag}"),
        _ => format!("Give another address with {flag}"),
    };
    ServerError::Bind { what, address, source, advice }
}

async fn open(config: &Config) -> Result<Arc<dyn Store>, ServerError> {
    let options = Options {
        memory_limit: config.memory_limit,
        disk_limit: config.disk_limit,
        retention: config.retention,
        min_free_bytes: config.min_free_bytes,
        durability: config.durability,
        series_limit: config.series_limit,
        ..Options::new(&config.data)
    };
    let opened = flatten(tokio::task::spawn_blocking(move || Embedded::open(options)).await);
    let (store, recovery) = opened.map_err(|error| match error {
        StoreError::Io { .. } => ServerError::Data { error },
        other => ServerError::Store(other),
    })?;
    if recovery.truncated_bytes > 0 {
        eprintln!("tripod: cut off {} bytes of an unfinished write", recovery.truncated_bytes);
    }
    for damage in recovery.damaged {
        let (path, bytes, offset) = (damage.path.display(), damage.bytes, damage.offset);
        eprintln!("tripod: skipped {bytes} damaged bytes at offset {offset} of {path}: {}", damage.reason);
    }
    Ok(Arc::new(store))
}

async fn serve(listener: TcpListener, serving: Serving, mut stop: watch::Receiver<bool>) {
    let stopped = async move {
        // The sender gone means the same as "stop".
        let _ = stop.wait_for(|stop| *stop).await;
    };
    connections::serve(listener, serving, stopped).await;
}
