//! `tripod demo`: the server, and beside it the trading platform of `examples/`, whose four services keep it busy, and three more examples
//! at a low rate, so that every dashboard has something to show.

mod example;
mod platform;
mod program;
mod real;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use platform::{Platform, Program};
use real::Real;
use tokio::time::{Instant, sleep_until};
use trading_platform::{Components, Settings};
use tripod_server::Server;
use tripod_server::rules::own_rules_file;

use crate::up::{self, Signals, UpArgs, announce, fail};

/// The value of `--data` that stands for none.
const TEMPORARY: &str = "(a temporary directory)";

/// What `tripod demo` can be told.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("data", |data| {
    let help = "Directory for what is received [default: a temporary one]";
    data.default_value(TEMPORARY).hide_default_value(true).help(help)
}))]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    up: UpArgs,
    /// Stop after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u32>,
    /// Share of pipeline executions that fail, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0.04", value_parser = share)]
    error_share: f64,
    /// Run on PostgreSQL, Redis and Kafka where they are: at DATABASE_URL, REDIS_URL and KAFKA_BOOTSTRAP_SERVERS, at their usual ports, or
    /// started from what is installed
    #[arg(long)]
    real: bool,
}

/// What `tripod demo-service` is told: `tripod demo` starts itself once more for each service.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    #[arg(value_parser = program)]
    program: Program,
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[arg(long)]
    next: Option<String>,
    #[arg(long, value_parser = share, default_value = "0")]
    error_share: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

fn program(name: &str) -> Result<Program, String> {
    Program::from_name(name).ok_or_else(|| "is no service of the demo".to_owned())
}

/// Runs `tripod demo-service`.
pub(crate) fn run_service(args: &ServiceArgs) -> ExitCode {
    let ServiceArgs { program, listen, next, error_share } = args.clone();
    let ran = match program {
        Program::Example(example) => example.run().map_err(|error| error.to_string()),
        Program::Service(service) => {
            let components = Components::from_env();
            let settings =
                Settings { listen, next, components, error_share, stop_with_stdin: true, ..Settings::default() };
            trading_platform::run(service, &settings).map_err(|error| error.to_string())
        }
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", program.name());
            ExitCode::FAILURE
        }
    }
}

/// Runs `tripod demo`.
pub(crate) fn run(args: &DemoArgs) -> ExitCode {
    let mut args = args.clone();
    // Removed when it is dropped, at the end.
    let directory = match temporary(&args.up.data) {
        Ok(directory) => directory,
        Err(error) => return fail(&error),
    };
    if let Some(directory) = &directory {
        directory.path().clone_into(&mut args.up.data);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let code = runtime.block_on(serve(&args));
    runtime.shutdown_background();
    code
}

fn temporary(wanted: &Path) -> std::io::Result<Option<tempfile::TempDir>> {
    if wanted != Path::new(TEMPORARY) {
        return Ok(None);
    }
    tempfile::Builder::new().prefix("tripod-demo-").tempdir().map(Some)
}

async fn serve(args: &DemoArgs) -> ExitCode {
    let mut signals = match Signals::new(false) {
        Ok(signals) => signals,
        Err(error) => return fail(&error),
    };
    let config = match args.up.config() {
        Ok(config) if config.credentials.is_empty() && config.tls.is_none() => config,
        Ok(_) => return fail(&Error::Guarded),
        Err(error) => return fail(&error),
    };
    if let Err(error) = make_rules(&own_rules_file(&config.data)) {
        return fail(&error);
    }
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    let end = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    announce(server.addresses(), &args.up);
    let mut platform = Platform::new(url(server.addresses().otlp_http), args.error_share);
    let page = url(server.addresses().http);
    let mut real = Real::default();
    let played = tokio::select! {
        failed = play(&mut platform, &page, args.real.then_some(&mut real)) => failed,
        () = signals.next() => Ok(()),
        () = until(end) => Ok(()),
    };
    if let Err(error) = &played {
        eprintln!("tripod: error: {error}");
    }
    eprintln!("tripod: stopping; press Ctrl-C again to stop at once");
    let stopped = tokio::select! {
        code = async {
            platform.stop().await;
            real.stop().await;
            up::stop(server).await
        } => code,
        () = signals.next() => ExitCode::FAILURE,
    };
    if played.is_ok() { stopped } else { ExitCode::FAILURE }
}

/// Alerts to look at, unless there are some.
fn make_rules(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, include_str!("demo/rules.yml"))
}

/// Why the demo can't go on.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Its services know no credentials.
    #[error(
        "the demo's services send plainly and without credentials: leave out --token-file, --users-file, --tls-cert and TRIPOD_TOKEN"
    )]
    Guarded,
    #[error(transparent)]
    Platform(#[from] platform::Error),
    #[error(transparent)]
    Real(#[from] real::Error),
}

/// Starts the services and says what there is to see. Comes back only if that fails.
async fn play(platform: &mut Platform, page: &str, real: Option<&mut Real>) -> Result<(), Error> {
    if let Some(real) = real {
        *real = Real::find().await?;
        say(&real.to_string());
        platform.run_on(real.components.clone());
    }
    platform.start().await?;
    say(&format!(
        "\n  Running    signal-generator → trigger-dispatcher → backend → worker: four services, one trace\n             \
         adapters, pipeline, llm-rag: the other examples, now and then\n  \
         Try        {page}/metric/pipeline_execution_duration_seconds\n             \
         Click a dot on the chart to see the trace behind it, and a span to see its logs.\n             \
         One pipeline gets slow half a minute from now, for 20 seconds.\n"
    ));
    std::future::pending().await
}

/// Nobody reading is no reason to stop.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// An address at which a server is reached that listens on all.
fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}
