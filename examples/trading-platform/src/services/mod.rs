//! The four services, one file each. Each gives its routes and starts what it does of its own accord.

mod backend;
mod signal_generator;
mod trigger_dispatcher;
mod worker;

use std::sync::Arc;

use axum::Router;
#[cfg(feature = "kafka")]
pub(crate) use trigger_dispatcher::{Dispatcher, SignalError};
use tripod::service::Check;

use crate::books::{self, Books};
use crate::cache::{self, Cache};
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
    pub(crate) async fn start(self, settings: &Settings, needs: &mut Needs<'_>) -> Result<Router, Error> {
        match self {
            Self::Worker => worker::start(settings, needs).await,
            Self::Backend => backend::start(settings, needs).await,
            Self::TriggerDispatcher => trigger_dispatcher::start(settings, needs).await,
            Self::SignalGenerator => signal_generator::start(settings),
        }
    }
}

/// What a service needs to be ready: connected when it is asked for, and checked from then on.
pub(crate) struct Needs<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) service: &'a tripod::Service,
}

impl Needs<'_> {
    async fn books(&mut self) -> Result<Arc<dyn Books>, Error> {
        let books = books::open(self.settings).await?;
        let checked = Arc::clone(&books);
        self.service.check(Check::new("books", move || {
            let books = Arc::clone(&checked);
            async move { books.ping().await }
        }));
        Ok(books)
    }

    async fn cache(&mut self) -> Result<Arc<dyn Cache>, Error> {
        let cache = cache::open(self.settings).await?;
        let checked = Arc::clone(&cache);
        self.service.check(Check::new("cache", move || {
            let cache = Arc::clone(&checked);
            async move { cache.ping().await }
        }));
        Ok(cache)
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
