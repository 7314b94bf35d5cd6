//! Running a service: telemetry, the runtime, the listener, and an orderly end.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tripod::InSpanExt;
use tripod::instrument::MetricNames;
use tripod::instrument::tower::ServerLayer;

use crate::http::Client;
use crate::services::{Needs, Service};
use crate::stop::stop;
use crate::{Components, Error};

/// How long requests that are being served may take once the service stops.
const DRAIN: Duration = Duration::from_secs(3);

/// How often a service looks at the machine.
const LOOK: Duration = Duration::from_secs(10);

/// What a service is told. Where its telemetry goes is told by `OTEL_EXPORTER_OTLP_ENDPOINT`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen. Port 0, the default, takes a free one.
    pub listen: SocketAddr,
    /// The URL of the service that is called by this one, for example `http://127.0.0.1:8002`.
    pub next: Option<String>,
    /// What is real of what the service runs on. Default nothing.
    pub components: Components,
    /// What chance begins with: the same seed, the same errors. Default 1.
    pub seed: u64,
    /// The share of pipeline executions that fail, from 0 to 1. Default 0.04.
    pub error_share: f64,
    /// Stop when standard input closes, so that the service never outlives who started it. Default no.
    pub stop_with_stdin: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let components = Components::default();
        Self { listen, next: None, components, seed: 1, error_share: 0.04, stop_with_stdin: false }
    }
}

impl Settings {
    /// A client of the service that `service` calls.
    pub(crate) fn client(&self, service: Service) -> Result<Client, Error> {
        let next = service.next().map_or("no service", Service::name);
        let base = self.next.as_deref().ok_or(Error::NextMissing { service: service.name(), next })?;
        Ok(Client::new(next, base))
    }
}

/// Runs a service until SIGTERM or Ctrl-C. Prints `listening ADDRESS` once it is reached there.
///
/// # Errors
/// When telemetry does not start, the address is taken, or the service was not told where the next one is.
///
/// # Panics
/// When called within an asynchronous runtime: it brings its own.
pub fn run(service: Service, settings: &Settings) -> Result<(), Error> {
    let telemetry = tripod::init()
        .metric_names(MetricNames::Catalog)
        .service_version(env!("CARGO_PKG_VERSION"))
        .environment("demo")
        .schedule_delay(Duration::from_millis(500))
        .metric_interval(Duration::from_secs(2))
        .shutdown_timeout(Duration::from_secs(2))
        .start_service(service.name())?;
    let _system = tripod::catalog::system::start(LOOK)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
    runtime.block_on(serve(service, settings, &telemetry))
}

async fn serve(service: Service, settings: &Settings, telemetry: &tripod::Service) -> Result<(), Error> {
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let address = listener.local_addr().map_err(Error::Start)?;
    let mut needs = Needs { settings, service: telemetry };
    let routes = service.start(settings, &mut needs).in_context(telemetry.starting()).await?;
    // What asks how the service is, or for its metrics, is not one of its requests.
    let routes = routes.layer(ServerLayer::new()).fallback_service(telemetry.routes());
    telemetry.ready();
    tripod::info!("listening on {address}");
    announce(address);
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, routes).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let end = async {
        let result = stop(settings.stop_with_stdin).await;
        telemetry.stopping();
        let _ = stopping.send(());
        match result {
            Ok(()) => tokio::time::sleep(DRAIN).await,
            Err(error) => return Err(Error::Start(error)),
        }
        Ok(())
    };
    tokio::select! {
        served = async { server.await } => served.map_err(Error::Serve),
        ended = end => ended,
    }
}

/// Who started this one may have closed the pipe by now; the service runs all the same.
fn announce(address: SocketAddr) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "listening {address}").and_then(|()| out.flush());
}
