//! The market: a list of symbols, each fetched from the first provider that has it.

use tripod::traced;

use crate::provider::{Provider, Quote};

const SYMBOLS: [&str; 6] = ["AAPL", "MSFT", "GOOG", "AMZN", "NVDA", "TSLA"];

/// The providers, in the order in which they are asked.
pub(crate) struct Market {
    providers: [Provider; 2],
}

impl Default for Market {
    fn default() -> Self {
        Self { providers: [Provider::new("finnhub"), Provider::new("yahoo")] }
    }
}

impl Market {
    /// Quotes of all symbols that anybody has.
    #[traced("market.round")]
    pub(crate) fn round(&self) -> Vec<Quote> {
        SYMBOLS.iter().filter_map(|symbol| self.quote(symbol)).collect()
    }

    #[traced("market.quote", fields(symbol))]
    fn quote(&self, symbol: &str) -> Option<Quote> {
        let quote = self.providers.iter().find_map(|provider| provider.quote(symbol).ok());
        if quote.is_none() {
            tripod::error!("nobody has a quote of {symbol}", symbol);
        }
        quote
    }
}
