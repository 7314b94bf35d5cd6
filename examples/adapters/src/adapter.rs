//! An adapter: a provider with a cache before it. What the attribute can't see it records by the catalogue: the cache, the volume, and
//! which errors were the network's and which the provider's limits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use tripod::catalog;

use crate::provider::{FetchError, Instrumented, Provider, Quote};

/// An adapter to a provider.
pub(crate) struct Adapter {
    metrics: catalog::adapter::Adapter,
    provider: Instrumented<Box<dyn Provider>>,
    cache: RefCell<HashMap<String, (Instant, Quote)>>,
    /// How long a quote is good for.
    fresh: Duration,
}

impl Adapter {
    /// An adapter to a provider that was chosen as the program runs.
    pub(crate) fn new(name: &'static str, provider: Box<dyn Provider>, fresh: Duration) -> Self {
        let metrics = catalog::adapter::Adapter::new(name);
        Self { metrics, provider: Instrumented::new(name, provider), cache: RefCell::default(), fresh }
    }

    /// A quote, from the cache or from the provider.
    pub(crate) fn quote(&self, symbol: &str) -> Result<Quote, FetchError> {
        if let Some(quote) = self.cached(symbol) {
            self.metrics.cache_hit("memory");
            return Ok(quote);
        }
        self.metrics.cache_miss("memory");
        let quote = self.provider.fetch(symbol).inspect_err(|error| self.failed(error))?;
        self.metrics.data_volume("quotes", quote.received as u64);
        self.cache.borrow_mut().insert(symbol.to_owned(), (Instant::now(), quote.clone()));
        Ok(quote)
    }

    fn cached(&self, symbol: &str) -> Option<Quote> {
        let cache = self.cache.borrow();
        let (since, quote) = cache.get(symbol)?;
        (since.elapsed() < self.fresh).then(|| quote.clone())
    }

    fn failed(&self, error: &FetchError) {
        match error {
            FetchError::Timeout(_) => self.metrics.timeout("fetch"),
            FetchError::RateLimited => self.metrics.rate_limited(),
            FetchError::Connection => self.metrics.connection_error(),
            FetchError::Malformed(_) => {}
        }
    }
}
