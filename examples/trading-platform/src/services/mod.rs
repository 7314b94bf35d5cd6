//! The four services, one file each. Each gives its routes and starts what it does of its own accord.

mod backend;
mod signal_generator;
mod trigger_dispatcher;
mod worker;

use axum::Router;

use crate::{Error, Settings};

/// A service of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Runs the agents of a pipeline.
    Worker,
    /// Keeps pipelines and their executions; starts those that run periodically.
    Backend,
    /// Matches signals with pipelines.
    TriggerDispatcher,
    /// Watches the market and publishes signals.
    SignalGenerator,
}

impl Service {
    /// All, each after the one it calls: the order to start them in.
    pub const ALL: [Self; 4] = [Self::Worker, Self::Backend, Self::TriggerDispatcher, Self::SignalGenerator];

    /// Its name, which is also its `service.name`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Backend => "backend",
            Self::TriggerDispatcher => "trigger-dispatcher",
            Self::SignalGenerator => "signal-generator",
        }
    }

    /// The service of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The service it calls.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Worker => None,
            Self::Backend => Some(Self::Worker),
            Self::TriggerDispatcher => Some(Self::Backend),
            Self::SignalGenerator => Some(Self::TriggerDispatcher),
        }
    }

    /// Starts it within a runtime; answers its routes.
    pub(crate) fn start(self, settings: &Settings) -> Result<Router, Error> {
        match self {
            Self::Worker => Ok(worker::start(settings)),
            Self::Backend => Ok(backend::start(settings, settings.client(self)?)),
            Self::TriggerDispatcher => Ok(trigger_dispatcher::start(settings, settings.client(self)?)),
            Self::SignalGenerator => Ok(signal_generator::start(settings, settings.client(self)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_found_by_its_name_and_starts_after_the_one_it_calls() {
        for (position, service) in Service::ALL.into_iter().enumerate() {
            assert_eq!(Service::from_name(service.name()), Some(service));
            if let Some(next) = service.next() {
                assert!(Service::ALL[..position].contains(&next), "{service:?}");
            }
        }
        assert_eq!(Service::from_name("frontend"), None);
    }
}
