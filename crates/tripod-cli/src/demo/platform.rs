//! The processes of the platform and of the examples beside it: started in order, started again when they end, stopped in the opposite
//! order.
//!
//! None outlives this process, however it ends: each reads from a pipe whose other end is held here, and stops when that closes.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use trading_platform::{Components, Service};

use super::example::Example;

/// How long a service may take to listen.
const START: Duration = Duration::from_secs(10);

/// How long a service may take to stop.
const STOP: Duration = Duration::from_secs(6);

/// How often a service is started again, and how long after it ended.
const RESTARTS: u32 = 5;
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// How often the examples send what they measure, in milliseconds: as often as the platform does.
const METRIC_INTERVAL: &str = "2000";

/// What a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Service(Service),
    Example(Example),
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Example(example) => example.name(),
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let examples = Example::ALL.into_iter().find(|example| example.name() == name).map(Self::Example);
        Service::from_name(name).map(Self::Service).or(examples)
    }
}

/// Why a service does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no process.
    #[error("{service} could not be started: {source}")]
    Spawn { service: &'static str, source: std::io::Error },
    /// It does not say where it listens.
    #[error("{service} did not start")]
    Silent { service: &'static str },
}

/// The services.
pub(crate) struct Platform {
    otlp: String,
    error_share: f64,
    components: Components,
    running: Vec<Supervised>,
}

/// A service that is started again when it ends, until it is to stop.
struct Supervised {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Platform {
    /// A platform that sends its telemetry to this URL.
    pub(crate) fn new(otlp: String, error_share: f64) -> Self {
        Self { otlp, error_share, components: Components::default(), running: Vec::new() }
    }

    /// What the services run on, from the next start.
    pub(crate) fn run_on(&mut self, components: Components) {
        self.components = components;
    }

    /// Starts the services, each after the one that it calls, and then the examples.
    pub(crate) async fn start(&mut self) -> Result<(), Error> {
        let mut next = None;
        for service in Service::ALL {
            next = self.start_one(Program::Service(service), next).await?;
        }
        for example in Example::ALL {
            self.start_one(Program::Example(example), None).await?;
        }
        Ok(())
    }

    /// Where it listens, if it does.
    async fn start_one(&mut self, program: Program, next: Option<SocketAddr>) -> Result<Option<SocketAddr>, Error> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (otlp, components) = (self.otlp.clone(), self.components.clone());
        let recipe = Recipe { program, listen, next, otlp, error_share: self.error_share, components };
        let process = recipe.start().await?;
        let (stop, stopped) = oneshot::channel();
        let address = process.address;
        // Started again, it listens where the others expect it.
        let recipe = Recipe { listen: address.unwrap_or(listen), ..recipe };
        self.running.push(Supervised { stop, ended: tokio::spawn(supervise(recipe, process, stopped)) });
        Ok(address)
    }

    /// Stops the services, each before the one that it calls, so that what is under way can end.
    pub(crate) async fn stop(&mut self) {
        while let Some(Supervised { stop, ended }) = self.running.pop() {
            // It may have ended for good.
            let _ = stop.send(());
            let _ = ended.await;
        }
    }
}

async fn supervise(recipe: Recipe, mut process: Process, mut stop: oneshot::Receiver<()>) {
    let name = recipe.program.name();
    for _ in 0..RESTARTS {
        let ended = tokio::select! {
            ended = process.child.wait() => ended,
            _ = &mut stop => return process.stop().await,
        };
        let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        eprintln!("tripod: {name} ended ({ended}) and is started again");
        let again = async {
            sleep(RESTART_DELAY).await;
            recipe.start().await
        };
        process = tokio::select! {
            started = again => match started {
                Ok(process) => process,
                Err(error) => return eprintln!("tripod: {error}; it stays down"),
            },
            _ = &mut stop => return,
        };
    }
    tokio::select! {
        _ = process.child.wait() => eprintln!("tripod: {name} ended too often; it stays down"),
        _ = &mut stop => process.stop().await,
    }
}

/// How a service is started.
struct Recipe {
    program: Program,
    listen: SocketAddr,
    next: Option<SocketAddr>,
    otlp: String,
    error_share: f64,
    components: Components,
}

/// A service that runs.
struct Process {
    child: Child,
    /// Closes with this value, which tells the service to stop.
    stdin: Option<ChildStdin>,
    /// Where it listens: services do, examples do not.
    address: Option<SocketAddr>,
}

impl Recipe {
    async fn start(&self) -> Result<Process, Error> {
        let service = self.program.name();
        let mut child = self
            .command()
            .and_then(|mut command| command.spawn())
            .map_err(|source| Error::Spawn { service, source })?;
        let stdin = child.stdin.take();
        let said = match child.stdout.take() {
            Some(stdout) => {
                timeout(START, BufReader::new(stdout).lines().next_line()).await.ok().and_then(Result::ok).flatten()
            }
            None => None,
        };
        let address = match said.as_deref() {
            Some("running") => Some(None),
            Some(line) => line.strip_prefix("listening ").and_then(|address| address.parse().ok()).map(Some),
            None => None,
        };
        let address = address.ok_or(Error::Silent { service })?;
        Ok(Process { child, stdin, address })
    }

    fn command(&self) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["demo-service", self.program.name()]);
        command.args(["--listen", &self.listen.to_string(), "--error-share", &self.error_share.to_string()]);
        if let Some(next) = self.next {
            command.args(["--next", &format!("http://{next}")]);
        }
        // What is set for other programs does not change the demo.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
            command.env_remove(name);
        }
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.otlp);
        if let Program::Example(_) = self.program {
            command.env("OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL);
            command.env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=demo");
        }
        // They may hold passwords, which don't belong into arguments.
        for (name, value) in self.components.to_env() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // A group of its own, so that Ctrl-C reaches this process alone, which then stops the services in order.
        command.process_group(0).kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(command)
    }
}

impl Process {
    async fn stop(mut self) {
        drop(self.stdin.take());
        if timeout(STOP, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
