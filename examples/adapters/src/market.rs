//! The market: a list of symbols, each fetched from the first provider that has it.

use std::time::Duration;

use tripod::traced;

use crate::adapter::Adapter;
use crate::provider::{Quote, Server};

const SYMBOLS: [&str; 6] = ["AAPL", "MSFT", "GOOG", "AMZN", "NVDA", "TSLA"];

/// The adapters, in the order in which they are asked.
pub(crate) struct Market {
    adapters: [Adapter; 2],
}

impl Market {
    /// A market whose quotes are good for so long.
    pub(crate) fn new(fresh: Duration) -> Self {
        Self { adapters: ["finnhub", "yahoo"].map(|name| Adapter::new(name, Box::<Server>::default(), fresh)) }
    }

    /// Quotes of all symbols that anybody has.
    #[traced("market.round")]
    pub(crate) fn round(&self) -> Vec<Quote> {
        SYMBOLS.iter().filter_map(|symbol| self.quote(symbol)).collect()
    }

    #[traced("market.quote", fields(symbol))]
    fn quote(&self, symbol: &str) -> Option<Quote> {
        let quote = self.adapters.iter().find_map(|adapter| adapter.quote(symbol).ok());
        if quote.is_none() {
            tripod::error!("nobody has a quote of {symbol}", symbol);
        }
        quote
    }
}
