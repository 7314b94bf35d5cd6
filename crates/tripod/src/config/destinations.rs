//! Where each signal goes: the destinations by name, and `OTEL_TRACES_EXPORTER` and its siblings, which name them.

use super::env::{Env, invalid};
use crate::Error;
use crate::pipeline::{Signal, Signals};

/// What settings can name as the destination of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Otlp,
    Console,
    /// JSON lines in files.
    OtlpFile,
    Statsd,
    Datadog,
    /// Is not sent to: it asks.
    Prometheus,
    Pushgateway,
    RemoteWrite,
    CloudWatch,
    XRay,
}

impl Destination {
    const ALL: [Self; 10] = [
        Self::Otlp,
        Self::Console,
        Self::OtlpFile,
        Self::Statsd,
        Self::Datadog,
        Self::Prometheus,
        Self::Pushgateway,
        Self::RemoteWrite,
        Self::CloudWatch,
        Self::XRay,
    ];

    /// As the variables have it.
    const fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
            Self::OtlpFile => "otlp_file",
            Self::Statsd => "statsd",
            Self::Datadog => "datadog",
            Self::Prometheus => "prometheus",
            Self::Pushgateway => "pushgateway",
            Self::RemoteWrite => "remote_write",
            Self::CloudWatch => "cloudwatch",
            Self::XRay => "xray",
        }
    }

    /// What has to be built in for it, where that is missing.
    const fn missing_feature(self) -> Option<&'static str> {
        match self {
            Self::OtlpFile if cfg!(not(feature = "jsonl")) => Some("jsonl"),
            Self::Statsd if cfg!(not(feature = "statsd")) => Some("statsd"),
            Self::Datadog if cfg!(not(feature = "datadog")) => Some("datadog"),
            Self::Prometheus if cfg!(not(feature = "prometheus-server")) => Some("prometheus-server"),
            Self::Pushgateway if cfg!(not(feature = "pushgateway")) => Some("pushgateway"),
            // Programs that hand over an exporter of their own need not set the variable.
            Self::RemoteWrite if cfg!(not(feature = "remote-write")) => Some("remote-write"),
            Self::CloudWatch | Self::XRay if cfg!(not(feature = "aws")) => Some("aws"),
            _ => None,
        }
    }

    /// Whether it takes records of this signal.
    const fn takes(self, signal: Signal) -> bool {
        match self {
            Self::Otlp | Self::Console | Self::OtlpFile => true,
            Self::Statsd | Self::Datadog | Self::Prometheus | Self::Pushgateway => matches!(signal, Signal::Metrics),
            Self::RemoteWrite | Self::CloudWatch => matches!(signal, Signal::Metrics),
            Self::XRay => matches!(signal, Signal::Traces),
        }
    }
}

/// A set of destinations; of none, a signal goes nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Destinations(u16);

impl Destinations {
    pub(crate) const fn only(to: Destination) -> Self {
        Self(1 << to as u16)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    pub(super) fn any(self) -> bool {
        self.0 != 0
    }

    pub(super) fn contains(self, to: Destination) -> bool {
        self.0 & (1 << to as u16) != 0
    }
}

/// The signals that go there.
pub(super) fn signals(destinations: &[Destinations; 3], to: Destination) -> Signals {
    Signals::only(|signal| destinations[signal as usize].contains(to))
}

const VARIABLES: [&str; 3] = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

/// A name of the specification that it has given up.
const JAEGER: &str = "jaeger";

/// Whether spans are to go to Jaeger by that name.
pub(super) fn asks_for_jaeger(env: &Env<'_>) -> bool {
    let asked = env.text(VARIABLES[Signal::Traces as usize]);
    asked.is_some_and(|names| names.split(',').any(|name| name.trim() == JAEGER))
}

/// What the variables say; `none` sends a signal nowhere.
pub(super) fn from_env(env: &Env<'_>) -> Result<[Option<Destinations>; 3], Error> {
    let mut all = [None; 3];
    for signal in Signals::ALL {
        let variable = VARIABLES[signal as usize];
        all[signal as usize] = env.text(variable).map(|value| read(variable, signal, &value)).transpose()?;
    }
    Ok(all)
}

fn read(variable: &str, signal: Signal, value: &str) -> Result<Destinations, Error> {
    let mut destinations = Destinations::default();
    for name in value.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "none")) {
        // Jaeger takes OTLP, and no longer anything of its own.
        let name = if name == JAEGER && signal == Signal::Traces { Destination::Otlp.name() } else { name };
        let known = Destination::ALL.into_iter().find(|to| to.name() == name && to.takes(signal));
        let to = known.ok_or_else(|| invalid(variable, value, allowed(signal)))?;
        if let Some(feature) = to.missing_feature() {
            let needs = format!("{name} needs the cargo feature `{feature}` of the crate tripod");
            return Err(invalid(variable, value, needs));
        }
        destinations.add(Destinations::only(to));
    }
    Ok(destinations)
}

fn allowed(signal: Signal) -> String {
    let names = Destination::ALL.into_iter().filter(|to| to.takes(signal)).map(Destination::name);
    format!("must be {} or none, or several separated by commas", names.collect::<Vec<_>>().join(", "))
}
