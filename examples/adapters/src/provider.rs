//! A provider of quotes, and an imitation of the server behind it, which fails in every way a server can. Nothing in here records: the
//! attribute on the trait makes `Instrumented`, around whichever provider it is, and each call is a span and is counted.

use std::cell::Cell;
use std::thread::sleep;
use std::time::Duration;

use tripod::{ErrorType, instrument_adapter};

/// A symbol's price.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    pub(crate) symbol: String,
    pub(crate) price: f64,
    /// Bytes that were received for it.
    pub(crate) received: usize,
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

/// For labels: few, whatever the message says.
impl ErrorType for FetchError {
    fn error_type(&self) -> &str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Connection => "connection",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// Whoever has quotes.
#[instrument_adapter(wrapper = Instrumented)]
pub(crate) trait Provider {
    /// The quote of a symbol.
    fn fetch(&self, symbol: &str) -> Result<Quote, FetchError>;
}

/// A server: every tenth request comes to nothing, each time for another reason.
#[derive(Default)]
pub(crate) struct Server {
    requests: Cell<u32>,
}

impl Provider for Server {
    fn fetch(&self, symbol: &str) -> Result<Quote, FetchError> {
        let body = self.get(symbol)?;
        let received = body.len();
        let price = body.parse().map_err(|_| FetchError::Malformed(body))?;
        Ok(Quote { symbol: symbol.to_owned(), price, received })
    }
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
