//! One switch for what is observed from outside of the program's calls: the system, and the façades that programs record through.
//!
//! Servers, clients, databases and queues are values of the program's own: those are wrapped where they are made.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What [`all`] turned on, and what it could not.
///
/// Shown, it is a line for each:
///
/// ```text
/// system: on
/// log: on
/// tracing: off, a global default trace dispatcher has already been set: add tripod::bridge::tracing::layer() to that subscriber
/// metrics: off, this build is without the feature `metrics`
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrumented {
    parts: Vec<(&'static str, Result<(), String>)>,
}

impl Instrumented {
    /// Whether a part is on: `system`, `log`, `tracing`, `metrics`, `opentelemetry` or `prometheus`.
    pub fn is_on(&self, part: &str) -> bool {
        self.parts.iter().any(|(name, state)| *name == part && state.is_ok())
    }

    /// What is on.
    pub fn on(&self) -> impl Iterator<Item = &'static str> {
        self.parts.iter().filter(|(_, state)| state.is_ok()).map(|(name, _)| *name)
    }

    /// What is not, and why.
    pub fn off(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.parts.iter().filter_map(|(name, state)| Some((*name, state.as_ref().err()?.as_str())))
    }
}

impl fmt::Display for Instrumented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, state)) in self.parts.iter().enumerate() {
            let line = if at == 0 { "" } else { "\n" };
            match state {
                Ok(()) => write!(f, "{line}{name}: on")?,
                Err(why) => write!(f, "{line}{name}: off, {why}")?,
            }
        }
        Ok(())
    }
}

/// Turns on everything that can be turned on for the whole process and that this build has the feature of, unless something else is in
/// its place:
///
/// - `system`: [`crate::catalog::system`] is sampled every 15 seconds, from now on;
/// - `log`, `tracing`, `metrics`, `opentelemetry`: Tripod becomes their logger, subscriber, recorder and provider, as the `init` of each
///   [`crate::bridge`] says. `tracing`'s spans and events are filtered by `RUST_LOG`, by `info` without it;
/// - `prometheus`: the default registry is collected.
///
/// May be called before telemetry starts, and again: what is on stays so.
///
/// ```
/// let instrumented = tripod::instrument::all();
/// println!("{instrumented}");
/// # if !cfg!(all(feature = "off", not(feature = "on"))) {
/// # assert_eq!(instrumented.is_on("metrics"), cfg!(feature = "metrics"));
/// # }
/// ```
pub fn all() -> Instrumented {
    // Of two calls at a time the second finds what the first has done.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let parts: [(&'static str, TurnOn); 6] = [
        ("system", system),
        ("log", log),
        ("tracing", tracing),
        ("metrics", metrics),
        ("opentelemetry", opentelemetry),
        ("prometheus", prometheus),
    ];
    let state = |turn_on: TurnOn| if crate::OFF { Err("this build records nothing".to_owned()) } else { turn_on() };
    Instrumented { parts: parts.into_iter().map(|(name, turn_on)| (name, state(turn_on))).collect() }
}

/// Turns a part on, or leaves it so.
type TurnOn = fn() -> Result<(), String>;

/// Parts of whose feature the build is without.
macro_rules! without {
    ($($feature:literal $name:ident)*) => {
        $(#[cfg(not(feature = $feature))]
        fn $name() -> Result<(), String> {
            Err(concat!("this build is without the feature `", $feature, "`").to_owned())
        })*
    };
}
without! {
    "system" system
    "log" log
    "tracing" tracing
    "metrics" metrics
    "opentelemetry" opentelemetry
    "prometheus" prometheus
}

#[cfg(feature = "system")]
fn system() -> Result<(), String> {
    use std::time::Duration;

    use crate::catalog::system::{Sampling, start};

    const INTERVAL: Duration = Duration::from_secs(15);
    static SAMPLING: Mutex<Option<Sampling>> = Mutex::new(None);
    let mut sampling = SAMPLING.lock().unwrap_or_else(PoisonError::into_inner);
    if sampling.is_none() {
        *sampling = Some(start(INTERVAL).map_err(|error| error.to_string())?);
    }
    Ok(())
}

#[cfg(feature = "log")]
fn log() -> Result<(), String> {
    use crate::bridge::log::{init, is_installed};

    if is_installed() {
        return Ok(());
    }
    init().map_err(|error| format!("{error}: hand its records on to tripod::bridge::log::Logger"))
}

#[cfg(feature = "tracing")]
fn tracing() -> Result<(), String> {
    use crate::bridge::tracing::{is_installed, subscriber};

    if is_installed() {
        return Ok(());
    }
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let subscriber =
        subscriber().with_filter(&filter).map_err(|error| format!("RUST_LOG can't be understood: {error}"))?;
    subscriber.init().map_err(|error| format!("{error}: add tripod::bridge::tracing::layer() to that subscriber"))
}

#[cfg(feature = "metrics")]
fn metrics() -> Result<(), String> {
    use crate::bridge::metrics::{init, is_installed};

    if is_installed() {
        return Ok(());
    }
    init().map_err(|error| format!("{error}: have that recorder hand on to tripod::bridge::metrics::Recorder"))
}

#[cfg(feature = "opentelemetry")]
fn opentelemetry() -> Result<(), String> {
    use crate::bridge::opentelemetry::{held, init, is_installed};

    if !is_installed() {
        if let Some(what) = held() {
            return Err(format!("there is a global {what} already"));
        }
        init();
    }
    Ok(())
}

#[cfg(feature = "prometheus")]
#[allow(clippy::unnecessary_wraps, reason = "as the others")]
fn prometheus() -> Result<(), String> {
    crate::bridge::prometheus::register(::prometheus::default_registry());
    Ok(())
}
