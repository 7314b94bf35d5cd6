//! `tripod demo --real`: what the platform runs on. A variable names it, or it listens at its usual port, or its program is installed and is
//! started for the time of the demo; else a stand-in does.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use trading_platform::{Components, SCHEMA, reach_kafka, reach_postgres, reach_redis};

use super::program::{self, Program};

/// How long a port of this machine may take to answer.
const KNOCK: Duration = Duration::from_secs(1);

/// What was found, and what was started.
#[derive(Default)]
pub(super) struct Real {
    pub(super) components: Components,
    /// What there is to say of it: a line each.
    said: Vec<String>,
    programs: Vec<Program>,
}

/// What a variable names can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {source}")]
pub(super) struct Error {
    variable: &'static str,
    source: trading_platform::Error,
}

/// A component: where it is, what it is, and its program, if that was started.
struct Found {
    url: String,
    is: String,
    program: Option<Program>,
}

impl Real {
    /// Looks for all three, and starts what is missing and can be started.
    pub(super) async fn find() -> Result<Self, Error> {
        let named = Components::from_env();
        let (postgres, redis, kafka) = tokio::join!(postgres(named.postgres), redis(named.redis), kafka(named.kafka));
        let mut real = Self::default();
        real.components.postgres = real.take("PostgreSQL", postgres?);
        real.components.redis = real.take("Redis", redis?);
        real.components.kafka = real.take("Kafka", kafka?);
        Ok(real)
    }

    /// Notes what was found, or why a stand-in is used.
    fn take(&mut self, name: &str, found: Result<Found, String>) -> Option<String> {
        match found {
            Ok(Found { url, is, program }) => {
                self.said.push(format!("{name:<11}{is}"));
                self.programs.extend(program);
                Some(url)
            }
            Err(why) => {
                self.said.push(format!("{name:<11}a stand-in: {why}"));
                None
            }
        }
    }

    /// Stops what was started.
    pub(super) async fn stop(&mut self) {
        for program in &mut self.programs {
            program.stop().await;
        }
    }
}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  Runs on    {}", self.said.join("\n             "))
    }
}

/// Whether someone listens at a port of this machine.
async fn listens(port: u16) -> bool {
    let knock = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    timeout(KNOCK, knock).await.is_ok_and(|connected| connected.is_ok())
}

async fn postgres(named: Option<String>) -> Result<Result<Found, String>, Error> {
    const VARIABLE: &str = "DATABASE_URL";
    const PORT: u16 = 5432;
    let found = |version: String, at: &str, url: String| {
        Ok(Ok(Found { url, is: format!("{version} {at}, schema {SCHEMA}"), program: None }))
    };
    if let Some(url) = named {
        let version = reach_postgres(&url).await.map_err(|source| Error { variable: VARIABLE, source })?;
        return found(version, &format!("at {VARIABLE}"), url);
    }
    let mut missing = format!("none listens at port {PORT}");
    if listens(PORT).await {
        let url = format!("postgres://postgres@127.0.0.1:{PORT}/postgres");
        match reach_postgres(&url).await {
            Ok(version) => return found(version, &format!("at 127.0.0.1:{PORT}"), url),
            Err(error) => missing = format!("the one at port {PORT} lets us not in ({error}; {VARIABLE} can say how)"),
        }
    }
    Ok(started(program::postgres().await, &missing, VARIABLE))
}

async fn redis(named: Option<String>) -> Result<Result<Found, String>, Error> {
    const VARIABLE: &str = "REDIS_URL";
    const PORT: u16 = 6379;
    let found =
        |version: String, at: &str, url: String| Ok(Ok(Found { url, is: format!("{version} {at}"), program: None }));
    if let Some(url) = named {
        let version = reach_redis(&url).await.map_err(|source| Error { variable: VARIABLE, source })?;
        return found(version, &format!("at {VARIABLE}"), url);
    }
    let mut missing = format!("none listens at port {PORT}");
    if listens(PORT).await {
        let url = format!("redis://127.0.0.1:{PORT}");
        match reach_redis(&url).await {
            Ok(version) => return found(version, &format!("at 127.0.0.1:{PORT}"), url),
            Err(error) => missing = format!("the one at port {PORT} lets us not in ({error}; {VARIABLE} can say how)"),
        }
    }
    Ok(started(program::redis().await, &missing, VARIABLE))
}

async fn kafka(named: Option<String>) -> Result<Result<Found, String>, Error> {
    const VARIABLE: &str = "KAFKA_BOOTSTRAP_SERVERS";
    const PORT: u16 = 9092;
    if cfg!(not(feature = "kafka")) {
        return Ok(Err("this was built without Kafka's client, which ./demo --real builds in".to_owned()));
    }
    let is_named = named.is_some();
    let servers = match named {
        Some(servers) => servers,
        None if listens(PORT).await => format!("127.0.0.1:{PORT}"),
        None => return Ok(Err(format!("none listens at port {PORT}, and {VARIABLE} is not set"))),
    };
    let asked = servers.clone();
    let reached = tokio::task::spawn_blocking(move || reach_kafka(&asked)).await;
    // It does not panic, and nobody aborts it.
    let Ok(reached) = reached else { return Ok(Err("it could not be asked".to_owned())) };
    match reached {
        Ok(1) => Ok(Ok(Found { is: format!("one broker, at {servers}"), url: servers, program: None })),
        Ok(brokers) => Ok(Ok(Found { is: format!("{brokers} brokers, at {servers}"), url: servers, program: None })),
        Err(source) if is_named => Err(Error { variable: VARIABLE, source }),
        Err(error) => Ok(Err(format!("the one at port {PORT} can't be used ({error})"))),
    }
}

/// What comes of starting a program where none was found.
fn started(program: Result<program::Started, program::Error>, missing: &str, variable: &str) -> Result<Found, String> {
    match program {
        Ok(program::Started { url, address, version, program }) => Ok(Found {
            url,
            is: format!("{version} at {address}, started for the time of the demo"),
            program: Some(program),
        }),
        Err(error) => Err(format!("{missing}, {variable} is not set, and {error}")),
    }
}
