//! The market: tickers, prices that wander, and the pipelines that customers have set up.

use std::collections::VecDeque;

use crate::chance::Chance;
use crate::messages::Pipeline;

/// Tickers and where their prices begin, in US dollars.
const TICKERS: [(&str, f64); 8] = [
    ("AAPL", 228.0),
    ("MSFT", 417.0),
    ("NVDA", 141.0),
    ("GOOG", 176.0),
    ("AMZN", 202.0),
    ("META", 563.0),
    ("TSLA", 339.0),
    ("AMD", 138.0),
];

/// Prices in the short and the long moving average.
const SHORT: usize = 5;
const LONG: usize = 20;

/// The pipelines: id, name, tickers.
const PIPELINES: [(&str, &str, &[&str]); 7] = [
    ("6f1f0a9e-2f1c-4d5b-9a53-0d4c7e5b8a01", "momentum", &["AAPL", "NVDA"]),
    (SLOW_PIPELINE, "earnings drift", &["MSFT", "META"]),
    ("b07d9c35-84f6-4e0a-8f2d-6b1e3c9d7f03", "mean reversion", &["TSLA"]),
    ("e4a2c6b8-1d3f-4b7a-a5c9-2f8e6d0b1c04", "pairs", &["GOOG", "AMZN"]),
    ("9c8b7a65-4f3e-4d2c-8b1a-0f9e8d7c6b05", "news sentiment", &["AMD", "TSLA"]),
    ("13579bdf-2468-4ace-8fdb-97531eca8606", "rebalancing", &[]),
    ("2b4d6f80-1a3c-4e5f-9b7d-8c6a4e2f0d07", "tax harvesting", &[]),
];

/// The one whose model provider is slow at times.
pub(crate) const SLOW_PIPELINE: &str = "c3d5e7f9-0b2a-4c6e-8d1f-3a5b7c9e1d02";

/// All pipelines, as the database has them.
pub(crate) fn pipelines() -> Vec<Pipeline> {
    let pipeline = |(id, name, tickers): &(&str, &str, &[&str])| Pipeline {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        tickers: tickers.iter().map(|ticker| (*ticker).to_owned()).collect(),
    };
    PIPELINES.iter().map(pipeline).collect()
}

/// A ticker's last prices.
pub(crate) struct Quotes {
    pub(crate) ticker: &'static str,
    prices: VecDeque<f64>,
}

/// Every ticker with enough of a past for its moving averages.
pub(crate) fn open(chance: &mut Chance) -> Vec<Quotes> {
    let mut market: Vec<Quotes> =
        TICKERS.iter().map(|(ticker, price)| Quotes { ticker, prices: VecDeque::from([*price]) }).collect();
    for quotes in &mut market {
        for _ in 0..LONG {
            quotes.tick(chance);
        }
    }
    market
}

impl Quotes {
    /// The price wanders.
    pub(crate) fn tick(&mut self, chance: &mut Chance) {
        let price = self.price() * (1.0 + 0.004 * chance.normal());
        self.prices.push_back(price);
        // One more than the long average needs, to see the averages of the tick before.
        if self.prices.len() > LONG + 1 {
            self.prices.pop_front();
        }
    }

    /// The last price, in US dollars.
    pub(crate) fn price(&self) -> f64 {
        self.prices.back().copied().unwrap_or_default()
    }

    /// Whether the short moving average has just risen above the long one: a golden cross.
    pub(crate) fn golden_cross(&self) -> bool {
        let average =
            |skip: usize, length: usize| self.prices.iter().rev().skip(skip).take(length).sum::<f64>() / length as f64;
        average(1, SHORT) <= average(1, LONG) && average(0, SHORT) > average(0, LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_that_falls_and_then_jumps_makes_a_golden_cross_once() {
        let mut quotes = Quotes { ticker: "AAPL", prices: (0..=LONG).map(|n| 100.0 - n as f64).collect() };
        assert!(!quotes.golden_cross());
        quotes.prices.pop_front();
        quotes.prices.push_back(150.0);
        assert!(quotes.golden_cross());
        quotes.prices.pop_front();
        quotes.prices.push_back(151.0);
        assert!(!quotes.golden_cross());
    }

    #[test]
    fn every_ticker_starts_a_pipeline() {
        let pipelines = pipelines();
        for (ticker, _) in TICKERS {
            assert!(pipelines.iter().any(|pipeline| pipeline.tickers.iter().any(|t| t == ticker)), "{ticker}");
        }
    }
}
