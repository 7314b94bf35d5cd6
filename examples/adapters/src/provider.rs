//! A provider of quotes: its adapter, and an imitation of the server behind it, which fails in every way a server can.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tripod::catalog::adapter::Adapter;
use tripod::traced;

/// How long a quote is good for.
const FRESH: Duration = Duration::from_millis(200);

/// A symbol's price.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    pub(crate) symbol: String,
    pub(crate) price: f64,
}

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("no answer for {0:?}")]
    Timeout(Duration),
    #[error("too many requests")]
    RateLimited,
    #[error("the connection was refused")]
    Connection,
    #[error("{0:?} is no price")]
    Malformed(String),
}

impl FetchError {
    /// For a label.
    fn kind(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Connection => "connection",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// An adapter with its cache.
pub(crate) struct Provider {
    metrics: Adapter,
    server: Server,
    cache: RefCell<HashMap<String, (Instant, Quote)>>,
}

impl Provider {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { metrics: Adapter::new(name), server: Server::default(), cache: RefCell::default() }
    }

    /// A quote, from the cache or from the server.
    pub(crate) fn quote(&self, symbol: &str) -> Result<Quote, FetchError> {
        let cached = self
            .cache
            .borrow()
            .get(symbol)
            .filter(|(since, _)| since.elapsed() < FRESH)
            .map(|(_, quote)| quote.clone());
        if let Some(quote) = cached {
            self.metrics.cache_hit("memory");
            return Ok(quote);
        }
        self.metrics.cache_miss("memory");
        let quote = self.fetch(symbol)?;
        self.cache.borrow_mut().insert(symbol.to_owned(), (Instant::now(), quote.clone()));
        Ok(quote)
    }

    #[traced("adapter.fetch", fields(provider = self.metrics.provider(), symbol))]
    fn fetch(&self, symbol: &str) -> Result<Quote, FetchError> {
        let request = self.metrics.request("fetch");
        match self.receive(symbol) {
            Ok(quote) => {
                request.success();
                Ok(quote)
            }
            Err(error) => {
                match error {
                    FetchError::Timeout(_) => self.metrics.timeout("fetch"),
                    FetchError::RateLimited => self.metrics.rate_limited(),
                    FetchError::Connection => self.metrics.connection_error(),
                    FetchError::Malformed(_) => {}
                }
                request.error(error.kind());
                Err(error)
            }
        }
    }

    fn receive(&self, symbol: &str) -> Result<Quote, FetchError> {
        let body = self.server.get(symbol)?;
        self.metrics.data_volume("quotes", body.len() as u64);
        let price = body.parse().map_err(|_| FetchError::Malformed(body))?;
        Ok(Quote { symbol: symbol.to_owned(), price })
    }
}

/// The server of a provider: every tenth request comes to nothing, each time for another reason.
#[derive(Default)]
struct Server {
    requests: Cell<u32>,
}

impl Server {
    fn get(&self, symbol: &str) -> Result<String, FetchError> {
        let number = self.requests.replace(self.requests.get() + 1);
        sleep(Duration::from_millis(fastrand::u64(1..10)));
        match number % 40 {
            8 => Err(FetchError::Timeout(Duration::from_millis(10))),
            18 => Err(FetchError::RateLimited),
            28 => Err(FetchError::Connection),
            38 => Ok("n/a".to_owned()),
            _ => Ok(format!("{:.2}", 50.0 * symbol.len() as f64 + fastrand::f64())),
        }
    }
}
